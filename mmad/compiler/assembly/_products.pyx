"""Products of matrices: their operands as the BLAS can read them.

1. An operand whose strides the BLAS does not take is copied just before.
2. Many products with one common matrix become one product.

A product that has more than one batch axis even so, or strides that only a table gives, is a call.
"""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from mmad.compiler._graph cimport Graph, strides_of
from mmad.compiler.assembly._groups cimport Groups
from mmad.compiler.assembly._records cimport Records
from mmad.compiler.assembly._views cimport Views
from mmad.kernels._machine cimport ACCESS_LINEAR, Access, Product
from mmad.vm._vm cimport HOME_ARENA, STEP_MATMUL


cdef class Products:
    """The products of a program."""

    def __cinit__(self, Views views, Groups groups, Records records):
        self.g, self.buffers, self.views, self.groups, self.records = views.g, views.buffers, views, groups, records

    cdef bint add(self, int32_t u, int32_t k) except -1:
        """Add the step of product k; return False where it has to be a call."""
        cdef Graph g = self.g
        cdef Product p
        cdef Product *q
        memset(&p, 0, sizeof(Product))
        cdef tuple a = self.matrix(g.arg(k, 0), u, 0), b = self.matrix(g.arg(k, 1), u, 1)
        if not self.product(a, b, g.shape(k), &p):
            return False
        p.c = self.buffers.of[k]
        self.buffers.touch(p.a, u)
        self.buffers.touch(p.b, u)
        self.buffers.touch(p.c, u)
        q = <Product *> self.records.products.add()
        q[0] = p
        self.records.step(STEP_MATMUL, <int32_t> self.records.products.n - 1, p.count * p.m * p.n * p.k)
        self.records.listing.append(("matmul", f"{p.count} x ({p.m}, {p.k}) @ ({p.k}, {p.n})"))
        return True

    cdef tuple matrix(self, int32_t k, int32_t u, int side):
        """Return operand k of a product as a view; of a copy made just before, if the machine could not read it."""
        cdef tuple view = self.views.view(k), shape = view[2], strides = view[3]
        cdef int n = len(shape)
        cdef int32_t b
        cdef Access load
        if n > 3 or 0 in shape:
            return view
        if strides is not None and all([s >= 0 for s in strides]) \
                and is_factor(side, shape[n - 2] if n > 1 else 1, shape[n - 1], strides[n - 2] if n > 1 else 0, strides[n - 1]):
            return view
        self.views.access(k, shape, &load)
        if load.mode == ACCESS_LINEAR:  # but for axes of one element
            return view[0], int(load.offset), shape, strides_of(shape), view[4]
        b = self.buffers.add(k, HOME_ARENA, 0)
        self.buffers.touch(view[0], u)
        self.buffers.touch(b, u)
        self.groups.copy(&load, b, shape)
        return b, 0, shape, strides_of(shape), view[4]

    cdef bint product(self, tuple a, tuple b, tuple shape, Product *p) except -1:
        """Fill in a matrix product; return False where it is none of one batch axis and unit strides."""
        cdef tuple sa = a[2], sb = b[2], ta = a[3], tb = b[3]
        if ta is None or tb is None:
            return False
        if len(sa) == 1:
            sa, ta = (1, *sa), (0, *ta)
        if len(sb) == 1:
            sb, tb = (*sb, 1), (*tb, 0)
        p.m, p.k, p.n = sa[len(sa) - 2], sa[len(sa) - 1], sb[len(sb) - 1]
        p.a, p.a_offset, p.a_row, p.a_column = a[0], a[1], ta[len(ta) - 2], ta[len(ta) - 1]
        p.b, p.b_offset, p.b_row, p.b_column = b[0], b[1], tb[len(tb) - 2], tb[len(tb) - 1]
        p.count = 1
        if len(sa) > 3 or len(sb) > 3:
            return False
        if len(sa) == 3:
            p.count, p.a_step = sa[0], ta[0]
        if len(sb) == 3:
            if len(sa) == 3 and sa[0] != sb[0]:
                if sa[0] == 1:
                    p.a_step = 0
                elif sb[0] != 1:
                    return False
            if sb[0] != 1:
                p.count = sb[0]
            p.b_step = tb[0] if sb[0] != 1 else 0
        if len(sa) == 3 and sa[0] == 1:
            p.a_step = 0
        if p.count > 1:
            together(p)
        return is_factor(0, p.m, p.k, p.a_row, p.a_column) and is_factor(1, p.k, p.n, p.b_row, p.b_column)


cdef int together(Product *p) noexcept:
    """Make many products with one common matrix one product."""
    cdef Product q = p[0]
    if p.b_step == 0 and (p.m == 1 or p.a_step == p.m * p.a_row):  # the rows of all are multiplied by one matrix
        q.m = p.count * p.m
        if p.m == 1:
            q.a_row = p.a_step
    elif p.a_step == 0 and p.n == 1:  # one matrix by many vectors: the vectors as rows, by its transpose
        q.m, q.n = p.count, p.m
        q.a, q.a_offset, q.a_row, q.a_column = p.b, p.b_offset, p.b_step, p.b_row
        q.b, q.b_offset, q.b_row, q.b_column = p.a, p.a_offset, p.a_column, p.a_row
    else:
        return 0
    q.count, q.a_step, q.b_step = 1, 0, 0
    if one(q.m, q.k, q.a_row, q.a_column) and one(q.k, q.n, q.b_row, q.b_column):
        p[0] = q
    return 0


cdef inline bint is_factor(int side, int64_t rows, int64_t columns, int64_t row, int64_t column) noexcept:
    """Return whether the machine multiplies with a matrix as it is: one for the BLAS, or one whose elements that are summed
    over are all the same (columns of the first factor, rows of the second)."""
    if rows > 1 and columns > 1 and (row if side else column) == 0:
        return (column if side else row) >= 1
    return one(rows, columns, row, column)


cdef inline bint one(int64_t rows, int64_t columns, int64_t row, int64_t column) noexcept:
    """Return whether a matrix can be handed to the BLAS: one stride is one, the other at least a row long, and none is zero."""
    if rows <= 1 or columns <= 1:
        return row >= 0 and column >= 0 and (rows <= 1 or row >= 1) and (columns <= 1 or column >= 1)
    return (column == 1 and row >= columns) or (row == 1 and column >= rows)
