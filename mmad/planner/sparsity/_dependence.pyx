"""Which inputs each value of a program depends on: index sets carried through the compiler's graph.

1. A set of inputs has a number: 0 the empty one, 1 + i the one of input i alone, and from there on sets with content,
   each of which is kept once.  What a value depends on is one number an element, so that views, gathers and scatters move
   numbers, and an elementwise operation of operands that depend on the same does nothing.
2. Elementwise operations unite the sets of their operands; those with a derivative that is zero everywhere do not count.
3. Sums and scatters unite what falls on one element.  What has no instruction of its own goes by the labels of its axes
   (:mod:`mmad.planner.sparsity.axes`), products of matrices as well, or depends on all of its operands.

4. What is zero by structure (where nothing was scattered to, what `where` did not take by a constant mask, elements of
   constant arrays that are zero) has a mark instead of a set.  It goes where values go, and a product with it is zero.

The sets hold for every point that takes the same branches: no value that depends on the inputs is looked at (a factor
that happens to be zero counts), and of constants only where arrays are zero; those that were looked at are told.
Where the sets would need more memory than `limit`, larger ones take their place.

Sources: Griewank and Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, section 7.1 (index domains); hash consing
instead of bit vectors is this implementation's.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

cimport numpy as cnp
from cpython.ref cimport Py_REFCNT

import numpy as np

from mmad.compiler._graph cimport (P_COLLECT, P_PUT, P_ROUTINE, P_WINDOW, Graph, Map, Payload,
                                   operands_of, size_of)
from mmad.kernels._machine cimport (MM_CHOLESKY, MM_INVERSE, MM_LOWER, MM_LOWER_TRANSPOSED, MM_LU, MM_SLOGDET,
                                    MM_SOLVE, MM_SOLVE_TRANSPOSED)
from mmad.ops._partials cimport PARTIAL_NONE, partial_of
from mmad.planner.sparsity._elements cimport Elements, Walk, elements, gathered, overlaps, uniform, walk
from mmad.planner.sparsity._sets cimport ZERO, Sets
from mmad.planner.sparsity._systems cimport has_zeros, solved, triangle
from mmad.planner.sparsity._unions cimport ADDED, DIVIDED, MULTIPLIED, Unions
from mmad.tape._instructions cimport (KIND_ELEMENTWISE, NODE_ARRAY, NODE_BOOL, OP_CONST, OP_FIRST_SCALAR, OP_LOAD,
                                      OP_REC, OP_STORE, SCALAR_END, Node, SC_add, SC_chain, SC_divide, SC_masked,
                                      SC_multiply, SC_negative, SC_positive, SC_select, SC_settled, SC_subtract,
                                      node_index, scalar_arity)

from mmad.planner.sparsity import axes
from mmad.planner.sparsity._sets import Exhausted

cnp.import_array()

cdef enum:
    SYSTEMS = 67108864  # steps that may be taken to find what linear systems with zeros depend on, a quarter of a second


def dependence(Graph g, columns, int64_t n, int64_t limit=1 << 27, int64_t most=1 << 62, int64_t room=1 << 62,
               list zeros=None):
    """Dependence of the results of a graph on some of its inputs.

    Parameters
    ----------
    g : Graph
    columns : list of int, ndarray of int32 or None
        For each input of the graph (any instruction may be one) the number of its first element, or the number of
        each, the same for elements that need not be told apart, -1 for those that do not count; None for inputs that
        do not count.
    n : int
        How many numbers there are.
    limit : int
        Indices that may be held.
    most : int
        Steps that may be taken, some nanoseconds each.
    room : int
        Indices that the results may have in all.
    zeros : list, optional
        Constant arrays may be looked at for zeros; those that were are appended.  Without it they are not.

    Returns
    -------
    rows : list of (ndarray of int64, shape (size + 1,), ndarray of int32)
        For each result, by elements in C order, where its indices begin and the indices, ascending.
    exact : bool
        False where the limit was met.

    Raises
    ------
    Exhausted
        There would be more steps than `most`, or more indices than `room`.
    """
    return Propagation(n, limit, most, g, columns, room, zeros).run()


cdef class Propagation(Unions):
    """One pass over the instructions."""

    cdef Graph g
    cdef int32_t *number   # by instruction: the set of a number
    cdef int32_t *last     # by instruction: the last one that uses it
    cdef list arrays       # by instruction: Elements, or None where nothing counts
    cdef object columns
    cdef dict given        # what is said of the inputs, by instruction
    cdef int64_t room
    cdef list zeros        # constants that were looked at for zeros, or None
    cdef dict constants    # by instruction: what is zero of a constant array
    cdef int64_t spared    # steps that are left for linear systems
    cdef dict factored     # by instruction that factors matrices: the elements of these, where some are zero
    cdef uint8_t[128] counts  # by operation: a bit an operand with a derivative

    def __cinit__(self, int64_t n, int64_t limit, int64_t most, Graph g, columns, int64_t room, list zeros):
        cdef int op, i
        self.g, self.columns, self.factored = g, columns, {}
        self.room, self.zeros, self.constants, self.spared = room, zeros, {}, SYSTEMS
        self.number = <int32_t *> calloc(g.n + 1, sizeof(int32_t))
        self.last = <int32_t *> calloc(g.n + 1, sizeof(int32_t))
        if self.number == NULL or self.last == NULL:
            raise MemoryError("no memory to find the sparsity pattern")
        self.arrays = [None] * g.n
        for op in range(OP_FIRST_SCALAR, min(SCALAR_END, 128)):
            self.counts[op] = 6 if op == SC_select else 0
            for i in range(scalar_arity(op)):
                if partial_of(op, i).kind != PARTIAL_NONE:
                    self.counts[op] |= 1 << i

    def __dealloc__(self):
        free(self.number)
        free(self.last)

    cdef tuple run(self):
        cdef Graph g = self.g
        cdef int32_t k, j, i, n
        cdef const int32_t *operand
        cdef Node *p
        cdef Elements e
        for k in range(g.n):
            operand = operands_of(g, k, &n)
            for i in range(n):
                if operand[i] >= 0:
                    self.last[operand[i]] = k
        for j in g.outputs:
            if j >= 0:
                self.last[j] = g.n
        self.given = first = {k: c for k, c in zip(g.inputs, self.columns) if c is not None and k >= 0}
        for k in range(g.n):
            p = g.nodes + k
            self.sets.spend(2 if not p.flags & NODE_ARRAY else 2 * size_of(g.shape(k)) + 50)
            if k in first:
                self.start(k, first[k])
            elif p.op >= OP_FIRST_SCALAR:
                if p.flags & NODE_ARRAY:
                    self.arrays[k] = self.elementwise(k)
                elif not p.flags & NODE_BOOL:
                    self.number[k] = self.scalar(p)
            elif p.op == OP_LOAD:
                e = self.of(p.a)
                if e is not None:
                    self.number[k] = e.at(node_index(p))
            elif p.op == OP_STORE:
                self.arrays[k] = self.store(k)
            elif p.op == OP_REC:
                self.record(k)
            if p.op < OP_FIRST_SCALAR or p.flags & NODE_ARRAY:
                operand = operands_of(g, k, &n)
                for i in range(n):
                    if operand[i] >= 0 and self.last[operand[i]] == k:
                        self.arrays[operand[i]] = None
        return [self.rows(k) for k in g.outputs], bool(self.sets.exact)

    cdef int start(self, int32_t k, object numbers) except -1:
        """An input: each element depends on itself."""
        cdef Elements e
        cdef int64_t i, first
        cdef const int32_t[::1] labels
        cdef bint labelled = isinstance(numbers, cnp.ndarray)
        if labelled:
            labels = numbers.reshape(-1)
        else:
            first = numbers
        if not self.g.nodes[k].flags & NODE_ARRAY:
            self.number[k] = <int32_t> ((labels[0] if labelled else first) + 1)
            return 0
        e = elements(size_of(self.g.shape(k)))
        if labelled and labels.shape[0] != e.n:
            raise ValueError(f"{labels.shape[0]} numbers for {e.n} elements")
        for i in range(e.n):
            e.sets[i] = <int32_t> ((labels[i] if labelled else first + i) + 1)
        self.arrays[k] = e
        return 0

    cdef inline int32_t scalar(self, const Node *p) except -1:
        cdef int counts = self.counts[p.op] if p.op < 128 else 7
        cdef int n = scalar_arity(p.op)
        cdef int32_t s = self.number[p.a] if counts & 1 else 0
        if multiplies(p.op) and (s < 0 or self.number[p.b] < 0):
            return ZERO
        if n > 1 and counts & 2:
            s = self.sets.unite(s, self.number[p.b])
        if n > 2 and counts & 4:
            s = self.sets.unite(s, self.number[p.c])
        return 0 if s < 0 and not keeps_zero(p.op) else s

    cdef Elements of(self, int32_t j):
        """What an operand depends on, a number as an array of one; None if on nothing."""
        if self.g.nodes[j].op == OP_CONST and j not in self.given:
            if self.g.nodes[j].flags & NODE_ARRAY:
                return self.constant(j)
            return uniform(1, ZERO) if self.zeros is not None and self.g.nodes[j].v == 0 else None
        if self.g.nodes[j].flags & NODE_ARRAY:
            return self.arrays[j]
        return uniform(1, self.number[j]) if self.number[j] else None

    cdef Elements constant(self, int32_t j):
        """Where a constant array is zero; None where it is nowhere."""
        cdef Payload w
        if self.zeros is None:
            return None
        if j not in self.constants:
            w = self.g.payload(j)
            self.constants[j] = self.zeros_of(w.value)
        return self.constants[j]

    cdef Elements zeros_of(self, object value):
        cdef Elements e
        cdef const uint8_t[::1] found
        cdef int64_t i
        if self.zeros is None or not isinstance(value, cnp.ndarray) or value.dtype.kind not in "fcbiu":
            return None
        found = np.ascontiguousarray(value == 0).reshape(-1).view(np.uint8)
        self.sets.spend(found.shape[0])
        if value.dtype.kind != "b" and not np.any(found):
            return None
        self.zeros.append(value)
        e = elements(found.shape[0])
        for i in range(found.shape[0]):
            if found[i]:
                e.sets[i] = ZERO
        return e

    cdef Elements elementwise(self, int32_t k):
        cdef Graph g = self.g
        cdef Node *p = g.nodes + k
        cdef int counts = self.counts[p.op] if p.op < 128 else 7
        cdef tuple shape = g.shape(k)
        cdef Elements out = None, e
        cdef int32_t[3] operand
        cdef int i, how
        if p.flags & NODE_BOOL:
            return None
        operand[0], operand[1], operand[2] = p.a, p.b, p.c
        if p.op == SC_select:
            e = self.spread(self.of(p.a), g.shape(p.a), shape)
            if e is not None:
                return self.selected(e, self.spread(self.of(p.b), g.shape(p.b), shape),
                                     self.spread(self.of(p.c), g.shape(p.c), shape))
        how = MULTIPLIED if multiplies(p.op) else DIVIDED if p.op == SC_divide else ADDED
        for i in range(2 if how == MULTIPLIED else scalar_arity(p.op)):  # the limit of a settled product only decides
            if counts >> i & 1:
                e = self.spread(self.of(operand[i]), g.shape(operand[i]), shape)
                if i == 0:
                    out = e
                elif how == ADDED:
                    out = self.added(out, e, out is None and i == 1 and not counts & 1)
                else:
                    out = self.united_as(out, e, how)
        return out if how != ADDED or keeps_zero(p.op) else self.unknown(out)

    cdef Elements mine(self, int32_t base, int32_t k, int64_t n):
        """What a storage's next version starts from; the base's own elements, where nothing else needs them."""
        cdef Elements e = self.of(base), out
        cdef int64_t i
        if self.arrays[base] is not None and e.sets != NULL and self.last[base] == k and Py_REFCNT(e) <= 2:
            self.arrays[base] = None
            return e
        out = elements(n)
        if e is not None:
            for i in range(n):
                out.sets[i] = e.at(i)
        return out

    cdef Elements store(self, int32_t k):
        cdef Node *p = self.g.nodes + k
        cdef int32_t value = self.number[p.b]
        cdef Elements out
        if self.of(p.a) is None and value == 0:
            return None
        out = self.mine(p.a, k, size_of(self.g.shape(k)))
        out.sets[p.i] = value
        return out

    cdef int record(self, int32_t k) except -1:
        cdef Graph g = self.g
        cdef Payload w = g.payload(k)
        cdef Elements out
        cdef int32_t i
        if g.nodes[k].flags & NODE_BOOL and w.kind != P_WINDOW:
            return 0
        if w.kind != P_COLLECT and all([g.arg(k, i) < 0 or self.of(g.arg(k, i)) is None for i in range(g.nodes[k].c)]):
            return 0
        if w.kind == P_WINDOW:
            out = gathered(self.of(g.arg(k, 0)), walk(w.maps[0]))
        elif w.kind == P_COLLECT:
            out = self.collect(w, k)
        elif w.kind == P_PUT:
            out = self.put(w, k)
        else:
            out = self.called(w, k)
        if g.nodes[k].flags & NODE_ARRAY:
            self.arrays[k] = out
        elif out is not None:
            self.number[k] = out.at(0)
        return 0

    cdef Elements put(self, Payload w, int32_t k):
        cdef Map m = w.maps[0]
        cdef int32_t put = self.g.arg(k, 1)
        cdef Elements value = self.spread(self.of(put), self.g.shape(put), m.shape)
        cdef Elements out = self.mine(self.g.arg(k, 0), k, size_of(self.g.shape(k)))
        cdef Walk at = walk(m)
        cdef int64_t e = 0, i
        while e < at.size:
            for i in range(at.inner):
                out.sets[at.table[i] if at.table != NULL else at.at + i * at.step] = 0 if value is None else value.at(e + i)
            e += at.inner
            at.next_row()
        return out

    cdef Elements collect(self, Payload w, int32_t target):
        """What falls on one element is united."""
        cdef Elements out = elements(self.g.elements(target)), e
        cdef Sets s = self.sets
        cdef Walk at
        cdef Map m
        cdef int64_t i, k, to
        cdef int32_t q, j
        for i in range(out.n):  # where nothing falls
            out.sets[i] = ZERO
        for q in range(self.g.nodes[target].c):
            m, j = w.maps[q], self.g.arg(target, q)
            e = self.spread(self.of(j), self.g.shape(j), m.shape)
            if e is None:
                e = uniform(size_of(m.shape), 0)
            if m.table is not None or overlaps(m):
                self.gather_up(e, m, out)
                continue
            at, k = walk(m), 0
            with nogil:
                while k < at.size:
                    for i in range(at.inner):
                        to = at.at + i * at.step
                        out.sets[to] = s.unite(out.sets[to], e.at(k + i))
                    k += at.inner
                    at.next_row()
        return out

    cdef Elements called(self, Payload w, int32_t k):
        """What the compiler leaves to NumPy: by the labels of its axes, or on all of all operands."""
        cdef tuple shape = self.g.shape(k), found
        cdef list shapes, args
        cdef Elements out = None, e
        cdef int i, how
        cdef int64_t before
        if self.g.nodes[k].flags & NODE_ARRAY and self.g.shared.types[self.g.type[k]][1].kind in "biu":
            return None
        args = [self.g.arg(k, i) for i in range(self.g.nodes[k].c)]
        shapes = [self.g.shape(j) if j >= 0 else np.shape(w.vals[i]) for i, j in enumerate(args)]
        if w.kind == P_ROUTINE:
            if w.action == MM_SLOGDET:
                return self.everything(k)
            if w.action == MM_LU and has_zeros(self.of(args[0])):
                self.factored[k] = self.of(args[0])
            before = self.sets.steps
            out = self.linear(w.action, args, shapes, before + self.spared)
            self.spared = max(0, self.spared - (self.sets.steps - before))
            if out is not None:
                return out
            return self.by_labels(args, [self.of(j) for j in args], shapes, axes.routine_labels(
                2 if w.action == MM_LU or w.action == MM_CHOLESKY or w.action >= MM_LOWER else 1, shapes, shape), shape)
        if w.op.kind == KIND_ELEMENTWISE:
            if w.op.name == "stop_gradient":
                return None
            how = MULTIPLIED if w.op.name in ("multiply", "chain", "masked", "settled") else ADDED
            for i in range(2 if how == MULTIPLIED else len(args)):
                e = self.spread(self.of(args[i]) if args[i] >= 0 else self.zeros_of(w.vals[i]), shapes[i], shape)
                out = self.united_as(out, e, how) if how == MULTIPLIED else self.union_of(out, e)
            return out if how == MULTIPLIED else self.unknown(out)
        if w.op.name in axes.MOVES:
            out = self.moved(w, args, shapes)
        elif w.op.name == "slide_out":
            out = self.union_of(self.slid(self.of(args[0]) if args[0] >= 0 else None, shapes[1][0], shape[0], True),
                                self.slid(self.of(args[1]) if args[1] >= 0 else None, shapes[0][0], shape[0], True))
        elif w.op.name == "slide_in" and args[0] >= 0 and (args[1] < 0 or self.of(args[1]) is None):
            out = self.slid(self.of(args[0]), shapes[1][0], shape[0], False)
        elif w.op.name in axes.RUNNING and args[0] >= 0:
            out = self.running(self.of(args[0]), shape, w.params["axis"], w.params.get("reverse", False))
        if out is not None:
            return out
        found = axes.labels(w.op.name, shapes, shape, w.params)
        if found is None:
            return self.everything(k)
        operands = [None if found[0][i] is None else self.of(j) if j >= 0 else self.zeros_of(w.vals[i])
                    for i, j in enumerate(args)]
        if w.op.name in axes.PRODUCTS and any([has_zeros(e) for e in operands]):
            return self.sum_products(operands, shapes, found, shape)
        return self.by_labels(args, operands, shapes, found, shape)

    cdef Elements by_labels(self, list args, list operands, list shapes, tuple found, tuple shape):
        """The union of operands by the labels of their axes."""
        cdef Elements out = None
        cdef int i
        for i in range(len(args)):
            if args[i] >= 0 and operands[i] is not None:
                out = self.union_of(out, self.labelled(self.unknown(operands[i]), shapes[i], found[0][i], found[1], shape))
        return self.unknown(out)

    cdef Elements linear(self, int what, list args, list shapes, int64_t until):
        """What a routine gives for matrices with zeros; None where it has no rule, or where they count as full."""
        cdef Elements a = self.of(args[0]) if what == MM_CHOLESKY or what >= MM_LOWER else self.factored.get(args[0])
        cdef tuple shape = shapes[len(shapes) - 1]
        cdef int rank = len(shape)
        cdef int64_t n, count, sides, columns
        if what == MM_CHOLESKY:
            n = shape[rank - 1]
            return triangle(self.sets, a, n, size_of(shape) // (n * n), until) if has_zeros(a) else None
        if a is None or what == MM_LU or not has_zeros(a):
            return None
        if what == MM_INVERSE:
            n = order(shape[rank - 1])
            return solved(self.sets, a, n, a.n // (n * n), None, n, 0, False, until)
        if what != MM_SOLVE and what != MM_SOLVE_TRANSPOSED and what != MM_LOWER and what != MM_LOWER_TRANSPOSED:
            return None
        n, columns = shape[rank - 2], shape[rank - 1]
        count, sides = a.n // (n * n), size_of(shape) // (n * columns)
        return solved(self.sets, a, n, count, self.of(args[1]), columns, sides,
                      what == MM_SOLVE_TRANSPOSED or what == MM_LOWER_TRANSPOSED, until)

    cdef Elements moved(self, Payload w, list args, list shapes):
        """The numbers of the sets, moved by what moves the values; None where a position is not known."""
        cdef Elements out, e
        cdef int64_t k
        cdef int i
        cdef list operands = []
        cdef int32_t[::1] view
        for i in range(len(args)):
            if w.op.raw and i == w.op.nin - 1:
                if args[i] >= 0:
                    return None
                operands.append(w.vals[i])
                continue
            numbers = np.zeros(shapes[i], np.int32)
            e = self.of(args[i]) if args[i] >= 0 else None
            if e is not None:
                view = numbers.reshape(-1)
                for k in range(view.shape[0]):
                    view[k] = e.at(k)
            operands.append(numbers)
        if w.op.name in axes.ADDS and operands[0].size:
            ones = np.ones_like(operands[0])
            if np.max(w.op.impl(ones, *operands[1:], **(w.params or {}))) > 1:
                return None
        view = np.ascontiguousarray(w.op.impl(*operands, **(w.params or {})), np.int32).reshape(-1)
        out = elements(view.shape[0])
        for k in range(view.shape[0]):
            out.sets[k] = view[k]
        return out

    cdef Elements everything(self, int32_t k):
        """Each element on all of all operands."""
        cdef int32_t total = 0, i, j
        for i in range(self.g.nodes[k].c):
            j = self.g.arg(k, i)
            if j >= 0 and self.of(j) is not None:
                total = self.sets.unite(total, self.all_of(self.of(j)))
        return uniform(self.g.elements(k), total) if total > 0 else None

    cdef tuple rows(self, int32_t k):
        """A result's indices by element."""
        cdef Sets s = self.sets
        cdef Elements e = None
        cdef int64_t n = 1, i
        cdef int32_t single
        cdef const int32_t *x
        cdef cnp.ndarray starts, indices
        cdef int64_t *p
        cdef int32_t *q
        if k >= 0:
            e = self.of(k)
            n = size_of(self.g.shape(k)) if self.g.nodes[k].flags & NODE_ARRAY else 1
        starts = np.zeros(n + 1, np.int64)
        if e is None:
            return starts, np.zeros(0, np.int32)
        p = <int64_t *> cnp.PyArray_DATA(starts)
        for i in range(n):
            p[i + 1] = p[i] + s.size(e.at(i))
        if p[n] > self.room:
            raise Exhausted
        s.spend(p[n])
        indices = np.empty(p[n], np.int32)
        q = <int32_t *> cnp.PyArray_DATA(indices)
        with nogil:
            for i in range(n):
                if p[i + 1] > p[i]:
                    x = s.begin(e.at(i), &single)
                    memcpy(q + p[i], x, (p[i + 1] - p[i]) * sizeof(int32_t))
        return starts, indices


cdef inline int64_t order(int64_t length) noexcept nogil:
    """The order of a matrix whose factors take so many numbers."""
    cdef int64_t n = 1
    while n * n + n < length:
        n += 1
    return n


cdef inline bint keeps_zero(int op) noexcept nogil:
    """Operations whose result is zero where all of their operands are."""
    return (op == SC_add or op == SC_subtract or op == SC_negative or op == SC_positive or op == SC_select
            or multiplies(op))


cdef inline bint multiplies(int op) noexcept nogil:
    """Products, those of the chain rule among them."""
    return op == SC_multiply or op == SC_chain or op == SC_masked or op == SC_settled
