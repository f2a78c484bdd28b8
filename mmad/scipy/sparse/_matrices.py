"""Sparse matrices times traced arrays, and sparse matrices of traced elements.

SciPy's sparse matrices ask `_matmul_dispatch` for every product, in every order of the operands: ``A @ x``, ``x @ A``,
``A.dot(x)``, and ``A * x`` of a matrix.  It takes a traced array for one of NumPy's, whose numbers its compiled code
would read.  :func:`answer_products` lets it ask this module first; plain products are as before.
"""

import functools

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from mmad._core import Traced, dtype_of, shape_of
from mmad.errors import UnsupportedError
from mmad.numpy import zeros
from mmad.numpy.joining import as_operand
from mmad.ops import arithmetic as a
from mmad.ops.movement import gather, viewed
from mmad.ops.products import adjoint_of
from mmad.scipy.sparse._operations import StoredPlaces, operator_product, product

__all__ = ["TracedMatrix", "answer_operators", "answer_products", "as_traced_matrix", "is_traced_matrix"]


class TracedMatrix:
    """A sparse matrix whose stored elements may be traced.

    Parameters
    ----------
    data : array of stored elements, in the order of the pattern
    pattern : StoredPlaces
    """

    __array_ufunc__ = None  # so that NumPy's arrays leave a product to us
    __array_priority__ = 2000.0
    ndim = 2

    def __init__(self, data, pattern):
        self.data, self.pattern, self.shape = data, pattern, pattern.shape

    def __repr__(self):
        return f"<TracedMatrix, shape {self.shape}, {self.nnz} stored elements>"

    @property
    def dtype(self):
        """Of the stored elements."""
        return dtype_of(self.data)

    @property
    def nnz(self):
        """The number of stored elements."""
        return shape_of(self.data)[0]

    @property
    def T(self):  # noqa: N802
        """The transposed matrix."""
        return TracedMatrix(self.data, self.pattern.transposed)

    def transpose(self):
        """Return the transposed matrix."""
        return self.T

    def conjugate(self):
        """Return the conjugate matrix."""
        return TracedMatrix(adjoint_of(self.data), self.pattern)

    def toarray(self):
        """Return the matrix as an array."""
        out = zeros(self.shape, self.dtype)
        np.add.at(out, (self.pattern.rows, self.pattern.columns), self.data)
        return out

    def diagonal(self):
        """Return the diagonal."""
        out = zeros(min(self.shape), self.dtype)
        at = np.flatnonzero(self.pattern.rows == self.pattern.columns)
        np.add.at(out, self.pattern.rows[at], gather(self.data, at))
        return out

    def dot(self, x):
        """Return the product."""
        return self @ x

    def __matmul__(self, x):
        x = as_operand(x)
        ndim = len(shape_of(x))
        if ndim not in (1, 2) or shape_of(x)[0] != self.shape[1]:
            raise ValueError(
                f"matmul: dimension mismatch with signature (n,k={self.shape[1]}),(k={shape_of(x)[:1]},m)->(n,m)"
            )
        return product(self.data, x, pattern=self.pattern)

    def __rmatmul__(self, x):
        x = as_operand(x)
        return viewed(self.T @ viewed(x, lambda m: m.T), lambda m: m.T)

    def __mul__(self, number):
        if np.ndim(number):
            raise UnsupportedError("a sparse matrix of traced elements times an array: write A @ x for the product")
        return TracedMatrix(a.multiply(self.data, number), self.pattern)

    __rmul__ = __mul__

    def __truediv__(self, number):
        return self * (1.0 / number)

    def __neg__(self):
        return TracedMatrix(a.negative(self.data), self.pattern)


def is_traced_matrix(x):
    """Return whether a matrix has traced elements."""
    return isinstance(x, TracedMatrix)


def as_traced_matrix(x):
    """Return any matrix, sparse or dense, plain or traced, as a :class:`TracedMatrix`."""
    if isinstance(x, TracedMatrix):
        return x
    if scipy.sparse.issparse(x):
        return _of_scipy(x)
    x = as_operand(x)
    rows, columns = np.indices(shape_of(x)).reshape(2, -1)
    return TracedMatrix(viewed(x, lambda m: m.reshape(-1)), StoredPlaces(rows, columns, shape_of(x)))


def _of_scipy(x):
    """Return a matrix of SciPy's; its own array of elements, so that a recording notices a change of it."""
    if x.ndim != 2:
        raise UnsupportedError(f"products of a sparse array of {x.ndim} axes with traced values are not followed")
    if x.format == "csc":
        rows, columns = x.indices, np.repeat(np.arange(x.shape[1]), np.diff(x.indptr))
    else:
        x = x if x.format == "coo" else x.tocsr()
        rows, columns = (
            x.coords if x.format == "coo" else (np.repeat(np.arange(x.shape[0]), np.diff(x.indptr)), x.indices)
        )
    data = x.data if x.dtype.kind in "fc" else x.data.astype(float)
    return TracedMatrix(data, StoredPlaces(rows, columns, x.shape))


def answer_products():
    """Let SciPy's sparse matrices ask for the product with a traced array here.

    SciPy's own protocol takes a traced array for a plain one.  A SciPy without these methods refuses traced arrays.
    """
    base = getattr(scipy.sparse._base, "_spbase", None)
    plain = getattr(base, "_matmul_dispatch", None)
    if plain is None or hasattr(plain, "of_traced"):
        return

    @functools.wraps(plain)
    def dispatch(self, other):
        if not isinstance(other, Traced) and not isinstance(other, TracedMatrix):
            return plain(self, other)
        if isinstance(other, TracedMatrix):
            raise UnsupportedError("products of two sparse matrices are not followed where one has traced elements")
        if not np.ndim(other):
            return as_traced_matrix(self) * other
        return as_traced_matrix(self) @ other

    dispatch.of_traced = True
    base._matmul_dispatch = dispatch
    for matrices in _with_subclasses(base):
        if "multiply" in vars(matrices):
            matrices.multiply = _multiply_answered(matrices.multiply)


def _with_subclasses(kind):
    """Return a class and all that derive from it, each once."""
    return {kind}.union(*map(_with_subclasses, kind.__subclasses__()))


def _multiply_answered(plain):
    """Return a method `multiply` of sparse matrices that takes traced arrays, too."""

    @functools.wraps(plain)
    def multiply(self, other):
        if not isinstance(other, Traced):
            return plain(self, other)
        matrix = as_traced_matrix(self)
        if not np.ndim(other):
            return matrix * other
        full = np.broadcast_to(other, self.shape)
        at = gather(full, (matrix.pattern.rows, matrix.pattern.columns))
        return TracedMatrix(a.multiply(matrix.data, at), matrix.pattern)

    return multiply


def answer_operators():
    """Let SciPy's linear operators be multiplied with traced arrays."""
    base = scipy.sparse.linalg.LinearOperator
    plain = base.dot
    if hasattr(plain, "of_traced"):
        return

    @functools.wraps(plain)
    def dot(self, x):
        if isinstance(x, Traced) and np.ndim(x):
            return operator_product(x, operator=self)
        return plain(self, x)

    dot.of_traced = True
    base.dot = dot
