"""Contract of the buffers of arrays."""
from libc.stdint cimport int32_t, int64_t

from mmad.compiler._graph cimport Graph
from mmad.compiler.assembly._records cimport Vector
from mmad.compiler.assembly._units cimport Units
from mmad.vm._vm cimport Buffer


# The life of a buffer.
cdef struct Life:
    int32_t first, final   # the units that use it first and last
    int32_t last_read      # the last unit that reads the array it was made for
    int32_t alias          # the buffer whose place it takes; -1: none
    bint pinned            # nothing else may share it


cdef class Buffers:
    cdef Units units
    cdef Graph g
    cdef bint reuse
    cdef int32_t *of           # by node: its buffer; -1: it has none
    cdef Vector vector, lives  # by buffer: what the machine reads, and its life
    cdef Life *life
    cdef list constants
    cdef int64_t arena         # bytes
    cdef int give(self) except -1
    cdef int32_t add(self, int32_t k, int home, int index) except -1
    cdef Buffer *at(self, int32_t b) noexcept
    cdef int touch(self, int32_t b, int32_t u) noexcept
    cdef bint dies(self, int32_t b, int32_t u) noexcept
    cdef int place(self) except -1
