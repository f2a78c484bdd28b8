"""Numeric sweeps over a tape: cotangents backward, tangents forward, one or many lanes at a time.

Design
------
* One 8-byte cell a node and lane: a double for a scalar node; for an array node the first cell refers to an array (with
  a leading axis of lanes if there are several) or to a float, which means an array of equal elements.
* Scalar instructions run in C, from the compiled partials (`mmad._partials`).  Array instructions go through
  :func:`mmad._rules.pull` and :func:`mmad._rules.push`; several lanes are a `Batch` there.
* The cells of the versions of one written storage share one buffer, which moves from version to version, so reading
  or writing an element costs O(1).
"""
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free

cimport numpy as cnp

import numpy as np

from mmad._arrays cimport is_plain_double, window_view
from mmad._batch cimport Batch
from mmad._instructions cimport (KIND_ELEMENTWISE, KIND_PUT, KIND_PUT_INDEX, KIND_WINDOW, NODE_ARRAY, NODE_BOOL,
                                 OP_CONST, OP_FIRST_SCALAR, OP_LOAD, OP_REC, OP_STORE, SC_add, SC_multiply, SC_select,
                                 SC_subtract, Node, Op, Rec, node_index, scalar_arity)
from mmad._instructions import OPERATIONS
from mmad._partials cimport PARTIAL_NONE, partial_of, partial_value
from mmad._pool cimport pool_enter, pool_exit
from mmad._pull cimport Py_REFCNT, Pull, add_small_window, product_cotangent, writable
from mmad._rules cimport fit, prod, pull, push
from mmad._tape cimport Tape

cnp.import_array()


cdef extern from "_kernels.h" nogil:
    void mm_add(double *r, const double *g, Py_ssize_t n) noexcept
    void mm_add_scalar(double *r, double g, Py_ssize_t n) noexcept
    void mm_add_strided(double *r, Py_ssize_t step, const double *g, Py_ssize_t n) noexcept


cdef Op o_matmul


def bind():
    """Look up the operations that have a way of their own, once all are declared."""
    global o_matmul
    o_matmul = OPERATIONS["matmul"]


cdef enum:
    WANTED = 2  # in the mask of a sweep: a node that is asked for, where the sweep ends


cdef union Cell:
    double s
    PyObject *o


# ------------------------------------------------------------------------------------------------ what depends on what
def independent(Tape tape, int32_t start):
    """Whether nothing recorded from node `start` on depends on what was recorded before."""
    cdef int32_t k, j
    cdef Node *p
    for k in range(start, tape.n):
        p = tape.nodes + k
        if p.op >= OP_FIRST_SCALAR:
            if foreign(tape, p.a, start) or foreign(tape, p.b, start) or foreign(tape, p.c, start):
                return False
        elif p.op == OP_REC:
            for j in (<Rec> tape.recs[p.a]).args:
                if foreign(tape, j, start):
                    return False
        elif p.op == OP_LOAD or p.op == OP_STORE:
            if foreign(tape, p.a, start) or (p.op == OP_STORE and foreign(tape, p.b, start)):
                return False
    return True


cdef inline bint foreign(Tape tape, int32_t j, int32_t start):
    return 0 <= j < start and (tape.nodes[j].op != OP_CONST or tape.nodes[j].flags & NODE_ARRAY)


cdef uint8_t *active_mask(Tape tape, int32_t start, int32_t stop, list inputs) except NULL:
    """One byte a node: whether its value depends on the inputs, which may be any nodes."""
    cdef uint8_t *mask = <uint8_t *> calloc(stop + 1, 1)
    cdef int32_t k, j
    cdef Node *p
    if mask == NULL:
        raise MemoryError
    for k in inputs:
        if k < stop:
            mask[k] = 1
    for k in range(start, stop):
        p = tape.nodes + k
        if p.flags & NODE_BOOL:
            continue  # truth values and integers carry no derivative
        if p.op >= OP_FIRST_SCALAR:
            if mask[p.a] or (p.b >= 0 and mask[p.b]) or (p.c >= 0 and mask[p.c]):
                mask[k] = 1
        elif p.op == OP_REC:
            for j in (<Rec> tape.recs[p.a]).args:
                if j >= 0 and mask[j]:
                    mask[k] = 1
                    break
        elif p.op == OP_LOAD:
            mask[k] |= mask[p.a]
        elif p.op == OP_STORE:
            mask[k] |= mask[p.a] | mask[p.b]
    return mask


