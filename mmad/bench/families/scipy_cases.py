"""Cases of SciPy's functions, by family."""

from functools import cache

import numpy as np
import scipy.sparse

from mmad.bench.families.case import declare
from mmad.bench.families.numpy_cases import (
    BATCHES,
    FOURIER,
    MATRICES,
    VECTORS,
    definite,
    image,
    normal,
    pair,
    positive,
    signal,
    square,
    symmetric,
    system,
)

__all__ = ["CASES"]


def unit(n, rng):
    return rng.uniform(0.1, 0.9, size=n)


def two_positive(n, rng):
    return rng.uniform(1.5, 4.0, size=n), rng.uniform(0.5, 3.0, size=n)


def normal_sample(n, rng):
    """A sample, location and scale."""
    return rng.normal(size=n), rng.normal(), rng.uniform(0.5, 2.0)


def gamma_sample(n, rng):
    """A sample and a shape."""
    return rng.uniform(0.5, 3.0, size=n), rng.uniform(1.5, 4.0)


def multivariate_sample(n, rng):
    """A sample in three dimensions, its mean, and a matrix that makes the covariance."""
    return rng.normal(size=(n, 3)), rng.normal(size=3), square(3, rng)


def grid(n, rng):
    """Values on a grid of 12 x 12, and n places in it."""
    return rng.normal(size=(12, 12)), rng.uniform(0.1, 10.9, size=(2, n))


def kernel(n, rng):
    """An image, and a kernel of 5 x 5."""
    return image(n, rng), rng.normal(size=(5, 5))


def rates(n, rng):
    """The rates of a chain of n reactions."""
    return rng.uniform(0.5, 1.5, size=n)


def cho_solve(s, a, b):
    return s.scipy.linalg.cho_solve(s.scipy.linalg.cho_factor(definite(s, a)), b)


def solve_triangular(s, a, b):
    return s.scipy.linalg.solve_triangular(a, b, lower=True)


def eigh(s, x):
    values, vectors = s.scipy.linalg.eigh(symmetric(x))
    return values, vectors**2


def lu(s, x):
    """The triangular factors: the permutation is a constant."""
    return s.scipy.linalg.lu(x)[1:]


def multivariate_logpdf(s, x, mean, a):
    return s.scipy.stats.multivariate_normal.logpdf(x, mean, definite(s, a))


def map_coordinates(s, values, at):
    return s.scipy.ndimage.map_coordinates(values, at, order=1)


def on_grid(s, values, at):
    axis = np.arange(12.0)
    return s.scipy.interpolate.RegularGridInterpolator((axis, axis), values)(at.T)


def odeint(s, k):
    """A chain of reactions, each the source of the next."""

    def rate(y, t):
        flow = k * y
        return s.np.concatenate((-flow[:1], flow[:-1] - flow[1:]))

    return s.odeint(rate, np.eye(1, k.shape[0])[0] + 0.0 * k, np.linspace(0.0, 2.0, 5), rtol=1e-12, atol=1e-12)


@cache
def five_a_row(n):
    return scipy.sparse.random_array((n, n), density=5.0 / n, rng=np.random.default_rng(5), format="csr")


def sparse_product(s, x):
    return s.sparse(five_a_row(x.shape[0])) @ x * x


def root(s, x):
    """The y with y + y**3 / 10 + (its neighbour) / 5 = x."""

    def equation(y, x):
        return y + 0.1 * y**3 + 0.2 * s.np.roll(y, 1) - x

    return s.root(equation, np.zeros(x.shape), x)


def trapezoid(s, y, x):
    return s.scipy.integrate.trapezoid(y, s.np.cumsum(x))


LINALG, SPECIAL, STATS, SIGNAL = "scipy.linalg", "scipy.special", "scipy.stats", "scipy.signal"

