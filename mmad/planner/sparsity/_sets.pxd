# cython: nonecheck=False
"""Contract of the store of index sets."""
from libc.stdint cimport int32_t, int64_t

cdef enum:
    ZERO = -2  # instead of a set: an element that is zero, whatever the inputs are; -1 is what functions raise by


cdef class Sets:
    cdef int64_t n, limit
    cdef int64_t *start      # by set beyond the singles: where it begins; one more at the end
    cdef int32_t *index
    cdef int32_t *table      # of hashes: set numbers, 0 free
    cdef int32_t *scratch
    cdef int32_t *stamp
    cdef int32_t mark
    cdef int64_t count, room, used, space, slots
    cdef int32_t full        # the set of all, made at once
    cdef bint exact
    cdef int64_t steps, pause, most  # taken; at which signals are looked at next; at which the search ends
    cdef int paused(self) except -1
    cdef int grow(self) except -1 nogil
    cdef int rehash(self) except -1 nogil
    cdef int32_t keep(self, int64_t size) except -1 nogil
    cdef int32_t unite(self, int32_t a, int32_t b) except -1 nogil
    cdef int32_t unite_many(self, const int32_t *sets, int64_t count, int64_t step) except -1 nogil

    cdef inline int64_t size(self, int32_t s) noexcept nogil:
        if s <= 0:
            return 0
        if s <= self.n:
            return 1
        return self.start[s - self.n] - self.start[s - self.n - 1]

    cdef inline int spend(self, int64_t steps) except -1 nogil:
        """Count what a search does; it ends, by an exception, where it has done as much as it may."""
        self.steps += steps
        if self.steps > self.pause:
            with gil:
                self.paused()
        return 0

    cdef inline const int32_t *begin(self, int32_t s, int32_t *single) noexcept nogil:
        """The indices of a set that is not empty; `single` is room for one."""
        if s <= self.n:
            single[0] = s - 1
            return single
        return self.index + self.start[s - self.n - 1]
