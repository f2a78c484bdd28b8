"""Pass `fusion`: which instructions run together, and in what order.

A unit is a run of scalar instructions, a group (one loop over the elements of a shape), a matrix product or a call.
Units run in the order in which they are made, so an instruction may join a unit as long as no operand is made later.

1. A scalar operation, load, store or guard joins the latest run of scalars after its operands, or starts one.
2. An elementwise operation joins the latest group of its shape and precision that is not before its operands' units;
   an operand of the same shape in the same group stays in a register, any other must be complete.
3. What is collected (sums, embeds, joins) is stored by the group that computes it; a value that no group computes is
   read by a group of its shape.  The collected array is complete after the last of these groups.
4. A `put` or `store` writes in place where nothing uses the version before it afterwards, and then not before every unit
   that reads that version; otherwise a group copies it first.
5. Matrix products, matrix routines and calls are units of their own.

Kept: every operand is complete when it is read.  Without the pass every elementwise instruction is a group of its own.
"""
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport calloc, free, malloc

from mmad.compiler._graph cimport (MM_BOOL, MM_F32, NODE_SINGLE, P_COLLECT, P_MATMUL, P_PUT, P_ROUTINE, P_WINDOW, Graph, Map,
                                   Payload, operands_of)
from mmad.tape._instructions cimport (NODE_ARRAY, OP_CONST, OP_FIRST_SCALAR, OP_GUARD, OP_INPUT, OP_LOAD, OP_REC,
                                      OP_STORE, Node)

cdef enum:
    MOST_MEMBERS = 200  # operations of one group: more do not fit the first-level cache anyway
    MOST_STORES = 60    # below MM_TOTALS


