"""Values of operations on small arrays, without NumPy's dispatch.

NumPy takes some half a microsecond to decide what to do with two arrays, an array of sixteen numbers a few nanoseconds to be
added.  Here the inner loop that NumPy would choose is called directly, so the values are those that NumPy gives operands with
the same strides, to the last bit; on some processors a loop takes elements that are not contiguous another way.  What is not
float64 or float32 throughout, large, empty, without an array, or laid out so that NumPy would give a result that is not in C
order, is left to NumPy; so are results that are not finite, for which it may have a warning.
"""
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from libc.math cimport isfinite
from libc.stdint cimport int64_t

cimport numpy as cnp

import numpy as np

from mmad.kernels._arrays cimport is_plain_double
from mmad.kernels._machine cimport LONGEST_PRODUCT, Product, product, rows_at_once
from mmad.kernels._windows cimport add_small_window
from mmad.tape._instructions cimport Loop, Op
from mmad.tape._instructions import OPERATIONS

cnp.import_array()

cdef enum:
    SMALL = 4096  # elements; beyond, the arithmetic takes longer than NumPy's dispatch
    ROWS = 64     # calls of an inner loop, likewise
    RANK = 4
    WORK = 512    # multiplications of a matrix product; a larger one is the BLAS's

cdef object _np_float64 = np.float64


cdef extern from "numpy/arrayobject.h":
    bint PyArray_ISBEHAVED_RO(cnp.ndarray arr) nogil
    bint PyArray_IS_C_CONTIGUOUS(cnp.ndarray arr) nogil


# The C struct itself: the fields that NumPy's own declaration offers to Cython are not the same in all its versions.
cdef extern from "numpy/ufuncobject.h":
    ctypedef struct LoopTable "PyUFuncObject":
        int nargs
        int ntypes
        void **functions
        void **data
        const char *types  # of the operands and results of each loop, one after the other


cdef extern from "Python.h":
    double PyLong_AsDouble(object x) except? -1.0
    Py_ssize_t PY_SSIZE_T_MAX


cdef extern from "_kernels.h" nogil:
    void mm_masked(double *r, const double *bar, const double *p, Py_ssize_t n) noexcept
    void mm_chain(double *r, const double *bar, const double *p, Py_ssize_t n) noexcept
    bint mm_finite(const double *a, Py_ssize_t n) noexcept
    bint mm_finite_single(const float *a, Py_ssize_t n) noexcept


def bind():
    """Find the inner loops of all elementwise operations."""
    cdef Op op
    for op in OPERATIONS.values():
        if op.ufunc is not None and not op.boolean:
            find_loops(op, op.ufunc)
    for name, ufunc in (("positive", np.positive), ("reciprocal", np.reciprocal), ("sign", np.sign), ("root", np.sqrt),
                        ("own_square", np.square), ("absolute_slope", np.sign)):  # which are the ufunc on floats
        find_loops(OPERATIONS[name], ufunc)
    (<Op> OPERATIONS["matmul"]).direct = matrix_product
    (<Op> OPERATIONS["sum_of_squares"]).direct = sum_of_squares
    op = OPERATIONS["chain"]
    op.loops[0], op.direct = chain_loop, elementwise
    op = OPERATIONS["masked"]
    op.loops[0], op.direct = masked_loop, elementwise
    (<Op> OPERATIONS["embed"]).direct = small_embed


cdef object sum_of_squares(Op op, tuple vals, dict params):
    """Return the product of a vector with itself."""
    return matrix_product(OPERATIONS["matmul"], (vals[0], vals[0]), None)


