"""Contract of sets by element, and of their moves."""
from libc.stdint cimport int32_t, int64_t

from mmad.compiler._graph cimport Map

cdef enum:
    MAX_RANK = 32


cdef class Elements:
    cdef int32_t *sets
    cdef int64_t n
    cdef int32_t common

    cdef inline int32_t at(self, int64_t i) noexcept nogil:
        return self.common if self.sets == NULL else self.sets[i]


cdef class Walk:
    cdef int rank
    cdef int64_t size, at, inner, step
    cdef int64_t[MAX_RANK] shape
    cdef int64_t[MAX_RANK] strides
    cdef int64_t[MAX_RANK] index
    cdef const int64_t *table
    cdef object kept

    cdef void next_row(self) noexcept nogil


cdef Elements elements(int64_t n)
cdef Elements uniform(int64_t n, int32_t s)
cdef Walk walk(Map m)
cdef Elements gathered(Elements e, Walk w)
cdef tuple broadcast(tuple shape, tuple to)
cdef bint overlaps(Map m)
