"""Pass `fold`: operations on constants are done once.

1. A scalar operation whose operands are constants becomes the constant that it evaluates to.
2. An elementwise operation on arrays whose operands are all numbers becomes the operation on numbers, spread over the
   array (in float64 only: float32 would round differently).

Kept: every value, bit by bit.  Arrays are not folded: captured ones are read again at every run.

Examples
--------
>>> from mmad.compiler._lower import lower
>>> graph = lower(mmad.record(mmad.grad(lambda x: 2.0 * (3.0 * x)), 1.0))
>>> print(graph)
%0 = const 3.0
%1 = const 2.0
%2 = const 1.0
%3 = chain %2, %1
%4 = chain %3, %0
return %4
>>> print(fold(graph))
%0 = const 3.0
%1 = const 2.0
%2 = const 1.0
%3 = const 6.0
return %3
"""
cimport cython
from libc.stdint cimport int32_t

from mmad.compiler._graph cimport NODE_SINGLE, Graph
from mmad.compiler.passes._pass cimport Pass
from mmad.tape._instructions cimport (NODE_ARRAY, NODE_BOOL, OP_CONST, OP_FIRST_SCALAR, Node, SC_less, SC_positive,
                                      scalar_arity, scalar_eval)


cdef inline bint is_constant(Graph g, int32_t k) noexcept:
    return g.nodes[k].op == OP_CONST and not g.nodes[k].flags & NODE_ARRAY


cdef bint folds(Graph g, const Node *p) noexcept:
    """Return whether an operation has nothing but constants, or one on arrays nothing but numbers, for operands."""
    cdef int arity
    if p.op < OP_FIRST_SCALAR:
        return False
    arity = scalar_arity(p.op)
    if p.flags & NODE_ARRAY:
        return p.op != SC_positive and not p.flags & NODE_SINGLE and not (
            g.nodes[p.a].flags | (g.nodes[p.b].flags if arity > 1 else 0) | (g.nodes[p.c].flags if arity > 2 else 0)
        ) & NODE_ARRAY
    return is_constant(g, p.a) and (arity < 2 or is_constant(g, p.b)) and (arity < 3 or is_constant(g, p.c))


def fold(Graph g):
    """Do operations on constants.

    Parameters
    ----------
    g : Graph

    Returns
    -------
    Graph
    """
    return Fold(g).run()


@cython.final
cdef class Fold(Pass):
    cdef bint applies(self) except -1:
        cdef int32_t k
        for k in range(self.g.n):
            if folds(self.g, self.g.nodes + k):
                return True
        return False

    cdef int32_t rewritten(self, int32_t k) except -2:
        cdef Graph out = self.out
        cdef const Node *p = self.g.nodes + k
        cdef int32_t a, b, c
        cdef int arity
        cdef bint constant
        if p.op < OP_FIRST_SCALAR:
            return out.copy(self.g, k, self.to)
        arity = scalar_arity(p.op)
        a = self.to[p.a]
        b = self.to[p.b] if arity > 1 else a
        c = self.to[p.c] if arity > 2 else a
        constant = is_constant(out, a) and is_constant(out, b) and is_constant(out, c)
        if not p.flags & NODE_ARRAY:
            return self.value(p.op, a, b, c) if constant else out.copy(self.g, k, self.to)
        if p.op == SC_positive or p.flags & NODE_SINGLE \
                or (out.nodes[a].flags | out.nodes[b].flags | out.nodes[c].flags) & NODE_ARRAY:
            return out.copy(self.g, k, self.to)
        a = self.value(p.op, a, b, c) if constant else out.push(p.op, NODE_BOOL if p.op >= SC_less else 0, a, b, c, 0.0, 0)
        return out.push(SC_positive, p.flags, a, -1, -1, 0.0, self.g.type[k])

    cdef int32_t value(self, int op, int32_t a, int32_t b, int32_t c) except -1:
        """Return an operation on constants as the constant that it evaluates to."""
        cdef const Node *nodes = self.out.nodes
        return self.out.constant(scalar_eval(op, nodes[a].v, nodes[b].v, nodes[c].v))
