"""Contract of dispatch and of traced numbers."""
from libc.stdint cimport int32_t, int64_t

from mmad.tape._instructions cimport NODE_DEFERRED, NODE_STRONG, Instructions, Op

# The operations that Python's operators stand for, and those of views and writes; set by bind_operators.
cdef Op o_add, o_sub, o_mul, o_div, o_neg, o_pos, o_pow, o_square, o_floordiv, o_mod, o_abs, o_matmul
cdef Op o_lt, o_le, o_gt, o_ge, o_eq, o_ne, o_and, o_or, o_xor, o_invert, o_logical_or, o_window, o_put, o_gather, o_putidx

cdef tuple PLAIN  # the types that an operator takes besides traced values


cdef enum:
    CARRIED = NODE_STRONG | NODE_DEFERRED  # flags of a number that what is computed from it has too


cdef class Traced:
    cdef object inplace(self, Op op, object other)


cdef class Wrapper(Traced):
    cdef public int64_t level
    cpdef object apply(self, Op op, tuple args, dict params)
    cdef bint is_number(self) except -1


cdef class Jet(Wrapper):
    cdef tuple origin     # (operation, operands, parameters, their states) where it is a norm; see `mmad.wrappers._squares`
    cdef Jet base         # the array that this is a view of
    cdef int64_t version  # counts writes to it and its views; -1: of no interest
    cdef object stored(self, object value)


cdef class Var(Traced):
    cdef readonly Instructions tape
    cdef readonly int32_t node
    cdef object as_number(self)


cdef class ScalarVar(Var):
    cdef double v
    cdef int flags
    cdef double known(self) except? -1.0
    cdef object look(self, object k, str how)
    cdef object shown(self)


ctypedef object (*EvenPower)(Op op, tuple args)

cdef void set_even_power(EvenPower f) noexcept
cdef object apply_op(Op op, tuple args, dict params)
cdef object apply_plain(Op op, tuple args, dict params)
cdef object reordering(object x, object function, object dtype, object kind)
cdef object seen_through(Jet r, Jet of, object how)
cdef object state_of(object x)
cdef int written(Jet x) except -1
cdef bint may_be_norm(Instructions tape, int32_t node, int depth) except -1
cdef object apply2(Op op, object x, object y)
cdef object apply1(Op op, object x)
cdef ScalarVar make_scalar(Instructions tape, int32_t node, double v, int flags)
cdef object as_plain(object y)
cdef object raised_for_values()
cdef int guard_raises(tuple args, object of, dict params, object error) except -1
cdef int leaked(Instructions tape) except -1
cdef int refuse_two_tapes(Instructions a, Instructions b) except -1
cpdef tuple shape_of(object x)
cpdef object dtype_of(object x)
