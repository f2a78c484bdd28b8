"""Pass `simplify`: operations that need not be done, or can be cheaper.

1. Copies give way to what they copy; an operand that is a number spread over an array becomes the number; a window of a
   window becomes one window, where it is affine.
2. x * 1, x / 1, x - 0 become x; division by a power of two becomes multiplication.
3. A chain product with a finite constant, or of a constant that is not zero, becomes an ordinary product.
4. Signs move outwards through products and vanish in sums: x + (-y) = x - y, (-x) * y = -(x * y), -(-x) = x.
5. A `load` reads past stores to other elements, and takes the value stored to its own.
6. Sums of collected arrays become one collection: the parts are added where they belong, without the zeros between.

Kept: every value, NaN and infinities included; a zero may change its sign where step 3 or 4 applies.
"""
from libc.math cimport INFINITY, fabs, frexp, isfinite
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

from mmad._instructions cimport (NODE_ARRAY, OP_CONST, OP_FIRST_SCALAR, OP_LOAD, OP_REC, OP_STORE, SC_add,
                                 SC_chain, SC_divide, SC_multiply, SC_negative, SC_positive, SC_subtract, Node, node_index,
                                 scalar_arity)
from mmad.compiler._graph cimport (ADD, NODE_SINGLE, P_COLLECT, P_WINDOW, Graph, Map, Payload, new_map, new_map_of,
                                   new_payload, operands_of, strides_of)

cdef enum:
    LOOK_BACK = 64  # stores that a load looks past: a longer chain costs more time than the load


def simplify(Graph g):
    """Simplify operations.

    Parameters
    ----------
    g : Graph

    Returns
    -------
    Graph
    """
    return Simplifier(g).run()


