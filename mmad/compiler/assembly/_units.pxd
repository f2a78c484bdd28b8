"""Contract of the units that instructions are put into."""
from libc.stdint cimport int32_t, uint8_t

from mmad.compiler._graph cimport Graph, Payload

cdef enum:
    U_SCALARS = 0
    U_GROUP = 1
    U_MATMUL = 2
    U_CALL = 3
    U_ROUTINE = 4

cdef class Units:
    cdef Graph g
    cdef bint fuse, in_place
    cdef readonly int32_t n
    cdef int32_t *unit        # by node; -1: there from the start
    cdef int32_t *root        # by node: what holds the elements of a window
    cdef int32_t *last        # by node: the last instruction that uses it (in the order of the graph)
    cdef int32_t *busy        # by node: the last unit that reads its elements
    cdef uint8_t *need        # by node: its elements have to be in memory
    cdef uint8_t *over        # by node: a put or store writes over its base
    cdef list kind, shape, single, members, stores
    cdef dict latest          # (form, precision) -> the last group
    cdef int32_t *form        # by type: its shape but for axes of length 1, as a number
    cdef list forms
    cdef dict form_index
    cdef int32_t scalars
    cdef bint in_group(self, int32_t j, int32_t unit, int32_t form) noexcept
    cdef bint elementwise(self, int32_t k) noexcept
    cdef int find_last(self) except -1
    cdef int32_t new_unit(self, int kind, tuple shape, bint single) except -1
    cdef int32_t form_of(self, tuple shape) except -1
    cdef int32_t group(self, int32_t form, bint single, int32_t after) except -1
    cdef int32_t complete(self, int32_t j) noexcept
    cdef int32_t complete_for_scalars(self, int32_t j) except -2
    cdef int read(self, int32_t j, int32_t u) noexcept
    cdef int place(self, int32_t k) except -1
    cdef int32_t scalar_unit(self, int32_t after) except -1
    cdef int place_scalar(self, int32_t k) except -1
    cdef int place_elementwise(self, int32_t k) except -1
    cdef int32_t place_part(self, int32_t j, int32_t form, bint single, int32_t after) except -1
    cdef int place_collect(self, int32_t k, Payload w) except -1
    cdef bint precision(self, int32_t j) except -1
    cdef bint rounded(self, int32_t j, bint single) noexcept
    cdef int32_t writable(self, int32_t k, int32_t base, int32_t value) except -1
    cdef int place_store(self, int32_t k) except -1
    cdef int place_put(self, int32_t k, Payload w) except -1
    cdef int place_call(self, int32_t k, Payload w) except -1
