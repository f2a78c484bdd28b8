"""Contract of batched values."""
from mmad._core cimport Wrapper
from mmad.tape._instructions cimport Op


cdef class Batch(Wrapper):
    cdef readonly object lanes

    cdef object applied(self, Op op, tuple args, dict params)
