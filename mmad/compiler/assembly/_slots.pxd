"""Contract of the slots of numbers."""
from libc.stdint cimport int32_t, uint8_t

from mmad.compiler._graph cimport Graph
from mmad.compiler.assembly._records cimport Vector
from mmad.compiler.assembly._units cimport Units


cdef class Slots:
    cdef Units units
    cdef Graph g
    cdef bint reuse
    cdef int32_t *of         # by node: its slot; -1: it is no number
    cdef uint8_t *is_scalar  # by node: it is an instruction in a run of scalars
    cdef Vector template     # by slot: what is in it when a program starts
    cdef int find_scalars(self) except -1
    cdef int give(self) except -1
    cdef int32_t add(self, double value) except -1
    cdef int32_t *last_uses(self) except NULL
