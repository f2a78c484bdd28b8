"""`numpy.linalg` on traced values: singular values, general eigenvalues, QR, least squares and what is made of them.

What is differentiable in each, and which choice of LAPACK is free, is said in :mod:`mmad.ops.singular`,
:mod:`mmad.ops.general_eigen` and :mod:`mmad.ops.least_squares`.
"""

import collections

import numpy as np

from mmad._core import dtype_of, shape_of
from mmad.errors import UnsupportedError
from mmad.numpy._implements import implements
from mmad.numpy.joining import as_operand
from mmad.numpy.shaping import ravel, transpose
from mmad.ops import arithmetic as a_
from mmad.ops import general_eigen, least_squares, singular
from mmad.ops.movement import reshape, viewed
from mmad.ops.powers import absolute
from mmad.ops.products import adjoint_of
from mmad.ops.reduction import sum_
from mmad.python.kinds import isplain

__all__ = ["cond", "eig", "eigvals", "lstsq", "matrix_rank", "pinv", "qr", "svd", "svdvals", "tensorsolve"]

SVDResult = collections.namedtuple("SVDResult", ["U", "S", "Vh"])
QRResult = collections.namedtuple("QRResult", ["Q", "R"])
EigResult = collections.namedtuple("EigResult", ["eigenvalues", "eigenvectors"])


def _matrices(x):
    """Return an operand of LAPACK, with at least two axes and of floating-point numbers."""
    x = as_operand(x)
    if len(shape_of(x)) < 2:
        raise np.linalg.LinAlgError(
            f"{len(shape_of(x))}-dimensional array given. Array must be at least two-dimensional"
        )
    return x if dtype_of(x).kind in "fc" else a_.astype(x, dtype=np.dtype(float))


