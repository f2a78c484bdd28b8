"""Pass `powers`: powers with constant exponents become products (strength reduction).

1. x ** n for an integer 2 <= n <= 32 becomes squares and products, by repeated squaring; x ** 1 becomes x.
2. x ** -n becomes the reciprocal of x ** n.
3. The derivatives n x ** (n - 1) and n (n - 1) x ** (n - 2) of such powers become a constant times such a power.

Where there is no such power the graph is given back as it is.

Kept: values to n/2 units in the last place, NaN, infinities and signs exactly; powers that overflow on the way to a
negative exponent give 0 as the library does.
"""
from libc.math cimport fabs, floor
from libc.stdint cimport int32_t
from libc.stdlib cimport free

from mmad.compiler._graph cimport Graph, new_map
from mmad.tape._instructions cimport NODE_ARRAY, OP_CONST, Node, SC_multiply, SC_power, SC_square


cdef extern from "_node.h" nogil:
    enum:
        SC_reciprocal, SC_power_slope, SC_power_curve

cdef enum:
    LARGEST = 32  # more products than this cost as much as the library's power, and lose accuracy


cdef inline int order(int op) noexcept:
    """How often a power is differentiated by its base; -1 for other operations."""
    return 0 if op == SC_power else 1 if op == SC_power_slope else 2 if op == SC_power_curve else -1


cdef inline double factor(int order, double v) noexcept:
    """What a power of one order less is multiplied by."""
    return 1.0 if order == 0 else v if order == 1 else v * (v - 1.0)


cdef inline double exponent(Graph g, const Node *p) noexcept:
    """The exponent of a power, or of a derivative of one, that becomes products; 0 where there is none."""
    cdef double v, n
    if order(p.op) < 0 or g.nodes[p.b].op != OP_CONST or g.nodes[p.b].flags & NODE_ARRAY:
        return 0.0
    v = g.nodes[p.b].v
    n = v - order(p.op)
    return n if v == floor(v) and 1 <= fabs(n) <= LARGEST and factor(order(p.op), v) != 0 else 0.0


cdef bint any_powers(Graph g) noexcept:
    cdef int32_t k
    for k in range(g.n):
        if exponent(g, g.nodes + k) != 0:
            return True
    return False


def powers(Graph g):
    """Turn powers into products.

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
    cdef double v
    cdef int32_t k
    if not any_powers(g):
        return g
    out, to = g.like(), new_map(g)
    try:
        for k in range(g.n):
            p = g.nodes + k
            v = exponent(g, p)
            if v != 0 and g.type[p.a] == g.type[k]:
                to[k] = product(out, to[p.a], <int> fabs(v), p.flags, g.type[k])
                if v < 0:
                    to[k] = out.push(SC_reciprocal, p.flags, to[k], -1, -1, 0.0, g.type[k])
                if p.op != SC_power:
                    v = factor(order(p.op), v + order(p.op))
                    to[k] = out.push(SC_multiply, p.flags, out.constant(v), to[k], -1, 0.0, g.type[k])
                continue
            to[k] = out.copy(g, k, to)
        out.finish(g, to)
        return out
    finally:
        free(to)


cdef int32_t product(Graph out, int32_t x, int n, int flags, int32_t type) except -1:
    """x ** n by repeated squaring."""
    cdef int32_t half
    if n == 1:
        return x
    half = out.push(SC_square, flags, product(out, x, n // 2, flags, type), -1, -1, 0.0, type)
    return out.push(SC_multiply, flags, half, x, -1, 0.0, type) if n % 2 else half
