"""Distribution functions that are ufuncs, and their inverses in every argument."""

import functools
import math

import numpy as np
import scipy.special as sc

from mmad.ops import arithmetic as a
from mmad.ops.powers import absolute
from mmad.ops.transcendental import exp, log1p
from mmad.scipy.special._declare import constant, family, numeric, select, ufunc, unknown, whole
from mmad.scipy.special._error_functions import ndtri
from mmad.scipy.special._gamma import density
from mmad.scipy.special._incomplete import beta_density, betainc_by, gamma_density, gammainc_by_a
from mmad.scipy.special._polygamma import bell, psi_difference


def _over(x, y):
    return a.divide(x, y)


def _minus(x):
    return a.negative(x)


#: Results at which SciPy's searches stop, where no argument has the value that is asked for: they do not depend on it.
ENDS = (0.0, 1e-300, 1e-100, 1e10, 1e100, 1e300)


def searched(name, *partials, ends=ENDS, **known):
    """Declare an inverse that SciPy finds by a search between bounds, where its derivatives are zero."""

    def bounded(partial):
        def inside(*operands):
            out = operands[-1]
            at_end = functools.reduce(a.logical_or, [a.equal(absolute(out), end) for end in ends])
            return a.select(at_end, 0.0, partial(*operands[:-1], a.select(at_end, 1.0, out)))

        return partial if partial is unknown else inside

    return ufunc(name, *map(bounded, partials), **known)


def inverse(name, k, *slopes, **known):
    """Declare the search for argument k of a distribution function, given its value instead of the argument.

    `slopes` are the derivatives of the distribution function by its arguments.
    """

    def partial(i):
        def by(*operands):
            *given, out = operands
            given[k] = out
            slope = slopes[k](*given)
            return a.reciprocal(slope) if i == k else _minus(_over(slopes[i](*given), slope))

        return by

    return searched(name, *map(partial, range(len(slopes))), **known)


# ------------------------------------------------------------------------------------------------ binomial and its kin
def _binomial_by_p(k, n, p):
    """Return the derivative of bdtrc(k, n, p) = betainc(k + 1, n - k, p) of whole k and n."""
    k = a.floor(a.multiply(k, 1.0))
    return beta_density(k + 1.0, whole(n) - k, p, 1.0 - p)


BINOMIAL = ((2, 5, 0.3), (0, 4, 0.6))
bdtr = ufunc(
    "bdtr", unknown, unknown, lambda k, n, p, out: _minus(_binomial_by_p(k, n, p)), points=BINOMIAL, bound=1e-11
)
bdtrc = ufunc("bdtrc", unknown, unknown, lambda k, n, p, out: _binomial_by_p(k, n, p), points=BINOMIAL, bound=1e-11)
bdtri = ufunc(
    "bdtri", unknown, unknown, lambda k, n, y, out: _over(-1.0, _binomial_by_p(k, n, out)), points=BINOMIAL, bound=1e-10
)


def _cdf_by_k(k, n, p):
    """Return the derivative by k of the binomial distribution function between integers, betaincc(k + 1, n - k, p)."""
    return betainc_by(0, 1, k + 1.0, n - k, p) - betainc_by(1, 0, k + 1.0, n - k, p)


def _cdf_by_n(k, n, p):
    return _minus(betainc_by(0, 1, k + 1.0, n - k, p))


def _cdf_by_p(k, n, p):
    return _minus(density(k + 1.0, n - k, p))


BINOMIAL_SLOPES = (_cdf_by_k, _cdf_by_n, _cdf_by_p)
bdtrik = inverse(
    "bdtrik",
    0,
    *BINOMIAL_SLOPES,
    points=((0.6, 7.0, 0.3), (0.9, 12.0, 0.45)),
    bound=1e-6,
)
bdtrin = inverse(
    "bdtrin",
    1,
    *BINOMIAL_SLOPES,
    points=((2.0, 0.6, 0.3), (4.0, 0.3, 0.45)),
    bound=1e-6,
)


