"""The reverse driver: one walk back over a tape, whatever its cotangents are.

1. Scalar instructions go to the store of the cotangents, a run of them at a time.
2. An element that was read adds to its array; one that was written takes from it, and leaves zero.
3. Windows and fancy indices that were written do the same with a part of the array.
4. The cotangent of a view goes into its base.
5. Every other operation goes through its rules (:func:`mmad.ops._rules.pull`), or the store's own way for common ones.

The stores are `mmad.sweeps._reverse_numeric`, numbers and arrays with one or many lanes, and
`mmad.sweeps._reverse_recorded`, values that are traced themselves, so that the derivative can be differentiated again.
"""
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free

from mmad.ops._rules cimport fit
from mmad.tape._activity cimport active_mask
from mmad.tape._instructions cimport (KIND_PUT, KIND_PUT_INDEX, KIND_WINDOW, OP_FIRST_SCALAR, OP_LOAD, OP_REC,
                                      OP_STORE, Node, Rec, node_index)
from mmad.tape._tape cimport Tape


cdef class Cotangents:
    """The cotangents of one reverse sweep, by node; the methods without a body are the stores' own."""

    cdef int begin(self, Tape tape, int32_t start, int32_t stop, list inputs) except -1:
        """Find which instructions of a range depend on the inputs, where the sweep ends."""
        cdef int32_t k
        self.tape, self.start, self.stop = tape, start, stop
        self.mask = active_mask(tape, start, stop, inputs)
        for k in inputs:
            if k < stop:
                self.mask[k] = WANTED
        return 0

    def __dealloc__(self):
        free(self.mask)

    cdef int seed(self, list seeds) except -1:
        """Add the cotangents that the sweep begins with."""
        cdef int32_t k
        for k, g in seeds:
            if k < self.stop and self.mask[k]:
                self.add(k, g)
        return 0

    cdef int32_t pull_scalars(self, int32_t k) except -2:
        """Sweep scalar instruction k and those right before it; return the number of the last one swept."""
        raise NotImplementedError

    cdef bint is_zero(self, int32_t k) noexcept:
        """Return whether nothing has been added to the cotangent of node k."""
        return True

    cdef object pop(self, int32_t k):
        """Return the cotangent of node k, which is not needed further."""
        raise NotImplementedError

    cdef int add(self, int32_t k, object g) except -1:
        """Add to the cotangent of node k."""
        raise NotImplementedError

    cdef int move(self, int32_t k, int32_t base) except -1:
        """Hand the cotangent of version k of an array to the version before it."""
        raise NotImplementedError

    cdef int add_element(self, int32_t k, int32_t base, int64_t flat) except -1:
        """Add the cotangent of number k to an element of its array."""
        raise NotImplementedError

    cdef int take_element(self, int32_t k, int32_t source, int64_t flat) except -1:
        """Move the cotangent of an element of version k to the number that was written there."""
        raise NotImplementedError

    cdef int add_view(self, int32_t base, Rec rec, object ct) except -1:
        """Add the cotangent of a view to that of its base, an array."""
        raise NotImplementedError

    cdef object take_window(self, int32_t k, Rec rec, bint wanted):
        """Return the cotangent of a window of version k, if wanted, and make it zero."""
        raise NotImplementedError

    cdef object take_index(self, int32_t k, Rec rec, bint wanted):
        """Do the same for a fancy index; where it names an element twice, the last one written has it."""
        raise NotImplementedError

    cdef object pull_direct(self, int32_t k, Rec rec, object ct):
        """Add the cotangents of an operation's operands without its rules; else return the cotangent to give to them."""
        return ct

    cdef list pull_rule(self, int32_t k, Rec rec, object ct, list active):
        """Return the cotangents of an operation's operands by its rules."""
        raise NotImplementedError

    cdef object result(self, int32_t k):
        """Return the finished cotangent of node k."""
        raise NotImplementedError


cdef int pull_put(Cotangents c, int32_t k, Rec rec) except -1:
    """Pull the cotangent of a written window or fancy index: to what was written, zero to what was there."""
    cdef int32_t value = rec.at[1], base = rec.at[0]
    cdef bint wanted = value >= 0 and c.mask[value]
    if rec.op.kind == KIND_PUT:
        g, shape = c.take_window(k, rec, wanted), rec.params["shape"]
    else:
        g = c.take_index(k, rec, wanted)
        shape = None if g is None else g.shape
    if g is not None:
        c.add(value, fit(g, rec.vals[1], shape))
    return hand_on(c, k, base)


cdef inline int hand_on(Cotangents c, int32_t k, int32_t base) except -1:
    """Hand what is left of the cotangent of version k to the one before; to nothing if a constant (-1) was written over."""
    if base >= 0 and c.mask[base]:
        c.move(k, base)
    else:
        c.pop(k)
    return 0


cdef int pull_array(Cotangents c, int32_t k) except -1:
    """Pull cotangents through one instruction on arrays."""
    cdef Rec rec = <Rec> c.tape.recs[c.tape.nodes[k].a]
    cdef list active, gs
    cdef int i
    if c.is_zero(k):
        return 0
    if rec.op.kind == KIND_PUT or rec.op.kind == KIND_PUT_INDEX:
        return pull_put(c, k, rec)
    ct = c.pop(k)
    if rec.op.kind == KIND_WINDOW:
        if not c.is_array(rec.at[0]):
            return c.add(rec.at[0], fit(ct, 0.0, rec.shape))
        return c.add_view(rec.at[0], rec, ct)
    ct = c.pull_direct(k, rec, ct)
    if ct is None:
        return 0
    active = c.active(rec)
    gs = c.pull_rule(k, rec, ct, active)
    ct = None
    for i in range(len(gs)):
        g = gs[i]
        if g is not None:
            gs[i] = None
            c.add(rec.at[i], g)
    return 0


cdef int walk_back(Cotangents cotangents) except -1:
    """Propagate the cotangents that a store has been given back to the inputs."""
    cdef Cotangents c = cotangents
    cdef const Node *p
    cdef int32_t k = c.stop
    cdef object observer = c.tape.observer
    if observer is not None:
        observer("reverse", -1)
    while k > c.start:
        k -= 1
        if not k & 0xfff:
            PyErr_CheckSignals()
        if not c.mask[k] or c.mask[k] == WANTED:
            continue
        if observer is not None:
            observer("reverse", k)
        p = c.tape.nodes + k  # a sweep may append instructions to its tape, and move them all
        if p.op >= OP_FIRST_SCALAR:
            k = c.pull_scalars(k)
        elif p.op == OP_LOAD:
            c.add_element(k, p.a, node_index(p))
        elif p.op == OP_STORE:
            if not c.is_zero(k):
                c.take_element(k, p.b, p.i)
                hand_on(c, k, c.tape.nodes[k].a)
        elif p.op == OP_REC:
            pull_array(c, k)
    if observer is not None:
        observer("end", -1)
    return 0
