"""Contract of the cells of a sweep."""
from cpython.object cimport PyObject
from libc.stdint cimport int32_t, int64_t

cimport numpy as cnp

from mmad.sweeps._pull cimport Pull
from mmad.tape._instructions cimport NODE_ARRAY
from mmad.tape._tape cimport Tape


cdef union Cell:
    double s
    PyObject *o


cdef class Cells:
    cdef Tape tape
    cdef Cell *c
    cdef int lanes       # how many lanes
    cdef bint many       # whether array values have an axis of lanes
    cdef int64_t level   # of the batch the lanes are in the rules
    cdef Pull puller
    cdef int32_t stop
    cdef tuple full_shape(self, tuple shape)
    cdef tuple full_window(self, dict w)
    cdef bint is_zero(self, int32_t k) noexcept
    cdef object get(self, int32_t k)
    cdef object pop(self, int32_t k)
    cdef int clear(self, int32_t k) except -1
    cdef int set(self, int32_t k, object g) except -1
    cdef object plain(self, int32_t k, object g)
    cdef int add(self, int32_t k, object g) except -1
    cdef cnp.ndarray own(self, int32_t k)
    cdef int move(self, int32_t k, int32_t base) except -1
    cdef object result(self, int32_t k)

    cdef inline Cell *at(self, int32_t k) noexcept:
        return self.c + <size_t> k * self.lanes

    cdef inline bint is_array(self, int32_t k) noexcept:
        return self.tape.nodes[k].flags & NODE_ARRAY


cdef Cells new_cells(Tape tape, list seeds, list others)
