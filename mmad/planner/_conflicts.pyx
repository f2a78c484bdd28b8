"""Colourings of an explicit graph of conflicts, that look ahead more than a fixed order does.

Sources: Brelaz, "New methods to color the vertices of a graph", Comm. ACM 22 (1979), 251-256 (saturation); Leighton, "A graph
coloring algorithm for large scheduling problems", J. Res. NBS 84 (1979), 489-506 (one colour after the other).
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t

cimport numpy as cnp

import numpy as np

cnp.import_array()


def conflicts(const int64_t[::1] rows, const int32_t[::1] columns, const int64_t[::1] starts,
              const int32_t[::1] members, const uint8_t[::1] counts):
    """The graph of columns that share a row that counts, as (starts, neighbors); parameters as of `distance_2`."""
    cdef int64_t n = starts.shape[0] - 1, k, z, at = 0
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
        """At the end of a list."""
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
    """Each time a vertex whose neighbours have most colours; of those the one with most neighbours, as far as they are sorted.

    Colours from 64 on do not count for the choice.
    """
    cdef int64_t n = starts.shape[0] - 1, q, k
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
    """One colour after the other, each given to as many vertices as will go: always the one with fewest rivals left."""
    cdef int64_t n = starts.shape[0] - 1, k, z, left = n
    cdef int32_t v, w, u, c = 0, low
    colors = np.full(n, -1, np.int32)
    cdef int32_t[::1] color = colors
    cdef Buckets b = Buckets(n, n + 1)
    with nogil:
        while left:
            for v in range(<int32_t> n):
                if color[v] < 0:
                    low = 0
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
