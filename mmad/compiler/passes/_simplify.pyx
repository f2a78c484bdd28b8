"""Pass `simplify`: operations that need not be done, or can be cheaper.

1. Copies, and what is written over all of an array, give way to what they copy; an operand that is a number spread over
   an array becomes the number; a window of a window becomes one window, where it is affine.
2. x * 1, x / 1, x - 0 become x; division by a power of two becomes multiplication, x + x becomes 2 x.
3. A product of the chain rule with a constant that leaves nothing to decide becomes an ordinary product.
4. Signs and small powers of two, by which products are exact, move outwards through products, sums and squares until
   they meet each other or a constant: (-x) * (2 y) = -2 (x y), 2 x - 2 y = 2 (x - y), x + (-y) = x - y.
5. A `load` takes the value that was stored to its element; without one it reads what was there before all stores, unless
   that would be written over.
6. Sums of collected arrays become one collection: the parts are added where they belong, without the zeros between, and
   parts that belong to the same place are added first.
7. What is added to a window of an array and put back there becomes a part of such a collection too.
8. A sign, or a number whose product with every element is summed, moves out of the sum, the latter where the sum
   without it is needed anyway.
9. Equal rows of a product's first factor, and equal columns of its second, are multiplied with the other factor once
   (:mod:`mmad.compiler.passes._factors`).

Where nothing can be simplified the graph is given back as it is.

Kept: every value but for rounding in steps 6 to 8; NaN and infinities unless a number within a factor of 64 of overflow
is involved, or the number that step 8 moves out is infinite itself (a sum of infinities of both signs, which is NaN, becomes
an infinity times a sum); a zero may change its sign where step 3 or 4 applies.

Examples
--------
>>> from mmad.compiler._lower import lower
>>> graph = lower(mmad.record(lambda x: x - (-x) * 2.0, 1.0))
>>> print(graph)
%0 = input
%1 = negative %0
%2 = const 2.0
%3 = multiply %1, %2
%4 = subtract %0, %3
return %4
>>> print(simplify(graph))
%0 = input
%1 = negative %0
%2 = const 2.0
%3 = const -2.0
%4 = multiply %3, %0
%5 = subtract %0, %4
return %5
"""
cimport cython
from libc.math cimport INFINITY, fabs, frexp, isfinite, isinf
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free

from mmad.compiler._graph cimport (ADD, MM_F32, NODE_SINGLE, P_COLLECT, P_MATMUL, P_PUT, P_WINDOW, SET, Graph, Map,
                                   Payload, new_map_of, strides_of, use_counts)
from mmad.compiler.passes._factors cimport product_of_factors
from mmad.compiler.passes._pass cimport Pass
from mmad.tape._instructions cimport (NODE_ARRAY, NODE_BOOL, OP_CONST, OP_FIRST_SCALAR, OP_LOAD, OP_REC, OP_STORE,
                                      Node, SC_add, SC_chain, SC_divide, SC_masked, SC_multiply, SC_negative,
                                      SC_positive, SC_settled, SC_square, SC_subtract, node_index, scalar_arity)


cdef class Stores:
    """Stores to single elements of one array, one after the other."""

    cdef int32_t root  # what the first of them was made to
    cdef dict values   # element -> what was stored there last


def simplify(Graph g):
    """Simplify operations.

    Parameters
    ----------
    g : Graph

    Returns
    -------
    Graph
    """
    return Simplify(g).run()


