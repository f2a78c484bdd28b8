"""Contract of the numeric helpers on plain arrays."""
from libc.stdint cimport uint64_t
cimport numpy as cnp

cdef extern from "numpy/arrayobject.h":
    bint PyArray_ISCARRAY(cnp.ndarray arr) nogil
    bint PyArray_ISCARRAY_RO(cnp.ndarray arr) nogil
    bint PyArray_CompareLists(const cnp.npy_intp *a, const cnp.npy_intp *b, int n) nogil

cdef cnp.ndarray window_view(cnp.ndarray base, object offset, tuple shape, tuple strides)
cdef uint64_t checksum(cnp.ndarray arr) except? 0
cdef tuple shape_of_array(cnp.ndarray a)
cpdef tuple taken_shape(tuple shape, object index)
cdef tuple strides_of_array(cnp.ndarray a)
cdef bint single_number(object x, float *v) except -1
cdef cnp.ndarray single(float v)
cdef object chain_value(object bar, object p)
cdef object masked_value(object bar, object p)
cdef object settled_value(object bar, object p, object u)
cdef bint is_plain_double(object x)
cdef object unbroadcast_value(object g, tuple shape, object dtype)
cdef cnp.ndarray view_at(cnp.ndarray a, Py_ssize_t offset, tuple shape, tuple strides)
