"""The reverse sweep on numbers: cotangents back along a tape, one or many lanes at a time.

Scalar instructions run in C, on the cells of their nodes (`mmad.sweeps._cells`) and from the compiled partials
(`mmad.ops._partials`).  Elementwise operations and small products run in C block by block (`mmad.sweeps._pull`); other
operations on arrays go through :func:`mmad.ops._rules.pull`, where several lanes are a `Batch`.
"""
cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t, uint8_t

cimport numpy as cnp

import numpy as np

from mmad.kernels._arrays cimport window_view
from mmad.kernels._pool cimport pool_enter, pool_exit
from mmad.kernels._windows cimport add_small_window, add_window, in_order
from mmad.kernels._windows import last_write
from mmad.ops import OPERATIONS
from mmad.ops._partials cimport PARTIAL_NONE, Partial, partial_of, partial_product, partial_value, set_cuts
from mmad.ops._rules cimport prod, pull
from mmad.ops._singularities cimport Singularity, at_singularity, singularities
from mmad.sweeps._cells cimport Cell, Cells, new_cells
from mmad.sweeps._pull cimport product_cotangent, writable
from mmad.sweeps._reverse cimport WANTED, Cotangents, walk_back
from mmad.sweeps._scalar_doubts cimport at_point, doubt_back
from mmad.sweeps._suspects cimport ASK, Doubts
from mmad.tape._instructions cimport (NODE_SPOILT, OP_FIRST_SCALAR, Node, Op, Rec, SC_add, SC_chain, SC_multiply,
                                      SC_select, SC_subtract, scalar_arity)
from mmad.tape._tape cimport Tape
from mmad.wrappers._batch cimport Batch

cnp.import_array()

cdef Op o_matmul
cdef const Singularity *POINTS = singularities()


o_matmul = OPERATIONS["matmul"]


cdef inline void reverse_scalar(const Node *nodes, const Node *p, const uint8_t *mask, Cell *base, const Cell *bar,
                                int lanes) noexcept nogil:
    """Pull cotangents through one scalar instruction, all lanes; a zero cotangent contributes nothing."""
    cdef double s, d
    cdef double w[4]
    cdef int arity, i, lane
    cdef int32_t j
    cdef Cell *to
    cdef const Partial *q
    if p.op == SC_select:
        j = p.b if nodes[p.a].v != 0 else p.c
        if mask[j]:
            to = base + <size_t> j * lanes
            for lane in range(lanes):
                to[lane].s += bar[lane].s
        return
    arity = scalar_arity(p.op)
    w[0] = nodes[p.a].v
    w[1] = nodes[p.b].v if arity > 1 else 0.0
    w[arity] = p.v
    for i in range(arity):
        j = p.a if i == 0 else p.b
        q = partial_of(p.op, i)
        if not mask[j] or q.kind == PARTIAL_NONE:
            continue
        d = partial_value(q, w)
        to = base + <size_t> j * lanes
        for lane in range(lanes):
            s = bar[lane].s
            if s != 0:
                to[lane].s += s * d if d != 0 else partial_product(q, s, d, w)


