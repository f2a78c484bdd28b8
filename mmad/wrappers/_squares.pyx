"""Even powers of norms.

A norm has no slope where it is zero, and the chain rule loses what it multiplies by that slope: ``norm(x)**2`` has the
second derivative 2, but the rule finds zero times a number that does not exist.  Therefore an even power of a norm is
differentiated as a power of the sum of squares under the root.  The value stays the one that the function computes.

1. What a norm was made of is found on the tape, from its node, or in the origin of a dual number or series.
2. Views, elements and multiples of a norm (``(r / scale)**2``) have squares of the same kind.
3. The power is `tied`: its value to the power of the norm, its derivative to that of the sum of squares.
"""
from libc.stdint cimport int32_t, int64_t

cimport numpy as cnp

import numpy as np

from mmad._core cimport Jet, Traced, Var, apply1, apply2, apply_op, apply_plain, may_be_norm, set_even_power, state_of
from mmad.ops import OPERATIONS
from mmad.tape._instructions cimport (OP_FIRST_SCALAR, OP_LOAD, OP_REC, ROLE_LINEAR, ROLE_ROOT, Node, Op, Rec,
                                      node_index, scalar_op)
from mmad.tape._storage cimport ArrayVar
from mmad.tape._tape cimport Tape
from mmad.wrappers._batch cimport Batch

cnp.import_array()

cdef enum:
    DEPTH = 3  # steps from a norm to what is raised to a power
    ALIKE = 12  # steps that are compared to find a norm that was computed twice: a standard deviation has seven

cdef Op o_add, o_square, o_multiply, o_divide, o_power, o_tied, o_sum, o_matmul, o_sum_of_squares, o_window, o_gather, o_astype
cdef Op o_real, o_imag, o_root, o_hypot


o_add, o_square, o_multiply, o_divide, o_power, o_tied, o_sum, o_matmul, o_sum_of_squares, o_window, o_gather = [
    OPERATIONS[name] for name in ("add", "square", "multiply", "divide", "power", "tied", "sum", "matmul",
                                  "sum_of_squares", "window", "gather")]
o_astype, o_real, o_imag, o_root, o_hypot = [
    OPERATIONS[name] for name in ("astype", "real", "imag", "root", "hypot")]
set_even_power(even_power)


cdef object even_power(Op op, tuple args):
    """Return an operation whose result is an even power of a norm; None: it is not."""
    cdef double half = 1.0
    cdef object x = args[0], s
    if not isinstance(x, Traced):
        return None
    if op is o_multiply or op is o_matmul:
        if args[1] is not x and not is_same_norm(x, args[1]):
            return None
    elif op is o_power:
        half = half_of(args[1])
        if half == 0:
            return None
    s = squares_of(x)
    if s is None:
        return None
    if half != 1:
        s = apply2(o_power, s, half)
    elif op is o_matmul or op is o_sum_of_squares:
        if len(x.shape) != 1:
            return None
        s = apply_op(o_sum, (s,), {"axis": (0,), "keepdims": False})
    return apply2(o_tied, apply_plain(op, args, None), s)


cdef double half_of(object exponent) except -1:
    """Return half of a positive even exponent; 0 of any other."""
    cdef double half
    if type(exponent) is cnp.ndarray and cnp.PyArray_NDIM(<cnp.ndarray> exponent) == 0:
        exponent = exponent[()]
    if isinstance(exponent, Traced) or not isinstance(exponent, (int, float, np.number)) or isinstance(exponent, complex):
        return 0
    half = <double> exponent / 2
    return half if half > 0 and half == <int64_t> half else 0


cdef bint is_same_norm(object x, object y) except -1:
    """Return whether two recorded values are one norm, computed twice from the same values."""
    cdef Tape tape
    if not isinstance(x, Var) or not isinstance(y, Var) or (<Var> x).tape is not (<Var> y).tape:
        return False
    tape = (<Var> x).tape
    if not tape.rooted:
        return False
    for v in (x, y):
        if type(v) is ArrayVar:
            v.refresh()
    return may_be_norm(tape, (<Var> x).node, DEPTH) and equal_instructions(tape, (<Var> x).node, (<Var> y).node, ALIKE)


cdef bint equal_numbers(object x, object y) except -1:
    return isinstance(x, (float, int, np.number)) and isinstance(y, (float, int, np.number)) and x == y


