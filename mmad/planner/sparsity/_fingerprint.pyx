"""What a recording is, apart from its numbers: two runs of one structure have one sparsity pattern.

1. Of every instruction: operation, operands, positions of elements.
2. Of every array instruction: parameters, shape and dtype, and the contents of index arrays.
3. Values of constants, of captured floating-point arrays and of guards do not count, but for whether a number that an
   array meets is zero.
4. A recording that is to be replayed is like one that is not: guards, truth values and constants, of which it has more,
   are not counted when instructions are numbered.
"""
cimport cython
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t

cimport numpy as cnp

import numpy as np

from mmad.kernels._arrays cimport checksum
from mmad.tape._instructions cimport (NODE_ARRAY, NODE_BOOL, OP_CONST, OP_FIRST_SCALAR, OP_GUARD, OP_INPUT, OP_LOAD,
                                      OP_REC, OP_STORE, Node, Rec, scalar_arity)
from mmad.tape._tape cimport Tape

cnp.import_array()


@cython.overflowcheck(False)
cdef inline uint64_t mixed_hash(uint64_t h, uint64_t v) noexcept nogil:
    h = (h ^ v) * <uint64_t> 0x9E3779B97F4A7C15
    return h ^ (h >> 31)


def fingerprint(trace):
    """Return a number that two recordings share if they are alike.

    Parameters
    ----------
    trace : mmad.tracing.trace.Trace
        Its inputs stand for arguments: inside of another recording they are copies of what comes from there.

    Returns
    -------
    int
        64 bits.
    """
    cdef Tape tape = trace.tape
    cdef int32_t k, start = trace.start
    cdef uint64_t h = 0
    cdef Node *p
    cdef int32_t[::1] number
    cdef uint8_t[::1] given
    number, given = numbering(trace)
    for k in range(start, start + <int32_t> number.shape[0]):
        if number[k - start] < 0:
            continue
        if given[k - start]:
            h = mixed_hash(h, OP_INPUT)
            continue
        p = tape.nodes + k
        if p.op >= OP_FIRST_SCALAR:
            h = mixed_hash(mixed_hash(h, <uint64_t> p.op), <uint64_t> <uint32_t> number_of(number, start, p.a))
            if scalar_arity(p.op) > 1:
                h = mixed_hash(h, <uint64_t> <uint32_t> number_of(number, start, p.b))
            if scalar_arity(p.op) > 2:
                h = mixed_hash(h, <uint64_t> <uint32_t> number_of(number, start, p.c))
        elif p.op == OP_LOAD:
            h = mixed_hash(mixed_hash(h, <uint64_t> p.op), <uint64_t> <uint32_t> number_of(number, start, p.a))
            h = mixed_hash(h, <uint64_t> <uint32_t> p.b ^ (<uint64_t> <uint32_t> p.c << 32))
        elif p.op == OP_STORE:
            h = mixed_hash(mixed_hash(h, <uint64_t> p.op), <uint64_t> <uint32_t> number_of(number, start, p.a))
            h = mixed_hash(mixed_hash(h, <uint64_t> <uint32_t> number_of(number, start, p.b)), <uint64_t> p.i)
        elif p.op == OP_REC:
            h = mixed_hash(h, <uint64_t> <int64_t> of_record(<Rec> tape.recs[p.a], number, start))
        else:
            h = mixed_hash(h, p.op)
    return h


def counted(trace):
    """Return the instructions that count, in order: in recordings of one structure those with one number correspond.

    Parameters
    ----------
    trace : mmad.tracing.trace.Trace

    Returns
    -------
    ndarray of int
        Positions on the tape, ascending.
    """
    return np.flatnonzero(numbering(trace)[0] >= 0) + trace.start


def constants_of(trace):
    """Return the constant arrays that a recording meets, in order: those of two recordings of one structure correspond.

    Parameters
    ----------
    trace : mmad.tracing.trace.Trace

    Returns
    -------
    list of ndarray
    """
    cdef Tape tape = trace.tape
    cdef int32_t k, j, start = trace.start
    cdef Rec rec
    cdef int32_t[::1] number = numbering(trace)[0]
    cdef list found = []
    for k in range(start, start + <int32_t> number.shape[0]):
        if number[k - start] < 0 or tape.nodes[k].op != OP_REC:
            continue
        rec = <Rec> tape.recs[tape.nodes[k].a]
        for j, v in zip(rec.args, rec.vals):
            if j >= 0 and tape.nodes[j].op == OP_CONST and tape.nodes[j].flags & NODE_ARRAY:
                v = (<Rec> tape.recs[tape.nodes[j].a]).out
            elif j >= 0:
                continue
            if isinstance(v, cnp.ndarray):
                found.append(v)
    return found


cdef tuple numbering(object trace):
    """Return for each instruction its number, -1 where it does not count; and whether it stands for an argument."""
    cdef Tape tape = trace.tape
    cdef int32_t k, start = trace.start, stop = <int32_t> len(trace.tape), count = 0
    cdef Node *p
    cdef int32_t[::1] number = np.empty(stop - start, np.int32)
    cdef uint8_t[::1] given = np.zeros(stop - start, np.uint8)
    for x in trace.inputs:
        if hasattr(x, "node"):
            k = x.node
            if start <= k < stop:
                given[k - start] = 1
    for k in range(start, stop):
        p = tape.nodes + k
        if not given[k - start] and (
            p.op == OP_GUARD or p.op == OP_CONST or (p.op >= OP_FIRST_SCALAR and p.flags & NODE_BOOL)
        ):
            number[k - start] = -1
        else:
            number[k - start] = count
            count += 1
    return np.asarray(number), np.asarray(given)


cdef inline int32_t number_of(int32_t[::1] number, int32_t start, int32_t node) noexcept nogil:
    """Return the number of an operand; -1 for constants, -2 for what was recorded before."""
    return -1 if node < 0 else -2 if node < start else number[node - start]


cdef int64_t of_record(Rec rec, int32_t[::1] number, int32_t start) except? -1:
    cdef object q = rec.params
    cdef list operands = []
    cdef int32_t at
    for j, v in zip(rec.args, rec.vals):
        at = number_of(number, start, j)
        if at != -1 or v is None:
            operands.append((at, None))
        else:
            operands.append((at, v == 0 if isinstance(v, float) else contents(v)))
    return hash((rec.op.name, tuple(operands), rec.shape,
                 None if q is None else tuple([contents(v) for v in q.values()])))


cdef object contents(object v):
    """Return something hashable that is equal for equal indices; floating-point values do not count."""
    if isinstance(v, cnp.ndarray):
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