cdef class Simplifier:
    cdef Graph g, out
    cdef int32_t *to
    cdef int32_t *uses

    def __cinit__(self, Graph g):
        self.g, self.out = g, g.like()
        self.to = new_map(g)
        self.uses = <int32_t *> calloc(g.n + 1, sizeof(int32_t))
        if self.uses == NULL:
            raise MemoryError("no memory to compile the trace")

    def __dealloc__(self):
        free(self.to)
        free(self.uses)

    cdef Graph run(self):
        cdef Graph g = self.g
        cdef Graph out = self.out
        cdef Node *p
        cdef int32_t k, j, a, b, c
        cdef int arity
        self.count()
        for k in range(g.n):
            p = g.nodes + k
            if p.op >= OP_FIRST_SCALAR:
                arity = scalar_arity(p.op)
                a = self.spread(p.flags, self.to[p.a])
                b = self.spread(p.flags, self.to[p.b]) if arity > 1 else -1
                c = self.spread(p.flags, self.to[p.c]) if arity > 2 else -1
                j = self.sum_of_collections(k) if p.op == SC_add and p.flags & NODE_ARRAY else -1
                self.to[k] = self.operation(p.op, p.flags, a, b, c, g.type[k]) if j < 0 else j
            elif p.op == OP_LOAD:
                self.to[k] = self.load(self.to[p.a], node_index(p))
            elif p.op == OP_REC and g.payload(k).kind == P_WINDOW:
                self.to[k] = self.window(k)
            else:
                self.to[k] = out.copy(g, k, self.to)
        out.finish(g, self.to)
        return out

    cdef int count(self) except -1:
        """How often each instruction is used."""
        cdef Graph g = self.g
        cdef int32_t operand[3]
        cdef int32_t k, j
        cdef int i
        for k in range(g.n):
            for i in range(operands_of(g, k, operand)):
                self.uses[operand[i]] += 1
            if g.nodes[k].op == OP_REC:
                for j in g.payload(k).args:
                    if j >= 0:
                        self.uses[j] += 1
        for k in g.outputs:
            if k >= 0:
                self.uses[k] += 1
        return 0

    cdef int32_t spread(self, int flags, int32_t k) noexcept:
        """For an operand of an operation on arrays: the number that is spread over an array."""
        cdef Node *p = self.out.nodes + k
        if flags & NODE_ARRAY and p.op == SC_positive and p.flags & NODE_ARRAY \
                and not self.out.nodes[p.a].flags & NODE_ARRAY:
            return p.a
        return k

    cdef inline bint constant(self, int32_t k) noexcept:
        return self.out.nodes[k].op == OP_CONST and not self.out.nodes[k].flags & NODE_ARRAY

    cdef inline bint same_type(self, int32_t k, int32_t type) noexcept:
        """Whether instruction k can stand for a result of this type."""
        return self.out.type[k] == type

    cdef inline bint negated(self, int32_t k, int32_t type) noexcept:
        return self.out.nodes[k].op == SC_negative and self.same_type(k, type)

    cdef int32_t operation(self, int op, int flags, int32_t a, int32_t b, int32_t c, int32_t type) except -1:
        """An operation, simplified, on operands that are."""
        cdef Graph out = self.out
        cdef Node *nodes = out.nodes
        cdef double v
        cdef int exponent
        if op == SC_positive:
            if self.same_type(a, type):
                return a
        elif op == SC_negative:
            if self.negated(a, type):
                return nodes[a].a
            if nodes[a].op == SC_subtract and self.same_type(a, type):
                return self.operation(SC_subtract, flags, nodes[a].b, nodes[a].a, -1, type)
        elif op == SC_chain:
            if self.constant(a) and nodes[a].v != 0:
                return self.operation(SC_multiply, flags, a, b, -1, type)
            if self.constant(b) and isfinite(nodes[b].v):
                return self.operation(SC_multiply, flags, a, b, -1, type)
            if self.negated(a, type):
                a = self.operation(SC_chain, flags, nodes[a].a, b, -1, type)
                return self.operation(SC_negative, flags, a, -1, -1, type)
            if self.negated(b, type):
                a = self.operation(SC_chain, flags, a, nodes[b].a, -1, type)
                return self.operation(SC_negative, flags, a, -1, -1, type)
        elif op == SC_multiply:
            if self.constant(a) and nodes[a].v == 1 and self.same_type(b, type):
                return b
            if self.constant(b) and nodes[b].v == 1 and self.same_type(a, type):
                return a
            if self.constant(a) and nodes[a].v == -1 and self.same_type(b, type):
                return self.operation(SC_negative, flags, b, -1, -1, type)
            if self.constant(b) and nodes[b].v == -1 and self.same_type(a, type):
                return self.operation(SC_negative, flags, a, -1, -1, type)
            if self.negated(a, type):
                if self.constant(b):
                    v, a = -nodes[b].v, nodes[a].a
                    return self.operation(op, flags, a, out.constant(v), -1, type)
                a = self.operation(op, flags, nodes[a].a, b, -1, type)
                return self.operation(SC_negative, flags, a, -1, -1, type)
            if self.negated(b, type):
                if self.constant(a):
                    v, b = -nodes[a].v, nodes[b].a
                    return self.operation(op, flags, out.constant(v), b, -1, type)
                a = self.operation(op, flags, a, nodes[b].a, -1, type)
                return self.operation(SC_negative, flags, a, -1, -1, type)
        elif op == SC_divide:
            if self.constant(b):
                v = nodes[b].v
                if v == 1 and self.same_type(a, type):
                    return a
                if isfinite(v) and v != 0 and fabs(frexp(v, &exponent)) == 0.5 and -1000 < exponent < 1000 \
                        and not flags & NODE_SINGLE:
                    return self.operation(SC_multiply, flags, a, out.constant(1.0 / v), -1, type)
        elif op == SC_add:
            if self.negated(b, type):
                return self.operation(SC_subtract, flags, a, nodes[b].a, -1, type)
            if self.negated(a, type):
                return self.operation(SC_subtract, flags, b, nodes[a].a, -1, type)
        elif op == SC_subtract:
            if self.constant(b) and nodes[b].v == 0 and 1 / nodes[b].v == INFINITY and self.same_type(a, type):
                return a
            if self.negated(b, type):
                return self.operation(SC_add, flags, a, nodes[b].a, -1, type)
        return out.push(op, flags, a, b, c, 0.0, type)

    cdef int32_t load(self, int32_t array, int64_t index) except -1:
        """An element: what was stored there last, if that is known."""
        cdef Node *p
        cdef int steps = 0
        while self.out.nodes[array].op == OP_STORE and steps < LOOK_BACK:
            p = self.out.nodes + array
            if p.i == index:
                return p.b
            array = p.a
            steps += 1
        return self.out.push(OP_LOAD, 0, array, <int32_t> (index & 0xffffffff), <int32_t> (index >> 32), 0.0, 0)

    cdef int32_t window(self, int32_t k) except -1:
        """A window on what its base is a window of."""
        cdef Graph g = self.g
        cdef Graph out = self.out
        cdef Payload w = g.payload(k)
        cdef Map m = w.maps[0]
        cdef int32_t base = self.to[<int32_t> w.args[0]]
        cdef Node *p = out.nodes + base
        if p.op == SC_positive and p.flags & NODE_ARRAY and not out.nodes[p.a].flags & NODE_ARRAY:
            return out.push(SC_positive, g.nodes[k].flags, p.a, -1, -1, 0.0, g.type[k])
        if m.table is None:
            if m.offset == 0 and g.type[k] == out.type[base] and same_layout(m.shape, m.strides):
                return base
        return out.window(base, m, g.nodes[k].flags, g.type[k])

    cdef int32_t sum_of_collections(self, int32_t k) except -2:
        """x + y, where one is a collection by addition that nothing else uses; -1 otherwise."""
        cdef Graph g = self.g
        cdef Graph out = self.out
        cdef Node *p = g.nodes + k
        cdef Payload w, v
        cdef int32_t a = self.to[p.a], b = self.to[p.b]
        cdef bint first = self.collected(p.a, g.type[k]), second = self.collected(p.b, g.type[k])
        cdef tuple shape = g.shape(k)
        if not first and not second:
            return -1
        if not first:
            a, b = b, a
            first, second = second, first
            if out.type[b] != g.type[k]:
                return -1
        elif not second and out.type[b] != g.type[k]:
            return -1
        w = out.payload(a)
        v = new_payload(P_COLLECT, None, (), (), None)
        v.action = ADD
        if second:
            v.args, v.maps = w.args + out.payload(b).args, w.maps + out.payload(b).maps
        else:
            v.args, v.maps = w.args + (b,), w.maps + (new_map_of(0, shape, strides_of(shape)),)
        return out.push_payload(OP_REC, p.flags, v, g.type[k])

    cdef bint collected(self, int32_t k, int32_t type) except -1:
        """Whether old instruction k is a collection by addition of this type, used once."""
        cdef int32_t j = self.to[k]
        if self.uses[k] != 1 or self.out.type[j] != type or self.out.nodes[j].op != OP_REC:
            return False
        return self.out.payload(j).kind == P_COLLECT and self.out.payload(j).action == ADD


cdef bint same_layout(tuple shape, tuple strides):
    """Whether a window's elements follow each other in C order (axes of length 1 do not matter)."""
    cdef int64_t step = 1
    cdef int k
    for k in range(len(shape) - 1, -1, -1):
        if shape[k] != 1:
            if strides[k] != step:
                return False
            step *= <int64_t> shape[k]
    return True
