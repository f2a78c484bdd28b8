"""Pass `recompute`: arrays that would wait long for their use are computed again, for programs that have to fit a memory.

A reverse sweep uses the arrays of a function in the opposite order, so that at its beginning all of them are held.  Of
those, the pass keeps some and computes the others again:

1. The *peak* is where the arrays that are held take most memory.  *Held* are those made before it and used after it.
2. What comes before the peak is cut into chunks of equal memory.  Every chunk but the last is computed again, as far as
   what is held is concerned, before its first use after the peak.
3. Arrays of earlier chunks that this starts from are the *checkpoints*: they are kept, and so are numbers, small arrays
   and results of calls back into Python.
4. Chunks that take more work for each byte than others are left: they are those that begin at checkpoints already.
5. The caller (:func:`fitting`) tries different numbers of chunks, and then the same on what results, where the peak is
   another.  With one level of checkpoints some 2 sqrt(n) of n equal arrays are held, with k levels some k n^(1/(k+1)).

Kept: every value; the order of guards.  Each level computes each instruction at most once more.

References
----------
A. Griewank, "Achieving logarithmic growth of temporal and spatial complexity in reverse automatic differentiation",
Optimization Methods and Software 1 (1992), 35-54.

Examples
--------
The sine of the first step is computed again instead of being held until the last one needs it:

>>> from mmad.compiler._lower import lower
>>> from mmad.compiler.assembly._units import Units
>>> from mmad.compiler.passes._dead import dead
>>> from mmad.compiler.passes._share import share
>>> from mmad.compiler.passes._simplify import simplify
>>> def chain(x):
...     for _ in range(4):
...         x = np.sin(x)
...     return np.sum(x)
>>> graph = dead(share(simplify(lower(mmad.record(mmad.grad(chain), np.ones(1000))))))
>>> smaller, held = fitting(graph, 0, lambda g: Units(g, False, False))
>>> len(smaller) - len(graph), held
(1, 24000)
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.math cimport INFINITY
from libc.stdlib cimport calloc, free

cimport numpy as cnp

from mmad.compiler._graph cimport P_CALL, P_MATMUL, P_ROUTINE, Graph, new_map, operands_of
from mmad.compiler.assembly._units cimport Units
from mmad.tape._instructions cimport NODE_ARRAY, OP_CONST, OP_GUARD, OP_INPUT, OP_REC, Node

cnp.import_array()

cdef tuple CHUNKS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 64)  # tried one after the other
cdef tuple DEAR = (3.0, 10.0, float("inf"))  # times the work for each byte of the cheapest chunk that others may take; likewise

cdef enum:
    SMALL = 1024  # part of what is held that an array takes at the most, to be kept in any case
    FLOPS = 8     # multiplications of a product of matrices that take as long as an element does elsewhere
    MOST = 3_000_000  # instructions of all graphs that are tried, besides
    EACH = 100        # times those of the program
    IDLE = 24     # rounds without any gain, after which there is none to come


def fitting(Graph g, memory, units_of):
    """Return the same values within a memory.

    Parameters
    ----------
    g : Graph
    memory : int
        Bytes of the arrays that the program holds at a time.
    units_of : callable
        The units of a graph.

    Returns
    -------
    Graph
        The smallest found, where none fits.
    int
        Bytes that it holds at its peak.
    """
    cdef Recompute now, smallest = Recompute(g, units_of(g))
    cdef int idle
    cdef int64_t tried = 0
    if smallest.least() > memory:
        return g, smallest.most
    for dear in DEAR:
        now, idle = smallest, 0
        while smallest.most > memory and idle < IDLE and tried < MOST + EACH * <int64_t> g.n:
            found = best(now, memory, dear, units_of, &tried)
            if found is None:
                break
            now = found
            idle = 0 if now.most < 0.99 * smallest.most else idle + 1  # another peak may be as high
            if now.most < smallest.most:
                smallest = now
    return smallest.g, smallest.most


cdef Recompute best(Recompute now, memory, double dear, units_of, int64_t *tried):
    """Do one step: return what holds least, or the first that fits; None where nothing can be computed again."""
    cdef Recompute other, least = None
    cdef Graph found
    for chunks in CHUNKS:
        found = (<Recompute> Recompute(now.g, now.units)).run(chunks, dear)
        if found is None:
            continue
        other = Recompute(found, units_of(found))
        tried[0] += found.n
        if least is None or other.most < least.most:
            least = other
        if other.most <= memory:
            break
    return least


cdef class Recompute:
    cdef Graph g, out
    cdef int32_t peak
    cdef Units units
    cdef int64_t held, most     # bytes that wait at the peak; all that are in memory there
    cdef int32_t *root          # what holds the elements of a window
    cdef int64_t *bytes         # of an array that has to be in memory, 0 for others
    cdef int32_t *first         # the first use after the peak, of an array or a window
    cdef int32_t *chunk         # of an instruction before the peak
    cdef int32_t *to            # what stands for an instruction in the new graph
    cdef uint8_t *kept          # a checkpoint
    cdef uint8_t *again         # is computed again

    def __cinit__(self, Graph g, Units units):
        cdef int32_t k
        self.g, self.units, self.peak, self.held, self.most = g, units, -1, 0, 0
        self.root, self.first, self.chunk, self.to = new_map(g), new_map(g), new_map(g), new_map(g)
        self.bytes = <int64_t *> calloc(g.n + 1, sizeof(int64_t))
        self.kept = <uint8_t *> calloc(g.n + 1, 1)
        self.again = <uint8_t *> calloc(g.n + 1, 1)
        if self.bytes == NULL or self.kept == NULL or self.again == NULL:
            raise MemoryError("no memory to compile the trace")
        for k in range(g.n):
            self.root[k], self.first[k], self.chunk[k] = units.root[k], -1, -1
            if units.root[k] == k and self.is_held(k) and (units.need[k] or g.nodes[k].op == OP_REC):
                self.bytes[k] = g.elements(k) * <int64_t> (<cnp.dtype> (<tuple> g.types[g.type[k]])[1]).itemsize
        self.find_peak(units)

    def __dealloc__(self):
        free(self.root)
        free(self.first)
        free(self.chunk)
        free(self.to)
        free(self.bytes)
        free(self.kept)
        free(self.again)

    cdef bint is_held(self, int32_t k) noexcept:
        """Return whether an instruction makes an array of the program's own."""
        cdef Node *p = self.g.nodes + k
        return p.flags & NODE_ARRAY and p.op != OP_INPUT and p.op != OP_CONST and p.op != OP_GUARD

    cdef int find_peak(self, Units units) except -1:
        """Find where arrays take most memory, which are held there, and what they take."""
        cdef Graph g = self.g
        cdef int64_t *change = <int64_t *> calloc(g.n + 2, sizeof(int64_t))
        cdef int64_t now = 0
        cdef const int32_t *operand
        cdef int32_t k, i, n
        if change == NULL:
            raise MemoryError("no memory to compile the trace")
        for k in range(g.n):
            change[k] += self.bytes[k]
            change[units.last[k] + 1 if units.last[k] < g.n else g.n] -= self.bytes[k]
        for k in range(g.n):
            now += change[k]
            if now > self.most:
                self.most, self.peak = now, k
        free(change)
        for k in range(g.n - 1, self.peak, -1):
            operand = operands_of(g, k, &n)
            for i in range(n):
                if operand[i] >= 0:
                    self.first[operand[i]] = k
        for k in range(self.peak + 1):
            if self.first[k] >= 0 and (self.first[self.root[k]] < 0 or self.first[k] < self.first[self.root[k]]):
                self.first[self.root[k]] = self.first[k]
        for k in g.outputs:
            if k >= 0:
                self.kept[self.root[k]] = 1
        for k in range(self.peak + 1):
            self.held += self.waiting(k)
        return 0

    cdef int64_t least(self):
        """Return the bytes that some instruction needs at once in any case: for factors of products, for what views look at."""
        cdef const int32_t *operand
        cdef int32_t k, i, n
        cdef int64_t most = 0
        cdef dict roots
        cdef bint whole
        for k in range(self.g.n):
            operand = operands_of(self.g, k, &n)
            whole = self.g.nodes[k].op == OP_REC and self.g.payload(k).kind in (P_MATMUL, P_ROUTINE, P_CALL)
            roots = {}
            for i in range(n):
                if operand[i] >= 0 and (whole or self.root[operand[i]] != operand[i]):
                    roots[self.root[operand[i]]] = self.bytes[self.root[operand[i]]]
            if roots:
                most = max(most, <int64_t> sum(roots.values()))
        return most

    cdef int64_t waiting(self, int32_t k) noexcept:
        """Return the bytes of an array that is held at the peak and could be computed again."""
        return self.bytes[k] if self.first[k] >= 0 and not self.kept[k] else 0

    cdef Graph run(self, int chunks, double dear):
        cdef Graph g = self.g
        cdef int32_t k, c
        cdef int64_t sum = 0
        cdef bint some = False
        cdef dict begin
        if self.held == 0:
            return None
        for k in range(self.peak + 1):
            sum += self.waiting(k)
            self.chunk[k] = <int32_t> ((sum - 1) * chunks // self.held) if sum else 0
            if self.root[k] != k:
                self.chunk[k] = self.chunk[self.root[k]]
        for k in range(self.peak, -1, -1):  # users come before what they use
            if self.chunk[k] == chunks - 1:
                continue
            if self.first[k] >= 0 and (self.root[k] != k or self.waiting(k) * SMALL > self.held and not self.is_call(k)):
                self.again[k] = some = True
            if self.again[k] and not self.kept[k]:
                self.reach(k)
        if not some:
            return None
        self.spare(chunks, dear)
        begin = self.beginnings()
        self.out = g.like()
        for k in range(g.n):
            for c in begin.get(k, ()):
                self.repeat(c)
            self.to[k] = self.out.copy(g, k, self.to)
        self.out.set_ends(g, self.to)
        return self.out

    cdef int64_t work(self, int32_t k):
        """Return the work of an instruction, in elements."""
        cdef Graph g = self.g
        cdef tuple shape
        if g.nodes[k].op == OP_REC and g.payload(k).kind == P_MATMUL:
            shape = g.shape(g.arg(k, 0))
            return g.elements(k) * (1 + <int64_t> shape[len(shape) - 1] // FLOPS)
        if g.nodes[k].op == OP_REC and g.payload(k).kind == P_ROUTINE:
            shape = g.shape(g.arg(k, 0))
            return g.elements(k) * (1 + <int64_t> shape[len(shape) - 2] // FLOPS)
        return 0 if self.root[k] != k else g.elements(k)

    cdef int spare(self, int chunks, double dear) except -1:
        """Leave chunks that take much more work for each byte than others."""
        cdef double[64] work
        cdef double[64] gain
        cdef double least = INFINITY
        cdef int32_t k, c
        for c in range(chunks):
            work[c] = gain[c] = 0.0
        for k in range(self.peak + 1):
            if self.again[k] and not self.kept[k]:
                work[self.chunk[k]] += self.work(k)
                gain[self.chunk[k]] += self.waiting(k)
        for c in range(chunks):
            if gain[c] > 0:
                least = min(least, work[c] / gain[c])
        for k in range(self.peak + 1):
            c = self.chunk[k]
            if self.again[k] and work[c] > dear * least * gain[c]:
                self.again[k] = 0
        return 0

    cdef dict beginnings(self):
        """Return before which instructions which chunks are computed again."""
        cdef dict first = {}, out = {}
        cdef int32_t k
        for k in range(self.peak + 1):
            if self.again[k] and not self.kept[k] and self.first[k] >= 0:
                first[self.chunk[k]] = min(first.get(self.chunk[k], self.g.n), self.first[k])
        for c, k in first.items():
            out.setdefault(k, []).append(c)
        return out

    cdef int repeat(self, int32_t chunk) except -1:
        """Compute a chunk again; what comes after it uses that."""
        cdef int32_t k
        for k in range(self.peak + 1):
            if self.chunk[k] == chunk and self.again[k] and not self.kept[k]:
                self.to[k] = self.out.copy(self.g, k, self.to)
        return 0

    cdef bint is_call(self, int32_t k) noexcept:
        return self.g.nodes[k].op == OP_REC and self.g.payload(k).kind == P_CALL

    cdef int reach(self, int32_t k) except -1:
        """Mark what instruction k, which is computed again, is computed from: computed again, too, or kept."""
        cdef const int32_t *operand
        cdef int32_t i, j, n
        operand = operands_of(self.g, k, &n)
        for i in range(n):
            j = operand[i]
            if j < 0 or not self.is_held(j):
                continue
            if self.chunk[j] == self.chunk[k] and not self.is_call(j) and (
                    self.root[j] != j or self.g.elements(j) * <int64_t> (sizeof(double) * SMALL) > self.held):
                self.again[j] = 1
            else:
                self.kept[self.root[j]] = 1
        return 0
