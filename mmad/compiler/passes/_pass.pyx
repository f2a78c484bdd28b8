"""What passes have in common: a new graph is made of a given one, instruction by instruction.

A pass says what stands for one instruction (`rewritten`) or, if it changes their order, walks them by itself (`rewrite`).
Where it has nothing to do, which one look tells (`applies`), the graph is given back as it is.
"""
from libc.stdint cimport int32_t
from libc.stdlib cimport free

from mmad.compiler._graph cimport Graph, new_map


cdef class Pass:
    """One run of a pass over a graph."""

    def __cinit__(self, Graph g):
        self.g = g

    def __dealloc__(self):
        free(self.to)

    cdef bint applies(self) except -1:
        """Return whether there is anything to do."""
        return True

    cdef int prepare(self) except -1:
        """Gather what has to be known of the whole graph."""
        return 0

    cdef int32_t rewritten(self, int32_t k) except -2:
        """Return what stands for instruction k in the new graph, where those before it are; -1: nothing."""
        return self.out.copy(self.g, k, self.to)

    cdef int rewrite(self) except -1:
        """Make the instructions of the new graph."""
        cdef int32_t k
        for k in range(self.g.n):
            self.to[k] = self.rewritten(k)
        return 0

    cdef int conclude(self) except -1:
        """Do what is left when all instructions are made."""
        return 0

    cdef Graph run(self):
        """Return the new graph."""
        cdef int32_t k
        if not self.applies():
            return self.g
        self.out, self.to = self.g.like(), new_map(self.g)
        for k in range(self.g.n):
            self.to[k] = -1
        self.prepare()
        self.rewrite()
        self.conclude()
        if self.out.same(self.g):
            return self.g
        self.out.set_ends(self.g, self.to)
        return self.out
