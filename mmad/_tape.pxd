"""Contract of the tape."""
from mmad._instructions cimport Instructions, Rec


cdef class Tape(Instructions):
    cdef object wrap(self, Rec rec, object out)
