"""Places: which bytes of the arena belong to whom, unit after unit.

A place that is taken is the smallest free one that is large enough, and of those of one size the one that became free last,
which is the likeliest to be in cache; what is left of it is free again.  Where none is, the arena grows.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memmove


cdef class Places:
    """The places of at most n buffers."""

    def __cinit__(self, int32_t n):
        # Every buffer is taken once and given back once, and may leave a part of a place over.
        self.used = <Allocation *> malloc((n + 1) * sizeof(Allocation))
        self.unused = <Allocation *> malloc((2 * n + 1) * sizeof(Allocation))
        self.sizes = <Size *> malloc((2 * n + 1) * sizeof(Size))
        if self.used == NULL or self.unused == NULL or self.sizes == NULL:
            raise MemoryError("no memory to compile the trace")

    def __dealloc__(self):
        free(self.used)
        free(self.unused)
        free(self.sizes)

    cdef int release(self, int32_t unit) noexcept:
        """Free the places that no unit from this one on needs."""
        while self.n_used and self.used[0].final < unit:
            self.add(self.used[0].at, self.used[0].size)
            self.pop()
        return 0

    cdef int64_t take(self, int64_t need, int32_t final) noexcept:
        """Return where `need` bytes are until unit `final` has run."""
        cdef int32_t k = self.size_from(need)
        cdef Size *s = self.sizes + k
        cdef int64_t at, size
        if k < self.n_sizes:
            at, size = self.unused[s.latest].at, s.size
            s.latest = self.unused[s.latest].before
            if s.latest < 0:
                self.n_sizes -= 1
                memmove(s, s + 1, (self.n_sizes - k) * sizeof(Size))
            if size > need:
                self.add(at + need, size - need)
        else:
            at = self.end
            self.end += need
        self.push(at, need, final)
        return at

    cdef int32_t size_from(self, int64_t size) noexcept:
        """Return the first of the sizes that is at least this one."""
        cdef int32_t low = 0, high = self.n_sizes, middle
        while low < high:
            middle = (low + high) // 2
            if self.sizes[middle].size < size:
                low = middle + 1
            else:
                high = middle
        return low

    cdef int add(self, int64_t at, int64_t size) noexcept:
        """Return a free place."""
        cdef int32_t k = self.size_from(size)
        cdef Size *s = self.sizes + k
        cdef Allocation *x = self.unused + self.n_unused
        if k == self.n_sizes or s.size != size:
            memmove(s + 1, s, (self.n_sizes - k) * sizeof(Size))
            self.n_sizes += 1
            s.size, s.latest = size, -1
        x.at, x.size, x.before = at, size, s.latest
        s.latest = self.n_unused
        self.n_unused += 1
        return 0

    # ------------------------------------------------------------------------------------ the heap
    cdef int push(self, int64_t at, int64_t size, int32_t final) noexcept:
        cdef int32_t k = self.n_used, up
        cdef Allocation x
        x.at, x.size, x.final, x.before = at, size, final, -1
        self.n_used += 1
        while k:
            up = (k - 1) // 2
            if not precedes(&x, self.used + up):
                break
            self.used[k] = self.used[up]
            k = up
        self.used[k] = x
        return 0

    cdef int pop(self) noexcept:
        cdef int32_t k = 0, down
        cdef Allocation x
        self.n_used -= 1
        x = self.used[self.n_used]
        while 2 * k + 1 < self.n_used:
            down = 2 * k + 1
            if down + 1 < self.n_used and precedes(self.used + down + 1, self.used + down):
                down += 1
            if not precedes(self.used + down, &x):
                break
            self.used[k] = self.used[down]
            k = down
        self.used[k] = x
        return 0


cdef inline bint precedes(const Allocation *x, const Allocation *y) noexcept:
    return x.final < y.final or (x.final == y.final and x.at < y.at)
