"""Contract of the numeric helpers on plain arrays."""
from libc.stdint cimport uint64_t
cimport numpy as cnp

cdef cnp.ndarray window_view(cnp.ndarray base, object offset, tuple shape, tuple strides)
cdef uint64_t checksum(cnp.ndarray arr) except? 0
cdef object chain_value(object bar, object p)
cdef bint is_plain_double(object x)
cdef object unbroadcast_value(object g, tuple shape, object dtype)
cdef cnp.ndarray view_at(cnp.ndarray a, Py_ssize_t offset, tuple shape, tuple strides)
