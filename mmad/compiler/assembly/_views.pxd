"""Contract of the views of operands."""
from libc.stdint cimport int32_t, int64_t

from mmad.compiler._graph cimport Graph, Map
from mmad.compiler.assembly._buffers cimport Buffers
from mmad.compiler.assembly._slots cimport Slots
from mmad.compiler.assembly._units cimport Units
from mmad.kernels._machine cimport Access


cdef class Views:
    cdef Units units
    cdef Graph g
    cdef Slots slots
    cdef Buffers buffers
    cdef list tables   # tables of positions
    cdef list watched  # the index arrays that they were made from, with checksums
    cdef dict table_index
    cdef tuple view(self, int32_t k)
    cdef int32_t table(self, Map m, tuple shape=*) except -1
    cdef int64_t element(self, int32_t j, int64_t index) except -1
    cdef int access(self, int32_t j, tuple shape, Access *x) except -1
    cdef int type_code(self, int32_t k) except -1
    cdef int target(self, int32_t k, int32_t i, Access *x) except -1


cdef int locate(Access *x, tuple shape, tuple strides) except -1
cdef int collapse(Access *x, int n, const int64_t *shape, const int64_t *strides) except -1
