"""Contract of direct evaluation."""
cimport numpy as cnp

cdef cnp.ndarray multiplied(cnp.ndarray a, bint turn_a, cnp.ndarray b, bint turn_b)
