"""Which inputs each value of a program depends on: index sets carried through the compiler's graph.

1. A set of inputs has a number: 0 the empty one, 1 + i the one of input i alone, and from there on sets with content,
   each of which is kept once.  What a value depends on is one number an element, so that views, gathers and scatters move
   numbers, and an elementwise operation of operands that depend on the same does nothing.
2. Elementwise operations unite the sets of their operands; those with a derivative that is zero everywhere do not count.
3. Sums and scatters unite what falls on one element (`_unions.pyx`).  What has no instruction of its own (`_calls.pyx`) goes
   by the labels of its axes (:mod:`mmad.planner.sparsity.axes`), products of matrices as well, or depends on all operands.
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

from mmad.compiler._graph cimport P_COLLECT, P_PUT, P_WINDOW, Graph, Map, Payload, operands_of, size_of
from mmad.ops._partials cimport PARTIAL_NONE, partial_of
from mmad.planner.sparsity._calls cimport Calls
from mmad.planner.sparsity._elements cimport Elements, Walk, elements, gathered, overlaps, uniform, walk
from mmad.planner.sparsity._sets cimport ZERO, Sets
from mmad.planner.sparsity._unions cimport ADDED, DIVIDED, MULTIPLIED
from mmad.tape._instructions cimport (NODE_ARRAY, NODE_BOOL, OP_FIRST_SCALAR, OP_LOAD, OP_REC, OP_STORE, SCALAR_END,
                                      Node, SC_add, SC_chain, SC_divide, SC_masked, SC_multiply, SC_negative,
                                      SC_positive, SC_select, SC_settled, SC_subtract, node_index, scalar_arity)

from mmad.planner.sparsity._sets import Exhausted

cnp.import_array()


def dependence(Graph g, columns, int64_t n, int64_t limit=1 << 27, int64_t most=1 << 62, int64_t room=1 << 62,
               list zeros=None):
    """Return the dependence of the results of a graph on some of its inputs.

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
    return Propagation(n, limit, most, g, zeros, columns, room).run()


cdef class Propagation(Calls):
    """One pass over the instructions."""

    cdef int32_t *last     # by instruction: the last one that uses it
    cdef object columns
    cdef int64_t room
    cdef uint8_t[128] counts  # by operation: a bit an operand with a derivative

    def __cinit__(self, int64_t n, int64_t limit, int64_t most, Graph g, list zeros, columns, int64_t room):
        cdef int op, i
        self.columns, self.room = columns, room
        self.last = <int32_t *> calloc(g.n + 1, sizeof(int32_t))
        if self.last == NULL:
            raise MemoryError("no memory to find the sparsity pattern")
        for op in range(OP_FIRST_SCALAR, min(SCALAR_END, 128)):
            self.counts[op] = 6 if op == SC_select else 0
            for i in range(scalar_arity(op)):
                if partial_of(op, i).kind != PARTIAL_NONE:
                    self.counts[op] |= 1 << i

    def __dealloc__(self):
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
        """Add an input: each element depends on itself."""
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
        return out if how != ADDED or keeps_zero(p.op) else self.without_zeros(out)

    cdef Elements mine(self, int32_t base, int32_t k, int64_t n):
        """Return what a storage's next version starts from; the base's own elements, where nothing else needs them."""
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
        """Unite what falls on one element."""
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

    cdef tuple rows(self, int32_t k):
        """Return a result's indices by element."""
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


cdef inline bint keeps_zero(int op) noexcept nogil:
    """Return whether the result of an operation is zero where all of its operands are."""
    return (op == SC_add or op == SC_subtract or op == SC_negative or op == SC_positive or op == SC_select
            or multiplies(op))


cdef inline bint multiplies(int op) noexcept nogil:
    """Return whether an operation is a product, those of the chain rule among them."""
    return op == SC_multiply or op == SC_chain or op == SC_masked or op == SC_settled
