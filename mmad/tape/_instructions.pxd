"""Contract of what a tape is made of: nodes, operations, array records."""
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
        NODE_ARRAY, NODE_CONSUMED, NODE_SUPERSEDED, NODE_STRONG, NODE_BOOL, NODE_DEFERRED, NODE_SPOILT
        SCALAR_BEFORE, SCALAR_END, FUSED_END
        SC_add, SC_sin, SC_cos, SC_subtract, SC_multiply, SC_divide, SC_negative, SC_square, SC_power, SC_select
        SC_less, SC_signbit, SC_isnan, SC_isinf, SC_isfinite, SC_logical_and, SC_logical_not, SC_chain, SC_masked
        SC_settled, SC_positive, SC_floor_divide, SC_remainder, SC_tied
    int64_t node_index(const Node *n) noexcept
    int const_slot(uint64_t bits) noexcept
    double scalar_eval(int op, double a, double b, double c) noexcept
    const char *scalar_name(int op) noexcept
    int scalar_arity(int op) noexcept
    double scalar_cost(int op) noexcept


# What an operation is to the sweeps.
cdef enum:
    KIND_ELEMENTWISE = 0   # partials
    KIND_STRUCTURAL = 1    # linear arguments with transposes, or a pushforward
    KIND_WINDOW = 2        # affine view of a base
    KIND_PUT = 3           # new version of a base, one window written
    KIND_PUT_INDEX = 4     # new version of a base, fancy index written


# What an operation may be in an even power of a norm, a bit each.  In (hypot(x, y) / s)**2 the norm hypot is a ROLE_ROOT, the
# square root of a sum of squares; the division is ROLE_LINEAR, it makes a multiple of the norm (or a view, or elements of it);
# the square is ROLE_EVEN, as x * x is where both operands are the same.  `mmad.wrappers._squares` differentiates the whole as
# (x**2 + y**2) / s**2, which has derivatives where the norm is zero.  `_core.bind_operators` sets them.
cdef enum:
    ROLE_ROOT = 1
    ROLE_LINEAR = 2
    ROLE_EVEN = 4


# NumPy's inner loop of a ufunc.
ctypedef void (*Loop)(char **at, cnp.npy_intp *n, cnp.npy_intp *steps, void *data) noexcept nogil

# An operation's value without NumPy's dispatch, or None (see `mmad.ops._direct`).
ctypedef object (*Direct)(Op op, tuple vals, dict params)


cdef class Op:
    cdef readonly str name
    cdef readonly object impl
    cdef readonly int nin
    cdef readonly int opcode
    cdef readonly int kind
    cdef readonly bint boolean
    cdef readonly bint needs_out
    cdef int role                   # in even powers of norms: ROLE_
    cdef readonly int masks         # a bit an operand: its partial is a mask
    cdef readonly dict saturates    # operand -> the operand that is infinite where its partial vanishes
    cdef readonly dict infinite_at  # operand -> its values at which a partial is infinite
    cdef readonly bint raw          # the last operand is an index
    cdef readonly bint joint
    cdef readonly tuple partials
    cdef readonly object jvp
    cdef readonly object transposes
    cdef readonly object transpose  # of all operands together: (cotangent, operands, result, parameters, active)
    cdef readonly object batch
    cdef readonly object probes
    cdef readonly object ufunc
    cdef readonly object result  # (shapes of operands, operands, parameters) -> shape of the result
    cdef Direct direct
    cdef Loop loops[2]        # in float64 and float32
    cdef void *loop_data[2]


cdef class Rec:
    cdef readonly Op op
    cdef int32_t n            # operands
    cdef int32_t *at          # their nodes; -1: a constant
    cdef int32_t[3] few       # where they are, if there are no more
    cdef readonly tuple vals
    cdef readonly dict params
    cdef readonly object out
    cdef readonly tuple shape
    cdef readonly object dtype
    cdef cnp.ndarray pending  # where the value will be, until it is there
    cdef bint forgets         # operands' values are kept until then only


cdef class Instructions:
    cdef Node *nodes
    cdef int32_t n
    cdef int64_t capacity
    cdef readonly list recs
    cdef public bint open
    cdef readonly bint guarded
    cdef readonly bint plain_integers  # integers and truth values are plain where Python sees them, and guarded
    cdef public object origin
    cdef public list inputs
    cdef public object outputs
    cdef public object in_tree
    cdef public object out_tree
    cdef dict watched
    cdef list expected        # captured arrays before the run, with their checksums
    cdef bint rewritten       # a captured array was written to between two of its uses
    cdef dict used            # captured arrays that constants of the recording were computed from, with their checksums
    cdef readonly bint live
    cdef bint rooted          # there are norms on it
    cdef public bint heeds    # the function may catch errors of arithmetic: they, and that there is none, are guarded
    cdef public object observer  # called with each step of a recorded sweep: (kind, node); None: nobody asks
    cdef public object kept   # `mmad.derivatives.policies.Kept`: results that a checkpoint keeps; None
    cdef public bint exact    # recorded sweeps tell zeros that arithmetic made from others (see `_suspects`)
    cdef bint forgets         # what is recorded now is never swept: operands' values are not kept
    cdef uint64_t const_bits[64]
    cdef int32_t const_node[64]
    cdef list shapes, windows  # of recent arrays
    cdef int grow(self) except -1
    cdef int32_t push(self, int op, int flags, int32_t a, int32_t b, int32_t c, double v) except -1
    cdef int32_t push_rec(self, int op, int flags, Rec rec, double v) except -1
    cdef int32_t constant(self, double v, int flags) except -1
    cdef Rec rec_of(self, int32_t node)
    cdef tuple shape_of(self, cnp.ndarray arr)
    cdef tuple window_of(self, Py_ssize_t offset, cnp.ndarray r, cnp.ndarray base)
    cpdef check_watched(self)
    cdef object record(self, Op op, tuple args, dict params)
    cdef int fill(self, int32_t node) except -1
    cpdef bint is_version(self, int32_t k) noexcept


cdef inline const int32_t *operands_of(Instructions tape, int32_t k, int32_t *n) noexcept:
    """The nodes that instruction k reads, -1 for a constant of its record, and their number."""
    cdef const Node *p = tape.nodes + k
    cdef Rec rec
    if p.op >= OP_FIRST_SCALAR:
        n[0] = scalar_arity(p.op)
    elif p.op == OP_REC:
        rec = <Rec> tape.recs[p.a]
        n[0] = rec.n
        return rec.at
    else:
        n[0] = 2 if p.op == OP_STORE else 1 if p.op == OP_LOAD or p.op == OP_GUARD else 0
    return &p.a


ctypedef object (*Door)(Op op, tuple args, dict params)

cdef void set_door(Door door) noexcept
cpdef Op scalar_op(int opcode)
cdef Rec new_rec(Op op, int32_t n, tuple vals, dict params, object out, tuple shape, object dtype)
cdef int spare(Rec rec) except -1
cdef object freeze(Instructions tape, object value)
cdef object frozen_index(Instructions tape, object index)