cdef int find_loops(Op op, cnp.ufunc ufunc) except -1:
    cdef LoopTable *f = <LoopTable *> ufunc
    cdef int k, i, kind
    cdef const char *types
    cdef char wanted
    for kind in range(2):
        wanted = <char> (cnp.NPY_DOUBLE if kind == 0 else cnp.NPY_FLOAT)
        for k in range(f.ntypes):
            types = f.types + k * f.nargs
            for i in range(f.nargs):
                if types[i] != wanted:
                    break
            else:
                op.loops[kind], op.loop_data[kind] = <Loop> f.functions[k], f.data[k]
                op.direct = elementwise
                break
    return 0


cdef void chain_loop(char **at, cnp.npy_intp *n, cnp.npy_intp *steps, void *data) noexcept nogil:
    """Multiply as the chain rule does; called as NumPy's inner loops are."""
    cdef Py_ssize_t k
    cdef double bar
    if steps[0] == sizeof(double) and steps[1] == sizeof(double):
        mm_chain(<double *> at[2], <double *> at[0], <double *> at[1], n[0])
        return
    for k in range(n[0]):
        bar = (<double *> (at[0] + k * steps[0]))[0]
        (<double *> at[2])[k] = 0.0 if bar == 0 else bar * (<double *> (at[1] + k * steps[1]))[0]


cdef void masked_loop(char **at, cnp.npy_intp *n, cnp.npy_intp *steps, void *data) noexcept nogil:
    """Multiply with a partial that is a mask; called as NumPy's inner loops are."""
    cdef Py_ssize_t k
    cdef double bar, p
    if steps[0] == sizeof(double) and steps[1] == sizeof(double):
        mm_masked(<double *> at[2], <double *> at[0], <double *> at[1], n[0])
        return
    for k in range(n[0]):
        bar, p = (<double *> (at[0] + k * steps[0]))[0], (<double *> (at[1] + k * steps[1]))[0]
        (<double *> at[2])[k] = 0.0 if bar == 0 or p == 0 else bar * p


