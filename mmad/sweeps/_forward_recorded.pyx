"""The forward sweep on traced values: tangents inside another derivative, or many tangents of any kind.

What the sweep does is recorded as ordinary instructions, so that it can be differentiated again.  Tangents of numbers are
emitted in C from the compiled partials; array instructions go through :func:`mmad.ops._rules.push` on traced values.
"""
cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free

cimport numpy as cnp

import numpy as np

from mmad._core cimport Traced, apply1, apply2, apply_op
from mmad.ops import OPERATIONS
from mmad.ops._partials cimport set_cuts
from mmad.ops._rules cimport push
from mmad.ops._singularities cimport Singularity, kinked, meets_infinity, singularities
from mmad.ops.movement import windowed
from mmad.sweeps._emit cimport element_index, operand, push_number, recorded_numbers, scalar_operands
from mmad.sweeps._forward cimport Tangents, walk_forward
from mmad.sweeps._suspects cimport nan_seed
from mmad.tape._activity cimport active_mask
from mmad.tape._instructions cimport KIND_PUT, NODE_BOOL, OP_FIRST_SCALAR, Op, Rec, scalar_op
from mmad.tape._tape cimport Tape
from mmad.tape.constants import adopt, takes, traced_parts, zeros

cnp.import_array()

cdef Op o_add, o_and, o_astype, o_chain, o_equal, o_isfinite, o_isinf, o_isnan, o_multiply, o_not, o_or, o_positive, o_select
cdef const Singularity *POINTS = singularities()
cdef object FLOAT64 = np.dtype(np.float64)


o_add, o_and, o_astype, o_chain, o_equal, o_isfinite, o_isinf, o_isnan, o_multiply, o_not, o_or, o_positive, o_select = [
    OPERATIONS[k] for k in ("add", "logical_and", "astype", "chain", "equal", "isfinite", "isinf", "isnan", "multiply",
                            "logical_not", "logical_or", "positive", "select")]


cdef enum:
    FIND = 1
    MARK = 2
    POISON = 3
    POLES = 4


cdef class Doubtful:
    """Instructions with an infinite derivative, in the sweeps of one set of tangents.

    1. FIND: the first sweep only looks whether there are any (`found`).
    2. MARK: one from NaN keeps the tangents that their operands have there (`marks`).
    3. POISON: one more from the seeds takes a zero that NaN has reached for one that arithmetic made: its product is NaN.
    4. POLES: what leaves a pole is infinite.  One that starts with NaN at the poles (`poles`) finds the results it reaches.
    """

    cdef bint found
    cdef dict marks, poles
    cdef int stage

    def __init__(self):
        self.found, self.marks, self.poles, self.stage = False, {}, {}, FIND


