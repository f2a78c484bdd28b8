"""Linear algebra: solve, inverse, determinant, Cholesky factor, of matrices in the last two axes.

References
----------
M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation", in
*Advances in Automatic Differentiation*, Springer, 2008: sections 2.2.3 (inverse), 2.2.4 (determinant), 2.3.1 (solve).
I. Murray, "Differentiation of the Cholesky decomposition", arXiv:1602.07527, 2016, equation 8.
"""

import numpy as np

from mmad._core import shape_of
from mmad.ops import arithmetic as a
from mmad.ops.declare import nonlinear, zero_like
from mmad.ops.movement import concatenate, reshape, swap, viewed
from mmad.ops.products import adjoint_of
from mmad.ops.reduction import matmul, sum_

__all__ = ["cholesky", "cofactor", "cofactor_tangent", "det", "inv", "slogdet", "solve"]

MATRIX = np.array([[1.9, 0.3, -0.7], [-0.2, 1.4, 0.5], [0.6, -0.9, 2.2]])
STACK = np.stack([MATRIX, MATRIX.T + 0.5 * np.eye(3)])
SYMMETRIC = MATRIX @ MATRIX.T
COLUMNS = np.array([[0.4, -1.1], [1.3, 0.2], [-0.5, 0.8]])


def adjoint(x):
    """Return the conjugate transpose of the matrices in the last two axes."""
    return swap(adjoint_of(x))


def trace_of_product(x, y):
    """Return the sum of the elementwise products of matrices: of x^T y, the trace; zeros of y win."""
    n = len(shape_of(x)) if len(shape_of(x)) > len(shape_of(y)) else len(shape_of(y))
    return sum_(a.chain(y, x), axis=(n - 2, n - 1), keepdims=False)


def scale(s, x):
    """Return matrices, each times a number, which wins where it is zero."""
    return a.chain(viewed(s, lambda m: m[..., None, None]) if shape_of(s) else s, x)


# --- solve and inverse ------------------------------------------------------------------------------------
def _solve_jvp(dots, out, m, b):
    """Return dX = A^-1 (dB - dA X) of X = A^-1 B."""
    dm, db = dots
    rhs = db
    if dm is not None:
        rhs = a.negative(matmul(dm, out)) if db is None else a.subtract(db, matmul(dm, out))
    return solve(m, rhs)


def _lined_up(x, batched, rank):
    """Put lanes first, then axes of length 1 up to the common rank of one lane's operands."""
    shape = shape_of(x)
    return reshape(x, shape[:1] + (1,) * (rank + 1 - len(shape)) + shape[1:]) if batched else x


def _solve_batch(vals, batched):
    m, b = vals
    nm, nb = (len(shape_of(v)) - bool(k) for v, k in zip(vals, batched, strict=True))
    if not batched[0] and nm == 2 and nb == 2:  # one matrix, many right sides: factor it once
        count, n, k = shape_of(b)
        x = solve(m, reshape(viewed(b, lambda v: v.transpose(1, 0, 2)), (n, count * k)))
        return viewed(reshape(x, (n, count, k)), lambda v: v.transpose(1, 0, 2))
    rank = max(nm, nb)
    return solve(_lined_up(m, batched[0], rank), _lined_up(b, batched[1], rank))


# The right side is a matrix, or a stack of matrices.
solve = nonlinear(
    "solve",
    np.linalg.solve,
    _solve_jvp,
    transposes={1: lambda ct, m, b: solve(adjoint(m), ct)},
    batch=_solve_batch,
    nin=2,
    probes=((MATRIX, COLUMNS), (STACK, COLUMNS), (MATRIX, np.stack([COLUMNS, COLUMNS[::-1]]))),
)


def _batch_last_axes(op):
    """Return the batch rule of an operation on the last two axes of one operand."""
    return lambda vals, batched: op()(vals[0])


def _inv_transpose(ct, m):
    x = adjoint(inv(m))
    return a.negative(matmul(matmul(x, ct), x))


