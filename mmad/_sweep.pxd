"""Contract of the numeric sweeps."""
from libc.stdint cimport int32_t, uint8_t

from mmad._tape cimport Tape

cdef uint8_t *active_mask(Tape tape, int32_t start, int32_t stop, list inputs) except NULL
cdef bint overlapping(tuple shape, tuple strides)
cdef bint in_order(tuple shape, tuple strides)
