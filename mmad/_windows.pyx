"""Affine windows of plain arrays: how they lie in their base, and cotangents added into them."""
cimport numpy as cnp

import numpy as np

from mmad._arrays cimport is_plain_double, window_view
from mmad._instructions cimport Op
from mmad._instructions import OPERATIONS
from mmad._pull cimport add_small_window

cnp.import_array()


cdef extern from "_kernels.h" nogil:
    void mm_add_strided(double *r, Py_ssize_t step, const double *g, Py_ssize_t n) noexcept


cdef bint overlapping(tuple shape, tuple strides):
    """Whether an affine window may visit an element twice (other than by zero strides)."""
    cdef Py_ssize_t reach = 0
    if len(shape) < 2:
        return False
    for s, d in sorted([(abs(s), d) for s, d in zip(strides, shape) if d > 1 and s != 0]):
        if s <= reach:
            return True
        reach += s * (d - 1)
    return False


def overlaps(tuple shape, tuple strides):
    """Whether an affine window may visit an element twice, other than by zero strides."""
    return overlapping(shape, strides)


cdef bint in_order(tuple shape, tuple strides):
    """Whether a window walks its base in C order without gaps."""
    cdef Py_ssize_t step = 1
    cdef int k
    for k in range(len(shape) - 1, -1, -1):
        if shape[k] != 1 and strides[k] != step:
            return False
        step *= <Py_ssize_t> shape[k]
    return True


cpdef add_window(cnp.ndarray acc, tuple window, object g):
    """acc[window] += g, where the window may repeat elements."""
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
    """Zeros of shape `of` with `ct` added into a window; offset and strides in elements."""
    cdef cnp.ndarray out
    ct = np.asarray(ct)
    out = np.zeros(of, dtype=ct.dtype)
    if not add_small_window(out, offset, shape, strides, ct):
        add_window(out, (offset, shape, strides), ct)
    return out


cdef object small_embed(Op op, tuple vals, dict params):
    """`embed` of a small float64 array; None: it is none."""
    cdef cnp.npy_intp[8] dims
    cdef tuple of = params["of"]
    cdef cnp.ndarray out
    cdef int k, nd = <int> len(of)
    if nd > 8 or not is_plain_double(vals[0]):
        return None
    for k in range(nd):
        dims[k] = of[k]
    out = cnp.PyArray_ZEROS(nd, dims, cnp.NPY_DOUBLE, 0)
    return out if add_small_window(out, params["offset"], params["shape"], params["strides"], vals[0]) else None


def bind():
    """Let `embed` go past NumPy where arrays are small."""
    (<Op> OPERATIONS["embed"]).direct = small_embed


def last_write(index, shape):
    """Mask over an index's positions: which of them hold the value NumPy keeps when the index repeats."""
    order = np.empty(shape, dtype=np.int64)
    n = order[index].size
    k = np.arange(n).reshape(order[index].shape)
    order[index] = k
    return order[index] == k
