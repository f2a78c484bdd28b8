"""Numeric sweeps over a tape: cotangents backward, tangents forward.

Design
------
* One 8-byte cell a node: a double for a scalar node, a reference to an array (or to a float, meaning an array of
  equal elements) for an array node.
* Scalar instructions run in C.  Their partial derivatives are declared in Python, in terms of operations; each
  declaration is traced once into a short scalar program (:func:`compile_partials`), which the sweeps evaluate.
* Array instructions go through :func:`pull` and :func:`push`, which the transforms on traced values use as well:
  there is one implementation of the chain rule.
* Written storages: the cells of the versions of one storage share one buffer, which moves from version to version,
  so reading or writing an element costs O(1).
"""
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from cpython.ref cimport Py_DECREF, Py_INCREF, Py_XDECREF
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc

cimport numpy as cnp

import numpy as np

from mmad._arrays cimport chain_value, is_plain_double, unbroadcast_value, window_view
from mmad._core cimport (KIND_ELEMENTWISE, KIND_PUT, KIND_PUT_INDEX, KIND_WINDOW, NODE_ARRAY, NODE_CONSUMED,
                         OP_CONST, OP_FIRST_SCALAR, OP_GUARD, OP_INPUT, OP_LOAD, OP_REC, OP_STORE, SC_add, SC_multiply,
                         SC_select, SC_subtract, SCALAR_END, Node, Op, Rec, ScalarVar, Tape, Traced, Var, apply1, apply2,
                         apply_op, node_index, scalar_arity, scalar_eval)
from mmad._core import HOOKS, OPERATIONS, scalar_op
from mmad._pool cimport pool_enter, pool_exit
from mmad.errors import UnsupportedError

cnp.import_array()

cdef dict _HOOKS = HOOKS


cdef extern from "_kernels.h" nogil:
    void mm_add(double *r, const double *g, Py_ssize_t n) noexcept
    void mm_add_scalar(double *r, double g, Py_ssize_t n) noexcept
    void mm_add_strided(double *r, Py_ssize_t step, const double *g, Py_ssize_t n) noexcept


cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(PyObject *o)


cdef union Cell:
    double s
    PyObject *o


# ------------------------------------------------------------------------------- partials of scalar operations
cdef Partial[3] PARTIALS[128]


cdef const Partial *partial_of(int opcode, int i) noexcept nogil:
    return &PARTIALS[opcode][i]


def compile_partials(Op op):
    """Trace the declared partials of a scalar operation into programs the sweeps evaluate."""
    cdef Tape tape
    cdef Partial *q
    cdef Node *p
    cdef int i, k
    if SCALAR_END > 128:
        raise AssertionError("PARTIALS is too short")
    uses_out = False
    for i in range(op.nin):
        q = &PARTIALS[op.opcode][i]
        rule = op.partials[i] if op.partials is not None else None
        if rule is None:
            q.kind = PARTIAL_NONE
            continue
        tape = Tape(f"the partial of {op.name}", guarded=True)
        operands = [tape.add_input(0.5 + 0.25 * k) for k in range(op.nin)] + [tape.add_input(0.375)]
        with np.errstate(all="ignore"):
            r = rule(*operands)
        if type(r) is not ScalarVar:
            q.kind, q.c = PARTIAL_CONSTANT if r != 0 else PARTIAL_NONE, float(r)
            continue
        if (<ScalarVar> r).node == op.nin:
            uses_out = True
        if (<ScalarVar> r).node <= op.nin:
            q.kind, q.ref = PARTIAL_OPERAND, (<ScalarVar> r).node
            continue
        if tape.n > MAX_PROGRAM:
            raise ValueError(f"the partial of {op.name} is longer than {MAX_PROGRAM} instructions")
        q.kind, q.ref, q.n = PARTIAL_PROGRAM, (<ScalarVar> r).node, tape.n
        q.program = <Node *> malloc(tape.n * sizeof(Node))
        for k in range(tape.n):
            p = tape.nodes + k
            if p.op == OP_GUARD or p.op == OP_REC:
                raise ValueError(f"the partial of {op.name} must be straight-line scalar code (use where, not if)")
            q.program[k] = p[0]
            if p.op >= OP_FIRST_SCALAR:
                uses_out = uses_out or p.a == op.nin or p.b == op.nin or p.c == op.nin
            q.program[k].a, q.program[k].b, q.program[k].c = max(p.a, 0), max(p.b, 0), max(p.c, 0)
    op.needs_out = uses_out


