"""`scipy.sparse` on traced values: constant matrices times traced arrays, and matrices of traced elements.

Plain products with SciPy's matrices and linear operators work; the constructors of `__all__` take traced elements.
"""

import numpy as np
import scipy.sparse as _scipy

from mmad._core import shape_of
from mmad.numpy._implements import is_traced
from mmad.numpy.joining import as_operand
from mmad.scipy import _sparse_operators, _sparse_products  # noqa: F401  (products of SciPy's own)
from mmad.scipy._drop_in import handed_through
from mmad.scipy.sparse import _matrices, linalg
from mmad.scipy.sparse._matrices import TracedMatrix, elementwise_product, matrix_product  # noqa: F401
from mmad.scipy.sparse._operations import StoredPlaces, operator_product  # noqa: F401

__all__ = ["coo_array", "coo_matrix", "csc_array", "csc_matrix", "csr_array", "csr_matrix", "diags_array", "linalg"]


def _from_places(data, rows, columns, shape):
    rows, columns = np.asarray(rows), np.asarray(columns)
    if shape is None:
        shape = int(rows.max()) + 1, int(columns.max()) + 1
    return TracedMatrix(as_operand(data), StoredPlaces(rows, columns, shape))


def _constructor(name):
    plain = getattr(_scipy, name)

    def make(arg1, shape=None, dtype=None, copy=False):
        if isinstance(arg1, TracedMatrix):
            return arg1
        if not (is_traced(arg1) or (isinstance(arg1, tuple) and any(is_traced(x) for x in arg1))):
            return plain(arg1, shape, dtype, copy)
        if not isinstance(arg1, tuple):
            return _matrices.as_traced_matrix(arg1)
        if len(arg1) == 2:
            (data, (rows, columns)) = arg1
            return _from_places(data, rows, columns, shape)
        data, indices, indptr = arg1
        lines = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        if name.startswith("csc"):
            return _from_places(data, indices, lines, shape or (int(np.max(indices)) + 1, len(indptr) - 1))
        return _from_places(data, lines, indices, shape or (len(indptr) - 1, int(np.max(indices)) + 1))

    make.__name__ = make.__qualname__ = name
    make.__doc__ = f"`scipy.sparse.{name}`, of elements that may be traced."
    return make


coo_array, coo_matrix, csc_array, csc_matrix, csr_array, csr_matrix = (_constructor(name) for name in __all__[:6])


def diags_array(diagonals, /, *, offsets=0, shape=None, format=None, dtype=None):
    """`scipy.sparse.diags_array`, of diagonals that may be traced."""
    if not is_traced(diagonals):
        return _scipy.diags_array(diagonals, offsets=offsets, shape=shape, format=format, dtype=dtype)
    if np.ndim(offsets) == 0:
        diagonals, offsets = [diagonals] if len(np.shape(diagonals[0])) == 0 else diagonals, [offsets]
    diagonals = [as_operand(d) for d in diagonals]
    if shape is None:
        n = shape_of(diagonals[0])[0] + abs(int(offsets[0]))
        shape = (n, n)
    data, rows, columns = [], [], []
    for d, k in zip(diagonals, offsets, strict=True):
        length = min(shape[0] + min(k, 0), shape[1] - max(k, 0))
        values = np.broadcast_to(d, (length,)) if shape_of(d) in ((), (1,)) else d
        if shape_of(values) != (length,):
            raise ValueError(
                f"Diagonal length (index 0: {shape_of(d)[0]} at offset {k}) does not agree with array size"
            )
        data.append(values)
        rows.append(np.arange(length) - min(k, 0))
        columns.append(np.arange(length) + max(k, 0))
    return _from_places(np.concatenate(data), np.concatenate(rows), np.concatenate(columns), shape)


__getattr__, __dir__ = handed_through(_scipy, __all__)
