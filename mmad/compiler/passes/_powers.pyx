"""Pass `powers`: powers with constant exponents become products (strength reduction).

1. x ** n for an integer 2 <= n <= 32 becomes squares and products, by repeated squaring; x ** 1 becomes x.
2. x ** -n becomes the reciprocal of x ** n.
3. The derivatives n x ** (n - 1) and n (n - 1) x ** (n - 2) of such powers become a constant times such a power.

Kept: values to n/2 units in the last place, NaN, infinities and signs exactly; powers that overflow on the way to a
negative exponent give 0 as the library does.

Examples
--------
>>> from mmad.compiler._lower import lower
>>> graph = lower(mmad.record(lambda x: x**-3, 2.0))
>>> print(graph)
%0 = input
%1 = const -3.0
%2 = power %0, %1
return %2
>>> print(powers(graph))
%0 = input
%1 = const -3.0
%2 = square %0
%3 = multiply %2, %0
%4 = reciprocal %3
return %4
"""
cimport cython
from libc.math cimport fabs, floor
from libc.stdint cimport int32_t

from mmad.compiler._graph cimport Graph
from mmad.compiler.passes._pass cimport Pass
from mmad.tape._instructions cimport NODE_ARRAY, OP_CONST, Node, SC_multiply, SC_power, SC_square


cdef extern from "_node.h" nogil:
    enum:
        SC_reciprocal, SC_power_slope, SC_power_curve

cdef enum:
    LARGEST = 32  # more products than this cost as much as the library's power, and lose accuracy


cdef inline int derivative_order(int op) noexcept:
    """Return how often a power is differentiated by its base; -1 for other operations."""
    return 0 if op == SC_power else 1 if op == SC_power_slope else 2 if op == SC_power_curve else -1


cdef inline double power_factor(int order, double v) noexcept:
    """Return what a power of one order less is multiplied by."""
    return 1.0 if order == 0 else v if order == 1 else v * (v - 1.0)


cdef inline double exponent(Graph g, const Node *p) noexcept:
    """Return the exponent of a power, or of a derivative of one, that becomes products; 0 where there is none."""
    cdef double v, n
    if derivative_order(p.op) < 0 or g.nodes[p.b].op != OP_CONST or g.nodes[p.b].flags & NODE_ARRAY:
        return 0.0
    v = g.nodes[p.b].v
    n = v - derivative_order(p.op)
    return n if v == floor(v) and 1 <= fabs(n) <= LARGEST and power_factor(derivative_order(p.op), v) != 0 else 0.0


def powers(Graph g):
    """Turn powers into products.

    Parameters
    ----------
    g : Graph

    Returns
    -------
    Graph
    """
    return Powers(g).run()


@cython.final
cdef class Powers(Pass):
    cdef bint applies(self) except -1:
        cdef int32_t k
        for k in range(self.g.n):
            if exponent(self.g, self.g.nodes + k) != 0:
                return True
        return False

    cdef int32_t rewritten(self, int32_t k) except -2:
        cdef Graph g = self.g, out = self.out
        cdef const Node *p = g.nodes + k
        cdef double v = exponent(g, p)
        cdef int32_t r
        if v == 0 or g.type[p.a] != g.type[k]:
            return out.copy(g, k, self.to)
        r = repeated_product(out, self.to[p.a], <int> fabs(v), p.flags, g.type[k])
        if v < 0:
            r = out.push(SC_reciprocal, p.flags, r, -1, -1, 0.0, g.type[k])
        if p.op != SC_power:
            v = power_factor(derivative_order(p.op), v + derivative_order(p.op))
            r = out.push(SC_multiply, p.flags, out.constant(v), r, -1, 0.0, g.type[k])
        return r


cdef int32_t repeated_product(Graph out, int32_t x, int n, int flags, int32_t type) except -1:
    """Return x ** n by repeated squaring."""
    cdef int32_t half
    if n == 1:
        return x
    half = out.push(SC_square, flags, repeated_product(out, x, n // 2, flags, type), -1, -1, 0.0, type)
    return out.push(SC_multiply, flags, half, x, -1, 0.0, type) if n % 2 else half