cdef class Units:
    """Units of a graph, in the order in which they run."""

    def __cinit__(self, Graph g, bint fuse=True, bint in_place=True):
        cdef int32_t k
        cdef size_t n = g.n + 1
        self.g, self.fuse, self.in_place, self.n = g, fuse, in_place, 0
        self.unit = <int32_t *> malloc(n * sizeof(int32_t))
        self.root = <int32_t *> malloc(n * sizeof(int32_t))
        self.last = <int32_t *> malloc(n * sizeof(int32_t))
        self.busy = <int32_t *> malloc(n * sizeof(int32_t))
        self.need = <uint8_t *> calloc(n, 1)
        self.over = <uint8_t *> calloc(n, 1)
        if self.unit == NULL or self.root == NULL or self.last == NULL or self.busy == NULL or self.need == NULL \
                or self.over == NULL:
            raise MemoryError("no memory to compile the trace")
        self.kind, self.shape, self.single, self.members, self.stores = [], [], [], [], []
        self.latest, self.scalars = {}, -1
        self.forms, self.form_index = [], {}
        self.form = <int32_t *> malloc(len(g.types) * sizeof(int32_t))
        if self.form == NULL:
            raise MemoryError("no memory to compile the trace")
        for k in range(len(g.types)):
            self.form[k] = self.form_of(g.types[k][0])
        self.find_last()
        for k in range(g.n):
            self.unit[k] = -1
            self.busy[k] = -1
        for k in range(g.n):
            self.place(k)
        for k in g.outputs:
            if k >= 0 and g.nodes[k].flags & NODE_ARRAY:
                self.need[self.root[k]] = 1

    def __dealloc__(self):
        free(self.form)
        free(self.unit)
        free(self.root)
        free(self.last)
        free(self.busy)
        free(self.need)
        free(self.over)

    cdef int find_last(self) except -1:
        """Return the last use of every array, through windows."""
        cdef Graph g = self.g
        cdef const int32_t *operand
        cdef int32_t k, i, n
        for k in range(g.n):
            self.last[k] = k
            self.root[k] = k
            operand = operands_of(g, k, &n)
            for i in range(n):
                if operand[i] >= 0:
                    self.last[self.root[operand[i]]] = k
            if g.nodes[k].op == OP_REC and g.payload(k).kind == P_WINDOW:
                self.root[k] = self.root[operand[0]]
        for k in g.outputs:
            if k >= 0:
                self.last[self.root[k]] = g.n
        return 0

    # ------------------------------------------------------------------------------------ units
    cdef int32_t new_unit(self, int kind, tuple shape, bint single) except -1:
        self.kind.append(kind)
        self.shape.append(shape)
        self.single.append(single)
        self.members.append([])
        self.stores.append([])
        self.n += 1
        return self.n - 1

    cdef int32_t form_of(self, tuple shape) except -1:
        """Return the number of a shape but for its axes of length 1: elements of equal ones correspond one to one."""
        found = self.form_index.get(shape)
        cdef tuple form
        if found is None:
            form = tuple([d for d in shape if d != 1])
            found = self.form_index.get(form)
            if found is None:
                found = self.form_index[form] = len(self.forms)
                self.forms.append(form)
            self.form_index[shape] = found
        return found

    cdef int32_t group(self, int32_t form, bint single, int32_t after) except -1:
        """Return the latest group of a form that is not before unit `after`."""
        cdef int32_t key = 2 * form + single
        cdef int32_t u
        if self.fuse:
            found = self.latest.get(key)
            if found is not None:
                u = found
                if u >= after and len(<list> self.members[u]) < MOST_MEMBERS and len(<list> self.stores[u]) < MOST_STORES:
                    return u
        u = self.new_unit(U_GROUP, <tuple> self.forms[form], single)
        self.latest[key] = u
        return u

    cdef inline bint elementwise(self, int32_t k) noexcept:
        return self.g.nodes[k].op >= OP_FIRST_SCALAR and self.g.nodes[k].flags & NODE_ARRAY

    cdef bint in_group(self, int32_t j, int32_t unit, int32_t form) noexcept:
        """Return whether value j is a register of a group over elements of this form."""
        return self.elementwise(j) and self.unit[j] == unit and self.form[self.g.type[j]] == form

    cdef int32_t complete(self, int32_t j) noexcept:
        """Return the first unit that may read value j from memory or a slot."""
        cdef int32_t u = self.unit[self.root[j]]
        return u if u < 0 else u + 1

    cdef int32_t complete_for_scalars(self, int32_t j) except -2:
        cdef int32_t u = self.unit[self.root[j]]
        return u if u < 0 or self.kind[u] == U_SCALARS else u + 1

    cdef int read(self, int32_t j, int32_t u) noexcept:
        """Note that unit u reads the elements of j from memory."""
        cdef int32_t r = self.root[j]
        self.need[r] = 1
        if self.busy[r] < u:
            self.busy[r] = u
        return 0

    # ------------------------------------------------------------------------------------ instructions
    cdef int place(self, int32_t k) except -1:
        cdef Node *p = self.g.nodes + k
        cdef Payload w
        if p.op >= OP_FIRST_SCALAR:
            return self.place_elementwise(k) if p.flags & NODE_ARRAY else self.place_scalar(k)
        if p.op == OP_LOAD or (p.op == OP_GUARD and p.c < 0):
            return self.place_scalar(k)
        if p.op == OP_STORE:
            return self.place_store(k)
        if p.op == OP_INPUT or p.op == OP_CONST:
            return 0
        w = self.g.payload(k)
        if w.kind == P_COLLECT:
            return self.place_collect(k, w)
        if w.kind == P_PUT:
            return self.place_put(k, w)
        if w.kind == P_WINDOW:
            self.unit[k] = self.unit[self.root[k]]
            return 0
        return self.place_call(k, w)

    cdef int32_t scalar_unit(self, int32_t after) except -1:
        if self.scalars < after or self.scalars < 0:
            self.scalars = self.new_unit(U_SCALARS, (), False)
        return self.scalars

    cdef int place_scalar(self, int32_t k) except -1:
        cdef Graph g = self.g
        cdef int32_t after = 0, u, i, n
        cdef const int32_t *operand = operands_of(g, k, &n)
        for i in range(n):
            u = self.unit[self.root[operand[i]]]
            if u >= after:
                after = self.complete_for_scalars(operand[i])
        u = self.unit[k] = self.scalar_unit(after)
        if g.nodes[k].op == OP_LOAD:
            self.read(g.nodes[k].a, u)
        return 0

    cdef int place_elementwise(self, int32_t k) except -1:
        cdef Graph g = self.g
        cdef Node *p = g.nodes + k
        cdef int32_t after = 0, j, u, i, n
        cdef const int32_t *operand = operands_of(g, k, &n)
        cdef int32_t form = self.form[g.type[k]]
        cdef bint single = (p.flags & NODE_SINGLE) != 0
        for i in range(n):
            j = operand[i]
            u = self.unit[self.root[j]]
            if u < 0:
                continue
            if self.elementwise(j) and self.form[g.type[j]] == form and bool(self.single[u]) == single \
                    and not self.rounded(j, single):
                after = max(after, u)
            else:
                after = max(after, u + 1)
        u = self.unit[k] = self.group(form, single, after)
        (<list> self.members[u]).append(k)
        for i in range(n):
            j = operand[i]
            if g.nodes[j].flags & NODE_ARRAY and not self.in_group(j, u, form):
                self.read(j, u)
        return 0

    cdef int32_t place_part(self, int32_t j, int32_t form, bint single, int32_t after) except -1:
        """Return the group that stores value j somewhere."""
        cdef int32_t u
        if self.elementwise(j) and self.unit[j] >= after and bool(self.single[self.unit[j]]) == single \
                and self.form[self.g.type[j]] == form and len(<list> self.stores[self.unit[j]]) < MOST_STORES:
            return self.unit[j]
        u = self.group(form, single, max(after, self.complete(j), 0))
        if self.g.nodes[j].flags & NODE_ARRAY:
            self.read(j, u)
        return u

    cdef int place_collect(self, int32_t k, Payload w) except -1:
        cdef Graph g = self.g
        cdef int32_t u, latest = -1, i
        cdef bint single = self.precision(k if g.type[k] else g.arg(k, 0))
        for i in range(g.nodes[k].c):
            u = self.place_part(g.arg(k, i), self.form_of((<Map> w.maps[i]).shape), single, 0)
            (<list> self.stores[u]).append((k, i))
            latest = max(latest, u)
        self.unit[k] = latest
        return 0

    cdef bint precision(self, int32_t j) except -1:
        return self.g.precision(j) == MM_F32

    cdef bint rounded(self, int32_t j, bint single) noexcept:
        """Return whether a value is rounded in memory and not in a register: float32 among float64, and integers."""
        cdef uint8_t code = self.g.precision(j)
        return code > MM_BOOL or (code == MM_F32 and not single)

    cdef int32_t writable(self, int32_t k, int32_t base, int32_t value) except -1:
        """Make version k of `base` ready to be written to; return the first unit that may do so."""
        cdef Graph g = self.g
        cdef Node *b = g.nodes + base
        cdef int32_t u
        # A value that is itself part of the base would be read while it is written over.
        cdef bint owned = self.root[base] == base and self.root[value] != base and b.op != OP_INPUT and b.op != OP_CONST
        if owned and b.op == OP_REC:
            owned = g.payload(base).kind in (P_COLLECT, P_PUT)
        if self.in_place and owned and self.last[base] == k:
            self.over[k] = 1
            self.need[base] = 1
            return max(self.complete(base), self.busy[base] + 1, 0)
        u = self.new_unit(U_GROUP, <tuple> self.forms[self.form[g.type[k]]], self.precision(k))
        (<list> self.stores[u]).append((k, -1))  # a copy of the whole base
        self.read(base, u)
        return u + 1

    cdef int place_store(self, int32_t k) except -1:
        cdef Graph g = self.g
        cdef Node *p = g.nodes + k
        cdef int32_t base = p.a, after, u
        after = self.writable(k, base, p.b)
        if self.over[k]:  # within one run of scalars the order is that of the graph
            after = max(self.complete_for_scalars(base), 0)
            u = self.busy[base]
            if u >= 0:
                after = max(after, u if self.kind[u] == U_SCALARS else u + 1)
        u = self.unit[self.root[p.b]]
        if u >= 0:
            after = max(after, self.complete_for_scalars(p.b))
        self.unit[k] = self.scalar_unit(after)
        self.need[k] = 1
        return 0

    cdef int place_put(self, int32_t k, Payload w) except -1:
        cdef int32_t base = self.g.arg(k, 0), value = self.g.arg(k, 1), u
        cdef int32_t after = self.writable(k, base, value)
        u = self.place_part(value, self.form_of((<Map> w.maps[0]).shape), self.precision(k), after)
        (<list> self.stores[u]).append((k, 0))
        self.unit[k] = u
        self.need[k] = 1
        return 0

    cdef int place_call(self, int32_t k, Payload w) except -1:
        cdef int32_t i, j
        cdef int kind = U_MATMUL if w.kind == P_MATMUL else U_ROUTINE if w.kind == P_ROUTINE else U_CALL
        cdef int32_t u = self.new_unit(kind, (), False)
        (<list> self.members[u]).append(k)
        self.unit[k] = u
        for i in range(self.g.nodes[k].c):
            j = self.g.arg(k, i)
            if j >= 0 and self.g.nodes[j].flags & NODE_ARRAY:
                self.read(j, u)
        return 0
