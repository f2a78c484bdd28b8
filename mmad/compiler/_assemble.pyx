"""From units to a program: registers, buffers and the tables that the virtual machine reads.

1. Numbers get slots, arrays that have to be in memory get buffers; a version written in place has its base's.
2. A group's operands are found through their windows (broadcast, collapsed to as few axes as possible); equal ones are
   loaded once, contiguous ones not at all: the kernels read them where they are.
3. Registers are reused after their last use, and the block is as long as the first-level cache allows.
4. Pass `buffers`: buffers whose lives do not overlap share memory; a result may take the place of an operand that dies
   with the operation that makes it.

Kept: the order of units, and every value.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uintptr_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy, memset

import bisect
import heapq

import numpy as np

from mmad._instructions cimport (NODE_ARRAY, NODE_BOOL, OP_CONST, OP_FIRST_SCALAR, OP_GUARD, OP_INPUT, OP_LOAD, OP_REC,
                                 OP_STORE, SC_cos, SC_sin, Node, node_index, scalar_arity)
from mmad._vm cimport (ACCESS_AFFINE, ACCESS_INDEX, ACCESS_LINEAR, ACCESS_SCALAR, BOTH_VECTORS, CLEAR_AHEAD,
                       CLEAR_WHOLE, FIRST_SCALAR, HOME_ARENA, HOME_CONSTANT, HOME_INPUT, HOME_OBJECT, HOME_RESULT, MM_BOOL,
                       MM_F32, MM_F64, MM_RANK, SECOND_SCALAR, STEP_CALL, STEP_GROUP, STEP_MATMUL, STEP_SCALARS,
                       STORE_DIRECT, STORE_SET, TOTAL_ADD, VM_END, VM_GUARD, VM_LOAD, VM_SINCOS, VM_STORE, VM_TRUTH, Access,
                       BlockOp, Buffer, Group, Instr, Product, Step)
from mmad.compiler._graph cimport (ADD, P_CALL, P_COLLECT, P_PUT, SET, Graph, Map, Payload, SC_multiply_add,
                                   SC_subtract_multiply, operands_of, size_of, strides_of, unravel)
from mmad.compiler._units cimport U_GROUP, U_MATMUL, U_SCALARS, Units

cdef enum:
    L1_BYTES = 28672     # of the 32 KiB that first-level caches have at least
    LONGEST_BLOCK = 1024
    SHORTEST_BLOCK = 64
    ALIGNMENT = 64
    LONGEST_RUN = 4194304

cdef object F64 = np.dtype(np.float64)
cdef object F32 = np.dtype(np.float32)
cdef object BOOL = np.dtype(np.bool_)


cdef class Vector:
    """A growing array of C structures."""

    cdef char *data
    cdef Py_ssize_t n, capacity, item

    def __cinit__(self, Py_ssize_t item):
        self.item = item

    def __dealloc__(self):
        free(self.data)

    cdef void *add(self) except NULL:
        """Room for one more, zeroed; valid until the next one is added."""
        cdef Py_ssize_t capacity
        cdef void *grown
        if self.n >= self.capacity:
            capacity = self.capacity + (self.capacity >> 1) + 32
            grown = realloc(self.data, capacity * self.item)
            if grown == NULL:
                raise MemoryError("no memory to compile the trace")
            self.data, self.capacity = <char *> grown, capacity
        self.n += 1
        memset(self.data + (self.n - 1) * self.item, 0, self.item)
        return self.data + (self.n - 1) * self.item

    cdef bytes take(self):
        return self.data[:self.n * self.item] if self.n else b""


def assemble(Units units, bint reuse, bint sincos):
    """The parts of a program.

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
        What :class:`mmad._vm.Program` is made of.
    """
    return Assembler(units, reuse, sincos).run()


cdef class Assembler:
    cdef Units units
    cdef Graph g
    cdef bint reuse, sincos
    cdef int32_t *slot
    cdef int32_t *buffer
    cdef uint8_t *is_scalar  # by node: it is an instruction in a run of scalars
    cdef int32_t *reg       # by node: the virtual register in the group at hand
    cdef Vector code, groups, accesses, ops, steps, products, buffers
    cdef list template, constants, tables, watched, calls, results, group_members
    cdef list first, final, pinned, alias, listing, last_read
    cdef dict table_index, cleared
    cdef int64_t arena

    def __cinit__(self, Units units, bint reuse, bint sincos):
        cdef size_t n = units.g.n + 1
        self.units, self.g, self.reuse, self.sincos = units, units.g, reuse, sincos
        self.slot = <int32_t *> malloc(n * sizeof(int32_t))
        self.buffer = <int32_t *> malloc(n * sizeof(int32_t))
        self.reg = <int32_t *> malloc(n * sizeof(int32_t))
        self.is_scalar = <uint8_t *> malloc(n)
        if self.slot == NULL or self.buffer == NULL or self.reg == NULL or self.is_scalar == NULL:
            raise MemoryError("no memory to compile the trace")
        self.code, self.groups = Vector(sizeof(Instr)), Vector(sizeof(Group))
        self.accesses, self.ops = Vector(sizeof(Access)), Vector(sizeof(BlockOp))
        self.steps, self.products, self.buffers = Vector(sizeof(Step)), Vector(sizeof(Product)), Vector(sizeof(Buffer))
        self.template, self.constants, self.tables, self.watched, self.calls = [], [], [], [], []
        self.results, self.first, self.final, self.pinned, self.alias, self.listing = [], [], [], [], [], []
        self.table_index, self.cleared, self.last_read = {}, {}, []

    def __dealloc__(self):
        free(self.slot)
        free(self.buffer)
        free(self.reg)
        free(self.is_scalar)

    cdef dict run(self):
        cdef Graph g = self.g
        cdef int32_t u, k
        cdef list scalars = [[] for _ in range(self.units.n)]
        self.find_scalars()
        self.give_slots()
        self.give_buffers()
        self.give_results()
        for k in range(g.n):
            if self.is_scalar[k]:
                (<list> scalars[self.units.unit[k]]).append(k)
        for u in range(self.units.n):
            kind = self.units.kind[u]
            if kind == U_SCALARS:
                self.scalars(u, scalars[u])
            elif kind == U_GROUP:
                self.group(u)
            elif kind == U_MATMUL:
                self.matmul(u, self.units.members[u][0])
            else:
                self.call(u, self.units.members[u][0])
        self.place_buffers()
        return {
            "code": self.code.take(),
            "groups": self.groups.take(),
            "accesses": self.accesses.take(),
            "ops": self.ops.take(),
            "steps": self.steps.take(),
            "products": self.products.take(),
            "buffers": self.buffers.take(),
            "arena": self.arena,
            "template": np.array(self.template, dtype=np.float64),
            "constants": self.constants,
            "tables": self.tables,
            "watched": self.watched,
            "calls": self.calls,
            "inputs": [self.input(k) for k in g.inputs],
            "results": self.results,
            "listing": self.listing,
        }

    # ------------------------------------------------------------------------------------ numbers and arrays
    cdef int find_scalars(self) except -1:
        """Which instructions are in a run of scalars."""
        cdef int32_t k, u, latest = -1
        cdef bint run = False
        cdef int op
        for k in range(self.g.n):
            u, op = self.units.unit[k], self.g.nodes[k].op
            if u != latest:
                latest, run = u, u >= 0 and (<int> self.units.kind[u]) == U_SCALARS
            self.is_scalar[k] = run and (op >= OP_FIRST_SCALAR or op == OP_LOAD or op == OP_STORE or op == OP_GUARD)
        return 0

    cdef int give_slots(self) except -1:
        """A slot for every number; one that only its own run of scalars reads takes a slot that is free again, and so stays
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
                self.slot[k] = -1
                operand = operands_of(g, k, &n)
                for i in range(n):
                    if operand[i] >= 0 and last[operand[i]] == k:
                        free_slots[unused] = self.slot[operand[i]]
                        unused += 1
                        last[operand[i]] = -1
                if p.flags & NODE_ARRAY or p.op == OP_GUARD:
                    continue
                if last[k] >= 0 and unused:
                    unused -= 1
                    slot = free_slots[unused]
                else:
                    slot = <int32_t> len(self.template)
                    self.template.append(p.v if p.op == OP_CONST else 0.0)
                self.slot[k] = slot
                if last[k] == k:
                    free_slots[unused] = slot
                    unused += 1
        finally:
            free(last)
            free(free_slots)
        if not self.template:
            self.template.append(0.0)
        return 0

    cdef int32_t *last_uses(self) except NULL:
        """By number: the last instruction that reads it, if all that do are in its own run of scalars, else -1.

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

    cdef int32_t new_buffer(self, int32_t k, int home, int index) except -1:
        shape, dtype = self.g.types[self.g.type[k]]
        cdef Buffer *b = <Buffer *> self.buffers.add()
        b.bytes, b.home, b.index, b.offset = size_of(shape) * <int64_t> dtype.itemsize, home, index, 0
        self.first.append(self.units.n)
        self.final.append(-1)
        self.pinned.append(home != HOME_ARENA)
        self.alias.append(-1)
        self.last_read.append(self.units.busy[k])
        return <int32_t> self.buffers.n - 1

    cdef int give_buffers(self) except -1:
        cdef Graph g = self.g
        cdef Node *p
        cdef int32_t k, base
        cdef int place = 0
        inputs = {k: i for i, k in enumerate(g.inputs) if k >= 0}
        for k in range(g.n):
            p = g.nodes + k
            self.buffer[k] = -1
            if not p.flags & NODE_ARRAY or self.units.root[k] != k or p.op == OP_GUARD:
                continue
            if p.op == OP_INPUT:
                self.buffer[k] = self.new_buffer(k, HOME_INPUT, inputs[k])
            elif p.op == OP_CONST:
                self.constants.append(g.payload(k).value)
                self.buffer[k] = self.new_buffer(k, HOME_CONSTANT, <int> len(self.constants) - 1)
            elif self.units.over[k]:
                base = p.a if p.op == OP_STORE else g.arg(k, 0)
                self.buffer[k] = self.buffer[base]
                self.pinned[self.buffer[k]] = True  # versions share it: nothing else may
            elif p.op == OP_REC and g.payload(k).kind == P_CALL:
                self.buffer[k] = self.new_buffer(k, HOME_OBJECT, place)
                place += 1
            elif self.units.need[k] or p.op == OP_REC:
                self.buffer[k] = self.new_buffer(k, HOME_ARENA, 0)
        return 0

    cdef Buffer *buffer_at(self, int32_t b) noexcept:
        return <Buffer *> (self.buffers.data + b * sizeof(Buffer))

    cdef int give_results(self) except -1:
        """Results that are made where the caller gets them; the rest is copied out."""
        cdef Graph g = self.g
        cdef int32_t k, r, b
        cdef Buffer *q
        cdef int i
        for i in range(len(g.outputs)):
            k = g.outputs[i]
            if k < 0:
                self.results.append(None)
            elif not g.nodes[k].flags & NODE_ARRAY:
                self.results.append(("slot", self.slot[k]))
            else:
                r = self.units.root[k]
                b = self.buffer[r]
                q = self.buffer_at(b)
                shape, dtype = g.types[g.type[k]]
                self.pinned[b] = True
                self.final[b] = self.units.n  # it is read at the end
                if r == k and q.home == HOME_ARENA:
                    q.home, q.index = HOME_RESULT, i
                    self.results.append(("own", b, shape, dtype))
                elif r == k and q.home == HOME_OBJECT and ("object", b, shape, dtype) not in self.results:
                    self.results.append(("object", b, shape, dtype))
                else:
                    self.results.append(("copy", *self.view(k)))
        return 0

    cdef tuple input(self, int32_t k):
        if k < 0:
            return None
        if not self.g.nodes[k].flags & NODE_ARRAY:
            return "slot", self.slot[k]
        shape, dtype = self.g.types[self.g.type[k]]
        return "buffer", self.buffer[k], shape, dtype

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

    cdef tuple view(self, int32_t k):
        """Array k as (buffer, offset, shape, strides, dtype), or with a table (buffer, table, shape, dtype)."""
        cdef Map m
        cdef int32_t r = self.units.root[k]
        shape, dtype = self.g.types[self.g.type[k]]
        if r == k:
            return self.buffer[k], 0, shape, strides_of(shape), dtype
        m = self.g.payload(k).maps[0]
        if m.table is not None:
            return self.buffer[r], self.table(m), shape, None, dtype
        return self.buffer[r], m.offset, m.shape, m.strides, dtype

    cdef int32_t table(self, Map m, tuple shape=None) except -1:
        """The number of a table of positions, repeated along axes that are broadcast."""
        key = (id(m.table), shape)
        found = self.table_index.get(key)
        if found is None:
            found = self.table_index[key] = len(self.tables)
            table = m.table
            if shape is not None:
                table = np.ascontiguousarray(np.broadcast_to(table.reshape(m.shape), shape)).reshape(-1)
            self.tables.append(table)
            self.watched.extend(m.source)
        return found

    # ------------------------------------------------------------------------------------ scalars
    cdef int scalars(self, int32_t u, list members) except -1:
        cdef Graph g = self.g
        cdef Node *p
        cdef Instr *q
        cdef Step *step
        cdef int32_t k, start = <int32_t> self.code.n, r
        cdef int64_t index
        cdef int arity
        cdef dict twins = self.twins(members) if self.sincos else {}
        if len(members) > LONGEST_RUN:  # so that Ctrl-C is looked for in between
            for k in range(0, len(members), LONGEST_RUN):
                self.scalars(u, members[k:k + LONGEST_RUN])
            return 0
        for k in members:
            p = g.nodes + k
            j = twins.get(k)
            if j is not None:
                if j < k:  # done with the other one
                    continue
                q = <Instr *> self.code.add()
                q.op, q.a = VM_SINCOS, self.slot[p.a]
                q.r, q.c = (self.slot[k], self.slot[<int32_t> j]) if p.op == SC_sin else (self.slot[<int32_t> j], self.slot[k])
                continue
            q = <Instr *> self.code.add()
            if p.op >= OP_FIRST_SCALAR:
                arity = scalar_arity(p.op)
                q.op, q.r, q.a = p.op, self.slot[k], self.slot[p.a]
                q.b = self.slot[p.b] if arity > 1 else 0
                q.c = self.slot[p.c] if arity > 2 else 0
            elif p.op == OP_LOAD:
                r = self.units.root[p.a]
                index = self.element(p.a, node_index(p))
                q.op, q.r, q.a = VM_LOAD, self.slot[k], self.buffer[r]
                q.b, q.c = <int32_t> (index & 0xffffffff), <int32_t> (index >> 32)
                self.touch(self.buffer[r], u)
            elif p.op == OP_STORE:
                q.op, q.r, q.a = VM_STORE, self.buffer[k], self.slot[p.b]
                q.b, q.c = <int32_t> (p.i & 0xffffffff), <int32_t> (p.i >> 32)
                self.touch(self.buffer[k], u)
            else:
                q.op, q.flags, q.a, q.b, q.c = VM_GUARD, VM_TRUTH if p.flags & NODE_BOOL else 0, self.slot[p.a], \
                    <int32_t> len(self.template), k
                self.template.append(p.v)
        q = <Instr *> self.code.add()
        q.op = VM_END
        step = <Step *> self.steps.add()
        step.kind, step.index, step.work = STEP_SCALARS, start, <int64_t> self.code.n - start - 1
        self.listing.append(("scalars", int(step.work)))
        return 0

    cdef dict twins(self, list members):
        """Pass `sincos`: sine and cosine of one number in one run, which one call gives; each leads to the other."""
        cdef Graph g = self.g
        cdef int32_t k
        cdef dict sines = {}, out = {}
        for k in members:
            if g.nodes[k].op == SC_sin:
                sines[g.nodes[k].a] = k
        if sines:
            for k in members:
                if g.nodes[k].op == SC_cos:
                    j = sines.pop(g.nodes[k].a, None)
                    if j is not None:
                        out[j], out[k] = k, j
        return out

    cdef int64_t element(self, int32_t j, int64_t index) except -1:
        """Where element `index` of array j is in its root."""
        cdef Map m
        cdef int64_t at
        if self.units.root[j] == j:
            return index
        m = self.g.payload(j).maps[0]
        if m.table is not None:
            return m.table[index]
        at = m.offset
        for i, s in zip(unravel(index, m.shape), m.strides):
            at += <int64_t> i * <int64_t> s
        return at

    # ------------------------------------------------------------------------------------ groups
    cdef int access(self, int32_t j, tuple shape, Access *x) except -1:
        """How operand j is read over the elements of a shape."""
        cdef Map m
        cdef int32_t r = self.units.root[j]
        cdef tuple own, strides
        cdef int lead
        memset(x, 0, sizeof(Access))
        if not self.g.nodes[j].flags & NODE_ARRAY:
            x.mode, x.buffer = ACCESS_SCALAR, self.slot[j]
            return 0
        x.buffer, x.type = self.buffer[r], type_code((<tuple> self.g.types[self.g.type[j]])[1])
        own = self.g.shape(j)
        strides = strides_of(own)
        if r != j:
            m = self.g.payload(j).maps[0]
            if m.table is not None:
                x.mode = ACCESS_INDEX
                x.table = <const int64_t *> <uintptr_t> (
                    1 + self.table(m, None if self.units.form_of(own) == self.units.form_of(shape) else shape))
                return 0
            x.offset, strides = m.offset, m.strides
        lead = len(shape) - len(own)
        strides = tuple([0 if d == 1 else s for d, s in zip(own, strides)])
        locate(x, shape, (0,) * lead + strides if lead >= 0 else strides[-lead:])
        return 0

    cdef int target(self, int32_t k, int32_t i, Access *x) except -1:
        """How part i of a collection, or of a put, is stored (-1: a copy of the base of a put)."""
        cdef Payload w
        cdef Map m
        cdef int64_t total = size_of(self.g.shape(k))
        memset(x, 0, sizeof(Access))
        x.extent = total
        if i < 0:
            x.buffer, x.type, x.action = self.buffer[k], type_code((<tuple> self.g.types[self.g.type[k]])[1]), STORE_SET
            locate(x, (total,), (1,))
            return 0
        w = self.g.payload(k)
        m = w.maps[i]
        if not self.g.nodes[k].flags & NODE_ARRAY:
            x.action, x.buffer = TOTAL_ADD + w.action - ADD, self.slot[k]
            return 0
        x.buffer, x.type, x.action = self.buffer[k], type_code((<tuple> self.g.types[self.g.type[k]])[1]), w.action
        if m.table is not None:
            x.mode = ACCESS_INDEX
            x.table = <const int64_t *> <uintptr_t> (1 + self.table(m))
        else:
            x.offset = m.offset
            locate(x, m.shape, m.strides)
        return 0

    cdef int group(self, int32_t u) except -1:
        cdef GroupBuilder b = GroupBuilder(self, u)
        return b.run()

    # ------------------------------------------------------------------------------------ products and calls
    cdef int matmul(self, int32_t u, int32_t k) except -1:
        cdef Graph g = self.g
        cdef Product p
        cdef Product *q
        cdef Step *step
        cdef int32_t x = g.arg(k, 0), y = g.arg(k, 1)
        memset(&p, 0, sizeof(Product))
        cdef tuple a = self.view(x), b = self.view(y)
        if not self.product(a, b, g.shape(k), &p):
            return self.call(u, k)
        p.c = self.buffer[k]
        self.touch(p.a, u)
        self.touch(p.b, u)
        self.touch(p.c, u)
        q = <Product *> self.products.add()
        q[0] = p
        step = <Step *> self.steps.add()
        step.kind, step.index, step.work = STEP_MATMUL, <int32_t> self.products.n - 1, p.count * p.m * p.n * p.k
        self.listing.append(("matmul", f"{p.count} x ({p.m}, {p.k}) @ ({p.k}, {p.n})"))
        return 0

    cdef bint product(self, tuple a, tuple b, tuple shape, Product *p) except -1:
        """Fill in a matrix product; False where it is none of one batch axis and unit strides."""
        cdef tuple sa = a[2], sb = b[2], ta = a[3], tb = b[3]
        if ta is None or tb is None:
            return False
        if len(sa) == 1:
            sa, ta = (1, *sa), (0, *ta)
        if len(sb) == 1:
            sb, tb = (*sb, 1), (*tb, 0)
        p.m, p.k, p.n = sa[len(sa) - 2], sa[len(sa) - 1], sb[len(sb) - 1]
        p.a, p.a_offset, p.a_row, p.a_column = a[0], a[1], ta[len(ta) - 2], ta[len(ta) - 1]
        p.b, p.b_offset, p.b_row, p.b_column = b[0], b[1], tb[len(tb) - 2], tb[len(tb) - 1]
        p.count = 1
        if len(sa) > 3 or len(sb) > 3:
            return False
        if len(sa) == 3:
            p.count, p.a_step = sa[0], ta[0]
        if len(sb) == 3:
            if len(sa) == 3 and sa[0] != sb[0]:
                if sa[0] == 1:
                    p.a_step = 0
                elif sb[0] != 1:
                    return False
            p.count = max(p.count, <int64_t> sb[0])
            p.b_step = tb[0] if sb[0] != 1 else 0
        if len(sa) == 3 and sa[0] == 1:
            p.a_step = 0
        if p.count > 1:
            together(p)
        return (one(p.m, p.k, p.a_row, p.a_column) and one(p.k, p.n, p.b_row, p.b_column))

    cdef int call(self, int32_t u, int32_t k) except -1:
        cdef Graph g = self.g
        cdef Payload w = g.payload(k)
        cdef Step *step
        cdef int32_t j
        cdef list operands = []
        for i in range(g.nodes[k].c):
            j = g.arg(k, i)
            if j < 0:
                operands.append(("value", w.vals[i]))
            elif not g.nodes[j].flags & NODE_ARRAY:
                operands.append(("slot", self.slot[j], w.kinds[i] if w.kinds else 1))
            else:
                view = self.view(j)
                self.touch(view[0], u)
                operands.append(("view", *view))
        shape, dtype = g.types[g.type[k]] if g.nodes[k].op != OP_GUARD else ((), None)
        if g.nodes[k].op == OP_GUARD:
            what = ("guard", w.value, k)
        elif g.nodes[k].flags & NODE_ARRAY:
            b = self.buffer[k]
            self.touch(b, u)
            what = ("object" if self.buffer_at(b).home == HOME_OBJECT else "buffer", b, shape, dtype)
        else:
            what = ("slot", self.slot[k])
        self.calls.append((w.op, tuple(operands), w.params if w.params is not None else {}, what))
        step = <Step *> self.steps.add()
        step.kind, step.index, step.work = STEP_CALL, <int32_t> len(self.calls) - 1, 0
        self.listing.append(("call", w.op.name if w.op is not None else "guard"))
        return 0

    # ------------------------------------------------------------------------------------ memory
    cdef int place_buffers(self) except -1:
        """Give every buffer of the arena a place: the smallest free one that it fits, else a new one at the end."""
        cdef int32_t b, n = <int32_t> self.buffers.n
        cdef int64_t at, need
        cdef Buffer *q
        cdef list live = [], sizes = []  # heap of (final unit, place, size); sizes of free places, sorted
        cdef dict free_places = {}       # size -> places
        for b in range(n):
            if self.alias[b] >= 0:
                self.final[self.alias[b]] = max(self.final[self.alias[b]], self.final[b])
        order = sorted([b for b in range(n) if self.buffer_at(b).home == HOME_ARENA and self.alias[b] < 0],
                       key=self.first.__getitem__)
        for b in order:
            q = self.buffer_at(b)
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
                self.buffer_at(b).offset = self.buffer_at(self.alias[b]).offset
        return 0


cdef int set_free(dict places, list sizes, int64_t size, int64_t at) except -1:
    """A place that nothing needs any more."""
    found = places.get(size)
    if found is None:
        found = places[size] = []
        bisect.insort(sizes, size)
    (<list> found).append(at)
    return 0


cdef int together(Product *p) noexcept:
    """Many products with one common matrix as one product."""
    cdef Product q = p[0]
    if p.b_step == 0 and (p.m == 1 or p.a_step == p.m * p.a_row):  # the rows of all are multiplied by one matrix
        q.m = p.count * p.m
        if p.m == 1:
            q.a_row = p.a_step
    elif p.a_step == 0 and p.n == 1:  # one matrix by many vectors: the vectors as rows, by its transpose
        q.m, q.n = p.count, p.m
        q.a, q.a_offset, q.a_row, q.a_column = p.b, p.b_offset, p.b_step, p.b_row
        q.b, q.b_offset, q.b_row, q.b_column = p.a, p.a_offset, p.a_column, p.a_row
    else:
        return 0
    q.count, q.a_step, q.b_step = 1, 0, 0
    if one(q.m, q.k, q.a_row, q.a_column) and one(q.k, q.n, q.b_row, q.b_column):
        p[0] = q
    return 0


cdef inline bint one(int64_t rows, int64_t columns, int64_t row, int64_t column) noexcept:
    """Whether a matrix can be handed to the BLAS: one stride is one, the other at least a row long, and none is zero."""
    if rows <= 1 or columns <= 1:
        return row >= 0 and column >= 0 and (rows <= 1 or row >= 1) and (columns <= 1 or column >= 1)
    return (column == 1 and row >= columns) or (row == 1 and column >= rows)


cdef int type_code(object dtype) except -1:
    if dtype == F64:
        return MM_F64
    if dtype == F32:
        return MM_F32
    if dtype == BOOL:
        return MM_BOOL
    raise TypeError(f"no block kernel for dtype {dtype}")


cdef int locate(Access *x, tuple shape, tuple strides) except -1:
    """Shape and strides with as few axes as possible, and the mode that they make."""
    cdef int64_t dims[64]
    cdef int64_t steps[64]
    cdef int rank = 0, k
    for k in range(len(shape)):
        if shape[k] == 1:
            continue
        dims[rank], steps[rank] = shape[k], strides[k]
        if rank and steps[rank - 1] == steps[rank] * dims[rank]:
            dims[rank - 1] *= dims[rank]
            steps[rank - 1] = steps[rank]
        else:
            rank += 1
    if rank == 0:
        rank, dims[0], steps[0] = 1, 1, 1
    if rank > MM_RANK:
        raise ValueError(f"an array of shape {shape} has too many axes for the virtual machine")
    x.rank = rank
    for k in range(rank):
        x.shape[k], x.strides[k] = dims[k], steps[k]
    x.mode = ACCESS_LINEAR if rank == 1 and steps[0] == 1 else ACCESS_AFFINE
    return 0


# Where a virtual register of a group lives.
cdef enum:
    V_SCRATCH = 0  # a block of scratch
    V_LOADED = 1   # a block of scratch that is filled before the operations
    V_SPREAD = 2   # a block of scratch that holds one number throughout
    V_MEMORY = 3   # the operand's or result's own memory


cdef class GroupBuilder:
    """One group: registers, loads, operations and stores."""

    cdef Assembler top
    cdef int32_t u
    cdef list where, end, born, loads, ops, stores, load_reg
    cdef dict known
    cdef int precision

    def __cinit__(self, Assembler top, int32_t u):
        self.top, self.u = top, u
        self.where, self.end, self.born = [], [], []
        self.loads, self.ops, self.stores, self.load_reg, self.known = [], [], [], [], {}
        self.precision = MM_F32 if top.units.single[u] else MM_F64

    cdef int32_t virtual(self, int where) except -1:
        self.where.append(where)
        self.end.append(-1)
        self.born.append(len(self.ops))
        return <int32_t> len(self.where) - 1

    cdef int32_t operand(self, int32_t j, tuple shape) except -1:
        """The register that holds operand j over the elements of a shape."""
        cdef Access x
        cdef int32_t r
        if self.top.units.in_group(j, self.u, self.top.units.form_of(shape)):
            return self.top.reg[j]
        self.top.access(j, shape, &x)
        key = (<char *> &x)[:sizeof(Access)]
        found = self.known.get(key)
        if found is not None:
            return found
        if x.mode == ACCESS_SCALAR:
            r = self.virtual(V_SPREAD)
        else:
            self.top.touch(x.buffer, self.u)
            r = self.virtual(V_MEMORY if x.mode == ACCESS_LINEAR and x.type == self.precision else V_LOADED)
        self.known[key] = r
        self.loads.append(key)
        self.load_reg.append(r)
        return r

    cdef int run(self) except -1:
        cdef Assembler top = self.top
        cdef Graph g = top.g
        cdef Node *p
        cdef int32_t k, r, a, b, c
        cdef int arity, variant
        cdef Access x
        cdef int64_t size = 1
        for d in top.units.shape[self.u]:
            size *= <int64_t> d
        for k in top.units.members[self.u]:
            p = g.nodes + k
            shape = g.shape(k)
            arity = scalar_arity(p.op)
            a = self.operand(p.a, shape)
            b = self.operand(p.b, shape) if arity > 1 else a
            c = self.operand(p.c, shape) if arity > 2 else a
            variant = BOTH_VECTORS
            if arity == 2 and a != b:
                if self.where[a] == V_SPREAD and self.where[b] != V_SPREAD:
                    variant = FIRST_SCALAR
                elif self.where[b] == V_SPREAD and self.where[a] != V_SPREAD:
                    variant = SECOND_SCALAR
            elif SC_multiply_add <= p.op <= SC_subtract_multiply and self.where[a] != V_SPREAD \
                    and self.where[b] == V_SPREAD:
                a, b = b, a
            if p.op >= SC_multiply_add and self.where[a] == V_SPREAD and a != b and a != c:
                variant = FIRST_SCALAR
            for r in (a, b, c):
                self.end[r] = len(self.ops)
            direct = False
            if top.units.need[k]:
                top.access(k, shape, &x)
                x.extent = size
                direct = x.type == self.precision
                x.action = STORE_DIRECT if direct else STORE_SET
                top.touch(x.buffer, self.u)
            r = self.virtual(V_MEMORY if direct else V_SCRATCH)
            top.reg[k] = r
            self.ops.append((p.op, r, a, b, c, variant))
            if top.units.need[k]:
                self.stores.append(((<char *> &x)[:sizeof(Access)], r))
        self.parts()
        self.emit(size)
        return 0

    cdef int parts(self) except -1:
        """The stores of collections and puts."""
        cdef Assembler top = self.top
        cdef Graph g = top.g
        cdef Access x
        cdef int32_t k, i, r
        cdef Payload w
        cdef tuple shape
        clear = {}
        for k, i in top.units.stores[self.u]:
            if i < 0:
                w = None
                base = g.nodes[k].a if g.nodes[k].op == OP_STORE else g.arg(k, 0)
                r = self.operand(base, g.shape(k))
            else:
                w = g.payload(k)
                shape = (<Map> w.maps[i]).shape
                r = self.operand(g.arg(k, 1 if w.kind == P_PUT else i), shape)
            top.target(k, i, &x)
            if g.nodes[k].flags & NODE_ARRAY:
                top.touch(x.buffer, self.u)
                if w is not None and w.kind == P_COLLECT and w.action != SET:
                    if k not in top.cleared:
                        top.cleared[k] = self.u
                        clear[k] = len(self.stores)
                        x.clear = CLEAR_WHOLE
            self.stores.append(((<char *> &x)[:sizeof(Access)], r, k))
        for k, first in clear.items():
            self.clear_ahead(k, first)
        return 0

    cdef int clear_ahead(self, int32_t k, int first) except -1:
        """Where every store to an accumulator here is contiguous and adds, clear it a block at a time."""
        cdef Access x
        cdef Access *q
        cdef int64_t lead = 0
        for s in self.stores:
            if len(s) == 3 and s[2] == k:
                q = <Access *> <char *> (<bytes> s[0])
                if q.mode != ACCESS_LINEAR or q.action != ADD:
                    return 0
                lead = max(lead, q.offset)
        memcpy(&x, <char *> (<bytes> self.stores[first][0]), sizeof(Access))
        x.clear, x.lead = CLEAR_AHEAD, lead
        self.stores[first] = ((<char *> &x)[:sizeof(Access)], *self.stores[first][1:])
        return 0

    cdef int emit(self, int64_t size) except -1:
        cdef Assembler top = self.top
        cdef Group *head
        cdef Access *x
        cdef BlockOp *o
        cdef Step *step
        cdef int n = len(self.where), scratch = 0, r, i, count
        cdef list number = [-1] * n, free_list = []
        cdef int64_t block
        self.stores.sort(key=len, reverse=True)  # parts of collections first: the machine keeps totals for the first few
        for s in self.stores:
            self.end[s[1]] = len(self.ops)
        for r in range(n):
            if self.where[r] == V_SPREAD:
                self.end[r] = len(self.ops) + 1
        # What is loaded is there before the first operation.
        for r in range(n):
            if self.where[r] == V_SPREAD or self.where[r] == V_LOADED:
                number[r] = scratch
                scratch += 1
        ending = [[] for _ in range(len(self.ops) + 2)]
        for r in range(n):
            if self.where[r] != V_MEMORY and self.end[r] >= 0:
                (<list> ending[self.end[r]]).append(r)
        for i in range(len(self.ops)):
            for r in ending[i]:
                if number[r] >= 0:
                    free_list.append(number[r])
            r = self.ops[i][1]
            if self.where[r] == V_SCRATCH:
                if free_list:
                    number[r] = free_list.pop()
                else:
                    number[r] = scratch
                    scratch += 1
                if self.end[r] < 0:
                    free_list.append(number[r])
        count = scratch
        for r in range(n):
            if self.where[r] == V_MEMORY:
                number[r] = count
                count += 1
        head = <Group *> top.groups.add()
        block = L1_BYTES // (max(count + len(self.stores), 3) * (8 if self.precision == MM_F64 else 4))
        block = max(SHORTEST_BLOCK, min(LONGEST_BLOCK, block // SHORTEST_BLOCK * SHORTEST_BLOCK))
        head.size, head.block, head.registers, head.scratch = size, <int32_t> min(block, max(size, 1)), count, scratch
        head.loads, head.ops, head.stores, head.type = <int32_t> len(self.loads), <int32_t> len(self.ops), \
            <int32_t> len(self.stores), self.precision
        head.divisible = self.divisible(block)
        for key, r in zip(self.loads, self.load_reg):
            x = <Access *> top.accesses.add()
            memcpy(x, <char *> (<bytes> key), sizeof(Access))
            x.reg = number[r]
        for s in self.stores:
            x = <Access *> top.accesses.add()
            memcpy(x, <char *> (<bytes> s[0]), sizeof(Access))
            x.reg = number[s[1]]
        for op in self.ops:
            o = <BlockOp *> top.ops.add()
            o.op, o.r, o.a, o.b, o.c, o.variant = op[0], number[op[1]], number[op[2]], number[op[3]], number[op[4]], op[5]
        step = <Step *> top.steps.add()
        step.kind, step.index = STEP_GROUP, <int32_t> top.groups.n - 1
        step.work = size * (len(self.ops) + len(self.loads) + len(self.stores))
        top.listing.append(("group", len(self.ops), top.units.shape[self.u], len(self.loads), len(self.stores), scratch,
                            int(head.block)))
        if top.reuse:
            self.take_over()
        return 0

    cdef int divisible(self, int64_t block) except -1:
        """1: blocks write to different places; 2: but for the neighbours of a cut; 0: not."""
        cdef Access *x
        cdef int how = 1
        for s in self.stores:
            x = <Access *> <char *> (<bytes> s[0])
            if STORE_SET <= x.action <= 3 and x.action != STORE_SET:
                if x.mode != ACCESS_LINEAR or not 0 <= x.offset <= block:
                    return 0
                how = 2
        return how

    cdef int take_over(self) except -1:
        """Let a result take the place of an operand that dies with the operation that makes it."""
        cdef Assembler top = self.top
        cdef Access *x
        cdef Access *y
        cdef int32_t b, d
        cdef int i
        readers = {}  # buffer -> (its only register, or None)
        for key, r in zip(self.loads, self.load_reg):
            x = <Access *> <char *> (<bytes> key)
            if x.mode != ACCESS_SCALAR:
                simple = x.mode == ACCESS_LINEAR and x.offset == 0 and x.type == self.precision
                readers[x.buffer] = r if simple and x.buffer not in readers else None
        for s in self.stores:
            if len(s) == 3:
                y = <Access *> <char *> (<bytes> s[0])
                readers.pop(y.buffer, None)
        for i in range(len(self.ops)):
            r = self.ops[i][1]
            if self.where[r] != V_MEMORY:
                continue
            b = -1
            for s in self.stores:
                x = <Access *> <char *> (<bytes> s[0])
                if s[1] == r and x.action == STORE_DIRECT:
                    b = x.buffer
            if b < 0 or top.pinned[b] or top.alias[b] >= 0:
                continue
            for d, reader in readers.items():
                if reader is None or top.pinned[d] or self.end[reader] > i or top.buffer_at(d).home != HOME_ARENA \
                        or top.buffer_at(d).bytes != top.buffer_at(b).bytes or not top.dies(d, self.u):
                    continue
                top.alias[b] = top.alias[d] if top.alias[d] >= 0 else d
                readers[d] = None
                break
        return 0
