"""Groups of few elements as flat lists of kernel calls.

A group whose elements fit one block needs none of the loop over blocks: where its operands are, which kernels run and
what is stored where is known beforehand, but for arrays that are elsewhere at every run.  Such groups, the runs of scalar
instructions between them and products of matrices become one list of calls, 28 bytes each, which `_kernel_calls.c` runs without
a look at the tables (a load or store alone is 176 bytes there).  The list is made of checked tables when a program is
made; it is never saved.
"""
from libc.stdint cimport INT32_MAX, UINT32_MAX, int32_t, int64_t, uint8_t, uint16_t, uint32_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

from mmad.kernels._machine cimport (ACCESS_LINEAR, ACCESS_SCALAR, ALL_VECTORS, BASES, BASE_ACCESSES, BASE_ARENA,
                                    BASE_BUFFERS, BASE_CODE, BASE_MOVING, BASE_PRODUCTS, BASE_ROUTINES, BASE_SCRATCH,
                                    BASE_SLOTS, BASE_ZERO, CALL_CLEAR, CALL_LOAD, CALL_PRODUCT, CALL_ROUTINE,
                                    CALL_SCALARS, CALL_SPREAD, CALL_STORE, CALL_TOTAL, CLEAR_DIRECT, CLEAR_FIRST,
                                    CLEAR_NOT, FIRST_NUMBER, MM_F64, SECOND_NUMBER, STORE_ADD, STORE_DIRECT,
                                    STORE_SET, THIRD_NUMBER, TOTAL_ADD, TOTAL_MINIMUM, VM_END, VM_GUARD, Access,
                                    BlockOp, Group, Instr, KernelCall, Product, Routine, kernel_number,
                                    special_number)
from mmad.tape._instructions cimport SC_add, SC_positive, scalar_arity
from mmad.vm._vm cimport HOME_ARENA, STEP_GROUP, STEP_MATMUL, STEP_ROUTINE, STEP_SCALARS, Machine, Step, Stretch

cdef enum:
    LONGEST = 4194304  # work between two looks for Ctrl-C
    ALIGNMENT = 64


cdef struct Where:
    int32_t base
    int64_t at


def make_stream(Machine p):
    """Fill in the streams of a program, and the order in which they and other steps run."""
    cdef Maker m = Maker(p)
    m.run()


