"""Groups: loops over the elements of one shape, block by block.

1. Equal operands are loaded once, contiguous ones not at all: the kernels read them where they are.
2. What is collected or put is stored by the group that computes it; the first store to a sum clears it.
3. Registers are reused after their last use, and the block is as long as the first-level cache allows.
4. With the pass `buffers` a result may take the place of an operand that dies with the operation that makes it.
"""
from libc.stdint cimport int32_t, int64_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memmove, memset

from mmad.compiler._graph cimport ADD, P_COLLECT, P_PUT, SET, Graph, Map, Payload, size_of, strides_of
from mmad.compiler.assembly._records cimport Records, Vector
from mmad.compiler.assembly._units cimport Units
from mmad.compiler.assembly._views cimport Views, locate
from mmad.kernels._machine cimport (ACCESS_AFFINE, ACCESS_LINEAR, ACCESS_SCALAR, CLEAR_DIRECT, CLEAR_FIRST,
                                    CLEAR_NOT, CLEAR_WHOLE, MM_F32, MM_F64, STORE_DIRECT, STORE_SET, Access, BlockOp,
                                    Group)
from mmad.tape._instructions cimport NODE_ARRAY, OP_STORE, Node, scalar_arity
from mmad.vm._vm cimport HOME_ARENA, STEP_GROUP

cdef enum:
    L1_BYTES = 28672     # of the 32 KiB that first-level caches have at least
    LONGEST_BLOCK = 1024
    SHORTEST_BLOCK = 64
    LONGEST_ROW = 0x7fffffff

# Where a virtual register of a group lives.
cdef enum:
    V_SCRATCH = 0  # a block of scratch
    V_LOADED = 1   # a block of scratch that is filled before the operations
    V_SPREAD = 2   # a block of scratch that holds one number throughout
    V_MEMORY = 3   # the operand's or result's own memory


