/* Factors of matrices, systems, inverses and determinants: small ones by loops, large ones by the LAPACK that NumPy has
 * loaded.
 *
 * The factors of a matrix of order n are n * n + n numbers: L (unit diagonal, below) and U (on and above the diagonal) of
 * the rows of A in the order that the pivots give, and the pivots: row i was exchanged with row pivot[i].  LAPACK stores by
 * columns, so a large matrix (n > MM_SMALL) has the factors of its transpose instead.  Pivots are looked at before they are
 * used, as the numbers may come from anywhere.
 */
#include <math.h>
#include <string.h>
#include "_vm.h"
#include "_clones.h"

enum { ROW_MAJOR = 101, COLUMN_MAJOR = 102, PLAIN = 111, TRANSPOSED = 112, UPPER = 121, LOWER = 122,
       NO_UNIT = 131, UNIT = 132, LEFT = 141, RIGHT = 142 };

#if defined(_MSC_VER)
#define THREAD_LOCAL __declspec(thread)
#define INLINE static __forceinline
#else
#define THREAD_LOCAL __thread
#define INLINE static inline __attribute__((always_inline))
#endif

typedef void (*Getrf32)(const int *, const int *, double *, const int *, int *, int *);
typedef void (*Getrf64)(const int64_t *, const int64_t *, double *, const int64_t *, int64_t *, int64_t *);
typedef void (*Potrf32)(const char *, const int *, double *, const int *, int *, size_t);
typedef void (*Potrf64)(const char *, const int64_t *, double *, const int64_t *, int64_t *, size_t);
typedef void (*Trsm32)(int, int, int, int, int, int, int, double, const double *, int, double *, int);
typedef void (*Trsm64)(int, int, int, int, int, int64_t, int64_t, double, const double *, int64_t, double *, int64_t);
typedef void (*Trsv32)(int, int, int, int, int, const double *, int, double *, int);
typedef void (*Trsv64)(int, int, int, int, int64_t, const double *, int64_t, double *, int64_t);

static void *getrf, *potrf, *trsm, *trsv;
static int wide;
static THREAD_LOCAL int failure;

void mm_lapack_set(void *dgetrf, void *dpotrf, void *dtrsm, void *dtrsv, int with_64_bits) {
    getrf = dgetrf;
    potrf = dpotrf;
    trsm = dtrsm;
    trsv = dtrsv;
    wide = with_64_bits;
}

int mm_routine_failed(void) {
    const int now = failure;
    failure = 0;
    return now;
}

/* Whether the library does matrices of order n. */
static int large(int64_t n) { return n > MM_SMALL && n < 0x7fffffff / n && getrf && potrf && trsm && trsv; }

static void fill_nan(double *c, int64_t n, int why) {
    failure = why;
    for (int64_t i = 0; i < n; i++) c[i] = NAN;
}

/* --- factors ------------------------------------------------------------------------------------------------------- */
INLINE void lu(const int64_t n, double *f) {
    double *pivot = f + n * n;
    for (int64_t j = 0; j < n; j++) {
        int64_t p = j;
        double most = fabs(f[j * n + j]);
        for (int64_t i = j + 1; i < n; i++)
            if (fabs(f[i * n + j]) > most) {
                most = fabs(f[i * n + j]);
                p = i;
            }
        pivot[j] = (double)p;
        if (p != j)
            for (int64_t k = 0; k < n; k++) {
                const double x = f[j * n + k];
                f[j * n + k] = f[p * n + k];
                f[p * n + k] = x;
            }
        if (f[j * n + j] == 0) continue;
        for (int64_t i = j + 1; i < n; i++) {
            const double x = f[i * n + j] /= f[j * n + j];
            for (int64_t k = j + 1; k < n; k++) f[i * n + k] -= x * f[j * n + k];
        }
    }
}

CLONES static void lu_any(int64_t n, double *f) { lu(n, f); }

