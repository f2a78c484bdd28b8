"""Numeric helpers on plain arrays: affine windows, cotangent products and sums, checksums.

Everything here takes and gives concrete values.  float64 C-contiguous arrays go through the kernels of
`_kernels.h`; everything else through NumPy.
"""
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from libc.math cimport isfinite
from libc.stdint cimport uint64_t
cimport numpy as cnp

import numpy as np

cnp.import_array()

cdef object _np_float32 = np.float32


cdef extern from "_kernels.h" nogil:
    void mm_chain(double *r, const double *bar, const double *p, Py_ssize_t n) noexcept
    void mm_masked(double *r, const double *bar, const double *p, Py_ssize_t n) noexcept
    void mm_chain_scalar(double *r, const double *bar, double p, Py_ssize_t n) noexcept
    void mm_scale(double *r, double s, const double *p, Py_ssize_t n) noexcept
    void mm_add(double *r, const double *g, Py_ssize_t n) noexcept
    bint mm_finite(const double *a, Py_ssize_t n) noexcept
    void mm_add_scalar(double *r, double g, Py_ssize_t n) noexcept
    uint64_t mm_checksum(const char *data, size_t nbytes) noexcept


cdef extern from "numpy/arrayobject.h":
    ctypedef struct PyTypeObject:
        pass
    PyTypeObject PyArray_Type
    object PyArray_NewFromDescr(PyTypeObject *subtype, cnp.dtype descr, int nd, const cnp.npy_intp *dims,
                                const cnp.npy_intp *strides, void *data, int flags, PyObject *obj)
    int PyArray_SetBaseObject(cnp.ndarray arr, object obj) except -1
    int NPY_ARRAY_WRITEABLE


cdef extern from "Python.h":
    void Py_INCREF(object o)
    void PyObject_GC_UnTrack(object o)


cdef cnp.ndarray view_at(cnp.ndarray a, Py_ssize_t offset, tuple shape, tuple strides):
    """Return a view into a's memory: offset from its first element and strides in bytes; the caller vouches for the bounds."""
    cdef cnp.npy_intp dims[64]
    cdef cnp.npy_intp steps[64]
    cdef int nd = len(shape), k
    cdef cnp.dtype descr = a.dtype
    cdef cnp.ndarray r
    for k in range(nd):
        dims[k] = shape[k]
        steps[k] = strides[k]
    Py_INCREF(descr)
    r = PyArray_NewFromDescr(&PyArray_Type, descr, nd, dims, steps, <char *> cnp.PyArray_DATA(a) + offset,
                             NPY_ARRAY_WRITEABLE if cnp.PyArray_ISWRITEABLE(a) else 0, NULL)
    Py_INCREF(a)
    PyArray_SetBaseObject(r, a)
    return r


cdef cnp.ndarray window_view(cnp.ndarray base, object offset, tuple shape, tuple strides):
    """Return the window of a C-contiguous base: offset and strides in elements."""
    cdef Py_ssize_t size = base.dtype.itemsize
    if not PyArray_ISCARRAY_RO(base):
        base = np.ascontiguousarray(base)
    return view_at(base, <Py_ssize_t> offset * size, shape, tuple([<Py_ssize_t> s * size for s in strides]))


cdef tuple shape_of_array(cnp.ndarray a):
    """Return a.shape"""
    return whole_numbers(cnp.PyArray_DIMS(a), cnp.PyArray_NDIM(a), 1)


cpdef tuple taken_shape(tuple shape, object index):
    """Return the shape of what an index takes from an array of a shape."""
    return np.broadcast_to(np.int8(0), shape)[index].shape


cdef tuple strides_of_array(cnp.ndarray a):
    """Return the strides in elements."""
    return whole_numbers(cnp.PyArray_STRIDES(a), cnp.PyArray_NDIM(a), cnp.PyArray_ITEMSIZE(a))


cdef tuple whole_numbers(const cnp.npy_intp *x, int n, Py_ssize_t unit):
    cdef tuple r = PyTuple_New(n)
    cdef object v
    cdef int k
    for k in range(n):
        v = x[k] // unit if unit else 0
        Py_INCREF(v)
        PyTuple_SET_ITEM(r, k, v)
    PyObject_GC_UnTrack(r)  # there is nothing in it that the collector need look at
    return r


