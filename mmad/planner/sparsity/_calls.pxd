"""Contract of what operations depend on that the compiler leaves to NumPy."""
from libc.stdint cimport int32_t, int64_t

from mmad.compiler._graph cimport Graph, Payload
from mmad.planner.sparsity._elements cimport Elements
from mmad.planner.sparsity._unions cimport Unions


cdef class Calls(Unions):
    cdef Graph g
    cdef int32_t *number   # by instruction: the set of a number
    cdef list arrays       # by instruction: Elements, or None where nothing counts
    cdef dict given        # what is said of the inputs, by instruction
    cdef list zeros        # constants that were looked at for zeros, or None
    cdef dict constants    # by instruction: what is zero of a constant array
    cdef int64_t spared    # steps that are left for linear systems
    cdef dict factored     # by instruction that factors matrices: the elements of these, where some are zero

    cdef Elements of(self, int32_t j)
    cdef Elements constant(self, int32_t j)
    cdef Elements zeros_of(self, object value)
    cdef Elements called(self, Payload w, int32_t k)
    cdef Elements by_labels(self, list args, list operands, list shapes, tuple found, tuple shape)
    cdef Elements linear(self, int what, list args, list shapes, int64_t until)
    cdef Elements moved(self, Payload w, list args, list shapes)
    cdef Elements everything(self, int32_t k)
