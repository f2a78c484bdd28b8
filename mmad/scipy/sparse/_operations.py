"""Operations of sparse matrices, whose stored elements and right sides may be traced.

The places of the stored elements, :class:`StoredPlaces`, are a parameter; the elements are an operand, and have
cotangents, the zeros between them have none.  Factors are kept with the places, so that what is solved with one matrix,
in a derivative, too, factors it once.
"""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from mmad._core import shape_of
from mmad.ops import arithmetic as a
from mmad.ops.declare import linear, nonlinear
from mmad.ops.movement import concatenate, gather
from mmad.ops.products import adjoint_of
from mmad.ops.reduction import sum_
from mmad.ops.spectral import _total

__all__ = ["StoredPlaces", "iterated", "operator_product", "product", "solve"]

PREFIX = "scipy.sparse."


class StoredPlaces:
    """The places of the stored elements of a sparse matrix, in the order in which they are stored.

    Parameters
    ----------
    rows, columns : ndarray of int
    shape : tuple of int
    """

    def __init__(self, rows, columns, shape):
        self.rows, self.columns, self.shape = np.array(rows), np.array(columns), tuple(int(n) for n in shape)
        self._by_rows = self._transposed = self._factored = None

    @property
    def transposed(self):
        """The pattern of the transposed matrix, of the same elements."""
        if self._transposed is None:
            self._transposed = StoredPlaces(self.columns, self.rows, self.shape[::-1])
            self._transposed._transposed = self
        return self._transposed

    def matrix(self, data):
        """Return SciPy's matrix, by rows or by columns, whichever needs no sorting."""
        if self._by_rows is None:
            if self._transposed is not None and self._transposed._by_rows is not None:
                return self._transposed.matrix(data).T
            sorted_ = bool(np.all(np.diff(self.rows) >= 0))
            if not sorted_ and np.all(np.diff(self.columns) >= 0):
                return self.transposed.matrix(data).T
            order = slice(None) if sorted_ else np.lexsort((self.columns, self.rows))
            indptr = np.concatenate([[0], np.cumsum(np.bincount(self.rows, minlength=self.shape[0]))])
            self._by_rows = order, self.columns[order], indptr
        order, indices, indptr = self._by_rows
        return scipy.sparse.csr_array((data[order], indices, indptr), shape=self.shape)

    def factors(self, data):
        """Return the LU factors of the matrix; those of the last one are kept."""
        if self._factored is None or not np.array_equal(self._factored[0], data):
            matrix = self.matrix(data).tocsc(copy=True)
            matrix.sum_duplicates()
            self._factored = data.copy(), scipy.sparse.linalg.splu(matrix)
        return self._factored[1]


def _columns(x):
    return len(shape_of(x)) > 1


def _elements(ct, x, pattern):
    """Return the elements of ct x^H at the places of the pattern."""
    terms = a.multiply(gather(ct, pattern.rows), gather(adjoint_of(x), pattern.columns))
    return sum_(terms, axis=(1,), keepdims=False) if _columns(x) else terms


def _adjoint_product(ct, data, pattern):
    return product(adjoint_of(data), ct, pattern=pattern.transposed)


# A x, of a vector or the columns of a matrix.
product = linear(
    PREFIX + "product",
    lambda data, x, pattern: pattern.matrix(data) @ x,
    {
        0: lambda ct, data, x, pattern: _elements(ct, x, pattern),
        1: lambda ct, data, x, pattern: _adjoint_product(ct, data, pattern),
    },
    nin=2,
)


def _solve(data, b, pattern, adjoint):
    dtype = np.result_type(data, b)
    b = np.asarray(b, dtype)
    if dtype.kind == "c" and data.dtype.kind != "c":
        solve_ = pattern.factors(data).solve
        trans = "T" if adjoint else "N"
        return solve_(np.ascontiguousarray(b.real), trans) + 1j * solve_(np.ascontiguousarray(b.imag), trans)
    return pattern.factors(data.astype(dtype, copy=False)).solve(b, "H" if adjoint else "N")


def _solve_jvp(dots, out, data, b, pattern, adjoint):
    d_data, db = dots
    terms = [db]
    if d_data is not None:
        change = _adjoint_product(out, d_data, pattern) if adjoint else product(d_data, out, pattern=pattern)
        terms.append(a.negative(change))
    return solve(data, _total(terms), pattern=pattern, adjoint=adjoint)


# The solution x of A x = b, or of A^H x = b.
solve = nonlinear(
    PREFIX + "solve",
    _solve,
    _solve_jvp,
    transposes={1: lambda ct, data, b, pattern, adjoint: solve(data, ct, pattern=pattern, adjoint=not adjoint)},
    nin=2,
)


# --- iterative methods and operators ----------------------------------------------------------------------
def _iterated(data, b, pattern, method, options):
    x, info = getattr(scipy.sparse.linalg, method)(pattern.matrix(data), b, **dict(options))
    return np.concatenate([x, [info]]).astype(x.dtype)


def _iterate(data, b, pattern, method, options):
    return iterated(data, b, pattern=pattern, method=method, options=options)[: shape_of(b)[0]]


def _with_status(x):
    return concatenate(x, np.zeros(1, x.dtype), axis=0)


def _iterated_jvp(dots, out, data, b, pattern, method, options):
    d_data, db = dots
    x, terms = out[: shape_of(b)[0]], [db]
    if d_data is not None:
        terms.append(a.negative(product(d_data, x, pattern=pattern)))
    return _with_status(_iterate(data, _total(terms), pattern, method, options))


def _iterated_transpose(ct, data, b, pattern, method, options):
    ct = ct[: shape_of(b)[0]]
    if method in ("cg", "minres"):  # Hermitian matrices
        return _iterate(data, ct, pattern, method, options)
    return _iterate(adjoint_of(data), ct, pattern.transposed, method, options)


# The solution by one of SciPy's iterative methods, and after it the method's status.
iterated = nonlinear(PREFIX + "iterated", _iterated, _iterated_jvp, transposes={1: _iterated_transpose}, nin=2)

# A x of a constant `LinearOperator`.
operator_product = linear(
    PREFIX + "operator_product",
    lambda x, operator: operator @ x,
    {0: lambda ct, x, operator: operator_product(ct, operator=operator.H)},
)