cdef bint equal_instructions(Tape tape, int32_t j, int32_t k, int depth) except -1:
    """Return whether two instructions are equal, and so are their operands."""
    cdef Node *p = tape.nodes + j
    cdef Node *q = tape.nodes + k
    cdef Rec r, s
    cdef int i
    if j == k:
        return True
    if depth == 0 or j < 0 or k < 0 or p.op != q.op:
        return False
    if p.op == OP_LOAD:
        return node_index(p) == node_index(q) and equal_instructions(tape, p.a, q.a, depth - 1)
    if p.op >= OP_FIRST_SCALAR:
        return p.c == q.c and equal_instructions(tape, p.a, q.a, depth - 1) \
            and (p.b == q.b or equal_instructions(tape, p.b, q.b, depth - 1))
    if p.op != OP_REC:
        return False
    r, s = tape.recs[p.a], tape.recs[q.a]
    if r.op is not s.op or r.n != s.n or r.op is o_gather or r.params != s.params:
        return False
    for i in range(r.n):
        if r.at[i] < 0 and (s.at[i] >= 0 or not (r.vals[i] is s.vals[i] or equal_numbers(r.vals[i], s.vals[i]))):
            return False
        if r.at[i] >= 0 and not equal_instructions(tape, r.at[i], s.at[i], depth - 1):
            return False
    return True


def squares_of(x):
    """Return what a norm, or an array of norms, is the square root of, element by element; None: it is no norm.

    Parameters
    ----------
    x : object
        Norms, absolute values, hypotenuses and standard deviations; views, elements and multiples of them.
    """
    return squares(x, DEPTH)


cdef object squares(object x, int depth):
    cdef object s
    if isinstance(x, Var):
        if not (<Var> x).tape.rooted:
            return None
        if type(x) is ArrayVar:
            x.refresh()
        return squares_at((<Var> x).tape, (<Var> x).node, depth) if may_be_norm((<Var> x).tape, (<Var> x).node, depth) else None
    if isinstance(x, Jet):
        if (<Jet> x).origin is None:
            return None
        op, args, params, states = (<Jet> x).origin
        for a, state in zip(args, states):
            if state_of(a) != state:
                return None
        if op is None:
            s = squares(args[0], depth)
            return None if s is None else s.view(params) if callable(params) else s[params]
        return squares_by(op, args, params, depth)
    if isinstance(x, Batch):
        s = squares((<Batch> x).lanes, depth)
        return None if s is None else Batch((<Batch> x).level, s)
    return None


cdef object squares_at(Tape tape, int32_t k, int depth):
    """Return the squares of what a node holds."""
    cdef Node *p = tape.nodes + k
    cdef Node element = p[0]
    cdef Op op
    cdef Rec rec
    cdef list args
    cdef int i
    if p.op == OP_LOAD:
        s = squares_at(tape, p.a, depth)
        return None if s is None else s[np.unravel_index(node_index(&element), s.shape)]
    if p.op >= OP_FIRST_SCALAR:
        op = scalar_op(p.op)
        args = [tape.var_at(p.a)] if op.nin == 1 else [tape.var_at(p.a), tape.var_at(p.b)]
        return squares_by(op, tuple(args), None, depth)
    if p.op != OP_REC:
        return None
    rec = <Rec> tape.recs[p.a]
    if rec.op is o_window:
        s = squares_at(tape, rec.at[0], depth - 1) if depth > 0 else None
        return None if s is None else apply_op(o_window, (s,), rec.params)
    args = []
    for i in range(rec.n):
        v = rec.vals[i]
        if rec.at[i] >= 0:
            if v is None:  # it was not kept
                return None
            v = tape.var_at(rec.at[i], v)
        args.append(v)
    return squares_by(rec.op, tuple(args), rec.params, depth)


cdef object squares_by(Op op, tuple args, dict params, int depth):
    """Return the squares of the result of an operation."""
    cdef object s, t
    if op is o_root:
        return args[0]
    if op is o_hypot:
        return apply2(o_add, apply1(o_square, args[0]), apply1(o_square, args[1]))
    if op.role & ROLE_ROOT:
        if args[0].dtype.kind == "c":
            return apply2(o_add, apply1(o_square, apply1(o_real, args[0])), apply1(o_square, apply1(o_imag, args[0])))
        return apply1(o_square, args[0])
    if not op.role & ROLE_LINEAR or depth == 0:
        return None
    s = squares(args[0], depth - 1)
    if op is o_multiply or op is o_divide:
        if s is None:
            t = squares(args[1], depth - 1) if op is o_multiply else None
            return None if t is None else apply2(o_multiply, apply1(o_square, args[0]), t)
        t = squares(args[1], depth - 1)
        return apply2(op, s, apply1(o_square, args[1]) if t is None else t)
    if s is None:
        return None
    if op is o_gather or op is o_astype:
        return apply_op(op, (s, *args[1:]), params)
    return s