cdef double partial_value(const Partial *q, const double *operands) noexcept nogil:
    """The partial derivative at (operands..., result)."""
    cdef double w[MAX_PROGRAM]
    cdef const Node *p
    cdef int k
    if q.kind == PARTIAL_CONSTANT:
        return q.c
    if q.kind == PARTIAL_OPERAND:
        return operands[q.ref]
    if q.kind == PARTIAL_NONE:
        return 0.0
    for k in range(q.n):
        p = q.program + k
        if p.op >= OP_FIRST_SCALAR:
            w[k] = scalar_eval(p.op, w[p.a], w[p.b], w[p.c])
        elif p.op == OP_INPUT:
            w[k] = operands[k]
        else:
            w[k] = p.v
    return w[q.ref]


cdef double scalar_push(int opcode, int arity, const double *operands, const double *dots) noexcept nogil:
    """Tangent of a scalar operation; operands are followed by the result."""
    cdef double s = 0.0
    cdef int i
    if opcode == SC_select:
        return dots[1] if operands[0] != 0 else dots[2]
    for i in range(arity):
        if dots[i] != 0 and PARTIALS[opcode][i].kind != PARTIAL_NONE:
            s += dots[i] * partial_value(&PARTIALS[opcode][i], operands)
    return s


cdef inline void scalar_operands(const Node *nodes, const Node *p, double *w, int *arity) noexcept nogil:
    arity[0] = scalar_arity(p.op)
    w[0] = nodes[p.a].v
    w[1] = nodes[p.b].v if arity[0] > 1 else 0.0
    w[2] = nodes[p.c].v if arity[0] > 2 else 0.0
    w[arity[0]] = p.v


# ------------------------------------------------------------------------------------- the chain rule, one place
cdef Op o_chain, o_conj, o_neg, o_real


def bind():
    global o_chain, o_conj, o_neg, o_real
    o_chain, o_conj, o_neg, o_real = [OPERATIONS[k] for k in ("chain", "conjugate", "negative", "real")]


cdef inline bint is_complex(object p):
    if isinstance(p, float):
        return False
    if isinstance(p, (np.ndarray, np.generic, Traced)):
        return p.dtype.kind == "c"
    return isinstance(p, complex)


cdef object chain_any(object bar, object p, bint adjoint):
    """bar * p (or bar * conj(p)), zero where bar is zero."""
    if type(p) is float:
        if <double> p == 1.0:
            return bar
        if <double> p == -1.0:
            return apply1(o_neg, bar) if isinstance(bar, Traced) else -bar
        if <double> p == 0.0:
            return None
    if adjoint and is_complex(p):
        p = apply1(o_conj, p)
    if isinstance(bar, Traced) or isinstance(p, Traced):
        return apply2(o_chain, bar, p)
    return chain_value(bar, p)


cdef inline object array_partial(Op op, int i, tuple vals, object out):
    """A partial as declared; where the declaration is a constant or an operand, without calling it."""
    cdef Partial *q
    if op.opcode >= 0:
        q = &PARTIALS[op.opcode][i]
        if q.kind == PARTIAL_CONSTANT:
            return q.c
        if q.kind == PARTIAL_OPERAND:
            return vals[q.ref] if q.ref < len(vals) else out
        if q.kind == PARTIAL_NONE:
            return 0.0
    return op.partials[i](*vals, out)


