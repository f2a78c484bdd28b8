"""Contract of the runs of scalar instructions."""
from libc.stdint cimport int32_t

from mmad.compiler._graph cimport Graph
from mmad.compiler.assembly._buffers cimport Buffers
from mmad.compiler.assembly._records cimport Records
from mmad.compiler.assembly._slots cimport Slots
from mmad.compiler.assembly._units cimport Units
from mmad.compiler.assembly._views cimport Views


cdef class Runs:
    cdef Units units
    cdef Graph g
    cdef bint sincos
    cdef Slots slots
    cdef Buffers buffers
    cdef Views views
    cdef Records records
    cdef int32_t *scalar  # scalar instructions, by unit
    cdef list counts      # by unit: how many it has
    cdef int32_t done     # how many have their code
    cdef int sort(self) except -1
    cdef int add(self, int32_t u) except -1
    cdef int run(self, int32_t u, const int32_t *members, int32_t n) except -1
    cdef dict twins(self, const int32_t *members, int32_t n)