@cython.final
cdef class RecordedTangents(Tangents):
    """Tangents as traced values: instructions of the tape itself, values of other tapes, batches, dual numbers."""

    cdef dict dots      # node -> tangent
    cdef set kept       # nodes whose tangents are not written to
    cdef bint plain     # operands are the values that were recorded; else they are traced values of the tape
    cdef bint linear    # what is recorded has to be linear in the tangents: where a zero comes from is not looked at
    cdef Doubtful doubts

    def __init__(self, Tape tape, int32_t start, int32_t stop, list seeds, list outputs, bint plain, bint linear,
                 Doubtful doubts):
        cdef int32_t k
        cdef uint8_t *active
        self.begin(tape, start, stop)
        self.plain, self.linear, self.doubts = plain, linear, doubts
        self.dots = {k: g for k, g in seeds if g is not None}
        self.kept = {k for k, _ in seeds}.union(outputs)
        active = active_mask(tape, start, stop, list(self.dots))
        for k in range(start, stop):
            self.skip[k] = not active[k]
        free(active)
        for k, _ in seeds:
            if k < stop:
                self.skip[k] = 1
        if doubts.stage == POLES:
            self.dots = {}

    cdef int set(self, int32_t k, object g) except -1:
        """Keep the tangent of node k, but not a constant that is zero in the part that was used."""
        if g is not None and (type(g) is not cnp.ndarray or g.any()):
            self.dots[k] = g
        return 0

    cdef object get(self, int32_t k):
        return self.dots.get(k)

    # ------------------------------------------------------------------------------------ operations
    cdef int32_t push_scalars(self, int32_t k) except -2:
        k -= 1
        while k + 1 < self.stop and self.tape.nodes[k + 1].op >= OP_FIRST_SCALAR:
            k += 1
            if not k & 0xfff:
                PyErr_CheckSignals()
            if self.skip[k] or self.tape.nodes[k].flags & NODE_BOOL:
                continue
            if self.tape.observer is not None:
                self.tape.observer("forward", k)
            g = NotImplemented if self.plain else push_number(self.tape, k, self.dots)
            self.set(k, self.push_scalar(k) if g is NotImplemented else g)
        return k

    cdef object push_scalar(self, int32_t k):
        """Return the tangent of a scalar instruction by its rules."""
        cdef Op op = scalar_op(self.tape.nodes[k].op)
        cdef list at = scalar_operands(self.tape, k)
        cdef list dots = [self.dots.get(j) for j in at]
        cdef tuple known = recorded_numbers(self.tape, at, True)
        for d in dots:
            if d is not None:
                break
        else:
            return self.at_pole(k, op, None, FLOAT64)
        out = recorded_numbers(self.tape, [k], True)[0]
        if self.asks(op):
            self.doubts.found = meets_infinity(op, known, out)
        if not self.plain:
            known, out = recorded_numbers(self.tape, at, False), recorded_numbers(self.tape, [k], False)[0]
        return self.pushed(op, k, dots, known, out, None, (), FLOAT64)

    cdef int push_rule(self, int32_t k, Rec rec, list dots) except -1:
        cdef Tape tape = self.tape
        cdef int i
        if self.asks(rec.op):
            self.doubts.found = meets_infinity(rec.op, rec.vals, rec.out)
        if self.plain:
            vals, out = rec.vals, rec.out
        else:
            vals, out = tuple([operand(tape, rec, i, k) for i in range(rec.n)]), operand(tape, rec, rec.n, k)
        vals = tape.for_rules(rec.op, rec.args, vals, not any([traced_parts(d) for d in dots]))
        return self.set(k, self.pushed(rec.op, k, dots, vals, out, rec.params, rec.shape, rec.dtype))

    cdef int push_zero(self, int32_t k, Rec rec) except -1:
        return self.set(k, self.at_pole(k, rec.op, None, rec.dtype))

    cdef object pushed(self, Op op, int32_t k, list dots, tuple vals, object out, dict params, tuple shape, object dtype):
        """Return the tangent of an operation by its rules, NaN where a zero that arithmetic made is lost."""
        if self.singular(op):
            if self.doubts.stage == MARK:
                self.doubts.marks[k] = [None if d is None else apply1(o_positive, d) for d in dots]
            g = push(op, dots, vals, out, params, shape, dtype)
            return self.at_pole(k, op, g, dtype) if self.doubts.stage == POLES else self.poisoned(k, op, dots, vals, out, g)
        return push(op, dots, vals, out, params, shape, dtype)

    # ------------------------------------------------------------------------------------ parts of arrays
    cdef int push_window(self, int32_t k, Rec rec, object dot) except -1:
        g = windowed(dot, rec.params)
        return self.set(k, apply1(o_positive, g) if self.tape.is_version(rec.at[0]) else g)

    cdef int read_element(self, int32_t k, int32_t base, int64_t flat) except -1:
        g = self.dots.get(base)
        if g is None:
            return 0
        if type(g) is cnp.ndarray:
            g = g.flat[flat]
            return self.set(k, g if g != 0 else None)
        if isinstance(g, float):  # of an array without axes
            return self.set(k, g)
        return self.set(k, g[element_index(self.tape, base, flat)])

    cdef int write_element(self, int32_t k, int32_t base, int32_t source, int64_t flat) except -1:
        old, value = self.dots.get(base), self.dots.get(source)
        if old is None and value is None:
            return 0
        if old is not None and self.handed_on(base) and (isinstance(old, Traced) or not isinstance(value, Traced)):
            del self.dots[base]
            g = old
        else:
            rec = self.tape.rec_of(k)
            g = adopt(np.zeros(rec.shape, rec.dtype), old if isinstance(old, Traced) else value)
            if old is not None:
                g[...] = old
        g[element_index(self.tape, k, flat)] = 0.0 if value is None else value
        return self.set(k, g)

    cdef int write_part(self, int32_t k, Rec rec, object value) except -1:
        cdef bint window = rec.op.kind == KIND_PUT
        base = self.dots.get(rec.at[0])
        if base is None and value is None:
            return 0
        value = 0.0 if value is None else value
        if base is None:
            base = zeros(rec.shape, rec.dtype, value)
        elif isinstance(base, Traced) and self.handed_on(rec.at[0]) and takes(base, value):
            del self.dots[rec.at[0]]
            if window:
                windowed(base, rec.params)[...] = value
            else:
                base[rec.vals[2]] = value
            return self.set(k, base)
        return self.set(k, apply_op(rec.op, (base, value) if window else (base, value, rec.vals[2]), rec.params))

    cdef bint handed_on(self, int32_t base):
        """Return whether nothing else reads the tangent of a version, so that it is written to in place."""
        return base not in self.kept and self.tape.is_version(base)

    # ------------------------------------------------------------------------------------ zeros
    cdef bint singular(self, Op op) noexcept:
        """Return whether partials of an operation may be infinite."""
        return op.opcode >= 0 and POINTS[op.opcode].operand >= 0 and not kinked(op.opcode)

    cdef bint asks(self, Op op) noexcept:
        """Return whether this sweep is to look for an infinite derivative here."""
        return self.doubts.stage == FIND and not self.doubts.found and not self.linear and not self.tape.live \
            and self.singular(op)

    cdef object at_pole(self, int32_t k, Op op, object g, object dtype):
        """Return the tangent g, or None, of instruction k in a sweep that starts at poles, NaN where it is at one."""
        if self.doubts.stage != POLES or not self.singular(op) or k not in self.doubts.poles:
            return g
        start = apply2(o_chain, apply_op(o_astype, (self.doubts.poles[k],), {"dtype": dtype}), np.nan)
        return start if g is None else apply2(o_add, start, g)

    cdef object poisoned(self, int32_t k, Op op, list dots, tuple vals, object out, object g):
        """Return the tangent g of instruction k, NaN where a zero that arithmetic made meets an infinite partial."""
        cdef dict poles = self.doubts.poles
        if self.doubts.stage != POISON or k not in self.doubts.marks or g is None:
            return g
        for i, (mark, d) in enumerate(zip(self.doubts.marks[k], dots)):
            if mark is not None and d is not None:
                infinite, zero = apply1(o_isinf, op.partials[i](*vals, out)), apply2(o_equal, d, 0.0)
                through = apply2(o_and, infinite, apply1(o_not, zero))
                poles[k] = apply2(o_or, poles[k], through) if k in poles else through
                lost = apply2(o_and, apply1(o_isnan, mark), apply2(o_and, zero, infinite))
                g = apply_op(o_select, (lost, apply2(o_multiply, g, np.nan), g), None)
        return g


