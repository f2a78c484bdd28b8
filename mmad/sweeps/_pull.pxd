"""Contract of numeric cotangents in C."""
from cpython.object cimport PyObject

cimport numpy as cnp

from mmad.ops._partials cimport Partial
from mmad.tape._instructions cimport Rec


cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject *o)


# An operand or register: a vector of the operation's size, or where `at` is NULL a number.
cdef struct Value:
    const double *at
    double number


cdef class Pull:
    cdef Rec rec
    cdef object ct
    cdef const double *bar   # the cotangent; NULL: `number`, the same for all elements
    cdef double number
    cdef int arity, nd
    cdef Py_ssize_t n
    cdef cnp.npy_intp dims[8]
    cdef list spread         # operands that were broadcast, written out
    cdef double *scratch     # a block for each instruction of a program, and four more
    cdef bint prepare(self, Rec rec, object ct) except -1
    cdef int operand(self, int k, Value *r) except -1
    cdef bint same_shape(self, int i) noexcept
    cdef object cotangent(self, int i, cnp.ndarray into)
    cdef void run(self, const Partial *q, const Value *of, const Value *partial, double *r, bint add) noexcept
    cdef void chained(self, int product, const Value *p, Py_ssize_t lo, Py_ssize_t m, double *t) noexcept
    cdef void settled(self, const Value *p, const Value *limit, Py_ssize_t lo, Py_ssize_t m, double *t) noexcept
    cdef void program(self, const Partial *q, const Value *of, Py_ssize_t lo, Py_ssize_t m, Value *r) noexcept
    cdef const double *vector(self, const Value *x, int place, Py_ssize_t m) noexcept


cdef object product_cotangent(object ct, object x, object y, int i)
cdef cnp.ndarray writable(PyObject *cell)