@cython.final
cdef class NumericCotangents(Cotangents):
    """Cotangents as numbers and arrays, in cells."""

    cdef Cells cells
    cdef Doubts doubts

    def __init__(self, Tape tape, list seeds, list inputs, Doubts doubts):
        cdef int32_t start = tape.n, k
        for k in inputs:
            start = min(start, k)
        self.cells, self.doubts = new_cells(tape, seeds, inputs), doubts
        self.begin(tape, start, self.cells.stop, inputs)
        self.seed(seeds)

    cdef int32_t pull_scalars(self, int32_t k) except -2:
        cdef Cells cells = self.cells
        cdef const uint8_t *mask = self.mask
        cdef const Node *nodes = self.tape.nodes
        cdef const Node *p
        cdef Cell *c = cells.c
        cdef Cell *bar
        cdef double s
        cdef int lanes = cells.lanes
        cdef bint rooted = self.tape.rooted, asking = self.doubts.stage == ASK
        k += 1
        while k > self.start and nodes[k - 1].op >= OP_FIRST_SCALAR:
            k -= 1
            if not k & 0xffff:
                PyErr_CheckSignals()
            if not mask[k] or mask[k] == WANTED:
                continue
            p = nodes + k
            bar = c + <size_t> k * lanes
            if lanes > 1:
                if at_point(POINTS + p.op, nodes, p, rooted):
                    doubt_back(cells, mask, k, self.doubts)
                reverse_scalar(nodes, p, mask, c, bar, lanes)
                continue
            s = bar.s
            if s == 0 or asking:
                if at_point(POINTS + p.op, nodes, p, rooted):
                    doubt_back(cells, mask, k, self.doubts)
                    s = bar.s
                if s == 0:
                    continue
            if p.op == SC_multiply:
                if mask[p.a]:
                    c[p.a].s += s * nodes[p.b].v
                if mask[p.b]:
                    c[p.b].s += s * nodes[p.a].v
            elif p.op == SC_add:
                if mask[p.a]:
                    c[p.a].s += s
                if mask[p.b]:
                    c[p.b].s += s
            elif p.op == SC_subtract:
                if mask[p.a]:
                    c[p.a].s += s
                if mask[p.b]:
                    c[p.b].s -= s
            else:
                reverse_scalar(nodes, p, mask, c, bar, 1)
        return k

    cdef bint is_zero(self, int32_t k) noexcept:
        return self.cells.is_zero(k)

    cdef object pop(self, int32_t k):
        return self.cells.pop(k)

    cdef int add(self, int32_t k, object g) except -1:
        return self.cells.add(k, g)

    cdef int move(self, int32_t k, int32_t base) except -1:
        return self.cells.move(k, base)

    cdef object result(self, int32_t k):
        return self.cells.result(k)

    cdef int add_element(self, int32_t k, int32_t base, int64_t flat) except -1:
        cdef Cells cells = self.cells
        cdef cnp.ndarray acc
        cdef double *data
        cdef Py_ssize_t size
        cdef int lane
        if not cells.is_zero(k):
            acc = cells.own(base)
            size = acc.size // cells.lanes
            data = <double *> cnp.PyArray_DATA(acc) + flat
            for lane in range(cells.lanes):
                data[lane * size] += cells.at(k)[lane].s
        elif self.tape.rooted:
            cells.own(base)  # zeros, which may be of arithmetic
        return 0

    cdef int take_element(self, int32_t k, int32_t source, int64_t flat) except -1:
        cdef Cells cells = self.cells
        cdef cnp.ndarray acc = cells.own(k)
        cdef double *data = <double *> cnp.PyArray_DATA(acc) + flat
        cdef Py_ssize_t size = acc.size // cells.lanes
        cdef int lane
        for lane in range(cells.lanes):
            if self.mask[source]:
                cells.at(source)[lane].s += data[lane * size]
            data[lane * size] = 0
        return 0

    cdef int add_view(self, int32_t base, Rec rec, object ct) except -1:
        cdef Cells cells = self.cells
        cdef dict w = rec.params
        if cells.many:
            ct = (<Batch> ct).lanes
        if cells.at(base).o == NULL and w["offset"] == 0 and not isinstance(ct, float) \
                and prod(rec.shape) == prod(w["of"]) and in_order(rec.shape, w["strides"]):
            return cells.set(base, ct if rec.shape == w["of"] else np.reshape(ct, cells.full_shape(w["of"])))
        if not cells.many and add_small_window(cells.own(base), w["offset"], w["shape"], w["strides"], ct):
            return 0
        add_window(cells.own(base), cells.full_window(w), ct)
        return 0

    cdef object take_window(self, int32_t k, Rec rec, bint wanted):
        cdef cnp.ndarray acc = self.cells.own(k)
        cdef object g = None
        window = self.cells.full_window(rec.params)
        part = window_view(acc, window[0], window[1], window[2])
        if wanted:
            g = part.copy()
        part[...] = 0
        return Batch(self.cells.level, g) if wanted and self.cells.many else g

    cdef object take_index(self, int32_t k, Rec rec, bint wanted):
        cdef Cells cells = self.cells
        cdef cnp.ndarray acc = cells.own(k)
        cdef int lane
        cdef object g = None
        index = rec.vals[2]
        rows = [acc[lane] for lane in range(cells.lanes)] if cells.many else [acc]
        if wanted:
            keep = last_write(index, rec.shape)
            g = [np.where(keep, row[index], 0) for row in rows]
            g = Batch(cells.level, np.stack(g)) if cells.many else g[0]
        for row in rows:
            row[index] = 0
        return g

    cdef object pull_direct(self, int32_t k, Rec rec, object ct):
        """Pull cotangents through an elementwise operation or a small product, in C."""
        cdef Cells cells = self.cells
        cdef Op op = rec.op
        cdef int32_t j
        cdef int i
        cdef cnp.ndarray into
        cdef bint product = op is o_matmul
        if self.singular(k, rec):
            ct = self.doubts.backward(k, op, ct, rec.vals, rec.out, self.active(rec))
        if cells.many or not cells.is_array(k) or not product and not cells.puller.prepare(rec, ct):
            return ct
        for i in range(rec.n):
            j = rec.at[i]
            if j < 0 or not self.mask[j]:
                continue
            if product:
                g = product_cotangent(ct, rec.vals[0], rec.vals[1], i)
                into = None
            else:
                into = writable(cells.at(j).o) if cells.is_array(j) and cells.puller.same_shape(i) else None
                g = cells.puller.cotangent(i, into)
            if g is None and not product:
                continue
            if g is None or g is NotImplemented:
                g = pull(op, ct, rec.vals, rec.out, rec.params, rec.shape, [k == i for k in range(rec.n)])[i]
                if g is None:
                    continue
            if g is not into:
                cells.add(j, g)
        cells.puller.ct = None
        return None

    cdef bint singular(self, int32_t k, Rec rec) except -1:
        """Return whether an operation has an infinite derivative, or no slope, at some element."""
        cdef const Singularity *q
        cdef int opcode = rec.op.opcode
        if opcode < 0:
            return False
        # a product has an infinite derivative only where there are norms
        q = POINTS if opcode == SC_chain and not self.tape.rooted else POINTS + opcode  # POINTS[0] is of no operation
        return q.operand >= 0 and not self.tape.nodes[k].flags & NODE_SPOILT and at_singularity(rec.op, rec.vals)

    cdef list pull_rule(self, int32_t k, Rec rec, object ct, list active):
        return pull(rec.op, ct, rec.vals, rec.out, rec.params, rec.shape, active)