inv = nonlinear(
    "inv",
    np.linalg.inv,
    lambda dots, out, m: a.negative(matmul(matmul(out, dots[0]), out)),
    transposes={0: _inv_transpose},
    batch=_batch_last_axes(lambda: inv),
    probes=((MATRIX,), (STACK,)),
)


# --- determinants -----------------------------------------------------------------------------------------
WELL_CONDITIONED = 1e4  # up to here det(A) A^-T loses at most four digits; beyond, the singular values are used


def _products_but_one(s):
    """Return for each entry along the last axis the product of all others."""
    one = np.ones_like(s[..., :1])
    before = np.cumprod(np.concatenate([one, s[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([one, s[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    return before * after


def _factors(m):
    """Return singular vectors and values, and the determinant of the vectors, of modulus one."""
    u, s, vh = np.linalg.svd(m)
    return u, s, vh, np.linalg.det(u) * np.linalg.det(vh)


def _singular_cofactor(m):
    u, s, vh, sign = _factors(m)
    return (sign[..., None, None] * np.conj(u) * _products_but_one(s)[..., None, :]) @ np.conj(vh)


def _cofactor(m):
    """Return the matrix of cofactors, det(A) A^-T, also of a singular A."""
    if not m.shape[-1]:
        return m.copy()
    try:
        inverse = np.linalg.inv(m)
    except np.linalg.LinAlgError:
        return _singular_cofactor(m)
    det = np.linalg.det(m)
    norms = np.abs(m).sum(axis=-1).max(axis=-1) * np.abs(inverse).sum(axis=-1).max(axis=-1)
    if np.all(norms < WELL_CONDITIONED) and np.all(det != 0):
        return det[..., None, None] * np.swapaxes(inverse, -1, -2)
    return _singular_cofactor(m)


def _cofactor_tangent(m, x):
    """Return the derivative of the cofactors of A in the direction X, also at a singular A.

    With A = U S V^H and Y = U^H X V, the second derivative of det(A) in the directions X and U Z V^H is
    det(U V^H) sum_{i != j} p_ij (y_ii z_jj - y_ij z_ji), p_ij the product of all singular values but the i-th and j-th.
    """
    n = m.shape[-1]
    u, s, vh, sign = _factors(m)
    y = np.swapaxes(np.conj(u), -1, -2) @ x @ np.swapaxes(np.conj(vh), -1, -2)
    rest = np.where(np.eye(n, dtype=bool), np.ones((), s.dtype), s[..., None, :])  # row i: all but the i-th
    p = _products_but_one(rest) * (1 - np.eye(n, dtype=s.dtype))
    core = -p * np.swapaxes(y, -1, -2)
    k = np.arange(n)
    core[..., k, k] = (p @ np.diagonal(y, axis1=-2, axis2=-1)[..., None])[..., 0]
    return sign[..., None, None] * (np.conj(u) @ core @ np.conj(vh))


def _cofactor_tangent_jvp(dots, out, m, x):
    """Differentiate C_X = (tr(A^-1 X) I - B X^T) C, where B = A^-T and C are the cofactors: needs a regular A."""
    dm, dx = dots
    total = None if dx is None else cofactor_tangent(m, dx)
    if dm is None:
        return total
    c, b = cofactor(m), swap(inv(m))
    db = a.negative(matmul(matmul(b, swap(dm)), b))
    dc = cofactor_tangent(m, dm)
    terms = a.subtract(
        a.add(scale(trace_of_product(dc, x), b), scale(trace_of_product(c, x), db)),
        a.add(matmul(matmul(db, swap(x)), c), matmul(matmul(b, swap(x)), dc)),
    )
    return terms if total is None else a.add(total, terms)


def _cofactor_tangent_batch(vals, batched):
    rank = max(len(shape_of(v)) - bool(k) for v, k in zip(vals, batched, strict=True))
    return cofactor_tangent(*[_lined_up(v, k, rank) for v, k in zip(vals, batched, strict=True)])


# Linear and self-adjoint in X.
cofactor_tangent = nonlinear(
    "cofactor_tangent",
    _cofactor_tangent,
    _cofactor_tangent_jvp,
    transposes={1: lambda ct, m, x: cofactor_tangent(adjoint_of(m), ct)},
    batch=_cofactor_tangent_batch,
    nin=2,
    probes=((MATRIX, MATRIX[::-1]), (STACK, MATRIX)),
)

cofactor = nonlinear(
    "cofactor",
    _cofactor,
    lambda dots, out, m: cofactor_tangent(m, dots[0]),
    batch=_batch_last_axes(lambda: cofactor),
    probes=((MATRIX,), (STACK,)),
)

# The first two derivatives of the determinant are right at singular matrices too; the third needs a regular one.
det = nonlinear(
    "det",
    np.linalg.det,
    lambda dots, out, m: trace_of_product(cofactor(m), dots[0]),
    transposes={0: lambda ct, m: scale(ct, adjoint_of(cofactor(m)))},
    batch=_batch_last_axes(lambda: det),
    probes=((MATRIX,), (STACK,), (np.diag([1.3, 0.0, -0.4]),)),
)


def _slogdet(m):
    sign, logdet = np.linalg.slogdet(m)
    return np.stack([sign, logdet])


def _slogdet_jvp(dots, out, m):
    t = trace_of_product(_row(swap(inv(m))), _row(dots[0]))
    if getattr(t, "dtype", np.dtype(float)).kind != "c":
        return concatenate(zero_like(t), t, axis=0)
    sign = viewed(out, lambda v: v[:1])
    return concatenate(a.multiply(sign, a.multiply(1j, a.imag(t))), a.real(t), axis=0)


def _row(x):
    return viewed(x, lambda m: m[None])


def _slogdet_batch(vals, batched):
    return viewed(slogdet(vals[0]), lambda m: np.moveaxis(m, 0, 1))


# Sign and logarithm of the modulus, along a new first axis.
slogdet = nonlinear("slogdet", _slogdet, _slogdet_jvp, batch=_slogdet_batch, probes=((MATRIX,), (STACK,)))


# --- Cholesky ---------------------------------------------------------------------------------------------
def lower_triangle(x, diagonal):
    """Return the lower triangle; the diagonal, made real, times a number."""
    n = shape_of(x)[-1]
    below = a.select(np.tri(n, k=-1, dtype=bool), x, 0.0)
    if not diagonal:
        return below
    return a.add(below, a.multiply(diagonal, a.select(np.eye(n, dtype=bool), _real(x), 0.0)))


def _real(x):
    return a.real(x) if getattr(x, "dtype", np.dtype(float)).kind == "c" else x


def _cholesky_jvp(dots, out, m):
    """Return dL = L Phi(L^-1 dA L^-H) of A = L L^H, where Phi takes the lower triangle and halves the diagonal.

    NumPy reads the lower triangle of A alone, so its derivative is that of a function of the lower triangle.
    """
    d = a.add(lower_triangle(dots[0], 1.0), adjoint(lower_triangle(dots[0], 0.0)))
    inner = solve(out, adjoint(solve(out, d)))
    return matmul(out, lower_triangle(inner, 0.5))


def _cholesky_transpose(ct, m):
    """Return S + S^H, half its diagonal, where S = L^-H Phi(L^H ct) L^-1: both triangles act through the lower one.

    Phi + Phi^H is Hermitian, and so is L^-H (Phi + Phi^H) L^-1, which saves a transposition.
    """
    h = adjoint(cholesky(m))
    phi = lower_triangle(matmul(h, ct), 0.5)
    return lower_triangle(solve(h, adjoint(solve(h, a.add(phi, adjoint(phi))))), 0.5)


cholesky = nonlinear(
    "cholesky",
    np.linalg.cholesky,
    _cholesky_jvp,
    transposes={0: _cholesky_transpose},
    batch=_batch_last_axes(lambda: cholesky),
    probes=((SYMMETRIC,), (np.stack([SYMMETRIC, SYMMETRIC + np.eye(3)]),)),
)
