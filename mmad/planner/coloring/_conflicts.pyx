"""Colourings of an explicit graph of conflicts, that look ahead more than a fixed order does.

Sources: Brelaz, "New methods to color the vertices of a graph", Comm. ACM 22 (1979), 251-256 (saturation); Leighton, "A graph
coloring algorithm for large scheduling problems", J. Res. NBS 84 (1979), 489-506 (one colour after the other); Hertz and
de Werra, "Using tabu search techniques for graph coloring", Computing 39 (1987), 345-351 (exchange).

What exchange earns (`python asv_bench/earned.py colours`): of the brusselators on 4 x 4 to 40 x 40 points 24 of 37 have fewer
colours by it, 7.7 instead of 8.8 in the mean, and to colour them takes 7.4 ms instead of 7.1.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cimport cython
cimport numpy as cnp

import numpy as np

from mmad.kernels._breath cimport breathe

cnp.import_array()


def conflicts(const int64_t[::1] rows, const int32_t[::1] columns, const int64_t[::1] starts,
              const int32_t[::1] members, const uint8_t[::1] counts):
    """Return the graph of columns that share a row that counts, as (starts, neighbors); parameters as of `distance_2`."""
    cdef int64_t n = starts.shape[0] - 1, k, z, at = 0, taken = 0
    cdef int32_t j, i, c
    cdef int which
    cdef int32_t[::1] seen = np.full(n, -1, np.int32)
    firsts = np.zeros(n + 1, np.int64)
    cdef int64_t[::1] first = firsts
    cdef int32_t[::1] to = None
    neighbors = None
    for which in range(2):
        at = 0
        for j in range(n):
            seen[j] = j + <int32_t> (which * n)
            for k in range(starts[j], starts[j + 1]):
                i = members[k]
                if not counts[i]:
                    continue
                breathe(&taken, rows[i + 1] - rows[i])
                for z in range(rows[i], rows[i + 1]):
                    c = columns[z]
                    if seen[c] != j + which * n:
                        seen[c] = j + <int32_t> (which * n)
                        if which:
                            to[at] = c
                        at += 1
            first[j + 1] = at
        if not which:
            neighbors = np.empty(at, np.int32)
            to = neighbors
            seen[:] = -1
    return firsts, neighbors


cdef class Buckets:
    """Vertices in lists by a small key."""

    cdef int32_t[::1] head, tail, after, before, key

    def __cinit__(self, int64_t n, int64_t keys):
        self.head, self.tail = np.full(keys + 1, -1, np.int32), np.full(keys + 1, -1, np.int32)
        self.after, self.before = np.full(n, -1, np.int32), np.full(n, -1, np.int32)
        self.key = np.full(n, -1, np.int32)

    cdef inline void put(self, int32_t v, int32_t key) noexcept nogil:
        """Put a vertex at the end of a list."""
        self.key[v] = key
        self.after[v], self.before[v] = -1, self.tail[key]
        if self.tail[key] >= 0:
            self.after[self.tail[key]] = v
        else:
            self.head[key] = v
        self.tail[key] = v

    cdef inline void take(self, int32_t v) noexcept nogil:
        cdef int32_t key = self.key[v]
        if self.before[v] >= 0:
            self.after[self.before[v]] = self.after[v]
        else:
            self.head[key] = self.after[v]
        if self.after[v] >= 0:
            self.before[self.after[v]] = self.before[v]
        else:
            self.tail[key] = self.before[v]
        self.key[v] = -1


def by_saturation(const int64_t[::1] starts, const int32_t[::1] neighbors):
    """Colour, one after the other, the vertex whose neighbours have most colours; of those the one with most neighbours.

    Colours from 64 on do not count for the choice.
    """
    cdef int64_t n = starts.shape[0] - 1, q, k, taken = 0
    cdef int32_t v, w, c, top = 0
    cdef Buckets b = Buckets(n, 65)
    colors = np.full(n, -1, np.int32)
    cdef int32_t[::1] color = colors, forbidden = np.full(n + 1, -1, np.int32)
    cdef uint64_t[::1] seen = np.zeros(n, np.uint64)
    cdef int64_t[::1] order = np.argsort(-np.diff(np.asarray(starts)), kind="stable")
    with nogil:
        for q in range(n):
            b.put(<int32_t> order[q], 0)
        for _ in range(n):
            while b.head[top] < 0:
                top -= 1
            v = b.head[top]
            b.take(v)
            breathe(&taken, 4 * (starts[v + 1] - starts[v]))
            for k in range(starts[v], starts[v + 1]):
                if color[neighbors[k]] >= 0:
                    forbidden[color[neighbors[k]]] = v
            c = 0
            while forbidden[c] == v:
                c += 1
            color[v] = c
            if c >= 64:
                continue
            for k in range(starts[v], starts[v + 1]):
                w = neighbors[k]
                if color[w] < 0 and not seen[w] >> c & 1:
                    seen[w] |= <uint64_t> 1 << c
                    c = b.key[w] + 1
                    b.take(w)
                    b.put(w, c)
                    top = max(top, c)
                    c = color[v]
    return colors


def by_classes(const int64_t[::1] starts, const int32_t[::1] neighbors):
    """Give out one colour after the other, each to as many vertices as will go: always the one with fewest rivals left."""
    cdef int64_t n = starts.shape[0] - 1, k, z, left = n, taken = 0
    cdef int32_t v, w, u, c = 0, low
    colors = np.full(n, -1, np.int32)
    cdef int32_t[::1] color = colors
    cdef Buckets b = Buckets(n, n + 1)
    with nogil:
        while left:
            for v in range(<int32_t> n):
                if color[v] < 0:
                    low = 0
                    breathe(&taken, starts[v + 1] - starts[v])
                    for k in range(starts[v], starts[v + 1]):
                        if color[neighbors[k]] < 0:
                            low += 1
                    b.put(v, low)
            low = 0
            while low <= n:
                v = b.head[low]
                if v < 0:
                    low += 1
                    continue
                b.take(v)
                color[v] = c
                left -= 1
                for k in range(starts[v], starts[v + 1]):
                    w = neighbors[k]
                    if b.key[w] < 0:
                        continue
                    b.take(w)
                    breathe(&taken, 4 * (starts[w + 1] - starts[w]))
                    for z in range(starts[w], starts[w + 1]):
                        u = neighbors[z]
                        if b.key[u] > 0:
                            low = min(low, b.key[u] - 1)
                            move_down(b, u)
            c += 1
    return colors


cdef inline void move_down(Buckets b, int32_t v) noexcept nogil:
    cdef int32_t key = b.key[v] - 1
    b.take(v)
    b.put(v, key)


cdef enum:
    LARGEST_TABLE = 20_000_000  # vertices times colours, 12 bytes each
    TENURE = 10  # moves for which a vertex may not go back, at the most; more where more vertices are in conflict


cdef class Conflicted:
    """Vertices that have neighbours of their own colour."""

    cdef int32_t[::1] member, place
    cdef int32_t count

    def __cinit__(self, int64_t n):
        self.member, self.place, self.count = np.zeros(n, np.int32), np.full(n, -1, np.int32), 0

    @cython.nonecheck(False)  # of self: the check would need the GIL
    cdef inline void settle(self, int32_t v, bint conflicted) noexcept nogil:
        if conflicted and self.place[v] < 0:
            self.member[self.count], self.place[v] = v, self.count
            self.count += 1
        elif not conflicted and self.place[v] >= 0:
            self.count -= 1
            self.member[self.place[v]] = self.member[self.count]
            self.place[self.member[self.count]] = self.place[v]
            self.place[v] = -1


@cython.overflowcheck(False)
cdef inline uint64_t following(uint64_t random) noexcept nogil:
    """Return the next random number of a sequence (Marsaglia, "Xorshift RNGs", J. Stat. Softw. 8 (2003), 14)."""
    random ^= random << 13
    random ^= random >> 7
    return random ^ random << 17


def by_exchange(const int64_t[::1] starts, const int32_t[::1] neighbors, const int32_t[::1] before, int64_t limit):
    """Save one colour of a colouring: its smallest class goes to the others, and conflicts are moved about until none is
    left.

    Parameters
    ----------
    starts, neighbors : the graph
    before : ndarray of int32, shape (n,)
        A colouring.
    limit : int
        Steps after which it is given up.

    Returns
    -------
    ndarray of int32, or None where the limit is reached
    """
    cdef int64_t n = starts.shape[0] - 1, i, k, most = int(np.max(before, initial=-1)), steps = 0
    cdef int32_t v, w, c, old, chosen, to, delta, best, ties, c_small
    cdef int64_t conflicts_left = 0, fewest, turn = 0, taken = 0
    cdef uint64_t random = 88172645463325252
    if most < 1 or n * most > min(limit, <int64_t> LARGEST_TABLE):  # the tables alone take as many steps
        return None
    c_small = <int32_t> int(np.argmin(np.bincount(before)))
    colors = np.array(before)
    colors[np.asarray(before) == most] = c_small
    colors[np.asarray(before) == c_small] = -1
    cdef int32_t[::1] color = colors
    cdef int32_t[:, ::1] near = np.zeros((n, most), np.int32)   # neighbours of each vertex by colour
    cdef int64_t[:, ::1] until = np.zeros((n, most), np.int64)  # turn before which a vertex may not take a colour
    cdef Conflicted conflicted = Conflicted(n)
    with nogil:
        for v in range(<int32_t> n):
            breathe(&taken, starts[v + 1] - starts[v])
            for k in range(starts[v], starts[v + 1]):
                if color[neighbors[k]] >= 0 and neighbors[k] != v:
                    near[v, color[neighbors[k]]] += 1
        for v in range(<int32_t> n):
            if color[v] >= 0:
                continue
            breathe(&taken, most + starts[v + 1] - starts[v])
            to = 0
            for c in range(1, <int32_t> most):
                if near[v, c] < near[v, to]:
                    to = c
            color[v] = to
            for k in range(starts[v], starts[v + 1]):
                if neighbors[k] != v:
                    near[neighbors[k], to] += 1
        for v in range(<int32_t> n):
            conflicts_left += near[v, color[v]]
            conflicted.settle(v, near[v, color[v]] > 0)
        fewest = conflicts_left
        steps = n * most + 2 * starts[n]
        while conflicted.count and steps < limit:
            breathe(&taken, conflicted.count * most)
            chosen, to, best, ties = -1, 0, 0, 0
            for i in range(conflicted.count):
                v = conflicted.member[i]
                old = color[v]
                for c in range(<int32_t> most):
                    delta = near[v, c] - near[v, old]
                    if c == old or (until[v, c] > turn and conflicts_left + 2 * delta >= fewest):
                        continue
                    if chosen < 0 or delta < best:
                        chosen, to, best, ties = v, c, delta, 1
                    elif delta == best:
                        ties += 1
                        random = following(random)
                        if random % <uint64_t> ties == 0:
                            chosen, to = v, c
            steps += conflicted.count * most
            turn += 1
            if chosen < 0:
                continue
            v, old = chosen, color[chosen]
            random = following(random)
            until[v, old] = turn + <int64_t> (random % TENURE) + (6 * conflicted.count) // 10
            color[v] = to
            conflicts_left += 2 * best
            fewest = min(fewest, conflicts_left)
            for k in range(starts[v], starts[v + 1]):
                w = neighbors[k]
                if w == v:
                    continue
                near[w, old] -= 1
                near[w, to] += 1
                if color[w] == old or color[w] == to:
                    conflicted.settle(w, near[w, color[w]] > 0)
            conflicted.settle(v, near[v, to] > 0)
            steps += starts[v + 1] - starts[v]
    return colors if not conflicted.count else None
