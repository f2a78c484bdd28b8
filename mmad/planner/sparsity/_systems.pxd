"""Contract of what linear systems depend on."""
from libc.stdint cimport int64_t

from mmad.planner.sparsity._elements cimport Elements
from mmad.planner.sparsity._sets cimport Sets

cdef bint has_zeros(Elements e)
cdef Elements solved(Sets s, Elements a, int64_t n, int64_t of_a, Elements b, int64_t columns, int64_t of_b, bint turned,
                     int64_t until)
cdef Elements triangle(Sets s, Elements a, int64_t n, int64_t count, int64_t until)
