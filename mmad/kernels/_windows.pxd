"""Contract of windows."""
cimport numpy as cnp

cdef bint overlapping(tuple shape, tuple strides)
cdef bint in_order(tuple shape, tuple strides)
cpdef add_window(cnp.ndarray acc, tuple window, object g)
cdef bint add_small_window(cnp.ndarray acc, Py_ssize_t offset, tuple shape, tuple strides, object g) except -1
cdef void add_strided(double *r, const double *g, int nd, const cnp.npy_intp *dims, const cnp.npy_intp *steps) noexcept