cdef inline tuple shape_of(object x):
    if isinstance(x, float):
        return ()
    if isinstance(x, (np.ndarray, Traced)):
        return x.shape
    return np.shape(x)


cdef object fit(object g, object val, tuple out_shape):
    """Reduce a cotangent of an operation's result to the shape and dtype of the operand `val`."""
    cdef tuple shape
    if type(g) is float:  # a uniform cotangent
        if not isinstance(val, np.ndarray) and not isinstance(val, Traced):
            return <double> g * prod(out_shape)
        shape = val.shape
        if shape == out_shape:
            return g if val.dtype.kind != "c" and isinstance(val, np.ndarray) else np.full(shape, g, val.dtype)
        return g * (prod(out_shape) / prod(shape)) if prod(shape) else np.zeros(shape, val.dtype)
    if isinstance(g, Var) and isinstance(val, Var) and g.shape == val.shape and g.dtype == val.dtype:
        return g
    if isinstance(g, Traced) or isinstance(val, Traced):
        return _HOOKS["unbroadcast"](g, shape_of(val), getattr(val, "dtype", None))
    if isinstance(val, np.ndarray):
        if isinstance(g, np.ndarray) and (<cnp.ndarray> g).dtype is (<cnp.ndarray> val).dtype and g.shape == val.shape:
            return g
        return unbroadcast_value(g, val.shape, (<cnp.ndarray> val).dtype)
    return unbroadcast_value(g, (), np.result_type(val) if not isinstance(val, float) else None)


cdef double prod(tuple shape):
    cdef double r = 1.0
    for d in shape:
        r *= <double> d
    return r


cpdef list pull(Op op, object ct, tuple vals, object out, dict params, tuple out_shape, list active):
    """Cotangents of an operation's operands: one for each active position, None where it is zero.

    Parameters
    ----------
    op : Op
        Elementwise or structural.
    ct : float, ndarray or traced
        Cotangent of the result.
    vals : tuple
        The operands, plain or traced; `out`, the result, where the operation needs it.
    active : list of bool
    """
    cdef list gs = []
    cdef int i
    if type(ct) is float and out_shape and (op.kind != KIND_ELEMENTWISE or op.transposes is not None):
        ct = np.full(out_shape, ct)
    for i in range(len(vals)):
        if not active[i]:
            gs.append(None)
            continue
        if op.transposes is not None and i in op.transposes:
            g = op.transposes[i](ct, *vals, **params) if params is not None else op.transposes[i](ct, *vals)
            if type(g) is float:  # already equal for every element of the operand
                gs.append(g if isinstance(vals[i], float) or vals[i].dtype.kind == "f"
                          else np.full(shape_of(vals[i]), g, vals[i].dtype))
                continue
        elif op.partials is not None:
            if op.partials[i] is None:
                raise UnsupportedError(f"{op.name} has no derivative with respect to its argument {i}")
            g = chain_any(ct, array_partial(op, i, vals, out), True)
        elif op.jvp is not None:
            return [None if g is None else fit(g, v, out_shape) for g, v in
                    zip(_HOOKS["transpose_jvp"](op, ct, vals, out, params, active), vals)]
        else:
            raise UnsupportedError(f"{op.name} has no derivative with respect to its argument {i}")
        gs.append(None if g is None else fit(g, vals[i], out_shape))
    return gs


