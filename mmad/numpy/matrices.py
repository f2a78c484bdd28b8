"""`numpy.linalg` on traced values: norms, solve, inverse, determinants, Cholesky, powers, Hermitian eigenproblems."""

import collections
import collections.abc

import numpy as np

from mmad._core import Wrapper, dtype_of, shape_of
from mmad.numpy._implements import implements
from mmad.numpy.decompositions import singular_norm
from mmad.numpy.joining import as_operand, normal_axis
from mmad.numpy.reductions import own_squares
from mmad.numpy.shaping import ravel
from mmad.ops import arithmetic as a
from mmad.ops import linalg as ops
from mmad.ops import spectral
from mmad.ops.arithmetic import real
from mmad.ops.movement import reshape, viewed
from mmad.ops.powers import absolute, power
from mmad.ops.reduction import matmul, sum_, sum_of_squares
from mmad.ops.slopes import root
from mmad.tape.contexts import basis
from mmad.tracing.eigenspaces import decomposed
from mmad.wrappers._squares import squares_of

SlogdetResult = collections.namedtuple("SlogdetResult", ["sign", "logabsdet"])
EighResult = collections.namedtuple("EighResult", ["eigenvalues", "eigenvectors"])


# --- norms ------------------------------------------------------------------------------------------------
def _power(s, order, at_zero):
    """Return a power of s where that is not zero; elsewhere `at_zero`, a zero with the derivatives it is to have."""
    zero = a.equal(s, 0.0)
    return a.select(zero, at_zero, power(a.select(zero, 1.0, s), order))


def _length(x, axes, keepdims):
    """Return the root of the sum of the squares of the moduli over some axes."""
    known = squares_of(x)  # the norm of norms
    if len(axes) == len(shape_of(x)) and not keepdims and dtype_of(x).kind != "c":
        s = sum_of_squares(ravel(x))
    else:
        s = sum_(own_squares(x), axis=axes, keepdims=keepdims)
    return root(s if known is None else a.tied(s, sum_(known, axis=axes, keepdims=keepdims)))


def _largest_or_smallest(x, axis, keepdims, largest):
    return (np.max if largest else np.min)(x, axis=axis, keepdims=keepdims)


def _vector_norm(x, order, axes, keepdims):
    if order is None or order == 2:
        return _length(x, axes, keepdims)
    if order in (np.inf, -np.inf):
        return _largest_or_smallest(absolute(x), axes, keepdims, order > 0)
    if order == 0:
        one = np.ones((), np.zeros((), dtype_of(x)).real.dtype)[()]
        return sum_(a.select(a.not_equal(x, 0.0), one, one - one), axis=axes, keepdims=keepdims)
    if isinstance(order, str):
        raise ValueError(f"Invalid norm order '{order}' for vectors")
    modulus = absolute(x)
    if order == 1:
        return sum_(modulus, axis=axes, keepdims=keepdims)
    order = float(order)
    if order < 0:
        s = sum_(power(modulus, order), axis=axes, keepdims=keepdims)
        return power(s, 1.0 / order)
    # Below 2 a power has no second derivative at zero, nor has a norm: no more than the modulus and the Euclidean norm.
    powers = _power(modulus, order, modulus if order < 2 else 0.0)
    return _power(sum_(powers, axis=axes, keepdims=keepdims), 1.0 / order, _length(x, axes, keepdims))


def _matrix_norm(x, order, row, column, keepdims):
    if order in (None, "fro", "f"):
        return _length(x, tuple(sorted((row, column))), keepdims)
    if order in (2, -2, "nuc"):
        return singular_norm(x, order, row, column, keepdims)
    if order in (np.inf, -np.inf):
        row, column = column, row
    elif order not in (1, -1):
        raise ValueError("Invalid norm order for matrices.")
    s = sum_(absolute(x), axis=(row,), keepdims=True)
    r = _largest_or_smallest(s, (row, column), True, order > 0)
    return r if keepdims else viewed(r, lambda m: m.squeeze((row, column)))


@implements(np.linalg.norm)
def norm(x, ord=None, axis=None, keepdims=False):
    """`numpy.linalg.norm`; the derivative at zero is zero, the second derivative NaN.

    Where all that is added up is zero the norm has no derivative; zero is the subgradient of least length.  Even powers
    of it are differentiated as sums of squares, which have all derivatives (`mmad.wrappers._squares`).
    """
    x = as_operand(x)
    ndim = len(shape_of(x))
    if axis is None:
        if ord is None or (ord in ("f", "fro") and ndim == 2) or (ord == 2 and ndim == 1):
            r = _length(x, tuple(range(ndim)), False)
            return reshape(r, (1,) * ndim) if keepdims else r
        axis = tuple(range(ndim))
    axes = (axis,) if np.ndim(axis) == 0 else tuple(axis)
    axes = tuple(normal_axis(int(k), ndim) for k in axes)
    if len(axes) == 1:
        return _vector_norm(x, ord, axes, keepdims)
    if len(axes) != 2:
        raise ValueError("Improper number of dimensions to norm.")
    if axes[0] == axes[1]:
        raise ValueError("Duplicate axes given.")
    return _matrix_norm(x, ord, *axes, keepdims)


@implements(np.linalg.vector_norm)
def vector_norm(x, /, *, axis=None, keepdims=False, ord=2):
    """`numpy.linalg.vector_norm`."""
    x = as_operand(x)
    ndim = len(shape_of(x))
    axes = tuple(range(ndim)) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, ndim)
    return _vector_norm(x, ord, tuple(sorted(axes)), keepdims)


