"""The compiler's graph: what the passes rewrite.

An instruction is the tape's 24-byte node and a type (shape and dtype; type 0 is a number).  Scalar operations and
elementwise operations on arrays are the same instruction, told apart by a flag, so that a pass sees both.  Everything
else on arrays has a :class:`Payload`, and its operands in an array beside the nodes: a is the payload's number, b where
the operands begin, c how many they are.  Payloads never change, and equal windows, collections, puts and products share
one, so that instructions are copied and compared without looking at a Python object.

A pass makes a new graph from a given one, instruction by instruction: `copy` takes one over, `push` adds one, and a table
says what stands for each old instruction in the new graph.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcmp, memcpy

import numpy as np

from mmad.tape._instructions cimport (NODE_ARRAY, OP_CONST, OP_FIRST_SCALAR, OP_GUARD, OP_INPUT, OP_LOAD, OP_REC,
                                      OP_STORE, Node, Op, SC_positive, node_index, scalar_arity, scalar_name)

KIND_NAMES = ("constant", "input", "window", "collect", "put", "matmul", "call", "guard", "routine")
ACTION_NAMES = ("set", "add", "maximum", "minimum")

cdef dict _BY_NAME = {
    "f8": MM_F64, "f4": MM_F32, "?": MM_BOOL, "i8": MM_I64, "i4": MM_I32, "i2": MM_I16, "i1": MM_I8,
    "u8": MM_U64, "u4": MM_U32, "u2": MM_U16, "u1": MM_U8,
}
cdef dict _CODES = {None: MM_F64} | {np.dtype(key): value for key, value in _BY_NAME.items()}


cdef class Map:
    def __repr__(self):
        if self.table is not None:
            return f"table of {len(self.table)}"
        return f"{self.offset}+{self.shape}*{self.strides}"


cdef class Payload:
    """What an array instruction needs besides its node and operands."""


cdef Payload new_payload(int kind, Op op, tuple vals, dict params):
    cdef Payload p = Payload.__new__(Payload)
    p.kind, p.op, p.vals, p.params = kind, op, vals, params
    p.action, p.maps, p.kinds, p.value = SET, (), (), None
    return p


cdef Map new_map_of(int64_t offset, tuple shape, tuple strides):
    cdef Map m = Map.__new__(Map)
    m.offset, m.shape, m.strides, m.table, m.source = offset, shape, strides, None, None
    m.size = size_of(shape)
    return m


cdef int64_t size_of(tuple shape) except -1:
    cdef int64_t n = 1
    for d in shape:
        n *= <int64_t> d
    return n


cdef tuple strides_of(tuple shape):
    """Return the strides, in elements, of a C-ordered array."""
    cdef list out = []
    cdef int64_t step = 1
    for d in reversed(shape):
        out.append(step)
        step *= <int64_t> d
    out.reverse()
    return tuple(out)


cdef void *grown(void *data, size_t bytes) except NULL:
    cdef void *p = realloc(data, bytes)
    if p == NULL:
        raise MemoryError("no memory to compile the trace")
    return p


cdef int32_t *new_map(Graph g) except NULL:
    """Return a table by instruction, owned by the caller."""
    return <int32_t *> grown(NULL, (g.n + 1) * sizeof(int32_t))


cdef int32_t *use_counts(Graph g) except NULL:
    """Return how often each instruction is used; the caller owns the table."""
    cdef int32_t *uses = <int32_t *> calloc(g.n + 1, sizeof(int32_t))
    cdef const int32_t *operand
    cdef int32_t k, i, n
    if uses == NULL:
        raise MemoryError("no memory to compile the trace")
    for k in range(g.n):
        operand = operands_of(g, k, &n)
        for i in range(n):
            if operand[i] >= 0:
                uses[operand[i]] += 1
    for k in g.outputs:
        if k >= 0:
            uses[k] += 1
    return uses


cdef uint8_t code_of(object dtype) except? 254:
    """Return how the machine reads memory of a dtype; TYPE_OTHER if it does not."""
    return _CODES.get(dtype, TYPE_OTHER)


cdef class Shared:
    def __cinit__(self):
        self.types, self.payloads = [], []
        self.type_index, self.map_index, self.payload_index, self.composed = {}, {}, {}, {}
        self.type_of((), None)

    def __dealloc__(self):
        free(self.code)
        free(self.size)

    cdef int32_t type_of(self, tuple shape, object dtype) except -1:
        cdef tuple key = (shape, dtype)
        cdef int32_t k
        found = self.type_index.get(key)
        if found is not None:
            return found
        k = <int32_t> len(self.types)
        if k >= self.capacity:
            self.capacity = 2 * k + 16
            self.code = <uint8_t *> grown(self.code, self.capacity)
            self.size = <int64_t *> grown(self.size, self.capacity * sizeof(int64_t))
        self.code[k], self.size[k] = _CODES.get(dtype, TYPE_OTHER), size_of(shape)
        self.type_index[key] = k
        self.types.append(key)
        return k

    cdef Map map_of(self, Map m):
        """Return the one map that is equal to m."""
        cdef tuple key = (m.offset, m.shape, m.strides, None if m.table is None else id(m.table))
        cdef object found = self.map_index.get(key)
        if found is None:
            found = self.map_index[key] = m
        return <Map> found

    cdef Map compose(self, Map m, Map n):
        """Return the window m of the window n as one window; None where they stay two."""
        cdef tuple key = (m, n)
        cdef object found = self.composed.get(key, self)
        if found is self:
            found = compose(m, n)
            if found is not None:
                found = self.map_of(<Map> found)
            self.composed[key] = found
        return <Map> found

    cdef int32_t keep(self, Payload p) except -1:
        self.payloads.append(p)
        return <int32_t> len(self.payloads) - 1

    cdef int32_t payload_of(self, int kind, int action, Op op, tuple maps) except -1:
        """Return the number of the one payload of a window, collection, put or product; the maps are of `map_of`."""
        cdef tuple key = (kind, action, op, maps)
        cdef object found = self.payload_index.get(key)
        cdef Payload p
        if found is None:
            p = new_payload(kind, op, (), None)
            p.action, p.maps = action, maps
            found = self.payload_index[key] = self.keep(p)
        return found


cdef class Graph:
    """Instructions, inputs and outputs of a program that is being compiled."""

    def __cinit__(self, Shared shared=None):
        self.shared = Shared() if shared is None else shared
        self.inputs, self.outputs, self.constants = [], [], {}

    def __dealloc__(self):
        free(self.nodes)
        free(self.type)
        free(self.args)

    def __len__(self):
        return self.n

    @property
    def types(self):
        """Shape and dtype of each type."""
        return self.shared.types

    cdef Graph like(self):
        """Return an empty graph with the same types, and room for as many instructions."""
        cdef Graph g = Graph.__new__(Graph, self.shared)
        g.reserve(self.n)
        return g

    cdef int32_t type_of(self, tuple shape, object dtype) except -1:
        return self.shared.type_of(shape, dtype)

    cdef tuple shape(self, int32_t k):
        return <tuple> (<tuple> self.shared.types[self.type[k]])[0]

    cdef int64_t elements(self, int32_t k) noexcept:
        return self.shared.size[self.type[k]]

    cdef uint8_t precision(self, int32_t k) noexcept:
        """Return MM_F64 (for a number, too), MM_F32, MM_BOOL, an integer type or TYPE_OTHER."""
        return self.shared.code[self.type[k]]

    cdef Payload payload(self, int32_t k):
        return <Payload> self.shared.payloads[self.nodes[k].a]

    cdef int32_t arg(self, int32_t k, int32_t i) noexcept:
        """Return operand i of an instruction with a payload."""
        return self.args[self.nodes[k].b + i]

    cdef int reserve(self, int32_t n) except -1:
        self.nodes = <Node *> grown(self.nodes, n * sizeof(Node) + 1)
        self.type = <int32_t *> grown(self.type, n * sizeof(int32_t) + 1)
        self.capacity = n
        return 0

    cdef int32_t push(self, int op, int flags, int32_t a, int32_t b, int32_t c, double v, int32_t type) except -1:
        cdef Node *p
        if self.n >= self.capacity:
            self.reserve(self.capacity + (self.capacity >> 1) + 256)
        p = self.nodes + self.n
        p.op, p.flags, p.a, p.b, p.c, p.v = op, flags, a, b, c, v
        self.type[self.n] = type
        self.n += 1
        return self.n - 1

    cdef int32_t *room(self, int32_t n) except NULL:
        """Make room for the next n operands and return it."""
        if self.n_args + n > self.args_capacity or self.args == NULL:
            self.args_capacity = 2 * self.args_capacity + n + 64
            self.args = <int32_t *> grown(self.args, self.args_capacity * sizeof(int32_t))
        self.n_args += n
        return self.args + self.n_args - n

    cdef int32_t push_payload(self, int op, int flags, int32_t payload, const int32_t *args, int32_t n, int32_t type) \
            except -1:
        """Append an instruction with a payload; `args` must not point into this graph's own operands."""
        memcpy(self.room(n), args, n * sizeof(int32_t))
        return self.push(op, flags, payload, self.n_args - n, n, 0.0, type)

    cdef int set_operands(self, int32_t k, int32_t payload, list args) except -1:
        """Give instruction k another payload and operands."""
        cdef int32_t n = <int32_t> len(args), i
        cdef int32_t *at = self.room(n)
        for i in range(n):
            at[i] = args[i]
        self.nodes[k].a, self.nodes[k].b, self.nodes[k].c = payload, self.n_args - n, n
        return 0

    cdef int32_t window(self, int32_t base, Map m, int flags, int32_t type) except -1:
        """Append a window; if its base is a window, of that one's base where possible, else of a copy: never of a window."""
        cdef Payload w
        cdef Map n
        m = self.shared.map_of(m)
        if self.nodes[base].op == OP_REC:
            w = self.payload(base)
            if w.kind == P_WINDOW:
                n = self.shared.compose(m, <Map> w.maps[0])
                if n is not None:
                    base, m = self.arg(base, 0), n
                else:
                    base = self.push(SC_positive, self.nodes[base].flags, base, -1, -1, 0.0, self.type[base])
        return self.push_payload(OP_REC, flags, self.shared.payload_of(P_WINDOW, SET, None, (m,)), &base, 1, type)

    cdef int32_t constant(self, double v) except -1:
        """Append a number; equal ones (bit by bit, but for NaN) are one instruction."""
        cdef object key = v
        if v == 0:
            key = (v, 1.0 / v)
        k = self.constants.get(key)
        if k is None:
            k = self.push(OP_CONST, 0, -1, -1, -1, v, 0)
            self.constants[key] = k
        return k

    cdef int32_t copy(self, Graph g, int32_t k, const int32_t *to) except -1:
        """Append instruction k of g, on the operands that stand for its own."""
        cdef const Node *p = g.nodes + k
        cdef int32_t *at
        cdef int32_t i, j
        cdef int arity
        if p.op >= OP_FIRST_SCALAR:
            arity = scalar_arity(p.op)
            return self.push(p.op, p.flags, to[p.a], to[p.b] if arity > 1 else -1, to[p.c] if arity > 2 else -1, 0.0,
                             g.type[k])
        if p.op == OP_CONST and not p.flags & NODE_ARRAY:
            return self.constant(p.v)
        if p.op == OP_LOAD:
            return self.push(OP_LOAD, p.flags, to[p.a], p.b, p.c, 0.0, 0)
        if p.op == OP_STORE:
            return self.push(OP_STORE, p.flags, to[p.a], to[p.b], -1, p.v, g.type[k])  # v holds the index
        if p.op == OP_GUARD and p.c < 0:
            return self.push(OP_GUARD, p.flags, to[p.a], -1, -1, p.v, 0)
        if not p.flags & NODE_ARRAY and p.op == OP_INPUT:
            return self.push(OP_INPUT, p.flags, -1, -1, -1, 0.0, 0)
        at = self.room(p.c)
        for i in range(p.c):
            j = g.args[p.b + i]
            at[i] = to[j] if j >= 0 else -1
        return self.push(p.op, p.flags, p.a, self.n_args - p.c, p.c, 0.0, g.type[k])

    cdef int set_ends(self, Graph g, const int32_t *to) except -1:
        """Set the inputs and outputs, once every instruction of g has something that stands for it."""
        self.inputs = [to[k] if k >= 0 else -1 for k in g.inputs]
        self.outputs = [to[k] if k >= 0 else -1 for k in g.outputs]
        return 0

    cdef bint same(self, Graph g) noexcept:
        """Return whether a pass has changed nothing: every instruction is what it is in g, and where it is there."""
        return (self.n == g.n and self.n_args == g.n_args
                and memcmp(self.nodes, g.nodes, self.n * sizeof(Node)) == 0
                and memcmp(self.type, g.type, self.n * sizeof(int32_t)) == 0
                and (self.n_args == 0 or memcmp(self.args, g.args, self.n_args * sizeof(int32_t)) == 0))

    def validate(self):
        """Raise AssertionError unless every operand is an instruction before its user.

        Checked after every pass in debug mode (``MMAD_DEBUG=1``).
        """
        cdef int32_t k, i, n
        cdef const int32_t *operand
        for k in range(self.n):
            operand = operands_of(self, k, &n)
            for i in range(n):
                assert operand[i] < k, f"{self.line(k)} uses %{operand[i]}"
                assert operand[i] >= (-1 if self.nodes[k].op == OP_REC else 0), self.line(k)
            if self.nodes[k].op == OP_REC:
                assert len(self.payload(k).maps) in (0, 1, n), self.line(k)
        for k in self.outputs + self.inputs:
            assert -1 <= k < self.n

    def line(self, int32_t k):
        """Return instruction k as text."""
        cdef Node *p = self.nodes + k
        cdef int32_t i, n
        cdef const int32_t *operand = operands_of(self, k, &n)
        shape, dtype = self.types[self.type[k]]
        kind = "" if dtype is None else f" : {dtype}[{','.join(map(str, shape))}]"
        if p.op >= OP_FIRST_SCALAR:
            args = ", ".join([f"%{operand[i]}" for i in range(n)])
            return f"%{k} = {scalar_name(p.op).decode()} {args}{kind}"
        if p.op == OP_LOAD:
            return f"%{k} = load %{p.a} [{node_index(p)}]"
        if p.op == OP_STORE:
            return f"%{k} = store %{p.a} [{p.i}] %{p.b}{kind}"
        if p.op == OP_GUARD and p.c < 0:
            return f"guard %{p.a} is {p.v!r}"
        if p.op == OP_CONST and not p.flags & NODE_ARRAY:
            return f"%{k} = const {p.v!r}"
        if p.op == OP_INPUT:
            return f"%{k} = input{kind}"
        w = self.payload(k)
        args = ", ".join([f"%{operand[i]}" if operand[i] >= 0 else "const" for i in range(n)])
        if w.kind == P_COLLECT:
            maps = " ".join(map(repr, w.maps))
            return f"%{k} = collect {ACTION_NAMES[w.action]} {args} {maps}{kind}"
        if w.kind == P_WINDOW or w.kind == P_PUT:
            return f"%{k} = {KIND_NAMES[w.kind]} {args} {w.maps[0]!r}{kind}"
        name = w.op.name if w.kind in (P_CALL, P_ROUTINE) and w.op is not None else KIND_NAMES[w.kind]
        return f"%{k} = {name} {args}{kind}"

    def __str__(self):
        lines = [self.line(k) for k in range(self.n)]
        return "\n".join([*lines, "return " + ", ".join([f"%{k}" for k in self.outputs])])


