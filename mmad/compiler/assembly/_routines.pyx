"""Matrix routines: factors, systems, inverses and determinants as steps of the machine.

1. An operand that is not contiguous is copied just before.
2. One matrix, or one set of right sides, may serve a whole stack.

What is solved with one matrix shares its factors: they are an instruction of their own, which pass `share` merges.
"""
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

from mmad.compiler._graph cimport Graph, size_of
from mmad.compiler.assembly._groups cimport Groups
from mmad.compiler.assembly._records cimport Records
from mmad.compiler.assembly._views cimport Views
from mmad.kernels._machine cimport (ACCESS_LINEAR, MM_CHOLESKY, MM_COFACTOR, MM_DET, MM_INVERSE, MM_LOWER, MM_LU,
                                    MM_SLOGDET, MM_SOLVE, Access, Routine)
from mmad.vm._vm cimport HOME_ARENA, STEP_ROUTINE


cdef class Routines:
    """The matrix routines of a program."""

    def __cinit__(self, Views views, Groups groups, Records records):
        self.g, self.buffers, self.views, self.groups, self.records = views.g, views.buffers, views, groups, records

    cdef int add(self, int32_t u, int32_t k) except -1:
        """Add the step of instruction k."""
        cdef Graph g = self.g
        cdef Routine r
        cdef int64_t size, right
        cdef tuple shape = g.shape(g.arg(k, 0)), sides
        memset(&r, 0, sizeof(Routine))
        r.what, r.k = g.payload(k).action, 1
        r.n = matrix_order(g, k)
        self.contiguous(g.arg(k, 0), u, &r.a, &r.a_offset)
        size = r.n * r.n if is_matrix(r.what) else r.n * r.n + r.n
        r.count = size_of(shape) // size
        r.a_step = size if r.count > 1 else 0
        r.b = r.a
        if has_sides(r.what):
            sides = g.shape(g.arg(k, 1))
            self.contiguous(g.arg(k, 1), u, &r.b, &r.b_offset)
            r.k = sides[len(sides) - 1]
            right = size_of(sides) // (r.n * r.k)
            r.b_step = r.n * r.k if right > 1 else 0
            r.count = max(r.count, right)
            self.buffers.touch(r.b, u)
        r.c = self.buffers.of[k]
        self.buffers.touch(r.a, u)
        self.buffers.touch(r.c, u)
        (<Routine *> self.records.routines.add())[0] = r
        self.records.step(STEP_ROUTINE, <int32_t> self.records.routines.n - 1, routine_work(g, k))
        self.records.listing.append(("routine", f"{r.count} x ({r.n}, {r.n})"))
        return 0

    cdef int contiguous(self, int32_t k, int32_t u, int32_t *b, int64_t *offset) except -1:
        """Return where array k is in C order: in its buffer, or in a copy that is made just before."""
        cdef tuple shape = self.g.shape(k)
        cdef Access load
        cdef int32_t source
        self.views.access(k, shape, &load)
        if load.mode == ACCESS_LINEAR:
            b[0], offset[0] = load.buffer, load.offset
            return 0
        source = load.buffer
        b[0], offset[0] = self.buffers.add(k, HOME_ARENA, 0), 0
        self.buffers.touch(source, u)
        self.buffers.touch(b[0], u)
        self.groups.copy(&load, b[0], shape)
        return 0


cdef inline bint is_matrix(int what) noexcept:
    return what == MM_LU or what == MM_CHOLESKY or what >= MM_LOWER


cdef inline bint has_sides(int what) noexcept:
    return MM_SOLVE <= what < MM_COFACTOR


cdef int64_t matrix_order(Graph g, int32_t k) except -1:
    """Return the order of the matrices of instruction k."""
    cdef tuple shape = g.shape(g.arg(k, 0))
    cdef int64_t last = shape[len(shape) - 1], n = 1
    if is_matrix(g.payload(k).action):
        return last
    while n * n + n < last:
        n += 1
    return n


cdef int64_t routine_work(Graph g, int32_t k) except -1:
    """Return the multiplications of instruction k."""
    cdef int what = g.payload(k).action
    cdef int64_t n = matrix_order(g, k), each = n * n if is_matrix(what) else n * n + n
    cdef int64_t count = size_of(g.shape(g.arg(k, 0))) // each
    if what == MM_LU:
        return count * n * n * n // 3 + count
    if what == MM_CHOLESKY:
        return count * n * n * n // 6 + count
    if what == MM_DET or what == MM_SLOGDET:
        return count * n
    if what == MM_INVERSE:
        return count * n * n * n
    if what == MM_COFACTOR:
        return count * n * n
    return g.elements(k) * n // (2 if what >= MM_LOWER else 1)