def active_nodes(Tape tape, int32_t start, int32_t stop, list inputs):
    """As bytes, one a node: whether it depends on the inputs."""
    cdef uint8_t *mask = active_mask(tape, start, stop, inputs)
    try:
        return (<char *> mask)[:stop]
    finally:
        free(mask)


# ------------------------------------------------------------------------------------------------ windows
cdef bint overlapping(tuple shape, tuple strides):
    """Whether an affine window may visit an element twice (other than by zero strides)."""
    cdef Py_ssize_t reach = 0
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


def last_write(index, shape):
    """Mask over an index's positions: which of them hold the value NumPy keeps when the index repeats."""
    order = np.empty(shape, dtype=np.int64)
    n = order[index].size
    k = np.arange(n).reshape(order[index].shape)
    order[index] = k
    return order[index] == k


# ------------------------------------------------------------------------------------------------ cells
cdef class Cells:
    """Cotangents or tangents by node and lane."""

    cdef Tape tape
    cdef Cell *c
    cdef int lanes       # how many lanes
    cdef bint many       # whether array values have an axis of lanes
    cdef int64_t level   # of the batch the lanes are in the rules
    cdef Pull puller
    cdef int32_t stop

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

    cdef inline Cell *at(self, int32_t k) noexcept:
        return self.c + <size_t> k * self.lanes

    cdef inline bint is_array(self, int32_t k) noexcept:
        return self.tape.nodes[k].flags & NODE_ARRAY

    cdef tuple full_shape(self, tuple shape):
        return (self.lanes, *shape) if self.many else shape

    cdef tuple full_window(self, dict w):
        """A window, over all lanes."""
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
        """What rules take: a number, array or batch; None if zero."""
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
        """The same, leaving nothing behind."""
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
        """cell = g, for an array node."""
        cdef Cell *cell = self.at(k)
        Py_INCREF(g)
        Py_XDECREF(cell.o)
        cell.o = <PyObject *> g
        return 0

    cdef object plain(self, int32_t k, object g):
        """What a cell of array node k keeps of a rule's result."""
        cdef Rec rec
        if not self.many:
            return g if isinstance(g, (np.ndarray, float)) else np.asarray(g)
        if isinstance(g, Batch):
            return (<Batch> g).lanes
        rec = self.tape.rec_of(k)
        return np.array(np.broadcast_to(g, self.full_shape(rec.shape)), order="C")

    cdef int add(self, int32_t k, object g) except -1:
        """cell += g."""
        cdef Cell *cell = self.at(k)
        cdef cnp.ndarray a
        cdef int lane
        cdef double s
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
        total = <object> cell.o + g
        return self.set(k, total if isinstance(total, (np.ndarray, float)) else np.asarray(total))

    cdef cnp.ndarray own(self, int32_t k):
        """The cell's array as a C-contiguous buffer of its own, made if need be."""
        cdef Cell *cell = self.at(k)
        cdef Rec rec
        cdef cnp.ndarray a
        if cell.o != NULL and Py_REFCNT(cell.o) == 1 and type(<object> cell.o) is np.ndarray:
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
        """The finished value of node k."""
        cdef Rec rec
        g = self.get(k)
        if g is None:
            return None if self.is_array(k) or self.many else 0.0
        if isinstance(g, float) and self.is_array(k):
            rec = self.tape.rec_of(k)
            return np.full(rec.shape, g, rec.dtype)
        return g


cdef Cells new_cells(Tape tape, list seeds, list others):
    """Cells up to the last node that is asked for, with the lanes of the seeds."""
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