def _negative_by_p(k, n, p):
    """Return the derivative of nbdtr(k, n, p) = betainc(n, k + 1, p) of whole k and n."""
    return density(whole(n), whole(k) + 1.0, p)


NEGATIVE = ((2, 5, 0.3), (4, 3, 0.6))
nbdtr = ufunc("nbdtr", unknown, unknown, lambda k, n, p, out: _negative_by_p(k, n, p), points=NEGATIVE, bound=1e-11)
nbdtrc = ufunc(
    "nbdtrc", unknown, unknown, lambda k, n, p, out: _minus(_negative_by_p(k, n, p)), points=NEGATIVE, bound=1e-11
)
nbdtri = ufunc(
    "nbdtri",
    unknown,
    unknown,
    lambda k, n, y, out: a.reciprocal(_negative_by_p(k, n, out)),
    points=NEGATIVE,
    bound=1e-10,
)


def _nb_by_k(k, n, p):
    return betainc_by(0, 1, n, k + 1.0, p)


def _nb_by_n(k, n, p):
    return betainc_by(1, 0, n, k + 1.0, p)


NEGATIVE_SLOPES = (_nb_by_k, _nb_by_n, lambda k, n, p: density(n, k + 1.0, p))
nbdtrik = inverse(
    "nbdtrik",
    0,
    *NEGATIVE_SLOPES,
    points=((0.6, 5.0, 0.3), (0.9, 3.0, 0.45)),
    bound=1e-6,
)
nbdtrin = inverse(
    "nbdtrin",
    1,
    *NEGATIVE_SLOPES,
    points=((2.0, 0.6, 0.3), (4.0, 0.3, 0.45)),
    bound=1e-6,
)


# ------------------------------------------------------------------------------------------------ Poisson, gamma
def _poisson(k, m):
    """Return minus the derivative by m of pdtr(k, m) = gammaincc(k + 1, m), k rounded down."""
    return gamma_density(a.floor(a.multiply(k, 1.0)) + 1.0, m)


POISSON = ((2.0, 1.3), (0.0, 0.4), (7.0, 9.5))
pdtr = ufunc("pdtr", unknown, lambda k, m, out: _minus(_poisson(k, m)), points=POISSON)
pdtrc = ufunc("pdtrc", unknown, lambda k, m, out: _poisson(k, m), points=POISSON)
pdtri = ufunc(
    "pdtri",
    unknown,
    lambda k, y, out: _over(-1.0, _poisson(k, out)),
    points=((2, 0.3), (0, 0.4), (7, 0.9)),
    bound=1e-10,
)
POISSON_SLOPES = (
    lambda k, m: _minus(gammainc_by_a(1, k + 1.0, m)),
    lambda k, m: _minus(gamma_density(k + 1.0, m)),
)
pdtrik = inverse(
    "pdtrik",
    0,
    *POISSON_SLOPES,
    points=((0.6, 4.0), (0.9, 2.5)),
    bound=1e-6,
)
CHI = ((3.0, 2.3), (0.7, 0.4), (10.0, 18.0))


def _chi_by_v(v, x):
    return 0.5 * gammainc_by_a(1, 0.5 * v, 0.5 * x)


def _chi_density(v, x):
    return 0.5 * gamma_density(0.5 * v, 0.5 * x)


chdtr = ufunc("chdtr", lambda v, x, out: _chi_by_v(v, x), lambda v, x, out: _chi_density(v, x), points=CHI, bound=1e-11)
chdtrc = ufunc(
    "chdtrc",
    lambda v, x, out: _minus(_chi_by_v(v, x)),
    lambda v, x, out: _minus(_chi_density(v, x)),
    points=CHI,
    bound=1e-11,
)
chdtri = ufunc(
    "chdtri",
    lambda v, p, out: _minus(_over(_chi_by_v(v, out), _chi_density(v, out))),
    lambda v, p, out: _over(-1.0, _chi_density(v, out)),
    points=((3.0, 0.3), (0.7, 0.8)),
    bound=1e-10,
)
CHI_SLOPES = (_chi_by_v, _chi_density)
chdtriv = inverse(
    "chdtriv",
    0,
    *CHI_SLOPES,
    points=((0.3, 2.0), (0.8, 4.0)),
    bound=1e-6,
)
GAMMA = ((1.3, 2.2, 0.7), (0.4, 5.0, 9.0))


