"""Pass `dead`: what nothing needs is left out.

1. Outputs and guards are needed, and from the last instruction to the first the operands of what is.
2. The rest is dropped.

Kept: every result and every guard; the order of what remains.
"""
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport calloc, free

from mmad.compiler._graph cimport Graph, new_map, operands_of
from mmad.tape._instructions cimport OP_GUARD


def dead(Graph g):
    """Leave out what nothing needs.

    Parameters
    ----------
    g : Graph

    Returns
    -------
    Graph
    """
    cdef Graph out = g.like()
    cdef int32_t *to = new_map(g)
    cdef uint8_t *live = <uint8_t *> calloc(g.n + 1, 1)
    cdef const int32_t *operand
    cdef int32_t k, i, n
    try:
        if live == NULL:
            raise MemoryError("no memory to compile the trace")
        for k in g.outputs:
            if k >= 0:
                live[k] = 1
        for k in range(g.n - 1, -1, -1):
            if g.nodes[k].op == OP_GUARD:
                live[k] = 1
            if not live[k]:
                continue
            operand = operands_of(g, k, &n)
            for i in range(n):
                if operand[i] >= 0:
                    live[operand[i]] = 1
        for k in range(g.n):
            to[k] = out.copy(g, k, to) if live[k] else -1
        out.finish(g, to)
        return out
    finally:
        free(to)
        free(live)