# ------------------------------------------------------------------------------------------------ reverse sweep
cdef int reverse_put(Cells cells, const uint8_t *mask, int32_t k, Rec rec) except -1:
    """A window or fancy index was written: its cotangent goes to what was written, zero to what was there."""
    cdef cnp.ndarray acc = cells.own(k)
    cdef int32_t j = rec.args[1]
    cdef int lane
    cdef bint wanted = j >= 0 and mask[j]
    g = None
    if rec.op.kind == KIND_PUT:
        window = cells.full_window(rec.params)
        w = window_view(acc, window[0], window[1], window[2])
        if wanted:
            g = w.copy()
        w[...] = 0
        w = None
    else:
        index = rec.vals[2]
        rows = [acc[lane] for lane in range(cells.lanes)] if cells.many else [acc]
        if wanted:
            keep = last_write(index, rec.shape)
            g = [np.where(keep, row[index], 0) for row in rows]
            g = np.stack(g) if cells.many else g[0]
        for row in rows:
            row[index] = 0
        row = rows = None
    if g is not None:
        if cells.many:
            g = Batch(cells.level, g)
        cells.add(j, fit(g, rec.vals[1], g.shape))
    acc = None
    j = rec.args[0]  # -1: a constant was written over
    if j >= 0 and mask[j]:
        cells.move(k, j)
    return 0


cdef int reverse_window(Cells cells, int32_t base, Rec rec, object ct) except -1:
    """The cotangent of a view goes into the buffer of its base."""
    cdef dict w = rec.params
    if not cells.is_array(base):
        return cells.add(base, fit(ct, 0.0, rec.shape))
    if cells.many:
        ct = (<Batch> ct).lanes
    if cells.at(base).o == NULL and w["offset"] == 0 and not isinstance(ct, float) \
            and prod(rec.shape) == prod(w["of"]) and in_order(rec.shape, w["strides"]):
        return cells.set(base, ct if rec.shape == w["of"] else np.reshape(ct, cells.full_shape(w["of"])))
    if not cells.many and add_small_window(cells.own(base), w["offset"], w["shape"], w["strides"], ct):
        return 0
    add_window(cells.own(base), cells.full_window(w), ct)
    return 0


cdef bint reverse_direct(Cells cells, const uint8_t *mask, Rec rec, object ct) except -1:
    """An elementwise operation or a small product backward, in C; False: it is neither."""
    cdef int32_t j
    cdef int i
    cdef cnp.ndarray into
    cdef bint product = rec.op is o_matmul
    if not product and not cells.puller.prepare(rec, ct):
        return False
    for i in range(len(rec.args)):
        j = rec.args[i]
        if j < 0 or not mask[j]:
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
            g = pull(rec.op, ct, rec.vals, rec.out, rec.params, rec.shape, [k == i for k in range(len(rec.args))])[i]
            if g is None:
                continue
        if g is not into:
            cells.add(j, g)
    cells.puller.ct = None
    return True


cdef int reverse_rec(Cells cells, const uint8_t *mask, int32_t k) except -1:
    """One array instruction backward."""
    cdef Tape tape = cells.tape
    cdef Rec rec = <Rec> tape.recs[tape.nodes[k].a]
    cdef Op op = rec.op
    cdef int32_t j
    cdef list active, gs
    cdef int i
    if cells.is_zero(k):
        return 0
    if op.kind == KIND_PUT or op.kind == KIND_PUT_INDEX:
        return reverse_put(cells, mask, k, rec)
    ct = cells.pop(k)
    if op.kind == KIND_WINDOW:
        j = rec.args[0]
        return reverse_window(cells, j, rec, ct) if mask[j] else 0
    if not cells.many and cells.is_array(k) and reverse_direct(cells, mask, rec, ct):
        return 0
    active = [j >= 0 and mask[j] for j in rec.args]
    gs = pull(op, ct, rec.vals, rec.out, rec.params, rec.shape, active)
    ct = None
    for i in range(len(gs)):
        g = gs[i]
        if g is not None:
            gs[i] = None
            j = rec.args[i]
            cells.add(j, g)
    return 0


