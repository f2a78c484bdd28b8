"""What depends on what along a tape: which nodes take part in a sweep, and how long they are needed."""
from libc.stdint cimport INT32_MAX, int32_t, uint8_t
from libc.stdlib cimport calloc, free

import math

from mmad.tape._instructions cimport (KIND_PUT, KIND_PUT_INDEX, KIND_WINDOW, NODE_ARRAY, NODE_BOOL, OP_CONST,
                                      OP_FIRST_SCALAR, OP_GUARD, OP_LOAD, OP_REC, OP_STORE, Node, Rec, node_index,
                                      operands_of, scalar_op)
from mmad.tape._tape cimport Tape


def independent(Tape tape, int32_t start):
    """Return whether nothing recorded from node `start` on depends on what was recorded before."""
    cdef const int32_t *operand
    cdef int32_t k, i, n
    for k in range(start, tape.n):
        if tape.nodes[k].op == OP_GUARD:
            continue
        operand = operands_of(tape, k, &n)
        for i in range(n):
            if foreign(tape, operand[i], start):
                return False
    return True


cdef inline bint foreign(Tape tape, int32_t j, int32_t start):
    return 0 <= j < start and (tape.nodes[j].op != OP_CONST or tape.nodes[j].flags & NODE_ARRAY)


cdef uint8_t *active_mask(Tape tape, int32_t start, int32_t stop, list inputs) except NULL:
    """Return one byte a node: whether its value depends on the inputs, which may be any nodes."""
    cdef uint8_t *mask = <uint8_t *> calloc(stop + 1, 1)
    cdef const int32_t *operand
    cdef int32_t k, i, n
    if mask == NULL:
        raise MemoryError
    for k in inputs:
        if k < stop:
            mask[k] = 1
    for k in range(start, stop):
        if tape.nodes[k].flags & NODE_BOOL or tape.nodes[k].op == OP_GUARD:
            continue  # truth values and integers carry no derivative
        operand = operands_of(tape, k, &n)
        for i in range(n):
            if operand[i] >= 0 and mask[operand[i]]:
                mask[k] = 1
                break
    return mask


# What uses some elements of an operand and not others, or one operand and not the other.
cdef frozenset _CHOOSE = frozenset(("select", "maximum", "minimum", "fmax", "fmin", "masked", "settled", "heaviside", "max",
                                    "min", "max_weights", "min_weights", "take_along", "gather"))


cdef uint8_t *direct_mask(Tape tape, int32_t start, int32_t stop, list seeds) except NULL:
    """Return one byte a node: whether some seed depends on it in a way on which nothing is chosen.

    A cotangent of zero is not structural there: arithmetic made it.
    """
    cdef uint8_t *mask = <uint8_t *> calloc(stop + 1, 1)
    cdef int32_t k, i
    cdef Node *p
    cdef Rec rec
    cdef dict read = {}  # array -> the elements that are read one by one
    if mask == NULL:
        raise MemoryError
    for k in seeds:
        if k < stop:
            mask[k] = 1
    for k in range(stop - 1, start - 1, -1):
        if not mask[k]:
            continue
        p = tape.nodes + k
        if p.op >= OP_FIRST_SCALAR:
            if scalar_op(p.op).name not in _CHOOSE:
                for i in (p.a, p.b, p.c):
                    if i >= 0:
                        mask[i] = 1
        elif p.op == OP_LOAD:
            if not mask[p.a]:
                read.setdefault(p.a, set()).add(node_index(p))
                mask[p.a] = len(read[p.a]) == math.prod(tape.rec_of(p.a).shape)
        elif p.op == OP_STORE:
            mask[p.b] = 1
        elif p.op == OP_REC:
            rec = <Rec> tape.recs[p.a]
            if rec.op.kind == KIND_WINDOW:
                if rec.at[0] >= 0 and covers(rec.params):
                    mask[rec.at[0]] = 1
            elif rec.op.kind == KIND_PUT or rec.op.kind == KIND_PUT_INDEX:
                if rec.at[1] >= 0:
                    mask[rec.at[1]] = 1
            elif rec.op.name not in _CHOOSE:
                for i in range(rec.n):
                    if rec.at[i] >= 0:
                        mask[rec.at[i]] = 1
    return mask


cdef bint covers(dict window) except -1:
    """Return whether a view has every element of its base."""
    cdef Py_ssize_t n = 1, of = 1
    for d, s in zip(window["shape"], window["strides"]):
        if s != 0:
            n *= <Py_ssize_t> d
    for d in window["of"]:
        of *= <Py_ssize_t> d
    return n >= of


cdef bytes as_bytes(uint8_t *mask, int32_t stop):
    """Return a mask as an object; the memory is freed."""
    try:
        return (<char *> mask)[:stop]
    finally:
        free(mask)


def direct_nodes(Tape tape, int32_t start, int32_t stop, list seeds):
    """Return, as bytes, one a node, whether some seed depends on it in a way on which nothing is chosen."""
    return as_bytes(direct_mask(tape, start, stop, seeds), stop)


def active_nodes(Tape tape, int32_t start, int32_t stop, list inputs):
    """Return, as bytes, one a node, whether it depends on the inputs."""
    return as_bytes(active_mask(tape, start, stop, inputs), stop)


cdef int32_t *last_uses(Tape tape, int32_t start, int32_t stop, list outputs) except NULL:
    """Return for each array the last instruction that reads it; entries of numbers mean nothing."""
    cdef int32_t *last = <int32_t *> calloc(stop + 1, sizeof(int32_t))
    cdef const int32_t *operand
    cdef int32_t k, i, n
    if last == NULL:
        raise MemoryError
    for k in range(start, stop):
        if tape.nodes[k].op >= OP_FIRST_SCALAR or tape.nodes[k].op == OP_GUARD:
            continue
        operand = operands_of(tape, k, &n)
        for i in range(n):
            if operand[i] >= 0:
                last[operand[i]] = k
    for k in outputs:
        last[k] = INT32_MAX
    return last
