"""Views: how the elements of an operand are found in the buffer that holds them.

A window is read where its root is, through its offset and strides, or through a table of positions; so are the parts of
collections and puts where they are stored.  Shapes are broadcast, and collapsed to as few axes as possible: most accesses
are contiguous after that.
"""
from libc.stdint cimport int32_t, int64_t, uintptr_t
from libc.string cimport memset

import numpy as np

from mmad._instructions cimport NODE_ARRAY
from mmad._vm cimport (ACCESS_AFFINE, ACCESS_INDEX, ACCESS_LINEAR, ACCESS_SCALAR, MM_BOOL, MM_F32, MM_F64, MM_RANK, STORE_SET,
                       TOTAL_ADD, Access)
from mmad.compiler._buffers cimport Buffers
from mmad.compiler._graph cimport ADD, Map, Payload, size_of, strides_of, unravel
from mmad.compiler._slots cimport Slots
from mmad.compiler._units cimport Units

cdef object F64 = np.dtype(np.float64)
cdef object F32 = np.dtype(np.float32)
cdef object BOOL = np.dtype(np.bool_)


cdef class Views:
    """Accesses to operands, and the tables of positions that they need."""

    def __cinit__(self, Units units, Slots slots, Buffers buffers):
        self.units, self.g, self.slots, self.buffers = units, units.g, slots, buffers
        self.tables, self.watched, self.table_index = [], [], {}

    cdef tuple view(self, int32_t k):
        """Array k as (buffer, offset, shape, strides, dtype), or with a table (buffer, table, shape, dtype)."""
        cdef Map m
        cdef int32_t r = self.units.root[k]
        shape, dtype = self.g.types[self.g.type[k]]
        if r == k:
            return self.buffers.of[k], 0, shape, strides_of(shape), dtype
        m = self.g.payload(k).maps[0]
        if m.table is not None:
            return self.buffers.of[r], self.table(m), shape, None, dtype
        return self.buffers.of[r], m.offset, m.shape, m.strides, dtype

    cdef int32_t table(self, Map m, tuple shape=None) except -1:
        """The number of a table of positions, repeated along axes that are broadcast."""
        key = (id(m.table), shape)
        found = self.table_index.get(key)
        if found is None:
            found = self.table_index[key] = len(self.tables)
            table = m.table
            if shape is not None:
                table = np.ascontiguousarray(np.broadcast_to(table.reshape(m.shape), shape)).reshape(-1)
            self.tables.append(table)
            self.watched.extend(m.source)
        return found

    cdef int64_t element(self, int32_t j, int64_t index) except -1:
        """Where element `index` of array j is in its root."""
        cdef Map m
        cdef int64_t at
        if self.units.root[j] == j:
            return index
        m = self.g.payload(j).maps[0]
        if m.table is not None:
            return m.table[index]
        at = m.offset
        for i, s in zip(unravel(index, m.shape), m.strides):
            at += <int64_t> i * <int64_t> s
        return at

    cdef int access(self, int32_t j, tuple shape, Access *x) except -1:
        """How operand j is read over the elements of a shape."""
        cdef Map m
        cdef int32_t r = self.units.root[j]
        cdef tuple own, strides
        cdef int lead
        memset(x, 0, sizeof(Access))
        if not self.g.nodes[j].flags & NODE_ARRAY:
            x.mode, x.buffer = ACCESS_SCALAR, self.slots.of[j]
            return 0
        x.buffer, x.type = self.buffers.of[r], type_code((<tuple> self.g.types[self.g.type[j]])[1])
        own = self.g.shape(j)
        strides = strides_of(own)
        if r != j:
            m = self.g.payload(j).maps[0]
            if m.table is not None:
                x.mode = ACCESS_INDEX
                x.table = <const int64_t *> <uintptr_t> (
                    1 + self.table(m, None if self.units.form_of(own) == self.units.form_of(shape) else shape))
                return 0
            x.offset, strides = m.offset, m.strides
        lead = len(shape) - len(own)
        strides = tuple([0 if d == 1 else s for d, s in zip(own, strides)])
        locate(x, shape, (0,) * lead + strides if lead >= 0 else strides[-lead:])
        return 0

    cdef int target(self, int32_t k, int32_t i, Access *x) except -1:
        """How part i of a collection, or of a put, is stored (-1: a copy of the base of a put)."""
        cdef Payload w
        cdef Map m
        cdef int64_t total = size_of(self.g.shape(k))
        memset(x, 0, sizeof(Access))
        x.extent = total
        if i < 0:
            x.buffer, x.type, x.action = self.buffers.of[k], type_code((<tuple> self.g.types[self.g.type[k]])[1]), STORE_SET
            locate(x, (total,), (1,))
            return 0
        w = self.g.payload(k)
        m = w.maps[i]
        if not self.g.nodes[k].flags & NODE_ARRAY:
            x.action, x.buffer = TOTAL_ADD + w.action - ADD, self.slots.of[k]
            return 0
        x.buffer, x.type, x.action = self.buffers.of[k], type_code((<tuple> self.g.types[self.g.type[k]])[1]), w.action
        if m.table is not None:
            x.mode = ACCESS_INDEX
            x.table = <const int64_t *> <uintptr_t> (1 + self.table(m))
        else:
            x.offset = m.offset
            locate(x, m.shape, m.strides)
        return 0


cdef int type_code(object dtype) except -1:
    if dtype == F64:
        return MM_F64
    if dtype == F32:
        return MM_F32
    if dtype == BOOL:
        return MM_BOOL
    raise TypeError(f"no block kernel for dtype {dtype}")


cdef int locate(Access *x, tuple shape, tuple strides) except -1:
    """Shape and strides with as few axes as possible, and the mode that they make."""
    cdef int64_t dims[64]
    cdef int64_t steps[64]
    cdef int rank = 0, k
    for k in range(len(shape)):
        if shape[k] == 1:
            continue
        dims[rank], steps[rank] = shape[k], strides[k]
        if rank and steps[rank - 1] == steps[rank] * dims[rank]:
            dims[rank - 1] *= dims[rank]
            steps[rank - 1] = steps[rank]
        else:
            rank += 1
    if rank == 0:
        rank, dims[0], steps[0] = 1, 1, 1
    if rank > MM_RANK:
        raise ValueError(f"an array of shape {shape} has too many axes for the virtual machine")
    x.rank = rank
    for k in range(rank):
        x.shape[k], x.strides[k] = dims[k], steps[k]
    x.mode = ACCESS_LINEAR if rank == 1 and steps[0] == 1 else ACCESS_AFFINE
    return 0
