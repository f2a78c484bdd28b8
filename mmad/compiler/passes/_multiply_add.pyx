"""Pass `multiply_add`: a product that is only added to something becomes part of the sum.

1. In x * y + z, x * y - z and z - x * y the product, an ordinary one or one of the chain rule, is taken into the sum,
   if nothing else uses it and it has the type of the sum.  Not in a difference of two products: that x * y - x * y is
   exactly zero is relied upon.

Kept: values to rounding (one rounding fewer where the processor has the instruction).
"""
from libc.stdint cimport int32_t
from libc.stdlib cimport free

from mmad.compiler._graph cimport (Graph, SC_chain_add, SC_chain_subtract, SC_multiply_add, SC_multiply_subtract,
                                   SC_subtract_chain, SC_subtract_multiply, new_map, use_counts)
from mmad.tape._instructions cimport NODE_ARRAY, Node, SC_add, SC_chain, SC_multiply, SC_square, SC_subtract


def multiply_add(Graph g):
    """Take products into sums.

    Parameters
    ----------
    g : Graph

    Returns
    -------
    Graph
    """
    cdef Graph out = g.like()
    cdef int32_t *to = new_map(g)
    cdef int32_t *uses = NULL
    cdef Node *p
    cdef Node *q
    cdef int32_t k
    try:
        uses = use_counts(g)
        for k in range(g.n):
            p = g.nodes + k
            to[k] = -1
            if p.op == SC_add or (p.op == SC_subtract and not (is_product(g, p.a) and is_product(g, p.b))):
                if product(g, p.a, k, uses):
                    q = g.nodes + p.a
                    to[k] = out.push(fused(q.op, p.op, True), p.flags, to[q.a], to[other(q)],
                                     to[p.b], 0.0, g.type[k])
                elif product(g, p.b, k, uses):
                    q = g.nodes + p.b
                    to[k] = out.push(fused(q.op, p.op, False), p.flags, to[q.a],
                                     to[other(q)], to[p.a], 0.0, g.type[k])
            if to[k] < 0:
                to[k] = out.copy(g, k, to)
        out.finish(g, to)
        return out
    finally:
        free(to)
        free(uses)


cdef inline bint is_product(Graph g, int32_t j) noexcept:
    return g.nodes[j].op == SC_multiply or g.nodes[j].op == SC_square or g.nodes[j].op == SC_chain


cdef inline int fused(int product, int sum, bint first) noexcept:
    """The operation that does both; `first`: the product is the first operand of the sum."""
    if product == SC_chain:
        return SC_chain_add if sum == SC_add else SC_chain_subtract if first else SC_subtract_chain
    return SC_multiply_add if sum == SC_add else SC_multiply_subtract if first else SC_subtract_multiply


cdef inline int32_t other(const Node *q) noexcept:
    """The second factor of a product or square."""
    return q.a if q.op == SC_square else q.b


cdef inline bint product(Graph g, int32_t j, int32_t k, const int32_t *uses) noexcept:
    """Whether j is a product that only k uses, computed as k is."""
    return (is_product(g, j) and uses[j] == 1 and g.type[j] == g.type[k]
            and (g.nodes[j].flags | NODE_ARRAY) == (g.nodes[k].flags | NODE_ARRAY))
