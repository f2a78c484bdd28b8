"""From units to a program: registers, buffers and the tables that the virtual machine reads.

1. Numbers get slots (`_slots`), arrays that have to be in memory get buffers (`_buffers`).
2. Unit by unit the steps are made: runs of scalars (`_runs`), groups (`_groups`), products (`_products`), matrix routines
   (`_routines`) and calls, which find their operands through windows (`_views`) and add to the program's records
   (`_records`).
3. Buffers get their places, when all that use them are known.

Kept: the order of units, and every value.
"""
from libc.stdint cimport int32_t

import numpy as np

from mmad.compiler._graph cimport Graph, Payload
from mmad.compiler.assembly._buffers cimport Buffers
from mmad.compiler.assembly._groups cimport Groups
from mmad.compiler.assembly._products cimport Products
from mmad.compiler.assembly._records cimport Records
from mmad.compiler.assembly._routines cimport Routines
from mmad.compiler.assembly._runs cimport Runs
from mmad.compiler.assembly._slots cimport Slots
from mmad.compiler.assembly._units cimport U_GROUP, U_MATMUL, U_ROUTINE, U_SCALARS, Units
from mmad.compiler.assembly._views cimport Views
from mmad.tape._instructions cimport NODE_ARRAY, OP_GUARD
from mmad.vm._vm cimport HOME_ARENA, HOME_OBJECT, HOME_RESULT, STEP_CALL, Buffer


def assemble(Units units, bint reuse, bint sincos):
    """Return the parts of a program.

    Parameters
    ----------
    units : Units
    reuse : bool
        Let buffers share memory.
    sincos : bool
        Let sine and cosine of one number be one instruction.

    Returns
    -------
    dict
        What :class:`mmad.vm._vm.Machine` is made of.
    """
    return Assembler(units, reuse, sincos).run()


cdef class Assembler:
    cdef Units units
    cdef Graph g
    cdef Slots slots
    cdef Buffers buffers
    cdef Views views
    cdef Records records
    cdef Runs runs
    cdef Groups groups
    cdef Products products
    cdef Routines routines
    cdef list results

    def __cinit__(self, Units units, bint reuse, bint sincos):
        self.units, self.g, self.results = units, units.g, []
        self.slots, self.buffers, self.records = Slots(units, reuse), Buffers(units, reuse), Records()
        self.views = Views(units, self.slots, self.buffers)
        self.runs = Runs(units, self.views, self.records, sincos)
        self.groups = Groups(units, self.views, self.records, reuse)
        self.products = Products(self.views, self.groups, self.records)
        self.routines = Routines(self.views, self.groups, self.records)

    cdef dict run(self):
        cdef Records records = self.records
        cdef int32_t u, k
        self.slots.find_scalars()
        self.slots.give()
        self.buffers.give()
        self.give_results()
        self.runs.sort()
        for u in range(self.units.n):
            kind = self.units.kind[u]
            if kind == U_SCALARS:
                self.runs.add(u)
            elif kind == U_GROUP:
                self.groups.add(u)
            else:
                k = self.units.members[u][0]
                if kind == U_ROUTINE:
                    self.routines.add(u, k)
                elif kind != U_MATMUL or not self.products.add(u, k):
                    self.call(u, k)
        self.buffers.place()
        return {
            "code": records.code.take(),
            "groups": records.groups.take(),
            "accesses": records.accesses.take(),
            "ops": records.ops.take(),
            "steps": records.steps.take(),
            "products": records.products.take(),
            "routines": records.routines.take(),
            "buffers": self.buffers.vector.take(),
            "arena": self.buffers.arena,
            "template": np.frombuffer(self.slots.template.take(), dtype=np.float64),
            "constants": self.buffers.constants,
            "tables": self.views.tables,
            "watched": self.views.watched,
            "calls": records.calls,
            "inputs": [self.input(k) for k in self.g.inputs],
            "results": self.results,
            "listing": records.listing,
        }

    cdef int give_results(self) except -1:
        """Make results where the caller gets them, where possible; the others are copied out."""
        cdef Graph g = self.g
        cdef int32_t k, r, b
        cdef Buffer *q
        cdef int i
        for i in range(len(g.outputs)):
            k = g.outputs[i]
            if k < 0:
                self.results.append(None)
            elif not g.nodes[k].flags & NODE_ARRAY:
                self.results.append(("slot", self.slots.of[k]))
            else:
                r = self.units.root[k]
                b = self.buffers.of[r]
                q = self.buffers.at(b)
                shape, dtype = g.types[g.type[k]]
                self.buffers.life[b].pinned = True
                self.buffers.life[b].final = self.units.n  # it is read at the end
                if r == k and q.home == HOME_ARENA:
                    q.home, q.index = HOME_RESULT, i
                    self.results.append(("own", b, shape, dtype))
                elif r == k and q.home == HOME_OBJECT and ("object", b, shape, dtype) not in self.results:
                    self.results.append(("object", b, shape, dtype))
                else:
                    self.results.append(("copy", *self.views.view(k)))
        return 0

    cdef tuple input(self, int32_t k):
        if k < 0:
            return None
        if not self.g.nodes[k].flags & NODE_ARRAY:
            return "slot", self.slots.of[k]
        shape, dtype = self.g.types[self.g.type[k]]
        return "buffer", self.buffers.of[k], shape, dtype

    cdef int call(self, int32_t u, int32_t k) except -1:
        cdef Graph g = self.g
        cdef Payload w = g.payload(k)
        cdef int32_t j
        cdef list operands = []
        for i in range(g.nodes[k].c):
            j = g.arg(k, i)
            if j < 0:
                operands.append(("value", w.vals[i]))
            elif not g.nodes[j].flags & NODE_ARRAY:
                operands.append(("slot", self.slots.of[j], w.kinds[i] if w.kinds else 1))
            else:
                view = self.views.view(j)
                self.buffers.touch(view[0], u)
                operands.append(("view", *view))
        shape, dtype = g.types[g.type[k]] if g.nodes[k].op != OP_GUARD else ((), None)
        if g.nodes[k].op == OP_GUARD:
            what = ("guard", w.value, k)
        elif g.nodes[k].flags & NODE_ARRAY:
            b = self.buffers.of[k]
            self.buffers.touch(b, u)
            what = ("object" if self.buffers.at(b).home == HOME_OBJECT else "buffer", b, shape, dtype)
        else:
            what = ("slot", self.slots.of[k])
        self.records.calls.append((w.op, tuple(operands), w.params if w.params is not None else {}, what))
        self.records.step(STEP_CALL, <int32_t> len(self.records.calls) - 1, 0)
        self.records.listing.append(("call", w.op.name if w.op is not None else "guard"))
        return 0
