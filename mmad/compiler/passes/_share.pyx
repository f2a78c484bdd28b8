"""Pass `share`: what is computed twice is computed once (common subexpressions).

1. Instructions are looked up by operation, operands and type in a hash table; the operands of a commutative operation
   are put in order first.  The first few places looked at are near that of the latest operand, and so in cache; what finds
   no room there is anywhere.
2. The second of two equal instructions gives way to the first.  Element reads of the same version of an array are equal;
   so are windows, collections, matrix products and matrix routines of equal operands, whose equal payloads are one.

Kept: every value, bit by bit.  Calls of NumPy implementations are never shared: they may be the user's own.

Examples
--------
>>> from mmad.compiler._lower import lower
>>> graph = lower(mmad.record(lambda x: np.sin(x) * np.sin(x), 2.0))
>>> print(graph)
%0 = input
%1 = sin %0
%2 = sin %0
%3 = multiply %1, %2
return %3
>>> print(share(graph))
%0 = input
%1 = sin %0
%2 = multiply %1, %1
return %2
"""
cimport cython
from libc.stdint cimport int32_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

from mmad.compiler._graph cimport P_COLLECT, P_MATMUL, P_ROUTINE, P_WINDOW, Graph
from mmad.compiler.passes._pass cimport Pass
from mmad.tape._instructions cimport (NODE_ARRAY, OP_CONST, OP_FIRST_SCALAR, OP_LOAD, OP_REC, Node, SC_add,
                                      SC_multiply, scalar_arity)


cdef enum:
    NEAR = 8  # places near the latest operand

cdef struct Seen:
    uint32_t tag  # of the hash, so that few others are looked at
    int32_t k     # the instruction, plus 1; 0 in a free place


@cython.overflowcheck(False)
cdef inline uint64_t hashed(uint64_t h, uint64_t v) noexcept nogil:
    """Mix v into h by Fibonacci hashing: the upper bits are the good ones, so they come down before more is mixed in."""
    return (h ^ h >> 32 ^ v) * <uint64_t> 0x9E3779B97F4A7C15


cdef inline uint64_t pair(int32_t a, int32_t b) noexcept nogil:
    return <uint64_t> <uint32_t> a << 32 | <uint32_t> b


cdef inline bint is_constant(Graph g, int32_t k) noexcept:
    return g.nodes[k].op == OP_CONST and not g.nodes[k].flags & NODE_ARRAY


cdef inline bint precedes(Graph g, int32_t j, int32_t k) noexcept:
    """Return the order of commuting operands: constants first, as `simplify` has them, then the older one."""
    cdef bint a = is_constant(g, j), b = is_constant(g, k)
    return j < k if a == b else a


cdef bint sharable(Graph g, int32_t k) except -1:
    return g.nodes[k].op == OP_REC and g.payload(k).kind in (P_COLLECT, P_MATMUL, P_ROUTINE, P_WINDOW)


def share(Graph g):
    """Compute equal things once.

    Parameters
    ----------
    g : Graph

    Returns
    -------
    Graph
    """
    return Share(g).run()


@cython.final
cdef class Share(Pass):
    cdef Seen *table
    cdef uint64_t size
    cdef int shift

    def __dealloc__(self):
        free(self.table)

    cdef int prepare(self) except -1:
        self.size, self.shift = 64, 58
        while self.size < 2 * <uint64_t> self.g.n:
            self.size *= 2
            self.shift -= 1
        self.table = <Seen *> malloc(self.size * sizeof(Seen))
        if self.table == NULL:
            raise MemoryError("no memory to compile the trace")
        memset(self.table, 0, self.size * sizeof(Seen))
        return 0

    cdef int32_t rewritten(self, int32_t k) except -2:
        cdef Graph g = self.g, out = self.out
        cdef const int32_t *to = self.to
        cdef uint64_t h
        cdef Node p = g.nodes[k]
        cdef const Node *q
        cdef Seen *e
        cdef int32_t i, latest = 0
        cdef int arity, near = NEAR
        h = pair(p.op, g.type[k])
        if p.op >= OP_FIRST_SCALAR:
            arity = scalar_arity(p.op)
            p.a = to[p.a]
            p.b = to[p.b] if arity > 1 else -1
            p.c = to[p.c] if arity > 2 else -1
            if (p.op == SC_add or p.op == SC_multiply) and precedes(out, p.b, p.a):
                p.a, p.b = p.b, p.a
            latest = max(p.a, p.b, p.c)
        elif p.op == OP_LOAD:
            p.a = latest = to[p.a]
        elif sharable(g, k):
            for i in range(p.c):
                h = hashed(h, to[g.args[p.b + i]])
                latest = max(latest, to[g.args[p.b + i]])
        else:
            return out.copy(g, k, to)
        h = hashed(hashed(hashed(0, h), pair(p.a, p.c)), <uint32_t> p.b if p.op != OP_REC else 0)
        e = self.table + (2 * <uint64_t> latest + (h >> 61) & self.size - 1)
        while e.k:
            if e.tag == <uint32_t> h:
                q = out.nodes + e.k - 1
                if q.op == p.op and q.a == p.a and q.c == p.c and out.type[e.k - 1] == g.type[k] \
                        and (q.flags == p.flags and q.b == p.b if p.op != OP_REC else
                             not (q.flags ^ p.flags) & NODE_ARRAY and equal(out.args + q.b, g.args + p.b, p.c, to)):
                    return e.k - 1
            near -= 1
            e = self.table + (h >> self.shift) if near == 0 else e + 1
            if e == self.table + self.size:
                e = self.table
        i = out.copy(g, k, to) if p.op == OP_REC else out.push(p.op, p.flags, p.a, p.b, p.c, 0.0, g.type[k])
        e.tag, e.k = <uint32_t> h, i + 1
        return i


cdef bint equal(const int32_t *new, const int32_t *old, int32_t n, const int32_t *to) noexcept nogil:
    """Return whether operands are those that stand for others."""
    cdef int32_t i
    for i in range(n):
        if new[i] != to[old[i]]:
            return False
    return True
