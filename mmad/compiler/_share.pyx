"""Pass `share`: what is computed twice is computed once (common subexpressions).

1. Instructions are looked up by operation, operands and type in a hash table; the operands of a commutative operation
   are put in order first.
2. The second of two equal instructions gives way to the first.  Element reads of the same version of an array are equal;
   so are windows, collections and matrix products of equal operands.

Kept: every value, bit by bit.  Calls of NumPy implementations are never shared: they may be the user's own.
"""
from libc.stdint cimport int32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from mmad._instructions cimport (NODE_ARRAY, OP_FIRST_SCALAR, OP_LOAD, OP_REC, SC_add, SC_multiply, Node, scalar_arity)
from mmad.compiler._graph cimport P_COLLECT, P_MATMUL, P_WINDOW, Graph, Map, Payload, new_map


cdef inline uint64_t mixed(uint64_t h, uint64_t v) noexcept nogil:
    h = (h ^ v) * <uint64_t> 0x9E3779B97F4A7C15
    return h ^ (h >> 29)


def share(Graph g):
    """Compute equal things once.

    Parameters
    ----------
    g : Graph

    Returns
    -------
    Graph
    """
    cdef Graph out = g.like()
    cdef int32_t *to = new_map(g)
    cdef int32_t *table = NULL
    cdef uint64_t size = 64
    cdef uint64_t h, slot
    cdef Node p
    cdef Node *q
    cdef int32_t k, j
    cdef int arity
    cdef dict seen = {}
    while size < 2 * <uint64_t> g.n:
        size *= 2
    try:
        table = <int32_t *> malloc(size * sizeof(int32_t))
        if table == NULL:
            raise MemoryError("no memory to compile the trace")
        memset(table, 0xff, size * sizeof(int32_t))
        for k in range(g.n):
            p = g.nodes[k]
            if p.op >= OP_FIRST_SCALAR:
                arity = scalar_arity(p.op)
                p.a = to[p.a]
                p.b = to[p.b] if arity > 1 else -1
                p.c = to[p.c] if arity > 2 else -1
                if (p.op == SC_add or p.op == SC_multiply) and p.b < p.a:
                    p.a, p.b = p.b, p.a
            elif p.op == OP_LOAD:
                p.a = to[p.a]
            else:
                if p.op == OP_REC and (g.payload(k).kind in (P_COLLECT, P_MATMUL, P_WINDOW)):
                    key = key_of(g, k, to)
                    found = seen.get(key)
                    if found is None:
                        found = seen[key] = out.copy(g, k, to)
                    to[k] = found
                else:
                    to[k] = out.copy(g, k, to)
                continue
            h = mixed(mixed(mixed(mixed(p.op, <uint64_t> p.a), <uint64_t> p.b), <uint64_t> p.c), <uint64_t> g.type[k])
            slot = h & (size - 1)
            while True:
                j = table[slot]
                if j < 0:
                    table[slot] = to[k] = out.push(p.op, p.flags, p.a, p.b, p.c, 0.0, g.type[k])
                    break
                q = out.nodes + j
                if q.op == p.op and q.a == p.a and q.b == p.b and q.c == p.c and out.type[j] == g.type[k] \
                        and q.flags == p.flags:
                    to[k] = j
                    break
                slot = (slot + 1) & (size - 1)
        out.finish(g, to)
        return out
    finally:
        free(to)
        free(table)


cdef tuple key_of(Graph g, int32_t k, const int32_t *to):
    cdef Payload w = g.payload(k)
    cdef Map m
    return (w.kind, w.action, g.type[k], g.nodes[k].flags & NODE_ARRAY, tuple([to[<int32_t> j] for j in w.args]),
            tuple([(m.offset, m.shape, m.strides, id(m.table) if m.table is not None else None) for m in w.maps]))