static void factor(int64_t n, const double *a, double *f) {
    memmove(f, a, n * n * sizeof(double));
    if (n == 1) f[1] = 0;
    else if (n == 2) lu(2, f);
    else if (n == 3) lu(3, f);
    else if (n == 4) lu(4, f);
    else if (!large(n)) lu_any(n, f);
    else {
        double *pivot = f + n * n;
        if (wide) {
            int64_t info, p;
            ((Getrf64)getrf)(&n, &n, f, &n, (int64_t *)pivot, &info);
            for (int64_t i = 0; i < n; i++) {
                memcpy(&p, (char *)pivot + i * sizeof p, sizeof p);
                pivot[i] = (double)(p - 1);
            }
        } else {
            int info, p, m = (int)n;
            ((Getrf32)getrf)(&m, &m, f, &m, (int *)pivot, &info);
            for (int64_t i = n - 1; i >= 0; i--) { /* a pivot is half as long as the number that it becomes */
                memcpy(&p, (char *)pivot + i * sizeof p, sizeof p);
                pivot[i] = (double)(p - 1);
            }
        }
    }
}

/* The lower triangle of A = L L^T; 0: A is not positive definite. */
INLINE int cholesky_loop(const int64_t n, double *c) {
    for (int64_t j = 0; j < n; j++) {
        double d = c[j * n + j];
        for (int64_t k = 0; k < j; k++) d -= c[j * n + k] * c[j * n + k];
        if (d <= 0) return 0;
        d = c[j * n + j] = sqrt(d);
        for (int64_t i = j + 1; i < n; i++) {
            double x = c[i * n + j];
            for (int64_t k = 0; k < j; k++) x -= c[i * n + k] * c[j * n + k];
            c[i * n + j] = x / d;
        }
    }
    return 1;
}

static int cholesky(int64_t n, const double *a, double *c) {
    for (int64_t i = 0; i < n; i++) {
        memmove(c + i * n, a + i * n, (i + 1) * sizeof(double));
        memset(c + i * n + i + 1, 0, (n - i - 1) * sizeof(double));
    }
    if (n == 2) return cholesky_loop(2, c);
    if (n == 3) return cholesky_loop(3, c);
    if (n == 4) return cholesky_loop(4, c);
    if (!large(n)) return cholesky_loop(n, c);
    if (wide) {
        int64_t info;
        ((Potrf64)potrf)("U", &n, c, &n, &info, 1);
        return info == 0;
    } else {
        int info, m = (int)n;
        ((Potrf32)potrf)("U", &m, c, &m, &info, 1);
        return info == 0;
    }
}

/* --- systems ------------------------------------------------------------------------------------------------------- */
/* Triangular systems on k right sides, in their place. */
INLINE void triangle(const int64_t n, const int64_t k, const double *f, int upper, int transposed, int unit, double *x) {
    const int backward = upper != transposed;
    const int64_t row = transposed ? 1 : n, column = transposed ? n : 1;
    for (int64_t step = 0; step < n; step++) {
        const int64_t i = backward ? n - 1 - step : step, from = backward ? i + 1 : 0, to = backward ? n : i;
        for (int64_t j = from; j < to; j++) {
            const double y = f[i * row + j * column];
            for (int64_t r = 0; r < k; r++) x[i * k + r] -= y * x[j * k + r];
        }
        if (!unit)
            for (int64_t r = 0; r < k; r++) x[i * k + r] /= f[i * n + i];
    }
}

CLONES static void triangle_any(int64_t n, int64_t k, const double *f, int upper, int transposed, int unit, double *x) {
    triangle(n, k, f, upper, transposed, unit, x);
}

static void triangular(int64_t n, int64_t k, const double *f, int upper, int transposed, int unit, double *x) {
    const int side = upper ? UPPER : LOWER, way = transposed ? TRANSPOSED : PLAIN, diagonal = unit ? UNIT : NO_UNIT;
    if (!large(n) || k >= 0x7fffffff / n) {
        if (n == 2 && k == 1) triangle(2, 1, f, upper, transposed, unit, x);
        else if (n == 2 && k == 2) triangle(2, 2, f, upper, transposed, unit, x);
        else if (n == 3 && k == 1) triangle(3, 1, f, upper, transposed, unit, x);
        else if (n == 3 && k == 3) triangle(3, 3, f, upper, transposed, unit, x);
        else triangle_any(n, k, f, upper, transposed, unit, x);
    } else if (k == 1) {
        if (wide) ((Trsv64)trsv)(ROW_MAJOR, side, way, diagonal, n, f, n, x, 1);
        else ((Trsv32)trsv)(ROW_MAJOR, side, way, diagonal, (int)n, f, (int)n, x, 1);
    } else {
        if (wide) ((Trsm64)trsm)(ROW_MAJOR, LEFT, side, way, diagonal, n, k, 1.0, f, n, x, k);
        else ((Trsm32)trsm)(ROW_MAJOR, LEFT, side, way, diagonal, (int)n, (int)k, 1.0, f, (int)n, x, (int)k);
    }
}