cdef inline void reverse_scalar(const Node *nodes, const Node *p, const uint8_t *mask, Cell *base, const Cell *bar,
                                int lanes) noexcept nogil:
    """One scalar instruction backward, all lanes; a zero cotangent contributes nothing."""
    cdef double s, d
    cdef double w[4]
    cdef int arity, i, lane
    cdef int32_t j
    cdef Cell *to
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
        if not mask[j] or partial_of(p.op, i).kind == PARTIAL_NONE:
            continue
        d = partial_value(partial_of(p.op, i), w)
        to = base + <size_t> j * lanes
        for lane in range(lanes):
            s = bar[lane].s
            if s != 0:
                to[lane].s += s * d


cdef int reverse_range(Cells cells, const uint8_t *mask, int32_t start, int32_t stop) except -1:
    cdef Tape tape = cells.tape
    cdef Node *nodes = tape.nodes
    cdef Node *p
    cdef Cell *c = cells.c
    cdef Cell *bar
    cdef int32_t k = stop
    cdef double s
    cdef double *data
    cdef Py_ssize_t size
    cdef cnp.ndarray acc
    cdef int lanes = cells.lanes, lane
    while k > start:
        k -= 1
        if not k & 0xffff:
            PyErr_CheckSignals()
        if not mask[k] or mask[k] == WANTED:
            continue
        p = nodes + k
        bar = c + <size_t> k * lanes
        if p.op >= OP_FIRST_SCALAR:
            if lanes > 1:
                reverse_scalar(nodes, p, mask, c, bar, lanes)
                continue
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
        elif p.op == OP_LOAD:
            if not cells.is_zero(k):
                acc = cells.own(p.a)
                size = acc.size // lanes
                data = <double *> cnp.PyArray_DATA(acc) + node_index(p)
                for lane in range(lanes):
                    data[lane * size] += bar[lane].s
                acc = None
        elif p.op == OP_STORE:
            if bar.o == NULL:
                continue
            acc = cells.own(k)
            size = acc.size // lanes
            data = <double *> cnp.PyArray_DATA(acc) + p.i
            for lane in range(lanes):
                if mask[p.b]:
                    c[<size_t> p.b * lanes + lane].s += data[lane * size]
                data[lane * size] = 0
            acc = None
            if mask[p.a]:
                cells.move(k, p.a)
        elif p.op == OP_REC:
            reverse_rec(cells, mask, k)
    return 0


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
    cdef int32_t start = tape.n, k
    cdef Cells cells = new_cells(tape, seeds, inputs)
    cdef uint8_t *mask
    for k in inputs:
        start = min(start, k)
    mask = active_mask(tape, start, cells.stop, inputs)
    for k in inputs:
        mask[k] = WANTED
    pool = pool_enter()
    try:
        for k, ct in seeds:
            if mask[k]:
                cells.add(k, ct)
        with np.errstate(all="ignore"):
            reverse_range(cells, mask, start, cells.stop)
        return [cells.result(k) for k in inputs]
    finally:
        pool_exit(pool)
        free(mask)


# ------------------------------------------------------------------------------------------------ tangent sweep
cdef int32_t *last_uses(Tape tape, int32_t start, int32_t stop, list outputs) except NULL:
    """For each node the last instruction that reads its array."""
    cdef int32_t *last = <int32_t *> calloc(stop + 1, sizeof(int32_t))
    cdef int32_t k, j
    cdef Node *p
    if last == NULL:
        raise MemoryError
    for k in range(start, stop):
        p = tape.nodes + k
        if p.op == OP_REC:
            for j in (<Rec> tape.recs[p.a]).args:
                if j >= 0:
                    last[j] = k
        elif p.op == OP_LOAD or p.op == OP_STORE:
            last[p.a] = k
    for k in outputs:
        last[k] = INT32_MAX
    return last


