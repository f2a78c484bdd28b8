# cython: nonecheck=False
"""Sets of indices with a number each: every set with content is kept once, found again by its hash.

Two sets are the same if their numbers are, a union that adds nothing is the number of an operand, and n elements that
depend on the same inputs hold one set.  Where the indices would need more memory than `limit`, the set of all takes the
place of further sets, and `exact` is False from then on.

An element that is known to be zero has the number ZERO: added to another it changes nothing, not even whether the
sum is known to be zero; what it is multiplied by does not count.

A search counts its steps, and ends with :class:`Exhausted` where it has taken as many as it may.

Methods run without the GIL, which a check of `self` for None would need.
"""
cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy

from mmad.kernels._breath cimport BREATH

UNLIMITED = 1 << 62  # steps


class Exhausted(Exception):
    """A search has taken as many steps, or as much memory, as it may."""


cdef class Sets:
    """Sets of indices below `n`, each kept once."""

    def __cinit__(self, int64_t n, int64_t limit, int64_t most):
        self.n, self.limit, self.exact = n, limit, True
        self.most, self.pause = most, min(most, <int64_t> BREATH)
        self.room, self.space, self.slots = 1024, 4096 + n, 4096
        self.start = <int64_t *> malloc((self.room + 1) * sizeof(int64_t))
        self.index = <int32_t *> malloc(self.space * sizeof(int32_t))
        self.table = <int32_t *> calloc(self.slots, sizeof(int32_t))
        self.scratch = <int32_t *> malloc((2 * n + 2) * sizeof(int32_t))
        self.stamp = <int32_t *> calloc(n + 1, sizeof(int32_t))
        if self.start == NULL or self.index == NULL or self.table == NULL or self.scratch == NULL or self.stamp == NULL:
            raise MemoryError("no memory to find the sparsity pattern")
        cdef int64_t i
        self.start[0] = 0
        if n < 2:
            self.full = <int32_t> n  # the empty set, or the only single one
        else:
            for i in range(n):
                self.scratch[i] = <int32_t> i
            self.full = self.keep(n)

    def __dealloc__(self):
        free(self.start)
        free(self.index)
        free(self.table)
        free(self.scratch)
        free(self.stamp)

    cdef int paused(self) except -1:
        if self.steps > self.most:
            raise Exhausted
        self.pause = min(self.most, self.steps + BREATH)
        PyErr_CheckSignals()
        return 0

    cdef int grow(self) except -1 nogil:
        """Make room for one more set, and for one as large as all."""
        cdef int64_t wanted
        cdef void *p
        if self.count + 1 >= self.room:
            wanted = 2 * self.room
            p = realloc(self.start, (wanted + 1) * sizeof(int64_t))
            if p == NULL:
                raise MemoryError("no memory to find the sparsity pattern")
            self.start, self.room = <int64_t *> p, wanted
        if 2 * (self.count + 1) > self.slots:
            self.rehash()
        return 0

    cdef int rehash(self) except -1 nogil:
        cdef int64_t slots = 4 * self.slots, k, h
        cdef int32_t *table = <int32_t *> calloc(slots, sizeof(int32_t))
        if table == NULL:
            raise MemoryError("no memory to find the sparsity pattern")
        for k in range(self.count):
            h = <int64_t> (hash_of(self.index + self.start[k], self.start[k + 1] - self.start[k]) & <uint64_t> (slots - 1))
            while table[h]:
                h = (h + 1) & (slots - 1)
            table[h] = <int32_t> (self.n + 1 + k)
        free(self.table)
        self.table, self.slots = table, slots
        return 0

    cdef int32_t keep(self, int64_t size) except -1 nogil:
        """Return the number of the set in `scratch`, ascending."""
        cdef int64_t h, k, wanted
        cdef int32_t s
        cdef void *p
        if size == 0:
            return 0
        if size == 1:
            return self.scratch[0] + 1
        if size == self.n and self.count:
            return self.full
        self.grow()
        h = <int64_t> (hash_of(self.scratch, size) & <uint64_t> (self.slots - 1))
        while True:
            s = self.table[h]
            if s == 0:
                break
            k = s - self.n - 1
            if self.start[k + 1] - self.start[k] == size and same(self.index + self.start[k], self.scratch, size):
                return s
            h = (h + 1) & (self.slots - 1)
        if self.used + size > self.limit and size > 32:
            self.exact = False
            return self.full
        if self.used + size > self.space:
            wanted = 2 * self.space + size
            p = realloc(self.index, wanted * sizeof(int32_t))
            if p == NULL:
                raise MemoryError("no memory to find the sparsity pattern")
            self.index, self.space = <int32_t *> p, wanted
        memcpy(self.index + self.used, self.scratch, size * sizeof(int32_t))
        self.used += size
        self.count += 1
        self.start[self.count] = self.used
        s = <int32_t> (self.n + self.count)
        self.table[h] = s
        return s

    cdef int32_t unite(self, int32_t a, int32_t b) except -1 nogil:
        """Return the union of two sets."""
        cdef int64_t na, nb, i = 0, j = 0, k = 0
        cdef const int32_t *x
        cdef const int32_t *y
        cdef int32_t xs, ys
        cdef int32_t *out = self.scratch
        self.spend(1)
        if a == b or b < 0 or (b == 0 and a >= 0) or a == self.full:
            return a
        if a <= 0 or b == self.full:
            return b
        na, nb = self.size(a), self.size(b)
        self.spend(na + nb + 4)
        if na < nb:
            a, b, na, nb = b, a, nb, na
        x, y = self.begin(a, &xs), self.begin(b, &ys)
        if na > 16 * nb and contains(x, na, y, nb):
            return a
        while i < na and j < nb:
            if x[i] < y[j]:
                out[k] = x[i]
                i += 1
            elif x[i] > y[j]:
                out[k] = y[j]
                j += 1
            else:
                out[k] = x[i]
                i += 1
                j += 1
            k += 1
        while i < na:
            out[k] = x[i]
            i += 1
            k += 1
        while j < nb:
            out[k] = y[j]
            j += 1
            k += 1
        return a if k == na else self.keep(k)

    cdef int32_t unite_many(self, const int32_t *sets, int64_t count, int64_t step) except -1 nogil:
        """Return the union of every `step`-th of the sets, `count` in all."""
        cdef int64_t i, j, k = 0, size
        cdef int32_t s, single, before = 0
        cdef const int32_t *x
        cdef bint ascending = True, zero = True
        if count == 0:
            return ZERO
        if count == 1:
            return sets[0]
        if count == 2:
            return self.unite(sets[0], sets[step])
        self.mark += 1
        self.spend(count)
        for i in range(count):
            s = sets[i * step]
            zero = zero and s < 0
            if s == before or s <= 0:
                continue
            if s == self.full:
                return s
            before = s
            x, size = self.begin(s, &single), self.size(s)
            self.spend(size)
            for j in range(size):
                if self.stamp[x[j]] != self.mark:
                    self.stamp[x[j]] = self.mark
                    if k and x[j] < self.scratch[k - 1]:
                        ascending = False
                    self.scratch[k] = x[j]
                    k += 1
        if not ascending:
            if k > self.n // 32:
                k = 0
                for i in range(self.n):
                    if self.stamp[i] == self.mark:
                        self.scratch[k] = <int32_t> i
                        k += 1
            else:
                sort(self.scratch, k)
        return ZERO if zero else self.keep(k)


