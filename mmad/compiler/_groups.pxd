"""Contract of the groups."""
from libc.stdint cimport int32_t

from mmad._vm cimport Access
from mmad.compiler._buffers cimport Buffers
from mmad.compiler._graph cimport Graph
from mmad.compiler._records cimport Records
from mmad.compiler._units cimport Units
from mmad.compiler._views cimport Views


cdef class Groups:
    cdef Units units
    cdef Graph g
    cdef bint reuse
    cdef Views views
    cdef Buffers buffers
    cdef Records records
    cdef int32_t *reg      # by node: the virtual register in the group at hand
    cdef dict cleared      # accumulator -> the unit that clears it
    cdef int add(self, int32_t u) except -1
    cdef int copy(self, Access *load, int32_t b, tuple shape) except -1
