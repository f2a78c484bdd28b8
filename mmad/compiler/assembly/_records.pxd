"""Contract of the records that a program is put together from."""
from libc.stdint cimport int32_t, int64_t


cdef class Vector:
    cdef char *data
    cdef Py_ssize_t n, capacity, item
    cdef void *add(self) except NULL
    cdef bytes take(self)


cdef class Records:
    cdef Vector code, groups, accesses, ops, steps, products, routines
    cdef list calls    # what is called in Python
    cdef list listing  # by step: what `explain` says of it
    cdef int step(self, int kind, int32_t index, int64_t work) except -1