@implements(np.linalg.matrix_norm)
def matrix_norm(x, /, *, keepdims=False, ord="fro"):
    """`numpy.linalg.matrix_norm`."""
    return norm(x, ord, (-2, -1), keepdims)


# --- systems, inverses, determinants ----------------------------------------------------------------------
def _square(x):
    x = as_operand(x)
    shape = shape_of(x)
    if len(shape) < 2:
        raise np.linalg.LinAlgError(f"{len(shape)}-dimensional array given. Array must be at least two-dimensional")
    if shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError("Last 2 dimensions of the array must be square")
    return x


@implements(np.linalg.solve)
def solve(a, b):
    """`numpy.linalg.solve`: a one-dimensional `b` is a vector, any other a stack of matrices."""
    a, b = _square(a), as_operand(b)
    if len(shape_of(b)) == 1:
        x = ops.solve(a, viewed(b, lambda m: m[:, None]))
        return viewed(x, lambda m: m[..., 0])
    return ops.solve(a, b)


@implements(np.linalg.inv)
def inv(a):
    """`numpy.linalg.inv`."""
    return ops.inv(_square(a))


@implements(np.linalg.det)
def det(a):
    """`numpy.linalg.det`; its first two derivatives are right at singular matrices too."""
    return ops.det(_square(a))


@implements(np.linalg.slogdet)
def slogdet(a):
    """`numpy.linalg.slogdet`."""
    r = ops.slogdet(_square(a))
    sign, logabsdet = r[0], r[1]
    if dtype_of(logabsdet).kind == "c":
        logabsdet = real(logabsdet)
    return SlogdetResult(sign, logabsdet)


@implements(np.linalg.cholesky)
def cholesky(a, /, *, upper=False):
    """`numpy.linalg.cholesky`.

    NumPy reads one triangle of the matrix; so the gradient has entries in that triangle only, each the derivative for a
    change of the matrix that keeps it Hermitian.
    """
    a = _square(a)
    return ops.adjoint(ops.cholesky(ops.adjoint(a))) if upper else ops.cholesky(a)


def _triangle(UPLO):
    """Return the triangle that NumPy reads, as LAPACK calls it."""
    if UPLO.upper() not in ("L", "U"):
        raise ValueError("UPLO argument must be 'L' or 'U'")
    return UPLO.upper()


@implements(np.linalg.eigvalsh)
def eigvalsh(a, UPLO="L"):
    """`numpy.linalg.eigvalsh`; as for :func:`cholesky`, the gradient has entries in the triangle that NumPy reads."""
    a, uplo, asked = _square(a), _triangle(UPLO), basis()
    return spectral.eigenvalues(a, uplo=uplo) if asked is None else decomposed(a, uplo, *asked)[0]


@implements(np.linalg.eigh)
def eigh(a, UPLO="L"):
    """`numpy.linalg.eigh`; at repeated eigenvalues what does not depend on the choice of eigenvectors has a derivative.

    See :mod:`mmad.ops.spectral` and :mod:`mmad.tracing.eigenspaces`.
    """
    a, uplo, asked = _square(a), _triangle(UPLO), basis()
    if asked is not None:
        return EighResult(*decomposed(a, uplo, *asked))
    if isinstance(a, Wrapper):
        return DualEighResult(a, uplo)
    return EighResult(spectral.eigenvalues(a, uplo=uplo), spectral.eigenvectors(a, uplo=uplo))


class DualEighResult(collections.abc.Sequence):
    """Eigenvalues and eigenvectors in forward mode: each differentiated when it is asked for, as only one may exist."""

    __slots__ = ("a", "uplo")

    def __init__(self, a, uplo):
        self.a, self.uplo = a, uplo

    def __len__(self):
        return 2

    def __iter__(self):  # the caller may use one of the two alone
        return iter((spectral.eigenvalues(self.a, uplo=self.uplo), spectral.eigenvectors(self.a, uplo=self.uplo)))

    def __getitem__(self, k):
        return (spectral.eigenvalues, spectral.eigenvectors)[k](self.a, uplo=self.uplo)

    @property
    def eigenvalues(self):
        """In ascending order."""
        return self[0]

    @property
    def eigenvectors(self):
        """In columns."""
        return self[1]


@implements(np.linalg.matrix_power)
def matrix_power(a, n):
    """`numpy.linalg.matrix_power`, by repeated squaring."""
    a = _square(a)
    n = int(n.__index__())
    if n == 0:
        return np.broadcast_to(np.eye(shape_of(a)[-1], dtype=a.dtype), shape_of(a)).copy()
    if n < 0:
        a, n = ops.inv(a), -n
    result = None
    while True:
        if n & 1:
            result = a if result is None else matmul(result, a)
        n >>= 1
        if not n:
            return +result
        a = matmul(a, a)


@implements(np.linalg.tensorinv)
def tensorinv(a, ind=2):
    """`numpy.linalg.tensorinv`."""
    a = as_operand(a)
    if ind <= 0:
        raise ValueError("Invalid ind argument.")
    shape = shape_of(a)
    rows = int(np.prod(shape[:ind]))
    return reshape(ops.inv(_square(reshape(a, (rows, int(np.prod(shape[ind:])))))), shape[ind:] + shape[:ind])


__all__ = [
    "cholesky",
    "det",
    "inv",
    "matrix_norm",
    "matrix_power",
    "norm",
    "slogdet",
    "solve",
    "tensorinv",
    "vector_norm",
]
