"""How much a recording computes, for the cost model."""
from libc.stdint cimport int64_t

from mmad._instructions cimport NODE_ARRAY, OP_FIRST_SCALAR, OP_LOAD, OP_REC, OP_STORE, Node
from mmad.compiler._graph cimport P_CALL, P_COLLECT, P_MATMUL, P_PUT, Graph, Payload, size_of


cdef extern from "_node.h" nogil:
    enum:
        SC_exp, SC_logaddexp2  # from one to the other: functions that take a few times as long as a product

cdef enum:
    TRANSCENDENTAL = 6  # products, of arrays in cache


def work(Graph g):
    """Counts of what a graph computes.

    Parameters
    ----------
    g : Graph

    Returns
    -------
    numbers, arrays, elements, flops : int
        Operations on numbers; on arrays; elements of their results, those of transcendental functions several times;
        multiplications in products of matrices.
    """
    cdef int64_t numbers = 0, arrays = 0, elements = 0, flops = 0
    cdef int k
    cdef Node *p
    cdef Payload w
    for k in range(g.n):
        p = g.nodes + k
        if p.op >= OP_FIRST_SCALAR:
            if p.flags & NODE_ARRAY:
                arrays += 1
                elements += size_of(g.shape(k)) * (TRANSCENDENTAL if SC_exp <= p.op <= SC_logaddexp2 else 1)
            else:
                numbers += 1
        elif p.op == OP_LOAD or p.op == OP_STORE:
            numbers += 1
        elif p.op == OP_REC:
            w = g.payload(k)
            if w.kind == P_MATMUL:
                arrays += 1
                sx = g.shape(g.arg(k, 0))
                flops += size_of(g.shape(k)) * <int64_t> sx[len(sx) - 1]
            elif w.kind == P_COLLECT or w.kind == P_PUT:
                arrays += 1
                for m in w.maps:
                    elements += size_of(m.shape)
            elif w.kind == P_CALL:
                arrays += 2
                elements += 4 * size_of(g.shape(k))
            else:
                arrays += 1  # a view
    return numbers, arrays, elements, flops
