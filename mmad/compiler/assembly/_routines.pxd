"""Contract of the matrix routines."""
from libc.stdint cimport int32_t, int64_t

from mmad.compiler._graph cimport Graph
from mmad.compiler.assembly._buffers cimport Buffers
from mmad.compiler.assembly._groups cimport Groups
from mmad.compiler.assembly._records cimport Records
from mmad.compiler.assembly._views cimport Views


cdef class Routines:
    cdef Graph g
    cdef Buffers buffers
    cdef Views views
    cdef Groups groups
    cdef Records records
    cdef int add(self, int32_t u, int32_t k) except -1
    cdef int contiguous(self, int32_t k, int32_t u, int32_t *b, int64_t *offset) except -1


cdef int64_t routine_work(Graph g, int32_t k) except -1
