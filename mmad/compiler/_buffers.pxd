"""Contract of the buffers of arrays."""
from libc.stdint cimport int32_t, int64_t

from mmad._vm cimport Buffer
from mmad.compiler._graph cimport Graph
from mmad.compiler._records cimport Vector
from mmad.compiler._units cimport Units


cdef class Buffers:
    cdef Units units
    cdef Graph g
    cdef bint reuse
    cdef int32_t *of           # by node: its buffer; -1: it has none
    cdef Vector vector
    cdef list constants
    cdef list first, final     # by buffer: the units that use it first and last
    cdef list last_read        # by buffer: the last unit that reads the array it was made for
    cdef list pinned           # by buffer: nothing else may share it
    cdef list alias            # by buffer: the one whose place it takes; -1: none
    cdef int64_t arena         # bytes
    cdef int give(self) except -1
    cdef int32_t add(self, int32_t k, int home, int index) except -1
    cdef Buffer *at(self, int32_t b) noexcept
    cdef int touch(self, int32_t b, int32_t u) except -1
    cdef bint dies(self, int32_t b, int32_t u) except -1
    cdef int place(self) except -1
