"""Contract of passes."""
from libc.stdint cimport int32_t

from mmad.compiler._graph cimport Graph


cdef class Pass:
    cdef Graph g, out
    cdef int32_t *to  # what stands for an instruction in the new graph; -1: nothing
    cdef bint applies(self) except -1
    cdef int prepare(self) except -1
    cdef int32_t rewritten(self, int32_t k) except -2
    cdef int rewrite(self) except -1
    cdef int conclude(self) except -1
    cdef Graph run(self)
