"""Functions of `scipy.linalg` on traced values: systems, factors, eigenvalues, singular values, norms."""

import numpy as np
import scipy.linalg as _scipy

from mmad._core import dtype_of, shape_of
from mmad.errors import UnsupportedError
from mmad.numpy.decompositions import real_if_all
from mmad.numpy.joining import as_operand
from mmad.ops import arithmetic as a_
from mmad.ops.movement import viewed
from mmad.ops.products import adjoint_of
from mmad.scipy._drop_in import as_double, replaces
from mmad.scipy.linalg import _operations as ops

FUNCTIONS = {}
REFUSED = []
IGNORED = ("overwrite_a", "overwrite_b", "overwrite_ab", "check_finite", "lwork", "lapack_driver", "driver", "workers")


def function(implementation):
    """Decorate an implementation on traced values of SciPy's function of the same name."""
    name = implementation.__name__
    made = replaces(getattr(_scipy, name), f"scipy.linalg.{name}", ignored=IGNORED)(implementation)
    FUNCTIONS[name] = made
    return made


def adjoint(x):
    """Return the conjugate transpose of matrices."""
    return adjoint_of(viewed(x, lambda m: m.swapaxes(-1, -2)))


def common(*arrays):
    """Return operands of LAPACK: arrays of floating-point numbers of one dtype."""
    arrays = [as_operand(x) for x in arrays]
    dtype = np.result_type(*[dtype_of(x) for x in arrays], np.float32 if any(_single(x) for x in arrays) else float)
    return [x if dtype_of(x) == dtype else a_.astype(x, dtype=dtype) for x in arrays]


def _single(x):
    return dtype_of(x) in (np.float32, np.complex64)


def square(a):
    """Return a matrix, or raise SciPy's error if it is not a square one."""
    (a,) = common(a)
    if len(shape_of(a)) < 2 or shape_of(a)[-1] != shape_of(a)[-2]:
        raise ValueError("Expected a square matrix")
    return a


def column(b):
    """Return a vector as a matrix of one column."""
    return viewed(b, lambda m: m[:, None]) if len(shape_of(b)) == 1 else b


def like_sides(x, b):
    """Return a solution in the shape of its right side."""
    return viewed(x, lambda m: m[:, 0]) if len(shape_of(b)) == 1 else x


def hermitian(a, lower, conjugate=True):
    """Return the symmetric or Hermitian matrix of which SciPy reads one triangle."""
    part = np.tril(a, -1) if lower else np.triu(a, 1)
    other = viewed(part, lambda m: m.swapaxes(-1, -2))
    diagonal = a * np.eye(shape_of(a)[-1], dtype=bool)
    return part + (adjoint_of(other) if conjugate else other) + (a_.real(diagonal) if conjugate else diagonal)


# --- systems ----------------------------------------------------------------------------------------------
STRUCTURES = {
    None: lambda a, lower: a,
    "gen": lambda a, lower: a,
    "general": lambda a, lower: a,
    "banded": lambda a, lower: a,
    "sym": lambda a, lower: hermitian(a, lower, conjugate=False),
    "symmetric": lambda a, lower: hermitian(a, lower, conjugate=False),
    "her": hermitian,
    "hermitian": hermitian,
    "pos": hermitian,
    "positive definite": hermitian,
    "diagonal": lambda a, lower: a * np.eye(shape_of(a)[-1]),
    "tridiagonal": lambda a, lower: a * (np.tri(shape_of(a)[-1], k=1) - np.tri(shape_of(a)[-1], k=-2)),
    "upper triangular": lambda a, lower: np.triu(a),
    "lower triangular": lambda a, lower: np.tril(a),
}


@function
def solve(a, b, lower=False, assume_a=None, transposed=False):
    """Solve linear systems."""
    a, b = common(a, b)
    a = square(a)
    if assume_a not in STRUCTURES:
        raise ValueError(f"{assume_a} is not a recognized matrix structure")
    a = STRUCTURES[assume_a](a, lower)
    return np.linalg.solve(viewed(a, lambda m: m.swapaxes(-1, -2)) if transposed else a, b)


@function
def inv(a, assume_a=None, lower=False):
    """Return the inverse."""
    return np.linalg.inv(STRUCTURES[assume_a](square(a), lower))


@function
def det(a):
    """Return the determinant."""
    return np.linalg.det(as_double(square(a)))


@function
def solve_triangular(a, b, trans=0, lower=False, unit_diagonal=False):
    """Solve triangular systems."""
    a, b = common(a, b)
    a = square(a)
    if trans in (1, 2, "T", "C"):
        a, lower = (adjoint(a) if trans in (2, "C") else viewed(a, lambda m: m.swapaxes(-1, -2))), not lower
    return like_sides(ops.triangular(a, column(b), lower=bool(lower), unit=bool(unit_diagonal)), b)


