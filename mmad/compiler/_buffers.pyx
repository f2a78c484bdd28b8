"""Buffers: where the arrays of a program are.

1. Inputs, constants and results of calls have the caller's memory; any other array that has to be in memory gets a buffer
   of the arena, and a version written in place has its base's.
2. The steps say which units use a buffer, and which buffer may take another's place.
3. Pass `buffers`: buffers whose lives do not overlap share memory.

Kept: what is pinned shares its memory with nothing.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc

import bisect
import heapq

from mmad._instructions cimport NODE_ARRAY, OP_CONST, OP_GUARD, OP_INPUT, OP_REC, OP_STORE, Node
from mmad._vm cimport HOME_ARENA, HOME_CONSTANT, HOME_INPUT, HOME_OBJECT, Buffer
from mmad.compiler._graph cimport P_CALL, Graph, size_of
from mmad.compiler._records cimport Vector
from mmad.compiler._units cimport Units

cdef enum:
    ALIGNMENT = 64


cdef class Buffers:
    """The buffer of every array, and the life and place of every buffer."""

    def __cinit__(self, Units units, bint reuse):
        self.units, self.g, self.reuse = units, units.g, reuse
        self.of = <int32_t *> malloc((units.g.n + 1) * sizeof(int32_t))
        if self.of == NULL:
            raise MemoryError("no memory to compile the trace")
        self.vector = Vector(sizeof(Buffer))
        self.constants, self.first, self.final, self.pinned, self.alias, self.last_read = [], [], [], [], [], []

    def __dealloc__(self):
        free(self.of)

    cdef int give(self) except -1:
        cdef Graph g = self.g
        cdef Node *p
        cdef int32_t k, base
        cdef int place = 0
        inputs = {k: i for i, k in enumerate(g.inputs) if k >= 0}
        for k in range(g.n):
            p = g.nodes + k
            self.of[k] = -1
            if not p.flags & NODE_ARRAY or self.units.root[k] != k or p.op == OP_GUARD:
                continue
            if p.op == OP_INPUT:
                self.of[k] = self.add(k, HOME_INPUT, inputs[k])
            elif p.op == OP_CONST:
                self.constants.append(g.payload(k).value)
                self.of[k] = self.add(k, HOME_CONSTANT, <int> len(self.constants) - 1)
            elif self.units.over[k]:
                base = p.a if p.op == OP_STORE else g.arg(k, 0)
                self.of[k] = self.of[base]
                self.pinned[self.of[k]] = True  # versions share it: nothing else may
            elif p.op == OP_REC and g.payload(k).kind == P_CALL:
                self.of[k] = self.add(k, HOME_OBJECT, place)
                place += 1
            elif self.units.need[k] or p.op == OP_REC:
                self.of[k] = self.add(k, HOME_ARENA, 0)
        return 0

    cdef int32_t add(self, int32_t k, int home, int index) except -1:
        shape, dtype = self.g.types[self.g.type[k]]
        cdef Buffer *b = <Buffer *> self.vector.add()
        b.bytes, b.home, b.index, b.offset = size_of(shape) * <int64_t> dtype.itemsize, home, index, 0
        self.first.append(self.units.n)
        self.final.append(-1)
        self.pinned.append(home != HOME_ARENA)
        self.alias.append(-1)
        self.last_read.append(self.units.busy[k])
        return <int32_t> self.vector.n - 1

    cdef Buffer *at(self, int32_t b) noexcept:
        return <Buffer *> (self.vector.data + b * sizeof(Buffer))

    cdef int touch(self, int32_t b, int32_t u) except -1:
        """Unit u reads or writes buffer b."""
        if u < self.first[b]:
            self.first[b] = u
        if u > self.final[b]:
            self.final[b] = u
        return 0

    cdef bint dies(self, int32_t b, int32_t u) except -1:
        """Whether no unit after u reads buffer b, which one array has to itself."""
        return self.last_read[b] <= u

    cdef int place(self) except -1:
        """Give every buffer of the arena a place: the smallest free one that it fits, else a new one at the end."""
        cdef int32_t b, n = <int32_t> self.vector.n
        cdef int64_t at, need
        cdef Buffer *q
        cdef list live = [], sizes = []  # heap of (final unit, place, size); sizes of free places, sorted
        cdef dict free_places = {}       # size -> places
        for b in range(n):
            if self.alias[b] >= 0:
                self.final[self.alias[b]] = max(self.final[self.alias[b]], self.final[b])
        order = sorted([b for b in range(n) if self.at(b).home == HOME_ARENA and self.alias[b] < 0],
                       key=self.first.__getitem__)
        for b in order:
            q = self.at(b)
            need = max((q.bytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT, <int64_t> ALIGNMENT)
            while self.reuse and live and live[0][0] < self.first[b]:
                _, at, size = heapq.heappop(live)
                set_free(free_places, sizes, size, at)
            found = bisect.bisect_left(sizes, need)
            if found < len(sizes):
                size = sizes[found]
                places = free_places[size]
                at = places.pop()  # the last one that became free: it is the likeliest to be in cache
                if not places:
                    del sizes[found], free_places[size]
                if <int64_t> size > need:
                    set_free(free_places, sizes, size - need, at + need)
            else:
                at = self.arena
                self.arena += need
            q.offset = at
            heapq.heappush(live, (self.final[b], at, need))
        for b in range(n):
            if self.alias[b] >= 0:
                self.at(b).offset = self.at(self.alias[b]).offset
        return 0


cdef int set_free(dict places, list sizes, int64_t size, int64_t at) except -1:
    """A place that nothing needs any more."""
    found = places.get(size)
    if found is None:
        found = places[size] = []
        bisect.insort(sizes, size)
    (<list> found).append(at)
    return 0
