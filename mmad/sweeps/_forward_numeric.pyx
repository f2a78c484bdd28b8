"""The forward sweep on numbers: tangents along a tape, one or many lanes at a time.

Scalar instructions run in C, on the cells of their nodes (`mmad.sweeps._cells`) and from the compiled partials
(`mmad.ops._partials`).  Array instructions go through :func:`mmad.ops._rules.push`; several lanes are a `Batch` there.
"""
cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t

cimport numpy as cnp

import numpy as np

from mmad.kernels._arrays cimport is_plain_double, window_view
from mmad.kernels._pool cimport pool_enter, pool_exit
from mmad.ops._partials cimport PARTIAL_NONE, Partial, partial_of, partial_product, partial_value, set_cuts
from mmad.ops._rules cimport push
from mmad.ops._singularities cimport Singularity, at_singularity, kinked, singularities
from mmad.sweeps._cells cimport Cell, Cells, new_cells
from mmad.sweeps._forward cimport Tangents, walk_forward
from mmad.sweeps._scalar_doubts cimport at_point, doubt_forward
from mmad.sweeps._suspects cimport POISON, Doubts, forgotten
from mmad.tape._activity cimport last_uses
from mmad.tape._instructions cimport (KIND_ELEMENTWISE, KIND_PUT, NODE_ARRAY, NODE_BOOL, OP_FIRST_SCALAR, Node, Op, Rec,
                                      SC_multiply, SC_select, scalar_arity)
from mmad.tape._tape cimport Tape
from mmad.wrappers._batch cimport Batch

cnp.import_array()

cdef const Singularity *POINTS = singularities()


cdef enum:
    ONE_BY_ONE = 100  # suspected elements of an array that are looked at alone; more are taken together


cdef inline void tangent_scalar(const Node *nodes, const Node *p, Cell *c, Cell *dot, int lanes) noexcept nogil:
    """Push tangents through one scalar instruction, all lanes; a zero tangent contributes nothing."""
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


