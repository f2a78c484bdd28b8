"""Contract of the tape."""
from mmad._instructions cimport Instructions, Op


cdef class Tape(Instructions):
    cdef object wrap(self, Op op, tuple ids, tuple vals, dict params, object out)
