"""Contract of traced arrays."""
from libc.stdint cimport int32_t, int64_t

cimport numpy as cnp

from mmad._core cimport Var
from mmad.tape._instructions cimport Instructions, Op


cdef class ArrayVar(Var):
    cdef cnp.ndarray arr
    cdef readonly ArrayVar base
    cdef tuple window
    cdef int64_t version
    cdef bint fresh
    cdef readonly bint number  # what NumPy gives as a number (np.float32, np.complex128), not as an array of no dimensions
    cdef int sync(self) except -1
    cdef bint pending(self) noexcept
    cdef int known(self) except -1
    cdef object shown(self)
    cdef int write_later(self, Op op, dict params, object index, object value) except -1
    cdef cnp.ndarray take(self)
    cdef int prepare_write(self) except -1
    cdef ArrayVar alias(self, cnp.ndarray r)
    cdef object rearranged(self, function)
    cdef object load(self, Py_ssize_t flat, double v)
    cdef Py_ssize_t element(self, object index, double **address) except -2
    cdef int write(self, object index, object value) except -1
    cdef object whole_number(self, str how, function)
    cpdef assign(self, r, name=*)


cdef bint selects(object index) noexcept
cdef ArrayVar make_array(Instructions tape, int32_t node, cnp.ndarray arr, bint fresh)
cdef ArrayVar make_number(Instructions tape, int32_t node, cnp.ndarray arr)
cdef int element_add(ArrayVar acc, int64_t flat, int32_t node) except -1
cdef int32_t element_take(ArrayVar acc, int64_t flat) except -1
