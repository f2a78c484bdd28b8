"""Contract of the reverse driver and of what keeps its cotangents."""
from libc.stdint cimport int32_t, int64_t, uint8_t

from mmad.tape._instructions cimport NODE_ARRAY, Rec
from mmad.tape._tape cimport Tape


cdef enum:
    WANTED = 2  # in the mask of a sweep: a node that is asked for, where the sweep ends


cdef class Cotangents:
    cdef Tape tape
    cdef int32_t start, stop  # the instructions that are swept
    cdef uint8_t *mask        # a byte a node: 0 where it depends on no input, WANTED for the inputs themselves
    cdef int begin(self, Tape tape, int32_t start, int32_t stop, list inputs) except -1
    cdef int seed(self, list seeds) except -1
    cdef int32_t pull_scalars(self, int32_t k) except -2
    cdef bint is_zero(self, int32_t k) noexcept
    cdef object pop(self, int32_t k)
    cdef int add(self, int32_t k, object g) except -1
    cdef int move(self, int32_t k, int32_t base) except -1
    cdef int add_element(self, int32_t k, int32_t base, int64_t flat) except -1
    cdef int take_element(self, int32_t k, int32_t source, int64_t flat) except -1
    cdef int add_view(self, int32_t base, Rec rec, object ct) except -1
    cdef object take_window(self, int32_t k, Rec rec, bint wanted)
    cdef object take_index(self, int32_t k, Rec rec, bint wanted)
    cdef object pull_direct(self, int32_t k, Rec rec, object ct)
    cdef list pull_rule(self, int32_t k, Rec rec, object ct, list active)
    cdef object result(self, int32_t k)

    cdef inline bint is_array(self, int32_t k) noexcept:
        return self.tape.nodes[k].flags & NODE_ARRAY

    cdef inline list active(self, Rec rec):
        """Whether a cotangent is asked for of each operand."""
        cdef int i
        return [rec.at[i] >= 0 and self.mask[rec.at[i]] != 0 for i in range(rec.n)]


cdef int walk_back(Cotangents cotangents) except -1