cpdef object push(Op op, list dots, tuple vals, object out, dict params, tuple out_shape, list partials=None):
    """Tangent of an operation's result from those of its operands (None: zero); None if it is zero.

    `partials`, when given, is a list that keeps the partial derivatives between calls at the same point.
    """
    cdef object total = None, g
    cdef int i
    cdef list args
    if op.jvp is not None:
        return op.jvp(dots, out, *vals, **params) if params is not None else op.jvp(dots, out, *vals)
    if op.transposes is not None:
        if op.name in _JOINT:
            args = list(vals)
            for i in list(op.transposes):
                args[i] = dots[i] if dots[i] is not None else zero_like(vals[i])
            return apply_op(op, tuple(args), params)
        for i in range(len(vals)):
            if dots[i] is None:
                continue
            if i not in op.transposes:
                raise UnsupportedError(f"{op.name} has no derivative with respect to its argument {i}")
            args = list(vals)
            args[i] = dots[i]
            g = apply_op(op, tuple(args), params)
            total = g if total is None else total + g
        return total
    if op.partials is None:
        raise UnsupportedError(f"{op.name} has no derivative")
    for i in range(len(vals)):
        if dots[i] is None:
            continue
        if op.partials[i] is None:
            raise UnsupportedError(f"{op.name} has no derivative with respect to its argument {i}")
        if partials is None:
            p = array_partial(op, i, vals, out)
        else:
            p = partials[i]
            if p is None:
                p = partials[i] = array_partial(op, i, vals, out)
        g = chain_any(dots[i], p, False)
        if g is not None:
            total = g if total is None else total + g
    if total is not None and out is not None and is_complex(total) and not is_complex(out):
        total = apply1(o_real, total)
    if total is not None and out_shape and shape_of(total) != out_shape:
        total = _HOOKS["broadcast"](total, out_shape)
    return total


_JOINT = set()  # names of operations linear in several arguments at once (concatenate), not in each (matmul)
JOINT = _JOINT


def zero_like(x):
    """A plain zero of the shape and dtype of x."""
    if isinstance(x, float):
        return 0.0
    return np.zeros(shape_of(x), getattr(x, "dtype", np.float64)) if not isinstance(x, (int, complex)) else 0.0


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


# --------------------------------------------------------------------------------------------- reverse sweep
cdef uint8_t *active_mask(Tape tape, int32_t start, int32_t stop, list inputs) except NULL:
    """One byte a node: whether its value depends on the inputs."""
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
        if p.op >= OP_FIRST_SCALAR:
            if mask[p.a] or (p.b >= 0 and mask[p.b]) or (p.c >= 0 and mask[p.c]):
                mask[k] = 1
        elif p.op == OP_REC:
            for j in (<Rec> tape.recs[p.a]).args:
                if j >= 0 and mask[j]:
                    mask[k] = 1
                    break
        elif p.op == OP_LOAD:
            mask[k] = mask[p.a]
        elif p.op == OP_STORE:
            mask[k] = mask[p.a] or mask[p.b]
    return mask


def active_nodes(Tape tape, int32_t start, int32_t stop, list inputs):
    """As bytes, one a node: whether it depends on the inputs."""
    cdef uint8_t *mask = active_mask(tape, start, stop, inputs)
    try:
        return (<char *> mask)[:stop]
    finally:
        free(mask)


cdef cnp.ndarray own(Cell *cell, Tape tape, int32_t node):
    """The cell's array as a C-contiguous buffer of its own, made if need be."""
    cdef Rec rec
    cdef cnp.ndarray a
    if cell.o != NULL and Py_REFCNT(cell.o) == 1 and type(<object> cell.o) is np.ndarray:
        a = <cnp.ndarray> cell.o
        if cnp.PyArray_BASE(a) == NULL and a.flags.c_contiguous and a.flags.writeable:
            return a
    rec = tape.rec_of(node)
    if cell.o == NULL:
        a = np.zeros(rec.shape, rec.dtype)
    elif isinstance(<object> cell.o, float):
        a = np.full(rec.shape, <object> cell.o, rec.dtype)
    else:
        a = np.array(<object> cell.o, dtype=rec.dtype, order="C", copy=True)
    Py_INCREF(a)
    Py_XDECREF(cell.o)
    cell.o = <PyObject *> a
    return a


