"""Slots: where the numbers of a program are.

1. Which instructions run as scalars follows from the units.
2. Every number gets a slot of the template, with its value if it is a constant.
3. A slot is free again after the last use of its number, if all its uses are in the run of scalars that makes it.

Kept: no two numbers that are needed at the same time have one slot.
"""
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport free, malloc

from mmad.compiler._graph cimport Graph, operands_of
from mmad.compiler.assembly._records cimport Vector
from mmad.compiler.assembly._units cimport U_SCALARS, Units
from mmad.tape._instructions cimport (NODE_ARRAY, OP_CONST, OP_FIRST_SCALAR, OP_GUARD, OP_LOAD, OP_STORE, Node,
                                      SC_cos, SC_sin)


cdef class Slots:
    """The slot of every number."""

    def __cinit__(self, Units units, bint reuse):
        cdef size_t n = units.g.n + 1
        self.units, self.g, self.reuse = units, units.g, reuse
        self.of = <int32_t *> malloc(n * sizeof(int32_t))
        self.is_scalar = <uint8_t *> malloc(n)
        if self.of == NULL or self.is_scalar == NULL:
            raise MemoryError("no memory to compile the trace")
        self.template = Vector(sizeof(double))

    def __dealloc__(self):
        free(self.of)
        free(self.is_scalar)

    cdef int find_scalars(self) except -1:
        """Find which instructions are in a run of scalars."""
        cdef int32_t k, u, latest = -1
        cdef bint run = False
        cdef int op
        for k in range(self.g.n):
            u, op = self.units.unit[k], self.g.nodes[k].op
            if u != latest:
                latest, run = u, u >= 0 and (<int> self.units.kind[u]) == U_SCALARS
            self.is_scalar[k] = run and (op >= OP_FIRST_SCALAR or op == OP_LOAD or op == OP_STORE or op == OP_GUARD)
        return 0

    cdef int give(self) except -1:
        """Return a slot for every number; one that only its own run of scalars reads takes a free slot again, and so stays
        in the first-level cache."""
        cdef Graph g = self.g
        cdef Node *p
        cdef int32_t k, i, n, slot, unused = 0
        cdef const int32_t *operand
        cdef int32_t *last = self.last_uses()
        cdef int32_t *free_slots = <int32_t *> malloc((g.n + 1) * sizeof(int32_t))
        if free_slots == NULL:
            free(last)
            raise MemoryError("no memory to compile the trace")
        try:
            for k in range(g.n):
                p = g.nodes + k
                self.of[k] = -1
                operand = operands_of(g, k, &n)
                for i in range(n):
                    if operand[i] >= 0 and last[operand[i]] == k:
                        free_slots[unused] = self.of[operand[i]]
                        unused += 1
                        last[operand[i]] = -1
                if p.flags & NODE_ARRAY or p.op == OP_GUARD:
                    continue
                if last[k] >= 0 and unused:
                    unused -= 1
                    slot = free_slots[unused]
                else:
                    slot = self.add(p.v if p.op == OP_CONST else 0.0)
                self.of[k] = slot
                if last[k] == k:
                    free_slots[unused] = slot
                    unused += 1
        finally:
            free(last)
            free(free_slots)
        if not self.template.n:
            self.add(0.0)
        return 0

    cdef int32_t add(self, double value) except -1:
        (<double *> self.template.add())[0] = value
        return <int32_t> self.template.n - 1

    cdef int32_t *last_uses(self) except NULL:
        """Return, by number, the last instruction that reads it, if all that do are in its own run of scalars, else -1.

        Runs do not interleave, and within one the order is the graph's.  Sines and cosines are left out: `sincos` may
        compute one of them earlier.
        """
        cdef Graph g = self.g
        cdef int32_t k, j, i, n
        cdef const int32_t *operand
        cdef int32_t *last = <int32_t *> malloc((g.n + 1) * sizeof(int32_t))
        cdef Node *p
        if last == NULL:
            raise MemoryError("no memory to compile the trace")
        for k in range(g.n):
            p = g.nodes + k
            last[k] = -1
            operand = operands_of(g, k, &n)
            for i in range(n):
                j = operand[i]
                if j >= 0 and last[j] >= 0:
                    last[j] = k if self.units.unit[k] == self.units.unit[j] and self.is_scalar[k] else -1
            if self.reuse and not p.flags & NODE_ARRAY and p.op != SC_sin and p.op != SC_cos and p.op != OP_GUARD \
                    and p.op != OP_STORE and self.is_scalar[k]:
                last[k] = k
        for k in g.outputs:
            if k >= 0:
                last[k] = -1
        return last
