"""What a recording is, apart from its numbers: two runs of one structure have one sparsity pattern.

1. Of every instruction: operation, operands, positions of elements.
2. Of every array instruction: parameters, shape and dtype, and the contents of index arrays.
3. Values of constants, of captured floating-point arrays and of guards do not count.
"""
from libc.stdint cimport int32_t, int64_t, uint64_t

cimport numpy as cnp

import numpy as np

from mmad._arrays cimport checksum
from mmad._instructions cimport OP_FIRST_SCALAR, OP_GUARD, OP_LOAD, OP_REC, OP_STORE, Node, Rec
from mmad._tape cimport Tape

cnp.import_array()


cdef inline uint64_t mixed(uint64_t h, uint64_t v) noexcept nogil:
    h = (h ^ v) * <uint64_t> 0x9E3779B97F4A7C15
    return h ^ (h >> 31)


def structure(Tape tape, int32_t start, int32_t stop):
    """A number that two parts of tapes share if they are alike.

    Parameters
    ----------
    tape : Tape
    start, stop : int
        Range of instructions.

    Returns
    -------
    int
        64 bits.
    """
    cdef uint64_t h = <uint64_t> (stop - start)
    cdef int32_t k
    cdef Node *p
    for k in range(start, stop):
        p = tape.nodes + k
        if p.op >= OP_FIRST_SCALAR or p.op == OP_LOAD:
            h = mixed(mixed(h, <uint64_t> p.op | (<uint64_t> (p.a - start) << 16)), <uint64_t> p.b ^ (<uint64_t> p.c << 32))
        elif p.op == OP_STORE:
            h = mixed(mixed(h, <uint64_t> p.op | (<uint64_t> (p.a - start) << 16)), <uint64_t> p.b ^ (<uint64_t> p.i << 20))
        elif p.op == OP_REC:
            h = mixed(h, <uint64_t> <int64_t> of_record(<Rec> tape.recs[p.a]))
        elif p.op != OP_GUARD:
            h = mixed(h, p.op)
    return h


cdef int64_t of_record(Rec rec) except? -1:
    cdef object q = rec.params
    return hash((rec.op.name, rec.args, rec.shape, None if q is None else tuple([contents(v) for v in q.values()]),
                 tuple([None if v is None or j >= 0 else contents(v) for j, v in zip(rec.args, rec.vals)])))


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
