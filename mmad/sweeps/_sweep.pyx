"""Numeric sweeps over a tape: cotangents backward, tangents forward, one or many lanes at a time.

Scalar instructions run in C, on the cells of their nodes (`mmad.sweeps._cells`) and from the compiled partials
(`mmad.ops._partials`).  Array instructions go through :func:`mmad.ops._rules.pull` and :func:`mmad.ops._rules.push`;
several lanes are a `Batch` there.
"""
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport isinf, isnan
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport calloc, free

cimport numpy as cnp

import numpy as np

from mmad.kernels._arrays cimport is_plain_double, window_view
from mmad.kernels._pool cimport pool_enter, pool_exit
from mmad.kernels._windows cimport add_small_window, add_window, in_order
from mmad.kernels._windows import last_write
from mmad.ops import OPERATIONS
from mmad.ops._partials cimport PARTIAL_NONE, Partial, partial_of, partial_product, partial_value, set_cuts
from mmad.ops._rules cimport fit, prod, pull, push
from mmad.ops._singularities cimport Singularity, at_singularity, kinked, singularities
from mmad.sweeps._cells cimport Cell, Cells, new_cells
from mmad.sweeps._pull cimport product_cotangent, writable
from mmad.sweeps._suspects cimport ASK, POISON, Doubts, forgotten
from mmad.tape._activity cimport active_mask, last_uses
from mmad.tape._instructions cimport (KIND_ELEMENTWISE, KIND_PUT, KIND_PUT_INDEX, KIND_WINDOW, NODE_ARRAY, NODE_BOOL,
                                      NODE_SPOILT, OP_FIRST_SCALAR, OP_LOAD, OP_REC, OP_STORE, Node, Op, Rec, SC_add,
                                      SC_chain, SC_multiply, SC_select, SC_subtract, node_index, scalar_arity)
from mmad.tape._tape cimport Tape
from mmad.wrappers._batch cimport Batch

cnp.import_array()

cdef Op o_matmul
cdef const Singularity *POINTS = singularities()


o_matmul = OPERATIONS["matmul"]


cdef enum:
    WANTED = 2        # in the mask of a sweep: a node that is asked for, where the sweep ends
    ONE_BY_ONE = 100  # suspected elements of an array that are looked at alone; more are taken together


# ------------------------------------------------------------------------------------------------ reverse sweep
cdef int reverse_put(Cells cells, const uint8_t *mask, int32_t k, Rec rec) except -1:
    """A window or fancy index was written: its cotangent goes to what was written, zero to what was there."""
    cdef cnp.ndarray acc = cells.own(k)
    cdef int32_t j = rec.at[1]
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
    j = rec.at[0]  # -1: a constant was written over
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
    for i in range(rec.n):
        j = rec.at[i]
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
            g = pull(rec.op, ct, rec.vals, rec.out, rec.params, rec.shape, [k == i for k in range(rec.n)])[i]
            if g is None:
                continue
        if g is not into:
            cells.add(j, g)
    cells.puller.ct = None
    return True


cdef inline const Singularity *points_of(Tape tape, int opcode) noexcept nogil:
    """Where a scalar operation has an infinite derivative; a product has one only where there are norms."""
    return POINTS if opcode == SC_chain and not tape.rooted else POINTS + opcode  # POINTS[0] is of no operation


cdef int reverse_rec(Cells cells, const uint8_t *mask, int32_t k, Doubts doubts) except -1:
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
        j = rec.at[0]
        return reverse_window(cells, j, rec, ct) if mask[j] else 0
    if op.opcode >= 0 and points_of(tape, op.opcode).operand >= 0 and not tape.nodes[k].flags & NODE_SPOILT \
            and at_singularity(op, rec.vals):
        active = [rec.at[i] >= 0 and mask[rec.at[i]] for i in range(rec.n)]
        ct = doubts.backward(k, op, ct, rec.vals, rec.out, active)
    if not cells.many and cells.is_array(k) and reverse_direct(cells, mask, rec, ct):
        return 0
    active = [rec.at[i] >= 0 and mask[rec.at[i]] for i in range(rec.n)]
    gs = pull(op, ct, rec.vals, rec.out, rec.params, rec.shape, active)
    ct = None
    for i in range(len(gs)):
        g = gs[i]
        if g is not None:
            gs[i] = None
            j = rec.at[i]
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


cdef inline bint at_point(const Node *nodes, const Node *p, bint rooted) noexcept nogil:
    """Whether a scalar instruction is at a point where a partial of it may be infinite, or may not exist."""
    cdef const Singularity *q = POINTS + p.op
    cdef double v
    if q.operand < 0 or p.flags & NODE_SPOILT:
        return False
    v = nodes[p.a if q.operand == 0 else p.b].v
    return v == q.first or v == q.second or (rooted and v != v and q.first != q.first)


cdef bint infinite(const Node *nodes, const Node *p, int i) noexcept nogil:
    """Whether partial i of a scalar instruction is infinite, or none."""
    cdef double w[4]
    cdef double d
    cdef int arity = scalar_arity(p.op)
    w[0] = nodes[p.a].v
    w[1] = nodes[p.b].v if arity > 1 else 0.0
    w[arity] = p.v
    d = partial_value(partial_of(p.op, i), w)
    return isinf(d) or isnan(d) and kinked(p.op)