cdef int accumulate(Cell *cell, Tape tape, int32_t node, object g) except -1:
    """cell += g."""
    cdef cnp.ndarray a
    cdef PyObject *old
    if not tape.nodes[node].flags & NODE_ARRAY:
        if not isinstance(g, float):
            g = np.real(g)
        cell.s += <double> g
        return 0
    if cell.o == NULL:
        if not isinstance(g, (np.ndarray, float)):
            g = np.asarray(g)
        Py_INCREF(g)
        cell.o = <PyObject *> g
        return 0
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
    if not isinstance(total, (np.ndarray, float)):
        total = np.asarray(total)
    Py_INCREF(total)
    old = cell.o
    cell.o = <PyObject *> total
    Py_DECREF(<object> old)
    return 0


cdef int move(Cell *cells, Tape tape, int32_t source, int32_t target) except -1:
    """Hand the buffer of a version's cell to the version before it."""
    if cells[target].o == NULL:
        cells[target].o = cells[source].o
        cells[source].o = NULL
        return 0
    g = <object> cells[source].o
    accumulate(cells + target, tape, target, g)
    Py_DECREF(g)
    cells[source].o = NULL
    return 0


cdef bint overlapping(tuple shape, tuple strides):
    """Whether an affine window may visit an element twice (other than by zero strides)."""
    cdef Py_ssize_t reach = 0
    for s, d in sorted([(abs(s), d) for s, d in zip(strides, shape) if d > 1 and s != 0]):
        if s <= reach:
            return True
        reach += s * (d - 1)
    return False


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


def last_write(index, shape):
    """Mask over an index's positions: which of them hold the value NumPy keeps when the index repeats."""
    order = np.empty(shape, dtype=np.int64)
    n = order[index].size
    k = np.arange(n).reshape(order[index].shape)
    order[index] = k
    return order[index] == k


cdef int reverse_rec(Cell *cells, Tape tape, const uint8_t *mask, int32_t k) except -1:
    """One array instruction backward."""
    cdef Node *p = tape.nodes + k
    cdef Rec rec = <Rec> tape.recs[p.a]
    cdef Op op = rec.op
    cdef int32_t j
    cdef cnp.ndarray acc
    cdef list active, gs
    cdef int i
    if p.flags & NODE_ARRAY:
        if cells[k].o == NULL:
            return 0
    elif cells[k].s == 0:
        return 0
    if op.kind == KIND_PUT or op.kind == KIND_PUT_INDEX:
        acc = own(cells + k, tape, k)
        j = rec.args[1]
        if op.kind == KIND_PUT:
            w = window_view(acc, rec.params["offset"], rec.params["shape"], rec.params["strides"])
            g = w.copy() if j >= 0 and mask[j] else None
        else:
            w, index = acc, rec.vals[2]
            g = np.where(last_write(index, rec.shape), acc[index], 0) if j >= 0 and mask[j] else None
        if g is not None:
            accumulate(cells + j, tape, j, fit(g, rec.vals[1], g.shape))
        if op.kind == KIND_PUT:
            w[...] = 0
        else:
            acc[index] = 0
        w = None
        acc = None
        if mask[rec.args[0]]:
            move(cells, tape, k, rec.args[0])
        return 0
    if p.flags & NODE_ARRAY:
        ct = <object> cells[k].o
        Py_DECREF(ct)
        cells[k].o = NULL
    else:
        ct = cells[k].s
    if op.kind == KIND_WINDOW:
        j = rec.args[0]
        if mask[j]:
            if not tape.nodes[j].flags & NODE_ARRAY:
                accumulate(cells + j, tape, j, np.add.reduce(ct, axis=None) if not isinstance(ct, float)
                           else ct * prod(rec.shape))
            elif cells[j].o == NULL and rec.params["offset"] == 0 and not isinstance(ct, float) \
                    and prod(rec.shape) == prod(rec.params["of"]) and in_order(rec.shape, rec.params["strides"]):
                accumulate(cells + j, tape, j, np.reshape(ct, rec.params["of"]))
            else:
                add_window(own(cells + j, tape, j),
                           (rec.params["offset"], rec.params["shape"], rec.params["strides"]), ct)
        return 0
    active = [j >= 0 and mask[j] for j in rec.args]
    gs = pull(op, ct, rec.vals, rec.out, rec.params, rec.shape, active)
    for i in range(len(gs)):
        g = gs[i]
        if g is not None:
            gs[i] = None
            j = rec.args[i]
            accumulate(cells + j, tape, j, g)
    return 0


