"""What a recording is, apart from its numbers: two runs of one structure have one sparsity pattern.

1. Of every instruction: operation, operands, positions of elements.
2. Of every array instruction: parameters, shape and dtype, and the contents of index arrays.
3. Values of constants, of captured floating-point arrays and of guards do not count.
4. A recording that is to be replayed is like one that is not: guards, truth values and constants, of which it has more,
   are not counted when instructions are numbered.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t

cimport numpy as cnp

import numpy as np

from mmad._arrays cimport checksum
from mmad._instructions cimport (NODE_BOOL, OP_CONST, OP_FIRST_SCALAR, OP_GUARD, OP_INPUT, OP_LOAD, OP_REC, OP_STORE, Node,
                                 Rec, scalar_arity)
from mmad._tape cimport Tape

cnp.import_array()


@cython.overflowcheck(False)
cdef inline uint64_t mixed(uint64_t h, uint64_t v) noexcept nogil:
    h = (h ^ v) * <uint64_t> 0x9E3779B97F4A7C15
    return h ^ (h >> 31)


def structure(Tape tape, int32_t start, int32_t stop, tuple inputs):
    """A number that two parts of tapes share if they are alike.

    Parameters
    ----------
    tape : Tape
    start, stop : int
        Range of instructions.
    inputs : tuple of int
        Those among them that stand for arguments: inside of another recording they are copies of what comes from there.

    Returns
    -------
    int
        64 bits.
    """
    cdef uint64_t h = 0
    cdef int32_t k, count = 0
    cdef Node *p
    cdef int32_t[::1] number = np.empty(stop - start + 1, np.int32)
    for k in range(stop - start):
        number[k] = 0
    for k in inputs:
        if start <= k < stop:
            number[k - start] = -3
    for k in range(start, stop):
        p = tape.nodes + k
        if number[k - start] == -3:
            number[k - start] = count
            count += 1
            h = mixed(h, OP_INPUT)
            continue
        if p.op == OP_GUARD or p.op == OP_CONST or (p.op >= OP_FIRST_SCALAR and p.flags & NODE_BOOL):
            number[k - start] = -1
            continue
        number[k - start] = count
        count += 1
        if p.op >= OP_FIRST_SCALAR:
            h = mixed(mixed(h, <uint64_t> p.op), <uint64_t> <uint32_t> place(number, start, p.a))
            if scalar_arity(p.op) > 1:
                h = mixed(h, <uint64_t> <uint32_t> place(number, start, p.b))
            if scalar_arity(p.op) > 2:
                h = mixed(h, <uint64_t> <uint32_t> place(number, start, p.c))
        elif p.op == OP_LOAD:
            h = mixed(mixed(h, <uint64_t> p.op), <uint64_t> <uint32_t> place(number, start, p.a))
            h = mixed(h, <uint64_t> <uint32_t> p.b ^ (<uint64_t> <uint32_t> p.c << 32))
        elif p.op == OP_STORE:
            h = mixed(mixed(h, <uint64_t> p.op), <uint64_t> <uint32_t> place(number, start, p.a))
            h = mixed(mixed(h, <uint64_t> <uint32_t> place(number, start, p.b)), <uint64_t> p.i)
        elif p.op == OP_REC:
            h = mixed(h, <uint64_t> <int64_t> of_record(<Rec> tape.recs[p.a], number, start))
        else:
            h = mixed(h, p.op)
    return h


cdef inline int32_t place(int32_t[::1] number, int32_t start, int32_t node) noexcept nogil:
    """The number of an operand; -1 for constants, -2 for what was recorded before."""
    return -1 if node < 0 else -2 if node < start else number[node - start]


cdef int64_t of_record(Rec rec, int32_t[::1] number, int32_t start) except? -1:
    cdef object q = rec.params
    cdef list operands = []
    cdef int32_t at
    for j, v in zip(rec.args, rec.vals):
        at = place(number, start, j)
        operands.append((at, contents(v) if at == -1 and v is not None else None))
    return hash((rec.op.name, tuple(operands), rec.shape,
                 None if q is None else tuple([contents(v) for v in q.values()])))


cdef object contents(object v):
    """Something hashable that is equal for equal indices; floating-point values do not count."""
    if isinstance(v, np.ndarray):
        return v.shape, None if v.dtype.kind in "fc" else checksum(v)
    if isinstance(v, (tuple, list)):
        return tuple([contents(u) for u in v])
    if isinstance(v, slice):
        return v.start, v.stop, v.step
    if isinstance(v, (float, complex)):
        return None
    try:
        hash(v)
    except TypeError:
        return id(v)
    return v
