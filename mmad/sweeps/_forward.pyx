"""The forward driver: one walk along a tape, whatever its tangents are.

1. Scalar instructions go to the store of the tangents, a run of them at a time.
2. An element that is read has the tangent of its place; one that is written puts its tangent there.
3. Windows and fancy indices that are written do the same with a part of the array.
4. The tangent of a view is a view of its base's.
5. Every other operation goes through its rules (:func:`mmad.ops._rules.push`).

The stores are `mmad.sweeps._forward_numeric`, numbers and arrays with one or many lanes, and
`mmad.sweeps._forward_recorded`, values that are traced themselves.  The tangent of a version of an array is written to in
place where nothing else reads it.
"""
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport calloc, free

from mmad.tape._instructions cimport (KIND_PUT, KIND_PUT_INDEX, KIND_WINDOW, NODE_BOOL, OP_FIRST_SCALAR, OP_LOAD,
                                      OP_REC, OP_STORE, Node, Rec, node_index)
from mmad.tape._tape cimport Tape


cdef class Tangents:
    """The tangents of one forward sweep, by node; the methods without a body are the stores' own."""

    cdef int begin(self, Tape tape, int32_t start, int32_t stop) except -1:
        """Take the range of instructions to sweep."""
        self.tape, self.start, self.stop = tape, start, stop
        self.skip = <uint8_t *> calloc(stop + 1, 1)
        if self.skip == NULL:
            raise MemoryError("no memory for the derivatives along the trace")
        return 0

    def __dealloc__(self):
        free(self.skip)
        free(self.last)

    cdef int32_t push_scalars(self, int32_t k) except -2:
        """Sweep scalar instruction k and those right after it; return the number of the last one swept."""
        raise NotImplementedError

    cdef object get(self, int32_t k):
        """Return the tangent of node k; None if it is zero, or k no node."""
        raise NotImplementedError

    cdef int read_element(self, int32_t k, int32_t base, int64_t flat) except -1:
        """Set the tangent of number k to that of an element of an array."""
        raise NotImplementedError

    cdef int write_element(self, int32_t k, int32_t base, int32_t source, int64_t flat) except -1:
        """Set the tangent of version k of an array: its base's, with that of a number at one place."""
        raise NotImplementedError

    cdef int write_part(self, int32_t k, Rec rec, object value) except -1:
        """Set it likewise with a window, or what a fancy index names, and the tangent of an array, None for zero."""
        raise NotImplementedError

    cdef int push_window(self, int32_t k, Rec rec, object dot) except -1:
        """Set the tangent of view k from that of its base."""
        raise NotImplementedError

    cdef int push_zero(self, int32_t k, Rec rec) except -1:
        """Set the tangent of an operation none of whose operands has one."""
        return 0

    cdef int push_rule(self, int32_t k, Rec rec, list dots) except -1:
        """Set the tangent of an operation by its rules."""
        raise NotImplementedError

    cdef int release(self, int32_t j) except -1:
        """Forget the tangent of array j, which nothing reads further."""
        return 0


cdef int push_array(Tangents t, int32_t k, Rec rec) except -1:
    """Push tangents through one instruction on arrays."""
    cdef list dots
    cdef int i
    if rec.op.kind == KIND_PUT or rec.op.kind == KIND_PUT_INDEX:
        return t.write_part(k, rec, t.get(rec.at[1]))  # nothing may hold the base's tangent, which is handed on
    dots = [t.get(rec.at[i]) for i in range(rec.n)]
    for d in dots:
        if d is not None:
            break
    else:
        return t.push_zero(k, rec)
    if rec.op.kind == KIND_WINDOW:
        return t.push_window(k, rec, dots[0])
    return t.push_rule(k, rec, dots)


cdef int walk_forward(Tangents tangents) except -1:
    """Propagate the tangents that a store has been given to the end of its range."""
    cdef Tangents t = tangents
    cdef const Node *p
    cdef Rec rec
    cdef int32_t k = t.start - 1, base
    cdef int i
    cdef object observer = t.tape.observer
    if observer is not None:
        observer("forward", -1)
    while k + 1 < t.stop:
        k += 1
        if not k & 0xfff:
            PyErr_CheckSignals()
        p = t.tape.nodes + k  # a sweep may append instructions to its tape, and move them all
        if t.skip[k] or p.flags & NODE_BOOL:
            continue
        base = p.a
        if observer is not None:
            observer("forward", k)
        if p.op >= OP_FIRST_SCALAR:
            k = t.push_scalars(k)
        elif p.op == OP_LOAD:
            t.read_element(k, base, node_index(p))
            if t.last != NULL and t.last[base] == k:
                t.release(base)
        elif p.op == OP_STORE:
            t.write_element(k, base, p.b, p.i)
            if t.last != NULL and t.last[base] == k:
                t.release(base)
        elif p.op == OP_REC:
            rec = <Rec> t.tape.recs[base]
            push_array(t, k, rec)
            if t.last != NULL:
                for i in range(rec.n):
                    if rec.at[i] >= 0 and t.last[rec.at[i]] == k and t.is_array(rec.at[i]):
                        t.release(rec.at[i])
    if observer is not None:
        observer("end", -1)
    return 0
