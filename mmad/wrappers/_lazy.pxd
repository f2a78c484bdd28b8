"""Contract of power series by need."""
from libc.stdint cimport int64_t

from mmad._core cimport Jet
from mmad.tape._instructions cimport Op


cdef class Context:
    cdef int64_t level
    cdef dict made
    cdef list nodes
    cdef Lazy source(self, list coefficients)
    cdef Lazy new(self, Op op, tuple args, dict params)
    cdef object apply(self, Op op, tuple args, dict params)
    cdef void release(self)


cdef class Lazy(Jet):
    cdef Context context
    cdef Op op
    cdef tuple args
    cdef dict params
    cdef readonly list known  # the coefficients so far; None is zero, except for the first
    cdef list rates           # j c_j, as they are used in convolutions
    cdef object terms         # what the rule gave: partials, or the tangent
    cdef tuple shape_
    cdef object dtype_        # None: a Python float
    cdef int mode
    cdef int how(self) except -1
    cdef bint active(self, int i)
    cdef object coefficient(self, int k)
    cdef object rate(self, int j)
    cdef object fitted(self, object c)
    cdef object worked_out(self, int k)
    cdef object derivative(self, int i)
    cdef object together(self, int k)
    cdef object bilinear(self, int k)
    cdef object quotient(self, int k)
    cdef object by_partials(self, int k)
    cdef object partial(self, int i)
    cdef object each(self, object function)


cdef object times(int k, object x)
cdef object over(object x, int k)
cdef object zeros_like(object value)
