"""Contract of batched values."""
from mmad._core cimport Wrapper


cdef class Batch(Wrapper):
    cdef readonly object lanes
