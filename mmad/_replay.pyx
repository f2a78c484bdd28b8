"""Replay of a recorded tape: the interpreter without the interpreter.

A :class:`Program` is the live part of a tape, compacted.  Scalar instructions run in one C loop; element reads and writes
stay in C; array instructions call their NumPy implementation, and arrays are released after their last use.  Every run
has a workspace of its own, so threads may run one Program at a time each.
"""
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF, Py_XDECREF
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport calloc, free, malloc

cimport numpy as cnp

import numpy as np

from mmad._arrays cimport window_view
from mmad._instructions cimport (KIND_PUT, KIND_PUT_INDEX, KIND_WINDOW, NODE_ARRAY, NODE_BOOL, NODE_STRONG, OP_CONST,
                                 OP_FIRST_SCALAR, OP_GUARD, OP_INPUT, OP_LOAD, OP_REC, OP_STORE, Node, Op, Rec,
                                 node_index, scalar_eval)
from mmad._pool cimport pool_enter, pool_exit
from mmad._tape cimport Tape

cnp.import_array()

cdef enum:
    LONG = 4096        # scalar runs from here on release the GIL
    CHUNK = 4194304    # and look for Ctrl-C this often


cdef union Slot:
    double s
    PyObject *o


cdef class Call:
    """An array instruction: what to call, on what, and what to release afterwards."""

    cdef Op op
    cdef tuple args, vals, kinds, release
    cdef dict params
    cdef bint in_place, scalar


