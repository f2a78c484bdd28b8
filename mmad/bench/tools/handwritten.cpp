// Derivatives by hand: what a programmer would write for speed, one loop where one is enough.
// Arrays are contiguous; `n` numbers come in and go out.

#include <cmath>
#include <cstddef>
#include <vector>

extern "C" {

void rosenbrock_gradient(const double *x, double *g, std::ptrdiff_t n) {
    double left = 0.0; // what the pair before adds to x[i]
    for (std::ptrdiff_t i = 0; i + 1 < n; ++i) {
        const double slack = x[i + 1] - x[i] * x[i];
        g[i] = left - 400.0 * x[i] * slack - 2.0 * (1.0 - x[i]);
        left = 200.0 * slack;
    }
    g[n - 1] = left;
}

void rosenbrock_hvp(const double *x, const double *v, double *h, std::ptrdiff_t n) {
    double left = 0.0;
    for (std::ptrdiff_t i = 0; i + 1 < n; ++i) {
        const double cross = -400.0 * x[i];
        h[i] = left + (1200.0 * x[i] * x[i] - 400.0 * x[i + 1] + 2.0) * v[i] + cross * v[i + 1];
        left = cross * v[i] + 200.0 * v[i + 1];
    }
    h[n - 1] = left;
}

static double largest(const double *x, std::ptrdiff_t n) {
    double most = x[0];
    for (std::ptrdiff_t i = 1; i < n; ++i) most = x[i] > most ? x[i] : most;
    return most;
}

void log_sum_exp_gradient(const double *x, double *g, std::ptrdiff_t n) {
    const double shift = largest(x, n);
    double sum = 0.0;
    for (std::ptrdiff_t i = 0; i < n; ++i) sum += g[i] = std::exp(x[i] - shift);
    const double scale = 1.0 / sum;
    for (std::ptrdiff_t i = 0; i < n; ++i) g[i] *= scale;
}

void log_sum_exp_hvp(const double *x, const double *v, double *h, std::ptrdiff_t n) {
    const double shift = largest(x, n);
    double sum = 0.0, along = 0.0;
    for (std::ptrdiff_t i = 0; i < n; ++i) {
        sum += h[i] = std::exp(x[i] - shift);
        along += h[i] * v[i];
    }
    const double scale = 1.0 / sum, mean = along * scale;
    for (std::ptrdiff_t i = 0; i < n; ++i) h[i] *= scale * (v[i] - mean);
}

// The adjoint of classical Runge-Kutta steps of predator and prey; states are kept, stages computed again.
void lotka_volterra_gradient(const double *p, double *g, std::ptrdiff_t steps) {
    const double a = p[0], b = p[1], c = p[2], d = p[3], H = 0.01;
    static const double offset[4] = {0.0, 0.5, 0.5, 1.0}, weight[4] = {1.0, 2.0, 2.0, 1.0};
    std::vector<double> xs(steps + 1), ys(steps + 1);
    xs[0] = 1.0, ys[0] = 0.5;
    double u[4], w[4], k[4], m[4];
    auto stages = [&](double x, double y) {
        for (int s = 0; s < 4; ++s) {
            u[s] = s ? x + offset[s] * H * k[s - 1] : x;
            w[s] = s ? y + offset[s] * H * m[s - 1] : y;
            k[s] = (a - b * w[s]) * u[s];
            m[s] = (c * u[s] - d) * w[s];
        }
    };
    for (std::ptrdiff_t t = 0; t < steps; ++t) {
        stages(xs[t], ys[t]);
        xs[t + 1] = xs[t] + H / 6.0 * (k[0] + 2.0 * k[1] + 2.0 * k[2] + k[3]);
        ys[t + 1] = ys[t] + H / 6.0 * (m[0] + 2.0 * m[1] + 2.0 * m[2] + m[3]);
    }
    double x_bar = 2.0 * xs[steps], y_bar = 2.0 * ys[steps], a_bar = 0.0, b_bar = 0.0, c_bar = 0.0, d_bar = 0.0;
    for (std::ptrdiff_t t = steps - 1; t >= 0; --t) {
        stages(xs[t], ys[t]);
        double k_next = 0.0, m_next = 0.0, x_sum = x_bar, y_sum = y_bar;
        for (int s = 3; s >= 0; --s) {
            const double k_bar = H / 6.0 * weight[s] * x_bar + k_next, m_bar = H / 6.0 * weight[s] * y_bar + m_next;
            a_bar += k_bar * u[s], b_bar -= k_bar * w[s] * u[s], c_bar += m_bar * u[s] * w[s], d_bar -= m_bar * w[s];
            const double u_bar = k_bar * (a - b * w[s]) + m_bar * c * w[s];
            const double w_bar = m_bar * (c * u[s] - d) - k_bar * b * u[s];
            x_sum += u_bar, y_sum += w_bar;
            k_next = offset[s] * H * u_bar, m_next = offset[s] * H * w_bar;
        }
        x_bar = x_sum, y_bar = y_sum;
    }
    g[0] = a_bar, g[1] = b_bar, g[2] = c_bar, g[3] = d_bar;
}

// Parameters and gradient: k weights, k means of d numbers, k rows of d logarithms and d (d - 1) / 2 elements below.
void gaussian_mixture_gradient(const double *p, double *g, const double *data, std::ptrdiff_t d, std::ptrdiff_t k,
                               std::ptrdiff_t points) {
    const std::ptrdiff_t row = d * (d + 1) / 2;
    const double *alphas = p, *means = p + k, *icf = p + k + k * d;
    double *alphas_bar = g, *means_bar = g + k, *icf_bar = g + k + k * d;
    for (std::ptrdiff_t i = 0; i < k + k * d + k * row; ++i) g[i] = 0.0;
    std::vector<double> q(k * d * d, 0.0), sums(k, 0.0), x(k * d), z(k * d), inner(k), q_bar(d * d * k, 0.0);
    for (std::ptrdiff_t c = 0; c < k; ++c) { // lower triangular factors, by columns
        const double *logs = icf + c * row, *below = logs + d;
        for (std::ptrdiff_t j = 0; j < d; ++j) {
            sums[c] += logs[j];
            q[(c * d + j) * d + j] = std::exp(logs[j]);
            for (std::ptrdiff_t i = j + 1; i < d; ++i) q[(c * d + j) * d + i] = *below++;
        }
    }
    for (std::ptrdiff_t t = 0; t < points; ++t) {
        for (std::ptrdiff_t c = 0; c < k; ++c) {
            double *xc = &x[c * d], *zc = &z[c * d], square = 0.0;
            for (std::ptrdiff_t i = 0; i < d; ++i) xc[i] = data[t * d + i] - means[c * d + i], zc[i] = 0.0;
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                const double *column = &q[(c * d + j) * d];
                for (std::ptrdiff_t i = j; i < d; ++i) zc[i] += column[i] * xc[j];
            }
            for (std::ptrdiff_t i = 0; i < d; ++i) square += zc[i] * zc[i];
            inner[c] = alphas[c] + sums[c] - 0.5 * square;
        }
        const double shift = largest(inner.data(), k);
        double sum = 0.0;
        for (std::ptrdiff_t c = 0; c < k; ++c) sum += inner[c] = std::exp(inner[c] - shift);
        for (std::ptrdiff_t c = 0; c < k; ++c) {
            const double weight = inner[c] / sum, *xc = &x[c * d];
            double *zc = &z[c * d], *bar = &q_bar[c * d * d];
            alphas_bar[c] += weight;
            for (std::ptrdiff_t i = 0; i < d; ++i) zc[i] *= weight;
            for (std::ptrdiff_t j = 0; j < d; ++j) {
                const double *column = &q[(c * d + j) * d];
                double product = 0.0;
                for (std::ptrdiff_t i = j; i < d; ++i) {
                    bar[j * d + i] -= zc[i] * xc[j];
                    product += zc[i] * column[i];
                }
                means_bar[c * d + j] += product;
            }
        }
    }
    const double shift = largest(alphas, k);
    double sum = 0.0;
    for (std::ptrdiff_t c = 0; c < k; ++c) sum += std::exp(alphas[c] - shift);
    for (std::ptrdiff_t c = 0; c < k; ++c) {
        const double weight = alphas_bar[c];
        alphas_bar[c] -= points * std::exp(alphas[c] - shift) / sum;
        double *logs_bar = icf_bar + c * row, *below_bar = logs_bar + d;
        for (std::ptrdiff_t j = 0; j < d; ++j) { // the prior adds half the sum of squares of the factor
            const double *column = &q[(c * d + j) * d], *bar = &q_bar[(c * d + j) * d];
            logs_bar[j] = column[j] * bar[j] + weight + column[j] * column[j];
            for (std::ptrdiff_t i = j + 1; i < d; ++i) *below_bar++ = bar[i] + column[i];
        }
    }
}

