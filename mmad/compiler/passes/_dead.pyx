"""Pass `dead`: what nothing needs is left out.

1. Outputs and guards are needed, and from the last instruction to the first the operands of what is.
2. The rest is dropped.

Kept: every result and every guard; the order of what remains.

Examples
--------
>>> from mmad.compiler._lower import lower
>>> from mmad.compiler.passes._simplify import simplify
>>> graph = simplify(lower(mmad.record(lambda x: np.sum(-x), np.ones(4))))
>>> print(graph)
%0 = input : float64[4]
%1 = negative %0 : float64[4]
%2 = collect add %0 0+(4,)*(0,)
%3 = negative %2
return %3
>>> print(dead(graph))
%0 = input : float64[4]
%1 = collect add %0 0+(4,)*(0,)
%2 = negative %1
return %2
"""
cimport cython
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport calloc, free

from mmad.compiler._graph cimport Graph, operands_of
from mmad.compiler.passes._pass cimport Pass
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
    return Dead(g).run()


@cython.final
cdef class Dead(Pass):
    cdef uint8_t *live

    def __dealloc__(self):
        free(self.live)

    cdef int prepare(self) except -1:
        cdef Graph g = self.g
        cdef const int32_t *operand
        cdef int32_t k, i, n
        self.live = <uint8_t *> calloc(g.n + 1, 1)
        if self.live == NULL:
            raise MemoryError("no memory to compile the trace")
        for k in g.outputs:
            if k >= 0:
                self.live[k] = 1
        for k in range(g.n - 1, -1, -1):
            if g.nodes[k].op == OP_GUARD:
                self.live[k] = 1
            if not self.live[k]:
                continue
            operand = operands_of(g, k, &n)
            for i in range(n):
                if operand[i] >= 0:
                    self.live[operand[i]] = 1
        return 0

    cdef int32_t rewritten(self, int32_t k) except -2:
        return self.out.copy(self.g, k, self.to) if self.live[k] else -1
