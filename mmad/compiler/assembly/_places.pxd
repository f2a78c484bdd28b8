"""Contract of the places in the arena."""
from libc.stdint cimport int32_t, int64_t


# A place of the arena: one in use until a unit has run, or a free one.
cdef struct Allocation:
    int64_t at, size
    int32_t final
    int32_t before   # of free ones: the place of that size that became free before


# A size that free places have.
cdef struct Size:
    int64_t size
    int32_t latest   # the place that became free last


cdef class Places:
    cdef Allocation *used     # a heap: the place that is free first is at the top
    cdef Allocation *unused
    cdef Size *sizes     # in order
    cdef int32_t n_used, n_unused, n_sizes
    cdef int64_t end     # bytes of the arena
    cdef int release(self, int32_t unit) noexcept
    cdef int64_t take(self, int64_t need, int32_t final) noexcept
    cdef int32_t size_from(self, int64_t size) noexcept
    cdef int add(self, int64_t at, int64_t size) noexcept
    cdef int push(self, int64_t at, int64_t size, int32_t final) noexcept
    cdef int pop(self) noexcept
