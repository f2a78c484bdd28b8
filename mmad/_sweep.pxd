"""Contract of the numeric sweeps."""
from libc.stdint cimport int32_t, uint8_t

from mmad._core cimport Node, Op, Tape

# The compiled partials of scalar operations.
cdef enum:
    PARTIAL_NONE, PARTIAL_CONSTANT, PARTIAL_OPERAND, PARTIAL_PROGRAM
    MAX_PROGRAM = 40

cdef struct Partial:
    int kind
    double c        # the constant
    int ref         # the operand (or the result, as operand number `arity`), or the program's last node
    int n
    Node *program   # never freed: one a declared partial, for the life of the process

cdef const Partial *partial_of(int opcode, int i) noexcept nogil
cdef double scalar_push(int opcode, int arity, const double *operands, const double *dots) noexcept nogil
cpdef list pull(Op op, object ct, tuple vals, object out, dict params, tuple out_shape, list active)
cpdef object push(Op op, list dots, tuple vals, object out, dict params, tuple out_shape, list partials=*)
cdef object fit(object g, object val, tuple out_shape)
cdef uint8_t *active_mask(Tape tape, int32_t start, int32_t stop, list inputs) except NULL
cdef bint overlapping(tuple shape, tuple strides)
cdef bint in_order(tuple shape, tuple strides)
