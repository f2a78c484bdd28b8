"""What must hold of a program before it may run.

The machine itself checks nothing: every index, bound and operation is looked at here, once, whether the program was just
compiled or read from a file that may be damaged or hostile.  A program that passes reads and writes only memory that it
was given, in buffers that it may write to, and ends.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uintptr_t
from libc.stdlib cimport calloc, free

cimport numpy as cnp

import numpy as np

from mmad.errors import ProgramError
from mmad.kernels._machine cimport (ACCESS_AFFINE, ACCESS_INDEX, ACCESS_LINEAR, ACCESS_SCALAR, CLEAR_DIRECT,
                                    CLEAR_FIRST, CLEAR_NOT, MM_CHOLESKY, MM_COFACTOR, MM_DET, MM_F32, MM_F64,
                                    MM_I32, MM_LOWER, MM_LU, MM_RANK, MM_ROUTINES, MM_SLOGDET, MM_SOLVE, MM_TOTALS,
                                    MM_TYPES, STORE_ADD, STORE_DIRECT, STORE_MINIMUM, STORE_SET, TOTAL_ADD,
                                    TOTAL_MINIMUM, VARIANTS, VM_END, VM_GUARD, VM_LOAD, VM_SINCOS, VM_STORE,
                                    Access, BlockOp, Group, Instr, Product, Routine, kernel_of)
from mmad.tape._instructions cimport OP_FIRST_SCALAR, Op
from mmad.vm._vm cimport (HOME_ARENA, HOME_CONSTANT, HOME_INPUT, HOME_OBJECT, HOME_RESULT, STEP_CALL, STEP_GROUP,
                          STEP_MATMUL, STEP_ROUTINE, STEP_SCALARS, Buffer, Machine, Step)

cnp.import_array()

cdef extern from "_vm.h" nogil:
    enum:
        MM_SMALL

cdef extern from "_node.h" nogil:
    enum:
        FUSED_END

cdef double LARGEST = 2.0 ** 52  # bounds are computed in floating point, exactly, up to here

cdef int64_t[11] SIZES  # of what memory may hold: MM_F64, MM_F32, MM_BOOL, then integers
SIZES = [8, 4, 1, 8, 4, 2, 1, 8, 4, 2, 1]


def check(Machine p):
    """Raise ProgramError unless a program may run.

    Parameters
    ----------
    p : Machine
    """
    Checker(p).run()


cdef class Checker:
    cdef Machine p
    cdef uint8_t *made  # by buffer: there is something in it
    cdef int32_t objects  # buffers that calls give
    cdef dict ends        # by identity of a table: its smallest and largest position

    def __cinit__(self, Machine p):
        self.p, self.ends = p, {}
        self.made = <uint8_t *> calloc(p.n_buffers + 1, 1)
        if self.made == NULL:
            raise MemoryError("no memory to check the program")

    def __dealloc__(self):
        free(self.made)

    cdef int wrong(self, str what) except -1:
        raise ProgramError(f"this is not a sound program: {what}; compile the function again")

    cdef int run(self) except -1:
        cdef Machine p = self.p
        cdef int32_t k, at = 0, op = 0
        cdef Group *g
        if p.arena < 0 or <double> p.arena > LARGEST or p.n_slots < 1:
            self.wrong("its workspace has an impossible size")
        for k in range(p.n_buffers):
            self.buffer(k)
        if not p.n_code or p.code[p.n_code - 1].op != VM_END:
            if p.n_code:
                self.wrong("its scalar instructions do not end")
        for k in range(p.n_groups):
            g = p.groups + k
            if g.loads < 0 or g.stores < 0 or g.ops < 0 or g.loads > p.n_accesses - at \
                    or g.stores > p.n_accesses - at - g.loads or g.ops > p.n_ops - op:
                self.wrong(f"group {k} has more parts than there are")
            at += g.loads + g.stores
            op += g.ops
        if at != p.n_accesses or op != p.n_ops:
            self.wrong("there are parts that belong to no group")
        self.places()
        self.steps()
        return 0

    # ------------------------------------------------------------------------------------ memory
    cdef int buffer(self, int32_t k) except -1:
        cdef Buffer *b = self.p.buffers + k
        if b.bytes < 0 or <double> b.bytes > LARGEST:
            self.wrong(f"buffer {k} has an impossible size")
        if b.home == HOME_ARENA:
            if b.offset < 0 or b.offset % 8 or b.offset > self.p.arena or b.bytes > self.p.arena - b.offset:
                self.wrong(f"buffer {k} is outside the workspace")
        elif b.home == HOME_INPUT:
            if not 0 <= b.index < len(self.p.input_specs):
                self.wrong(f"buffer {k} belongs to no input")
        elif b.home == HOME_CONSTANT:
            if not 0 <= b.index < len(self.p.constants) or self.p.constants[b.index].nbytes < b.bytes:
                self.wrong(f"buffer {k} is not a constant of its size")
        elif b.home == HOME_RESULT:
            if not 0 <= b.index < len(self.p.result_specs):
                self.wrong(f"buffer {k} belongs to no result")
        elif b.home == HOME_OBJECT:
            if b.index != self.objects:  # each has a place of its own: what one holds must not be dropped for another
                self.wrong(f"buffer {k} has another one's number")
            self.objects += 1
        else:
            self.wrong(f"buffer {k} is nowhere")
        self.made[k] = b.home == HOME_ARENA or b.home == HOME_CONSTANT
        return 0

    cdef int readable(self, int32_t k) except -1:
        if not 0 <= k < self.p.n_buffers or not self.made[k]:
            self.wrong(f"buffer {k} is read before anything is in it")
        return 0

    cdef int writable(self, int32_t k) except -1:
        if not 0 <= k < self.p.n_buffers or self.p.buffers[k].home not in (HOME_ARENA, HOME_RESULT) or not self.made[k]:
            self.wrong(f"buffer {k} may not be written to")
        return 0

    cdef str kind_of(self, object spec):
        """Return what a place or an operand is, by the first item of its tuple, which may be anything."""
        if type(spec) is not tuple or not len(spec) or type(spec[0]) is not str:
            self.wrong("a place of the program is none")
        return spec[0]

    cdef int slot(self, object k) except -1:
        if type(k) is not int or not 0 <= k < self.p.n_slots:
            self.wrong(f"there is no slot {k}")
        return 0

    cdef int typed(self, object b, object shape, object dtype) except -1:
        """Check that a whole buffer is a sound array."""
        cdef double n = 1
        if type(b) is not int or not 0 <= b < self.p.n_buffers or type(shape) is not tuple or len(shape) > 64 \
                or not isinstance(dtype, np.dtype) or dtype.hasobject or dtype.itemsize == 0:
            self.wrong("an array of the program has no sound shape, dtype or buffer")
        for d in shape:
            if type(d) is not int or d < 0:
                self.wrong(f"{shape} is no shape")
            n *= <double> d
        if n > LARGEST or n * <double> dtype.itemsize != <double> self.p.buffers[<int32_t> b].bytes:
            self.wrong(f"an array of shape {shape} does not fit its buffer")
        return 0

    cdef int places(self) except -1:
        """Check inputs and results."""
        cdef Machine p = self.p
        cdef int i
        cdef str kind
        for i, spec in enumerate(p.input_specs):
            if spec is None:
                continue
            kind = self.kind_of(spec)
            if kind == "slot" and len(spec) == 2:
                self.slot(spec[1])
            elif kind == "buffer" and len(spec) == 4:
                self.typed(spec[1], spec[2], spec[3])
                if p.buffers[<int32_t> spec[1]].home != HOME_INPUT or p.buffers[<int32_t> spec[1]].index != i:
                    self.wrong(f"input {i} has another one's buffer")
                self.made[<int32_t> spec[1]] = 1
            else:
                self.wrong(f"input {i} has no place")
        for i, spec in enumerate(p.result_specs):
            if spec is not None and self.kind_of(spec) == "own" and len(spec) == 4:
                self.typed(spec[1], spec[2], spec[3])
                if p.buffers[<int32_t> spec[1]].home != HOME_RESULT or p.buffers[<int32_t> spec[1]].index != i:
                    self.wrong(f"result {i} has another one's buffer")
                self.made[<int32_t> spec[1]] = 1
        return 0

    cdef int results(self) except -1:
        """Check results, once everything has run."""
        cdef int i
        cdef str kind
        for i, spec in enumerate(self.p.result_specs):
            if spec is None:
                continue
            kind = self.kind_of(spec)
            if kind == "own" and len(spec) == 4:
                continue
            if kind == "slot" and len(spec) == 2:
                self.slot(spec[1])
            elif kind == "object" and len(spec) == 4:
                self.typed(spec[1], spec[2], spec[3])
                self.readable(spec[1])
                if self.p.buffers[<int32_t> spec[1]].home != HOME_OBJECT:
                    self.wrong(f"result {i} is not what a call gave")
            elif kind == "copy" and len(spec) == 6:
                self.view(spec[1:])
            else:
                self.wrong(f"result {i} has no place")
        return 0

    cdef int view(self, tuple spec) except -1:
        """Check an operand of a call: (buffer, offset, shape, strides, dtype), or (buffer, table, shape, None, dtype)."""
        cdef double low, high, n
        b, offset, shape, strides, dtype = spec
        if type(b) is not int or type(offset) is not int or abs(offset) > LARGEST or type(shape) is not tuple \
                or not isinstance(dtype, np.dtype) or dtype.hasobject or dtype.itemsize == 0 or len(shape) > 64:
            self.wrong("an array of the program has no sound shape, dtype or buffer")
        self.readable(b)
        if not all([type(d) is int and 0 <= d < LARGEST for d in shape]):
            self.wrong(f"{shape} is no shape")
        n = <double> (self.p.buffers[<int32_t> b].bytes // <int64_t> dtype.itemsize)
        if strides is None:
            if not 0 <= offset < len(self.p.tables) or len(self.p.tables[offset]) != np.prod(shape, dtype=np.float64):
                self.wrong("an array of the program has no table")
            self.table(self.p.tables[offset], n, 0)
            return 0
        if type(strides) is not tuple or len(strides) != len(shape) \
                or not all([type(s) is int and abs(s) < LARGEST for s in strides]):
            self.wrong("an array of the program has no sound strides")
        low = high = offset
        for d, s in zip(shape, strides):
            if d == 0:
                return 0
            if s > 0:
                high += <double> (d - 1) * <double> s
            else:
                low += <double> (d - 1) * <double> s
        if low < 0 or high >= n:
            self.wrong("an array of the program reaches outside its buffer")
        return 0

    cdef int table(self, object table, double elements, int64_t offset) except -1:
        cdef tuple ends = self.ends.get(id(table))
        if ends is None:
            if not isinstance(table, cnp.ndarray) or table.dtype != np.int64 or table.ndim != 1 \
                    or not table.flags.c_contiguous:
                self.wrong("a table of positions is none")
            ends = self.ends[id(table)] = (int(table.min()), int(table.max())) if table.size else ()
        if ends and (ends[0] + <object> offset < 0 or ends[1] + <object> offset >= elements):
            self.wrong("a table of positions reaches outside its buffer")
        return 0

    # ------------------------------------------------------------------------------------ steps
    cdef int steps(self) except -1:
        cdef Machine p = self.p
        cdef Step *s
        cdef int32_t k, group = 0, at = 0, op = 0, start = 0
        for k in range(p.n_steps):
            s = p.steps + k
            if s.index < 0 or s.work < 0:
                self.wrong(f"step {k} has no index or no work")
            if s.kind == STEP_SCALARS:
                if s.index != start:
                    self.wrong(f"step {k} is not where its instructions are")
                start = self.scalars(start)
            elif s.kind == STEP_GROUP:
                if s.index != group or group >= p.n_groups:
                    self.wrong(f"step {k} is not the group that comes next")
                self.group(p.groups + group, p.accesses + at, p.ops + op)
                at += p.groups[group].loads + p.groups[group].stores
                op += p.groups[group].ops
                group += 1
            elif s.kind == STEP_MATMUL:
                if s.index >= p.n_products:
                    self.wrong(f"step {k} has no matrix product")
                self.product(p.products + s.index)
            elif s.kind == STEP_ROUTINE:
                if s.index >= p.n_routines:
                    self.wrong(f"step {k} has no routine")
                self.routine(p.routines + s.index)
            elif s.kind == STEP_CALL:
                if s.index >= len(p.calls):
                    self.wrong(f"step {k} has no call")
                self.call(p.calls[s.index])
            else:
                self.wrong(f"step {k} is of no kind")
        if group != p.n_groups or start != p.n_code:
            self.wrong("there are groups or instructions that no step runs")
        self.results()
        return 0

    cdef int32_t scalars(self, int32_t start) except -1:
        """Check a run of scalar instructions; return where the next one starts."""
        cdef Machine p = self.p
        cdef Instr *q
        cdef int32_t k, n = p.n_slots
        cdef int64_t index
        for k in range(start, p.n_code):
            q = p.code + k
            if q.op == VM_END:
                return k + 1
            if q.op >= OP_FIRST_SCALAR:
                if q.op >= FUSED_END or not (0 <= q.r < n and 0 <= q.a < n and 0 <= q.b < n and 0 <= q.c < n):
                    self.wrong(f"instruction {k} has no operation or slots")
            elif q.op == VM_SINCOS:
                if not (0 <= q.r < n and 0 <= q.a < n and 0 <= q.c < n):
                    self.wrong(f"instruction {k} has no slots")
            elif q.op == VM_GUARD:
                if not (0 <= q.a < n and 0 <= q.b < n):
                    self.wrong(f"instruction {k} has no slots")
            elif q.op == VM_LOAD or q.op == VM_STORE:
                index = (<int64_t> q.c << 32) | <int64_t> (<unsigned int> q.b)
                if q.op == VM_LOAD:
                    self.readable(q.a)
                    if not 0 <= q.r < n or not 0 <= index < p.buffers[q.a].bytes // 8:
                        self.wrong(f"instruction {k} reads outside its buffer")
                else:
                    self.writable(q.r)
                    if not 0 <= q.a < n or not 0 <= index < p.buffers[q.r].bytes // 8:
                        self.wrong(f"instruction {k} writes outside its buffer")
            else:
                self.wrong(f"instruction {k} has no operation")
        self.wrong("its scalar instructions do not end")

    cdef int group(self, Group *g, Access *accesses, BlockOp *ops) except -1:
        cdef Access *x
        cdef BlockOp *o
        cdef uint8_t *held  # by register: 1 may be read, 2 may be written to
        cdef int i
        if g.size < 0 or <double> g.size > LARGEST or g.block < 1 or g.block > 4096 or not 0 <= g.registers <= 60000 \
                or not 0 <= g.scratch <= g.registers or (g.type != MM_F64 and g.type != MM_F32) \
                or g.scratch > 1024:
            self.wrong("a group has impossible sizes")
        held = <uint8_t *> calloc(g.registers + 1, 1)
        if held == NULL:
            raise MemoryError("no memory to check the program")
        try:
            for i in range(g.scratch):
                held[i] = 3
            for i in range(g.loads + g.stores):
                x = accesses + i
                if x.reg >= g.registers:
                    self.wrong("a group uses a register that it has not")
                if i < g.loads:
                    self.load(g, x, held)
                elif x.action == STORE_DIRECT:
                    if x.reg < g.scratch or x.mode != ACCESS_LINEAR or x.type != g.type or held[x.reg]:
                        self.wrong("a group makes a result in no memory")
                    held[x.reg] = 3
            for i in range(g.ops):
                o = ops + i
                if not OP_FIRST_SCALAR <= o.op < FUSED_END or o.variant >= VARIANTS \
                        or kernel_of(g.type, o.op, o.variant) == NULL:
                    self.wrong("a group has no such operation")
                if o.r >= g.registers or o.a >= g.registers or o.b >= g.registers or o.c >= g.registers \
                        or not held[o.r] & 2 or not (held[o.a] & held[o.b] & held[o.c] & 1):
                    self.wrong("a group uses a register that holds nothing")
            for i in range(g.loads, g.loads + g.stores):
                x = accesses + i
                if not held[x.reg] & 1:
                    self.wrong("a group stores a register that holds nothing")
                self.store(g, x)
                if i - g.loads >= MM_TOTALS and (x.clear != CLEAR_NOT or TOTAL_ADD <= x.action <= TOTAL_MINIMUM):
                    self.wrong("a group has too many totals")
        finally:
            free(held)
        return 0

    cdef int load(self, const Group *g, const Access *x, uint8_t *held) except -1:
        if x.action != STORE_SET or x.clear != CLEAR_NOT:
            self.wrong("a group does more than read an operand")
        if x.mode == ACCESS_SCALAR:
            self.slot(x.buffer)
        else:
            if x.type >= MM_TYPES:
                self.wrong("a group reads no dtype")
            self.readable(x.buffer)
            self.reach(g, x)
        if x.mode == ACCESS_LINEAR and x.type == g.type:
            if x.reg < g.scratch or held[x.reg]:
                self.wrong("a group reads memory into a register of its own")
            held[x.reg] = 1
        elif x.reg >= g.scratch:
            self.wrong("a group loads into a register that has no room")
        elif held[x.reg] & 4:  # the first may be read where it is, in a slot that the second would be written to
            self.wrong("a group loads two operands into one register")
        else:
            held[x.reg] |= 4
        return 0

    cdef int store(self, const Group *g, const Access *x) except -1:
        cdef int64_t elements
        if TOTAL_ADD <= x.action <= TOTAL_MINIMUM:
            if x.mode != ACCESS_LINEAR or x.clear != CLEAR_NOT:
                self.wrong("a total of a group has a place in memory")
            return self.slot(x.buffer)
        if x.action != STORE_SET and x.action != STORE_DIRECT and not STORE_ADD <= x.action <= STORE_MINIMUM:
            self.wrong("a group stores in no way")
        if x.type > MM_I32 or (x.action != STORE_SET and x.type != g.type) or x.mode == ACCESS_SCALAR \
                or (x.mode == ACCESS_INDEX and STORE_ADD < x.action <= STORE_MINIMUM):
            self.wrong("a group stores no dtype")
        self.writable(x.buffer)
        self.reach(g, x)
        elements = self.p.buffers[x.buffer].bytes // SIZES[x.type]
        if x.clear != CLEAR_NOT and (not STORE_ADD <= x.action <= STORE_MINIMUM or not 0 <= x.extent <= elements):
            self.wrong("a group clears more than its buffer")
        if x.clear > CLEAR_DIRECT or (x.clear >= CLEAR_FIRST and (x.mode != ACCESS_LINEAR or x.action != STORE_ADD)) \
                or (x.clear == CLEAR_DIRECT and x.reg >= g.scratch):
            self.wrong("a group clears in no way")
        return 0

    cdef int reach(self, const Group *g, const Access *x) except -1:
        """Return whether an access stays inside its buffer."""
        cdef double elements = <double> (self.p.buffers[x.buffer].bytes // SIZES[x.type])
        cdef double low = <double> x.offset, high = <double> x.offset, n = 1
        cdef int k
        if x.mode == ACCESS_INDEX:
            if not 1 <= <uintptr_t> x.table <= <uintptr_t> len(self.p.tables):
                self.wrong("a group has no table of positions")
            table = self.p.tables[<uintptr_t> x.table - 1]
            self.table(table, elements, x.offset)
            if len(table) < g.size:
                self.wrong("a table of positions is too short")
            return 0
        if x.mode == ACCESS_LINEAR:
            if low < 0 or low + <double> g.size > elements:
                self.wrong("a group reaches outside its buffer")
            if not STORE_ADD < x.action <= STORE_MINIMUM:  # which go by shape and strides even here
                return 0
        elif x.mode != ACCESS_AFFINE:
            self.wrong("a group finds its operands in no way")
        if not 1 <= x.rank <= MM_RANK:
            self.wrong("a group finds its operands in no way")
        for k in range(x.rank):
            if x.shape[k] < 0:
                self.wrong("a group has no shape")
            n *= <double> x.shape[k]
            if x.strides[k] > 0:
                high += (<double> x.shape[k] - 1) * <double> x.strides[k]
            else:
                low += (<double> x.shape[k] - 1) * <double> x.strides[k]
        if n != <double> g.size:
            self.wrong("an operand of a group has another number of elements")
        if g.size and (low < 0 or high >= elements):
            self.wrong("a group reaches outside its buffer")
        return 0

    cdef int product(self, const Product *q) except -1:
        cdef double m = <double> q.m, n = <double> q.n, k = <double> q.k, count = <double> q.count
        if q.m < 0 or q.n < 0 or q.k < 0 or q.count < 0:
            self.wrong("a matrix product has impossible sizes")
        self.readable(q.a)
        self.readable(q.b)
        self.writable(q.c)
        self.matrix(q.a, q.a_offset, m, k, q.a_row, q.a_column, count, q.a_step, m > 1 and k > 1 and q.a_column == 0)
        self.matrix(q.b, q.b_offset, k, n, q.b_row, q.b_column, count, q.b_step, k > 1 and n > 1 and q.b_row == 0)
        if count * m * n > <double> (self.p.buffers[q.c].bytes // 8) or q.c == q.a or q.c == q.b:
            self.wrong("a matrix product does not fit its buffer")
        return 0

    cdef int routine(self, const Routine *q) except -1:
        """Check linear algebra: operands and result are contiguous."""
        cdef double n = <double> q.n, k = <double> q.k, count = <double> q.count
        cdef double square = n * n, factors = n * n + n, size = n * k
        cdef bint systems = MM_SOLVE <= q.what and q.what < MM_COFACTOR
        if q.what < 0 or q.what >= MM_ROUTINES or q.n < 1 or q.k < 1 or q.count < 0 \
                or (q.what == MM_COFACTOR and q.n > MM_SMALL) or (not systems and q.k != 1):
            self.wrong("a matrix routine has impossible sizes")
        self.readable(q.a)
        self.readable(q.b)
        self.writable(q.c)
        matrix = q.what == MM_LU or q.what == MM_CHOLESKY or q.what >= MM_LOWER
        self.stack(q.a, q.a_offset, square if matrix else factors, count, q.a_step)
        if systems:
            self.stack(q.b, q.b_offset, size, count, q.b_step)
        elif q.b_offset != 0 or q.b_step != 0:
            self.wrong("a matrix routine has right sides that it does not read")
        if not systems:
            size = factors if q.what == MM_LU else 1.0 if q.what == MM_DET else 2.0 if q.what == MM_SLOGDET else square
        if count * size > <double> (self.p.buffers[q.c].bytes // 8) or q.c == q.a or (systems and q.c == q.b):
            self.wrong("a matrix routine does not fit its buffer")
        return 0

    cdef int stack(self, int32_t b, int64_t offset, double size, double count, int64_t step) except -1:
        """Check blocks of a buffer, one after the other or all the same."""
        if offset < 0 or step < 0:
            self.wrong("a matrix routine has negative strides")
        if count and <double> offset + (count - 1) * <double> step + size > <double> (self.p.buffers[b].bytes // 8):
            self.wrong("a matrix routine reaches outside its buffer")
        return 0

    cdef int matrix(self, int32_t b, int64_t offset, double rows, double columns, int64_t row, int64_t column, double count,
                    int64_t step, bint repeated) except -1:
        """Check one factor; `repeated`: what is summed over in it is the same all over, and only its other axis strides."""
        cdef double last
        if offset < 0 or row < 0 or column < 0 or step < 0:
            self.wrong("a matrix product has negative strides")
        if rows == 0 or columns == 0 or count == 0:
            return 0
        if repeated:
            if row == 0 and column == 0:
                self.wrong("a matrix product repeats a single element")
        elif (rows > 1 and row == 0) or (columns > 1 and column == 0):
            self.wrong("a matrix product repeats an element, as no BLAS does")
        elif rows > 1 and columns > 1 and not ((column == 1 and <double> row >= columns)
                                               or (row == 1 and <double> column >= rows)):
            self.wrong("a matrix product has strides that no BLAS takes")
        last = <double> offset + (rows - 1) * <double> row + (columns - 1) * <double> column + (count - 1) * <double> step
        if last >= <double> (self.p.buffers[b].bytes // 8):
            self.wrong("a matrix product reaches outside its buffer")
        return 0

    cdef int call(self, object call) except -1:
        cdef int32_t b
        cdef str kind
        if type(call) is not tuple or len(call) != 4:
            self.wrong("a call is none")
        op, operands, params, what = call
        if type(operands) is not tuple or type(params) is not dict or type(what) is not tuple or len(what) < 2:
            self.wrong("a call is none")
        for spec in operands:
            kind = self.kind_of(spec)
            if kind == "slot" and len(spec) == 3:
                self.slot(spec[1])
            elif kind == "view" and len(spec) == 6:
                self.view(spec[1:])
            elif kind != "value" or len(spec) != 2:
                self.wrong("a call has an operand from nowhere")
        if what[0] == "guard":
            if op is not None or len(operands) != 1 or operands[0][0] != "view" or len(what) != 3 \
                    or type(what[2]) is not int or abs(what[2]) > 2**31 - 1:
                self.wrong("a guard looks at nothing")
            return 0
        if not isinstance(op, Op):
            self.wrong("a call has no operation")
        self.window(op, operands, params, what)
        if what[0] == "slot":
            return self.slot(what[1])
        if what[0] not in ("object", "buffer") or len(what) != 4:
            self.wrong("a call has no result")
        self.typed(what[1], what[2], what[3])
        b = what[1]
        if what[0] == "object":
            if self.p.buffers[b].home != HOME_OBJECT:
                self.wrong("a call has no object for its result")
            self.made[b] = 1
        else:
            self.writable(b)
        return 0

    cdef int window(self, Op op, tuple operands, dict params, tuple what) except -1:
        """Check parameters of operations on affine windows, which do not look where they reach."""
        if op.name not in ("window", "embed", "put"):
            return 0
        if set(params) != {"offset", "shape", "strides", "of"}:
            self.wrong(f"{op.name} has other parameters than its own")
        offset, shape, strides, of = params["offset"], params["shape"], params["strides"], params["of"]
        if type(of) is not tuple or type(shape) is not tuple or type(strides) is not tuple or len(shape) != len(strides) \
                or len(shape) > 64 or type(offset) is not int \
                or not all([type(d) is int and abs(d) < LARGEST for d in (*of, *shape, *strides, offset)]) \
                or any([d < 0 for d in (*of, *shape)]):
            self.wrong(f"{op.name} has no sound parameters")
        n, low, high = 1, offset, offset
        for d in of:
            n *= d
        for d, s in zip(shape, strides):
            if s > 0:
                high += (d - 1) * s
            else:
                low += (d - 1) * s
        if 0 not in shape and (low < 0 or high >= n):
            self.wrong(f"{op.name} reaches outside its array")
        if op.name != "embed" and (not operands or self.shape_of(operands[0]) != of):
            self.wrong(f"{op.name} is given another array than the one it was made for")
        return 0

    cdef object shape_of(self, tuple spec):
        if spec[0] == "view":
            return spec[3]
        return spec[1].shape if spec[0] == "value" and isinstance(spec[1], cnp.ndarray) else ()
