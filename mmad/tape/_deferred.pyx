"""Recording without values: the program computes what `compile` records, so most values are not needed while it records.

A large array, and a number that comes from one, is recorded with its shape and dtype alone (NODE_DEFERRED).  Its buffer
is there, untouched, so that views and their windows are found as always; `Rec.pending` holds it until it is filled.

1. An operation is deferred if it is large, or an operand is, and its declaration tells the shape of its result.
2. Where Python looks at a value (every such place leaves a guard), and where an operation does not tell, what leads
   there is computed: :func:`fill_deferred`.
3. A write makes a new version with a buffer of its own, where the array or what is written is deferred.  The first few
   writes to a storage are deferred; later ones are done at once, in place, since a loop of writes would take an array each.
"""
from cpython.exc cimport PyErr_CheckSignals

cimport numpy as cnp

import numpy as np

from mmad.kernels._arrays cimport shape_of_array
from mmad.tape._instructions cimport (KIND_ELEMENTWISE, KIND_PUT, KIND_WINDOW, NODE_ARRAY, NODE_BOOL, NODE_DEFERRED,
                                      OP_FIRST_SCALAR, OP_REC, Instructions, Node, Op, Rec, scalar_arity,
                                      scalar_eval)

cnp.import_array()

cdef object _np_float64 = np.float64
cdef object _float64 = np.dtype(np.float64)
cdef tuple _NOTHING = ((), (None,), (None, None), (None, None, None))
cdef Py_ssize_t large = 4096  # elements; fewer are computed in the time it takes to defer them
cdef dict _dtypes = {}  # (operation, kinds of operands) -> dtype of the result


def set_large(Py_ssize_t n):
    """Defer operations on arrays of n elements or more; return the number before."""
    global large
    before, large = large, n
    return before


cdef tuple result_of(Op op, tuple vals, dict params):
    """Return shape and dtype of an operation's result, without evaluating it; None if they are not known before."""
    cdef list shapes = []
    cdef object dtype = None
    if op.kind != KIND_ELEMENTWISE and op.result is None or op.kind == KIND_ELEMENTWISE and params is not None:
        return None
    for v in vals:
        if isinstance(v, cnp.ndarray):
            if cnp.PyArray_TYPE(<cnp.ndarray> v) == cnp.NPY_OBJECT:
                return None
            shapes.append(shape_of_array(<cnp.ndarray> v))
        elif isinstance(v, (float, int, np.bool_)):
            shapes.append(())
        elif op.raw:
            shapes.append(None)  # an index
        else:
            return None
    if op.kind != KIND_ELEMENTWISE:
        for v in vals[:1] if op.raw else vals:  # of one floating dtype, the result's too
            found = v.dtype if isinstance(v, cnp.ndarray) else _float64
            if found.kind not in "fc" or dtype is not None and dtype != found:
                return None
            dtype = found
        shape = op.result(shapes, vals, **({} if params is None else params))
        return None if shape is None else (shape, dtype)
    try:
        shape = np.broadcast_shapes(*shapes)
    except ValueError:
        return None  # NumPy raises its own error when it is evaluated
    if not shape:
        return None  # whether NumPy gives a number or an array of no dimensions depends on the operation
    key = (op.name, *[v.dtype if isinstance(v, cnp.ndarray) else type(v) for v in vals])
    dtype = _dtypes.get(key)
    if dtype is None:
        with np.errstate(all="ignore"):
            try:
                ones = [np.ones(1, v.dtype) if isinstance(v, cnp.ndarray) else type(v)(1) for v in vals]
                dtype = _dtypes[key] = np.asarray(op.impl(*ones)).dtype
            except TypeError:
                return None
    return None if dtype.kind in "iu" else (shape, dtype)  # whether integers are an error depends on their values


cdef object operand_value(Instructions tape, int32_t j, object v):
    """Return the value of an operand that is a number, as it was handed over when it was recorded."""
    cdef double x = tape.nodes[j].v
    return x != 0 if tape.nodes[j].flags & NODE_BOOL else _np_float64(x) if type(v) is _np_float64 else x


