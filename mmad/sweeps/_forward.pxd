"""Contract of the forward driver and of what keeps its tangents."""
from libc.stdint cimport int32_t, int64_t, uint8_t

from mmad.tape._instructions cimport NODE_ARRAY, Rec
from mmad.tape._tape cimport Tape


cdef class Tangents:
    cdef Tape tape
    cdef int32_t start, stop  # the instructions that are swept
    cdef uint8_t *skip        # a byte a node: whether its tangent is given, or nothing is computed of it
    cdef int32_t *last        # of each array the last instruction that reads it; NULL: tangents are not released
    cdef int begin(self, Tape tape, int32_t start, int32_t stop) except -1
    cdef int32_t push_scalars(self, int32_t k) except -2
    cdef object get(self, int32_t k)
    cdef int read_element(self, int32_t k, int32_t base, int64_t flat) except -1
    cdef int write_element(self, int32_t k, int32_t base, int32_t source, int64_t flat) except -1
    cdef int write_part(self, int32_t k, Rec rec, object value) except -1
    cdef int push_window(self, int32_t k, Rec rec, object dot) except -1
    cdef int push_zero(self, int32_t k, Rec rec) except -1
    cdef int push_rule(self, int32_t k, Rec rec, list dots) except -1
    cdef int release(self, int32_t j) except -1

    cdef inline bint is_array(self, int32_t k) noexcept:
        return self.tape.nodes[k].flags & NODE_ARRAY


cdef int walk_forward(Tangents tangents) except -1
