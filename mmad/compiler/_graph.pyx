"""The compiler's graph: what the passes rewrite.

An instruction is the tape's 24-byte node and a type (shape and dtype; type 0 is a number).  Scalar operations and
elementwise operations on arrays are the same instruction, told apart by a flag, so that a pass sees both; everything
else on arrays has a :class:`Payload`.  A pass makes a new graph from a given one, instruction by instruction: `copy`
takes one over, `push` adds one, and a table says what stands for each old instruction in the new graph.
"""
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free, malloc, realloc

import numpy as np

from mmad._instructions cimport (NODE_ARRAY, OP_CONST, OP_FIRST_SCALAR, OP_GUARD, OP_INPUT, OP_LOAD, OP_REC,
                                 OP_STORE, SC_positive, Node, Op, node_index, scalar_arity, scalar_name)

KIND_NAMES = ("constant", "input", "window", "collect", "put", "matmul", "call", "guard")
ACTION_NAMES = ("set", "add", "maximum", "minimum")


cdef class Map:
    def __repr__(self):
        if self.table is not None:
            return f"table of {len(self.table)}"
        return f"{self.offset}+{self.shape}*{self.strides}"


cdef class Payload:
    """What an array instruction needs beside its node."""


cdef Payload new_payload(int kind, Op op, tuple args, tuple vals, dict params):
    cdef Payload p = Payload.__new__(Payload)
    p.kind, p.op, p.args, p.vals, p.params = kind, op, args, vals, params
    p.action, p.maps, p.kinds, p.value = SET, (), (), None
    return p


cdef Map new_map_of(int64_t offset, tuple shape, tuple strides):
    cdef Map m = Map.__new__(Map)
    m.offset, m.shape, m.strides, m.table, m.source = offset, shape, strides, None, None
    return m


cdef int64_t size_of(tuple shape) except -1:
    cdef int64_t n = 1
    for d in shape:
        n *= <int64_t> d
    return n


cdef tuple strides_of(tuple shape):
    """Strides, in elements, of a C-ordered array."""
    cdef list out = []
    cdef int64_t step = 1
    for d in reversed(shape):
        out.append(step)
        step *= <int64_t> d
    out.reverse()
    return tuple(out)


cdef int32_t *new_map(Graph g) except NULL:
    """A table by instruction, owned by the caller."""
    cdef int32_t *to = <int32_t *> malloc((g.n + 1) * sizeof(int32_t))
    if to == NULL:
        raise MemoryError("no memory to compile the trace")
    return to


