"""Contract of the search for zeros that meet an infinite derivative."""
from libc.stdint cimport int32_t

from mmad.tape._instructions cimport Op


cdef enum:
    FIND, ASK, POISON


cdef class Doubts:
    cdef int stage
    cdef dict at       # (node, operand) or node -> elements in doubt, after an axis of lanes if there are several
    cdef dict reached  # those that are confirmed
    cdef dict poles    # in a forward sweep: elements whose partial is infinite, and the tangent not zero
    cdef list zeros(self, list given)
    cdef list seeds(self, list given)
    cdef bint confirmed(self) except -1
    cdef int meet(self, int32_t k, int i, object infinite, object g) except -1
    cdef object poisoned(self, int32_t k, object g)
    cdef object backward(self, int32_t k, Op op, object ct, tuple vals, object out, list active)
    cdef int forward(self, int32_t k, Op op, list dots, tuple vals, object out, int rank) except -1


cdef object nan_seed(object g)
cdef object forgotten(object g, object reached)