cdef uint64_t checksum(cnp.ndarray arr) except? 0:
    if not cnp.PyArray_IS_C_CONTIGUOUS(arr):
        arr = np.ascontiguousarray(arr)
    return mm_checksum(<const char *> cnp.PyArray_DATA(arr), arr.nbytes)


cdef bint is_plain_double(object x):
    """Return a float64, C-contiguous, aligned ndarray of native byte order."""
    return (type(x) is cnp.ndarray and (<cnp.ndarray> x).dtype.num == cnp.NPY_DOUBLE
            and PyArray_ISCARRAY_RO(<cnp.ndarray> x))


cdef inline bint same_shape(cnp.ndarray a, cnp.ndarray b) noexcept:
    return a.ndim == b.ndim and PyArray_CompareLists(cnp.PyArray_DIMS(a), cnp.PyArray_DIMS(b), a.ndim)


cdef inline cnp.ndarray empty_like_double(cnp.ndarray a):
    return cnp.PyArray_EMPTY(a.ndim, cnp.PyArray_DIMS(a), cnp.NPY_DOUBLE, 0)


cdef bint single_number(object x, float *v) except -1:
    """Return whether x is a float32 number, or an array of one without axes; set v to it."""
    if type(x) is _np_float32:
        v[0] = <float> <double> x
        return True
    if type(x) is cnp.ndarray and cnp.PyArray_NDIM(<cnp.ndarray> x) == 0 and PyArray_ISCARRAY_RO(<cnp.ndarray> x) \
            and cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.NPY_FLOAT:
        v[0] = (<float *> cnp.PyArray_DATA(<cnp.ndarray> x))[0]
        return True
    return False


cdef cnp.ndarray single(float v):
    """Return an array without axes of a float32 number."""
    cdef cnp.ndarray r = cnp.PyArray_EMPTY(0, NULL, cnp.NPY_FLOAT, 0)
    (<float *> cnp.PyArray_DATA(r))[0] = v
    return r


cdef object chain_value(object bar, object p):
    """bar * p, where an exactly zero bar gives zero whatever p is."""
    cdef cnp.ndarray r
    cdef float a, b
    if isinstance(bar, float):
        if isinstance(p, float):
            return 0.0 if <double> bar == 0 else <double> bar * <double> p
        if <double> bar == 0:
            return zero_product(bar, p)
        if is_plain_double(p) and type(bar) is float:
            r = empty_like_double(<cnp.ndarray> p)
            mm_scale(<double *> cnp.PyArray_DATA(r), <double> bar, <double *> cnp.PyArray_DATA(<cnp.ndarray> p), r.size)
            return r
        return bar * p
    if is_plain_double(bar):
        if is_plain_double(p) and same_shape(<cnp.ndarray> bar, <cnp.ndarray> p):
            r = empty_like_double(<cnp.ndarray> bar)
            mm_chain(<double *> cnp.PyArray_DATA(r), <double *> cnp.PyArray_DATA(<cnp.ndarray> bar),
                     <double *> cnp.PyArray_DATA(<cnp.ndarray> p), r.size)
            return r
        if isinstance(p, float):
            r = empty_like_double(<cnp.ndarray> bar)
            mm_chain_scalar(<double *> cnp.PyArray_DATA(r), <double *> cnp.PyArray_DATA(<cnp.ndarray> bar), <double> p, r.size)
            return r
    if single_number(bar, &a) and single_number(p, &b) and isfinite(b):
        r = single(a * b)
        return cnp.PyArray_ToScalar(cnp.PyArray_DATA(r), r)  # a number, as NumPy gives
    out = np.multiply(bar, p)
    if np.isfinite(p).all():
        return out
    return np.where(np.equal(bar, 0), np.zeros((), out.dtype), out)