@cython.final
cdef class NumericTangents(Tangents):
    """Tangents as numbers and arrays, in cells."""

    cdef Cells cells
    cdef Doubts doubts
    cdef dict cache  # node -> partial derivatives of its operation, for further sweeps at the same point

    def __init__(self, Tape tape, list seeds, list outputs, dict cache, Doubts doubts):
        cdef int32_t start = tape.n, k
        self.cells, self.doubts, self.cache = new_cells(tape, seeds, outputs), doubts, cache
        for k, _ in seeds:
            start = min(start, k)
        self.begin(tape, start, self.cells.stop)
        self.last = last_uses(tape, start, self.stop, outputs)
        for k, dot in seeds:
            self.skip[k] = 1
            if dot is not None:
                self.cells.add(k, dot)

    cdef int32_t push_scalars(self, int32_t k) except -2:
        cdef Cells cells = self.cells
        cdef const Node *nodes = self.tape.nodes
        cdef const Node *p
        cdef Cell *c = cells.c
        cdef Cell *dot
        cdef double s
        cdef int lanes = cells.lanes
        k -= 1
        while k + 1 < self.stop and nodes[k + 1].op >= OP_FIRST_SCALAR:
            k += 1
            if not k & 0xffff:
                PyErr_CheckSignals()
            p = nodes + k
            if p.flags & NODE_BOOL or self.skip[k]:
                continue
            dot = c + <size_t> k * lanes
            if lanes == 1 and p.op == SC_multiply:
                s = 0.0
                if c[p.a].s != 0:
                    s = c[p.a].s * nodes[p.b].v
                if c[p.b].s != 0:
                    s += c[p.b].s * nodes[p.a].v
                dot.s = s
            else:
                tangent_scalar(nodes, p, c, dot, lanes)
                if not kinked(p.op) and at_point(POINTS + p.op, nodes, p, False):
                    doubt_forward(cells, k, self.doubts)
        return k

    cdef object get(self, int32_t k):
        return self.cells.get(k)

    cdef int release(self, int32_t j) except -1:
        return self.cells.clear(j)

    cdef int start_version(self, int32_t base, int32_t k) except -1:
        """Start the tangent of a written version from the one before: in place where nothing else reads that."""
        cdef Cells cells = self.cells
        if base >= 0 and cells.at(base).o != NULL:
            if self.tape.is_version(base):
                cells.at(k).o = cells.at(base).o
                cells.at(base).o = NULL
            else:
                cells.set(k, <object> cells.at(base).o)
        cells.own(k)
        return 0

    cdef int read_element(self, int32_t k, int32_t base, int64_t flat) except -1:
        cdef Cells cells = self.cells
        cdef cnp.ndarray acc
        cdef double *data
        cdef Py_ssize_t size
        cdef int lane
        if cells.at(base).o == NULL:
            return 0
        acc = <cnp.ndarray> cells.at(base).o
        if not is_plain_double(acc):
            acc = cells.own(base)
        size = acc.size // cells.lanes
        data = <double *> cnp.PyArray_DATA(acc) + flat
        for lane in range(cells.lanes):
            cells.at(k)[lane].s = data[lane * size]
        return 0

    cdef int write_element(self, int32_t k, int32_t base, int32_t source, int64_t flat) except -1:
        cdef Cells cells = self.cells
        cdef cnp.ndarray acc
        cdef double *data
        cdef Py_ssize_t size
        cdef int lane
        if cells.at(base).o == NULL and cells.is_zero(source):
            return 0
        self.start_version(base, k)
        acc = <cnp.ndarray> cells.at(k).o
        size = acc.size // cells.lanes
        data = <double *> cnp.PyArray_DATA(acc) + flat
        for lane in range(cells.lanes):
            data[lane * size] = cells.at(source)[lane].s
        return 0

    cdef int write_part(self, int32_t k, Rec rec, object value) except -1:
        cdef Cells cells = self.cells
        cdef int32_t base = rec.at[0]
        cdef cnp.ndarray acc
        cdef int lane
        if value is None and (base < 0 or cells.is_zero(base)):
            return 0
        self.start_version(base, k)
        acc = cells.own(k)
        v = 0 if value is None else (<Batch> value).lanes if isinstance(value, Batch) else value
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

    cdef int push_window(self, int32_t k, Rec rec, object dot) except -1:
        cdef Cells cells = self.cells
        g = (<Batch> dot).lanes if cells.many else dot
        if not cells.is_array(rec.at[0]):
            g = np.broadcast_to(np.reshape(g, cells.full_shape((1,) * len(rec.shape))), cells.full_shape(rec.shape))
        else:
            window = cells.full_window(rec.params)
            g = window_view(np.asarray(g), window[0], window[1], window[2])
            if self.tape.is_version(rec.at[0]):
                g = g.copy()
        return cells.set(k, g)

    cdef int push_zero(self, int32_t k, Rec rec) except -1:
        cdef Cells cells = self.cells
        if self.doubts.stage != POISON or k not in self.doubts.at:
            return 0
        g = self.doubts.poisoned(k, np.zeros(cells.full_shape(rec.shape), rec.dtype))
        return cells.add(k, Batch(cells.level, g) if cells.many else g)

    cdef int push_rule(self, int32_t k, Rec rec, list dots) except -1:
        cdef Cells cells = self.cells
        cdef Op op = rec.op
        cdef list partials = None
        cdef bint doubtful
        if self.cache is not None and op.kind == KIND_ELEMENTWISE and op.transposes is None:
            partials = self.cache.get(k)
            if partials is None:
                partials = self.cache[k] = [None] * len(dots)
        doubtful = op.opcode >= 0 and POINTS[op.opcode].operand >= 0 and not kinked(op.opcode) \
            and at_singularity(op, rec.vals)
        if doubtful:
            self.doubts.forward(k, op, dots, rec.vals, rec.out, <int> len(rec.shape))
        g = push(op, dots, rec.vals, rec.out, rec.params, rec.shape, rec.dtype, partials)
        if doubtful and g is not None:
            g = self.doubts.poisoned(k, g)
        if g is None:
            return 0
        if cells.is_array(k) and not isinstance(g, (cnp.ndarray, Batch)):
            g = np.full(rec.shape, g, rec.dtype)
        return cells.add(k, g)


def forward_sweep(Tape tape, list seeds, list outputs, dict cache=None):
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
    """Do one forward sweep; see :func:`forward_sweep`."""
    cdef NumericTangents tangents
    cdef int32_t k
    tape.fill_all()
    pool = pool_enter()
    try:
        tangents = NumericTangents(tape, seeds, outputs, cache, doubts)
        with np.errstate(all="ignore"):
            walk_forward(tangents)
        return [tangents.cells.result(k) for k in outputs]
    finally:
        pool_exit(pool)


# ------------------------------------------------------------------------------------------------ zeros
cdef object marked(Tape tape, int32_t k, object where, double value):
    """Return a seed for node k: `value` where it is suspected, else zero."""
    if not tape.nodes[k].flags & NODE_ARRAY:
        return value
    rec = tape.rec_of(k)
    return np.where(where, value, 0.0).astype(rec.dtype)


def vanishes(Tape tape, list suspects, list seeds):
    """Return whether no suspected zero was made by arithmetic: an infinite tangent from there is cut off before the results.

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
    """Return the suspected elements of one node whose zero was made by arithmetic; None: there are none."""
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