cdef int tangent_version(Cells cells, int32_t base, int32_t k) except -1:
    """Start the tangent of a written version from the one before: in place where nothing else reads that."""
    if base >= 0 and cells.at(base).o != NULL:
        if cells.tape.is_version(base):
            cells.at(k).o = cells.at(base).o
            cells.at(base).o = NULL
        else:
            cells.set(k, <object> cells.at(base).o)
    cells.own(k)
    return 0


cdef int tangent_put(Cells cells, int32_t k, Rec rec, object v) except -1:
    """Tangent of a written window or fancy index."""
    cdef cnp.ndarray acc
    cdef int lane
    tangent_version(cells, rec.args[0], k)
    acc = cells.own(k)
    v = 0 if v is None else (<Batch> v).lanes if isinstance(v, Batch) else v
    if rec.op.kind == KIND_PUT:
        window = cells.full_window(rec.params)
        w = window_view(acc, window[0], window[1], window[2])
        if cells.many and isinstance(v, np.ndarray) and v.ndim < w.ndim:
            v = v.reshape(v.shape[:1] + (1,) * (w.ndim - v.ndim) + v.shape[1:])
        w[...] = v
    elif cells.many:
        for lane in range(cells.lanes):
            acc[lane][rec.vals[2]] = v[lane] if isinstance(v, np.ndarray) else v
    else:
        acc[rec.vals[2]] = v
    return 0


cdef int tangent_rec(Cells cells, int32_t k, dict cache) except -1:
    """One array instruction forward."""
    cdef Tape tape = cells.tape
    cdef Rec rec = <Rec> tape.recs[tape.nodes[k].a]
    cdef Op op = rec.op
    cdef list dots, partials = None
    cdef bint any_dot = False
    cdef int32_t base
    if op.kind == KIND_PUT or op.kind == KIND_PUT_INDEX:
        base = rec.args[0]  # its buffer is handed on, so nothing here may hold it
        v = cells.get(rec.args[1])
        if v is None and (base < 0 or cells.is_zero(base)):
            return 0
        return tangent_put(cells, k, rec, v)
    dots = [cells.get(j) for j in rec.args]
    for d in dots:
        if d is not None:
            any_dot = True
    if not any_dot:
        return 0
    if op.kind == KIND_WINDOW:
        d = dots[0]
        if not cells.is_array(rec.args[0]):
            g = d if not cells.many else (<Batch> d).lanes
            g = np.broadcast_to(np.reshape(g, cells.full_shape((1,) * len(rec.shape))), cells.full_shape(rec.shape))
        else:
            window = cells.full_window(rec.params)
            g = window_view(np.asarray((<Batch> d).lanes if cells.many else d), window[0], window[1], window[2])
            if tape.is_version(rec.args[0]):
                g = g.copy()
        return cells.set(k, g)
    if cache is not None and op.kind == KIND_ELEMENTWISE and op.transposes is None:
        partials = cache.get(k)
        if partials is None:
            partials = cache[k] = [None] * len(dots)
    g = push(op, dots, rec.vals, rec.out, rec.params, rec.shape, rec.dtype, partials)
    if g is None:
        return 0
    if cells.is_array(k) and not isinstance(g, (np.ndarray, Batch)):
        g = np.full(rec.shape, g, rec.dtype)
    return cells.add(k, g)


cdef inline void tangent_scalar(const Node *nodes, const Node *p, Cell *c, Cell *dot, int lanes) noexcept nogil:
    """One scalar instruction forward, all lanes; a zero tangent contributes nothing."""
    cdef double d
    cdef double w[4]
    cdef int arity, i, lane
    cdef const Cell *of
    if p.op == SC_select:
        of = c + <size_t> (p.b if nodes[p.a].v != 0 else p.c) * lanes
        for lane in range(lanes):
            dot[lane].s = of[lane].s
        return
    arity = scalar_arity(p.op)
    w[0] = nodes[p.a].v
    w[1] = nodes[p.b].v if arity > 1 else 0.0
    w[arity] = p.v
    for i in range(arity):
        if partial_of(p.op, i).kind == PARTIAL_NONE:
            continue
        of = c + <size_t> (p.a if i == 0 else p.b) * lanes
        d = 0.0
        for lane in range(lanes):
            if of[lane].s != 0:
                if d == 0.0:
                    d = partial_value(partial_of(p.op, i), w)
                dot[lane].s += of[lane].s * d


