"""What recorded sweeps share: operands of instructions as values, and scalar instructions from the compiled partials."""
from libc.stdint cimport int32_t, int64_t

import numpy as np

from mmad._core cimport CARRIED, ScalarVar, make_scalar
from mmad.ops._partials cimport PARTIAL_CONSTANT, PARTIAL_NONE, PARTIAL_OPERAND, Partial, cuts, partial_of
from mmad.ops._singularities cimport Singularity, singularities
from mmad.tape._instructions cimport (NODE_ARRAY, NODE_BOOL, NODE_DEFERRED, OP_FIRST_SCALAR, OP_INPUT, Node, Rec,
                                      SC_add, SC_chain, SC_less, SC_masked, SC_negative, SC_select, SC_settled,
                                      scalar_arity, scalar_eval)
from mmad.tape._storage cimport make_array
from mmad.tape._tape cimport Tape

cdef const Singularity *POINTS = singularities()


cdef int32_t emit(Tape tape, int op, int32_t a, int32_t b, int32_t c) except -1:
    """Append a scalar instruction."""
    cdef Node *nodes = tape.nodes
    cdef int flags = nodes[a].flags | (nodes[b].flags if b >= 0 else 0) | (nodes[c].flags if c >= 0 else 0)
    cdef double v = scalar_eval(op, nodes[a].v, nodes[b].v if b >= 0 else 0.0, nodes[c].v if c >= 0 else 0.0)
    return tape.push(op, NODE_BOOL | flags & NODE_DEFERRED if op >= SC_less else flags & CARRIED, a, b, c, v)


cdef ScalarVar number(Tape tape, int32_t k):
    """Return the traced value of a scalar instruction."""
    return make_scalar(tape, k, tape.nodes[k].v, tape.nodes[k].flags & CARRIED)


cdef object operand(Tape tape, Rec rec, int i, int32_t k):
    """Return operand i of array instruction k, or its result where i is their number, as a traced value if it is one."""
    cdef int32_t j = rec.at[i] if i < rec.n else k
    v = rec.vals[i] if i < rec.n else rec.out
    if j < 0:
        return v
    if tape.nodes[j].flags & NODE_ARRAY:
        return None if v is None else make_array(tape, j, v, False)
    return number(tape, j)


cdef list scalar_operands(Tape tape, int32_t k):
    """Return the nodes that scalar instruction k reads."""
    cdef Node p = tape.nodes[k]
    return [p.a, p.b, p.c][:scalar_arity(p.op)]


cdef tuple recorded_numbers(Tape tape, list nodes, bint plain):
    """Return the values of scalar nodes: those that were recorded, or traced."""
    return tuple([tape.node(j)[2] if plain else tape.var_at(j) for j in nodes])


cdef object element_index(Tape tape, int32_t k, int64_t flat):
    """Return the index of an element of array node k from its number in C order."""
    cdef tuple shape = tape.rec_of(k).shape
    return flat if len(shape) == 1 else tuple([int(i) for i in np.unravel_index(flat, shape)])


cdef int32_t emit_partial(Tape tape, const Partial *q, const int32_t *operands) except -1:
    """Append the program of a partial; operands are followed by the result."""
    cdef int32_t where[64]
    cdef const Node *p
    cdef int k, arity
    for k in range(q.n):
        p = q.program + k
        if p.op == OP_INPUT:
            where[k] = operands[k]
        elif p.op >= OP_FIRST_SCALAR:
            arity = scalar_arity(p.op)
            where[k] = emit(tape, p.op, where[p.a], where[p.b] if arity > 1 else -1, where[p.c] if arity > 2 else -1)
        else:
            where[k] = tape.constant(p.v, 0)
    return where[q.ref]


cdef object push_number(Tape tape, int32_t k, dict dots):
    """Return the tangent of instruction k on numbers from those of its operands, None for zero, recorded on the tape.

    NotImplemented where the declared rule has to be asked: norms, singular points, wrappers, numbers of other tapes.
    """
    cdef Node p = tape.nodes[k]
    cdef const Partial *q
    cdef int32_t operands[4]
    cdef int32_t total = -1, bar, g
    cdef int arity, i, product
    cdef double plain = 0.0, v
    cdef object d
    if p.op < OP_FIRST_SCALAR or p.op == SC_select or tape.rooted or (POINTS[p.op].operand >= 0 and p.op != SC_chain):
        return NotImplemented
    operands[0], operands[1], operands[2] = p.a, p.b, p.c
    arity = scalar_arity(p.op)
    operands[arity] = k
    for i in range(arity):
        d = dots.get(operands[i])
        if d is not None and (partial_of(p.op, i).kind == PARTIAL_NONE or not (
                type(d) is float or type(d) is np.float64 or type(d) is ScalarVar and (<ScalarVar> d).tape is tape)):
            return NotImplemented
    for i in range(arity):
        d = dots.get(operands[i])
        if d is None:
            continue
        q = partial_of(p.op, i)
        if type(d) is ScalarVar:
            bar = (<ScalarVar> d).node
        else:
            v = d
            if v == 0:
                continue
            if q.kind == PARTIAL_CONSTANT:
                plain += v * q.c
                continue
            bar = tape.constant(v, 0)
        if q.kind == PARTIAL_CONSTANT and q.c == 1.0:
            g = bar
        elif q.kind == PARTIAL_CONSTANT and q.c == -1.0:
            g = emit(tape, SC_negative, bar, -1, -1)
        else:
            if q.kind == PARTIAL_CONSTANT:
                g = tape.constant(q.c, 0)
            else:
                g = operands[q.ref] if q.kind == PARTIAL_OPERAND else emit_partial(tape, q, operands)
            product = SC_masked if q.mask else SC_chain if q.limit < 0 or not cuts() else SC_settled
            g = emit(tape, product, bar, g, operands[q.limit] if product == SC_settled else -1)
        total = g if total < 0 else emit(tape, SC_add, total, g, -1)
    if total < 0:
        return None if plain == 0 else plain
    return number(tape, total if plain == 0 else emit(tape, SC_add, total, tape.constant(plain, 0), -1))
