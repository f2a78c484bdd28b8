"""Contract of the compiled partials of scalar operations."""
from mmad.tape._instructions cimport Node, Op

cdef enum:
    PARTIAL_NONE, PARTIAL_CONSTANT, PARTIAL_OPERAND, PARTIAL_PROGRAM
    MAX_PROGRAM = 40

cdef struct Partial:
    int kind
    double c        # the constant
    int ref         # the operand (or the result, as operand number `arity`), or the program's last node
    int n
    int uses        # the operands that the program reads, a bit each
    bint mask       # a zero of the partial wins over an infinite tangent or cotangent,
    int limit       # and here only where this operand is infinite; -1: not so
    Node *program   # never freed: one a declared partial, for the life of the process

cdef const Partial *partial_of(int opcode, int i) noexcept nogil
cdef bint cuts() noexcept nogil
cdef bint set_cuts(bint now) noexcept nogil
cdef double partial_value(const Partial *q, const double *operands) noexcept nogil
cdef double scalar_push(int opcode, int arity, const double *operands, const double *dots) noexcept nogil
cdef double partial_product(const Partial *q, double s, double p, const double *operands) noexcept nogil
cdef object array_partial(Op op, int i, tuple vals, object out)
