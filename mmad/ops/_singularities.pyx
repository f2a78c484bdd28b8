"""Where operations have infinite derivatives, and norms no slope.

Which operations, and where, they declare by `infinite_at`; the sweeps ask here at every step, by opcode.
"""
from libc.stdint cimport int32_t

cimport numpy as cnp

import numpy as np

from mmad.kernels._arrays cimport is_plain_double
from mmad.ops import OPERATIONS
from mmad.tape._instructions cimport OP_REC, Instructions, Op, Rec, SC_chain, SC_masked, SC_settled

cnp.import_array()

cdef extern from "_node.h" nogil:
    enum:
        SC_absolute_slope, SC_hypot_slope

cdef extern from "_kernels.h" nogil:
    bint mm_holds(const double *a, Py_ssize_t n, double first, double second) noexcept


#: operation -> the operand that matters and its values, of the slopes of norms, which do not exist at zero, and of products
#: with one
_KINKED = {
    **{name: (0, (0.0,)) for name in ("absolute_slope", "hypot_slope")},
    "chain": (1, (np.nan,)),
}

cdef Singularity[128] SINGULARITIES


cdef int fill_table() except -1:
    """Look up the operations with singular points."""
    cdef int k
    for k in range(128):
        SINGULARITIES[k].operand = -1
    declared = {name: next(iter(op.infinite_at.items())) for name, op in OPERATIONS.items() if op.infinite_at}
    for name, (operand, values) in (declared | _KINKED).items():
        k = (<Op> OPERATIONS[name]).opcode
        SINGULARITIES[k].operand, SINGULARITIES[k].first, SINGULARITIES[k].second = operand, values[0], values[len(values) - 1]
    return 0


fill_table()


cdef const Singularity *singularities() noexcept nogil:
    """Where scalar operations have infinite derivatives, by opcode."""
    return SINGULARITIES


cdef bint kinked(int opcode) noexcept nogil:
    """Whether the partial of a scalar operation is NaN where the slope of a norm does not exist."""
    return opcode == SC_chain or opcode == SC_absolute_slope or opcode == SC_hypot_slope


def vanished(Op op, object ct, tuple vals):
    """Return where a zero of a cotangent meets a norm that is zero, which has no slope; None: nowhere."""
    found = np.equal(op.impl(*vals), 0.0) & np.equal(ct, 0.0)
    return found if found.any() else None


cpdef bint at_singularity(Op op, tuple vals) except -1:
    """Whether an operation has an infinite derivative at some element of its operands, plain values."""
    cdef const Singularity *q
    if op.opcode < 0 or SINGULARITIES[op.opcode].operand < 0:
        return False
    q = SINGULARITIES + op.opcode
    v = vals[q.operand]
    if v is None:
        return False
    if q.first != q.first:
        return bool(np.any(np.isnan(v)))
    if not is_plain_double(v):
        return bool(np.any(np.equal(v, q.first) | np.equal(v, q.second)))
    return mm_holds(<const double *> cnp.PyArray_DATA(<cnp.ndarray> v), cnp.PyArray_SIZE(<cnp.ndarray> v), q.first, q.second)


def products(Instructions tape):
    """Return whether a zero may meet an infinite derivative on a recorded sweep.

    It may where the tape has both: products of the chain rule (`chain`, `masked`, `settled`), of which one factor may be zero,
    and operations with `infinite_at`.  The sweep of ``sqrt(x)`` has the product of the cotangent with ``1 / (2 sqrt(x))``, and
    has to look, at each replay, whether x is zero; that of ``sin(x)`` has not.
    """
    cdef bint product = False, singular = False
    cdef int32_t k
    cdef int op
    for k in range(tape.n):
        op = tape.nodes[k].op
        if op == OP_REC:
            op = (<Op> (<Rec> tape.recs[tape.nodes[k].a]).op).opcode
        if op == SC_chain or op == SC_masked or op == SC_settled:
            product = True
        elif op >= 0 and SINGULARITIES[op].operand >= 0 and not kinked(op):
            singular = True
        if product and singular:
            return True
    return False


cdef list infinite_partials(Op op, tuple vals, object out, list active):
    """Where each partial is infinite, an array of bool; None for an operand that is not active."""
    with np.errstate(all="ignore"):
        if kinked(op.opcode):  # NaN, where there is none
            return [~np.isfinite(partial(*vals, out)) if on else None for partial, on in zip(op.partials, active)]
        return [np.isinf(partial(*vals, out)) if on else None for partial, on in zip(op.partials, active)]


cpdef bint meets_infinity(Op op, tuple vals, object out) except -1:
    """Whether a partial is infinite at some element of an operation's operands, plain values."""
    if kinked(op.opcode) or not at_singularity(op, vals):
        return False
    return any([np.any(p) for p in infinite_partials(op, vals, out, [p is not None for p in op.partials])])
