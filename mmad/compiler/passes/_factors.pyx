"""Products of matrices whose factors repeat themselves: the part of pass `simplify` that is about them.

The tangent of a parameter that was broadcast, and the cotangent of a sum, are arrays of equal rows or columns.  Equal rows
of a product's first factor make equal rows of the product, equal columns of the second one equal columns: they are
multiplied once, and the product is a window on that.
"""
from libc.stdint cimport int32_t

import numpy as np

from mmad.compiler._graph cimport P_WINDOW, Graph, Map, new_map_of, strides_of
from mmad.tape._instructions cimport OP_REC

cdef object F64 = np.dtype(np.float64)


cdef int32_t product_of_factors(Graph g, Graph out, int32_t k, const int32_t *to) except -1:
    """Return product k of graph g in the graph that is being made from it."""
    cdef tuple shape = g.shape(k)
    cdef list once = list(shape)
    cdef Map m
    cdef int side
    cdef int32_t j
    cdef int32_t factors[2]
    for side in range(2):
        factors[side] = to[g.arg(k, side)]
        if len(out.shape(factors[side])) < 2:
            return out.copy(g, k, to)
    for side in range(2):
        j = factors[side]
        m = repeated(out, j, 2 - side)
        if m is not None:
            once[len(once) - 2 + side] = 1
            factors[side] = out.window(out.arg(j, 0), m, out.nodes[j].flags, out.type_of(m.shape, F64))
    if tuple(once) == shape:
        return out.copy(g, k, to)
    j = out.push_payload(OP_REC, g.nodes[k].flags, g.nodes[k].a, factors, 2, out.type_of(tuple(once), F64))
    strides = tuple([s if d == e else 0 for s, d, e in zip(strides_of(tuple(once)), once, shape)])
    return out.window(j, new_map_of(0, shape, strides), g.nodes[k].flags, g.type[k])


cdef Map repeated(Graph g, int32_t k, int last):
    """Of an array whose elements are the same along an axis, the last or the last but one: the window on what it is a
    window of that has them once."""
    cdef Map m
    cdef int axis
    if g.nodes[k].op != OP_REC or g.payload(k).kind != P_WINDOW:
        return None
    m = g.payload(k).maps[0]
    axis = len(m.shape) - last
    if m.table is not None or len(m.shape) < 2 or m.shape[axis] < 2 or m.strides[axis] != 0:
        return None
    shape = list(m.shape)
    shape[axis] = 1
    return new_map_of(m.offset, tuple(shape), m.strides)
