"""Where operations have infinite derivatives, and norms no slope."""
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


#: operation -> the operand that matters and the values of it at which a partial is infinite
SINGULAR = {
    **{name: (0, (0.0,)) for name in ("sqrt", "cbrt", "log", "log2", "log10", "reciprocal", "power")},
    **{name: (0, (0.0,)) for name in ("cbrt_slope", "power_slope", "power_log", "power_curve", "power_cross")},
    **{name: (0, (1.0, -1.0)) for name in ("arcsin", "arccos", "arccosh", "arctanh")},
    "log1p": (0, (-1.0,)),
    "divide": (1, (0.0,)),
}

#: the same of the slopes of norms, which do not exist at zero, and of products with one
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
    for name, (operand, (first, *more)) in (SINGULAR | _KINKED).items():
        k = (<Op> OPERATIONS[name]).opcode
        SINGULARITIES[k].operand, SINGULARITIES[k].first, SINGULARITIES[k].second = operand, first, more[0] if more else first
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
    """Return whether a tape has products of the chain rule on it, and operations whose derivative may be infinite."""
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