cdef class Graph:
    """Instructions, inputs and outputs of a program that is being compiled."""

    def __cinit__(self):
        self.nodes, self.type, self.n, self.capacity = NULL, NULL, 0, 0
        self.payloads, self.inputs, self.outputs = [], [], []
        self.types, self.type_index, self.constants = [((), None)], {}, {}

    def __dealloc__(self):
        free(self.nodes)
        free(self.type)

    def __len__(self):
        return self.n

    cdef Graph like(self):
        """An empty graph with the same types."""
        cdef Graph g = Graph.__new__(Graph)
        g.types, g.type_index = self.types, self.type_index
        return g

    cdef int32_t type_of(self, tuple shape, object dtype) except -1:
        cdef tuple key = (shape, dtype)
        k = self.type_index.get(key)
        if k is None:
            k = self.type_index[key] = len(self.types)
            self.types.append(key)
        return k

    cdef tuple shape(self, int32_t k):
        return (<tuple> self.types[self.type[k]])[0]

    cdef Payload payload(self, int32_t k):
        return <Payload> self.payloads[self.nodes[k].a]

    cdef int32_t push(self, int op, int flags, int32_t a, int32_t b, int32_t c, double v, int32_t type) except -1:
        cdef Node *p
        cdef int32_t capacity
        cdef void *grown
        if self.n >= self.capacity:
            capacity = self.capacity + (self.capacity >> 1) + 256
            grown = realloc(self.nodes, capacity * sizeof(Node))
            if grown == NULL:
                raise MemoryError("no memory to compile the trace")
            self.nodes = <Node *> grown
            grown = realloc(self.type, capacity * sizeof(int32_t))
            if grown == NULL:
                raise MemoryError("no memory to compile the trace")
            self.type = <int32_t *> grown
            self.capacity = capacity
        p = self.nodes + self.n
        p.op, p.flags, p.a, p.b, p.c, p.v = op, flags, a, b, c, v
        self.type[self.n] = type
        self.n += 1
        return self.n - 1

    cdef int32_t push_payload(self, int op, int flags, Payload p, int32_t type) except -1:
        self.payloads.append(p)
        return self.push(op, flags, <int32_t> len(self.payloads) - 1, -1, -1, 0.0, type)

    cdef int32_t window(self, int32_t base, Map m, int flags, int32_t type) except -1:
        """A window; where its base is one, on that one's base if it can be, else on a copy: never on a window."""
        cdef Payload w = new_payload(P_WINDOW, None, (base,), (), None)
        cdef Map n
        w.maps = (m,)
        if self.nodes[base].op == OP_REC and self.payload(base).kind == P_WINDOW:
            n = compose(m, self.payload(base).maps[0])
            if n is not None:
                w.args, w.maps = self.payload(base).args, (n,)
            else:
                w.args = (self.push(SC_positive, self.nodes[base].flags, base, -1, -1, 0.0, self.type[base]),)
        return self.push_payload(OP_REC, flags, w, type)

    cdef int32_t constant(self, double v) except -1:
        """A number; equal ones (bit by bit, but for NaN) are one instruction."""
        cdef object key = v
        if v == 0:
            key = (v, 1.0 / v)
        k = self.constants.get(key)
        if k is None:
            k = self.push(OP_CONST, 0, -1, -1, -1, v, 0)
            self.constants[key] = k
        return k

    cdef int32_t copy(self, Graph g, int32_t k, const int32_t *to) except -1:
        """Instruction k of g, on the operands that stand for its own."""
        cdef Node p = g.nodes[k]
        cdef Payload old, new
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
        old = g.payload(k)
        new = new_payload(old.kind, old.op, tuple([to[j] if j >= 0 else -1 for j in old.args]), old.vals, old.params)
        new.action, new.maps, new.kinds, new.value = old.action, old.maps, old.kinds, old.value
        return self.push_payload(p.op, p.flags, new, g.type[k]) if p.op != OP_GUARD else self.array_guard(new)

    def array_guard(self, Payload p):
        self.payloads.append(p)
        return self.push(OP_GUARD, 0, <int32_t> len(self.payloads) - 1, -1, 0, 0.0, 0)

    cdef int finish(self, Graph g, const int32_t *to) except -1:
        """Inputs and outputs, where every instruction of g has something that stands for it."""
        self.inputs = [to[k] if k >= 0 else -1 for k in g.inputs]
        self.outputs = [to[k] if k >= 0 else -1 for k in g.outputs]
        return 0

    def validate(self):
        """Raise AssertionError unless every operand is an instruction before its user.

        Passes are held to it in debug mode (``MMAD_DEBUG=1``).
        """
        cdef int32_t k, j
        for k in range(self.n):
            for j in all_operands(self, k):
                assert 0 <= j < k, f"{self.line(k)} uses %{j}"
            if self.nodes[k].op == OP_REC:
                assert len(self.payload(k).maps) in (0, 1, len(self.payload(k).args)), self.line(k)
        for k in self.outputs + self.inputs:
            assert -1 <= k < self.n

    def line(self, int32_t k):
        """Instruction k as text."""
        cdef Node *p = self.nodes + k
        shape, dtype = self.types[self.type[k]]
        kind = "" if dtype is None else f" : {dtype}[{','.join(map(str, shape))}]"
        if p.op >= OP_FIRST_SCALAR:
            args = ", ".join([f"%{j}" for j in (p.a, p.b, p.c)[:scalar_arity(p.op)]])
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
        args = ", ".join([f"%{j}" if j >= 0 else "const" for j in w.args])
        if w.kind == P_COLLECT:
            maps = " ".join(map(repr, w.maps))
            return f"%{k} = collect {ACTION_NAMES[w.action]} {args} {maps}{kind}"
        if w.kind == P_WINDOW or w.kind == P_PUT:
            return f"%{k} = {KIND_NAMES[w.kind]} {args} {w.maps[0]!r}{kind}"
        name = w.op.name if w.kind == P_CALL else KIND_NAMES[w.kind]
        return f"%{k} = {name} {args}{kind}"

    def __str__(self):
        lines = [self.line(k) for k in range(self.n)]
        return "\n".join([*lines, "return " + ", ".join([f"%{k}" for k in self.outputs])])


cdef Map compose(Map m, Map n):
    """The window m of the window n as one window of n's base; None where n is a table, which is better kept.

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
    if size_of(m.shape) == 0:
        return new_map_of(0, m.shape, tuple([0] * len(m.shape)))
    for i in range(rank):
        if low[i] < 0 or high[i] >= n.shape[i]:
            return None
    offset = n.offset
    for i in range(rank):
        offset += <int64_t> start[i] * <int64_t> n.strides[i]
    return new_map_of(offset, m.shape, tuple(strides))


cdef Map tabulated(Map m, Map n):
    """Positions in a window as positions in its base."""
    cdef Map out = new_map_of(0, m.shape, ())
    out.source = m.source
    if n.offset == 0 and tuple(n.strides) == strides_of(n.shape):
        out.table = m.table
    else:
        index = np.unravel_index(m.table, n.shape)
        out.table = np.ascontiguousarray(n.offset + sum([i * s for i, s in zip(index, n.strides)]), dtype=np.int64)
    return out


cdef list unravel(int64_t flat, tuple shape):
    """The index of a flat position; the first axis takes what is too large."""
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


cdef int operands_of(Graph g, int32_t k, int32_t *out) noexcept:
    """Operands of an instruction without a payload; their number."""
    cdef Node *p = g.nodes + k
    cdef int n
    if p.op >= OP_FIRST_SCALAR:
        n = scalar_arity(p.op)
        out[0], out[1], out[2] = p.a, p.b, p.c
        return n
    if p.op == OP_LOAD or (p.op == OP_GUARD and p.c < 0):
        out[0] = p.a
        return 1
    if p.op == OP_STORE:
        out[0], out[1] = p.a, p.b
        return 2
    return 0


cdef tuple all_operands(Graph g, int32_t k):
    """Operands of any instruction."""
    cdef int32_t out[3]
    cdef int n
    cdef Node *p = g.nodes + k
    if (p.op == OP_REC or (p.op == OP_GUARD and p.c >= 0)) and p.a >= 0:
        return tuple([j for j in g.payload(k).args if j >= 0])
    n = operands_of(g, k, out)
    return tuple([out[i] for i in range(n)])
