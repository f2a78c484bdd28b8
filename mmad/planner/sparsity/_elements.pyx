"""A set number for each element of an array, and the maps by which they move: views, gathers, broadcasting."""
cimport cython
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

from mmad.compiler._graph cimport Map, size_of, strides_of


cdef class Elements:
    """A set for each element of an array; where `sets` is NULL, `common` for all."""

    def __dealloc__(self):
        free(self.sets)


cdef Elements elements(int64_t n):
    """Make room for n sets, all empty."""
    cdef Elements e = Elements.__new__(Elements)
    e.n = n
    e.sets = <int32_t *> calloc(n + 1, sizeof(int32_t))
    if e.sets == NULL:
        raise MemoryError("no memory to find the sparsity pattern")
    return e


cdef Elements uniform(int64_t n, int32_t s):
    cdef Elements e = Elements.__new__(Elements)
    e.n, e.common = n, s
    return e


cdef class Walk:
    """Positions of a map, in C order of its shape, row by row of its last axis."""

    def __cinit__(self, int64_t offset, tuple shape, tuple strides, object table):
        cdef int i
        cdef const int64_t[::1] view
        self.size, self.at, self.rank, self.inner, self.step = size_of(shape), offset, 0, 1, 0
        if table is not None:
            view = table
            self.kept, self.inner = table, self.size
            self.table = &view[0] if len(table) else NULL
            return
        for i in range(len(shape)):
            if shape[i] != 1:
                self.shape[self.rank], self.strides[self.rank] = shape[i], strides[i]
                if self.rank and self.strides[self.rank - 1] == self.strides[self.rank] * self.shape[self.rank]:
                    self.shape[self.rank - 1] *= self.shape[self.rank]
                    self.strides[self.rank - 1] = self.strides[self.rank]
                else:
                    self.rank += 1
        if self.rank:
            self.rank -= 1
            self.inner, self.step = self.shape[self.rank], self.strides[self.rank]
        for i in range(self.rank):
            self.index[i] = 0

    @cython.nonecheck(False)  # of self: the check would need the GIL
    cdef void next_row(self) noexcept nogil:
        cdef int i
        for i in range(self.rank - 1, -1, -1):
            self.at += self.strides[i]
            self.index[i] += 1
            if self.index[i] < self.shape[i]:
                return
            self.at -= self.strides[i] * self.shape[i]
            self.index[i] = 0


cdef Walk walk(Map m):
    return Walk(m.offset, m.shape, m.strides, m.table)


cdef Elements gathered(Elements e, Walk w):
    """Return the elements at the positions of a map."""
    cdef Elements out
    cdef int64_t k = 0, i
    cdef const int32_t *x
    cdef int32_t *y
    if e is None:
        return None
    if e.sets == NULL:
        return uniform(w.size, e.common)
    out = elements(w.size)
    x, y = e.sets, out.sets
    with nogil:
        while k < w.size:
            if w.table != NULL:
                for i in range(w.inner):
                    y[k + i] = x[w.table[i]]
            else:
                for i in range(w.inner):
                    y[k + i] = x[w.at + i * w.step]
            k += w.inner
            w.next_row()
    return out


cdef tuple broadcast(tuple shape, tuple to):
    """Return the strides by which an array of a shape is read as one of another shape."""
    cdef tuple own = strides_of(shape)
    cdef int lead = len(to) - len(shape)
    return (0,) * lead + tuple([0 if d == 1 else s for d, s in zip(shape, own)])


cdef bint overlaps(Map m):
    """Return whether several elements of an affine map may fall on one place."""
    cdef list steps = sorted([(abs(s), d) for d, s in zip(m.shape, m.strides) if d > 1])
    cdef int64_t reach = 0
    for s, d in steps:
        if s <= reach:
            return True
        reach += s * (d - 1)
    return False