cdef object masked_value(object bar, object p):
    """Return bar * p, where an exactly zero bar or p gives zero whatever the other is."""
    cdef cnp.ndarray r
    if isinstance(bar, float) and isinstance(p, float):
        return 0.0 if <double> bar == 0 or <double> p == 0 else <double> bar * <double> p
    if is_plain_double(bar) and is_plain_double(p) and same_shape(<cnp.ndarray> bar, <cnp.ndarray> p):
        r = empty_like_double(<cnp.ndarray> bar)
        mm_masked(<double *> cnp.PyArray_DATA(r), <double *> cnp.PyArray_DATA(<cnp.ndarray> bar),
                  <double *> cnp.PyArray_DATA(<cnp.ndarray> p), r.size)
        return r
    out = np.multiply(bar, p)
    if np.isfinite(p).all() and np.isfinite(bar).all():
        return out
    return np.where(np.equal(bar, 0) | np.equal(p, 0), np.zeros((), out.dtype), out)


cdef object settled_value(object bar, object p, object u):
    """Return bar * p, where an exactly zero bar gives zero whatever p is, and a zero p whatever bar is where u is infinite."""
    out = chain_value(bar, p)
    if type(out) is float and isinstance(u, float) and isfinite(<double> out):
        return out
    if is_plain_double(out) and (isinstance(u, float) or type(u) is cnp.ndarray and same_shape(<cnp.ndarray> out, u)) \
            and mm_finite(<double *> cnp.PyArray_DATA(<cnp.ndarray> out), (<cnp.ndarray> out).size):
        return out
    shape = np.broadcast_shapes(np.shape(out), np.shape(u))
    if np.shape(out) != shape:
        out = np.array(np.broadcast_to(out, shape))
    if np.isfinite(out).all():
        return out
    return np.where(np.equal(p, 0) & np.isinf(u), np.zeros((), np.result_type(out)), out)[()]


cdef object zero_product(object bar, object p):
    """Return a zero of the shape and dtype of bar * p: that of a real number with a complex partial is complex."""
    dtype = np.result_type(bar, p)
    return np.zeros(np.shape(p), dtype) if isinstance(p, cnp.ndarray) else 0.0 if dtype == np.float64 else dtype.type(0)


def chain(bar, p):
    """Return bar * p with 0 * inf = 0 where bar is zero: the product of the chain rule."""
    return chain_value(bar, p)


def masked(bar, p):
    """Return bar * p with 0 * inf = 0 whichever is zero: the product with a partial that is a mask."""
    return masked_value(bar, p)


def settled(bar, p, u):
    """Return bar * p with 0 * inf = 0 where bar is zero, or p is and u is infinite."""
    return settled_value(bar, p, u)


cdef object unbroadcast_value(object g, tuple shape, object dtype):
    """Sum g over the axes along which an operand of this shape was broadcast; take its real part, cast."""
    cdef int nd, extra, k
    if isinstance(g, float):
        if shape == ():
            return g
        g = np.asarray(g)
    if dtype is not None and (<cnp.ndarray?> g if isinstance(g, cnp.ndarray) else np.asarray(g)).dtype != dtype:
        g = np.asarray(g)
        if g.dtype.kind == "c" and dtype.kind != "c":
            g = g.real
    gshape = np.shape(g)
    if gshape != shape:
        nd, extra = len(gshape), len(gshape) - len(shape)
        axes = [k for k in range(nd) if k < extra or (shape[k - extra] == 1 and gshape[k] != 1)]
        g = np.add.reduce(g, axis=tuple(axes)) if axes else g
        if np.shape(g) != shape:
            g = np.reshape(g, shape) if np.size(g) == math_prod(shape) else np.broadcast_to(g, shape)
    if dtype is not None and g.dtype != dtype:
        g = g.astype(dtype)
    return g


cdef Py_ssize_t math_prod(tuple shape):
    cdef Py_ssize_t r = 1
    for d in shape:
        r *= <Py_ssize_t> d
    return r


def window(base, offset, shape, strides, of):
    """Evaluate an affine window: offset and strides count elements of the C-ordered base of shape `of`."""
    base = np.asarray(base)
    return window_view(base, offset, shape, strides)