def _gamma_by_rate(p, b, x):
    return a.multiply(x, gamma_density(b, a.multiply(p, x)))


def _gamma_by_shape(p, b, x):
    return gammainc_by_a(1, b, a.multiply(p, x))


def _gamma_by_x(p, b, x):
    return a.multiply(p, gamma_density(b, a.multiply(p, x)))


gdtr = ufunc(
    "gdtr",
    lambda p, b, x, out: _gamma_by_rate(p, b, x),
    lambda p, b, x, out: _gamma_by_shape(p, b, x),
    lambda p, b, x, out: _gamma_by_x(p, b, x),
    points=GAMMA,
    bound=1e-11,
)
gdtrc = ufunc(
    "gdtrc",
    lambda p, b, x, out: _minus(_gamma_by_rate(p, b, x)),
    lambda p, b, x, out: _minus(_gamma_by_shape(p, b, x)),
    lambda p, b, x, out: _minus(_gamma_by_x(p, b, x)),
    points=GAMMA,
    bound=1e-11,
)
gdtria = searched(
    "gdtria",
    lambda p, b, x, out: a.reciprocal(_gamma_by_rate(out, b, x)),
    lambda p, b, x, out: _minus(_over(_gamma_by_shape(out, b, x), _gamma_by_rate(out, b, x))),
    lambda p, b, x, out: _minus(_over(out, x)),
    points=((0.3, 2.2, 0.7), (0.8, 5.0, 9.0)),
    bound=1e-6,
)
GAMMA_SLOPES = (_gamma_by_rate, _gamma_by_shape, _gamma_by_x)
gdtrib = inverse(
    "gdtrib",
    1,
    *GAMMA_SLOPES,
    points=((1.3, 0.3, 0.7), (0.4, 0.8, 9.0)),
    bound=1e-6,
)
gdtrix = searched(
    "gdtrix",
    lambda p, b, y, out: _minus(_over(out, p)),
    lambda p, b, y, out: _minus(_over(_gamma_by_shape(p, b, out), _gamma_by_x(p, b, out))),
    lambda p, b, y, out: a.reciprocal(_gamma_by_x(p, b, out)),
    points=((1.3, 2.2, 0.3), (0.4, 5.0, 0.8)),
    bound=1e-6,
)


# ------------------------------------------------------------------------------------------------ beta, F
BETA_SLOPES = (
    lambda p, q, x: betainc_by(1, 0, p, q, x),
    lambda p, q, x: betainc_by(0, 1, p, q, x),
    density,
)
btdtria = inverse(
    "btdtria",
    0,
    *BETA_SLOPES,
    points=((0.3, 2.2, 0.7), (0.8, 5.0, 0.4)),
    bound=1e-6,
)
btdtrib = inverse(
    "btdtrib",
    1,
    *BETA_SLOPES,
    points=((2.2, 0.3, 0.7), (5.0, 0.8, 0.4)),
    names=("a", "p", "x"),
    bound=1e-6,
)


def _f(m, n, x, i):
    """Return a partial of fdtr(m, n, x) = betainc(m / 2, n / 2, w), w = m x / (n + m x)."""
    total = n + a.multiply(m, x)
    w, rest = _over(a.multiply(m, x), total), _over(n, total)
    front = _over(beta_density(0.5 * m, 0.5 * n, w, rest), a.square(total))
    if i == 0:
        return 0.5 * betainc_by(1, 0, 0.5 * m, 0.5 * n, w) + front * x * n
    if i == 1:
        return 0.5 * betainc_by(0, 1, 0.5 * m, 0.5 * n, w) - front * m * x
    return front * m * n