@cython.final
cdef class Simplify(Pass):
    cdef int32_t *uses
    cdef dict sums     # (operand, map, type) -> the collection that adds it
    cdef dict growing  # collection -> its parts so far
    cdef set emptied   # collections whose parts others have taken over
    cdef set reused    # collections that more than one needs
    cdef dict stores   # latest version of an array -> the stores that made it

    def __dealloc__(self):
        free(self.uses)

    cdef int prepare(self) except -1:
        self.sums, self.growing, self.emptied, self.reused, self.stores = {}, {}, set(), set(), {}
        self.uses = use_counts(self.g)
        return 0

    cdef int32_t rewritten(self, int32_t k) except -2:
        cdef int32_t before = self.out.n, r = self.simplified(k)
        if r < before and self.out.nodes[r].op == OP_REC:
            self.reused.add(r)  # two old instructions stand for it now
        return r

    cdef int32_t simplified(self, int32_t k) except -1:
        """Return what stands for instruction k."""
        cdef Graph g = self.g
        cdef Node *p = g.nodes + k
        cdef int32_t j, a, b, c
        cdef int arity, kind
        if p.op >= OP_FIRST_SCALAR:
            arity = scalar_arity(p.op)
            a = self.to[p.a]
            b = self.to[p.b] if arity > 1 else -1
            c = self.to[p.c] if arity > 2 else -1
            j = -1
            if p.flags & NODE_ARRAY:
                a = self.spread(p.flags, a)
                b = self.spread(p.flags, b) if arity > 1 else -1
                c = self.spread(p.flags, c) if arity > 2 else -1
                if p.op == SC_add:
                    j = self.sum_of_collections(k)
            return self.operation(p.op, p.flags, a, b, c, g.type[k]) if j < 0 else j
        if p.op == OP_LOAD:
            return self.load(self.to[p.a], node_index(p))
        if p.op == OP_STORE:
            return self.store(k)
        if p.op == OP_REC:
            kind = g.payload(k).kind
            if kind == P_WINDOW:
                return self.window(k)
            if kind == P_COLLECT:
                return self.collection(k)
            if kind == P_PUT:
                return self.put(k)
            if kind == P_MATMUL:
                return product_of_factors(g, self.out, k, self.to)
        return self.out.copy(g, k, self.to)

    cdef int conclude(self) except -1:
        for k, parts in self.growing.items():
            self.settle(k, (<Growing> parts).parts, (<Growing> parts).maps)
        return 0

    cdef int32_t spread(self, int flags, int32_t k) except -1:
        """For an operand of an operation on arrays: the number that is spread over an array, the truth values that are
        taken as numbers.  Not where that rounds to float32 what is then used in float64."""
        cdef Node *p = self.out.nodes + k
        if p.op == SC_positive and p.flags & NODE_ARRAY and (flags & NODE_SINGLE or self.out.precision(k) != MM_F32):
            if not self.out.nodes[p.a].flags & NODE_ARRAY or (self.out.nodes[p.a].flags & NODE_BOOL and
                                                              self.out.shape(p.a) == self.out.shape(k)):
                return p.a
        return k

    cdef inline bint constant(self, int32_t k) noexcept:
        return self.out.nodes[k].op == OP_CONST and not self.out.nodes[k].flags & NODE_ARRAY

    cdef inline bint same_type(self, int32_t k, int32_t type) noexcept:
        """Return whether instruction k can stand for a result of this type."""
        return self.out.type[k] == type

    cdef bint finite_factor(self, int32_t k) noexcept:
        """Return whether instruction k is a constant that is neither zero nor infinite."""
        return self.constant(k) and isfinite(self.out.nodes[k].v) and self.out.nodes[k].v != 0

    cdef double factor(self, int32_t *k, int32_t type) noexcept:
        """Take a power of two (with sign) that a value is a multiple of, out of it: products with one are exact."""
        cdef Node *p = self.out.nodes + k[0]
        cdef double c
        cdef int exponent
        if self.out.type[k[0]] != type:
            return 1.0
        if p.op == SC_negative:
            k[0] = p.a
            return -1.0
        if p.op == SC_multiply and self.constant(p.a) and self.out.type[p.b] == type:
            c = self.out.nodes[p.a].v
            if fabs(frexp(c, &exponent)) == 0.5 and -4 <= exponent <= 6:
                k[0] = p.b
                return c
        return 1.0

    cdef int32_t scaled(self, double c, int32_t k, int flags, int32_t type) except -1:
        if c == 1:
            return k
        if c == -1:
            return self.out.push(SC_negative, flags, k, -1, -1, 0.0, type)
        return self.out.push(SC_multiply, flags, self.out.constant(c), k, -1, 0.0, type)

    cdef int32_t operation(self, int op, int flags, int32_t a, int32_t b, int32_t c, int32_t type) except -1:
        """Return the simplified form of an operation on simplified operands."""
        cdef Graph out = self.out
        cdef double u, v
        cdef int32_t x = a, y = b
        cdef int exponent
        if op == SC_settled and ((self.constant(b) and out.nodes[b].v != 0)
                                 or (self.constant(c) and not isinf(out.nodes[c].v))):
            op, c = SC_chain, -1
        if op == SC_positive:
            if self.same_type(a, type):
                return a
        elif op == SC_negative:
            u = self.factor(&x, type)
            if u != 1:
                return self.scaled(-u, x, flags, type)
            if out.nodes[a].op == SC_subtract and self.same_type(a, type):
                return self.operation(SC_subtract, flags, out.nodes[a].b, out.nodes[a].a, -1, type)
        elif op == SC_square:
            u = self.factor(&x, type)
            if u != 1:
                x = self.operation(SC_square, flags, x, -1, -1, type)
                return self.scaled(u * u, x, flags, type)
        elif op == SC_chain or op == SC_masked or op == SC_multiply:
            if op == SC_chain and ((self.constant(a) and out.nodes[a].v != 0)
                                   or (self.constant(b) and isfinite(out.nodes[b].v))):
                op = SC_multiply
            if op == SC_masked and (self.finite_factor(a) or self.finite_factor(b)):
                op = SC_multiply
            if op == SC_multiply and self.constant(b) and not self.constant(a):
                a, b = b, a
                x, y = a, b
            if op == SC_multiply and self.constant(a):
                u = self.factor(&y, type)
                v = out.nodes[a].v
                if u != 1 and isfinite(u * v):
                    return self.operation(SC_multiply, flags, out.constant(u * v), y, -1, type)
                if (v == 1 or v == -1) and self.same_type(b, type):
                    return self.scaled(v, b, flags, type)
            else:
                u = self.factor(&x, type)
                u *= self.factor(&y, type)
                if x != a or y != b:
                    x = self.operation(op, flags, x, y, -1, type)
                    return self.operation(SC_negative, flags, x, -1, -1, type) if u == -1 \
                        else self.scaled(u, x, flags, type)
        elif op == SC_divide:
            if self.constant(b):
                v = out.nodes[b].v
                if v == 1 and self.same_type(a, type):
                    return a
                if isfinite(v) and v != 0 and fabs(frexp(v, &exponent)) == 0.5 and -100 < exponent < 100:
                    return self.operation(SC_multiply, flags, out.constant(1.0 / v), a, -1, type)
        elif op == SC_add or op == SC_subtract:
            if op == SC_subtract and self.constant(b) and out.nodes[b].v == 0 and 1 / out.nodes[b].v == INFINITY \
                    and self.same_type(a, type):
                return a
            if op == SC_add and a == b and self.same_type(a, type):
                return self.operation(SC_multiply, flags, out.constant(2.0), a, -1, type)
            u = self.factor(&x, type)
            v = self.factor(&y, type)
            if op == SC_subtract:
                v = -v
            if u != 1 and u == v:
                x = self.operation(SC_add, flags, x, y, -1, type)
                return self.operation(SC_multiply, flags, out.constant(u), x, -1, type)
            if u == -v and (u != 1 and v != 1):
                x = self.operation(SC_subtract, flags, x, y, -1, type)
                return self.operation(SC_multiply, flags, out.constant(u), x, -1, type)
            if v == -1 and op == SC_add:
                return self.operation(SC_subtract, flags, a, y, -1, type)
            if v == 1 and op == SC_subtract:
                return self.operation(SC_add, flags, a, y, -1, type)
            if u == -1 and op == SC_add:
                return self.operation(SC_subtract, flags, b, x, -1, type)
        return out.push(op, flags, a, b, c, 0.0, type)

    cdef int32_t store(self, int32_t k) except -1:
        cdef int32_t base = self.to[self.g.nodes[k].a], version = self.out.copy(self.g, k, self.to)
        cdef Stores stores = self.stores.pop(base, None)
        if stores is None:
            stores = Stores.__new__(Stores)
            stores.root, stores.values = base, {}
        stores.values[self.out.nodes[version].i] = self.out.nodes[version].b
        self.stores[version] = stores
        return version

    cdef int32_t load(self, int32_t array, int64_t index) except -1:
        """Return an element: what was stored there last, if that is known.

        A version that is read later than the next is made has to be copied first, so that a loop which reads and writes
        one element after the other would take time with the square of its length: no version in between is read.
        """
        cdef Stores stores = self.stores.get(array)
        if stores is not None:
            stored = stores.values.get(index)
            if stored is not None:
                return stored
            if not self.writable(stores.root):
                array = stores.root
        return self.out.push(OP_LOAD, 0, array, <int32_t> (index & 0xffffffff), <int32_t> (index >> 32), 0.0, 0)

    cdef bint writable(self, int32_t array) except -1:
        """Return whether what is stored into an array may be written over it."""
        cdef int op = self.out.nodes[array].op
        return op == OP_STORE or (op == OP_REC and self.out.payload(array).kind in (P_COLLECT, P_PUT))

    cdef bint written(self, int32_t array) except -1:
        """Return whether an array is what a store or a put has left."""
        cdef int op = self.out.nodes[array].op
        return op == OP_STORE or (op == OP_REC and self.out.payload(array).kind == P_PUT)

    cdef int32_t window(self, int32_t k) except -1:
        """Return a window, moved to what its base is a window of."""
        cdef Graph g = self.g
        cdef Graph out = self.out
        cdef Map m = g.payload(k).maps[0]
        cdef int32_t base = self.to[g.arg(k, 0)]
        cdef Node *p = out.nodes + base
        if p.op == SC_positive and p.flags & NODE_ARRAY and not out.nodes[p.a].flags & NODE_ARRAY:
            return out.push(SC_positive, g.nodes[k].flags, p.a, -1, -1, 0.0, g.type[k])
        if m.table is None:
            if m.offset == 0 and g.type[k] == out.type[base] and same_layout(m.shape, m.strides):
                return base
        return out.window(base, m, g.nodes[k].flags, g.type[k])

    cdef int32_t sum_of_collections(self, int32_t k) except -2:
        """Return x + y, where one is a collection by addition that nothing else uses; -1 otherwise."""
        cdef Graph g = self.g
        cdef Graph out = self.out
        cdef Node *p = g.nodes + k
        cdef Growing g_a, g_b
        cdef int32_t a = self.to[p.a], b = self.to[p.b]
        cdef bint first = self.collected(p.a, g.type[k]), second = self.collected(p.b, g.type[k])
        if not first and not second:
            return -1
        if not first:
            a, b = b, a
            first, second = second, first
            if out.type[b] != g.type[k]:
                return -1
        elif not second and out.type[b] != g.type[k]:
            return -1
        g_a = self.grow(a)
        if second:
            g_b = self.grow(b)
            for i in range(len(g_b.parts)):
                self.add_part(g_a, g_b.parts[i], g_b.maps[i], p.flags)
        else:
            self.add_part(g_a, b, self.whole(k), p.flags)
        return self.grown(g_a, p.flags, g.type[k])

    cdef Growing grow(self, int32_t k):
        """Return the parts of a collection that only what is being made uses: it takes them over.

        The first is left to the collection, too: nothing needs it any more, but until pass `dead` has run it is one.
        """
        cdef Growing parts = self.growing.pop(k, None)
        cdef int32_t i
        if parts is None:
            parts = Growing.__new__(Growing)
            parts.parts = [self.out.arg(k, i) for i in range(self.out.nodes[k].c)]
            parts.maps, parts.index = list(self.out.payload(k).maps), {}
            for i, m in enumerate(parts.maps):
                if (<Map> m).table is None:
                    parts.index[m] = i
        self.settle(k, parts.parts[:1], parts.maps[:1])
        self.emptied.add(k)
        return parts

    cdef int settle(self, int32_t k, list parts, list maps) except -1:
        """Let a collection be that of some parts."""
        return self.out.set_operands(k, self.out.shared.payload_of(P_COLLECT, ADD, None, tuple(maps)), parts)

    cdef Map whole(self, int32_t k):
        """Return the map of all elements of old instruction k to their own places."""
        cdef tuple shape = self.g.shape(k)
        return self.out.shared.map_of(new_map_of(0, shape, strides_of(shape)))

    cdef int32_t grown(self, Growing parts, int flags, int32_t type) except -1:
        cdef int32_t k = self.out.push_payload(OP_REC, flags, self.out.shared.payload_of(P_COLLECT, ADD, None, ()), NULL, 0,
                                               type)
        self.growing[k] = parts
        return k

    cdef int add_part(self, Growing parts, int32_t x, Map m, int flags) except -1:
        """Add one more part; one of the same place is added to it first."""
        cdef Graph out = self.out
        cdef int32_t y
        if m.table is None:
            i = parts.index.get(m)
            if i is not None:
                y = parts.parts[i]
                if out.type[y] == out.type[x] and out.nodes[x].flags & NODE_ARRAY:
                    parts.parts[i] = self.operation(SC_add, flags & (NODE_ARRAY | NODE_SINGLE), y, x, -1, out.type[x])
                    return 0
            parts.index[m] = len(parts.parts)
        parts.parts.append(x)
        parts.maps.append(m)
        return 0

    cdef int32_t put(self, int32_t k) except -1:
        """Return a put; of a value that covers everything the value itself; a collection where it adds to what is there."""
        cdef Graph g = self.g
        cdef Graph out = self.out
        cdef Map m = g.payload(k).maps[0]
        cdef int32_t base = g.arg(k, 0), value = g.arg(k, 1), x, y
        cdef Node *p = g.nodes + value
        cdef Growing parts
        if p.flags & NODE_ARRAY and g.type[value] == g.type[k] and m is self.whole(k):
            return self.to[value]
        if p.op != SC_add or not p.flags & NODE_ARRAY or self.uses[value] != 1 or self.uses[base] != 2 or m.table is not None \
                or g.nodes[base].op == OP_CONST:
            return out.copy(g, k, self.to)
        for x, y in ((p.a, p.b), (p.b, p.a)):
            # What is added may have been a collection, which the sum has taken over.
            if self.uses[x] == 1 and self.reads(x, base, m) and self.to[y] not in self.emptied:
                if not self.collects(self.to[base], g.type[k]):
                    if self.written(self.to[base]):
                        break  # written in place: a collection would copy all that was written before
                    parts = Growing.__new__(Growing)
                    parts.parts, parts.maps, parts.index = [], [], {}
                    self.add_part(parts, self.to[base], self.whole(k), g.nodes[k].flags)
                else:
                    parts = self.grow(self.to[base])
                self.add_part(parts, self.spread(NODE_ARRAY, self.to[y]), m, g.nodes[k].flags)
                return self.grown(parts, g.nodes[k].flags, g.type[k])
        return out.copy(g, k, self.to)

    cdef bint reads(self, int32_t x, int32_t base, Map m) except -1:
        """Return whether old instruction x is the window m of `base`."""
        cdef Payload w
        if self.g.nodes[x].op != OP_REC:
            return False
        w = self.g.payload(x)
        return w.kind == P_WINDOW and self.g.arg(x, 0) == base and w.maps[0] is m

    cdef bint collects(self, int32_t j, int32_t type) except -1:
        """Return whether instruction j collects by addition, for one user only."""
        cdef Graph out = self.out
        cdef Payload w
        if out.type[j] != type or out.nodes[j].op != OP_REC:
            return False
        w = out.payload(j)
        return w.kind == P_COLLECT and w.action == ADD and j not in self.reused and j not in self.emptied

    cdef int32_t collection(self, int32_t k) except -1:
        """Return a collection; of one part that is added, without the factors that can be taken out."""
        cdef Graph out = self.out
        cdef Payload w = self.g.payload(k)
        cdef Map m = w.maps[0]
        cdef Node *p
        cdef int32_t x, y, j
        cdef double c
        cdef int flags = self.g.nodes[k].flags
        cdef int32_t type = self.g.type[k]
        if w.action == SET:
            return self.joined(k, w, flags, type)
        if w.action != ADD or self.g.nodes[k].c != 1 or m.table is not None or m.size <= self.g.elements(k):
            return out.copy(self.g, k, self.to)
        x = y = self.spread(NODE_ARRAY, self.to[self.g.arg(k, 0)])
        p = out.nodes + x
        if p.flags & NODE_ARRAY and p.op >= OP_FIRST_SCALAR:
            c = self.factor(&y, out.type[x])
            if c != 1:
                return self.scaled(c, self.sum(y, k), flags, type)
            if (p.op == SC_multiply or p.op == SC_chain) and not p.flags & NODE_SINGLE:
                for x, y in ((p.a, p.b), (p.b, p.a)):
                    j = self.sums.get((y, m, type), -1)
                    if j >= 0 and j not in self.emptied and not out.nodes[x].flags & NODE_ARRAY and out.shape(y) == m.shape:
                        self.reused.add(j)
                        return self.operation(p.op, flags, x if p.a == x else j, j if p.a == x else x, -1, type)
                x = self.spread(NODE_ARRAY, self.to[self.g.arg(k, 0)])
        return self.sum(x, k)

    cdef int32_t joined(self, int32_t k, Payload w, int flags, int32_t type) except -1:
        """Return a concatenation; of concatenations that nothing else uses, one of their parts."""
        cdef Graph g = self.g
        cdef Payload inner
        cdef Map m, n
        cdef int32_t a, b, i, q
        cdef list args = [], maps = []
        for i in range(g.nodes[k].c):
            a = b = g.arg(k, i)
            m = w.maps[i]
            inner = self.part(b)
            if inner is not None and inner.kind == P_WINDOW and self.uses[b] == 1:
                n = inner.maps[0]
                b = g.arg(b, 0)
                if n.table is None and n.offset == 0 and same_layout(n.shape, n.strides) and n.size == g.elements(b):
                    inner = self.part(b)
            if inner is not None and inner.kind == P_COLLECT and inner.action == SET and self.uses[b] == 1 \
                    and g.type[b] and m.table is None and same_layout(m.shape, m.strides) \
                    and all([n.table is None for n in inner.maps]):
                args.extend([self.to[g.arg(b, q)] for q in range(g.nodes[b].c)])
                maps.extend([self.out.shared.map_of(new_map_of(m.offset + n.offset, n.shape, n.strides)) for n in inner.maps])
            else:
                args.append(self.to[a])
                maps.append(m)
        if len(args) == g.nodes[k].c:
            return self.out.copy(g, k, self.to)
        b = self.out.push(OP_REC, flags, -1, -1, -1, 0.0, type)
        self.out.set_operands(b, self.out.shared.payload_of(P_COLLECT, SET, None, tuple(maps)), args)
        return b

    cdef Payload part(self, int32_t k):
        """Return what an array instruction of the old graph does besides elementwise arithmetic; None if nothing."""
        return self.g.payload(k) if self.g.nodes[k].op == OP_REC else None

    cdef int32_t sum(self, int32_t x, int32_t k) except -1:
        """Return what old instruction k collects, of operand x."""
        cdef Graph g = self.g
        cdef int32_t j = self.out.push_payload(OP_REC, g.nodes[k].flags, g.nodes[k].a, &x, 1, g.type[k])
        self.sums[x, g.payload(k).maps[0], g.type[k]] = j
        return j

    cdef bint collected(self, int32_t k, int32_t type) except -1:
        """Return whether old instruction k is a collection by addition of this type, used once."""
        return self.uses[k] == 1 and self.collects(self.to[k], type)


cdef class Growing:
    """The parts of a collection that grows."""

    cdef list parts, maps
    cdef dict index  # place -> part


cdef bint same_layout(tuple shape, tuple strides):
    """Return whether a window's elements follow each other in C order (axes of length 1 do not matter)."""
    cdef int64_t step = 1
    cdef int k
    for k in range(len(shape) - 1, -1, -1):
        if shape[k] != 1:
            if strides[k] != step:
                return False
            step *= <int64_t> shape[k]
    return True
