"""Compressed sparse rows: transposition, sorting, tests, and sums of terms by entry, in linear time."""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc

cimport numpy as cnp

import numpy as np

from mmad.kernels._breath cimport breathe

cnp.import_array()

ctypedef fused real:
    float
    double


def transposed(const int64_t[::1] indptr, const int32_t[::1] indices, int64_t n):
    """Return the transpose of a pattern with n columns, and where each of its entries is in the original.

    Returns
    -------
    indptr : ndarray of int64, shape (n + 1,)
    indices : ndarray of int32
    source : ndarray of int64
    """
    cdef int64_t m = indptr.shape[0] - 1, i, k, at, taken = 0
    cdef cnp.ndarray starts = np.zeros(n + 2, np.int64)
    cdef cnp.ndarray rows = np.empty(indices.shape[0], np.int32), source = np.empty(indices.shape[0], np.int64)
    cdef int64_t *first = <int64_t *> cnp.PyArray_DATA(starts)
    cdef int32_t *to = <int32_t *> cnp.PyArray_DATA(rows)
    cdef int64_t *from_ = <int64_t *> cnp.PyArray_DATA(source)
    with nogil:
        for k in range(indices.shape[0]):
            breathe(&taken, 1)
            first[indices[k] + 2] += 1
        for i in range(n):
            first[i + 2] += first[i + 1]
        for i in range(m):
            breathe(&taken, 4 * (indptr[i + 1] - indptr[i]))
            for k in range(indptr[i], indptr[i + 1]):
                at = first[indices[k] + 1]
                to[at], from_[at] = <int32_t> i, k
                first[indices[k] + 1] = at + 1
    return starts[:n + 1], rows, source


def canonical(const int64_t[::1] indptr, const int32_t[::1] indices, int64_t n):
    """Return whether every row is ascending without repetition and within n columns."""
    cdef int64_t i, k, taken = 0
    cdef bint good = True
    with nogil:
        for i in range(indptr.shape[0] - 1):
            breathe(&taken, indptr[i + 1] - indptr[i])
            for k in range(indptr[i], indptr[i + 1]):
                if indices[k] < 0 or indices[k] >= n or (k > indptr[i] and indices[k] <= indices[k - 1]):
                    good = False
                    break
            if not good:
                break
    return good


def column_counts(const int32_t[::1] indices, int64_t n):
    """Return how many entries each of n columns has."""
    cdef int64_t k, taken = 0
    cdef cnp.ndarray counts = np.zeros(n, np.int64)
    cdef int64_t *count = <int64_t *> cnp.PyArray_DATA(counts)
    with nogil:
        for k in range(indices.shape[0]):
            breathe(&taken, 1)
            count[indices[k]] += 1
    return counts


def row_numbers(const int64_t[::1] indptr):
    """Return the row of each entry."""
    cdef int64_t i, k, taken = 0
    cdef cnp.ndarray rows = np.empty(indptr[indptr.shape[0] - 1], np.int32)
    cdef int32_t *to = <int32_t *> cnp.PyArray_DATA(rows)
    with nogil:
        for i in range(indptr.shape[0] - 1):
            breathe(&taken, indptr[i + 1] - indptr[i])
            for k in range(indptr[i], indptr[i + 1]):
                to[k] = <int32_t> i
    return rows


def sums(list parts, const int64_t[::1] sizes, const int64_t[::1] starts, const int32_t[::1] number,
         const int32_t[::1] place, real[::1] data):
    """Return ``data``: ``data[k]`` is the sum of ``parts[number[t]][place[t]]`` for t from ``starts[k]`` to ``starts[k + 1]``.

    Parameters
    ----------
    parts : list of ndarray, one-dimensional, contiguous, of the type of `data`
    sizes : ndarray, shape (len(parts),)
        Their lengths, within which all places are.
    starts : ndarray, shape (len(data) + 1,)
    number, place : ndarray, shape (starts[-1],)
    data : ndarray
        Added to.
    """
    cdef int64_t k, t, taken = 0
    cdef double total
    cdef cnp.ndarray part
    cdef int kind = cnp.NPY_FLOAT32 if sizeof(real) == 4 else cnp.NPY_FLOAT64
    if len(parts) != sizes.shape[0] or starts.shape[0] != data.shape[0] + 1 or number.shape[0] != place.shape[0] \
            or starts[data.shape[0]] != place.shape[0]:
        raise ValueError("the parts are not those whose elements are summed")
    cdef real **at = <real **> malloc((len(parts) + 1) * sizeof(real *))  # freed below
    if at == NULL:
        raise MemoryError
    try:
        for k in range(sizes.shape[0]):
            part = parts[k]
            if part.ndim != 1 or part.shape[0] != sizes[k] or not cnp.PyArray_IS_C_CONTIGUOUS(part) \
                    or cnp.PyArray_TYPE(part) != kind:
                raise ValueError(f"part {k} is no vector of length {sizes[k]}, of the type of the result")
            at[k] = <real *> cnp.PyArray_DATA(part)
        with nogil:
            for k in range(data.shape[0]):
                breathe(&taken, 1 + 2 * (starts[k + 1] - starts[k]))
                total = data[k]
                for t in range(starts[k], starts[k + 1]):
                    total += at[number[t]][place[t]]
                data[k] = <real> total
    finally:
        free(at)
