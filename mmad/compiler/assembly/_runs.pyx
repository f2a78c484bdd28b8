"""Runs of scalar instructions: the code that the machine's threaded loop reads.

1. The scalar instructions are put in the order of their units, and within a unit stay in the graph's.
2. Operands become slots; an element that is loaded or stored becomes a buffer and a position in it.
3. Pass `sincos`: sine and cosine of one number in one run become one instruction.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc

from mmad.compiler._graph cimport Graph
from mmad.compiler.assembly._records cimport Records
from mmad.compiler.assembly._units cimport Units
from mmad.compiler.assembly._views cimport Views
from mmad.kernels._machine cimport VM_END, VM_GUARD, VM_LOAD, VM_SINCOS, VM_STORE, VM_TRUTH, Instr
from mmad.tape._instructions cimport (NODE_BOOL, OP_FIRST_SCALAR, OP_LOAD, OP_STORE, Node, SC_cos, SC_sin,
                                      node_index, scalar_arity)
from mmad.vm._vm cimport STEP_SCALARS

cdef enum:
    LONGEST_RUN = 4194304


cdef class Runs:
    """The runs of a program."""

    def __cinit__(self, Units units, Views views, Records records, bint sincos):
        self.units, self.g, self.sincos = units, units.g, sincos
        self.slots, self.buffers, self.views, self.records = views.slots, views.buffers, views, records
        self.scalar = <int32_t *> malloc((units.g.n + 1) * sizeof(int32_t))
        if self.scalar == NULL:
            raise MemoryError("no memory to compile the trace")

    def __dealloc__(self):
        free(self.scalar)

    cdef int sort(self) except -1:
        """Put the scalar instructions in the order of their units; return how many each unit has."""
        cdef int32_t k, u, n = 0
        cdef list counts = [0] * self.units.n, at = []
        for k in range(self.g.n):
            if self.slots.is_scalar[k]:
                u = self.units.unit[k]
                counts[u] = <int32_t> counts[u] + 1
        for u in range(self.units.n):
            at.append(n)
            n += <int32_t> counts[u]
        for k in range(self.g.n):
            if self.slots.is_scalar[k]:
                u = self.units.unit[k]
                n = at[u]
                self.scalar[n] = k
                at[u] = n + 1
        self.counts = counts
        return 0

    cdef int add(self, int32_t u) except -1:
        """Add the step of unit u; units come in their order."""
        cdef int32_t n = self.counts[u], start = self.done
        self.done += n
        return self.run(u, self.scalar + start, n)

    cdef int run(self, int32_t u, const int32_t *members, int32_t n) except -1:
        cdef Graph g = self.g
        cdef Node *p
        cdef Instr *q
        cdef int32_t i, j, k, start = <int32_t> self.records.code.n, r
        cdef int64_t index, work
        cdef int arity
        cdef dict twins
        if n > LONGEST_RUN:  # so that Ctrl-C is looked for in between
            for i in range(0, n, LONGEST_RUN):
                self.run(u, members + i, min(n - i, <int32_t> LONGEST_RUN))
            return 0
        twins = self.twins(members, n) if self.sincos else {}
        for i in range(n):
            k = members[i]
            p = g.nodes + k
            if (p.op == SC_sin or p.op == SC_cos) and k in twins:
                j = twins[k]
                if j < k:  # done with the other one
                    continue
                q = <Instr *> self.records.code.add()
                q.op, q.a = VM_SINCOS, self.slots.of[p.a]
                q.r, q.c = (self.slots.of[k], self.slots.of[j]) if p.op == SC_sin else (self.slots.of[j], self.slots.of[k])
                continue
            q = <Instr *> self.records.code.add()
            if p.op >= OP_FIRST_SCALAR:
                arity = scalar_arity(p.op)
                q.op, q.r, q.a = p.op, self.slots.of[k], self.slots.of[p.a]
                q.b = self.slots.of[p.b] if arity > 1 else 0
                q.c = self.slots.of[p.c] if arity > 2 else 0
            elif p.op == OP_LOAD:
                r = self.units.root[p.a]
                index = self.views.element(p.a, node_index(p))
                q.op, q.r, q.a = VM_LOAD, self.slots.of[k], self.buffers.of[r]
                q.b, q.c = <int32_t> (index & 0xffffffff), <int32_t> (index >> 32)
                self.buffers.touch(self.buffers.of[r], u)
            elif p.op == OP_STORE:
                q.op, q.r, q.a = VM_STORE, self.buffers.of[k], self.slots.of[p.b]
                q.b, q.c = <int32_t> (p.i & 0xffffffff), <int32_t> (p.i >> 32)
                self.buffers.touch(self.buffers.of[k], u)
            else:
                q.op, q.flags, q.a, q.c = VM_GUARD, VM_TRUTH if p.flags & NODE_BOOL else 0, self.slots.of[p.a], k
                q.b = self.slots.add(p.v)
        q = <Instr *> self.records.code.add()
        q.op = VM_END
        work = self.records.code.n - start - 1
        self.records.step(STEP_SCALARS, start, work)
        self.records.listing.append(("scalars", int(work)))
        return 0

    cdef dict twins(self, const int32_t *members, int32_t n):
        """Pass `sincos`: sine and cosine of one number in one run, which one call gives; each leads to the other."""
        cdef Graph g = self.g
        cdef int32_t i, k
        cdef dict sines = {}, out = {}
        for i in range(n):
            if g.nodes[members[i]].op == SC_sin:
                sines[g.nodes[members[i]].a] = members[i]
        if sines:
            for i in range(n):
                k = members[i]
                if g.nodes[k].op == SC_cos:
                    j = sines.pop(g.nodes[k].a, None)
                    if j is not None:
                        out[j], out[k] = k, j
        return out
