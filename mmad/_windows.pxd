"""Contract of windows."""
cimport numpy as cnp

cdef bint overlapping(tuple shape, tuple strides)
cdef bint in_order(tuple shape, tuple strides)
cpdef add_window(cnp.ndarray acc, tuple window, object g)
