"""How much a recording computes, for the cost model."""
from libc.stdint cimport int64_t

from mmad.compiler._graph cimport P_CALL, P_COLLECT, P_MATMUL, P_PUT, P_ROUTINE, Graph, Map, Payload, size_of
from mmad.compiler.assembly._routines cimport routine_work
from mmad.tape._instructions cimport NODE_ARRAY, OP_FIRST_SCALAR, OP_LOAD, OP_REC, OP_STORE, Node


cdef extern from "_node.h" nogil:
    enum:
        SC_exp, SC_logaddexp2  # from one to the other: functions that take a few times as long as a product

# Multiplications of what is called for matrices, in n^3; a singular value decomposition is some tens of them.
cdef dict CUBIC = {"solve": 1, "inv": 1, "det": 1, "slogdet": 1, "cholesky": 1, "cofactor": 2, "cofactor_tangent": 20,
                   "eigenvalues": 10, "eigenvectors": 10, "eigenvalues_tangent": 12, "eigenvalues_pull": 12,
                   "eigenvalues_push": 15}

cdef enum:
    TRANSCENDENTAL = 6  # products, of arrays in cache
    HEAVY = 5  # operations: what NumPy takes for a reduction, a gather or a product of matrices, however small


def work(Graph g):
    """Return the counts of what a graph computes.

    Parameters
    ----------
    g : Graph

    Returns
    -------
    numbers, arrays, elements, flops : int
        Operations on numbers; on arrays, reductions, gathers and products of matrices several times; elements of their
        results, those of transcendental functions several times; multiplications in products of matrices.
    """
    cdef int64_t numbers = 0, arrays = 0, elements = 0, flops = 0
    cdef bint heavy
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
            heavy = w.kind == P_MATMUL or w.kind == P_CALL or w.kind == P_ROUTINE
            if w.kind == P_MATMUL:
                sx = g.shape(g.arg(k, 0))
                flops += size_of(g.shape(k)) * <int64_t> sx[len(sx) - 1]
            elif w.kind == P_ROUTINE:
                flops += routine_work(g, k)
            elif w.kind == P_CALL:
                elements += 4 * size_of(g.shape(k))
                if w.op.name in CUBIC and g.nodes[k].c and g.arg(k, 0) >= 0:
                    sx = g.shape(g.arg(k, 0))
                    flops += CUBIC[w.op.name] * size_of(sx) * <int64_t> sx[len(sx) - 1]
            else:
                for m in w.maps:
                    heavy = heavy or (<Map> m).table is not None
                    if w.kind == P_COLLECT:
                        heavy = heavy or size_of((<Map> m).shape) > size_of(g.shape(k))
                    if w.kind == P_COLLECT or w.kind == P_PUT:
                        elements += size_of((<Map> m).shape)
            arrays += HEAVY if heavy else 1
    return numbers, arrays, elements, flops
