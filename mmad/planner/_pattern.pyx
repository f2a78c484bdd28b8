"""Compressed sparse rows: transposition, sorting, and tests, in linear time."""
from libc.stdint cimport int32_t, int64_t

cimport numpy as cnp

import numpy as np

cnp.import_array()


def transposed(const int64_t[::1] indptr, const int32_t[::1] indices, int64_t n):
    """The transpose of a pattern with n columns, and where each of its entries is in the original.

    Returns
    -------
    indptr : ndarray of int64, shape (n + 1,)
    indices : ndarray of int32
    source : ndarray of int64
    """
    cdef int64_t m = indptr.shape[0] - 1, i, k, at
    cdef cnp.ndarray starts = np.zeros(n + 2, np.int64)
    cdef cnp.ndarray rows = np.empty(indices.shape[0], np.int32), source = np.empty(indices.shape[0], np.int64)
    cdef int64_t *first = <int64_t *> cnp.PyArray_DATA(starts)
    cdef int32_t *to = <int32_t *> cnp.PyArray_DATA(rows)
    cdef int64_t *from_ = <int64_t *> cnp.PyArray_DATA(source)
    with nogil:
        for k in range(indices.shape[0]):
            first[indices[k] + 2] += 1
        for i in range(n):
            first[i + 2] += first[i + 1]
        for i in range(m):
            for k in range(indptr[i], indptr[i + 1]):
                at = first[indices[k] + 1]
                to[at], from_[at] = <int32_t> i, k
                first[indices[k] + 1] = at + 1
    return starts[:n + 1], rows, source


def canonical(const int64_t[::1] indptr, const int32_t[::1] indices, int64_t n):
    """Whether every row is ascending without repetition and within n columns."""
    cdef int64_t i, k
    cdef bint good = True
    with nogil:
        for i in range(indptr.shape[0] - 1):
            for k in range(indptr[i], indptr[i + 1]):
                if indices[k] < 0 or indices[k] >= n or (k > indptr[i] and indices[k] <= indices[k - 1]):
                    good = False
                    break
            if not good:
                break
    return good


def row_numbers(const int64_t[::1] indptr):
    """The row of each entry."""
    cdef int64_t i, k
    cdef cnp.ndarray rows = np.empty(indptr[indptr.shape[0] - 1], np.int32)
    cdef int32_t *to = <int32_t *> cnp.PyArray_DATA(rows)
    with nogil:
        for i in range(indptr.shape[0] - 1):
            for k in range(indptr[i], indptr[i + 1]):
                to[k] = <int32_t> i
    return rows