cdef class Program:
    """The live instructions of a tape, ready to run.

    Parameters
    ----------
    tape : mmad.Tape
        Recorded with guards; it is not kept.
    """

    cdef Node *nodes
    cdef readonly int32_t size
    cdef readonly int32_t recorded
    cdef list calls, inputs, outputs
    cdef bint arrays

    def __cinit__(self, Tape tape):
        cdef int32_t k
        cdef int32_t n = tape.n
        cdef uint8_t *live = <uint8_t *> calloc(n + 1, 1)
        cdef int32_t *where = <int32_t *> malloc((n + 1) * sizeof(int32_t))
        if live == NULL or where == NULL:
            free(live)
            free(where)
            raise MemoryError("no memory to compile the trace")
        try:
            self.mark(tape, live)
            self.recorded, self.size = n, 0
            for k in range(n):
                where[k] = self.size
                self.size += live[k]
            self.nodes = <Node *> malloc((self.size + 1) * sizeof(Node))
            if self.nodes == NULL:
                raise MemoryError("no memory to compile the trace")
            self.calls = []
            for k in range(n):
                if live[k]:
                    self.compact(tape, k, where)
            self.inputs = [where[k] if k >= 0 and live[k] else -1 for k in tape.inputs]
            self.outputs = [-1 if k < 0 else where[k] for k in tape.outputs]
            self.plan_release()
        finally:
            free(live)
            free(where)

    def __dealloc__(self):
        free(self.nodes)

    cdef int mark(self, Tape tape, uint8_t *live) except -1:
        """What the results and the guards need."""
        cdef int32_t k, j
        cdef Node *p
        for k in tape.outputs:
            if k >= 0:
                live[k] = 1
        for k in range(tape.n - 1, -1, -1):
            p = tape.nodes + k
            if p.op == OP_GUARD:
                live[k] = 1
            if not live[k]:
                continue
            if p.op >= OP_FIRST_SCALAR:
                for j in (p.a, p.b, p.c):
                    if j >= 0:
                        live[j] = 1
            elif p.op == OP_REC:
                for j in (<Rec> tape.recs[p.a]).args:
                    if j >= 0:
                        live[j] = 1
            elif p.op == OP_LOAD or p.op == OP_GUARD:
                live[p.a] = 1
            elif p.op == OP_STORE:
                live[p.a] = live[p.b] = 1
        return 0

    cdef int compact(self, Tape tape, int32_t k, const int32_t *where) except -1:
        """Append instruction k, renumbered."""
        cdef Node *p = tape.nodes + k
        cdef Node *q = self.nodes + where[k]
        cdef Rec rec
        cdef Call call
        q[0] = p[0]
        if p.flags & NODE_ARRAY:
            self.arrays = True
        if p.op >= OP_FIRST_SCALAR:
            q.a = where[p.a]
            q.b = where[p.b] if p.b >= 0 else 0
            q.c = where[p.c] if p.c >= 0 else 0
        elif p.op == OP_LOAD:
            q.a = where[p.a]
        elif p.op == OP_STORE:
            q.a, q.b, q.c = where[p.a], where[p.b], tape.is_version(p.a)
        elif p.op == OP_GUARD:
            q.a = where[p.a]
            q.b = -1
            if p.c >= 0:  # a whole array was looked at
                q.b = len(self.calls)
                self.calls.append((<Rec> tape.recs[p.c]).out)
        elif p.op == OP_INPUT or p.op == OP_CONST:
            if p.flags & NODE_ARRAY:
                q.a = len(self.calls)
                self.calls.append((<Rec> tape.recs[p.a]).out)
        else:
            rec = <Rec> tape.recs[p.a]
            call = Call.__new__(Call)
            call.op, call.vals, call.params = rec.op, rec.vals, rec.params if rec.params is not None else {}
            call.args = tuple([where[j] if j >= 0 else -1 for j in rec.args])
            call.kinds = kinds(tape, rec)
            call.scalar = not p.flags & NODE_ARRAY
            call.in_place = False
            if rec.op.kind >= KIND_WINDOW and rec.args[0] >= 0:
                call.in_place = tape.is_version(rec.args[0])  # for a window: its base is written to later
            q.a = len(self.calls)
            self.calls.append(call)
        return 0

    cdef int plan_release(self) except -1:
        """Which arrays each array instruction uses last."""
        cdef int32_t k, j
        cdef Node *p
        cdef dict last = {}
        for k in range(self.size):
            p = self.nodes + k
            if p.op == OP_REC:
                for j in (<Call> self.calls[p.a]).args:
                    last[j] = k
            elif p.op == OP_LOAD or p.op == OP_STORE or p.op == OP_GUARD:
                last[p.a] = k
        ends = {}
        for j, k in last.items():
            if j >= 0 and self.nodes[j].flags & NODE_ARRAY and j not in self.outputs:
                ends.setdefault(k, []).append(j)
        for k in range(self.size):
            if self.nodes[k].op == OP_REC:
                (<Call> self.calls[self.nodes[k].a]).release = tuple(ends.get(k, ()))
        return 0

    def __len__(self):
        return self.size

    def run(self, list values):
        """Run at inputs of the recorded shapes and dtypes.

        Parameters
        ----------
        values : list
            float or C-contiguous ndarray for each input; arrays are read, never written to.

        Returns
        -------
        list or None
            A float or ndarray for each traced result (None where a result is constant); None if a guard fails.
        """
        cdef Slot *slots = <Slot *> calloc(self.size + 1, sizeof(Slot))
        cdef int32_t k, i
        cdef bint held
        if slots == NULL:
            raise MemoryError("no memory to run the program")
        pool = pool_enter() if self.arrays else None
        try:
            for i in range(len(values)):
                k = self.inputs[i]
                if k >= 0:
                    if self.nodes[k].flags & NODE_ARRAY:
                        put(slots + k, values[i])
                    else:
                        slots[k].s = values[i]
            if self.arrays:
                with np.errstate(all="ignore"):
                    held = self.loop(slots)
            else:
                held = self.loop(slots)
            return [self.result(slots, k) for k in self.outputs] if held else None
        finally:
            pool_exit(pool)
            if self.arrays:
                for k in range(self.size):
                    if self.nodes[k].flags & NODE_ARRAY:
                        Py_XDECREF(slots[k].o)
            free(slots)

    cdef object result(self, Slot *slots, int32_t k):
        """A result of its own."""
        cdef cnp.ndarray arr
        if k < 0:
            return None
        if not self.nodes[k].flags & NODE_ARRAY:
            return slots[k].s
        arr = array_at(slots, k)
        if cnp.PyArray_BASE(arr) != NULL or self.nodes[k].op == OP_INPUT or self.nodes[k].op == OP_CONST \
                or self.outputs.count(k) > 1:
            return np.array(arr)
        return arr

    cdef bint loop(self, Slot *slots) except -1:
        """Every instruction; whether all guards held."""
        cdef int32_t k = 0
        cdef int32_t stop
        cdef Node *p
        cdef cnp.ndarray arr
        while k < self.size:
            p = self.nodes + k
            if p.op >= OP_FIRST_SCALAR:
                stop = k
                while stop < self.size and self.nodes[stop].op >= OP_FIRST_SCALAR and stop - k < CHUNK:
                    stop += 1
                if stop - k < LONG:
                    scalar_run(self.nodes, slots, k, stop)
                else:
                    with nogil:
                        scalar_run(self.nodes, slots, k, stop)
                    PyErr_CheckSignals()
                k = stop
                continue
            if p.op == OP_CONST:
                if p.flags & NODE_ARRAY:
                    put(slots + k, self.calls[p.a])
                else:
                    slots[k].s = p.v
            elif p.op == OP_INPUT:
                if p.flags & NODE_ARRAY and slots[k].o == NULL:
                    put(slots + k, self.calls[p.a])  # an input of a transpose recorded inside: a constant
            elif p.op == OP_LOAD:
                arr = array_at(slots, p.a)
                if not cnp.PyArray_IS_C_CONTIGUOUS(arr):
                    arr = np.ascontiguousarray(arr)
                    put(slots + p.a, arr)
                slots[k].s = (<double *> cnp.PyArray_DATA(arr))[node_index(p)]
                arr = None
            elif p.op == OP_STORE:
                arr = own(slots, p.a, k, p.c)
                (<double *> cnp.PyArray_DATA(arr))[p.i] = slots[p.b].s
                arr = None
            elif p.op == OP_GUARD:
                if not self.holds(slots, p):
                    return False
            else:
                self.call(slots, k, <Call> self.calls[p.a])
            k += 1
        return True

    cdef bint holds(self, Slot *slots, const Node *p) except -1:
        cdef double v
        if p.b >= 0:
            seen = self.calls[p.b]
            return np.array_equal(array_at(slots, p.a), seen, equal_nan=seen.dtype.kind in "fc")
        if self.nodes[p.a].flags & NODE_ARRAY:
            now = array_at(slots, p.a)
            return bool(now) == (p.v != 0) if p.flags & NODE_BOOL else now == p.v
        v = slots[p.a].s
        if p.flags & NODE_BOOL:
            return (v != 0) == (p.v != 0)
        return v == p.v or (v != v and p.v != p.v)

    cdef int call(self, Slot *slots, int32_t k, Call call) except -1:
        """One array instruction."""
        cdef int32_t j
        cdef int i
        cdef cnp.ndarray arr
        cdef list vals
        cdef dict w = call.params
        if call.op.kind == KIND_WINDOW and self.nodes[call.args[0]].flags & NODE_ARRAY:
            r = window_view(array_at(slots, call.args[0]), w["offset"], w["shape"], w["strides"])
            put(slots + k, r.copy() if call.in_place else r)
        elif call.op.kind == KIND_PUT or call.op.kind == KIND_PUT_INDEX:
            if call.args[0] < 0:  # a constant is written over
                put(slots + k, np.array(call.vals[0], order="C"))
                arr = <cnp.ndarray> slots[k].o
            else:
                arr = own(slots, call.args[0], k, call.in_place)
            v = self.operand(slots, call, 1)
            if call.op.kind == KIND_PUT:
                window_view(arr, w["offset"], w["shape"], w["strides"])[...] = v
            else:
                arr[call.vals[2]] = v
            arr = None
        else:
            vals = [self.operand(slots, call, i) for i in range(len(call.args))]
            r = call.op.impl(*vals, **w) if w else call.op.impl(*vals)
            if call.scalar:
                slots[k].s = r
            else:
                put(slots + k, r if isinstance(r, np.ndarray) else np.asarray(r))
        for j in call.release:
            Py_XDECREF(slots[j].o)
            slots[j].o = NULL
        return 0

    cdef object operand(self, Slot *slots, Call call, int i):
        cdef int32_t j = call.args[i]
        cdef int kind
        if j < 0:
            return call.vals[i]
        kind = call.kinds[i]
        if kind == 0:
            return array_at(slots, j)
        if kind == 1:
            return slots[j].s
        return np.float64(slots[j].s) if kind == 2 else slots[j].s != 0