cdef bint in_order(tuple shape, tuple strides):
    """Whether a window walks its base in C order without gaps."""
    cdef Py_ssize_t step = 1
    cdef int k
    for k in range(len(shape) - 1, -1, -1):
        if shape[k] != 1 and strides[k] != step:
            return False
        step *= <Py_ssize_t> shape[k]
    return True


cdef int reverse_range(Cell *cells, Tape tape, const uint8_t *mask, int32_t start, int32_t stop) except -1:
    cdef Node *nodes = tape.nodes
    cdef Node *p
    cdef int32_t k = stop
    cdef double s
    cdef double w[4]
    cdef cnp.ndarray acc
    cdef int arity
    while k > start:
        k -= 1
        if not k & 0xffff:
            PyErr_CheckSignals()
        if not mask[k]:
            continue
        p = nodes + k
        if p.op >= OP_FIRST_SCALAR:
            s = cells[k].s
            if s == 0:
                continue
            if p.op == SC_multiply:
                if mask[p.a]:
                    cells[p.a].s += s * nodes[p.b].v
                if mask[p.b]:
                    cells[p.b].s += s * nodes[p.a].v
            elif p.op == SC_add:
                if mask[p.a]:
                    cells[p.a].s += s
                if mask[p.b]:
                    cells[p.b].s += s
            elif p.op == SC_subtract:
                if mask[p.a]:
                    cells[p.a].s += s
                if mask[p.b]:
                    cells[p.b].s -= s
            elif p.op == SC_select:
                if nodes[p.a].v != 0:
                    if mask[p.b]:
                        cells[p.b].s += s
                elif mask[p.c]:
                    cells[p.c].s += s
            else:
                scalar_operands(nodes, p, w, &arity)
                if mask[p.a] and PARTIALS[p.op][0].kind != PARTIAL_NONE:
                    cells[p.a].s += s * partial_value(&PARTIALS[p.op][0], w)
                if arity > 1 and mask[p.b] and PARTIALS[p.op][1].kind != PARTIAL_NONE:
                    cells[p.b].s += s * partial_value(&PARTIALS[p.op][1], w)
        elif p.op == OP_LOAD:
            s = cells[k].s
            if s != 0:
                acc = own(cells + p.a, tape, p.a)
                (<double *> cnp.PyArray_DATA(acc))[node_index(p)] += s
                acc = None
        elif p.op == OP_STORE:
            if cells[k].o == NULL:
                continue
            acc = own(cells + k, tape, k)
            if mask[p.b]:
                cells[p.b].s += (<double *> cnp.PyArray_DATA(acc))[p.i]
            (<double *> cnp.PyArray_DATA(acc))[p.i] = 0
            acc = None
            if mask[p.a]:
                move(cells, tape, k, p.a)
        elif p.op == OP_REC:
            reverse_rec(cells, tape, mask, k)
    return 0


cdef int release(Cell *cells, Tape tape, int32_t stop) except -1:
    cdef int32_t k
    for k in range(stop):
        if tape.nodes[k].flags & NODE_ARRAY:
            Py_XDECREF(cells[k].o)
    free(cells)
    return 0


