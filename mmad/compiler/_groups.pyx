"""Groups: loops over the elements of one shape, block by block.

1. Equal operands are loaded once, contiguous ones not at all: the kernels read them where they are.
2. What is collected or put is stored by the group that computes it; the first store to a sum clears it.
3. Registers are reused after their last use, and the block is as long as the first-level cache allows.
4. With the pass `buffers` a result may take the place of an operand that dies with the operation that makes it.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from mmad._instructions cimport NODE_ARRAY, OP_STORE, Node, scalar_arity
from mmad._vm cimport (ACCESS_LINEAR, ACCESS_SCALAR, CLEAR_DIRECT, CLEAR_FIRST, CLEAR_NOT, CLEAR_WHOLE, HOME_ARENA, MM_F32,
                       MM_F64, STEP_GROUP, STORE_DIRECT, STORE_SET, Access, BlockOp, Group)
from mmad.compiler._graph cimport ADD, P_COLLECT, P_PUT, SET, Graph, Map, Payload, size_of, strides_of
from mmad.compiler._records cimport Records
from mmad.compiler._units cimport Units
from mmad.compiler._views cimport Views, locate

cdef enum:
    L1_BYTES = 28672     # of the 32 KiB that first-level caches have at least
    LONGEST_BLOCK = 1024
    SHORTEST_BLOCK = 64

# Where a virtual register of a group lives.
cdef enum:
    V_SCRATCH = 0  # a block of scratch
    V_LOADED = 1   # a block of scratch that is filled before the operations
    V_SPREAD = 2   # a block of scratch that holds one number throughout
    V_MEMORY = 3   # the operand's or result's own memory


cdef class Groups:
    """The groups of a program."""

    def __cinit__(self, Units units, Views views, Records records, bint reuse):
        self.units, self.g, self.reuse = units, units.g, reuse
        self.views, self.buffers, self.records = views, views.buffers, records
        self.reg = <int32_t *> malloc((units.g.n + 1) * sizeof(int32_t))
        if self.reg == NULL:
            raise MemoryError("no memory to compile the trace")
        self.cleared = {}

    def __dealloc__(self):
        free(self.reg)

    cdef int add(self, int32_t u) except -1:
        """The step of unit u."""
        cdef GroupBuilder b = GroupBuilder(self, u)
        return b.run()

    cdef int copy(self, Access *load, int32_t b, tuple shape) except -1:
        """A step that copies an operand into buffer b."""
        cdef Group *head = <Group *> self.records.groups.add()
        cdef Access *x
        head.size, head.block, head.type = size_of(shape), LONGEST_BLOCK, MM_F64
        head.loads = head.stores = head.registers = head.scratch = head.divisible = 1
        x = <Access *> self.records.accesses.add()
        x[0] = load[0]
        x = <Access *> self.records.accesses.add()
        x.buffer, x.extent = b, head.size
        locate(x, shape, strides_of(shape))
        self.records.step(STEP_GROUP, <int32_t> self.records.groups.n - 1, 2 * head.size)
        self.records.listing.append(("group", 0, shape, 1, 1, 1, LONGEST_BLOCK))
        return 0


cdef class GroupBuilder:
    """One group: registers, loads, operations and stores."""

    cdef Groups top
    cdef int32_t u
    cdef list where, end, born, loads, ops, stores, load_reg
    cdef dict known
    cdef set whole  # registers with one number that are looked at element by element
    cdef int precision

    def __cinit__(self, Groups top, int32_t u):
        self.top, self.u = top, u
        self.where, self.end, self.born = [], [], []
        self.loads, self.ops, self.stores, self.load_reg, self.known, self.whole = [], [], [], [], {}, set()
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
        self.top.views.access(j, shape, &x)
        key = (<char *> &x)[:sizeof(Access)]
        found = self.known.get(key)
        if found is not None:
            return found
        if x.mode == ACCESS_SCALAR:
            r = self.virtual(V_SPREAD)
        else:
            self.top.buffers.touch(x.buffer, self.u)
            r = self.virtual(V_MEMORY if x.mode == ACCESS_LINEAR and x.type == self.precision else V_LOADED)
        self.known[key] = r
        self.loads.append(key)
        self.load_reg.append(r)
        return r

    cdef int run(self) except -1:
        cdef Groups top = self.top
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
            variant = self.numbers((a, b, c)[:arity])
            for r in (a, b, c):
                self.end[r] = len(self.ops)
            direct = False
            if top.units.need[k]:
                top.views.access(k, shape, &x)
                x.extent = size
                direct = x.type == self.precision
                x.action = STORE_DIRECT if direct else STORE_SET
                top.buffers.touch(x.buffer, self.u)
            r = self.virtual(V_MEMORY if direct else V_SCRATCH)
            top.reg[k] = r
            self.ops.append((p.op, r, a, b, c, variant))
            if top.units.need[k]:
                self.stores.append(((<char *> &x)[:sizeof(Access)], r))
        self.parts()
        self.emit(size)
        return 0

    cdef int numbers(self, tuple operands) except -1:
        """The operands that are one number, as bits; none where all are, as no kernel is made for that."""
        cdef int bits = 0, i
        for i in range(len(operands)):
            if self.where[operands[i]] == V_SPREAD:
                bits |= 1 << i
        if bits == (1 << len(operands)) - 1:
            for r in operands:
                if self.where[r] == V_SPREAD:
                    self.whole.add(r)
            return 0
        return bits

    cdef int parts(self) except -1:
        """The stores of collections and puts."""
        cdef Groups top = self.top
        cdef Graph g = top.g
        cdef Access x
        cdef int32_t k, i, r
        cdef Payload w
        cdef tuple shape
        cdef set accumulators = set()
        for k, i in top.units.stores[self.u]:
            if i < 0:
                w = None
                base = g.nodes[k].a if g.nodes[k].op == OP_STORE else g.arg(k, 0)
                r = self.operand(base, g.shape(k))
            else:
                w = g.payload(k)
                shape = (<Map> w.maps[i]).shape
                r = self.operand(g.arg(k, 1 if w.kind == P_PUT else i), shape)
            top.views.target(k, i, &x)
            if g.nodes[k].flags & NODE_ARRAY:
                top.buffers.touch(x.buffer, self.u)
                if w is not None and w.kind == P_COLLECT and w.action != SET:
                    if k not in top.cleared:
                        top.cleared[k] = self.u
                        accumulators.add(k)
                        x.clear = CLEAR_WHOLE
            if self.where[r] == V_SPREAD:
                self.whole.add(r)
            self.stores.append(((<char *> &x)[:sizeof(Access)], r, k))
        for k in accumulators:
            self.set_first(k)
        return 0

    cdef int set_first(self, int32_t k) except -1:
        """Where every store to an accumulator here is contiguous and adds, the one that is ahead of the others sets."""
        cdef Access x
        cdef Access *q
        cdef int i, ahead = -1
        cdef int64_t offset = -1
        for i in range(len(self.stores)):
            s = self.stores[i]
            if len(s) == 3 and s[2] == k:
                q = <Access *> <char *> (<bytes> s[0])
                if q.mode != ACCESS_LINEAR or q.action != ADD:
                    return 0
                if q.offset > offset:
                    offset, ahead = q.offset, i
        for i in range(len(self.stores)):
            s = self.stores[i]
            if len(s) == 3 and s[2] == k:
                memcpy(&x, <char *> (<bytes> s[0]), sizeof(Access))
                x.clear = CLEAR_NOT
                if i == ahead:
                    alone = self.where[s[1]] == V_SCRATCH and sum([t[1] == s[1] for t in self.stores]) == 1
                    x.clear = CLEAR_DIRECT if alone else CLEAR_FIRST
                self.stores[i] = ((<char *> &x)[:sizeof(Access)], *s[1:])
        self.stores.insert(0, self.stores.pop(ahead))
        return 0

    cdef int emit(self, int64_t size) except -1:
        cdef Groups top = self.top
        cdef Group *head
        cdef Access *x
        cdef BlockOp *o
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
        head = <Group *> top.records.groups.add()
        held = count - self.where.count(V_SPREAD) + len(self.whole) + len(self.stores)
        block = L1_BYTES // (max(held, 3) * (8 if self.precision == MM_F64 else 4))
        block = whole_rows(max(SHORTEST_BLOCK, min(LONGEST_BLOCK, block // SHORTEST_BLOCK * SHORTEST_BLOCK)),
                           top.units.shape[self.u])
        head.size, head.block, head.registers, head.scratch = size, <int32_t> min(block, max(size, 1)), count, scratch
        head.loads, head.ops, head.stores, head.type = <int32_t> len(self.loads), <int32_t> len(self.ops), \
            <int32_t> len(self.stores), self.precision
        head.divisible = self.divisible(block)
        for key, r in zip(self.loads, self.load_reg):
            x = <Access *> top.records.accesses.add()
            memcpy(x, <char *> (<bytes> key), sizeof(Access))
            x.reg = number[r]
            if x.mode == ACCESS_SCALAR:
                x.extent = head.block if r in self.whole else 1
        for s in self.stores:
            x = <Access *> top.records.accesses.add()
            memcpy(x, <char *> (<bytes> s[0]), sizeof(Access))
            x.reg = number[s[1]]
        for op in self.ops:
            o = <BlockOp *> top.records.ops.add()
            o.op, o.r, o.a, o.b, o.c, o.variant = op[0], number[op[1]], number[op[2]], number[op[3]], number[op[4]], op[5]
        top.records.step(STEP_GROUP, <int32_t> top.records.groups.n - 1,
                         size * (len(self.ops) + len(self.loads) + len(self.stores)))
        top.records.listing.append(("group", len(self.ops), top.units.shape[self.u], len(self.loads), len(self.stores),
                                    scratch, int(head.block)))
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
        cdef Groups top = self.top
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
            if b < 0 or top.buffers.pinned[b] or top.buffers.alias[b] >= 0:
                continue
            for d, reader in readers.items():
                if reader is None or top.buffers.pinned[d] or self.end[reader] > i or top.buffers.at(d).home != HOME_ARENA \
                        or top.buffers.at(d).bytes != top.buffers.at(b).bytes or not top.buffers.dies(d, self.u):
                    continue
                top.buffers.alias[b] = top.buffers.alias[d] if top.buffers.alias[d] >= 0 else d
                readers[d] = None
                break
        return 0


cdef int64_t whole_rows(int64_t block, tuple shape) except -1:
    """A block of at most this length that holds whole rows, or a row in equal parts: rows are dealt with at once."""
    cdef int64_t length = shape[len(shape) - 1] if len(shape) > 1 else 1
    cdef int64_t parts
    if length < 1:
        return block
    if length <= block:
        return block // length * length
    parts = (length + block - 1) // block
    return max((length + parts - 1) // parts, <int64_t> SHORTEST_BLOCK)
