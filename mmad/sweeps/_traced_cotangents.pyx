"""Cotangents as traced values: instructions of the tape itself, values of other tapes, batches, dual numbers.

A cotangent of a number that is an instruction of the tape is kept as its node, so that adding to it is one more
instruction; all others are objects.  Writes into arrays go in place into buffers made here.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc

cimport numpy as cnp

import numpy as np

from mmad._core cimport ScalarVar, Traced, Var, Wrapper, apply1, apply2, apply_op
from mmad.kernels._arrays cimport window_view
from mmad.kernels._windows cimport in_order, overlapping
from mmad.kernels._windows import last_write
from mmad.ops import OPERATIONS
from mmad.ops.movement import reshape, windowed
from mmad.sweeps._emit cimport element_index, emit, number
from mmad.sweeps._reverse cimport Cotangents
from mmad.tape._instructions cimport Op, Rec, SC_add
from mmad.tape._storage cimport ArrayVar, element_add, element_take
from mmad.tape.constants import adopt, conform, takes

cnp.import_array()

cdef Op o_add, o_embed, o_gather, o_positive, o_select


o_add, o_embed, o_gather, o_positive, o_select = [
    OPERATIONS[k] for k in ("add", "embed", "gather", "positive", "select")]


cdef class TracedCotangents(Cotangents):
    """Cotangents by node, and the parts of them that elements, views and writes name."""

    cdef int allocate(self) except -1:
        """Make room for the cotangents of the range, all zero."""
        cdef int32_t k
        self.values, self.mixed = {}, False
        self.owned = <uint8_t *> calloc(self.stop - self.start + 1, 1)
        self.bars = <int32_t *> malloc((self.stop - self.start + 1) * sizeof(int32_t))
        if self.owned == NULL or self.bars == NULL:
            raise MemoryError("no memory for the cotangents of the trace")
        for k in range(self.stop - self.start):
            self.bars[k] = -1
        return 0

    def __dealloc__(self):
        free(self.owned)
        free(self.bars)

    cdef object apply(self, Op op, tuple args, dict params):
        """Append an instruction on arrays; its value is not kept if nothing will ask for it."""
        self.tape.forgets = self.forget
        try:
            return apply_op(op, args, params)
        finally:
            self.tape.forgets = False

    cdef bint is_zero(self, int32_t k) noexcept:
        return self.bars[k - self.start] < 0 and k not in self.values

    cdef object pop(self, int32_t k):
        cdef int32_t bar = self.bars[k - self.start]
        return self.values.pop(k) if bar < 0 else number(self.tape, bar)

    cdef object result(self, int32_t k):
        if not self.start <= k < self.stop or self.bars[k - self.start] < 0:
            return self.values.get(k)
        return number(self.tape, self.bars[k - self.start])

    cdef int add_scalar(self, int32_t k, int32_t node) except -1:
        """Add an instruction to the cotangent of number k."""
        cdef int32_t *bar = self.bars + (k - self.start)
        if self.mixed and k in self.values:
            return self.add_value(k, number(self.tape, node))
        bar[0] = node if bar[0] < 0 else emit(self.tape, SC_add, bar[0], node, -1)
        return 0

    cdef int add_value(self, int32_t k, object g) except -1:
        """Add a value of any kind to the cotangent of a node."""
        cdef int32_t bar = self.bars[k - self.start]
        old = self.values.get(k)
        if bar >= 0:
            old, self.bars[k - self.start] = number(self.tape, bar), -1
        self.values[k] = g if old is None else self.apply(o_add, (old, g), None)
        self.owned[k - self.start] = 0
        return 0

    cdef int add(self, int32_t k, object g) except -1:
        if self.is_array(k):
            return self.add_value(k, g)
        if self.plain or isinstance(g, Wrapper):
            self.mixed = True
            return self.add_value(k, g)
        if type(g) is ScalarVar:
            return self.add_scalar(k, (<ScalarVar> g).node)
        if isinstance(g, Var):  # 0-d array, of any precision
            g = g if g.dtype.kind == "f" else g.real
            g = g if g.dtype == np.float64 else g.astype(np.float64)
            g = g if type(g) is ScalarVar else g[()]
            return self.add_scalar(k, (<ScalarVar?> g).node)
        return self.add_scalar(k, self.tape.constant(float(np.real(g)), 0))

    cdef object own(self, int32_t k, object like):
        """Return the cotangent of array node k as an array of its own, to write values of the kind of `like` to."""
        old = self.values.get(k)
        if not self.owned[k - self.start]:
            self.values[k] = old = self.buffer(k, old, like)
            self.owned[k - self.start] = 1
        elif isinstance(like, Wrapper) or isinstance(like, Traced) and not isinstance(old, Traced):
            self.values[k] = old = conform(old, like)
        return old

    cdef object buffer(self, int32_t k, object old, object like):
        """Return a copy of a cotangent, zeros where it is None, that takes values of the kind of `like`."""
        cdef Rec rec = self.tape.rec_of(k)
        if not self.plain and type(old) is ArrayVar and not isinstance(like, Wrapper) and rec.shape != ():
            return apply1(o_positive, old)
        value = np.zeros(rec.shape, rec.dtype)
        if self.plain or isinstance(old, Wrapper) or isinstance(like, Wrapper):
            acc = adopt(value, like) if old is None else conform(adopt(value, old), like)
            if old is not None:
                acc[...] = old
            return acc
        # a copy of an array of no dimensions is a number, which is not written to
        if old is not None and not isinstance(old, Traced):
            value[...] = old
        acc = self.tape.add_constant(value)
        if isinstance(old, Traced):
            acc[...] = old
        return acc

    cdef int move(self, int32_t k, int32_t base) except -1:
        g = self.values.pop(k)
        if base in self.values:
            return self.add_value(base, g)
        self.values[base] = g
        self.owned[base - self.start] = self.owned[k - self.start]
        return 0

    # ------------------------------------------------------------------------------------ parts of arrays
    cdef int add_element(self, int32_t k, int32_t base, int64_t flat) except -1:
        cdef int32_t bar = self.bars[k - self.start]
        cdef ArrayVar part
        if bar < 0 and k not in self.values:
            return 0
        g = None if bar >= 0 else self.values.pop(k)
        acc = self.own(base, g)
        if bar >= 0 and type(acc) is ArrayVar:
            if not (<ArrayVar> acc).pending():
                return element_add(acc, flat, bar)
            part = (<ArrayVar> acc).alias(window_view((<ArrayVar> acc).arr, flat, (), ()))
            part += number(self.tape, bar)
            return 0
        at = element_index(self.tape, base, flat)
        acc[at] = acc[at] + (number(self.tape, bar) if g is None else g)
        return 0

    cdef int take_element(self, int32_t k, int32_t source, int64_t flat) except -1:
        cdef int32_t bar
        acc = self.own(k, None)
        if type(acc) is ArrayVar and not self.plain:
            bar = element_take(acc, flat)
            return self.add_scalar(source, bar) if self.mask[source] else 0
        at = element_index(self.tape, k, flat)
        if self.mask[source]:
            self.add(source, acc[at])
        acc[at] = 0.0
        return 0

    cdef int add_view(self, int32_t base, Rec rec, object ct) except -1:
        cdef dict params = rec.params
        cdef tuple shape = params["shape"], strides = params["strides"]
        cdef ArrayVar part
        old = self.values.get(base)
        if isinstance(ct, float):
            ct = np.full(shape, ct)
        if old is None and params["offset"] == 0 and size(shape) == size(params["of"]) and in_order(shape, strides):
            self.values[base] = reshape(ct, params["of"])
            return 0
        if old is None:
            self.values[base] = old = self.apply(o_embed, (ct,), params)
            self.owned[base - self.start] = type(old) is ArrayVar
            return 0
        if 4 * size(shape) >= size(params["of"]) or not size(shape) or overlapping(shape, strides) \
                or any([s == 0 and d > 1 for d, s in zip(shape, strides)]):
            return self.add_value(base, self.apply(o_embed, (ct,), params))
        acc = self.own(base, ct)
        if type(acc) is ArrayVar:
            part = self.part(acc, params)
            part += ct
        elif not takes(acc, ct):
            return self.add_value(base, self.apply(o_embed, (ct,), params))
        else:
            view = windowed(acc, params)
            view[...] = view + ct
        return 0

    cdef ArrayVar part(self, ArrayVar acc, dict window):
        """Return a window of a buffer."""
        acc.laid_out()
        return acc.alias(window_view(acc.arr, window["offset"], window["shape"], window["strides"]))

    cdef object take_window(self, int32_t k, Rec rec, bint wanted):
        acc = self.own(k, None)
        part = self.part(acc, rec.params) if type(acc) is ArrayVar else windowed(acc, rec.params)
        g = apply1(o_positive, part) if wanted else None
        part[...] = 0.0
        return g

    cdef object take_index(self, int32_t k, Rec rec, bint wanted):
        acc = self.own(k, None)
        index, g = rec.vals[2], None
        if wanted:
            g = apply2(o_gather, acc, index)
            keep = last_write(index, rec.shape)
            if not keep.all():
                g = apply_op(o_select, (keep, g, 0.0), None)
        acc[index] = 0.0
        return g


cdef inline Py_ssize_t size(tuple shape):
    cdef Py_ssize_t n = 1
    for d in shape:
        n *= <Py_ssize_t> d
    return n
