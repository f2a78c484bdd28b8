"""Sparse matrices times traced arrays, and sparse matrices of traced elements."""

import numpy as np
import scipy.sparse

from mmad._core import dtype_of, shape_of
from mmad.errors import UnsupportedError
from mmad.numpy import zeros
from mmad.numpy.joining import as_operand
from mmad.ops import arithmetic as a
from mmad.ops.movement import gather, viewed
from mmad.ops.products import adjoint_of
from mmad.scipy._sparse_products import TracedElements
from mmad.scipy.sparse._operations import StoredPlaces, product

__all__ = ["TracedMatrix", "as_traced_matrix", "elementwise_product", "is_traced_matrix", "matrix_product"]


class TracedMatrix(TracedElements):
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


def matrix_product(matrix, other):
    """Return the product of a sparse matrix of SciPy's with a traced array."""
    if isinstance(other, TracedMatrix):
        raise UnsupportedError("products of two sparse matrices are not followed where one has traced elements")
    if not np.ndim(other):
        return as_traced_matrix(matrix) * other
    return as_traced_matrix(matrix) @ other


def elementwise_product(matrix, other):
    """Return the elementwise product of a sparse matrix of SciPy's with a traced array."""
    traced = as_traced_matrix(matrix)
    if isinstance(other, TracedMatrix):
        raise UnsupportedError("products of two sparse matrices are not followed where one has traced elements")
    if not np.ndim(other):
        return traced * other
    full = np.broadcast_to(other, matrix.shape)
    at = gather(full, (traced.pattern.rows, traced.pattern.columns))
    return TracedMatrix(a.multiply(traced.data, at), traced.pattern)