CASES = (
    declare(FOURIER, "dct", lambda s, x: s.scipy.fft.dct(x), normal, (16, 4096)),
    declare(SPECIAL, "erf", lambda s, x: s.scipy.special.erf(x), normal, VECTORS),
    declare(SPECIAL, "erfinv", lambda s, x: s.scipy.special.erfinv(x), unit, VECTORS),
    declare(SPECIAL, "erfcx", lambda s, x: s.scipy.special.erfcx(x), positive, VECTORS),
    declare(SPECIAL, "gammaln", lambda s, x: s.scipy.special.gammaln(x), positive, VECTORS),
    declare(SPECIAL, "digamma", lambda s, x: s.scipy.special.digamma(x), positive, VECTORS),
    declare(SPECIAL, "betaln", lambda s, x, y: s.scipy.special.betaln(x, y), two_positive, VECTORS),
    declare(SPECIAL, "betainc, in x", lambda s, x: s.scipy.special.betainc(2.5, 1.5, x), unit, VECTORS),
    declare(SPECIAL, "gammainc, in x", lambda s, x: s.scipy.special.gammainc(2.5, x), positive, VECTORS),
    declare(SPECIAL, "i0e", lambda s, x: s.scipy.special.i0e(x), normal, VECTORS),
    declare(SPECIAL, "i1e", lambda s, x: s.scipy.special.i1e(x), normal, VECTORS),
    declare(SPECIAL, "ndtr", lambda s, x: s.scipy.special.ndtr(x), normal, VECTORS),
    declare(SPECIAL, "log_ndtr", lambda s, x: s.scipy.special.log_ndtr(x), normal, VECTORS),
    declare(SPECIAL, "ndtri", lambda s, x: s.scipy.special.ndtri(x), unit, VECTORS),
    declare(SPECIAL, "expit", lambda s, x: s.scipy.special.expit(x), normal, VECTORS),
    declare(SPECIAL, "logit", lambda s, x: s.scipy.special.logit(x), unit, VECTORS),
    declare(SPECIAL, "logsumexp", lambda s, x: s.scipy.special.logsumexp(x), normal, VECTORS),
    declare(SPECIAL, "softmax", lambda s, x: s.scipy.special.softmax(x), normal, VECTORS),
    declare(SPECIAL, "xlogy", lambda s, x, y: s.scipy.special.xlogy(x, y), pair, VECTORS),
    declare(SPECIAL, "rel_entr", lambda s, x, y: s.scipy.special.rel_entr(x, y), two_positive, VECTORS),
    declare(SPECIAL, "zeta, in q", lambda s, x: s.scipy.special.zeta(2.5, x), positive, VECTORS),
    declare(SPECIAL, "exp1", lambda s, x: s.scipy.special.exp1(x), positive, VECTORS),
    declare(SPECIAL, "spence", lambda s, x: s.scipy.special.spence(x), positive, VECTORS),
    declare(SPECIAL, "hyp1f1, in x", lambda s, x: s.scipy.special.hyp1f1(1.5, 2.5, x), normal, VECTORS),
    declare(LINALG, "expm", lambda s, x: s.scipy.linalg.expm(x), square, MATRICES),
    declare(LINALG, "solve_triangular", solve_triangular, system, MATRICES),
    declare(LINALG, "cho_solve", cho_solve, system, MATRICES),
    declare(LINALG, "eigh", eigh, square, MATRICES),
    declare(LINALG, "lu", lu, square, MATRICES),
    declare(LINALG, "toeplitz", lambda s, x: s.scipy.linalg.toeplitz(x), normal, (10, 300)),
    declare("scipy.integrate", "odeint", odeint, rates, (3, 30)),
    declare("scipy.integrate", "trapezoid", trapezoid, pair, VECTORS),
    declare("scipy.interpolate", "RegularGridInterpolator", on_grid, grid, VECTORS),
    declare("scipy.sparse", "matrix times vector", sparse_product, normal, VECTORS),
    declare("roots", "implicit root", root, normal, (3, 30)),
    declare(STATS, "norm.logpdf", lambda s, x, a, b: s.scipy.stats.norm.logpdf(x, a, b), normal_sample, VECTORS),
    declare(STATS, "norm.cdf", lambda s, x, a, b: s.scipy.stats.norm.cdf(x, a, b), normal_sample, VECTORS),
    declare(STATS, "gamma.logpdf", lambda s, x, a: s.scipy.stats.gamma.logpdf(x, a), gamma_sample, VECTORS),
    declare(STATS, "beta.logpdf", lambda s, x: s.scipy.stats.beta.logpdf(x, 2.5, 1.5), unit, VECTORS),
    declare(STATS, "t.logpdf", lambda s, x, a: s.scipy.stats.t.logpdf(x, a), gamma_sample, VECTORS),
    declare(STATS, "multivariate_normal.logpdf", multivariate_logpdf, multivariate_sample, BATCHES),
    declare(SIGNAL, "convolve", lambda s, x, k: s.scipy.signal.convolve(x, k), signal, VECTORS),
    declare(SIGNAL, "fftconvolve", lambda s, x, k: s.scipy.signal.fftconvolve(x, k), signal, VECTORS),
    declare(SIGNAL, "convolve2d", lambda s, x, k: s.scipy.signal.convolve2d(x, k), kernel, (8, 100)),
    declare("scipy.ndimage", "map_coordinates", map_coordinates, grid, VECTORS),
)  # fmt: skip
