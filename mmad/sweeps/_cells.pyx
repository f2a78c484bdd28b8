"""Cotangents or tangents along a tape: one 8-byte cell a node and lane.

A cell is a double for a scalar node; for an array node the first cell refers to an array (with a leading axis of lanes
if there are several) or to a float, which means an array of equal elements.  The cells of the versions of one written
storage share one buffer, which moves from version to version, so reading or writing an element costs O(1).
"""
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from libc.stdint cimport int32_t
from libc.stdlib cimport calloc, free

cimport numpy as cnp

import numpy as np

from mmad.kernels._arrays cimport is_plain_double, single, single_number
from mmad.ops._rules cimport prod
from mmad.sweeps._pull cimport Pull, Py_REFCNT
from mmad.tape._instructions cimport NODE_ARRAY, Rec
from mmad.tape._tape cimport Tape
from mmad.wrappers._batch cimport Batch

cnp.import_array()


cdef extern from "_kernels.h" nogil:
    void mm_add(double *r, const double *g, Py_ssize_t n) noexcept
    void mm_add_scalar(double *r, double g, Py_ssize_t n) noexcept


cdef class Cells:
    """Cotangents or tangents by node and lane."""

    def __cinit__(self, Tape tape, int32_t stop, int lanes, level):
        self.tape, self.stop, self.many = tape, stop, level is not None
        self.lanes, self.level = lanes, -1 if level is None else level
        self.puller = Pull()
        self.c = <Cell *> calloc(<size_t> stop * lanes + 1, sizeof(Cell))
        if self.c == NULL:
            raise MemoryError("no memory for the derivatives along the trace")

    def __dealloc__(self):
        cdef int32_t k
        if self.c != NULL:
            for k in range(self.stop):
                if self.tape.nodes[k].flags & NODE_ARRAY:
                    Py_XDECREF(self.c[<size_t> k * self.lanes].o)
            free(self.c)

    cdef tuple full_shape(self, tuple shape):
        return (self.lanes, *shape) if self.many else shape

    cdef tuple full_window(self, dict w):
        """Return a window over all lanes, as (offset, shape, strides)."""
        if not self.many:
            return w["offset"], w["shape"], w["strides"]
        return w["offset"], (self.lanes, *w["shape"]), (<Py_ssize_t> prod(w["of"]), *w["strides"])

    cdef bint is_zero(self, int32_t k) noexcept:
        cdef Cell *cell = self.at(k)
        cdef int lane
        if self.is_array(k):
            return cell.o == NULL
        for lane in range(self.lanes):
            if cell[lane].s != 0:
                return False
        return True

    cdef object get(self, int32_t k):
        """Return what rules take: a number, array or batch; None if zero."""
        cdef Cell *cell
        cdef int lane
        cdef cnp.ndarray lanes
        if k < 0 or self.is_zero(k):
            return None
        cell = self.at(k)
        if self.is_array(k):
            return Batch(self.level, <object> cell.o) if self.many else <object> cell.o
        if not self.many:
            return cell.s
        lanes = np.empty(self.lanes)
        for lane in range(self.lanes):
            (<double *> cnp.PyArray_DATA(lanes))[lane] = cell[lane].s
        return Batch(self.level, lanes)

    cdef object pop(self, int32_t k):
        """Return the same and leave nothing behind."""
        g = self.get(k)
        if self.is_array(k):
            self.clear(k)
        return g

    cdef int clear(self, int32_t k) except -1:
        cdef Cell *cell = self.at(k)
        if cell.o != NULL:
            Py_DECREF(<object> cell.o)
            cell.o = NULL
        return 0

    cdef int set(self, int32_t k, object g) except -1:
        """Set cell = g, for an array node."""
        cdef Cell *cell = self.at(k)
        Py_INCREF(g)
        Py_XDECREF(cell.o)
        cell.o = <PyObject *> g
        return 0

    cdef object plain(self, int32_t k, object g):
        """Return what a cell of array node k keeps of a rule's result."""
        cdef Rec rec
        if not self.many:
            return g if isinstance(g, (cnp.ndarray, float)) else np.asarray(g)
        if isinstance(g, Batch):
            return (<Batch> g).lanes
        rec = self.tape.rec_of(k)
        return np.array(np.broadcast_to(g, self.full_shape(rec.shape)), order="C")

    cdef int add(self, int32_t k, object g) except -1:
        """Add g to the cell."""
        cdef Cell *cell = self.at(k)
        cdef cnp.ndarray a
        cdef int lane
        cdef double s
        cdef float x, y
        if not self.is_array(k):
            if isinstance(g, Batch):
                a = np.ascontiguousarray(np.real((<Batch> g).lanes).reshape(-1), dtype=np.float64)
                for lane in range(self.lanes):
                    cell[lane].s += (<double *> cnp.PyArray_DATA(a))[lane]
                return 0
            s = g if isinstance(g, float) else np.real(g)
            for lane in range(self.lanes):
                cell[lane].s += s
            return 0
        g = self.plain(k, g)
        if cell.o == NULL:
            return self.set(k, g)
        if Py_REFCNT(cell.o) == 1 and is_plain_double(<object> cell.o):
            a = <cnp.ndarray> cell.o
            if cnp.PyArray_BASE(a) == NULL:
                if is_plain_double(g) and (<cnp.ndarray> g).size == a.size:
                    mm_add(<double *> cnp.PyArray_DATA(a), <double *> cnp.PyArray_DATA(<cnp.ndarray> g), a.size)
                    return 0
                if isinstance(g, float):
                    mm_add_scalar(<double *> cnp.PyArray_DATA(a), <double> g, a.size)
                    return 0
        if single_number(<object> cell.o, &x) and single_number(g, &y):
            return self.set(k, single(x + y))
        total = <object> cell.o + g
        return self.set(k, total if isinstance(total, (cnp.ndarray, float)) else np.asarray(total))

    cdef cnp.ndarray own(self, int32_t k):
        """Return the cell's array as a C-contiguous buffer of its own, made if need be."""
        cdef Cell *cell = self.at(k)
        cdef Rec rec
        cdef cnp.ndarray a
        if cell.o != NULL and Py_REFCNT(cell.o) == 1 and type(<object> cell.o) is cnp.ndarray:
            a = <cnp.ndarray> cell.o
            if cnp.PyArray_BASE(a) == NULL and cnp.PyArray_IS_C_CONTIGUOUS(a) and cnp.PyArray_ISWRITEABLE(a):
                return a
        rec = self.tape.rec_of(k)
        if cell.o == NULL:
            a = np.zeros(self.full_shape(rec.shape), rec.dtype)
        elif isinstance(<object> cell.o, float):
            a = np.full(self.full_shape(rec.shape), <object> cell.o, rec.dtype)
        else:
            a = np.array(<object> cell.o, dtype=rec.dtype, order="C", copy=True)
        self.set(k, a)
        return a

    cdef int move(self, int32_t k, int32_t base) except -1:
        """Hand the buffer of a version's cell to the version before it."""
        if self.at(base).o == NULL:
            self.at(base).o = self.at(k).o
            self.at(k).o = NULL
            return 0
        g = self.pop(k)
        return self.add(base, g)

    cdef object result(self, int32_t k):
        """Return the finished value of node k."""
        cdef Rec rec
        g = self.get(k)
        if g is None:
            return None if self.is_array(k) or self.many else 0.0
        if isinstance(g, float) and self.is_array(k):
            rec = self.tape.rec_of(k)
            return np.full(rec.shape, g, rec.dtype)
        return g


cdef Cells new_cells(Tape tape, list seeds, list others):
    """Return the cells up to the last node that is asked for, with the lanes of the seeds."""
    cdef int32_t stop = 0, k
    level, lanes = None, 1
    tape.check_watched()
    for k, g in seeds:
        stop = max(stop, k + 1)
        if isinstance(g, Batch):
            level, lanes = (<Batch> g).level, g.count
    for k in others:
        stop = max(stop, k + 1)
    return Cells(tape, stop, lanes, level)
