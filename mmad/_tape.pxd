"""Contract of the tape."""
from libc.stdint cimport int32_t

from mmad._instructions cimport Instructions, Rec


cdef class Tape(Instructions):
    cdef int32_t filled  # instructions up to here have their values
    cdef object wrap(self, Rec rec, object out)
    cdef object defer(self, Rec rec)
    cpdef fill_all(self)
