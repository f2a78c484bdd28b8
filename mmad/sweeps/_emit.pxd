"""Contract of what recorded sweeps share."""
from libc.stdint cimport int32_t, int64_t

from mmad._core cimport ScalarVar
from mmad.ops._partials cimport Partial
from mmad.tape._instructions cimport Rec
from mmad.tape._tape cimport Tape


cdef int32_t emit(Tape tape, int op, int32_t a, int32_t b, int32_t c) except -1
cdef ScalarVar number(Tape tape, int32_t k)
cdef object operand(Tape tape, Rec rec, int i, int32_t k)
cdef list scalar_operands(Tape tape, int32_t k)
cdef tuple recorded_numbers(Tape tape, list nodes, bint plain)
cdef object element_index(Tape tape, int32_t k, int64_t flat)
cdef int32_t emit_partial(Tape tape, const Partial *q, const int32_t *operands) except -1
cdef object push_number(Tape tape, int32_t k, dict dots)