/* Exchange rows of x as the pivots say, or back. */
static void exchange(int64_t n, int64_t k, const double *pivot, int back, double *x) {
    for (int64_t step = 0; step < n; step++) {
        const int64_t i = back ? n - 1 - step : step;
        if (!(pivot[i] >= 0 && pivot[i] < n)) {
            failure = MM_SINGULAR;
            return;
        }
        double *a = x + i * k, *b = x + (int64_t)pivot[i] * k;
        if (a != b)
            for (int64_t r = 0; r < k; r++) {
                const double y = a[r];
                a[r] = b[r];
                b[r] = y;
            }
    }
}

/* A x = x, or A^T x = x, with the factors of A. */
static void solve(int64_t n, int64_t k, const double *f, int transposed, double *x) {
    const double *pivot = f + n * n;
    for (int64_t i = 0; i < n; i++)
        if (f[i * n + i] == 0) {
            fill_nan(x, n * k, MM_SINGULAR);
            return;
        }
    if (large(n)) { /* the factors of the transpose by columns: its U is below, by rows, its L above */
        if (transposed) {
            exchange(n, k, pivot, 0, x);
            triangular(n, k, f, 1, 1, 1, x);
            triangular(n, k, f, 0, 1, 0, x);
        } else {
            triangular(n, k, f, 0, 0, 0, x);
            triangular(n, k, f, 1, 0, 1, x);
            exchange(n, k, pivot, 1, x);
        }
    } else if (transposed) {
        triangular(n, k, f, 1, 1, 0, x);
        triangular(n, k, f, 0, 1, 1, x);
        exchange(n, k, pivot, 1, x);
    } else {
        exchange(n, k, pivot, 0, x);
        triangular(n, k, f, 0, 0, 1, x);
        triangular(n, k, f, 1, 0, 0, x);
    }
}

/* --- determinants -------------------------------------------------------------------------------------------------- */
static void logarithm(int64_t n, const double *f, double *sign, double *modulus) {
    double s = 1, sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = f[i * n + i];
        if (f[n * n + i] != (double)i) s = -s;
        if (d == 0) {
            *sign = 0;
            *modulus = -INFINITY;
            return;
        }
        if (d < 0) s = -s;
        sum += log(fabs(d));
    }
    *sign = isnan(sum) ? NAN : s;
    *modulus = sum;
}

static double determinant(int64_t n, const double *f) {
    double product = 1, sign, modulus;
    for (int64_t i = 0; i < n; i++) {
        product *= f[i * n + i];
        if (f[n * n + i] != (double)i) product = -product;
    }
    if (isfinite(product) && fabs(product) > 1e-290) return product;
    logarithm(n, f, &sign, &modulus); /* the product of some may be too large or too small, that of all not */
    return sign == 0 ? 0 : sign * exp(modulus);
}

/* The cofactors of B = P A Q = L U, with pivots from all that is left: only the last of them is divided by never, and an
 * element of U is no larger than the pivot of its row, so that they are right at singular matrices too.  B has the adjugate
 * adj(U) L^-1, and adj(U) = det(U) U^-1, whose last column is free of the last pivot. */