cdef object elementwise(Op op, tuple vals, dict params):
    """Return the value of an elementwise operation of one or two operands; None leaves it to NumPy."""
    cdef int nin = <int> len(vals), kind = -1, nd = 0, k, d, e
    cdef bint strong = False, flat = True
    cdef double number[2]
    cdef float single[2]
    cdef char *at[3]
    cdef cnp.npy_intp steps[3]
    cdef cnp.npy_intp dims[RANK]
    cdef cnp.npy_intp strides[2][RANK]
    cdef cnp.npy_intp n, size, rows, inner, last, item
    cdef cnp.npy_intp index[RANK]
    cdef PyObject *x[2]
    cdef cnp.ndarray a, out
    if nin > 2 or params is not None:
        return None
    for k in range(nin):
        v = vals[k]
        x[k] = NULL
        if type(v) is cnp.ndarray:
            a = <cnp.ndarray> v
            d = cnp.PyArray_TYPE(a)
            if kind < 0:
                kind = d
            if d != kind or d != cnp.NPY_DOUBLE and d != cnp.NPY_FLOAT or cnp.PyArray_NDIM(a) > RANK \
                    or not PyArray_ISBEHAVED_RO(a):
                return None
            x[k] = <PyObject *> a
            nd = max(nd, cnp.PyArray_NDIM(a))
        elif type(v) is float:
            number[k] = <double> v
        elif type(v) is int:
            number[k] = PyLong_AsDouble(v)
        elif type(v) is _np_float64:
            number[k] = <double> v
            strong = True
        else:
            return None
    if kind < 0 or strong and kind != cnp.NPY_DOUBLE or op.loops[kind == cnp.NPY_FLOAT] == NULL:
        return None
    for d in range(nd):
        dims[d] = 1
    for k in range(nin):  # the shape of the result
        if x[k] == NULL:
            continue
        a = <cnp.ndarray> x[k]
        e = nd - cnp.PyArray_NDIM(a)
        for d in range(e, nd):
            size = cnp.PyArray_DIM(a, d - e)
            if size != dims[d] and size != 1:
                if dims[d] != 1:
                    return None
                dims[d] = size
    n = 1
    for d in range(nd):
        n *= dims[d]
        if n == 0 or n > SMALL:
            return None
    item = sizeof(double) if kind == cnp.NPY_DOUBLE else sizeof(float)
    for k in range(nin):
        if x[k] == NULL:
            if kind == cnp.NPY_FLOAT:
                single[k] = <float> number[k]
                if not isfinite(single[k]):
                    return None
            at[k] = <char *> &number[k] if kind == cnp.NPY_DOUBLE else <char *> &single[k]
            for d in range(nd):
                strides[k][d] = 0
            steps[k] = 0
            continue
        a = <cnp.ndarray> x[k]
        at[k] = <char *> cnp.PyArray_DATA(a)
        e = nd - cnp.PyArray_NDIM(a)
        steps[k] = item
        flat = flat and PyArray_IS_C_CONTIGUOUS(a) and cnp.PyArray_SIZE(a) == n
        last = PY_SSIZE_T_MAX
        for d in range(nd):
            strides[k][d] = 0
            if d >= e and dims[d] > 1 and cnp.PyArray_DIM(a, d - e) > 1:
                size = cnp.PyArray_STRIDE(a, d - e)
                if size < 0 or size > last:
                    return None  # the result would not be in C order
                strides[k][d] = size
                if size:
                    last = size
    last = nd
    while last > 1 and dims[last - 1] == 1:  # as NumPy does: the inner loop is the last axis that has a length
        last -= 1
    inner = n if flat else dims[last - 1]
    rows = n // inner
    if rows > ROWS:
        return None
    out = cnp.PyArray_EMPTY(nd, dims, kind, 0)
    nd = <int> last
    at[nin] = <char *> cnp.PyArray_DATA(out)
    steps[nin] = item
    if flat:
        op.loops[kind == cnp.NPY_FLOAT](at, &n, steps, op.loop_data[kind == cnp.NPY_FLOAT])
    else:
        for k in range(nin):
            steps[k] = strides[k][nd - 1]
        for d in range(nd):
            index[d] = 0
        for _ in range(rows):
            op.loops[kind == cnp.NPY_FLOAT](at, &inner, steps, op.loop_data[kind == cnp.NPY_FLOAT])
            at[nin] += inner * item
            for d in range(nd - 2, -1, -1):
                index[d] += 1
                for k in range(nin):
                    at[k] += strides[k][d]
                if index[d] < dims[d]:
                    break
                index[d] = 0
                for k in range(nin):
                    at[k] -= strides[k][d] * dims[d]
    if not (mm_finite(<double *> cnp.PyArray_DATA(out), n) if kind == cnp.NPY_DOUBLE
            else mm_finite_single(<float *> cnp.PyArray_DATA(out), n)):
        return None
    return cnp.PyArray_ToScalar(cnp.PyArray_DATA(out), out) if cnp.PyArray_NDIM(out) == 0 else out


cdef object matrix_product(Op op, tuple vals, dict params):
    """Return the product of two small or long matrices, or of a small matrix and a vector; None leaves it to NumPy."""
    cdef cnp.ndarray a, b, out
    cdef int64_t work
    if params is not None or type(vals[0]) is not cnp.ndarray or type(vals[1]) is not cnp.ndarray:
        return None
    a, b = vals
    if cnp.PyArray_NDIM(a) == 2 and cnp.PyArray_NDIM(b) == 2:
        work = cnp.PyArray_SIZE(b)
        if cnp.PyArray_DIM(a, 0) * work > LONGEST_PRODUCT and cnp.PyArray_DIM(a, 1) == cnp.PyArray_DIM(b, 0) \
                and cnp.PyArray_DATA(a) != cnp.PyArray_DATA(b):  # of A A^T NumPy makes a symmetric matrix
            return in_rows(a, b, rows_at_once(work))
    out = multiplied(a, False, b, False)
    if out is None or not mm_finite(<double *> cnp.PyArray_DATA(out), cnp.PyArray_SIZE(out)):
        return None
    return out