def record_forward(Tape tape, int32_t start, int32_t stop, list seeds, list outputs, bint plain=False, bint linear=False):
    """Propagate tangents of any kind from `seeds` to `outputs`, and record what is done with traced ones.

    Parameters
    ----------
    tape : Tape
    start, stop : int
        The range of instructions to sweep.
    seeds : list of (int, value)
        Nodes and tangents, whatever the nodes depend on: numbers, arrays, traced values, batches, dual numbers; None for
        zero.
    outputs : list of int
    plain, linear : bool
        As for :func:`mmad.sweeps._reverse_recorded.record_reverse`.

    Returns
    -------
    list
        A tangent for each output, None where it is zero.
    """
    cdef Doubtful doubts = Doubtful()
    cdef bint before
    cdef dict dots, lost
    if plain:
        tape.fill_all()
    if not tape.exact:
        dots = swept(tape, start, stop, seeds, outputs, plain, linear, doubts)
        if not doubts.found:
            return [dots.get(k) for k in outputs]
    doubts.stage = MARK
    swept(tape, start, stop, [(k, nan_seed(g)) for k, g in seeds], outputs, plain, linear, doubts)
    doubts.stage = POISON
    dots = swept(tape, start, stop, seeds, outputs, plain, linear, doubts)
    if not doubts.poles:
        return [dots.get(k) for k in outputs]
    doubts.stage = POLES
    before = set_cuts(False)
    try:
        lost = swept(tape, start, stop, seeds, outputs, plain, linear, doubts)
    finally:
        set_cuts(before)
    return [forgotten(dots.get(k), lost.get(k)) for k in outputs]


cdef dict swept(Tape tape, int32_t start, int32_t stop, list seeds, list outputs, bint plain, bint linear, Doubtful doubts):
    """Return the tangents of one sweep, by node."""
    cdef RecordedTangents tangents = RecordedTangents(tape, start, stop, seeds, outputs, plain, linear, doubts)
    with np.errstate(all="ignore"):
        walk_forward(tangents)
    return tangents.dots


cdef object forgotten(object g, object lost):
    """Return a tangent, NaN where a pole's infinity was to reach it, and did not."""
    if g is None or lost is None:
        return g
    lost = apply2(o_and, apply1(o_isnan, lost), apply1(o_isfinite, g))
    return apply_op(o_select, (lost, apply2(o_multiply, g, np.nan), g), None)
