"""Pass `order`: instructions in another order, for programs that need much memory.

A recording computes all that a reverse sweep needs before the sweep begins; where a result is put together from parts
that do not depend on each other (terms of a sum, batches of examples), each part may as well be finished before the next
begins, and its arrays make room.

1. Guards, in their order, and then the results are visited; before an instruction its operands, the first one first,
   depth first.  So what is computed is used as soon as it can be.
2. Before a write in place all that reads the version before it, so that no copy has to be made.
3. Both orders are assembled, where the recorded one takes more than a little workspace, and this one stays if it takes
   clearly less (:mod:`mmad.compiler.pipeline`): for deep chains the recorded order is the better one.

Kept: every value; the order of guards, and that nothing which was recorded after a guard comes before it (a call may
fail where the guard does).

References
----------
R. Sethi and J. D. Ullman, "The generation of optimal code for arithmetic expressions", Journal of the ACM 17 (1970),
715-728: depth first, for trees.

Examples
--------
>>> from mmad.compiler._lower import lower
>>> def product(x, y):
...     a, b = np.exp(x), np.exp(y)
...     s, t = np.sum(a), np.sum(b)
...     return s * t
>>> graph = lower(mmad.record(product, np.ones(2), np.ones(2)))
>>> print(graph)
%0 = input : float64[2]
%1 = input : float64[2]
%2 = exp %0 : float64[2]
%3 = exp %1 : float64[2]
%4 = collect add %2 0+(2,)*(0,)
%5 = collect add %3 0+(2,)*(0,)
%6 = multiply %4, %5
return %6
>>> print(order(graph))
%0 = input : float64[2]
%1 = exp %0 : float64[2]
%2 = collect add %1 0+(2,)*(0,)
%3 = input : float64[2]
%4 = exp %3 : float64[2]
%5 = collect add %4 0+(2,)*(0,)
%6 = multiply %2, %5
return %6
"""
cimport cython
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport calloc, free

from mmad.compiler._graph cimport P_PUT, P_WINDOW, Graph, grown, new_map, operands_of
from mmad.compiler.passes._pass cimport Pass
from mmad.tape._instructions cimport OP_GUARD, OP_REC, OP_STORE


def order(Graph g):
    """Return the same instructions, depth first from the results.

    Parameters
    ----------
    g : Graph

    Returns
    -------
    Graph
    """
    return Order(g).run()


@cython.final
cdef class Order(Pass):
    cdef int32_t *cursor   # how many of its predecessors an instruction has waited for
    cdef int32_t *stack
    cdef int32_t *base     # of a write: the version that is written over; else -1
    cdef int32_t *begin    # where the readers of a version begin in `reader`
    cdef int32_t *reader

    def __dealloc__(self):
        free(self.stack)
        free(self.base)
        free(self.cursor)
        free(self.begin)
        free(self.reader)

    cdef int prepare(self) except -1:
        cdef Graph g = self.g
        cdef int32_t k
        self.stack, self.base = new_map(g), new_map(g)
        self.cursor = <int32_t *> calloc(g.n + 1, sizeof(int32_t))
        self.begin = <int32_t *> calloc(g.n + 2, sizeof(int32_t))
        if self.cursor == NULL or self.begin == NULL:
            raise MemoryError("no memory to compile the trace")
        for k in range(g.n):
            self.base[k] = -1
        return self.find_readers()

    cdef int find_readers(self) except -1:
        """Find who reads the versions that are written over, through windows too."""
        cdef Graph g = self.g
        cdef int32_t *root = new_map(g)
        cdef uint8_t *written = <uint8_t *> calloc(g.n + 1, 1)
        cdef const int32_t *operand
        cdef int32_t k, i, n, turn
        try:
            if written == NULL:
                raise MemoryError("no memory to compile the trace")
            for k in range(g.n):
                root[k] = k
                operand = operands_of(g, k, &n)
                if g.nodes[k].op == OP_REC and g.payload(k).kind == P_WINDOW:
                    root[k] = root[operand[0]]
                elif g.nodes[k].op == OP_STORE or (g.nodes[k].op == OP_REC and g.payload(k).kind == P_PUT):
                    self.base[k] = root[operand[0]]
                    written[self.base[k]] = 1
            for turn in range(2):  # counted, then put down
                for k in range(g.n):
                    operand = operands_of(g, k, &n)
                    for i in range(n):
                        if operand[i] >= 0 and written[root[operand[i]]]:
                            if turn:
                                self.reader[self.begin[root[operand[i]]]] = k
                            self.begin[root[operand[i]] + (0 if turn else 1)] += 1
                if turn == 0:
                    for k in range(g.n):
                        self.begin[k + 1] += self.begin[k]
                    self.reader = <int32_t *> grown(NULL, (self.begin[g.n] + 1) * sizeof(int32_t))
            for k in range(g.n, 0, -1):  # filling has moved each to where the next begins
                self.begin[k] = self.begin[k - 1]
            self.begin[0] = 0
            return 0
        finally:
            free(root)
            free(written)

    cdef int32_t predecessor(self, int32_t k, int32_t i) noexcept:
        """Return what has to come before instruction k, by number; -1: no such operand, -2: there is no more."""
        cdef int32_t n, b = self.base[k]
        cdef const int32_t *operand = operands_of(self.g, k, &n)
        if i < n:
            return operand[i]
        i += self.begin[b] - n if b >= 0 else -n
        if b < 0 or i >= self.begin[b + 1] or self.reader[i] >= k:
            return -2
        return self.reader[i]

    cdef int visit(self, int32_t k) except -1:
        cdef int32_t depth = 0, j
        if self.to[k] >= 0:
            return 0
        self.stack[0] = k
        while depth >= 0:
            k = self.stack[depth]
            j = self.predecessor(k, self.cursor[k])
            if j == -2:
                self.to[k] = self.out.copy(self.g, k, self.to)
                depth -= 1
                continue
            self.cursor[k] += 1
            if j >= 0 and self.to[j] < 0:
                depth += 1
                self.stack[depth] = j
        return 0

    cdef int rewrite(self) except -1:
        cdef int32_t k
        for k in range(self.g.n):
            if self.g.nodes[k].op == OP_GUARD:
                self.visit(k)
        for k in self.g.outputs:
            if k >= 0:
                self.visit(k)
        return 0
