"""What operations on arrays do to sets, element by element: unions, products, windows, sums along axes.

Elements that are zero by structure have a mark instead of a set; a product with one is zero, a sum is not.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy

import numpy as np

from mmad.compiler._graph cimport Map, new_map_of, size_of, strides_of
from mmad.planner.sparsity._elements cimport Elements, Walk, broadcast, elements, gathered, uniform, walk
from mmad.planner.sparsity._sets cimport ZERO, Sets

cdef enum:
    REMEMBERED = 64  # unions of whole arrays that are remembered at a time


cdef class Unions:
    """Sets, and the unions of whole arrays that were made last."""

    def __cinit__(self, int64_t n, int64_t limit, int64_t most, *_):
        self.sets, self.united = Sets(n, limit, most), {}

    cdef Elements selected(self, Elements mask, Elements a, Elements b):
        """Select by a constant mask, which is zero where b is taken."""
        cdef Elements out = elements(mask.n), e
        cdef int64_t i
        for i in range(mask.n):
            e = b if mask.at(i) < 0 else a
            out.sets[i] = 0 if e is None else e.at(i)
        return out

    cdef Elements added(self, Elements a, Elements b, bint first=False):
        """Add element by element; what is None is not known to be zero."""
        if a is None and b is not None and not first:
            return self.without_zeros(b)
        if b is None and a is not None:
            return self.without_zeros(a)
        return self.union_of(a, b)

    cdef Elements without_zeros(self, Elements e):
        """Return the same elements, none of which is known to be zero."""
        cdef Elements out = None
        cdef int64_t i
        if e is None:
            return None
        if e.sets == NULL:
            return uniform(e.n, 0) if e.common < 0 else e
        for i in range(e.n):
            if e.sets[i] < 0:
                if out is None:
                    out = elements(e.n)
                    memcpy(out.sets, e.sets, e.n * sizeof(int32_t))
                out.sets[i] = 0
        return e if out is None else out

    cdef Elements united_as(self, Elements a, Elements b, int how):
        """Unite the operands of a product or a quotient: zero where a factor (the dividend) is."""
        cdef Elements out
        cdef Sets s = self.sets
        cdef int64_t i
        cdef int32_t x, y, ux = 0, uy = 0, uu = 0
        if a is None:
            return b if how == MULTIPLIED else self.without_zeros(b)
        if b is None:
            return a
        if a is b:
            return a
        key = (id(a), id(b), how)
        found = self.united.get(key)
        if found is not None:
            return found[2]
        out = elements(a.n)
        with nogil:
            for i in range(a.n):
                x, y = a.at(i), b.at(i)
                if x < 0 or (y < 0 and how == MULTIPLIED):
                    out.sets[i] = ZERO
                elif y < 0:
                    out.sets[i] = x
                else:
                    if x != ux or y != uy:  # neighbours often agree
                        ux, uy = x, y
                        uu = s.unite(x, y)
                    out.sets[i] = uu
        self.remember(key, a, b, out)
        return out

    cdef int remember(self, tuple key, Elements a, Elements b, Elements out) except -1:
        if len(self.united) >= REMEMBERED:
            self.united.clear()
        self.united[key] = (a, b, out)
        return 0

    cdef Elements spread(self, Elements e, tuple shape, tuple to):
        """Broadcast to a shape."""
        if e is None or shape == to:
            return e
        if e.sets == NULL or e.n == 1:
            return uniform(size_of(to), e.at(0))
        return gathered(e, Walk(0, to, broadcast(shape, to), None))

    cdef Elements union_of(self, Elements a, Elements b):
        """Unite element by element."""
        cdef Elements out
        cdef Sets s = self.sets
        cdef int64_t i
        cdef int32_t u, x, y, ux = 0, uy = 0, uu = 0
        cdef bint is_a = True, is_b = True
        if a is None or a is b:
            return b
        if b is None:
            return a
        if a.sets == NULL and b.sets == NULL:
            return uniform(a.n, s.unite(a.common, b.common))
        if (a.sets == NULL and a.common == s.full) or (b.sets == NULL and b.common == s.full):
            return uniform(a.n, s.full)
        key = (id(a), id(b)) if id(a) < id(b) else (id(b), id(a))
        found = self.united.get(key)
        if found is not None:
            return found[2]
        out = elements(a.n)
        with nogil:
            for i in range(a.n):
                x, y = a.at(i), b.at(i)
                if x != ux or y != uy:  # neighbours often agree
                    ux, uy = x, y
                    uu = s.unite(x, y)
                u = uu
                out.sets[i] = u
                is_a = is_a and u == x
                is_b = is_b and u == y
        out = a if is_a else b if is_b else out
        self.remember(key, a, b, out)
        return out

    cdef int gather_up(self, Elements e, Map m, Elements out) except -1:
        """Unite, for sums, the elements that fall on each place, all at once."""
        cdef Sets s = self.sets
        cdef Walk at = walk(m)
        cdef int64_t k = 0, i, to, n = out.n, size = at.size
        cdef int64_t *first
        cdef int32_t *sorted
        if n == 1:
            if size:
                out.sets[0] = s.unite(out.sets[0], e.common if e.sets == NULL else s.unite_many(e.sets, size, 1))
            return 0
        first = <int64_t *> calloc(n + 2, sizeof(int64_t))
        sorted = <int32_t *> malloc((size + 1) * sizeof(int32_t))
        try:
            if first == NULL or sorted == NULL:
                raise MemoryError("no memory to find the sparsity pattern")
            with nogil:
                while k < size:
                    for i in range(at.inner):
                        first[(at.table[i] if at.table != NULL else at.at + i * at.step) + 2] += 1
                    k += at.inner
                    at.next_row()
                for i in range(n):
                    first[i + 2] += first[i + 1]
            at, k = walk(m), 0
            with nogil:
                while k < size:
                    for i in range(at.inner):
                        to = at.table[i] if at.table != NULL else at.at + i * at.step
                        sorted[first[to + 1]] = e.at(k + i)
                        first[to + 1] += 1
                    k += at.inner
                    at.next_row()
                for i in range(n):
                    if first[i + 1] > first[i]:
                        out.sets[i] = s.unite(out.sets[i], s.unite_many(sorted + first[i], first[i + 1] - first[i], 1))
        finally:
            free(first)
            free(sorted)
        return 0

    cdef Elements sum_products(self, list operands, list shapes, tuple found, tuple shape):
        """Return a sum of products of two operands: terms with a factor that is zero do not count."""
        cdef Elements a = operands[0], b = operands[1], out
        cdef Sets s = self.sets
        cdef dict sizes = {v: d for own, dims in zip(found[0], shapes) for v, d in zip(own, dims) if d != 1}
        cdef tuple summed = tuple([v for v in dict.fromkeys((*found[0][0], *found[0][1])) if v not in found[1]])
        cdef tuple inner = tuple([sizes.get(v, 1) for v in summed])
        cdef const int64_t[::1] pa = places(shapes[0], found[0][0], found[1], shape)
        cdef const int64_t[::1] pb = places(shapes[1], found[0][1], found[1], shape)
        cdef const int64_t[::1] qa = places(shapes[0], found[0][0], summed, inner)
        cdef const int64_t[::1] qb = places(shapes[1], found[0][1], summed, inner)
        cdef int64_t i, k, count, n = pa.shape[0], length = qa.shape[0]
        cdef int32_t x, y
        cdef int32_t[::1] terms = np.empty(2 * length + 1, np.int32)
        out = elements(n)
        with nogil:
            for i in range(n):
                count = 0
                s.spend(length)
                for k in range(length):
                    x = 0 if a is None else a.at(pa[i] + qa[k])
                    y = 0 if b is None else b.at(pb[i] + qb[k])
                    if x >= 0 and y >= 0:
                        terms[count], terms[count + 1] = x, y
                        count += 2
                out.sets[i] = s.unite_many(&terms[0], count, 1) if count else ZERO
        return out

    cdef Elements slid(self, Elements e, int64_t width, int64_t n, bint outside):
        """Unite, for a convolution, what lies in a window of a width, which may reach out of the elements, at n places."""
        cdef Elements out
        cdef int64_t k, low, high
        if e is None or e.sets == NULL or (not outside and n != e.n - width + 1):
            return None if e is None else uniform(n, self.all_of(e))
        out = elements(n)
        for k in range(n):
            low, high = (max(0, k - width + 1), min(k + 1, e.n)) if outside else (k, k + width)
            out.sets[k] = self.sets.unite_many(e.sets + low, high - low, 1)
        return out

    cdef Elements running(self, Elements e, tuple shape, int axis, bint reverse):
        """Return the union of what has come before along an axis."""
        cdef Elements out
        cdef int64_t step = strides_of(shape)[axis], length = shape[axis], i, k, at, to
        if e is None or e.sets == NULL:
            return e
        out = elements(e.n)
        to = -step if reverse else step
        with nogil:
            for i in range(e.n // max(length, 1)):
                at = (i // step) * step * length + i % step + ((length - 1) * step if reverse else 0)
                out.sets[at] = e.sets[at]
                for k in range(1, length):
                    out.sets[at + k * to] = self.sets.unite(out.sets[at + (k - 1) * to], e.sets[at + k * to])
        return self.without_zeros(out)

    cdef int32_t all_of(self, Elements e) except -1:
        """Return the union of all elements."""
        return (e.common if e.n else 0) if e.sets == NULL else self.sets.unite_many(e.sets, e.n, 1)

    cdef Elements labelled(self, Elements e, tuple shape, tuple own, tuple to, tuple result):
        """Unite along the axes whose labels the result has not, and spread along those that the operand has not."""
        cdef Elements out
        cdef tuple kept = tuple([d if v in to else 1 for d, v in zip(shape, own)])
        cdef tuple strides = strides_of(kept)
        cdef Map m
        if e is None:
            return None
        if e.sets == NULL:
            return uniform(size_of(result), e.common if size_of(shape) else 0)
        out = e
        if kept != shape:
            m = new_map_of(0, shape, tuple([s if v in to else 0 for s, v in zip(strides, own)]))
            out = elements(size_of(kept))
            self.gather_up(e, m, out)
        at = {v: s for v, s, d in zip(own, strides, kept) if d != 1}
        return gathered(out, Walk(0, result, tuple([at.get(v, 0) for v in to]), None))


cdef object places(tuple shape, tuple own, tuple labels, tuple dims):
    """Return where an operand is read, by position on some axes: the sum of its strides."""
    cdef tuple strides = strides_of(shape)
    cdef dict at = {v: st for v, st, d in zip(own, strides, shape) if d != 1}
    out = np.zeros(dims, np.int64)
    for i, v in enumerate(labels):
        out += (np.arange(dims[i], dtype=np.int64) * at.get(v, 0)).reshape((-1,) + (1,) * (len(dims) - i - 1))
    return out.reshape(-1)
