"""Contract of the tape."""
from libc.stdint cimport int32_t

cimport numpy as cnp

from mmad.tape._instructions cimport Instructions, Op, Rec


cdef class Tape(Instructions):
    cdef int32_t filled  # instructions up to here have their values
    cdef object wrap(self, Rec rec, object out)
    cdef object defer(self, Rec rec)
    cpdef fill_all(self)
    cpdef object captured(self, object x)
    cdef int guard_failure(self, Op op, tuple args, dict params, object error) except -1
    cdef int guard_success(self, Op op, tuple args, dict params) except -1
    cdef int use(self, cnp.ndarray arr) except -1
    cpdef tuple for_rules(self, Op op, object args, tuple vals, bint plain)
