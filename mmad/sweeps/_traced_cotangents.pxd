"""Contract of traced cotangents."""
from libc.stdint cimport int32_t, uint8_t

from mmad.sweeps._reverse cimport Cotangents
from mmad.tape._instructions cimport Op
from mmad.tape._storage cimport ArrayVar


cdef class TracedCotangents(Cotangents):
    cdef int32_t *bars   # numbers that are instructions of the tape itself, by node; -1: none
    cdef dict values     # all other cotangents
    cdef bint mixed      # among them some of numbers
    cdef uint8_t *owned  # the buffer of an array's cotangent was made here and may be written to
    cdef bint plain      # operands are the values that were recorded; else they are traced values of the tape
    cdef bint forget     # what is recorded here is never swept itself
    cdef int allocate(self) except -1
    cdef object apply(self, Op op, tuple args, dict params)
    cdef int add_scalar(self, int32_t k, int32_t node) except -1
    cdef int add_value(self, int32_t k, object g) except -1
    cdef object own(self, int32_t k, object like)
    cdef object buffer(self, int32_t k, object old, object like)
    cdef ArrayVar part(self, ArrayVar acc, dict window)