def reverse_sweep(Tape tape, list seeds, list inputs):
    """Propagate cotangents from `seeds` back to `inputs`, numerically.

    Parameters
    ----------
    tape : Tape
    seeds : list of (int, float, ndarray or Batch)
        Nodes and their cotangents, which are not written to; all of one number of lanes.
    inputs : list of int
        The nodes differentiated with respect to; where one depends on another, that is not followed.

    Returns
    -------
    list
        For each input a float, ndarray or Batch; None where it is zero (but 0.0 for a number).
    """
    cdef Doubts doubts = Doubts()
    cdef list found = swept_back(tape, seeds, inputs, doubts)
    if doubts.at:
        before = set_cuts(False)
        try:
            swept_back(tape, doubts.seeds(seeds), inputs, doubts)
        finally:
            set_cuts(before)
        if doubts.confirmed():
            found = swept_back(tape, seeds, inputs, doubts)
    return found


cdef list swept_back(Tape tape, list seeds, list inputs, Doubts doubts):
    """Do one reverse sweep; see :func:`reverse_sweep`."""
    cdef NumericCotangents cotangents
    cdef int32_t k
    tape.fill_all()
    pool = pool_enter()
    try:
        cotangents = NumericCotangents(tape, seeds, inputs, doubts)
        with np.errstate(all="ignore"):
            walk_back(cotangents)
        return [cotangents.result(k) for k in inputs]
    finally:
        pool_exit(pool)