@function
def solve_banded(l_and_u, ab, b):
    """Solve banded systems."""
    ab, b = common(ab, b)
    bands = tuple(int(k) for k in l_and_u)
    if shape_of(ab)[0] != sum(bands) + 1:
        raise ValueError(
            f"invalid values for the number of lower and upper diagonals: l+u+1 ({sum(bands) + 1}) does not equal "
            f"ab.shape[0] ({shape_of(ab)[0]})"
        )
    return like_sides(ops.solve_banded(ab, column(b), bands=bands), b)


@function
def solveh_banded(ab, b, lower=False):
    """Solve banded Hermitian systems."""
    ab, b = common(ab, b)
    rows, n = shape_of(ab)
    main = a_.real(ab[0 if lower else rows - 1]) if dtype_of(ab).kind == "c" else ab[0 if lower else rows - 1]
    above, below = [], []
    for k in range(rows - 1, 0, -1):
        zeros = np.zeros(k, dtype_of(ab))
        band = ab[k, : n - k] if lower else ab[rows - 1 - k, k:]  # below the diagonal, or above it
        other = adjoint_of(band)
        above.append(np.concatenate([zeros, other if lower else band]))
        below.insert(0, np.concatenate([band if lower else other, zeros]))
    return like_sides(ops.solve_banded(np.stack([*above, main, *below]), column(b), bands=(rows - 1, rows - 1)), b)


# --- Cholesky and LU --------------------------------------------------------------------------------------
@function
def cholesky(a, lower=False):
    """Return the Cholesky factor, by default the upper one."""
    return np.linalg.cholesky(square(a), upper=not lower)


@function
def cho_factor(a, lower=False):
    """Return the Cholesky factor, whose other triangle is zero, and whether it is the lower one."""
    return np.linalg.cholesky(square(a), upper=not lower), lower


@function
def cho_solve(c_and_lower, b):
    """Solve systems with the result of :func:`cho_factor`."""
    c, lower = c_and_lower
    c, b = common(c, b)
    low, up = (c, adjoint(c)) if lower else (adjoint(c), c)
    x = ops.triangular(low, column(b), lower=True, unit=False)
    return like_sides(ops.triangular(up, x, lower=False, unit=False), b)


@function
def lu_factor(a):
    """Return L and U in one matrix, and LAPACK's exchanges of rows."""
    a = square(a)
    return ops.lu(a), ops.lu_pivots(a)


@function
def lu_solve(lu_and_piv, b, trans=0):
    """Solve systems with the result of :func:`lu_factor`."""
    lu, piv = lu_and_piv
    lu, b = common(lu, b)
    exchange = ops.permutation(piv).astype(bool)  # of whatever precision the factors have
    if trans == 0:
        x = ops.triangular(lu, exchange @ column(b), lower=True, unit=True)
        return like_sides(ops.triangular(lu, x, lower=False, unit=False), b)
    turned = adjoint(lu) if trans == 2 else viewed(lu, lambda m: m.swapaxes(-1, -2))
    x = ops.triangular(turned, column(b), lower=True, unit=False)
    return like_sides(exchange.T @ ops.triangular(turned, x, lower=False, unit=True), b)


@function
def lu(a, permute_l=False, p_indices=False):
    """Return P, L and U of A = P L U; P has no derivative."""
    a = square(a)
    both = ops.lu(a)
    low = np.tril(both, -1) + np.eye(shape_of(a)[-1], dtype=dtype_of(a))
    exchange = ops.lu_permutation(a)
    if permute_l:
        return exchange.T @ low, np.triu(both)
    if p_indices:
        return np.argmax(exchange.T, axis=1), low, np.triu(both)
    return exchange.T, low, np.triu(both)


# --- eigenvalues and singular values ----------------------------------------------------------------------
def _subset(x, chosen, axis_last=True):
    return x if chosen is None else x[..., chosen[0] : chosen[1] + 1]


def _generalised(a, b, lower):
    """Return L^-1 A L^-H, where B = L L^H, and L."""
    a, b = common(a, b)
    a, b = hermitian(square(a), lower), square(b)
    low = np.linalg.cholesky(hermitian(b, lower))
    inner = ops.triangular(low, a, lower=True, unit=False)
    return hermitian(adjoint(ops.triangular(low, adjoint(inner), lower=True, unit=False)), True), low


def _check_type(name, type, subset_by_value):
    if type != 1 or subset_by_value is not None:
        raise UnsupportedError(f"mmad.scipy.linalg.{name} of traced values knows type=1, and no subset_by_value")


@function
def eigvalsh(a, b=None, lower=True, type=1, subset_by_index=None, subset_by_value=None):
    """Return the eigenvalues of A v = w v or A v = w B v, Hermitian A and positive definite B."""
    _check_type("eigvalsh", type, subset_by_value)
    if b is None:
        return _subset(np.linalg.eigvalsh(square(a), "L" if lower else "U"), subset_by_index)
    return _subset(np.linalg.eigvalsh(_generalised(a, b, lower)[0]), subset_by_index)


