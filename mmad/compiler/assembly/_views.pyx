"""Views: how the elements of an operand are found in the buffer that holds them.

A window is read where its root is, through its offset and strides, or through a table of positions; so are the parts of
collections and puts where they are stored.  Shapes are broadcast, and collapsed to as few axes as possible: most accesses
are contiguous after that.
"""
from libc.stdint cimport int32_t, int64_t, uint8_t, uintptr_t
from libc.string cimport memset

import numpy as np

from mmad.compiler._graph cimport ADD, TYPE_OTHER, Map, Payload, strides_of, unravel
from mmad.compiler.assembly._buffers cimport Buffers
from mmad.compiler.assembly._slots cimport Slots
from mmad.compiler.assembly._units cimport Units
from mmad.kernels._machine cimport (ACCESS_AFFINE, ACCESS_INDEX, ACCESS_LINEAR, ACCESS_SCALAR, MM_RANK, STORE_SET,
                                    TOTAL_ADD, Access)
from mmad.tape._instructions cimport NODE_ARRAY


cdef class Views:
    """Accesses to operands, and the tables of positions that they need."""

    def __cinit__(self, Units units, Slots slots, Buffers buffers):
        self.units, self.g, self.slots, self.buffers = units, units.g, slots, buffers
        self.tables, self.watched, self.table_index = [], [], {}

    cdef tuple view(self, int32_t k):
        """Return array k as (buffer, offset, shape, strides, dtype), or with a table (buffer, table, shape, dtype)."""
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
        """Return the number of a table of positions, repeated along axes that are broadcast."""
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
        """Return where element `index` of array j is in its root."""
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
        """Return how operand j is read over the elements of a shape."""
        cdef Map m = None
        cdef int32_t r = self.units.root[j]
        cdef tuple own
        cdef int64_t[64] dims, steps
        cdef int64_t step = 1
        cdef int rank = <int> len(shape), lead, d
        memset(x, 0, sizeof(Access))
        if not self.g.nodes[j].flags & NODE_ARRAY:
            x.mode, x.buffer = ACCESS_SCALAR, self.slots.of[j]
            return 0
        x.buffer, x.type = self.buffers.of[r], self.type_code(j)
        own = self.g.shape(j)
        if r != j:
            m = self.g.payload(j).maps[0]
            if m.table is not None:
                x.mode = ACCESS_INDEX
                x.table = <const int64_t *> <uintptr_t> (
                    1 + self.table(m, None if self.units.form_of(own) == self.units.form_of(shape) else shape))
                return 0
            x.offset = m.offset
        lead = rank - <int> len(own)
        for d in range(rank - 1, -1, -1):
            dims[d], steps[d] = shape[d], 0
            if d >= lead and own[d - lead] != 1:
                steps[d] = step if m is None else <int64_t> m.strides[d - lead]
                step *= <int64_t> own[d - lead]
        return collapse(x, rank, dims, steps)

    cdef int type_code(self, int32_t k) except -1:
        """Return the kernels that read array k."""
        cdef uint8_t code = self.g.precision(k)
        if code == TYPE_OTHER:
            raise TypeError(f"no block kernel for dtype {self.g.types[self.g.type[k]][1]}")
        return code

    cdef int target(self, int32_t k, int32_t i, Access *x) except -1:
        """Return how part i of a collection, or of a put, is stored (-1: a copy of the base of a put)."""
        cdef Payload w
        cdef Map m
        cdef int64_t total = self.g.elements(k)
        memset(x, 0, sizeof(Access))
        x.extent = total
        if i < 0:
            x.buffer, x.type, x.action = self.buffers.of[k], self.type_code(k), STORE_SET
            locate(x, (total,), (1,))
            return 0
        w = self.g.payload(k)
        m = w.maps[i]
        if not self.g.nodes[k].flags & NODE_ARRAY:
            x.action, x.buffer = TOTAL_ADD + w.action - ADD, self.slots.of[k]
            return 0
        x.buffer, x.type, x.action = self.buffers.of[k], self.type_code(k), w.action
        if m.table is not None:
            x.mode = ACCESS_INDEX
            x.table = <const int64_t *> <uintptr_t> (1 + self.table(m))
        else:
            x.offset = m.offset
            locate(x, m.shape, m.strides)
        return 0


cdef int locate(Access *x, tuple shape, tuple strides) except -1:
    """Return the access of this shape and these strides."""
    cdef int64_t[64] dims, steps
    cdef int k
    for k in range(<int> len(shape)):
        dims[k], steps[k] = shape[k], strides[k]
    return collapse(x, <int> len(shape), dims, steps)


cdef int collapse(Access *x, int n, const int64_t *shape, const int64_t *strides) except -1:
    """Return shape and strides with as few axes as possible, and the mode that they make."""
    cdef int64_t[64] dims, steps
    cdef int rank = 0, k
    for k in range(n):
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
        raise ValueError(f"an array of {rank} axes is too much for the virtual machine")
    x.rank = rank
    for k in range(rank):
        x.shape[k], x.strides[k] = dims[k], steps[k]
    x.mode = ACCESS_LINEAR if rank == 1 and steps[0] == 1 else ACCESS_AFFINE
    return 0