cdef class Groups:
    """The groups of a program, one at a time: registers, loads, operations and stores."""

    def __cinit__(self, Units units, Views views, Records records, bint reuse):
        cdef size_t n = units.g.n + 1
        self.units, self.g, self.reuse = units, units.g, reuse
        self.views, self.buffers, self.records = views, views.buffers, records
        self.reg = <int32_t *> malloc(n * sizeof(int32_t))
        self.seen = <int32_t *> malloc(n * sizeof(int32_t))
        self.seen_as = <int32_t *> malloc(n * sizeof(int32_t))
        self.cleared = <uint8_t *> calloc(n, 1)
        if self.reg == NULL or self.seen == NULL or self.seen_as == NULL or self.cleared == NULL:
            raise MemoryError("no memory to compile the trace")
        memset(self.seen, 0xff, n * sizeof(int32_t))
        self.registers, self.loads = Vector(sizeof(Register)), Vector(sizeof(Load))
        self.ops, self.stores = Vector(sizeof(BlockOp)), Vector(sizeof(Store))

    def __dealloc__(self):
        free(self.reg)
        free(self.seen)
        free(self.seen_as)
        free(self.cleared)

    cdef int copy(self, Access *load, int32_t b, tuple shape) except -1:
        """Add a step that copies an operand into buffer b."""
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

    cdef int add(self, int32_t u) except -1:
        """Add the step of unit u."""
        cdef Graph g = self.g
        cdef Node *p
        cdef Store *s
        cdef BlockOp *o
        cdef Access x
        cdef int32_t k, r, a, b, c
        cdef int arity, variant
        cdef tuple shape
        cdef int64_t size = size_of(<tuple> self.units.shape[u])
        cdef bint direct
        self.u, self.precision = u, MM_F32 if self.units.single[u] else MM_F64
        self.registers.n = self.loads.n = self.ops.n = self.stores.n = 0
        memset(self.known, 0xff, sizeof(self.known))
        for k in <list> self.units.members[u]:
            p = g.nodes + k
            arity = scalar_arity(p.op)
            a = self.operand_of(k, p.a)
            b = self.operand_of(k, p.b) if arity > 1 else a
            c = self.operand_of(k, p.c) if arity > 2 else a
            variant = self.numbers(a, b, c, arity)
            for r in (a, b, c):
                self.register(r).end = <int32_t> self.ops.n
            direct = False
            if self.units.need[k]:
                shape = g.shape(k)
                self.views.access(k, shape, &x)
                x.extent = size
                direct = x.type == self.precision
                x.action = STORE_DIRECT if direct else STORE_SET
                self.buffers.touch(x.buffer, u)
            r = self.virtual(V_MEMORY if direct else V_SCRATCH)
            self.reg[k] = r
            o = <BlockOp *> self.ops.add()
            o.op, o.r, o.a, o.b, o.c, o.variant = p.op, r, a, b, c, variant
            if self.units.need[k]:
                s = <Store *> self.stores.add()
                s.access, s.reg, s.node = x, r, -1
                if direct:
                    self.register(r).buffer = x.buffer
        self.parts()
        self.emit(size)
        if self.reuse:
            self.take_over()
        return 0

    # ------------------------------------------------------------------------------------ registers
    cdef inline Register *register(self, int32_t r) noexcept:
        return <Register *> self.registers.data + r

    cdef int32_t virtual(self, int where) except -1:
        cdef Register *r = <Register *> self.registers.add()
        r.where, r.end, r.number, r.buffer = where, -1, -1, -1
        return <int32_t> self.registers.n - 1

    cdef int32_t operand_of(self, int32_t k, int32_t j) except -1:
        """Return the register that holds operand j of instruction k."""
        cdef int32_t type = self.g.type[k]
        if self.units.in_group(j, self.u, self.units.form[type]):
            return self.reg[j]
        if self.seen[j] != self.u or self.seen_as[j] != type:
            self.reg[j] = self.load(j, self.g.shape(k))
            self.seen[j], self.seen_as[j] = self.u, type
        return self.reg[j]

    cdef int32_t load(self, int32_t j, tuple shape) except -1:
        """Return the register that operand j is loaded into over the elements of a shape."""
        cdef Load *q
        cdef Access x
        cdef int32_t r, at
        cdef int h
        self.views.access(j, shape, &x)
        h = chain_of(&x)
        at = self.known[h]
        while at >= 0:
            q = <Load *> self.loads.data + at
            if memcmp(&q.access, &x, sizeof(Access)) == 0:
                return q.reg
            at = q.next
        if x.mode == ACCESS_SCALAR:
            r = self.virtual(V_SPREAD)
        else:
            self.buffers.touch(x.buffer, self.u)
            r = self.virtual(V_MEMORY if x.mode == ACCESS_LINEAR and x.type == self.precision else V_LOADED)
        q = <Load *> self.loads.add()
        q.access, q.reg, q.next = x, r, self.known[h]
        self.known[h] = <int32_t> self.loads.n - 1
        return r

    cdef int numbers(self, int32_t a, int32_t b, int32_t c, int arity) noexcept:
        """Return the operands that are one number, as bits; none where all are, as no kernel is made for that."""
        cdef int bits = 0, i
        cdef int32_t[3] of
        of[0], of[1], of[2] = a, b, c
        for i in range(arity):
            if self.register(of[i]).where == V_SPREAD:
                bits |= 1 << i
        if bits == (1 << arity) - 1:
            for i in range(arity):
                self.register(of[i]).whole = True
            return 0
        return bits

    # ------------------------------------------------------------------------------------ stores
    cdef int parts(self) except -1:
        """Put the stores of collections and puts ahead of others: the machine keeps totals for the first few."""
        cdef Graph g = self.g
        cdef Store *s
        cdef Access x
        cdef int32_t k, i, r, j, first = <int32_t> self.stores.n
        cdef Payload w
        cdef tuple shape
        cdef list accumulators = []
        for k, i in <list> self.units.stores[self.u]:
            if i < 0:
                w = None
                shape = g.shape(k)
                j = g.nodes[k].a if g.nodes[k].op == OP_STORE else g.arg(k, 0)
            else:
                w = g.payload(k)
                shape = (<Map> w.maps[i]).shape
                j = g.arg(k, 1 if w.kind == P_PUT else i)
            r = self.reg[j] if self.units.in_group(j, self.u, self.units.form_of(shape)) else self.load(j, shape)
            self.views.target(k, i, &x)
            if g.nodes[k].flags & NODE_ARRAY:
                self.buffers.touch(x.buffer, self.u)
                if w is not None and w.kind == P_COLLECT and w.action != SET and not self.cleared[k]:
                    self.cleared[k] = 1
                    accumulators.append(k)
                    x.clear = CLEAR_WHOLE
            if self.register(r).where == V_SPREAD:
                self.register(r).whole = True
            s = <Store *> self.stores.add()
            s.access, s.reg, s.node = x, r, k
        self.to_front(first, <int32_t> self.stores.n - first)
        for k in accumulators:
            self.set_first(k)
        return 0

    cdef int to_front(self, int32_t at, int32_t n) except -1:
        """Move n stores, from `at` on, to the front."""
        cdef Store *s
        cdef int32_t i
        if not at or not n:
            return 0
        for i in range(at):  # what is in front goes behind them
            s = <Store *> self.stores.add()
            s[0] = (<Store *> self.stores.data)[i]
        self.stores.n -= at
        memmove(self.stores.data, <Store *> self.stores.data + at, self.stores.n * sizeof(Store))
        return 0

    cdef int set_first(self, int32_t k) except -1:
        """Have the store that is ahead of the others set its accumulator, if all stores there are contiguous and add."""
        cdef Store *stores = <Store *> self.stores.data
        cdef Store *s
        cdef int32_t i, j, n = <int32_t> self.stores.n, ahead = -1, users = 0
        cdef int64_t offset = -1
        for i in range(n):
            s = stores + i
            if s.node == k:
                if s.access.mode != ACCESS_LINEAR or s.access.action != ADD:
                    return 0
                if s.access.offset > offset:
                    offset, ahead = s.access.offset, i
        for i in range(n):
            if stores[i].node == k:
                stores[i].access.clear = CLEAR_NOT
        s = stores + ahead
        for j in range(n):
            users += stores[j].reg == s.reg
        s.access.clear = CLEAR_DIRECT if self.register(s.reg).where == V_SCRATCH and users == 1 else CLEAR_FIRST
        if ahead:
            self.stores.add()
            stores = <Store *> self.stores.data
            self.stores.n -= 1
            stores[n] = stores[ahead]
            memmove(stores + 1, stores, ahead * sizeof(Store))
            stores[0] = stores[n]
        return 0

    # ------------------------------------------------------------------------------------ the group
    cdef int number(self, Group *head) except -1:
        """Give every register its number, one number in turn to those whose lives do not overlap."""
        cdef int32_t n = <int32_t> self.registers.n, n_ops = <int32_t> self.ops.n, r, i, unused = 0
        cdef Register *q
        cdef int32_t *ending = <int32_t *> malloc((n_ops + 2 + n) * sizeof(int32_t))
        cdef int32_t *free_numbers = ending + n_ops + 2
        if ending == NULL:
            raise MemoryError("no memory to compile the trace")
        memset(ending, 0xff, (n_ops + 2) * sizeof(int32_t))
        head.scratch = 0
        for r in range(n):  # what is loaded is there before the first operation
            q = self.register(r)
            if q.where == V_SPREAD:
                q.end = n_ops + 1
            if q.where == V_SPREAD or q.where == V_LOADED:
                q.number = head.scratch
                head.scratch += 1
        for r in range(n - 1, -1, -1):
            q = self.register(r)
            if q.where != V_MEMORY and q.end >= 0:
                q.next, ending[q.end] = ending[q.end], r
        for i in range(n_ops):
            r = ending[i]
            while r >= 0:
                q = self.register(r)
                if q.number >= 0:
                    free_numbers[unused] = q.number
                    unused += 1
                r = q.next
            q = self.register((<BlockOp *> self.ops.data)[i].r)
            if q.where == V_SCRATCH:
                if unused:
                    unused -= 1
                    q.number = free_numbers[unused]
                else:
                    q.number = head.scratch
                    head.scratch += 1
                if q.end < 0:
                    free_numbers[unused] = q.number
                    unused += 1
        head.registers = head.scratch
        for r in range(n):
            q = self.register(r)
            if q.where == V_MEMORY:
                q.number = head.registers
                head.registers += 1
        free(ending)
        return 0

    cdef int emit(self, int64_t size) except -1:
        """Add the group to the program's records."""
        cdef Group *head = <Group *> self.records.groups.add()
        cdef tuple shape = self.units.shape[self.u]
        cdef Access *x
        cdef BlockOp *o
        cdef Load *load = <Load *> self.loads.data
        cdef Store *store = <Store *> self.stores.data
        cdef Register *reg
        cdef int32_t i, held
        cdef int64_t block
        for i in range(self.stores.n):
            self.register(store[i].reg).end = <int32_t> self.ops.n
        self.number(head)
        held = head.registers + <int32_t> self.stores.n
        for i in range(self.registers.n):
            held -= self.register(i).where == V_SPREAD
            held += self.register(i).whole
        block = L1_BYTES // (max(held, 3) * (8 if self.precision == MM_F64 else 4))
        block = whole_rows(max(SHORTEST_BLOCK, min(LONGEST_BLOCK, block // SHORTEST_BLOCK * SHORTEST_BLOCK)), shape)
        head.size, head.block, head.type = size, <int32_t> min(block, max(size, 1)), self.precision
        head.loads, head.ops, head.stores = <int32_t> self.loads.n, <int32_t> self.ops.n, <int32_t> self.stores.n
        head.divisible = self.divisible(block, shape)
        for i in range(self.loads.n):
            x = <Access *> self.records.accesses.add()
            reg = self.register(load[i].reg)
            x[0] = load[i].access
            x.reg = reg.number
            if x.mode == ACCESS_SCALAR:
                x.extent = head.block if reg.whole else 1
        for i in range(self.stores.n):
            x = <Access *> self.records.accesses.add()
            x[0] = store[i].access
            x.reg = self.register(store[i].reg).number
        for i in range(self.ops.n):
            o = <BlockOp *> self.records.ops.add()
            o[0] = (<BlockOp *> self.ops.data)[i]
            o.r, o.a, o.b, o.c = (self.register(o.r).number, self.register(o.a).number, self.register(o.b).number,
                                  self.register(o.c).number)
        self.records.step(STEP_GROUP, <int32_t> self.records.groups.n - 1,
                          size * (self.ops.n + self.loads.n + self.stores.n))
        self.records.listing.append(("group", head.ops, shape, head.loads, head.stores, head.scratch, head.block))
        return 0

    cdef int divisible(self, int64_t block, tuple shape) except? -1:
        """Return 1 if blocks write to different places; 2 but for neighbours of a cut; 0 if not; -n if rows of n do."""
        cdef Access *x
        cdef int how = 1
        cdef int32_t i
        for i in range(self.stores.n):
            x = &(<Store *> self.stores.data)[i].access
            if STORE_SET <= x.action <= 3 and x.action != STORE_SET:
                if x.mode != ACCESS_LINEAR or not 0 <= x.offset <= block:
                    return <int> -self.row(shape)
                how = 2
        return how

    cdef int64_t row(self, tuple shape) except? -1:
        """Return the elements at one index of the first axis, a batch's lanes, if these write to different places; else 0."""
        cdef Access *x
        cdef int64_t length = 1, step, low, high, last
        cdef int32_t i, d
        cdef dict spans = {}
        cdef set whole = set()
        for d in range(1, <int32_t> len(shape)):
            length *= shape[d]
        if len(shape) < 2 or shape[0] < 2 or not 0 < length < LONGEST_ROW:
            return 0
        for i in range(self.stores.n):
            x = &(<Store *> self.stores.data)[i].access
            if not STORE_SET < x.action <= 3:
                if x.action == STORE_SET or x.action > 6:
                    whole.add(x.buffer)
                continue
            low = high = x.offset
            if x.mode == ACCESS_LINEAR and (x.clear < CLEAR_FIRST or x.offset == 0):
                step, high = length, x.offset + length - 1
            elif x.mode == ACCESS_AFFINE and x.rank > 1 and x.shape[0] == shape[0] and x.clear < CLEAR_FIRST:
                step = x.strides[0]
                for d in range(1, x.rank):
                    last = (x.shape[d] - 1) * x.strides[d]
                    low, high = low + min(last, 0), high + max(last, 0)
            else:
                return 0
            if x.buffer in spans:
                before, first, end = spans[x.buffer]
                if before != step:
                    return 0
                low, high = min(low, <int64_t> first), max(high, <int64_t> end)
            if high - low >= step:
                return 0
            spans[x.buffer] = step, low, high
        return 0 if whole & spans.keys() else length

    cdef int take_over(self) except -1:
        """Let a result take the place of an operand that dies with the operation that makes it."""
        cdef Buffers buffers = self.buffers
        cdef Load *load = <Load *> self.loads.data
        cdef Store *store = <Store *> self.stores.data
        cdef Access *x
        cdef int32_t i, j, b, d, r
        # By load: the register that is all there is of its buffer here, or -1.
        for i in range(self.loads.n):
            x = &load[i].access
            simple = x.mode == ACCESS_LINEAR and x.offset == 0 and x.type == self.precision
            load[i].next = load[i].reg if simple else -1
            if x.mode == ACCESS_SCALAR:
                continue
            for j in range(i):
                if load[j].access.mode != ACCESS_SCALAR and load[j].access.buffer == x.buffer:
                    load[i].next = load[j].next = -1
        for i in range(self.loads.n):
            for j in range(self.stores.n):
                if store[j].node >= 0 and store[j].access.buffer == load[i].access.buffer:
                    load[i].next = -1
        for i in range(self.ops.n):
            b = self.register((<BlockOp *> self.ops.data)[i].r).buffer
            if b < 0 or buffers.life[b].pinned or buffers.life[b].alias >= 0:
                continue
            for j in range(self.loads.n):
                d, r = load[j].access.buffer, load[j].next
                if r < 0 or self.register(r).end > i or buffers.life[d].pinned or buffers.at(d).home != HOME_ARENA \
                        or buffers.at(d).bytes != buffers.at(b).bytes or not buffers.dies(d, self.u):
                    continue
                buffers.life[b].alias = buffers.life[d].alias if buffers.life[d].alias >= 0 else d
                load[j].next = -1
                break
        return 0


cdef int chain_of(const Access *x) noexcept:
    """Return the chain of the hash table that an access is in."""
    cdef uint64_t h = <uint64_t> x.offset ^ <uint64_t> x.shape[0] ^ <uint64_t> x.strides[0] ^ <uintptr_t> x.table
    h ^= h >> 16
    h ^= h >> 8
    return <int> ((h ^ <uint64_t> x.buffer ^ x.mode) % HASHES)


cdef int64_t whole_rows(int64_t block, tuple shape) except -1:
    """Return a block of at most this length that holds whole rows, or a row in equal parts: rows are dealt with at once."""
    cdef int64_t length = shape[len(shape) - 1] if len(shape) > 1 else 1
    cdef int64_t parts
    if length < 1:
        return block
    if length <= block:
        return block // length * length
    parts = (length + block - 1) // block
    return max((length + parts - 1) // parts, <int64_t> SHORTEST_BLOCK)