cdef object take_cell(Cell *cells, Tape tape, int32_t k):
    """The finished cotangent or tangent of node k."""
    cdef Rec rec
    if not tape.nodes[k].flags & NODE_ARRAY:
        return cells[k].s
    if cells[k].o == NULL:
        return None
    g = <object> cells[k].o
    if isinstance(g, float):
        rec = tape.rec_of(k)
        return np.full(rec.shape, g, rec.dtype)
    return g


def reverse_sweep(Tape tape, list seeds, list inputs):
    """Propagate cotangents from `seeds` back to `inputs`, numerically.

    Parameters
    ----------
    tape : Tape
    seeds : list of (int, float or ndarray)
        Nodes and their cotangents, which are not written to.
    inputs : list of int
        The nodes differentiated with respect to.

    Returns
    -------
    list
        For each input a float or ndarray; None for an array input nothing depends on.
    """
    cdef int32_t stop = 0, start = tape.n, k
    cdef Cell *cells
    cdef uint8_t *mask
    tape.check_watched()
    for k, _ in seeds:
        stop = max(stop, k + 1)
    for k in inputs:
        start = min(start, k)
        stop = max(stop, k + 1)
    mask = active_mask(tape, start, stop, inputs)
    cells = <Cell *> calloc(stop, sizeof(Cell))
    if cells == NULL:
        free(mask)
        raise MemoryError("no memory for the cotangents of the trace")
    pool = pool_enter()
    try:
        for k, ct in seeds:
            if mask[k]:
                accumulate(cells + k, tape, k, ct)
        with np.errstate(all="ignore"):
            reverse_range(cells, tape, mask, start, stop)
        return [take_cell(cells, tape, k) for k in inputs]
    finally:
        pool_exit(pool)
        free(mask)
        release(cells, tape, stop)


# --------------------------------------------------------------------------------------------- tangent sweep
cdef object tangent_of(Cell *cells, Tape tape, int32_t j):
    """The tangent of node j as an object, None if it is zero."""
    if j < 0:
        return None
    if tape.nodes[j].flags & NODE_ARRAY:
        return None if cells[j].o == NULL else <object> cells[j].o
    return None if cells[j].s == 0 else cells[j].s


cdef int tangent_version(Cell *cells, Tape tape, int32_t base, int32_t k) except -1:
    """Start the tangent of a written version from the one before: in place where nothing else reads that."""
    if cells[base].o != NULL:
        if tape.is_version(base):
            cells[k].o = cells[base].o
            cells[base].o = NULL
        else:
            cells[k].o = cells[base].o
            Py_INCREF(<object> cells[k].o)
    own(cells + k, tape, k)
    return 0


cdef int tangent_rec(Cell *cells, Tape tape, int32_t k, dict cache) except -1:
    cdef Node *p = tape.nodes + k
    cdef Rec rec = <Rec> tape.recs[p.a]
    cdef Op op = rec.op
    cdef cnp.ndarray acc
    cdef list dots, partials = None
    cdef bint any_dot = False
    dots = [tangent_of(cells, tape, j) for j in rec.args]
    for d in dots:
        if d is not None:
            any_dot = True
    if not any_dot:
        return 0
    if op.kind == KIND_PUT or op.kind == KIND_PUT_INDEX:
        tangent_version(cells, tape, rec.args[0], k)
        acc = own(cells + k, tape, k)
        v = 0 if dots[1] is None else dots[1]
        if op.kind == KIND_PUT:
            w = window_view(acc, rec.params["offset"], rec.params["shape"], rec.params["strides"])
            w[...] = v
        else:
            acc[rec.vals[2]] = v
        return 0
    if op.kind == KIND_WINDOW:
        g = window_view(np.asarray(dots[0]), rec.params["offset"], rec.params["shape"], rec.params["strides"])
        if tape.is_version(rec.args[0]):
            g = g.copy()
    else:
        if cache is not None and op.kind == KIND_ELEMENTWISE and op.transposes is None:
            partials = cache.get(k)
            if partials is None:
                partials = cache[k] = [None] * len(dots)
        g = push(op, dots, rec.vals, rec.out, rec.params, rec.shape, partials)
    if g is None:
        return 0
    if p.flags & NODE_ARRAY:
        if not isinstance(g, np.ndarray):
            g = np.full(rec.shape, g, rec.dtype)
        Py_INCREF(g)
        cells[k].o = <PyObject *> g
    else:
        cells[k].s = g
    return 0


