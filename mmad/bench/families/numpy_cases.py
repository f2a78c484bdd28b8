"""Cases of NumPy's functions, by family."""

import numpy as np

from mmad.bench.families.case import declare

__all__ = ["CASES"]


def normal(n, rng):
    return rng.normal(size=n)


def positive(n, rng):
    return rng.uniform(0.5, 2.0, size=n)


def pair(n, rng):
    return rng.normal(size=n), rng.uniform(0.5, 2.0, size=n)


def square(n, rng):
    """A matrix with eigenvalues and singular values apart from each other and from zero."""
    return np.diag(1.0 + np.arange(n) / n) + 0.3 * rng.normal(size=(n, n)) / np.sqrt(n)


def tall(n, rng):
    return np.eye(2 * n, n) + 0.5 * rng.normal(size=(2 * n, n)) / np.sqrt(n)


def system(n, rng):
    return square(n, rng), rng.normal(size=n)


def overdetermined(n, rng):
    return tall(n, rng), rng.normal(size=2 * n)


def batch(n, rng):
    """n matrices of order 3."""
    return np.diag([1.0, 2.0, 3.0]) + 0.3 * rng.normal(size=(n, 3, 3))


def systems(n, rng):
    return batch(n, rng), rng.normal(size=(n, 3, 1))


def three(n, rng):
    return tuple(rng.normal(size=(n, n)) / np.sqrt(n) for _ in range(3))


def image(n, rng):
    return rng.normal(size=(n, n))


def observations(n, rng):
    """Four variables in rows."""
    return rng.normal(size=(4, n))


def coefficients(n, rng):
    """A polynomial of degree 8, and points."""
    return rng.normal(size=9), rng.uniform(-1.0, 1.0, size=n)


def samples(n, rng):
    return np.sin(np.linspace(0.0, 3.0, n)) + 0.1 * rng.normal(size=n)


def signal(n, rng):
    """A signal, and a kernel of 9."""
    return rng.normal(size=n), rng.normal(size=9)


def table(n, rng):
    """Points, none near a knot, and 20 values at places from 0 to 1."""
    return (rng.integers(19, size=n) + rng.uniform(0.2, 0.8, size=n)) / 19.0, rng.normal(size=20)


def shuffled(n, rng):
    """Numbers apart from each other, in any order."""
    return rng.permutation(np.linspace(-2.0, 2.0, n)) + rng.uniform(0.0, 0.5, size=n) / n


def shuffled_rows(n, rng):
    return np.stack([shuffled(n, rng) for _ in range(4)])


def shuffled_pair(n, rng):
    return shuffled(n, rng), rng.normal(size=n)


def near_one(n, rng):
    return 1.0 + rng.normal(size=n) / n


def symmetric(x):
    return 0.5 * (x + x.swapaxes(-1, -2))


def definite(s, x):
    return x @ x.swapaxes(-1, -2) + s.np.eye(x.shape[-1])


def svd(s, x):
    """The values, and the orthogonal factor u v, which does not depend on the signs of the vectors."""
    u, values, v = s.np.linalg.svd(x, full_matrices=False)
    return values, u @ v


def eigh(s, x):
    """The values, and the squares of the vectors, whose signs are LAPACK's choice."""
    values, vectors = s.np.linalg.eigh(symmetric(x))
    return values, vectors**2


def qr(s, x):
    q, r = s.np.linalg.qr(x)
    return q, r


def cholesky(s, x):
    return s.np.linalg.cholesky(definite(s, x))


def filtered(s, x):
    return s.np.fft.irfft(s.np.fft.rfft(x) ** 2, x.shape[0])


def polyfit(s, y):
    return s.np.polyfit(np.linspace(-1.0, 1.0, y.shape[0]), y, 3)


def histogram(s, weights):
    edges = np.linspace(0.0, 1.0, 11)
    return s.np.histogram(np.modf(np.arange(weights.shape[0]) * 0.618)[0], bins=edges, weights=weights)[0]


def interp(s, x, values):
    return s.np.interp(x, np.linspace(0.0, 1.0, 20), values)


MATRICES = (4, 48)
BATCHES = (10, 1000)
VECTORS = (10, 10_000)
LINEAR_ALGEBRA, FOURIER, STATISTICS = "linear algebra", "fourier", "statistics"

