"""Matrix equations, functions of matrices and structured matrices of `scipy.linalg` on traced values."""

import numpy as np

from mmad._core import dtype_of, shape_of
from mmad.errors import UnsupportedError
from mmad.ops.movement import reshape
from mmad.ops.products import adjoint_of
from mmad.python.kinds import isplain
from mmad.scipy._drop_in import as_double
from mmad.scipy.linalg import _operations as ops
from mmad.scipy.linalg._functions import adjoint, column, common, function, like_sides, square


# --- functions of matrices --------------------------------------------------------------------------------
def _declare(name):
    def implementation(A):
        return ops.matrix_function(square(A), name=name, t=0.0)

    implementation.__name__ = name
    implementation.__doc__ = f"Return `scipy.linalg.{name}`."
    function(implementation)


for _name in ("expm", "cosm", "sinm", "tanm", "coshm", "sinhm", "tanhm"):
    _declare(_name)


@function
def sqrtm(A):
    """Return the square root of a matrix."""
    return ops.square_root(square(A))


# A derivative of a function f of A is a block of f([[A, E], [0, A]]), which rounding takes across the cut where A has
# eigenvalues on it.  Those of the square root are off the cut.
def _off_the_cut(A, name, t):
    """Return a function of a matrix that has a branch cut along the negative axis."""
    A = square(A)
    direct = ops.matrix_function(A, name=name, t=t)
    if dtype_of(direct).kind != "c" or dtype_of(A).kind == "c":
        return direct
    root = ops.square_root(A)
    if name == "logm":
        return 2.0 * ops.matrix_function(root, name=name, t=t)
    return ops.matrix_function(root, name=name, t=2.0 * t)


@function
def logm(A):
    """Return the logarithm of a matrix."""
    return _off_the_cut(A, "logm", 0.0)


@function
def fractional_matrix_power(A, t):
    """Return a real power of a matrix."""
    if not isplain(t, int | float):
        raise UnsupportedError("mmad.scipy.linalg.fractional_matrix_power has no derivative by the exponent")
    return _off_the_cut(A, "fractional_matrix_power", float(t))


@function
def expm_frechet(A, E, method=None, compute_expm=True):
    """Return the exponential and its derivative along E."""
    A, E = map(as_double, common(A, E))
    along = ops.matrix_function_along(square(A), E, name="expm", t=0.0)
    return (ops.matrix_function(A, name="expm", t=0.0), along) if compute_expm else along


# --- matrix equations -------------------------------------------------------------------------------------
@function
def solve_sylvester(a, b, q):
    """Solve A X + X B = Q."""
    return ops.sylvester(*common(a, b, q))


@function
def solve_continuous_lyapunov(a, q):
    """Solve A X + X A^H = Q."""
    a, q = common(a, q)
    return ops.sylvester(a, adjoint(a), q)


@function
def solve_discrete_lyapunov(a, q, method=None):
    """Solve A X A^H - X + Q = 0."""
    a, q = common(a, q)
    n = shape_of(a)[-1]
    if method not in (None, "direct", "bilinear"):
        raise ValueError(f"Unknown solver {method}")
    if method == "direct" or (method is None and n < 10):
        pairs = a[..., :, None, :, None] * np.conj(a)[..., None, :, None, :]
        left = np.eye(n * n) - reshape(pairs, (*shape_of(a)[:-2], n * n, n * n))
        x = np.linalg.solve(left, reshape(q, (*shape_of(q)[:-2], n * n, 1)))
        return reshape(x, (*shape_of(x)[:-2], n, n))
    eye, ah = np.eye(n), adjoint(a)
    right = np.linalg.inv(ah + eye)
    b = (ah - eye) @ right
    c = 2 * (np.linalg.inv(a + eye) @ q @ right)
    return ops.sylvester(adjoint(b), b, -c)


# --- structured matrices ----------------------------------------------------------------------------------
def _flat(x):
    (x,) = common(x)
    return reshape(x, (int(np.prod(shape_of(x))),))


def _column_and_row(c_or_cr):
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    c = _flat(c)
    return c, adjoint_of(c) if r is None else _flat(r)


@function
def toeplitz(c, r=None):
    """Return the Toeplitz matrix of a first column and a first row."""
    return ops.toeplitz_of(*common(*_column_and_row((c, r))))


@function
def solve_toeplitz(c_or_cr, b):
    """Solve a Toeplitz system."""
    c, r, b = common(*_column_and_row(c_or_cr), b)
    return like_sides(ops.solve_toeplitz(c, r, column(b)), b)


@function
def matmul_toeplitz(c_or_cr, x):
    """Return the product of a Toeplitz matrix."""
    c, r, x = map(as_double, common(*_column_and_row(c_or_cr), x))  # as SciPy's Fourier transforms
    return ops.toeplitz_of(c, r) @ x


@function
def circulant(c):
    """Return the circulant matrix of a first column."""
    (c,) = common(c)
    n = shape_of(c)[-1]
    return c[..., (np.arange(n)[:, None] - np.arange(n)) % n]


@function
def solve_circulant(c, b):
    """Solve a circulant system by Fourier transforms, along the first axis of b."""
    c, b = common(c, b)
    x = np.fft.ifft(np.fft.fft(column(b), axis=0) / column(np.fft.fft(c)), axis=0)
    return like_sides(x if dtype_of(c).kind == "c" or dtype_of(b).kind == "c" else x.real, b)


@function
def hankel(c, r=None):
    """Return the Hankel matrix of a first column and a last row."""
    c = _flat(c)
    r = np.zeros(shape_of(c), dtype_of(c)) if r is None else _flat(r)
    both = np.concatenate([c, r[1:]])
    return both[np.arange(shape_of(c)[0])[:, None] + np.arange(shape_of(r)[0])]


@function
def companion(a):
    """Return the companion matrix of a polynomial, the leading coefficient first."""
    (a,) = common(a)
    n = shape_of(a)[0] - 1
    if n < 1:
        raise ValueError("The length of `a` along the last axis must be at least 2.")
    if a[0] == 0:
        raise ValueError("The first coefficient(s) of `a` (i.e. elements of `a[..., 0]`) must not be zero.")
    return np.concatenate([(-a[1:] / a[0])[None], np.eye(n - 1, n, dtype=dtype_of(a))])


@function
def block_diag(*arrs):
    """Return the block diagonal matrix of matrices, rows and numbers."""
    blocks = [np.atleast_2d(x) for x in common(*arrs)]
    width, rows, at = sum(shape_of(x)[1] for x in blocks), [], 0
    for x in blocks:
        m, n = shape_of(x)
        parts = [np.zeros((m, at), dtype_of(x)), x, np.zeros((m, width - at - n), dtype_of(x))]
        rows.append(np.concatenate([p for p in parts if shape_of(p)[1]] or [x], axis=1))
        at += n
    return np.concatenate(rows)
