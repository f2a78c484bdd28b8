"""Contract of activity along a tape.  Both arrays are the caller's to free."""
from libc.stdint cimport int32_t, uint8_t

from mmad.tape._tape cimport Tape

cdef uint8_t *active_mask(Tape tape, int32_t start, int32_t stop, list inputs) except NULL
cdef uint8_t *direct_mask(Tape tape, int32_t start, int32_t stop, list seeds) except NULL
cdef int32_t *last_uses(Tape tape, int32_t start, int32_t stop, list outputs) except NULL