cdef int tangent_range(Cell *cells, Tape tape, int32_t start, int32_t stop, dict cache) except -1:
    cdef Node *nodes = tape.nodes
    cdef Node *p
    cdef int32_t k
    cdef double s, d
    cdef double w[4]
    cdef cnp.ndarray acc
    cdef int arity, i
    cdef int32_t j
    for k in range(start, stop):
        if not k & 0xffff:
            PyErr_CheckSignals()
        p = nodes + k
        if p.op >= OP_FIRST_SCALAR:
            if p.op == SC_select:
                cells[k].s = cells[p.b].s if nodes[p.a].v != 0 else cells[p.c].s
                continue
            if p.op == SC_multiply:
                s = 0.0
                d = cells[p.a].s
                if d != 0:
                    s = d * nodes[p.b].v
                d = cells[p.b].s
                if d != 0:
                    s += d * nodes[p.a].v
                cells[k].s = s
                continue
            scalar_operands(nodes, p, w, &arity)
            s = 0.0
            for i in range(arity):
                j = p.a if i == 0 else p.b
                d = cells[j].s
                if d != 0 and PARTIALS[p.op][i].kind != PARTIAL_NONE:
                    s += d * partial_value(&PARTIALS[p.op][i], w)
            cells[k].s = s
        elif p.op == OP_LOAD:
            if cells[p.a].o != NULL:
                acc = <cnp.ndarray> cells[p.a].o
                cells[k].s = (<double *> cnp.PyArray_DATA(acc))[node_index(p)] if is_plain_double(acc) \
                    else np.ascontiguousarray(acc).flat[node_index(p)]
        elif p.op == OP_STORE:
            if cells[p.a].o == NULL and cells[p.b].s == 0:
                continue
            tangent_version(cells, tape, p.a, k)
            acc = <cnp.ndarray> cells[k].o
            (<double *> cnp.PyArray_DATA(acc))[p.i] = cells[p.b].s
        elif p.op == OP_REC:
            tangent_rec(cells, tape, k, cache)
    return 0


def tangent_sweep(Tape tape, list seeds, list outputs, dict cache=None):
    """Propagate tangents from input nodes forward to `outputs`, numerically.

    Parameters
    ----------
    seeds : list of (int, float or ndarray)
        Input nodes and their tangents; arrays are C-contiguous and of the input's shape and dtype.
    outputs : list of int
    cache : dict, optional
        Keeps partial derivatives of array operations for further sweeps at the same point.

    Returns
    -------
    list
        For each output a float or ndarray, None for an array output whose tangent is zero.
    """
    cdef int32_t stop = 0, start = tape.n, k
    cdef Cell *cells
    tape.check_watched()
    for k in outputs:
        stop = max(stop, k + 1)
    for k, _ in seeds:
        start = min(start, k)
        stop = max(stop, k + 1)
    cells = <Cell *> calloc(stop, sizeof(Cell))
    if cells == NULL:
        raise MemoryError("no memory for the tangents of the trace")
    pool = pool_enter()
    try:
        for k, dot in seeds:
            accumulate(cells + k, tape, k, dot)
        with np.errstate(all="ignore"):
            tangent_range(cells, tape, start, stop, cache)
        return [take_cell(cells, tape, k) for k in outputs]
    finally:
        pool_exit(pool)
        release(cells, tape, stop)


def overlaps(tuple shape, tuple strides):
    """Whether an affine window may visit an element twice, other than by zero strides."""
    return overlapping(shape, strides)
