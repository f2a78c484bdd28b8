"""Contract of what operations on arrays do to sets."""
from libc.stdint cimport int32_t, int64_t

from mmad.compiler._graph cimport Map
from mmad.planner.sparsity._elements cimport Elements
from mmad.planner.sparsity._sets cimport Sets

cdef enum:
    ADDED = 0
    MULTIPLIED = 1
    DIVIDED = 2


cdef class Unions:
    cdef Sets sets
    cdef dict united

    cdef Elements selected(self, Elements mask, Elements a, Elements b)
    cdef Elements added(self, Elements a, Elements b, bint first=*)
    cdef Elements without_zeros(self, Elements e)
    cdef Elements united_as(self, Elements a, Elements b, int how)
    cdef int remember(self, tuple key, Elements a, Elements b, Elements out) except -1
    cdef Elements spread(self, Elements e, tuple shape, tuple to)
    cdef Elements union_of(self, Elements a, Elements b)
    cdef int gather_up(self, Elements e, Map m, Elements out) except -1
    cdef Elements sum_products(self, list operands, list shapes, tuple found, tuple shape)
    cdef Elements slid(self, Elements e, int64_t width, int64_t n, bint outside)
    cdef Elements running(self, Elements e, tuple shape, int axis, bint reverse)
    cdef int32_t all_of(self, Elements e) except -1
    cdef Elements labelled(self, Elements e, tuple shape, tuple own, tuple to, tuple result)