cdef tuple filled_operands(Instructions tape, Rec rec):
    """Return the operands' values, once they are known."""
    cdef int i
    cdef list vals
    for i in range(rec.n):
        if rec.at[i] >= 0 and not tape.nodes[rec.at[i]].flags & NODE_ARRAY:
            break
    else:
        return rec.vals
    vals = list(rec.vals)
    for i in range(rec.n):
        if rec.at[i] >= 0 and not tape.nodes[rec.at[i]].flags & NODE_ARRAY:
            vals[i] = operand_value(tape, rec.at[i], vals[i])
    return tuple(vals)


cdef int compute(Instructions tape, int32_t k) except -1:
    """Compute the value of an instruction whose operands have theirs."""
    cdef Node *p = tape.nodes + k
    cdef Rec rec
    cdef int arity
    if p.op >= OP_FIRST_SCALAR:
        arity = scalar_arity(p.op)
        p.flags &= ~NODE_DEFERRED
        p.v = scalar_eval(p.op, tape.nodes[p.a].v, tape.nodes[p.b].v if arity > 1 else 0.0,
                          tape.nodes[p.c].v if arity > 2 else 0.0)
        return 0
    rec = <Rec> tape.recs[p.a]
    if rec.op.kind == KIND_WINDOW and rec.pending is None:  # of a buffer that is filled now
        p.flags &= ~NODE_DEFERRED
        return 0
    rec.vals = filled_operands(tape, rec)
    params = {} if rec.params is None else rec.params
    if rec.pending is None:
        rec.out = rec.op.impl(*rec.vals, **params)
        p.v = rec.out
    elif rec.op.ufunc is not None:
        rec.op.ufunc(*rec.vals, out=rec.pending)
    else:
        (<object> rec.pending)[...] = rec.op.impl(*rec.vals, **params)
    rec.pending = None
    p.flags &= ~NODE_DEFERRED  # not before: where an operation is interrupted there is no value
    if rec.op.kind >= KIND_PUT:
        rec.vals = (None, *rec.vals[1:])
    if rec.forgets:
        rec.vals = constants_only(rec)
    return 0


cdef int fill_deferred(Instructions tape, int32_t node) except -1:
    """Compute the value of an instruction that was recorded without it, and of those that lead there."""
    tape.check_watched()  # captured arrays are not copied: they have to be what they were
    with np.errstate(all="ignore"):  # a program raises no warnings
        fill_waiting(tape, [node])
    return 0


cdef int fill_waiting(Instructions tape, list waiting) except -1:
    """Compute the values that wait, operands first, without recursion."""
    cdef int32_t k, j
    cdef Node *p
    cdef Rec rec
    cdef int i, steps = 0
    cdef bint ready
    while waiting:
        steps += 1
        if not steps & 0xff:
            PyErr_CheckSignals()
        k = waiting[len(waiting) - 1]
        p = tape.nodes + k
        ready = True
        if p.flags & NODE_DEFERRED:
            if p.op >= OP_FIRST_SCALAR:
                for i in range(scalar_arity(p.op)):
                    j = p.a if i == 0 else p.b if i == 1 else p.c
                    if tape.nodes[j].flags & NODE_DEFERRED:
                        waiting.append(j)
                        ready = False
            elif p.op == OP_REC:
                rec = <Rec> tape.recs[p.a]
                for i in range(rec.n):
                    j = rec.at[i]
                    if j >= 0 and tape.nodes[j].flags & NODE_DEFERRED:
                        waiting.append(j)
                        ready = False
        if ready:
            waiting.pop()
            if tape.nodes[k].flags & NODE_DEFERRED:
                compute(tape, k)
    return 0


cdef tuple constants_only(Rec rec):
    """Return the operands' values, without those that are instructions."""
    cdef int32_t k
    for k in range(rec.n):
        if rec.at[k] < 0:
            return tuple([rec.vals[k] if rec.at[k] < 0 else None for k in range(rec.n)])
    return _NOTHING[rec.n] if rec.n < 4 else (None,) * rec.n
