"""What numeric sweeps do at scalar instructions with an infinite partial; see `mmad.sweeps._suspects`."""
from libc.math cimport isinf, isnan
from libc.stdint cimport int32_t, uint8_t

import numpy as np

from mmad.ops._partials cimport partial_of, partial_value
from mmad.ops._singularities cimport kinked
from mmad.sweeps._cells cimport Cell, Cells
from mmad.sweeps._suspects cimport Doubts
from mmad.tape._instructions cimport Node, scalar_arity


cdef bint infinite(const Node *nodes, const Node *p, int i) noexcept nogil:
    """Return whether partial i of a scalar instruction is infinite, or none."""
    cdef double w[4]
    cdef double d
    cdef int arity = scalar_arity(p.op)
    w[0] = nodes[p.a].v
    w[1] = nodes[p.b].v if arity > 1 else 0.0
    w[arity] = p.v
    d = partial_value(partial_of(p.op, i), w)
    return isinf(d) or isnan(d) and kinked(p.op)


cdef object numbers_of(const Cell *c, int lanes):
    """Return the cells of one scalar node as an array."""
    cdef int lane
    return np.array([c[lane].s for lane in range(lanes)])


cdef int poison_numbers(Doubts doubts, int32_t k, Cell *c, int lanes) except -1:
    cdef int lane
    for lane, v in enumerate(doubts.poisoned(k, numbers_of(c, lanes))):
        c[lane].s = v
    return 0


cdef int doubt_back(Cells cells, const uint8_t *mask, int32_t k, Doubts doubts) except -1:
    """Look at the cotangent of a scalar instruction at a singular point."""
    cdef const Node *nodes = cells.tape.nodes
    cdef const Node *p = nodes + k
    cdef int i
    for i in range(scalar_arity(p.op)):
        if mask[p.a if i == 0 else p.b] and infinite(nodes, p, i):
            doubts.meet(k, i, True, numbers_of(cells.at(k), cells.lanes))
    return poison_numbers(doubts, k, cells.at(k), cells.lanes)


cdef int doubt_forward(Cells cells, int32_t k, Doubts doubts) except -1:
    """Do the same for the tangents of its operands and its own."""
    cdef const Node *nodes = cells.tape.nodes
    cdef const Node *p = nodes + k
    cdef int i
    for i in range(scalar_arity(p.op)):
        if infinite(nodes, p, i):
            doubts.meet(k, i, True, numbers_of(cells.at(p.a if i == 0 else p.b), cells.lanes))
    return poison_numbers(doubts, k, cells.at(k), cells.lanes)