cdef class Maker:
    cdef Machine p
    cdef int32_t n       # calls so far
    cdef bint possible   # whether the step at hand can be put into a stream
    cdef Where *reg
    cdef uint8_t *vector  # by register: it is read as a vector

    def __cinit__(self, Machine p):
        self.p = p
        p.place = <uint16_t *> calloc(p.n_buffers + 1, sizeof(uint16_t))
        p.moving = <int32_t *> malloc(BASES * sizeof(int32_t))
        self.reg = <Where *> malloc(65536 * sizeof(Where))
        self.vector = <uint8_t *> malloc(65536)
        if p.place == NULL or p.moving == NULL or self.reg == NULL or self.vector == NULL:
            raise MemoryError("no memory for the program")

    def __dealloc__(self):
        free(self.reg)
        free(self.vector)

    cdef int run(self) except -1:
        cdef Machine p = self.p
        cdef Step *s
        cdef Stretch *q = NULL
        cdef int32_t k, start
        cdef int64_t room = 1
        for k in range(p.n_steps):
            room += self.most(p.steps + k)
        p.stream = <KernelCall *> malloc(room * sizeof(KernelCall))
        p.plan = <Stretch *> malloc((p.n_steps + 1) * sizeof(Stretch))
        if p.stream == NULL or p.plan == NULL or room > INT32_MAX:
            raise MemoryError("no memory for the program")
        for k in range(p.n_steps):
            s = p.steps + k
            start = self.n
            if not self.step(s):
                self.n = start
                q = p.plan + p.n_plan
                q.step, q.start, q.stop, q.work = k, 0, 0, s.work
                p.n_plan += 1
                q = NULL
            else:
                if q == NULL or q.work + s.work > LONGEST:
                    q = p.plan + p.n_plan
                    q.step, q.start, q.work = -1, start, 0
                    p.n_plan += 1
                q.work += s.work
                q.stop = self.n
        p.n_calls = self.n
        p.stream = <KernelCall *> shrunk(p.stream, (self.n + 1) * sizeof(KernelCall))
        p.moving = <int32_t *> shrunk(p.moving, (p.n_moving + 1) * sizeof(int32_t))
        return 0

    cdef int64_t most(self, const Step *s):
        """Make room for at most so many calls."""
        cdef const Group *g
        if s.kind != STEP_GROUP:
            return 1
        g = self.p.groups + s.index
        return g.loads + g.ops + 2 * g.stores if 0 < g.size <= g.block else 0

    # ------------------------------------------------------------------------------------ places
    cdef Where buffer(self, int32_t b, int64_t offset) noexcept:
        """Return where byte `offset` of a buffer is."""
        cdef Machine p = self.p
        cdef Where w
        if p.buffers[b].home == HOME_ARENA:
            w.base, w.at = BASE_ARENA, p.buffers[b].offset + offset
            return w
        if not p.place[b]:
            if BASE_MOVING + p.n_moving >= BASES:
                self.possible = False
            else:
                p.place[b] = <uint16_t> (BASE_MOVING + p.n_moving)
                p.moving[p.n_moving] = b
                p.n_moving += 1
        w.base, w.at = p.place[b], offset
        return w

    cdef Where nothing(self) noexcept:
        return at(BASE_ZERO, 0)

    cdef int call(self, int run, int64_t n, Where r, Where a, Where b, Where c) noexcept:
        cdef KernelCall *q = self.p.stream + self.n
        cdef Where w
        cdef int i
        q.run, q.n = <uint16_t> run, <uint16_t> n
        for i in range(4):
            w = r if i == 0 else a if i == 1 else b if i == 2 else c
            if not 0 <= w.at <= UINT32_MAX:
                self.possible = False
            q.base[i], q.at[i] = <uint16_t> w.base, <uint32_t> w.at
        self.n += 1
        return 0

    # ------------------------------------------------------------------------------------ steps
    cdef bint step(self, const Step *s) except -1:
        """Return whether a step became calls."""
        cdef Machine p = self.p
        cdef Product *q
        cdef Routine *r
        cdef const Instr *i
        cdef const Group *g
        self.possible = True
        if s.kind == STEP_GROUP:
            g = p.groups + s.index
            if not 0 < g.size <= g.block:
                return False
            self.group(g)
        elif s.kind == STEP_SCALARS:
            i = p.code + s.index
            while i.op != VM_END:
                if i.op == VM_GUARD:
                    return False
                i += 1
            self.call(special_number(CALL_SCALARS, 0), 0, at(BASE_SLOTS, 0),
                      at(BASE_CODE, s.index * <int64_t> sizeof(Instr)), at(BASE_BUFFERS, 0), self.nothing())
        elif s.work > LONGEST:
            return False
        elif s.kind == STEP_MATMUL:
            q = p.products + s.index
            self.call(special_number(CALL_PRODUCT, 0), 0, self.buffer(q.c, 0), self.buffer(q.a, 0), self.buffer(q.b, 0),
                      at(BASE_PRODUCTS, s.index * <int64_t> sizeof(Product)))
        elif s.kind == STEP_ROUTINE:
            r = p.routines + s.index
            self.call(special_number(CALL_ROUTINE, 0), 0, self.buffer(r.c, 0), self.buffer(r.a, 0), self.buffer(r.b, 0),
                      at(BASE_ROUTINES, s.index * <int64_t> sizeof(Routine)))
        else:
            return False
        return self.possible

    cdef Where access(self, const Access *x) noexcept:
        return at(BASE_ACCESSES, <Py_ssize_t> x - <Py_ssize_t> self.p.accesses)

    cdef Where scratch(self, const Group *g, int64_t k) noexcept:
        """Return where register k is, as the loop over blocks has it."""
        cdef int64_t size = 8 if g.type == MM_F64 else 4
        return at(BASE_SCRATCH, k * ((g.block * size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT))

    cdef int group(self, const Group *g) except -1:
        cdef int64_t size = 8 if g.type == MM_F64 else 4
        cdef const Access *x
        cdef const BlockOp *o
        cdef int k, arity
        for k in range(g.scratch):
            self.reg[k] = self.scratch(g, k)
        self.mark_vectors(g)
        for k in range(g.stores):
            x = g.store + k
            if x.clear != CLEAR_NOT and not self.whole(g, x):
                self.call(special_number(CALL_CLEAR, 0), 0, self.buffer(x.buffer, 0), self.nothing(), self.access(x),
                          self.nothing())
            if x.action == STORE_DIRECT or x.clear == CLEAR_DIRECT:
                self.reg[x.reg] = self.buffer(x.buffer, x.offset * size)
        for k in range(g.loads):
            self.load(g, g.load + k, size)
        for k in range(g.ops):
            o = g.op + k
            arity = scalar_arity(o.op)
            self.call(kernel_number(g.type, o.op, o.variant), g.size, self.reg[o.r], self.reg[o.a],
                      self.reg[o.b] if arity > 1 else self.nothing(), self.reg[o.c] if arity > 2 else self.nothing())
        for k in range(g.stores):
            self.store(g, g.store + k, size)
        return 0

    cdef int mark_vectors(self, const Group *g) noexcept:
        """Return the registers that an operation or a store reads all of, not as one number, or that an operation writes to."""
        cdef const BlockOp *o
        cdef int k, arity
        memset(self.vector, 0, g.registers + 1)
        for k in range(g.ops):
            o = g.op + k
            arity = scalar_arity(o.op)
            self.vector[o.r] = 1
            if not o.variant & FIRST_NUMBER:
                self.vector[o.a] = 1
            if arity > 1 and not o.variant & SECOND_NUMBER:
                self.vector[o.b] = 1
            if arity > 2 and not o.variant & THIRD_NUMBER:
                self.vector[o.c] = 1
        for k in range(g.stores):
            self.vector[g.store[k].reg] = 1

    cdef bint whole(self, const Group *g, const Access *x) noexcept:
        """Return whether a store gives every element of its accumulator the first value, so that nothing need be cleared."""
        return x.action == STORE_ADD and x.mode == ACCESS_LINEAR and x.offset == 0 and x.extent == g.size \
            and x.type == g.type

    cdef int load(self, const Group *g, const Access *x, int64_t size) except -1:
        if x.mode == ACCESS_SCALAR:
            if not self.vector[x.reg] and g.type == MM_F64:
                self.reg[x.reg] = at(BASE_SLOTS, x.buffer * <int64_t> sizeof(double))
            else:
                self.call(special_number(CALL_SPREAD, g.type), g.size if self.vector[x.reg] else 1, self.reg[x.reg],
                          at(BASE_SLOTS, x.buffer * <int64_t> sizeof(double)), self.nothing(), self.nothing())
        elif x.mode == ACCESS_LINEAR and x.type == g.type:
            self.reg[x.reg] = self.buffer(x.buffer, x.offset * size)
        else:
            self.call(special_number(CALL_LOAD, g.type), g.size, self.reg[x.reg], self.buffer(x.buffer, 0), self.access(x),
                      self.nothing())
        return 0

    cdef int store(self, const Group *g, const Access *x, int64_t size) except -1:
        cdef Where to, reg = self.reg[x.reg]
        if x.action == STORE_DIRECT or x.clear == CLEAR_DIRECT:
            return 0
        if TOTAL_ADD <= x.action <= TOTAL_MINIMUM:
            return self.call(special_number(CALL_TOTAL, g.type), g.size, at(BASE_SLOTS, x.buffer * <int64_t> sizeof(double)),
                             reg, self.access(x), self.nothing())
        if x.mode == ACCESS_LINEAR and x.type == g.type and (x.action == STORE_SET or x.action == STORE_ADD):
            to = self.buffer(x.buffer, x.offset * size)
            if x.action == STORE_SET or x.clear == CLEAR_FIRST:
                return self.call(kernel_number(g.type, SC_positive, ALL_VECTORS), g.size, to, reg, self.nothing(),
                                 self.nothing())
            if x.clear != CLEAR_NOT and self.whole(g, x):  # 0 + what is added: -0 becomes 0, as in the clear and add
                return self.call(kernel_number(g.type, SC_add, FIRST_NUMBER), g.size, to, self.nothing(), reg, self.nothing())
            return self.call(kernel_number(g.type, SC_add, ALL_VECTORS), g.size, to, to, reg, self.nothing())
        return self.call(special_number(CALL_STORE, g.type), g.size, self.buffer(x.buffer, 0), reg, self.access(x),
                         self.nothing())


cdef Where at(int base, int64_t offset) noexcept:
    cdef Where w
    w.base, w.at = base, offset
    return w


cdef void *shrunk(void *memory, size_t size) noexcept:
    cdef void *less = realloc(memory, size)
    return memory if less == NULL else less
