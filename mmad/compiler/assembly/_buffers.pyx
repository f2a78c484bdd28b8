"""Buffers: where the arrays of a program are.

1. Inputs, constants and results of calls have the caller's memory; any other array that has to be in memory gets a buffer
   of the arena, and a version written in place has its base's.
2. The steps say which units use a buffer, and which buffer may take another's place.
3. Pass `buffers`: buffers whose lives do not overlap share memory.

Kept: what is pinned shares its memory with nothing.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free, malloc

cimport numpy as cnp

from mmad.compiler._graph cimport P_CALL, Graph
from mmad.compiler.assembly._places cimport Places
from mmad.compiler.assembly._records cimport Vector
from mmad.compiler.assembly._units cimport Units
from mmad.tape._instructions cimport NODE_ARRAY, OP_CONST, OP_GUARD, OP_INPUT, OP_REC, OP_STORE, Node
from mmad.vm._vm cimport HOME_ARENA, HOME_CONSTANT, HOME_INPUT, HOME_OBJECT, Buffer

cdef enum:
    ALIGNMENT = 64


cdef class Buffers:
    """The buffer of every array, and the life and place of every buffer."""

    def __cinit__(self, Units units, bint reuse):
        self.units, self.g, self.reuse = units, units.g, reuse
        self.of = <int32_t *> malloc((units.g.n + 1) * sizeof(int32_t))
        if self.of == NULL:
            raise MemoryError("no memory to compile the trace")
        self.vector, self.lives, self.constants = Vector(sizeof(Buffer)), Vector(sizeof(Life)), []

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
                self.life[self.of[k]].pinned = True  # versions share it: nothing else may
            elif p.op == OP_REC and g.payload(k).kind == P_CALL:
                self.of[k] = self.add(k, HOME_OBJECT, place)
                place += 1
            elif self.units.need[k] or p.op == OP_REC:
                self.of[k] = self.add(k, HOME_ARENA, 0)
        return 0

    cdef int32_t add(self, int32_t k, int home, int index) except -1:
        cdef object dtype = (<tuple> self.g.types[self.g.type[k]])[1]
        cdef Buffer *b = <Buffer *> self.vector.add()
        cdef Life *x = <Life *> self.lives.add()
        b.bytes, b.home, b.index, b.offset = self.g.elements(k) * <int64_t> (<cnp.dtype> dtype).itemsize, home, index, 0
        x.first, x.final, x.last_read, x.alias, x.pinned = self.units.n, -1, self.units.busy[k], -1, home != HOME_ARENA
        self.life = <Life *> self.lives.data
        return <int32_t> self.vector.n - 1

    cdef Buffer *at(self, int32_t b) noexcept:
        return <Buffer *> (self.vector.data + b * sizeof(Buffer))

    cdef int touch(self, int32_t b, int32_t u) noexcept:
        """Note that unit u reads or writes buffer b."""
        self.life[b].first = min(self.life[b].first, u)
        self.life[b].final = max(self.life[b].final, u)
        return 0

    cdef bint dies(self, int32_t b, int32_t u) noexcept:
        """Return whether no unit after u reads buffer b, which one array has to itself."""
        return self.life[b].last_read <= u

    cdef int place(self) except -1:
        """Give every buffer of the arena a place."""
        cdef Life *life = self.life
        cdef int32_t b, i, n = <int32_t> self.vector.n, units = self.units.n
        cdef int64_t need
        cdef Places places = Places(n)
        # By unit: where the buffers that it is the first to use begin; then those buffers.
        cdef int32_t *begin = <int32_t *> calloc(units + 2 + n, sizeof(int32_t))
        cdef int32_t *order = begin + units + 2
        if begin == NULL:
            raise MemoryError("no memory to compile the trace")
        try:
            for b in range(n):
                if life[b].alias >= 0:
                    life[life[b].alias].final = max(life[life[b].alias].final, life[b].final)
            for b in range(n):
                begin[life[b].first + 1] += 1
            for i in range(units + 1):
                begin[i + 1] += begin[i]
            for b in range(n):
                i = life[b].first
                order[begin[i]] = b
                begin[i] += 1
            for i in range(n):
                b = order[i]
                if self.at(b).home == HOME_ARENA and life[b].alias < 0:
                    need = max((self.at(b).bytes + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT, <int64_t> ALIGNMENT)
                    if self.reuse:
                        places.release(life[b].first)
                    self.at(b).offset = places.take(need, life[b].final)
        finally:
            free(begin)
        for b in range(n):
            if life[b].alias >= 0:
                self.at(b).offset = self.at(life[b].alias).offset
        self.arena = places.end
        return 0