FISHER = ((3.0, 5.0, 1.3), (0.7, 2.0, 0.2), (30.0, 12.0, 2.0))
fdtr = ufunc(
    "fdtr",
    lambda m, n, x, out: _f(m, n, x, 0),
    lambda m, n, x, out: _f(m, n, x, 1),
    lambda m, n, x, out: _f(m, n, x, 2),
    points=FISHER,
    bound=1e-10,
)
fdtrc = ufunc(
    "fdtrc",
    lambda m, n, x, out: _minus(_f(m, n, x, 0)),
    lambda m, n, x, out: _minus(_f(m, n, x, 1)),
    lambda m, n, x, out: _minus(_f(m, n, x, 2)),
    points=FISHER,
    bound=1e-10,
)
fdtri = ufunc(
    "fdtri",
    lambda m, n, p, out: _minus(_over(_f(m, n, out, 0), _f(m, n, out, 2))),
    lambda m, n, p, out: _minus(_over(_f(m, n, out, 1), _f(m, n, out, 2))),
    lambda m, n, p, out: a.reciprocal(_f(m, n, out, 2)),
    points=((3.0, 5.0, 0.3), (1.7, 2.0, 0.8)),
    bound=1e-8,
)
FISHER_SLOPES = tuple(lambda m, n, x, i=i: _f(m, n, x, i) for i in range(3))
fdtridfd = inverse(
    "fdtridfd",
    1,
    *FISHER_SLOPES,
    points=((3.0, 0.7, 1.6),),
    bound=1e-5,
)


# ------------------------------------------------------------------------------------------------ Student
@numeric
def _student_density(v, t):
    log = -(v + 1) / 2 * np.log1p(t * t / v)
    large = v > 200
    small = np.where(large, 1.0, v)
    front = 1 / (np.sqrt(small) * sc.beta(small / 2, 0.5))
    front = np.where(large, np.exp(-0.5 * np.log(v) - sc.betaln(v / 2, 0.5)), front)
    return front * np.exp(log)


def _student_by_v(v, t, out):
    square = a.square(t)
    rest = _over((v + 1.0) * square, 2.0 * v * (v + square)) - 0.5 * log1p(_over(square, v))
    return out * (rest + 0.5 * psi_difference(0, 0.5 * v, 0.5) - _over(0.5, v))


student_density = family(
    "_student_density",
    _student_density,
    lambda v, t, out: _student_by_v(v, t, out),
    lambda v, t, out: _minus(out * _over((v + 1.0) * t, v + a.square(t))),
)


def _student_cdf_by_v(v, t):
    """Return the derivative by v of stdtr(v, t) = 1/2 + sign(t)/2 betainc(1/2, v/2, y), y = t**2 / (v + t**2)."""

    def near(v, t):
        total = v + a.square(t)
        y, rest = _over(a.square(t), total), _over(v, total)
        slope = _over(_minus(a.square(t)), a.square(total))
        return 0.5 * betainc_by(0, 1, 0.5, 0.5 * v, y) + beta_density(0.5, 0.5 * v, y, rest) * slope

    def far(v, t):
        total = v + a.square(t)
        y, rest = _over(a.square(t), total), _over(v, total)
        slope = _over(a.square(t), a.square(total))
        return _minus(0.5 * betainc_by(1, 0, 0.5 * v, 0.5, rest) + beta_density(0.5 * v, 0.5, rest, y) * slope)

    zero = a.equal(t, 0.0)
    s = a.select(zero, 1.0, t)
    value = select(a.less(a.square(s), v), near, far, v, s, safe=((1.0, 0.5), (1.0, 2.0)))
    return a.select(zero, 0.0, 0.5 * a.sign(t) * value)


STUDENT = ((3.0, 1.3), (0.7, -0.4), (30.0, 2.5), (0.33, -5.5))
stdtr = ufunc(
    "stdtr",
    lambda v, t, out: _student_cdf_by_v(v, t),
    lambda v, t, out: student_density(v, t),
    points=STUDENT,
    bound=1e-9,
)
STUDENT_SLOPES = (_student_cdf_by_v, student_density)
stdtrit = inverse(
    "stdtrit",
    1,
    *STUDENT_SLOPES,
    ends=ENDS[1:],  # 0 is the median
    points=((3.0, 0.3), (2.0, 0.8), (3.0, 0.5)),
    bound=1e-6,
)
stdtridf = inverse(
    "stdtridf",
    0,
    *STUDENT_SLOPES,
    points=((0.8, 1.0), (0.2, -1.0)),
    bound=1e-5,
)