cdef object numbers_of(const Cell *c, int lanes):
    """Cells of one scalar node as an array."""
    cdef int lane
    return np.array([c[lane].s for lane in range(lanes)])


cdef int poison_numbers(Doubts doubts, int32_t k, Cell *c, int lanes) except -1:
    cdef int lane
    for lane, v in enumerate(doubts.poisoned(k, numbers_of(c, lanes))):
        c[lane].s = v
    return 0


cdef int doubt_back(Cells cells, const uint8_t *mask, int32_t k, Doubts doubts) except -1:
    """Look at the cotangent of a scalar instruction at a singular point."""
    cdef const Node *nodes = cells.tape.nodes
    cdef const Node *p = nodes + k
    cdef int i
    for i in range(scalar_arity(p.op)):
        if mask[p.a if i == 0 else p.b] and infinite(nodes, p, i):
            doubts.meet(k, i, True, numbers_of(cells.at(k), cells.lanes))
    return poison_numbers(doubts, k, cells.at(k), cells.lanes)


cdef int doubt_forward(Cells cells, int32_t k, Doubts doubts) except -1:
    """The same for the tangents of its operands and its own."""
    cdef const Node *nodes = cells.tape.nodes
    cdef const Node *p = nodes + k
    cdef int i
    for i in range(scalar_arity(p.op)):
        if infinite(nodes, p, i):
            doubts.meet(k, i, True, numbers_of(cells.at(p.a if i == 0 else p.b), cells.lanes))
    return poison_numbers(doubts, k, cells.at(k), cells.lanes)


cdef int reverse_range(Cells cells, const uint8_t *mask, int32_t start, int32_t stop, Doubts doubts) except -1:
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
    cdef bint asking = doubts.stage == ASK
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
                if at_point(nodes, p, tape.rooted):
                    doubt_back(cells, mask, k, doubts)
                reverse_scalar(nodes, p, mask, c, bar, lanes)
                continue
            s = bar.s
            if s == 0 or asking:
                if at_point(nodes, p, tape.rooted):
                    doubt_back(cells, mask, k, doubts)
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
            elif tape.rooted:
                cells.own(p.a)  # zeros, which may be of arithmetic
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
            reverse_rec(cells, mask, k, doubts)
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
    """One reverse sweep; see :func:`reverse_sweep`."""
    tape.fill_all()
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
            reverse_range(cells, mask, start, cells.stop, doubts)
        return [cells.result(k) for k in inputs]
    finally:
        pool_exit(pool)
        free(mask)


cdef object marked(Tape tape, int32_t k, object where, double value):
    """A seed for node k: `value` where it is suspected, else zero."""
    if not tape.nodes[k].flags & NODE_ARRAY:
        return value
    rec = tape.rec_of(k)
    return np.where(where, value, 0.0).astype(rec.dtype)


def vanishes(Tape tape, list suspects, list seeds):
    """Whether no suspected zero was made by arithmetic: an infinite tangent from there is cut off before the results.

    Where it is not, the tangent meets the factor that made the cotangent zero, and becomes NaN.
    """
    cdef Doubts doubts = Doubts()
    dots = [(k, marked(tape, k, where, np.inf)) for k, where in suspects]
    doubts.stage = POISON  # of nothing: these tangents are not derivatives
    for y, (_, g) in zip(swept_forward(tape, dots, [k for k, _ in seeds], None, doubts), seeds):
        if y is None:
            continue
        lost = np.isnan(y)
        if isinstance(g, Batch):
            lost = lost & (np.reshape((<Batch> g).lanes, (-1, *np.shape(y))) != 0).any(axis=0)
        elif isinstance(g, (float, cnp.ndarray)):
            lost = lost & (g != 0)
        if np.any(lost):
            return False
    return True


def made_by_arithmetic(Tape tape, int32_t k, object where, list seeds):
    """The suspected elements of one node whose zero was made by arithmetic; None: there are none."""
    if vanishes(tape, [(k, where)], seeds):
        return None
    if np.size(where) == 1 or np.count_nonzero(where) > ONE_BY_ONE:
        return where
    found = where.copy()
    for at in np.argwhere(where):
        alone = np.zeros_like(where)
        alone[tuple(at)] = True
        found[tuple(at)] = not vanishes(tape, [(k, alone)], seeds)
    return found


# ------------------------------------------------------------------------------------------------ tangent sweep
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
    tangent_version(cells, rec.at[0], k)
    acc = cells.own(k)
    v = 0 if v is None else (<Batch> v).lanes if isinstance(v, Batch) else v
    if rec.op.kind == KIND_PUT:
        window = cells.full_window(rec.params)
        w = window_view(acc, window[0], window[1], window[2])
        if cells.many and isinstance(v, cnp.ndarray) and v.ndim < w.ndim:
            v = v.reshape(v.shape[:1] + (1,) * (w.ndim - v.ndim) + v.shape[1:])
        w[...] = v
    elif cells.many:
        for lane in range(cells.lanes):
            acc[lane][rec.vals[2]] = v[lane] if isinstance(v, cnp.ndarray) else v
    else:
        acc[rec.vals[2]] = v
    return 0