@function
def eigh(a, b=None, lower=True, eigvals_only=False, type=1, subset_by_index=None, subset_by_value=None):
    """Return eigenvalues and eigenvectors of A v = w v or A v = w B v; their phases are those of SciPy."""
    _check_type("eigh", type, subset_by_value)
    if eigvals_only:
        return eigvalsh.implementation(a, b, lower, 1, subset_by_index)
    if b is None:
        a = square(a)
        w, v = np.linalg.eigh(a, "L" if lower else "U")
        phases = ops.aligned(v, a, lower=bool(lower))
    else:
        a, b = common(a, b)
        inner, low = _generalised(a, b, lower)
        w, v = np.linalg.eigh(inner)
        v = ops.triangular(adjoint(low), v, lower=False, unit=False)
        phases = ops.aligned_generalised(v, a, b, lower=bool(lower))
    return _subset(w, subset_by_index), _subset(v * phases[..., None, :], subset_by_index)


def _no_pencil(name, b, *others):
    if b is not None or any(others):
        raise UnsupportedError(
            f"mmad.scipy.linalg.{name} of traced values knows A v = w v and right eigenvectors: write solve(b, a) for A"
        )


@function
def eig(a, b=None, left=False, right=True, homogeneous_eigvals=False):
    """Return eigenvalues, complex, and right eigenvectors."""
    _no_pencil("eig", b, left, homogeneous_eigvals)
    if not right:
        return eigvals.implementation(a)
    a = square(a)
    w, v = real_if_all(a, *np.linalg.eig(a))
    return w + np.zeros((), np.result_type(dtype_of(w), np.complex64))[()], v


@function
def eigvals(a, b=None, homogeneous_eigvals=False):
    """Return eigenvalues, complex."""
    _no_pencil("eigvals", b, homogeneous_eigvals)
    w = np.linalg.eigvals(square(a))
    return w + np.zeros((), np.result_type(dtype_of(w), np.complex64))[()]


@function
def svd(a, full_matrices=True, compute_uv=True):
    """Return the singular value decomposition."""
    (a,) = common(a)
    r = np.linalg.svd(a, full_matrices, compute_uv)
    return tuple(r) if compute_uv else r


@function
def svdvals(a):
    """Return the singular values."""
    (a,) = common(a)
    return np.linalg.svdvals(a)


@function
def qr(a, mode="full", pivoting=False):
    """Return the QR factors."""
    if mode not in ("full", "r", "economic"):
        if mode == "raw":
            raise UnsupportedError("mmad.scipy.linalg.qr of traced values knows the modes full, economic and r")
        raise ValueError("Mode argument should be one of ['full', 'r', 'economic', 'raw']")
    (a,) = common(a)
    order = ops.column_pivots(a) if pivoting else None
    q, r = np.linalg.qr(
        a if order is None else np.take(a, order, axis=1), "reduced" if mode == "economic" else "complete"
    )
    return ((r,) if mode == "r" else (q, r)) + (() if order is None else (order,))


@function
def pinv(a, atol=None, rtol=None):
    """Return the pseudoinverse."""
    (a,) = common(a)
    if atol:
        raise UnsupportedError("mmad.scipy.linalg.pinv of traced values knows rtol, and no atol")
    return np.linalg.pinv(a, rtol=rtol)


@function
def lstsq(a, b, cond=None):
    """Return the least-squares solution, its residues, the rank and the singular values."""
    a, b = common(a, b)
    x, residues, rank, s = np.linalg.lstsq(a, b, np.finfo(dtype_of(a)).eps if cond is None else cond)
    return x, (residues[0] if len(shape_of(b)) == 1 and shape_of(residues) == (1,) else residues), rank, s


@function
def norm(a, ord=None, axis=None, keepdims=False):
    """Return a norm."""
    return np.linalg.norm(as_operand(a), ord, axis, keepdims)


@function
def polar(a, side="right"):
    """Return U and P of A = U P (right) or A = P U (left)."""
    if side not in ("right", "left"):
        raise ValueError("`side` must be either 'right' or 'left'")
    (a,) = common(a)
    u = ops.polar_factor(a)
    return u, hermitian(adjoint(u) @ a if side == "right" else a @ adjoint(u), True)


def _refused(name, cure):
    def refusal(*args, **kwargs):
        raise UnsupportedError(f"scipy.linalg.{name} {cure}")

    refusal.__name__ = name
    REFUSED.append(name)
    FUNCTIONS[name] = replaces(getattr(_scipy, name), f"scipy.linalg.{name}", ignored=IGNORED)(refusal)


_BASIS = "returns a basis that is LAPACK's choice, any other would do, so it has no derivative; "
_refused("null_space", _BASIS + "the projector on the null space has one: np.eye(n) - pinv(a) @ a")
_refused("orth", _BASIS + "the projector on the range has one: a @ pinv(a)")
_refused("schur", _BASIS + "write eigvals, or a function of the matrix: expm, logm, sqrtm")