INLINE void cofactors_by_pivots(const int64_t n, const double *a, double *c) {
    double f[MM_SMALL * MM_SMALL], y[MM_SMALL * MM_SMALL], sign = 1, product = 1, unknown = 0;
    int64_t rows[MM_SMALL], columns[MM_SMALL];
    for (int64_t i = 0; i < n * n; i++) unknown += (f[i] = a[i]) * 0;
    for (int64_t i = 0; i < n; i++) rows[i] = columns[i] = i;
    if (unknown != 0) { /* NaN: an element that is not finite */
        for (int64_t i = 0; i < n * n; i++) c[i] = NAN;
        return;
    }
    for (int64_t j = 0; j < n; j++) {
        int64_t p = j, q = j;
        double most = 0;
        for (int64_t i = j; i < n; i++)
            for (int64_t k = j; k < n; k++)
                if (fabs(f[i * n + k]) > most) {
                    most = fabs(f[i * n + k]);
                    p = i;
                    q = k;
                }
        if (most == 0 && j < n - 1) { /* of rank n - 2 at most */
            memset(c, 0, n * n * sizeof(double));
            return;
        }
        if (p != j) {
            for (int64_t k = 0; k < n; k++) {
                const double x = f[j * n + k];
                f[j * n + k] = f[p * n + k];
                f[p * n + k] = x;
            }
            const int64_t r = rows[j];
            rows[j] = rows[p];
            rows[p] = r;
            sign = -sign;
        }
        if (q != j) {
            for (int64_t i = 0; i < n; i++) {
                const double x = f[i * n + j];
                f[i * n + j] = f[i * n + q];
                f[i * n + q] = x;
            }
            const int64_t r = columns[j];
            columns[j] = columns[q];
            columns[q] = r;
            sign = -sign;
        }
        if (j == n - 1) break;
        product *= f[j * n + j];
        for (int64_t i = j + 1; i < n; i++) {
            const double x = f[i * n + j] /= f[j * n + j];
            for (int64_t k = j + 1; k < n; k++) f[i * n + k] -= x * f[j * n + k];
        }
    }
    for (int64_t j = 0; j < n; j++) { /* adj(U) by columns */
        const double whole = j == n - 1 ? product : product * f[n * n - 1];
        for (int64_t i = n - 1; i > j; i--) y[i * n + j] = 0;
        y[j * n + j] = j == n - 1 ? 1 : 1 / f[j * n + j];
        for (int64_t i = j - 1; i >= 0; i--) {
            double sum = 0;
            for (int64_t k = i + 1; k <= j; k++) sum -= f[i * n + k] * y[k * n + j];
            y[i * n + j] = sum / f[i * n + i];
        }
        for (int64_t i = 0; i <= j; i++) y[i * n + j] *= whole;
    }
    for (int64_t i = 0; i < n; i++) /* by L^-1 from the right, a row at a time */
        for (int64_t j = n - 1; j >= 0; j--)
            for (int64_t k = j + 1; k < n; k++) y[i * n + j] -= y[i * n + k] * f[k * n + j];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) c[rows[i] * n + columns[j]] = sign * y[j * n + i];
}

CLONES static void cofactors_any(int64_t n, const double *a, double *c) { cofactors_by_pivots(n, a, c); }

static void cofactors(int64_t n, const double *a, double *c) {
    if (n == 1) c[0] = 1;
    else if (n == 2) {
        c[0] = a[3], c[1] = -a[2], c[2] = -a[1], c[3] = a[0];
    } else if (n == 3) {
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                const double *p = a + (i + 1) % 3 * 3, *q = a + (i + 2) % 3 * 3;
                c[3 * i + j] = p[(j + 1) % 3] * q[(j + 2) % 3] - p[(j + 2) % 3] * q[(j + 1) % 3];
            }
    } else cofactors_any(n, a, c);
}

/* --- */
void mm_routine(const Routine *p, const double *a, const double *b, double *c) {
    const int64_t n = p->n, k = p->k, whole = n * n;
    a += p->a_offset;
    b += p->b_offset;
    for (int64_t i = 0; i < p->count; i++, a += p->a_step, b += p->b_step) {
        switch (p->what) {
        case MM_LU:
            factor(n, a, c);
            c += whole + n;
            break;
        case MM_CHOLESKY:
            if (!cholesky(n, a, c)) fill_nan(c, whole, MM_NOT_DEFINITE);
            c += whole;
            break;
        case MM_INVERSE:
            memset(c, 0, whole * sizeof(double));
            for (int64_t j = 0; j < n; j++) c[j * n + j] = 1;
            solve(n, n, a, 0, c);
            c += whole;
            break;
        case MM_DET:
            *c++ = determinant(n, a);
            break;
        case MM_SLOGDET:
            logarithm(n, a, c + i, c + p->count + i);
            break;
        case MM_COFACTOR:
            cofactors(n, a, c);
            c += whole;
            break;
        default:
            memmove(c, b, n * k * sizeof(double));
            if (p->what == MM_LOWER || p->what == MM_LOWER_TRANSPOSED)
                triangular(n, k, a, 0, p->what == MM_LOWER_TRANSPOSED, 0, c);
            else solve(n, k, a, p->what == MM_SOLVE_TRANSPOSED, c);
            c += n * k;
        }
    }
}
