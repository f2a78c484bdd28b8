"""Pass `schedule`: numbers that wait for each other are computed further apart.

A processor looks a dozen or two of the machine's instructions ahead.  A long recurrence and what else each of its steps
feeds (a reverse sweep with its cotangents of parameters) are recorded one after the other, so that it sees only the
recurrence and waits.

1. Each operation on numbers gets a height: how many must follow it, one after the other.  What something else than such an
   operation reads comes before all that is not on the way to it, so that arrays need not wait.
2. A stretch has nothing but such operations: what reads or writes memory, or looks at a number, stays where it is.
3. From the next `AHEAD` operations of the stretch the highest is taken whose operands were computed at least `LATENCY`
   operations ago; if there is none, the one that waits least.

Kept: every value, and the order of all that is not an operation on numbers.

References
----------
P. B. Gibbons and S. S. Muchnick, "Efficient instruction scheduling for a pipelined architecture", SIGPLAN Notices 21
(1986), 11-16: list scheduling.

Examples
--------
The sines wait for each other, and so do the sums; each sine is computed before what the one before it feeds:

>>> from mmad.compiler._lower import lower
>>> def squares(x):
...     total = 0.0
...     for _ in range(16):
...         x = np.sin(x)
...         total = total + x * x
...     return total
>>> graph = lower(mmad.record(squares, 1.0))
>>> print(graph)
%0 = input
%1 = sin %0
%2 = multiply %1, %1
%3 = const 0.0
%4 = add %3, %2
%5 = sin %1
%6 = multiply %5, %5
%7 = add %4, %6
...
>>> print(schedule(graph))
%0 = input
%1 = const 0.0
%2 = sin %0
%3 = multiply %2, %2
%4 = sin %2
%5 = add %1, %3
%6 = multiply %4, %4
%7 = sin %4
...
"""
cimport cython
from libc.stdint cimport int32_t
from libc.stdlib cimport free

from mmad.compiler._graph cimport Graph, new_map, operands_of
from mmad.compiler.passes._pass cimport Pass
from mmad.tape._instructions cimport NODE_ARRAY, OP_CONST, OP_FIRST_SCALAR

cdef enum:
    AHEAD = 64
    LATENCY = 4
    SHORTEST = 32  # operations of a stretch


def schedule(Graph g):
    """Return the same instructions, those on numbers in another order.

    Parameters
    ----------
    g : Graph

    Returns
    -------
    Graph
    """
    return Schedule(g).run()


cdef inline bint is_scalar_operation(Graph g, int32_t k) noexcept:
    return g.nodes[k].op >= OP_FIRST_SCALAR and not g.nodes[k].flags & NODE_ARRAY


cdef inline bint movable(Graph g, int32_t k) noexcept:
    return is_scalar_operation(g, k) or (g.nodes[k].op == OP_CONST and not g.nodes[k].flags & NODE_ARRAY)


cdef int32_t *heights(Graph g) except NULL:
    cdef int32_t *out = new_map(g)
    cdef const int32_t *operand
    cdef int32_t k, i, n
    for k in range(g.n):
        out[k] = 0
    for k in range(g.n - 1, -1, -1):
        if not is_scalar_operation(g, k):
            out[k] = g.n
        operand = operands_of(g, k, &n)
        for i in range(n):
            if operand[i] >= 0:
                out[operand[i]] = max(out[operand[i]], out[k] + 1)
    return out


cdef struct Ready:
    int32_t k, height
    int32_t ready  # from when on its operands do not keep it waiting


@cython.final
cdef class Schedule(Pass):
    cdef int32_t *height
    cdef int32_t *time     # when an operation was computed
    cdef int32_t *first    # of the operations that wait for this one
    cdef int32_t *another  # that waits for the same one
    cdef Ready candidates[AHEAD]
    cdef int32_t n, now    # candidates, and operations that have been computed

    def __dealloc__(self):
        free(self.height)
        free(self.time)
        free(self.first)
        free(self.another)

    cdef bint applies(self) except -1:
        """Return whether there is a long stretch."""
        cdef int32_t k, n = 0
        for k in range(self.g.n):
            if is_scalar_operation(self.g, k):
                n += 1
                if n >= SHORTEST:
                    return True
            elif not movable(self.g, k):
                n = 0
        return False

    cdef int prepare(self) except -1:
        cdef Graph g = self.g
        cdef int32_t k
        self.height, self.time, self.first, self.another = heights(g), new_map(g), new_map(g), new_map(g)
        for k in range(g.n):
            self.first[k] = -1
        return 0

    cdef int rewrite(self) except -1:
        cdef int32_t start, k = 0
        while k < self.g.n:
            start = k
            while k < self.g.n and movable(self.g, k):
                k += 1
            self.stretch(start, k)
            if k < self.g.n:
                self.to[k] = self.out.copy(self.g, k, self.to)
                k += 1
        return 0

    cdef int wait(self, int32_t k) noexcept:
        """Make an operation a candidate, or have it wait for an operand that is not computed yet."""
        cdef int32_t j, i, n, ready = 0
        cdef const int32_t *operand = operands_of(self.g, k, &n)
        for i in range(n):
            j = operand[i]
            if self.to[j] < 0:
                self.another[k], self.first[j] = self.first[j], k
                return 0
            if is_scalar_operation(self.g, j):
                ready = max(ready, self.time[j] + LATENCY)
        self.candidates[self.n] = Ready(k, self.height[k], ready)
        self.n += 1
        return 0

    cdef int32_t best(self) noexcept:
        """Return the candidate to be computed next."""
        cdef int32_t i, at = 0
        cdef Ready *a = self.candidates
        cdef Ready *b
        cdef bint late
        for i in range(1, self.n):
            b = self.candidates + i
            late = a.ready > self.now
            if b.ready <= self.now if late else b.ready > self.now:
                if late:
                    a, at = b, i
            elif late and a.ready != b.ready:
                if b.ready < a.ready:
                    a, at = b, i
            elif b.height > a.height or (b.height == a.height and b.k < a.k):
                a, at = b, i
        return at

    cdef int stretch(self, int32_t start, int32_t stop) except -1:
        """Return instructions start..stop in the order in which they are best computed."""
        cdef int32_t k, j, at, next = start, within = 0
        while True:
            while within < AHEAD and next < stop:
                if is_scalar_operation(self.g, next):
                    self.wait(next)
                    within += 1
                else:
                    self.to[next] = self.out.copy(self.g, next, self.to)
                next += 1
            if not within:
                return 0
            at = self.best()
            k = self.candidates[at].k
            self.n -= 1
            self.candidates[at] = self.candidates[self.n]
            self.to[k], self.time[k] = self.out.copy(self.g, k, self.to), self.now
            self.now += 1
            within -= 1
            j = self.first[k]
            while j >= 0:
                at, j = j, self.another[j]
                self.wait(at)