cdef int tangent_range(Cells cells, int32_t start, int32_t stop, const int32_t *last, const uint8_t *given,
                       dict cache) except -1:
    cdef Tape tape = cells.tape
    cdef Node *nodes = tape.nodes
    cdef Node *p
    cdef Cell *c = cells.c
    cdef Cell *dot
    cdef int32_t k, j
    cdef double s
    cdef double *data
    cdef Py_ssize_t size
    cdef cnp.ndarray acc
    cdef int lanes = cells.lanes, lane
    for k in range(start, stop):
        if not k & 0xffff:
            PyErr_CheckSignals()
        p = nodes + k
        dot = c + <size_t> k * lanes
        if p.flags & NODE_BOOL or given[k]:
            continue
        if p.op >= OP_FIRST_SCALAR:
            if lanes == 1 and p.op == SC_multiply:
                s = 0.0
                if c[p.a].s != 0:
                    s = c[p.a].s * nodes[p.b].v
                if c[p.b].s != 0:
                    s += c[p.b].s * nodes[p.a].v
                dot.s = s
            else:
                tangent_scalar(nodes, p, c, dot, lanes)
        elif p.op == OP_LOAD:
            if cells.at(p.a).o != NULL:
                acc = <cnp.ndarray> cells.at(p.a).o
                if not is_plain_double(acc):
                    acc = cells.own(p.a)
                size = acc.size // lanes
                data = <double *> cnp.PyArray_DATA(acc) + node_index(p)
                for lane in range(lanes):
                    dot[lane].s = data[lane * size]
                acc = None
                if last[p.a] == k:
                    cells.clear(p.a)
        elif p.op == OP_STORE:
            if cells.at(p.a).o == NULL and cells.is_zero(p.b):
                continue
            tangent_version(cells, p.a, k)
            acc = <cnp.ndarray> cells.at(k).o
            size = acc.size // lanes
            data = <double *> cnp.PyArray_DATA(acc) + p.i
            for lane in range(lanes):
                data[lane * size] = c[<size_t> p.b * lanes + lane].s
            acc = None
            if last[p.a] == k:
                cells.clear(p.a)
        elif p.op == OP_REC:
            tangent_rec(cells, k, cache)
            for j in (<Rec> tape.recs[p.a]).args:
                if j >= 0 and last[j] == k and cells.is_array(j):
                    cells.clear(j)
    return 0


def tangent_sweep(Tape tape, list seeds, list outputs, dict cache=None):
    """Propagate tangents from input nodes forward to `outputs`, numerically.

    Parameters
    ----------
    seeds : list of (int, float, ndarray or Batch)
        Nodes and their tangents, whatever they depend on; arrays are C-contiguous and of the node's shape and dtype;
        all of one number of lanes.  None is a zero tangent.
    outputs : list of int
    cache : dict, optional
        Keeps partial derivatives of array operations for further sweeps at the same point.

    Returns
    -------
    list
        For each output a float, ndarray or Batch; None where it is zero (but 0.0 for a number).
    """
    cdef int32_t start = tape.n, k
    cdef Cells cells = new_cells(tape, seeds, outputs)
    cdef int32_t *last
    cdef uint8_t *given = <uint8_t *> calloc(cells.stop + 1, 1)
    if given == NULL:
        raise MemoryError
    for k, _ in seeds:
        start = min(start, k)
        given[k] = 1
    last = last_uses(tape, start, cells.stop, outputs)
    pool = pool_enter()
    try:
        for k, dot in seeds:
            if dot is not None:
                cells.add(k, dot)
        with np.errstate(all="ignore"):
            tangent_range(cells, start, cells.stop, last, given, cache)
        return [cells.result(k) for k in outputs]
    finally:
        pool_exit(pool)
        free(last)
        free(given)