# ------------------------------------------------------------------------------------------------ noncentral
@numeric
def _noncentral_density(k, c, x):
    """Return the density of the noncentral chi square distribution with k degrees of freedom."""
    k, c, x = np.broadcast_arrays(k.astype(float), c.astype(float), x.astype(float))
    order, product = k / 2 - 1, np.sqrt(c * x)
    away = (np.sqrt(x) - np.sqrt(c)) ** 2
    y = 0.5 * np.exp(-away / 2) * np.power(x / c, order / 2) * sc.ive(order, product)
    central = 0.5 * np.power(x / 2, order) * np.exp(-x / 2) * sc.rgamma(k / 2)
    return np.where(c > 0, y, central)


noncentral_density = family(
    "_noncentral_density",
    _noncentral_density,
    unknown,
    lambda k, c, x, out: 0.5 * (noncentral_density(k + 2.0, c, x) - out),
    lambda k, c, x, out: 0.5 * (noncentral_density(k - 2.0, c, x) - out),
)
NONCENTRAL = ((2.3, 3.0, 1.4), (9.0, 1.5, 6.0))
chndtr = ufunc(
    "chndtr",
    lambda x, k, c, out: noncentral_density(k, c, x),
    unknown,
    lambda x, k, c, out: _minus(noncentral_density(k + 2.0, c, x)),
    points=NONCENTRAL,
    bound=1e-9,
)
chndtrix = searched(
    "chndtrix",
    lambda p, k, c, out: a.reciprocal(noncentral_density(k, c, out)),
    unknown,
    lambda p, k, c, out: _over(noncentral_density(k + 2.0, c, out), noncentral_density(k, c, out)),
    points=((0.3, 3.0, 1.4), (0.8, 1.5, 6.0)),
    bound=1e-5,
)
chndtridf = ufunc("chndtridf", unknown, unknown, unknown, points=((2.3, 0.3, 1.4),))
chndtrinc = searched(
    "chndtrinc",
    lambda x, k, p, out: _over(noncentral_density(k, out, x), noncentral_density(k + 2.0, out, x)),
    unknown,
    lambda x, k, p, out: _over(-1.0, noncentral_density(k + 2.0, out, x)),
    points=((2.3, 3.0, 0.3),),
    bound=1e-5,
)
for _name in ("nctdtr", "nctdtridf", "nctdtrinc", "nctdtrit"):
    ufunc(_name, *[unknown] * 3, points=((2.3, 0.3, 0.4),))
for _name in ("ncfdtr", "ncfdtri", "ncfdtridfd", "ncfdtridfn", "ncfdtrinc"):
    ufunc(_name, *[unknown] * 4, points=((2.3, 3.3, 0.4, 0.7),))


# ------------------------------------------------------------------------------------------------ normal, Kolmogorov
ROOT_2PI = math.sqrt(2 * math.pi)


def _ndtri_slope(z):
    return ROOT_2PI * exp(0.5 * a.square(z))


nrdtrimn = ufunc(
    "nrdtrimn",
    lambda p, s, x, out: _minus(s * _ndtri_slope(ndtri(p))),
    lambda p, s, x, out: _minus(ndtri(p)),
    lambda p, s, x, out: 1.0,
    points=((0.3, 1.2, 0.7), (0.9, 0.5, -2.0)),
    bound=1e-10,
)
nrdtrisd = ufunc(
    "nrdtrisd",
    lambda m, p, x, out: _over(-1.0, ndtri(p)),
    lambda m, p, x, out: _minus(_over((x - m) * _ndtri_slope(ndtri(p)), a.square(ndtri(p)))),
    lambda m, p, x, out: a.reciprocal(ndtri(p)),
    points=((0.3, 0.7, 1.2), (0.9, 0.2, -2.0)),
    bound=1e-10,
)