// Each particle meets three neighbours on either side.
void lennard_jones_chain_gradient(const double *x, double *g, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < 3 * n; ++i) g[i] = 0.0;
    for (std::ptrdiff_t i = 0; i < n; ++i)
        for (std::ptrdiff_t j = i + 1; j <= i + 3 && j < n; ++j) {
            double d[3], square = 0.0;
            for (int a = 0; a < 3; ++a) d[a] = x[3 * i + a] - x[3 * j + a], square += d[a] * d[a];
            const double reciprocal = 1.0 / square, inverse = reciprocal * reciprocal * reciprocal;
            const double force = -24.0 * (2.0 * inverse - 1.0) * inverse * reciprocal;
            for (int a = 0; a < 3; ++a) g[3 * i + a] += force * d[a], g[3 * j + a] -= force * d[a];
        }
}

void lennard_jones_chain_hvp(const double *x, const double *v, double *h, std::ptrdiff_t n) {
    for (std::ptrdiff_t i = 0; i < 3 * n; ++i) h[i] = 0.0;
    for (std::ptrdiff_t i = 0; i < n; ++i)
        for (std::ptrdiff_t j = i + 1; j <= i + 3 && j < n; ++j) {
            double d[3], e[3], square = 0.0, along = 0.0;
            for (int a = 0; a < 3; ++a) {
                d[a] = x[3 * i + a] - x[3 * j + a], e[a] = v[3 * i + a] - v[3 * j + a];
                square += d[a] * d[a], along += d[a] * e[a];
            }
            const double reciprocal = 1.0 / square, inverse = reciprocal * reciprocal * reciprocal;
            const double force = -24.0 * (2.0 * inverse - 1.0) * inverse * reciprocal;
            const double slope = 2.0 * (168.0 * inverse - 48.0) * inverse * reciprocal * reciprocal * along * 2.0;
            for (int a = 0; a < 3; ++a) {
                const double change = force * e[a] + slope * d[a];
                h[3 * i + a] += change, h[3 * j + a] -= change;
            }
        }
}

} // extern "C"