cdef Map compose(Map m, Map n):
    """Return the window m of the window n as one window of n's base; None where n is a table, which is better kept.

    An axis of m steps through n's flat index by its stride, that is by a fixed step along each of n's axes, as long as
    no step carries into the next axis.
    """
    cdef int rank = len(n.shape), i, k
    cdef int64_t offset, sign, s
    cdef list start = [], low, high, steps, strides = []
    if n.table is not None:
        return None
    if m.table is not None:
        return tabulated(m, n)
    start = unravel(m.offset, n.shape)
    low, high = list(start), list(start)
    for k in range(len(m.shape)):
        if m.shape[k] <= 1:
            strides.append(0)
            continue
        s = m.strides[k]
        sign = -1 if s < 0 else 1
        steps = unravel(s * sign, n.shape)
        for i in range(rank):
            if sign > 0:
                high[i] += (m.shape[k] - 1) * steps[i]
            else:
                low[i] -= (m.shape[k] - 1) * steps[i]
        strides.append(sum([sign * d * t for d, t in zip(steps, n.strides)]))
    if m.size == 0:
        return new_map_of(0, m.shape, tuple([0] * len(m.shape)))
    for i in range(rank):
        if low[i] < 0 or high[i] >= n.shape[i]:
            return None
    offset = n.offset
    for i in range(rank):
        offset += <int64_t> start[i] * <int64_t> n.strides[i]
    return new_map_of(offset, m.shape, tuple(strides))


cdef Map tabulated(Map m, Map n):
    """Return positions in a window as positions in its base."""
    cdef Map out = new_map_of(0, m.shape, ())
    out.source = m.source
    if n.offset == 0 and tuple(n.strides) == strides_of(n.shape):
        out.table = m.table
    else:
        index = np.unravel_index(m.table, n.shape)
        out.table = np.ascontiguousarray(n.offset + sum([i * s for i, s in zip(index, n.strides)]), dtype=np.int64)
    return out


cdef list unravel(int64_t flat, tuple shape):
    """Return the index of a flat position; the first axis takes what is too large."""
    cdef list out = []
    cdef int k
    for k in range(len(shape) - 1, 0, -1):
        if shape[k] > 0:
            out.append(flat % <int64_t> shape[k])
            flat //= <int64_t> shape[k]
        else:
            out.append(0)
    if len(shape):
        out.append(flat)
    out.reverse()
    return out
