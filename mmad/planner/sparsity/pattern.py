"""Sparsity patterns."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from mmad.planner.sparsity._pattern import canonical, column_counts, row_numbers, transposed
from mmad.planner.sparsity.picture import svg
from mmad.python import html

__all__ = ["Pattern"]


class Pattern:
    """Where a matrix may be nonzero, in compressed sparse rows; immutable.

    Parameters
    ----------
    shape : (int, int)
        Rows m and columns n.
    indptr : array_like of int, shape (m + 1,)
        Where each row begins among the indices.
    indices : array_like of int, shape (nnz,)
        Columns of the entries, row by row; any order, repetitions count once.

    Attributes
    ----------
    shape : tuple of int
    indptr : ndarray of int64, shape (m + 1,)
    indices : ndarray of int32, shape (nnz,)
        Ascending in each row.

    Raises
    ------
    ValueError
        The arrays do not describe a matrix of that shape.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> p = mmad.Pattern.of(np.eye(3) + np.eye(3, k=1))
    >>> p
    Pattern(3 x 3, 5 nonzeros, 56 %)
    >>> p.indices
    array([0, 1, 1, 2, 2], dtype=int32)
    """

    _csr = None

    def __init__(self, shape: tuple[int, int], indptr: Any, indices: Any) -> None:
        m, n = self.shape = tuple(int(d) for d in shape)
        indptr, indices = _whole(indptr, np.int64, "indptr"), _whole(indices, np.int32, "indices")
        if m < 0 or n < 0:
            raise ValueError(f"a pattern has a shape of two numbers that are not negative, not {shape}")
        if indptr.shape != (m + 1,) or indptr[0] != 0 or indptr[-1] != len(indices) or (np.diff(indptr) < 0).any():
            raise ValueError(
                f"indptr of a pattern with {m} rows and {len(indices)} indices must have {m + 1} numbers that ascend "
                f"from 0 to {len(indices)}"
            )
        if not canonical(indptr, indices, n):
            if len(indices) and not indices.max() < n:
                raise ValueError(f"a column of the pattern is outside of 0 to {n - 1}")
            for width in (n, m):  # transposed twice, each row is in order
                indptr, indices, _ = transposed(indptr, indices, width)
            rows = row_numbers(indptr)
            new = np.ones(len(indices), bool)
            new[1:] = (indices[1:] != indices[:-1]) | (rows[1:] != rows[:-1])
            if not new.all():
                indices = indices[new]
                indptr = np.concatenate([[0], np.cumsum(np.bincount(rows[new], minlength=m))])
        self.indptr, self.indices = indptr, indices
        indptr.flags.writeable = indices.flags.writeable = False

    @classmethod
    def from_coordinates(cls, rows: Any, columns: Any, shape: tuple[int, int]) -> Pattern:
        """Make a pattern of the rows and columns of the entries, in any order."""
        rows, columns = _whole(rows, np.int64, "rows"), _whole(columns, np.int32, "columns")
        if rows.shape != columns.shape:
            raise ValueError(f"{len(rows)} rows but {len(columns)} columns of entries")
        if len(rows) and not 0 <= rows.min() <= rows.max() < shape[0]:
            raise ValueError(f"a row of the pattern is outside of 0 to {shape[0] - 1}")
        if len(rows) > 1 and (rows[1:] < rows[:-1]).any():
            order = np.argsort(rows, kind="stable")
            columns = columns[order]
        return cls(shape, np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=shape[0]))]), columns)

    @classmethod
    def of(cls, x: Any) -> Pattern:
        """Make a pattern of a Pattern, a SciPy sparse array (stored zeros count), or a dense matrix (zeros do not)."""
        if isinstance(x, cls):
            return x
        if hasattr(x, "tocoo"):
            coo = x.tocoo()
            return cls.from_coordinates(coo.row, coo.col, coo.shape)
        x = np.asarray(x)
        if x.ndim != 2 or x.dtype.hasobject:
            raise ValueError(f"a pattern is made of a matrix, sparse or dense, not of an array of shape {x.shape}")
        return cls.from_coordinates(*np.nonzero(x), x.shape)

    @classmethod
    def stacked(cls, parts, shape):
        """Join pairs (indptr, indices), canonical, one below the other."""
        if len(parts) == 1:
            return cls._trusted(shape, *parts[0])
        starts, indices = [np.zeros(1, np.int64)], [np.zeros(0, np.int32)]
        for s, i in parts:
            starts.append(s[1:] + starts[-1][-1])
            indices.append(i)
        return cls._trusted(shape, np.concatenate(starts), np.concatenate(indices))

    @classmethod
    def _trusted(cls, shape, indptr, indices):
        out = cls.__new__(cls)
        out.shape, out.indptr, out.indices = tuple(shape), indptr, indices
        indptr.flags.writeable = indices.flags.writeable = False
        return out

    # ------------------------------------------------------------------------------------ looking at it
    @property
    def nnz(self) -> int:
        """Number of entries."""
        return len(self.indices)

    @property
    def density(self) -> float:
        """Share of the entries in all m n; 0 for an empty matrix."""
        m, n = self.shape
        return self.nnz / (m * n) if m and n else 0.0

    @functools.cached_property
    def rows(self) -> np.ndarray:
        """The row of each entry, ndarray of int32."""
        return row_numbers(self.indptr)

    @functools.cached_property
    def flat(self) -> np.ndarray:
        """The place of each entry in the dense matrix, in C order; ndarray of int64."""
        return self.rows * np.int64(self.shape[1]) + self.indices

    @functools.cached_property
    def row_counts(self) -> np.ndarray:
        """Entries in each row."""
        return np.diff(self.indptr)

    @functools.cached_property
    def column_counts(self) -> np.ndarray:
        """Entries in each column."""
        return column_counts(self.indices, self.shape[1])

    @functools.cached_property
    def _transposed(self):
        indptr, indices, source = transposed(self.indptr, self.indices, self.shape[1])
        return Pattern._trusted(self.shape[::-1], indptr, indices), source

    @property
    def T(self) -> Pattern:
        """The transpose."""
        return self._transposed[0]

    @functools.cached_property
    def is_symmetric(self) -> bool:
        """Whether it equals its transpose."""
        return self.shape[0] == self.shape[1] and self == self.T

    def symmetrized(self) -> Pattern:
        """Return the union with the transpose, of a square pattern."""
        return self if self.is_symmetric else self | self.T

    def todense(self) -> np.ndarray:
        """Return the pattern as a matrix of truth values."""
        out = np.zeros(self.shape, bool)
        out[self.rows, self.indices] = True
        return out

    def tocsr(self, data: Any = None) -> Any:
        """Return the pattern as `scipy.sparse.csr_array` of its own arrays, of ones or of given entries."""
        if self._csr is None:  # SciPy looks through the indices, once
            try:
                from scipy.sparse import csr_array
            except ImportError as e:
                raise ImportError("sparse results are scipy.sparse arrays: pip install mmad[scipy]") from e
            made = csr_array((np.ones(self.nnz), self.indices, self.indptr), shape=self.shape)
            made.has_sorted_indices = made.has_canonical_format = True
            self._csr = made
        out = object.__new__(type(self._csr))  # a shallow copy: `copy.copy` takes as long as a small program
        out.__dict__.update(self._csr.__dict__)
        out.data = np.ones(self.nnz) if data is None else data
        out.indices, out.indptr = out.indices.copy(), out.indptr.copy()  # the caller may change them
        return out

    # ------------------------------------------------------------------------------------ as a value
    def __eq__(self, other):
        if not isinstance(other, Pattern):
            return NotImplemented
        return self is other or (
            self.shape == other.shape
            and np.array_equal(self.indptr, other.indptr)
            and np.array_equal(self.indices, other.indices)
        )

    @functools.cached_property
    def _hash(self):
        return hash((self.shape, self.indptr.tobytes(), self.indices.tobytes()))

    def __hash__(self):
        return self._hash

    def __or__(self, other: Pattern) -> Pattern:
        if self.shape != other.shape:
            raise ValueError(f"patterns of shapes {self.shape} and {other.shape} have no union")
        rows, columns = np.concatenate([self.rows, other.rows]), np.concatenate([self.indices, other.indices])
        return Pattern.from_coordinates(rows, columns, self.shape)

    def __le__(self, other: Pattern) -> bool:
        """Return whether all its entries are entries of the other."""
        return (self | other) == other

    def __reduce__(self):
        return Pattern, (self.shape, self.indptr, self.indices)

    def __repr__(self) -> str:
        m, n = self.shape
        return f"Pattern({m} x {n}, {self.nnz} nonzeros, {_percent(100 * self.density)} %)"

    def _repr_html_(self) -> str:
        return html.block(repr(self), f"<div>{svg(self)}</div>")


def _percent(share):
    """A percentage in two digits, without an exponent where it is large."""
    return f"{share:.0f}" if share >= 10 else f"{share:.2g}"


def _whole(x, dtype, name):
    x = np.asarray(x)
    if x.ndim != 1 or (x.size and x.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} of a pattern is a list of whole numbers, not an array of {x.dtype} of shape {x.shape}"
        )
    if x.size and (x.min() < 0 or x.max() > np.iinfo(dtype).max):
        raise ValueError(f"a number in {name} of a pattern is negative or too large")
    return np.array(x, dtype, order="C")