def _square(x):
    x = _matrices(x)
    if shape_of(x)[-1] != shape_of(x)[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    return x


def _eps(x):
    return np.finfo(dtype_of(x)).eps


# --- singular values --------------------------------------------------------------------------------------
@implements(np.linalg.svd)
def svd(a, full_matrices=True, compute_uv=True, hermitian=False):
    """`numpy.linalg.svd`."""
    a = _matrices(a)
    if hermitian:
        return _hermitian_svd(a, compute_uv)
    u, s, vh = singular.singular_parts(
        singular.svd(a, full=bool(full_matrices and compute_uv)), a, full_matrices and compute_uv
    )
    return SVDResult(u, s, vh) if compute_uv else s


def _hermitian_svd(a, compute_uv):
    if not compute_uv:
        return np.flip(np.sort(np.abs(np.linalg.eigvalsh(a)), axis=-1), axis=-1)
    w, u = np.linalg.eigh(a)
    order = np.flip(np.argsort(np.abs(w), axis=-1), axis=-1)
    sign = np.take_along_axis(np.copysign(1.0, w), order, axis=-1)
    u = np.take_along_axis(u, order[..., None, :], axis=-1)
    return SVDResult(
        u, np.take_along_axis(np.abs(w), order, axis=-1), adjoint_of(np.swapaxes(u * sign[..., None, :], -1, -2))
    )


@implements(np.linalg.svdvals)
def svdvals(x, /):
    """`numpy.linalg.svdvals`."""
    return svd(x, compute_uv=False)


@implements(np.linalg.matrix_rank)
def matrix_rank(A, tol=None, hermitian=False, *, rtol=None):
    """`numpy.linalg.matrix_rank`: plain integers."""
    if rtol is not None and tol is not None:
        raise ValueError("`tol` and `rtol` can't be both set.")
    A = as_operand(A)
    if len(shape_of(A)) < 2:
        return int(bool(np.any(A != 0)))
    s = svd(A, compute_uv=False, hermitian=hermitian)
    if tol is None:
        rtol = max(shape_of(A)[-2:]) * _eps(s) if rtol is None else np.asarray(rtol)[..., None]
        tol = np.max(s, axis=-1, keepdims=True) * rtol
    else:
        tol = np.asarray(tol)[..., None]
    return np.count_nonzero(s > tol, axis=-1)


@implements(np.linalg.cond)
def cond(x, p=None):
    """`numpy.linalg.cond`."""
    x = as_operand(x)
    if 0 in shape_of(x)[-2:]:
        raise np.linalg.LinAlgError("cond is not defined on empty arrays")
    if p is None or p in (2, -2):
        s = svd(x, compute_uv=False)
        first, last = s[..., 0], s[..., -1]
        with np.errstate(all="ignore"):
            r = last / first if p == -2 else first / last
    else:
        x = _square(x)
        try:
            inverse = np.linalg.inv(x)
        except np.linalg.LinAlgError:
            return np.full(shape_of(x)[:-2], np.inf, np.zeros((), dtype_of(x)).real.dtype)[()]
        r = np.linalg.norm(x, p, axis=(-2, -1)) * np.linalg.norm(inverse, p, axis=(-2, -1))
    undefined = np.isnan(r) & ~np.any(np.isnan(x), axis=(-2, -1))
    return a_.select(undefined, np.asarray(np.inf, dtype_of(r))[()], r)


# --- least squares ----------------------------------------------------------------------------------------
def _cutoff(rcond, what):
    if not isplain(rcond, int | float | np.number) and np.ndim(rcond) != 0:
        raise UnsupportedError(
            f"numpy.linalg.{what} of traced values takes one cutoff for all matrices; call it for each of them"
        )
    return float(rcond)


@implements(np.linalg.pinv)
def pinv(a, rcond=None, hermitian=False, *, rtol=np._NoValue):
    """`numpy.linalg.pinv`: its derivative is that along changes of the matrix that keep its rank."""
    a = _matrices(a)
    if rcond is None:
        rtol = 1e-15 if rtol is np._NoValue else rtol
        rcond = max(shape_of(a)[-2:]) * _eps(a) if rtol is None else rtol
    elif rtol is not np._NoValue:
        raise ValueError("`rtol` and `rcond` can't be both set.")
    if 0 in shape_of(a)[-2:]:
        return np.zeros((*shape_of(a)[:-2], shape_of(a)[-1], shape_of(a)[-2]), dtype_of(a))
    if hermitian:  # NumPy reads the lower triangle
        below = np.tril(a, -1)
        a = below + adjoint_of(np.swapaxes(below, -1, -2)) + a_.real(a) * np.eye(shape_of(a)[-1], dtype=dtype_of(a))
    return least_squares.pinv(a, rtol=_cutoff(rcond, "pinv"), hermitian=bool(hermitian))


@implements(np.linalg.lstsq)
def lstsq(a, b, rcond=None):
    """`numpy.linalg.lstsq`."""
    a, b = _matrices(a), as_operand(b)
    if len(shape_of(a)) != 2 or len(shape_of(b)) not in (1, 2):
        raise np.linalg.LinAlgError(f"{len(shape_of(a))}-dimensional array given. Array must be two-dimensional")
    (m, n), k = shape_of(a), shape_of(b)[0]
    if m != k:
        raise np.linalg.LinAlgError("Incompatible dimensions")
    dtype = np.result_type(dtype_of(a), dtype_of(b))
    a, b = (x if dtype_of(x) == dtype else a_.astype(x, dtype=dtype) for x in (a, b))
    rcond = np.finfo(dtype).eps * max(m, n) if rcond is None else _cutoff(rcond, "lstsq")
    s = svdvals(a)
    rank = np.count_nonzero(s > rcond * np.max(s)) if min(m, n) else 0
    x = least_squares.lstsq(a, b, rcond=rcond)
    if m > n and rank == n:
        rest = a_.subtract(b, a @ x)
        residuals = sum_(a_.square(absolute(rest)), axis=(0,), keepdims=len(shape_of(b)) == 1)
    else:
        residuals = np.array([], np.zeros((), dtype).real.dtype)
    return x, residuals, rank, s


@implements(np.linalg.tensorsolve)
def tensorsolve(a, b, axes=None):
    """`numpy.linalg.tensorsolve`."""
    a, b = as_operand(a), as_operand(b)
    ndim = len(shape_of(a))
    if axes is not None:
        order = list(range(ndim))
        for k in axes:
            order.remove(k)
            order.insert(ndim, k)
        a = transpose(a, order)
    shape = shape_of(a)[-(ndim - len(shape_of(b))) :]
    rows = int(np.prod(shape))
    if int(np.prod(shape_of(a))) != rows**2:
        raise np.linalg.LinAlgError(
            "Input arrays must satisfy the requirement             prod(a.shape[b.ndim:]) == prod(a.shape[:b.ndim])"
        )
    return reshape(np.linalg.solve(reshape(a, (rows, rows)), ravel(b)), shape)


# --- QR ---------------------------------------------------------------------------------------------------
@implements(np.linalg.qr)
def qr(a, mode="reduced"):
    """`numpy.linalg.qr`."""
    if mode not in ("reduced", "complete", "r", "raw"):
        raise ValueError(f"Unrecognized mode '{mode}'")
    if mode == "raw":
        raise UnsupportedError(
            "numpy.linalg.qr(mode='raw') returns LAPACK's Householder reflectors, which have no derivative rule; write "
            "mode='reduced', 'complete' or 'r'"
        )
    a = _matrices(a)
    full = mode == "complete" and shape_of(a)[-2] > shape_of(a)[-1]
    q, r = least_squares.qr_parts(least_squares.qr(a, full=full), a, full)
    return r if mode == "r" else QRResult(q, r)


# --- eigenvalues ------------------------------------------------------------------------------------------
#: Whether NumPy gives real eigenvalues of a real matrix as complex numbers.
ALWAYS_COMPLEX = np.lib.NumpyVersion(np.__version__) >= "2.5.0"


def real_if_all(a, w, *others):
    """Return eigenvalues and more of `a`, as real numbers where `a` and all eigenvalues are real."""
    if dtype_of(a).kind != "c" and bool(general_eigen.all_real(w)):
        return [a_.real(x) for x in (w, *others)]
    return [w, *others]


@implements(np.linalg.eig)
def eig(a):
    """`numpy.linalg.eig`: eigenvectors are differentiated as LAPACK scales them."""
    a = _square(a)
    found = general_eigen.eig_parts(general_eigen.eig(a), a)
    return EigResult(*(found if ALWAYS_COMPLEX else real_if_all(a, *found)))


@implements(np.linalg.eigvals)
def eigvals(a):
    """`numpy.linalg.eigvals`."""
    a = _square(a)
    found = general_eigen.eigvals(a)
    return found if ALWAYS_COMPLEX else real_if_all(a, found)[0]


def _without_zeros(s):
    """Return singular values without a derivative where they are zero: of norms, the subgradient of least length."""
    zero = s <= singular.ROUNDING * shape_of(s)[-1] * _eps(s) * np.max(s, axis=-1, keepdims=True)
    return a_.select(zero, a_.stop_gradient(s), s)


def singular_norm(x, order, row, column, keepdims):
    """Return a matrix norm made of singular values: the largest, the smallest, or their sum ("nuc")."""
    ndim = len(shape_of(x))
    rest = [k for k in range(ndim) if k not in (row, column)]
    s = _without_zeros(svdvals(viewed(x, lambda m: m.transpose(*rest, row, column))))
    if order == "nuc":
        r = np.sum(s, axis=-1)
    else:
        r = s[..., 0 if order == 2 else -1] if shape_of(s)[-1] else np.max(s, axis=-1)
    if not keepdims:
        return r
    return reshape(r, tuple(1 if k in (row, column) else d for k, d in enumerate(shape_of(x))))