@cython.overflowcheck(False)
cdef inline uint64_t hash_of(const int32_t *x, int64_t n) noexcept nogil:
    cdef uint64_t h = <uint64_t> n
    cdef int64_t i
    for i in range(n):
        h = (h ^ <uint64_t> x[i]) * <uint64_t> 0x9E3779B97F4A7C15
        h ^= h >> 29
    return h


cdef inline bint same(const int32_t *x, const int32_t *y, int64_t n) noexcept nogil:
    cdef int64_t i
    for i in range(n):
        if x[i] != y[i]:
            return False
    return True


cdef bint contains(const int32_t *x, int64_t n, const int32_t *y, int64_t m) noexcept nogil:
    """Return whether all of y is in x, both ascending."""
    cdef int64_t i, low = 0, high, middle
    for i in range(m):
        high = n
        while low < high:
            middle = (low + high) >> 1
            if x[middle] < y[i]:
                low = middle + 1
            else:
                high = middle
        if low == n or x[low] != y[i]:
            return False
    return True


cdef void sort(int32_t *x, int64_t n) noexcept nogil:
    """Sort by Shell's method; sets are small or go through their stamps."""
    cdef int64_t gap = 1, i, j
    cdef int32_t v
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap:
        for i in range(gap, n):
            v, j = x[i], i
            while j >= gap and x[j - gap] > v:
                x[j] = x[j - gap]
                j -= gap
            x[j] = v
        gap //= 3
