"""Affine windows of plain arrays: how they lie in their base, and cotangents added into them."""
cimport numpy as cnp

import numpy as np

from mmad.kernels._arrays cimport is_plain_double, window_view

cnp.import_array()


cdef extern from "_kernels.h" nogil:
    void mm_add_strided(double *r, Py_ssize_t step, const double *g, Py_ssize_t n) noexcept

cdef enum:
    RANK = 8
    SHORT = 4096  # elements of a window that is added by a loop of ours
    TERMS = 128   # numbers that are summed one after the other, as NumPy does with as many


cdef bint overlapping(tuple shape, tuple strides):
    """Return whether an affine window may visit an element twice (other than by zero strides)."""
    cdef Py_ssize_t reach = 0
    if len(shape) < 2:
        return False
    for s, d in sorted([(abs(s), d) for s, d in zip(strides, shape) if d > 1 and s != 0]):
        if s <= reach:
            return True
        reach += s * (d - 1)
    return False


def overlaps(tuple shape, tuple strides):
    """Return whether an affine window may visit an element twice, other than by zero strides."""
    return overlapping(shape, strides)


cdef bint in_order(tuple shape, tuple strides):
    """Return whether a window walks its base in C order without gaps."""
    cdef Py_ssize_t step = 1
    cdef int k
    for k in range(len(shape) - 1, -1, -1):
        if shape[k] != 1 and strides[k] != step:
            return False
        step *= <Py_ssize_t> shape[k]
    return True


cdef void add_strided(double *r, const double *g, int nd, const cnp.npy_intp *dims, const cnp.npy_intp *steps) noexcept:
    """Add g to r, for g in C order and r with any steps, element by element: elements of r may be met twice."""
    cdef cnp.npy_intp index[RANK]
    cdef Py_ssize_t inner, rows = 1
    cdef int d
    if nd == 0:
        r[0] += g[0]
        return
    inner = dims[nd - 1]
    for d in range(nd - 1):
        index[d] = 0
        rows *= dims[d]
    if inner == 0:
        return
    for _ in range(rows):
        mm_add_strided(r, steps[nd - 1], g, inner)
        g += inner
        for d in range(nd - 2, -1, -1):
            index[d] += 1
            r += steps[d]
            if index[d] < dims[d]:
                break
            index[d] = 0
            r -= steps[d] * dims[d]


cdef bint add_small_window(cnp.ndarray acc, Py_ssize_t offset, tuple shape, tuple strides, object g) except -1:
    """Add g to acc[window], for a window that is short or of one axis; return False, with nothing done, for another."""
    cdef int nd = <int> len(shape), k
    cdef cnp.npy_intp dims[RANK]
    cdef cnp.npy_intp steps[RANK]
    cdef Py_ssize_t n = 1
    if nd > RANK or not is_plain_double(g) or cnp.PyArray_TYPE(acc) != cnp.NPY_DOUBLE:
        return False
    for k in range(nd):
        dims[k], steps[k] = shape[k], strides[k]
        n *= dims[k]
    if nd != 1 and n > SHORT or nd == 1 and steps[0] == 0 and n > TERMS or cnp.PyArray_SIZE(<cnp.ndarray> g) != n:
        return False
    add_strided(<double *> cnp.PyArray_DATA(acc) + offset, <double *> cnp.PyArray_DATA(<cnp.ndarray> g),
                nd, dims, steps)
    return True


cpdef add_window(cnp.ndarray acc, tuple window, object g):
    """Add g to acc[window], where the window may repeat elements."""
    cdef Py_ssize_t n, o, step
    offset, shape, strides = window
    if 0 in shape:
        return
    if isinstance(g, float):
        g = np.full(shape, g)
    repeated = tuple([k for k in range(len(shape)) if strides[k] == 0 and shape[k] > 1])
    if repeated:
        g = np.add.reduce(g, axis=repeated, keepdims=True)
        shape = tuple([1 if k in repeated else shape[k] for k in range(len(shape))])
    if overlapping(shape, strides):
        flat = np.full(shape, offset)
        for k in range(len(shape)):
            flat = flat + (np.arange(shape[k]) * strides[k]).reshape((-1,) + (1,) * (len(shape) - 1 - k))
        np.add.at(acc.reshape(-1), flat, g)
        return
    if len(shape) == 1 and is_plain_double(acc) and is_plain_double(g):
        n, o, step = shape[0], offset, strides[0]
        mm_add_strided(<double *> cnp.PyArray_DATA(acc) + o, step, <double *> cnp.PyArray_DATA(<cnp.ndarray> g), n)
        return
    w = window_view(acc, offset, shape, strides)
    np.add(w, g, out=w, casting="unsafe")


def embed(ct, offset, shape, strides, of):
    """Return zeros of shape `of` with `ct` added into a window; offset and strides in elements."""
    cdef cnp.ndarray out
    ct = np.asarray(ct)
    out = np.zeros(of, dtype=ct.dtype)
    if not add_small_window(out, offset, shape, strides, ct):
        add_window(out, (offset, shape, strides), ct)
    return out


def last_write(index, shape):
    """Return a mask over an index's positions: which of them hold the value NumPy keeps when the index repeats."""
    order = np.empty(shape, dtype=np.int64)
    n = order[index].size
    k = np.arange(n).reshape(order[index].shape)
    order[index] = k
    return order[index] == k