CASES = (
    declare(LINEAR_ALGEBRA, "svd, values", lambda s, x: s.np.linalg.svd(x, compute_uv=False), square, MATRICES),
    declare(LINEAR_ALGEBRA, "svd", svd, square, MATRICES),
    declare(LINEAR_ALGEBRA, "eigvalsh", lambda s, x: s.np.linalg.eigvalsh(symmetric(x)), square, MATRICES),
    declare(LINEAR_ALGEBRA, "eigh", eigh, square, MATRICES),
    declare(LINEAR_ALGEBRA, "qr", qr, tall, MATRICES),
    declare(LINEAR_ALGEBRA, "lstsq", lambda s, a, b: s.np.linalg.lstsq(a, b)[0], overdetermined, MATRICES),
    declare(LINEAR_ALGEBRA, "pinv", lambda s, x: s.np.linalg.pinv(x), tall, MATRICES),
    declare(LINEAR_ALGEBRA, "cholesky", cholesky, square, MATRICES),
    declare(LINEAR_ALGEBRA, "inv", lambda s, x: s.np.linalg.inv(x), square, MATRICES),
    declare(LINEAR_ALGEBRA, "det", lambda s, x: s.np.linalg.det(x), square, MATRICES),
    declare(LINEAR_ALGEBRA, "slogdet", lambda s, x: s.np.linalg.slogdet(x)[1], square, MATRICES),
    declare(LINEAR_ALGEBRA, "solve", lambda s, a, b: s.np.linalg.solve(a, b), system, MATRICES),
    declare(LINEAR_ALGEBRA, "matrix_power", lambda s, x: s.np.linalg.matrix_power(x, 5), square, MATRICES),
    declare(LINEAR_ALGEBRA, "solve, many of order 3", lambda s, a, b: s.np.linalg.solve(a, b), systems, BATCHES),
    declare(LINEAR_ALGEBRA, "inv, many of order 3", lambda s, x: s.np.linalg.inv(x), batch, BATCHES),
    declare(LINEAR_ALGEBRA, "det, many of order 3", lambda s, x: s.np.linalg.det(x), batch, BATCHES),
    declare(LINEAR_ALGEBRA, "cholesky, many of order 3", cholesky, batch, BATCHES),
    declare(LINEAR_ALGEBRA, "eigh, many of order 3", eigh, batch, BATCHES),
    declare("products", "einsum", lambda s, a, b, c: s.np.einsum("ij,jk,kl->il", a, b, c), three, MATRICES),
    declare("products", "tensordot", lambda s, a, b, c: s.np.tensordot(a, b @ c, axes=((0,), (1,))), three, MATRICES),
    declare("products", "kron", lambda s, a, b: s.np.kron(a, b), lambda n, rng: three(n, rng)[:2], (3, 12)),
    declare("products", "outer", lambda s, a, b: s.np.outer(a, b), pair, (10, 300)),
    declare(FOURIER, "fft", lambda s, x: s.np.fft.fft(x), normal, (16, 4096)),
    declare(FOURIER, "rfft", lambda s, x: s.np.fft.rfft(x), normal, (16, 4096)),
    declare(FOURIER, "rfft, a filter", filtered, normal, (16, 4096)),
    declare(FOURIER, "fft2", lambda s, x: s.np.fft.fft2(x), image, (8, 128)),
    declare("polynomials", "polyval", lambda s, c, x: s.np.polyval(c, x), coefficients, VECTORS),
    declare("polynomials", "polyfit", polyfit, samples, (10, 1000)),
    declare("polynomials", "polymul", lambda s, a, b: s.np.polymul(a, b), signal, (10, 1000)),
    declare(STATISTICS, "var", lambda s, x: s.np.var(x, axis=1), observations, VECTORS),
    declare(STATISTICS, "cov", lambda s, x: s.np.cov(x), observations, VECTORS),
    declare(STATISTICS, "corrcoef", lambda s, x: s.np.corrcoef(x), observations, VECTORS),
    declare(STATISTICS, "quantile", lambda s, x: s.np.quantile(x, np.array([0.1, 0.5, 0.9])), shuffled, VECTORS),
    declare(STATISTICS, "median", lambda s, x: s.np.median(x, axis=1), shuffled_rows, VECTORS),
    declare(STATISTICS, "average", lambda s, x, w: s.np.average(x, weights=w), pair, VECTORS),
    declare(STATISTICS, "histogram, weights", histogram, positive, VECTORS),
    declare("sorting", "sort", lambda s, x: s.np.sort(x), shuffled, VECTORS),
    declare("sorting", "sort, rows", lambda s, x: s.np.sort(x, axis=1), shuffled_rows, VECTORS),
    declare("sorting", "max", lambda s, x: s.np.max(x, axis=0), observations, VECTORS),
    declare("sorting", "argsort and take", lambda s, x, y: y[s.np.argsort(x)], shuffled_pair, VECTORS),
    declare("windows", "pad", lambda s, x: s.np.pad(x, 3, mode="reflect"), normal, VECTORS),
    declare("windows", "convolve", lambda s, x, k: s.np.convolve(x, k), signal, VECTORS),
    declare("windows", "correlate", lambda s, x, k: s.np.correlate(x, k, mode="same"), signal, VECTORS),
    declare("windows", "gradient", lambda s, x: s.np.gradient(x), normal, VECTORS),
    declare("windows", "roll", lambda s, x: s.np.roll(x, 2) * x, normal, VECTORS),
    declare("cumulative", "cumsum", lambda s, x: s.np.cumsum(x), normal, VECTORS),
    declare("cumulative", "cumprod", lambda s, x: s.np.cumprod(x), near_one, VECTORS),
    declare("cumulative", "diff", lambda s, x: s.np.diff(x, n=2), normal, VECTORS),
    declare("interpolation", "interp", interp, table, VECTORS),
    declare("elementwise", "sinc", lambda s, x: s.np.sinc(x), normal, VECTORS),
    declare("elementwise", "logaddexp", lambda s, x, y: s.np.logaddexp(x, y), pair, VECTORS),
    declare("elementwise", "arctan2", lambda s, x, y: s.np.arctan2(x, y), pair, VECTORS),
    declare("elementwise", "power", lambda s, x, y: s.np.power(y, x), pair, VECTORS),
)  # fmt: skip