cdef int tangent_rec(Cells cells, int32_t k, dict cache, Doubts doubts) except -1:
    """One array instruction forward."""
    cdef Tape tape = cells.tape
    cdef Rec rec = <Rec> tape.recs[tape.nodes[k].a]
    cdef Op op = rec.op
    cdef list dots, partials = None
    cdef bint any_dot = False, doubtful
    cdef int32_t base
    if op.kind == KIND_PUT or op.kind == KIND_PUT_INDEX:
        base = rec.at[0]  # its buffer is handed on, so nothing here may hold it
        v = cells.get(rec.at[1])
        if v is None and (base < 0 or cells.is_zero(base)):
            return 0
        return tangent_put(cells, k, rec, v)
    dots = [cells.get(rec.at[i]) for i in range(rec.n)]
    for d in dots:
        if d is not None:
            any_dot = True
    if not any_dot:
        if doubts.stage == POISON and k in doubts.at:
            g = doubts.poisoned(k, np.zeros(cells.full_shape(rec.shape), rec.dtype))
            return cells.add(k, Batch(cells.level, g) if cells.many else g)
        return 0
    if op.kind == KIND_WINDOW:
        d = dots[0]
        if not cells.is_array(rec.at[0]):
            g = d if not cells.many else (<Batch> d).lanes
            g = np.broadcast_to(np.reshape(g, cells.full_shape((1,) * len(rec.shape))), cells.full_shape(rec.shape))
        else:
            window = cells.full_window(rec.params)
            g = window_view(np.asarray((<Batch> d).lanes if cells.many else d), window[0], window[1], window[2])
            if tape.is_version(rec.at[0]):
                g = g.copy()
        return cells.set(k, g)
    if cache is not None and op.kind == KIND_ELEMENTWISE and op.transposes is None:
        partials = cache.get(k)
        if partials is None:
            partials = cache[k] = [None] * len(dots)
    doubtful = op.opcode >= 0 and POINTS[op.opcode].operand >= 0 and not kinked(op.opcode) \
        and at_singularity(op, rec.vals)
    if doubtful:
        doubts.forward(k, op, dots, rec.vals, rec.out, <int> len(rec.shape))
    g = push(op, dots, rec.vals, rec.out, rec.params, rec.shape, rec.dtype, partials)
    if doubtful and g is not None:
        g = doubts.poisoned(k, g)
    if g is None:
        return 0
    if cells.is_array(k) and not isinstance(g, (cnp.ndarray, Batch)):
        g = np.full(rec.shape, g, rec.dtype)
    return cells.add(k, g)


cdef inline void tangent_scalar(const Node *nodes, const Node *p, Cell *c, Cell *dot, int lanes) noexcept nogil:
    """One scalar instruction forward, all lanes; a zero tangent contributes nothing."""
    cdef double d
    cdef double w[4]
    cdef int arity, i, lane
    cdef const Cell *of
    cdef const Partial *q
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
        q = partial_of(p.op, i)
        if q.kind == PARTIAL_NONE:
            continue
        of = c + <size_t> (p.a if i == 0 else p.b) * lanes
        d = 0.0
        for lane in range(lanes):
            if of[lane].s != 0:
                if d == 0.0:
                    d = partial_value(q, w)
                dot[lane].s += of[lane].s * d if d != 0 else partial_product(q, of[lane].s, d, w)


cdef int tangent_range(Cells cells, int32_t start, int32_t stop, const int32_t *last, const uint8_t *given,
                       dict cache, Doubts doubts) except -1:
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
                if not kinked(p.op) and at_point(nodes, p, False):
                    doubt_forward(cells, k, doubts)
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
            tangent_rec(cells, k, cache, doubts)
            rec = <Rec> tape.recs[p.a]
            for i in range(rec.n):
                j = rec.at[i]
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
    cdef Doubts doubts = Doubts()
    cdef list found = swept_forward(tape, seeds, outputs, cache, doubts)
    if doubts.at:
        swept_forward(tape, doubts.seeds(seeds), outputs, cache, doubts)
        if doubts.confirmed():
            found = swept_forward(tape, seeds, outputs, cache, doubts)
    if doubts.poles:
        before = set_cuts(False)
        try:
            reached = swept_forward(tape, doubts.zeros(seeds), outputs, cache, doubts)
        finally:
            set_cuts(before)
        found = [forgotten(g, y) for g, y in zip(found, reached)]
    return found


cdef list swept_forward(Tape tape, list seeds, list outputs, dict cache, Doubts doubts):
    """One forward sweep; see :func:`tangent_sweep`."""
    tape.fill_all()
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
            tangent_range(cells, start, cells.stop, last, given, cache, doubts)
        return [cells.result(k) for k in outputs]
    finally:
        pool_exit(pool)
        free(last)
        free(given)