cdef object in_rows(cnp.ndarray a, cnp.ndarray b, int64_t rows):
    """Return the product of two matrices, some rows at a time, so that Ctrl-C ends it."""
    cdef int64_t i, m = cnp.PyArray_DIM(a, 0)
    out = np.empty((m, cnp.PyArray_DIM(b, 1)), np.result_type(a, b))
    for i in range(0, m, rows):
        np.matmul(a[i : i + rows], b, out=out[i : i + rows])
        PyErr_CheckSignals()
    return out


cdef cnp.ndarray multiplied(cnp.ndarray a, bint turn_a, cnp.ndarray b, bint turn_b):
    """Return the product of a matrix and a matrix or vector, `turn`: its transpose; None: it is not small, or not float64."""
    cdef Product p
    cdef cnp.npy_intp dims[2]
    cdef cnp.ndarray out
    cdef int columns = cnp.PyArray_NDIM(b)
    if cnp.PyArray_NDIM(a) != 2 or columns > 2 or columns < 1 or cnp.PyArray_TYPE(a) != cnp.NPY_DOUBLE \
            or cnp.PyArray_TYPE(b) != cnp.NPY_DOUBLE or not PyArray_ISBEHAVED_RO(a) or not PyArray_ISBEHAVED_RO(b):
        return None
    p.m, p.k = cnp.PyArray_DIM(a, 1 if turn_a else 0), cnp.PyArray_DIM(a, 0 if turn_a else 1)
    p.a_row, p.a_column = cnp.PyArray_STRIDE(a, 1 if turn_a else 0), cnp.PyArray_STRIDE(a, 0 if turn_a else 1)
    if columns == 1:
        p.n, p.b_row, p.b_column = 1, cnp.PyArray_STRIDE(b, 0), sizeof(double)
        if p.k != cnp.PyArray_DIM(b, 0):
            return None
    else:
        p.n = cnp.PyArray_DIM(b, 0 if turn_b else 1)
        p.b_row, p.b_column = cnp.PyArray_STRIDE(b, 1 if turn_b else 0), cnp.PyArray_STRIDE(b, 0 if turn_b else 1)
        if p.k != cnp.PyArray_DIM(b, 1 if turn_b else 0):
            return None
    if p.m == 0 or p.n == 0 or p.k == 0 or p.m > WORK or p.n > WORK or p.k > WORK or p.m * p.n * p.k > WORK \
            or (p.a_row | p.a_column | p.b_row | p.b_column) % <int64_t> sizeof(double):
        return None
    p.a_row //= <int64_t> sizeof(double)
    p.a_column //= <int64_t> sizeof(double)
    p.b_row //= <int64_t> sizeof(double)
    p.b_column //= <int64_t> sizeof(double)
    p.count, p.a_offset, p.b_offset, p.a_step, p.b_step = 1, 0, 0, 0, 0
    dims[0], dims[1] = p.m, p.n
    out = cnp.PyArray_EMPTY(columns, dims, cnp.NPY_DOUBLE, 0)
    product(&p, <double *> cnp.PyArray_DATA(a), <double *> cnp.PyArray_DATA(b), <double *> cnp.PyArray_DATA(out))
    return out


cdef object small_embed(Op op, tuple vals, dict params):
    """Return a small float64 array added into a window of zeros; None: it is none."""
    cdef cnp.npy_intp dims[8]
    cdef tuple of = params["of"]
    cdef cnp.ndarray out
    cdef int k, nd = <int> len(of)
    if nd > 8 or not is_plain_double(vals[0]):
        return None
    for k in range(nd):
        dims[k] = of[k]
    out = cnp.PyArray_ZEROS(nd, dims, cnp.NPY_DOUBLE, 0)
    return out if add_small_window(out, params["offset"], params["shape"], params["strides"], vals[0]) else None
