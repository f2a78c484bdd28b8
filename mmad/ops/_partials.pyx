"""Partial derivatives of scalar operations, compiled once from their declarations.

Each partial is declared in Python in terms of operations (`mmad.ops`).  Here it is traced once into a short scalar program,
which the sweeps evaluate or append to a tape; constants and operands are recognised and cost nothing.
"""
from libc.math cimport isinf
from libc.stdlib cimport malloc

import numpy as np

from mmad._core cimport ScalarVar
from mmad.tape._instructions cimport (OP_FIRST_SCALAR, OP_GUARD, OP_INPUT, OP_REC, SCALAR_END, Node, Op, SC_select,
                                      scalar_eval)
from mmad.tape._tape cimport Tape

cdef Partial[3] PARTIALS[128]


cdef const Partial *partial_of(int opcode, int i) noexcept nogil:
    return &PARTIALS[opcode][i]


def compile_partials(Op op, bint needs_out):
    """Trace the declared partials of a scalar operation into programs the sweeps evaluate.

    `needs_out`: they use the result, whether these programs do or not.

    Raises
    ------
    TypeError
        The declaration says something of a partial that changes nothing, or a partial fails where the operands are numbers.
    """
    cdef Tape tape
    cdef Partial *q
    cdef Node *p
    cdef int i, j, k
    if SCALAR_END > 128:
        raise AssertionError("PARTIALS is too short")
    uses_out = False
    for i in range(op.nin):
        q = &PARTIALS[op.opcode][i]
        q.mask, q.limit = op.masks >> i & 1, -1 if op.saturates is None else op.saturates.get(i, -1)
        rule = op.partials[i] if op.partials is not None else None
        if rule is None:
            q.kind = PARTIAL_NONE
            continue
        said = "masks" if q.mask else "saturates" if q.limit >= 0 else ""
        tape = Tape(f"the partial of {op.name}", guarded=True)
        operands = [tape.add_input(0.5 + 0.25 * k) for k in range(op.nin)] + [tape.add_input(0.375)]
        with np.errstate(all="ignore"):
            r = rule(*operands)
        if type(r) is not ScalarVar:
            q.kind, q.c = PARTIAL_CONSTANT if r != 0 else PARTIAL_NONE, float(r)
            if said:
                raise TypeError(
                    f"elementwise: the partial of {op.name} by operand {i} is {r} everywhere, so {said} is not used"
                )
            continue
        if (<ScalarVar> r).node == op.nin:
            uses_out = True
        if (<ScalarVar> r).node <= op.nin:
            q.kind, q.ref = PARTIAL_OPERAND, (<ScalarVar> r).node
            continue
        if tape.n > MAX_PROGRAM:
            raise ValueError(f"the partial of {op.name} is longer than {MAX_PROGRAM} instructions")
        q.kind, q.ref, q.n = PARTIAL_PROGRAM, (<ScalarVar> r).node, tape.n
        q.program, q.uses = <Node *> malloc(tape.n * sizeof(Node)), 0
        for k in range(tape.n):
            p = tape.nodes + k
            if p.op == OP_GUARD or p.op == OP_REC:
                raise ValueError(f"the partial of {op.name} must be straight-line scalar code (use where, not if)")
            q.program[k] = p[0]
            if p.op >= OP_FIRST_SCALAR:
                for j in (p.a, p.b, p.c):
                    if 0 <= j <= op.nin:
                        q.uses |= 1 << j
                uses_out = uses_out or q.uses >> op.nin
            q.program[k].a, q.program[k].b, q.program[k].c = max(p.a, 0), max(p.b, 0), max(p.c, 0)
    if needs_out and uses_out:
        raise TypeError(
            f"elementwise: the partials of {op.name} are seen to use the result: needs_out is not used, leave it out"
        )
    op.needs_out = needs_out or uses_out


cdef double partial_value(const Partial *q, const double *operands) noexcept nogil:
    """Return the partial derivative at (operands..., result)."""
    cdef double w[MAX_PROGRAM]
    cdef const Node *p
    cdef int k
    if q.kind == PARTIAL_CONSTANT:
        return q.c
    if q.kind == PARTIAL_OPERAND:
        return operands[q.ref]
    if q.kind == PARTIAL_NONE:
        return 0.0
    for k in range(q.n):
        p = q.program + k
        if p.op >= OP_FIRST_SCALAR:
            w[k] = scalar_eval(p.op, w[p.a], w[p.b], w[p.c])
        elif p.op == OP_INPUT:
            w[k] = operands[k]
        else:
            w[k] = p.v
    return w[q.ref]


cdef bint _cuts = True


cdef bint cuts() noexcept nogil:
    """Return whether a partial that vanishes as an operand goes to infinity wins over an infinite tangent there."""
    return _cuts


cdef bint set_cuts(bint now) noexcept nogil:
    """Set that, and return what it was: it is not so in a sweep that asks where zeros come from."""
    global _cuts
    cdef bint before = _cuts
    _cuts = now
    return before


cdef double partial_product(const Partial *q, double s, double p, const double *operands) noexcept nogil:
    """Return s * p for a tangent or cotangent s that is not zero; operands are followed by the result."""
    if p == 0 and (q.mask or (q.limit >= 0 and _cuts and isinf(operands[q.limit]))):
        return 0.0
    return s * p


cdef double scalar_push(int opcode, int arity, const double *operands, const double *dots) noexcept nogil:
    """Return the tangent of a scalar operation; operands are followed by the result."""
    cdef double s = 0.0
    cdef int i
    cdef const Partial *q
    if opcode == SC_select:
        return dots[1] if operands[0] != 0 else dots[2]
    for i in range(arity):
        if dots[i] != 0 and PARTIALS[opcode][i].kind != PARTIAL_NONE:
            q = &PARTIALS[opcode][i]
            s += partial_product(q, dots[i], partial_value(q, operands), operands)
    return s


cdef object array_partial(Op op, int i, tuple vals, object out):
    """Return a partial as declared; where the declaration is a constant or an operand, without calling it."""
    cdef Partial *q
    if op.opcode >= 0:
        q = &PARTIALS[op.opcode][i]
        if q.kind == PARTIAL_CONSTANT:
            return q.c
        if q.kind == PARTIAL_OPERAND:
            p = vals[q.ref] if q.ref < len(vals) else out
            return np.float64(p) if type(p) is float and <double> p == 0 else p  # a float zero says that there is none
        if q.kind == PARTIAL_NONE:
            return 0.0
    return op.partials[i](*vals, out)
