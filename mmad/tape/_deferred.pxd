"""Contract of recording without values."""
from libc.stdint cimport int32_t

from mmad.tape._instructions cimport Instructions, Op, Rec


cdef Py_ssize_t large
cdef tuple result_of(Op op, tuple vals, dict params)
cdef tuple filled_operands(Instructions tape, Rec rec)
cdef int compute(Instructions tape, int32_t k) except -1
cdef int fill_deferred(Instructions tape, int32_t node) except -1
cdef tuple constants_only(Rec rec)
