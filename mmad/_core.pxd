"""Contract of the recording core: the tape's node, operations, traced values."""
from libc.stdint cimport int32_t, int64_t, uint16_t, uint64_t
cimport numpy as cnp


cdef extern from "_node.h" nogil:
    ctypedef struct Node:
        uint16_t op
        uint16_t flags
        int32_t a
        int32_t b
        int32_t c
        double v
        int64_t i
    enum:
        OP_INPUT, OP_CONST, OP_REC, OP_LOAD, OP_STORE, OP_GUARD, OP_FIRST_SCALAR
        NODE_ARRAY, NODE_CONSUMED, NODE_SUPERSEDED, NODE_STRONG, NODE_BOOL
        SCALAR_BEFORE, SCALAR_END
        SC_add, SC_subtract, SC_multiply, SC_divide, SC_negative, SC_square, SC_power, SC_select
        SC_less, SC_signbit, SC_chain, SC_positive
    int64_t node_index(const Node *n) noexcept
    int const_slot(uint64_t bits) noexcept
    double scalar_eval(int op, double a, double b, double c) noexcept
    const char *scalar_name(int op) noexcept
    int scalar_arity(int op) noexcept


# What an operation is to the sweeps.
cdef enum:
    KIND_ELEMENTWISE = 0   # partials
    KIND_STRUCTURAL = 1    # linear arguments with transposes, or a pushforward
    KIND_WINDOW = 2        # affine view of a base
    KIND_PUT = 3           # new version of a base, one window written
    KIND_PUT_INDEX = 4     # new version of a base, fancy index written


cdef class Op:
    cdef readonly str name
    cdef readonly object impl
    cdef readonly int nin
    cdef readonly int opcode
    cdef readonly int kind
    cdef readonly bint boolean
    cdef public bint needs_out
    cdef readonly bint raw
    cdef public bint joint
    cdef public tuple partials
    cdef public object jvp
    cdef public object transposes
    cdef public object batch
    cdef public object probes
    cdef public object ufunc
    cdef public str doc


cdef class Rec:
    cdef readonly Op op
    cdef readonly tuple args
    cdef readonly tuple vals
    cdef readonly dict params
    cdef readonly object out
    cdef readonly tuple shape
    cdef readonly object dtype


cdef class Tape:
    cdef Node *nodes
    cdef int32_t n
    cdef int64_t capacity
    cdef readonly list recs
    cdef public bint open
    cdef readonly bint guarded
    cdef public object origin
    cdef public list inputs
    cdef public object outputs
    cdef public object in_tree
    cdef public object out_tree
    cdef dict watched
    cdef readonly bint live
    cdef uint64_t const_bits[64]
    cdef int32_t const_node[64]
    cdef int grow(self) except -1
    cdef int32_t push(self, int op, int flags, int32_t a, int32_t b, int32_t c, double v) except -1
    cdef int32_t push_rec(self, int op, int flags, Rec rec, double v) except -1
    cdef int32_t constant(self, double v, int flags) except -1
    cdef Rec rec_of(self, int32_t node)
    cpdef check_watched(self)


cdef class Traced:
    pass


cdef class Wrapper(Traced):
    cdef public int64_t level
    cpdef object apply(self, Op op, tuple args, dict params)


cdef class Var(Traced):
    cdef readonly Tape tape
    cdef readonly int32_t node


cdef class ScalarVar(Var):
    cdef double v
    cdef int flags
    cdef object look(self, object k, str how)


cdef class ArrayVar(Var):
    cdef cnp.ndarray arr
    cdef readonly ArrayVar base
    cdef tuple window
    cdef int64_t version
    cdef bint fresh
    cdef int sync(self) except -1
    cdef cnp.ndarray take(self)
    cdef int prepare_write(self) except -1
    cdef ArrayVar alias(self, cnp.ndarray r)
    cdef object load(self, Py_ssize_t flat, double v)
    cdef Py_ssize_t element(self, object index, double **address) except -2
    cdef int write(self, object index, object value) except -1
    cdef object inplace(self, Op op, object other)
    cpdef assign(self, r, name=*)


cdef object apply_op(Op op, tuple args, dict params)
cdef object apply2(Op op, object x, object y)
cdef object apply1(Op op, object x)
cdef ScalarVar make_scalar(Tape tape, int32_t node, double v, int flags)
cdef ArrayVar make_array(Tape tape, int32_t node, cnp.ndarray arr, bint fresh)
cdef int element_add(ArrayVar acc, int64_t flat, int32_t node) except -1
cdef int32_t element_take(ArrayVar acc, int64_t flat, double *v) except -1