@numeric
def _kolmogorov(n, x):
    """Return the derivative of order n of 2 sum_k (-1)**(k-1) exp(-2 k**2 x**2), for small x by the dual series."""
    n = int(n)
    small = x < 0.9
    y = np.where(small, 1.0, x)
    far = np.zeros_like(y)
    for k in range(1, 8):
        before, g = np.zeros_like(y), np.exp(-2.0 * k * k * y * y)
        for m in range(n):
            before, g = g, -4.0 * k * k * (y * g + m * before)
        far = far + 2 * (-1.0) ** (k - 1) * g
    y = np.where(small & (x > 0), x, 1.0)
    near = np.zeros_like(y)
    for k in range(1, 8):
        d = (2 * k - 1) ** 2 * math.pi**2 / 8
        h = [np.exp(-d / (y * y)) / y]  # y**3 h' = (2 d - y**2) h, differentiated m times
        for m in range(n):
            past = [*[np.zeros_like(y)] * 2, *h]
            right = (2 * d - y * y) * past[-1] - 2 * m * y * past[-2] - m * (m - 1) * past[-3]
            left = 3 * m * y * y * past[-1] + 3 * m * (m - 1) * y * past[-2] + m * (m - 1) * (m - 2) * past[-3]
            h.append((right - left) / y**3)
        near = near + h[n]
    near = (1.0 if n == 0 else 0.0) - ROOT_2PI * near
    return np.where(small, np.where(x > 0, near, 1.0 if n == 0 else 0.0), far)


kolmogorov_n = family("_kolmogorov_n", _kolmogorov, lambda n, x, out: 0.0, lambda n, x, out: kolmogorov_n(n + 1, x))
kolmogorov = ufunc("kolmogorov", lambda x, out: kolmogorov_n(1, x), points=((0.5,), (0.85,), (0.95,), (1.7,)))
kolmogi = ufunc(
    "kolmogi", lambda p, out: a.reciprocal(kolmogorov_n(1, out)), points=((0.9,), (0.3,), (0.01,)), bound=1e-9
)


def _smirnov_cumulant(n, j, d, x, y):
    """Return the derivatives of log(d x**(j-1) y**(n-j)), where x' = 1 and y' = -1, by their order."""

    def kappa(i, _):
        return math.factorial(i - 1) * ((-1.0) ** (i + 1) * (1 / d**i + (j - 1) / x**i) - (n - j) / y**i)

    return kappa


@numeric
def _smirnov(k, n, d):
    """Return the derivative of order k by d of d sum_j C(n, j) (d + j/n)**(j-1) (1 - d - j/n)**(n-j)."""
    k = int(k)
    if k == 1:
        return sc._ufuncs._smirnovp(n, d)
    n, d = np.broadcast_arrays(n.astype(float), d)
    total = np.zeros_like(d)
    for j in range(int(np.max(n, initial=0.0)) + 1):
        used = (j <= np.floor(n * (1 - d))) & (d > 0) & (j < n)
        x, y = np.where(used, d + j / n, 1.0), np.where(used, 1 - d - j / n, 1.0)
        log = sc.xlogy(j - 1, x) + sc.xlogy(n - j, y) + np.log(d) - sc.betaln(j + 1, n - j + 1) - np.log(n + 1)
        b = bell(_smirnov_cumulant(n, j, d, x, y), k)
        total = total + np.where(used, np.exp(log) * b, 0.0)
    return total


smirnov_n = family("_smirnov_n", _smirnov, constant, unknown, lambda k, n, d, out: smirnov_n(k + 1, n, d))
smirnov = ufunc(
    "smirnov", unknown, lambda n, d, out: smirnov_n(1, whole(n), d), points=((5, 0.3), (20, 0.1)), bound=1e-10
)
smirnovi = ufunc(
    "smirnovi",
    unknown,
    lambda n, p, out: a.reciprocal(smirnov_n(1, whole(n), out)),
    points=((5, 0.3), (20, 0.1)),
    bound=1e-9,
)