cdef tuple kinds(Tape tape, Rec rec):
    """How operands are handed over: 0 array, 1 float, 2 NumPy float64 (where it promotes, NEP 50), 3 truth value."""
    cdef int32_t j
    cdef list out = []
    foreign = any([isinstance(v, np.ndarray) and v.dtype != np.float64 for v in rec.vals])
    for j in rec.args:
        if j < 0 or tape.nodes[j].flags & NODE_ARRAY:
            out.append(0)
        elif tape.nodes[j].flags & NODE_BOOL:
            out.append(3)
        else:
            out.append(2 if foreign and tape.nodes[j].flags & NODE_STRONG else 1)
    return tuple(out)


cdef inline cnp.ndarray array_at(Slot *slots, int32_t j):
    """The array of slot j; an error, never a crash, if it has been handed on already."""
    if slots[j].o == NULL:
        raise SystemError(f"value {j} of a compiled tape is read after another instruction took its buffer over")
    return <cnp.ndarray> slots[j].o


cdef inline int put(Slot *slot, object a) except -1:
    Py_INCREF(a)
    Py_XDECREF(slot.o)
    slot.o = <PyObject *> a
    return 0


cdef cnp.ndarray own(Slot *slots, int32_t base, int32_t k, bint in_place):
    """The storage of version k, from the version before: the same buffer where nothing else reads that."""
    cdef cnp.ndarray arr = array_at(slots, base)
    if in_place and cnp.PyArray_IS_C_CONTIGUOUS(arr):
        slots[k].o = slots[base].o
        slots[base].o = NULL
    else:
        put(slots + k, np.array(arr, order="C"))
    return <cnp.ndarray> slots[k].o


cdef void scalar_run(const Node *nodes, Slot *slots, int32_t start, int32_t stop) noexcept nogil:
    """Scalar instructions start..stop."""
    cdef int32_t k
    cdef const Node *p
    for k in range(start, stop):
        p = nodes + k
        slots[k].s = scalar_eval(p.op, slots[p.a].s, slots[p.b].s, slots[p.c].s)
