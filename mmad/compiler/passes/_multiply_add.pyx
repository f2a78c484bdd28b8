"""Pass `multiply_add`: a product that is only added to something becomes part of the sum.

1. In x * y + z, x * y - z and z - x * y the product, an ordinary one or one of the chain rule, is taken into the sum,
   if nothing else uses it and it has the type of the sum.  Not in a difference of two products: that x * y - x * y is
   exactly zero is relied upon.

Kept: values to rounding (one rounding fewer where the processor has the instruction).

Examples
--------
>>> from mmad.compiler._lower import lower
>>> graph = lower(mmad.record(lambda x, y: x * y + 1.0, 2.0, 3.0))
>>> print(graph)
%0 = input
%1 = input
%2 = multiply %0, %1
%3 = const 1.0
%4 = add %2, %3
return %4
>>> print(multiply_add(graph))
%0 = input
%1 = input
%2 = multiply %0, %1
%3 = const 1.0
%4 = multiply_add %0, %1, %3
return %4
"""
cimport cython
from libc.stdint cimport int32_t
from libc.stdlib cimport free

from mmad.compiler._graph cimport (Graph, SC_chain_add, SC_chain_subtract, SC_multiply_add, SC_multiply_subtract,
                                   SC_subtract_chain, SC_subtract_multiply, use_counts)
from mmad.compiler.passes._pass cimport Pass
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
    return MultiplyAdd(g).run()


@cython.final
cdef class MultiplyAdd(Pass):
    cdef int32_t *uses

    def __dealloc__(self):
        free(self.uses)

    cdef int prepare(self) except -1:
        self.uses = use_counts(self.g)
        return 0

    cdef int32_t rewritten(self, int32_t k) except -2:
        cdef Graph g = self.g
        cdef const Node *p = g.nodes + k
        if p.op == SC_add or (p.op == SC_subtract and not (is_product(g, p.a) and is_product(g, p.b))):
            if is_used_by_sum_alone(g, p.a, k, self.uses):
                return self.fused(k, p.a, p.b, True)
            if is_used_by_sum_alone(g, p.b, k, self.uses):
                return self.fused(k, p.b, p.a, False)
        return self.out.copy(g, k, self.to)

    cdef int32_t fused(self, int32_t k, int32_t product, int32_t term, bint first) except -1:
        """Return sum k as one operation with its product; `first`: the product is the first operand of the sum."""
        cdef const Node *p = self.g.nodes + k
        cdef const Node *q = self.g.nodes + product
        return self.out.push(fused_operation(q.op, p.op, first), p.flags, self.to[q.a], self.to[other(q)], self.to[term], 0.0,
                             self.g.type[k])


cdef inline bint is_product(Graph g, int32_t j) noexcept:
    return g.nodes[j].op == SC_multiply or g.nodes[j].op == SC_square or g.nodes[j].op == SC_chain


cdef inline int fused_operation(int product, int sum, bint first) noexcept:
    """Return the operation that does both; `first`: the product is the first operand of the sum."""
    if product == SC_chain:
        return SC_chain_add if sum == SC_add else SC_chain_subtract if first else SC_subtract_chain
    return SC_multiply_add if sum == SC_add else SC_multiply_subtract if first else SC_subtract_multiply


cdef inline int32_t other(const Node *q) noexcept:
    """Return the second factor of a product or square."""
    return q.a if q.op == SC_square else q.b


cdef inline bint is_used_by_sum_alone(Graph g, int32_t j, int32_t k, const int32_t *uses) noexcept:
    """Return whether j is a product that only k uses, computed as k is."""
    return (is_product(g, j) and uses[j] == 1 and g.type[j] == g.type[k]
            and (g.nodes[j].flags | NODE_ARRAY) == (g.nodes[k].flags | NODE_ARRAY))
