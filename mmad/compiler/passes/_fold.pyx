"""Pass `fold`: operations on constants are done once.

1. A scalar operation whose operands are constants becomes the constant that it evaluates to.
2. An elementwise operation on arrays whose operands are all numbers becomes the operation on numbers, spread over the
   array (in float64 only: float32 would round differently).

Where there is nothing to do, which one look at every instruction tells, the graph is given back as it is.

Kept: every value, bit by bit.  Arrays are not folded: captured ones are read again at every run.
"""
from libc.stdint cimport int32_t
from libc.stdlib cimport free

from mmad.compiler._graph cimport NODE_SINGLE, Graph, new_map
from mmad.tape._instructions cimport (NODE_ARRAY, NODE_BOOL, OP_CONST, OP_FIRST_SCALAR, Node, SC_less, SC_positive,
                                      scalar_arity, scalar_eval)


cdef inline bint is_constant(Graph g, int32_t k) noexcept:
    return g.nodes[k].op == OP_CONST and not g.nodes[k].flags & NODE_ARRAY


cdef bint folds(Graph g, const Node *p) noexcept:
    """Whether an operation has nothing but constants, or one on arrays nothing but numbers, for operands."""
    cdef int arity
    if p.op < OP_FIRST_SCALAR:
        return False
    arity = scalar_arity(p.op)
    if p.flags & NODE_ARRAY:
        return p.op != SC_positive and not p.flags & NODE_SINGLE and not (
            g.nodes[p.a].flags | (g.nodes[p.b].flags if arity > 1 else 0) | (g.nodes[p.c].flags if arity > 2 else 0)
        ) & NODE_ARRAY
    return is_constant(g, p.a) and (arity < 2 or is_constant(g, p.b)) and (arity < 3 or is_constant(g, p.c))


cdef bint any_folds(Graph g) noexcept:
    cdef int32_t k
    for k in range(g.n):
        if folds(g, g.nodes + k):
            return True
    return False


def fold(Graph g):
    """Do operations on constants.

    Parameters
    ----------
    g : Graph

    Returns
    -------
    Graph
    """
    cdef Graph out
    cdef int32_t *to
    cdef Node *p
    cdef int32_t k, a, b, c
    cdef int arity
    if not any_folds(g):
        return g
    out, to = g.like(), new_map(g)
    try:
        for k in range(g.n):
            p = g.nodes + k
            if p.op < OP_FIRST_SCALAR:
                to[k] = out.copy(g, k, to)
                continue
            arity = scalar_arity(p.op)
            a = to[p.a]
            b = to[p.b] if arity > 1 else a
            c = to[p.c] if arity > 2 else a
            if p.flags & NODE_ARRAY:
                if p.op == SC_positive or p.flags & NODE_SINGLE \
                        or (out.nodes[a].flags | out.nodes[b].flags | out.nodes[c].flags) & NODE_ARRAY:
                    to[k] = out.copy(g, k, to)
                    continue
                if is_constant(out, a) and is_constant(out, b) and is_constant(out, c):
                    a = out.constant(scalar_eval(p.op, out.nodes[a].v, out.nodes[b].v, out.nodes[c].v))
                else:
                    a = out.push(p.op, NODE_BOOL if p.op >= SC_less else 0, a, b, c, 0.0, 0)
                to[k] = out.push(SC_positive, p.flags, a, -1, -1, 0.0, g.type[k])
            elif is_constant(out, a) and is_constant(out, b) and is_constant(out, c):
                to[k] = out.constant(scalar_eval(p.op, out.nodes[a].v, out.nodes[b].v, out.nodes[c].v))
            else:
                to[k] = out.copy(g, k, to)
        out.finish(g, to)
        return out
    finally:
        free(to)
