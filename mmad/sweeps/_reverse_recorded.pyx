"""The reverse sweep on traced values: a gradient inside another derivative, or of many cotangents of any kind.

What the sweep does is recorded as ordinary instructions, so that it can be differentiated again.  Cotangents of numbers
that are instructions of the tape itself are emitted in C from the compiled partials; array instructions go through
:func:`mmad.ops._rules.pull` on traced values.  Products with partials are `chain`, whose zero rule then also holds in
the derivative's derivatives.
"""
cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport isinf, isnan
from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport free

cimport numpy as cnp

import numpy as np

from mmad._core cimport ScalarVar, Traced, apply2, apply_op
from mmad.kernels._arrays cimport PyArray_CompareLists
from mmad.ops import OPERATIONS
from mmad.ops._partials cimport (PARTIAL_CONSTANT, PARTIAL_NONE, PARTIAL_OPERAND, PARTIAL_PROGRAM, Partial, cuts,
                                 partial_of, set_cuts)
from mmad.ops._rules cimport fit, kink_of, pull, pull_through, spoilt
from mmad.ops._singularities cimport (Singularity, at_singularity, infinite_partials, kinked, meets_infinity,
                                      singularities)
from mmad.ops._singularities import vanished
from mmad.sweeps._emit cimport emit, emit_partial, number, operand, recorded_numbers, scalar_operands
from mmad.sweeps._forward_numeric import made_by_arithmetic, vanishes
from mmad.sweeps._reverse cimport WANTED, walk_back
from mmad.sweeps._suspects cimport nan_seed
from mmad.sweeps._traced_cotangents cimport TracedCotangents
from mmad.tape._activity cimport direct_mask
from mmad.tape._instructions cimport (KIND_ELEMENTWISE, NODE_DEFERRED, NODE_SPOILT, OP_FIRST_SCALAR, OP_INPUT,
                                      ROLE_ROOT, Node, Op, Rec, SC_add, SC_chain, SC_isfinite, SC_isinf,
                                      SC_isnan, SC_logical_and, SC_logical_not, SC_masked, SC_multiply, SC_negative,
                                      SC_select, SC_settled, scalar_arity, scalar_op)
from mmad.tape._storage cimport ArrayVar
from mmad.tape._tape cimport Tape
from mmad.tape.constants import traced_parts

cnp.import_array()

cdef extern from "_node.h" nogil:
    enum:
        SC_root, SC_kink

cdef Op o_chain, o_masked, o_settled, o_select, o_multiply, o_negative, o_root
cdef Op o_isnan, o_isinf, o_isfinite, o_not, o_and, o_or, o_equal
cdef const Singularity *POINTS = singularities()


o_chain, o_masked, o_settled, o_select, o_multiply, o_negative, o_root = [
    OPERATIONS[k] for k in ("chain", "masked", "settled", "select", "multiply", "negative", "root")]
o_isnan, o_isinf, o_isfinite, o_not, o_and, o_or, o_equal = [
    OPERATIONS[k] for k in ("isnan", "isinf", "isfinite", "logical_not", "logical_and", "logical_or", "equal")]


@cython.final
cdef class RecordedCotangents(TracedCotangents):
    """The cotangents of one recorded sweep, and what operations make of them."""

    cdef uint8_t *direct  # of nodes on which a seed depends without a choice; NULL until it is asked for
    cdef bint linear      # what is recorded has to be linear in the cotangents: where a zero comes from is not looked at
    cdef list seeds
    cdef bint doubtful    # a zero has met an infinite partial
    cdef dict marks       # cotangents of a sweep from NaN, where partials may be infinite; None: there was no such sweep
    cdef dict marking     # this is such a sweep, and keeps them here

    def __cinit__(self, Tape tape, int32_t start, int32_t stop, list seeds, list inputs, bint forget, bint plain,
                  bint linear, dict marks, dict marking):
        self.begin(tape, start, stop, inputs)
        self.allocate()
        self.forget, self.plain, self.linear = forget, plain, linear
        self.seeds, self.marks, self.marking, self.doubtful = seeds, marks, marking, False
        self.seed(seeds)

    def __dealloc__(self):
        free(self.direct)

    # ------------------------------------------------------------------------------------ operations
    cdef int32_t pull_scalars(self, int32_t k) except -2:
        k += 1
        while k > self.start and self.tape.nodes[k - 1].op >= OP_FIRST_SCALAR:
            k -= 1
            if not k & 0xfff:
                PyErr_CheckSignals()
            if not self.mask[k] or self.mask[k] == WANTED:
                continue
            if self.tape.observer is not None:
                self.tape.observer("reverse", k)
            if self.bars[k - self.start] >= 0:
                self.pull_scalar(k)
            elif self.mixed and k in self.values:
                self.pull_number(k)
        return k

    cdef int pull_number(self, int32_t k) except -1:
        """Pull a cotangent that is not one of the tape through a scalar instruction."""
        cdef Tape tape = self.tape
        cdef Op op = scalar_op(tape.nodes[k].op)
        cdef list at = scalar_operands(tape, k)
        cdef list active = [self.mask[j] != 0 for j in at]
        cdef tuple known = recorded_numbers(tape, at, True)
        ct, out = self.values.pop(k), recorded_numbers(tape, [k], True)[0]
        if self.singular(k, op.opcode) and self.asks():
            self.doubtful = not tape.live and meets_infinity(op, known, out)
        if not self.plain:
            known, out = recorded_numbers(tape, at, False), recorded_numbers(tape, [k], False)[0]
        for j, g in zip(at, self.pulled(op, k, ct, known, out, None, (), active)):
            if g is not None:
                self.add(j, g)
        return 0

    cdef list pulled(self, Op op, int32_t k, object ct, tuple vals, object out, dict params, tuple shape, list active):
        """Return the cotangents of an operation's operands by its rules, NaN where a zero that arithmetic made is lost."""
        if op.role & ROLE_ROOT and self.through(k):
            return pull_through(op, ct, vals, out, shape, active)
        if self.singular(k, op.opcode):
            if self.marking is not None:
                self.marking[k] = ct
            elif self.marks is not None and k in self.marks:
                ct = poisoned(op, self.marks[k], ct, vals, out, active)
        return pull(op, ct, vals, out, params, shape, active)

    cdef list pull_rule(self, int32_t k, Rec rec, object ct, list active):
        cdef Tape tape = self.tape
        cdef Op op = rec.op
        cdef tuple vals
        cdef int i
        if self.plain:
            vals, out = rec.vals, rec.out
        else:
            vals = tuple([operand(tape, rec, i, k) for i in range(rec.n)])
            out = operand(tape, rec, rec.n, k)
        vals = tape.for_rules(op, rec.args, vals, not traced_parts(ct))
        if self.singular(k, op.opcode) and not (op.role & ROLE_ROOT and self.through(k)):
            self.doubt(rec, k, ct)
        gs = self.pulled(op, k, ct, vals, out, rec.params, rec.shape, active)
        if not op.role & ROLE_ROOT or op.kind != KIND_ELEMENTWISE or self.plain or self.through(k):
            return gs
        doubted = self.lost_norms(rec, ct, k)
        if doubted is not None:
            for i in range(rec.n):
                if isinstance(gs[i], ArrayVar) and gs[i].shape == rec.shape:
                    p = apply2(o_multiply, ct, op.partials[i](*vals, out))
                    gs[i] = apply_op(o_select, (doubted, p, gs[i]), None)
        return gs

    cdef object pull_direct(self, int32_t k, Rec rec, object ct):
        """Pull a cotangent through an operation on float64 arrays, by its compiled partials."""
        return None if not self.plain and self.elementwise(rec, ct, k) else ct

    cdef int pull_scalar(self, int32_t k) except -1:
        """Pull a cotangent through a scalar instruction."""
        cdef Node p = self.tape.nodes[k]
        cdef int32_t bar = self.bars[k - self.start], g
        cdef const Partial *q
        cdef int32_t operands[4]
        cdef int arity = scalar_arity(p.op), i, product
        cdef bint lost = False
        cdef int32_t zero
        operands[0], operands[1], operands[2] = p.a, p.b, p.c
        operands[arity] = k
        if p.op == SC_select:
            zero = self.tape.constant(0.0, 0)
            if self.mask[p.b]:
                self.add_scalar(p.b, emit(self.tape, SC_select, p.a, bar, zero))
            if self.mask[p.c]:
                self.add_scalar(p.c, emit(self.tape, SC_select, p.a, zero, bar))
            return 0
        if self.tape.rooted and scalar_op(p.op).role & ROLE_ROOT:
            lost = self.through(k) or self.lost_norm(k, bar)
        for i in range(arity):
            if not self.mask[operands[i]]:
                continue
            q = partial_of(p.op, i)
            if q.kind == PARTIAL_NONE:
                continue
            if q.kind == PARTIAL_CONSTANT:
                if q.c == 1.0:
                    self.add_scalar(operands[i], bar)
                    continue
                if q.c == -1.0:
                    self.add_scalar(operands[i], emit(self.tape, SC_negative, bar, -1, -1))
                    continue
                g = self.tape.constant(q.c, 0)
            elif q.kind == PARTIAL_OPERAND:
                g = operands[q.ref]
            else:
                g = emit_partial(self.tape, q, operands)
            if lost:  # as `spoilt` has it
                self.tape.nodes[g].flags |= NODE_SPOILT
                if p.op == SC_root:
                    g = emit(self.tape, SC_multiply, bar, g, -1)
                else:
                    g = emit(self.tape, SC_add, emit(self.tape, SC_chain, bar, g, -1),
                             emit(self.tape, SC_masked, emit(self.tape, SC_kink, k, -1, -1), g, -1), -1)
                self.add_scalar(operands[i], g)
                continue
            product = SC_masked if q.mask else SC_chain if q.limit < 0 or not cuts() else SC_settled
            product = emit(self.tape, product, bar, g, operands[q.limit] if product == SC_settled else -1)
            if self.singular(k, p.op):
                product = self.doubted(k, bar, g, product)
            self.add_scalar(operands[i], product)
        return 0

    cdef object chain(self, const Partial *q, object bar, object p, Rec rec, int32_t k, object doubted):
        """Return bar * p, the cotangent with partial q of instruction k; None where p is zero."""
        if type(p) is float:
            if <double> p == 1.0:
                return bar
            if <double> p == 0.0 and q.kind != PARTIAL_OPERAND:
                return None
            if <double> p == -1.0:
                return self.apply(o_negative, (bar,), None)
        if q.limit >= 0 and type(p) is not float and cuts():
            g = self.apply(o_settled, (bar, p, self.tape.captured(operand(self.tape, rec, q.limit, k))), None)
        else:
            g = self.apply(o_masked if q.mask else o_chain, (bar, p), None)
        if doubted is not None:
            return self.apply(o_select, (doubted, self.apply(o_multiply, (bar, p), None), g), None)
        return self.doubted_elements(k, bar, p, g, kinked(rec.op.opcode)) if self.singular(k, rec.op.opcode) else g

    cdef object partial(self, const Partial *q, Rec rec, int32_t k):
        """Return a partial of instruction k."""
        cdef const Node *p
        cdef list found, operands
        cdef int i, arity
        if q.kind == PARTIAL_CONSTANT:
            return q.c
        if q.kind == PARTIAL_OPERAND:
            return operand(self.tape, rec, q.ref, k)
        found = [None] * q.n
        for i in range(q.n):
            p = q.program + i
            if p.op == OP_INPUT:
                if q.uses >> i & 1:
                    found[i] = self.tape.captured(operand(self.tape, rec, i, k))
            elif p.op >= OP_FIRST_SCALAR:
                arity = scalar_arity(p.op)
                operands = [found[p.a]]
                if arity > 1:
                    operands.append(found[p.b])
                if arity > 2:
                    operands.append(found[p.c])
                found[i] = self.apply(scalar_op(p.op), tuple(operands), None)
            else:
                found[i] = p.v
        return found[q.ref]

    cdef bint elementwise(self, Rec rec, object ct, int32_t k) except -1:
        """Pull a cotangent through an operation on float64 arrays, by compiled partials; False leaves it to the rules."""
        cdef Op op = rec.op
        cdef const Partial *q
        cdef cnp.ndarray arr
        cdef int i, j
        cdef bint through
        if op.opcode < 0 or op.kind != KIND_ELEMENTWISE or op.partials is None or op.transposes is not None \
                or type(ct) is not ArrayVar or cnp.PyArray_TYPE((<ArrayVar> ct).arr) != cnp.NPY_DOUBLE:
            return False
        for i in range(rec.n):
            if type(rec.vals[i]) is not float and not is_double(rec.vals[i]):
                return False
            if rec.at[i] < 0 or not self.mask[rec.at[i]]:
                continue
            if op.partials[i] is None:
                return False
            q = partial_of(op.opcode, i)
            for j in range(rec.n + 1):  # rules look at whether an operand is a number
                if q.kind == PARTIAL_PROGRAM and q.uses >> j & 1 and not is_double(rec.vals[j] if j < rec.n else rec.out):
                    return False
        if self.singular(k, op.opcode):
            self.doubt(rec, k, ct)
        through = op.role & ROLE_ROOT and self.through(k)
        doubted = None if through else self.lost_norms(rec, ct, k)
        if through or doubted is not None and op is not o_root:  # a zero does not win
            lost = kink_of(op, tuple([self.tape.captured(operand(self.tape, rec, i, k)) for i in range(rec.n)]))
            if not through:
                lost, through = self.apply(o_select, (doubted, lost, 0.0), None), True
        for i in range(rec.n):
            if rec.at[i] < 0 or not self.mask[rec.at[i]]:
                continue
            q = partial_of(op.opcode, i)
            if q.kind == PARTIAL_NONE:
                continue
            g = self.partial(q, rec, k)
            g = spoilt(ct, lost, g) if through else self.chain(q, ct, g, rec, k, doubted)
            if g is None:
                continue
            arr = (<ArrayVar> g).arr
            if type(rec.vals[i]) is float or cnp.PyArray_NDIM(<cnp.ndarray> rec.vals[i]) != cnp.PyArray_NDIM(arr) \
                    or not PyArray_CompareLists(cnp.PyArray_DIMS(<cnp.ndarray> rec.vals[i]), cnp.PyArray_DIMS(arr),
                                                cnp.PyArray_NDIM(arr)):
                g = fit(g, operand(self.tape, rec, i, k), rec.shape)
            self.add(rec.at[i], g)
        return True

    # ------------------------------------------------------------------------------------ zeros
    cdef bint singular(self, int32_t k, int op) noexcept:
        """Return whether a partial of instruction k may be infinite; of products, only where there are norms."""
        return op >= 0 and POINTS[op].operand >= 0 and (op != SC_chain or self.tape.rooted) \
            and not self.tape.nodes[k].flags & NODE_SPOILT

    cdef bint through(self, int32_t k) except -1:
        """Return whether a zero cotangent of norm k is never structural: then it does not win where the norm has no slope."""
        if self.forget:
            return False
        if self.direct == NULL:
            self.direct = direct_mask(self.tape, self.start, self.stop, [j for j, _ in self.seeds])
        return self.direct[k]

    cdef bint lost_norm(self, int32_t k, int32_t bar) except -1:
        """Return whether a cotangent that arithmetic made zero meets norm k, a number, where it has no slope."""
        cdef Tape tape = self.tape
        if self.forget or tape.nodes[k].v != 0 or tape.nodes[bar].v != 0 or tape.nodes[k].flags & NODE_SPOILT \
                or (tape.nodes[k].flags | tape.nodes[bar].flags) & NODE_DEFERRED:
            return False
        return not vanishes(tape, [(k, True)], self.seeds)

    cdef object lost_norms(self, Rec rec, object ct, int32_t k):
        """Return the elements of array instruction k at which that is so, None: there are none."""
        if not rec.op.role & ROLE_ROOT or self.forget or self.tape.nodes[k].flags & (NODE_SPOILT | NODE_DEFERRED) \
                or type(ct) is not ArrayVar or (<ArrayVar> ct).pending():
            return None
        for i in range(rec.n):
            if rec.at[i] >= 0 and self.tape.nodes[rec.at[i]].flags & NODE_DEFERRED or rec.vals[i] is None:
                return None
        found = vanished(rec.op, (<ArrayVar> ct).arr, rec.vals)
        return None if found is None else made_by_arithmetic(self.tape, k, found, self.seeds)

    cdef int32_t doubted(self, int32_t k, int32_t bar, int32_t g, int32_t product) except -1:
        """Return bar * g of scalar instruction k, which may be infinite: `product`, but NaN for a zero that arithmetic made."""
        cdef Tape tape = self.tape
        cdef int32_t lost, infinite
        cdef bint kink = kinked(tape.nodes[k].op)
        if self.marking is not None:
            self.marking[k] = number(tape, bar)
        elif self.marks is None:
            if tape.nodes[bar].v == 0 and (isinf(tape.nodes[g].v) or kink and isnan(tape.nodes[g].v)) \
                    and not (tape.nodes[k].flags | tape.nodes[bar].flags | tape.nodes[g].flags) & NODE_DEFERRED:
                self.doubtful = True
        elif k in self.marks:
            lost = emit(tape, SC_isnan, (<ScalarVar?> self.marks[k]).node, -1, -1)
            infinite = emit(tape, SC_logical_not, emit(tape, SC_isfinite, g, -1, -1), -1, -1) if kink \
                else emit(tape, SC_isinf, g, -1, -1)
            lost = emit(tape, SC_logical_and, lost, infinite, -1)
            return emit(tape, SC_select, lost, emit(tape, SC_multiply, bar, g, -1), product)
        return product

    cdef object doubted_elements(self, int32_t k, object ct, object p, object product, bint kink):
        """Do the same for array instruction k."""
        if self.marking is not None:
            self.marking[k] = ct
        elif self.marks is not None and k in self.marks:
            lost = self.apply(o_and, (self.apply(o_isnan, (self.marks[k],), None), unbounded(p, kink)), None)
            return self.apply(o_select, (lost, self.apply(o_multiply, (ct, p), None), product), None)
        return product

    cdef bint asks(self) noexcept:
        """Return whether this sweep looks for zeros that meet infinite partials, and has found none."""
        return self.marks is None and self.marking is None and not self.doubtful and not self.linear

    cdef int doubt(self, Rec rec, int32_t k, object ct) except -1:
        """See whether a zero of the cotangent meets an infinite partial of array instruction k."""
        cdef int i
        if not self.asks() or self.tape.nodes[k].flags & NODE_DEFERRED:
            return 0
        for i in range(rec.n):
            if rec.vals[i] is None or rec.at[i] >= 0 and self.tape.nodes[rec.at[i]].flags & NODE_DEFERRED:
                return 0
        if not self.plain and type(ct) is ArrayVar:
            if (<ArrayVar> ct).pending():
                return 0
            ct = (<ArrayVar> ct).arr
        elif not self.plain and isinstance(ct, ScalarVar):
            ct = (<ScalarVar> ct).v
        elif isinstance(ct, Traced):  # its zeros are not known
            self.doubtful = not self.tape.live and meets_infinity(rec.op, rec.vals, rec.out)
            return 0
        if not at_singularity(rec.op, rec.vals):
            return 0
        for infinite in infinite_partials(rec.op, rec.vals, rec.out, self.active(rec)):
            if infinite is not None and (infinite & np.equal(ct, 0.0)).any():
                self.doubtful = True
        return 0


cdef inline bint is_double(object x) noexcept:
    return type(x) is cnp.ndarray and cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.NPY_DOUBLE


def record_reverse(Tape tape, int32_t start, int32_t stop, list seeds, list inputs, bint forget=False, bint plain=False,
                   bint linear=False):
    """Propagate cotangents of any kind from `seeds` back to `inputs`, and record what is done with traced ones.

    Parameters
    ----------
    tape : Tape
    start, stop : int
        The range of instructions between inputs and seeds.
    seeds : list of (int, value)
        Nodes and cotangents: numbers, arrays, traced values, batches, dual numbers.
    inputs : list of int
        Where the sweep ends; any nodes.
    forget : bool
        Nothing that is recorded here will be swept itself: values need not be kept.
    plain : bool
        The operands of a finished tape are the plain values that were recorded.  By default the tape is open and they
        are its traced values, so that the derivative depends on them.
    linear : bool
        What is recorded has to be linear in the cotangents: where a zero comes from is not looked at.

    Returns
    -------
    list
        A cotangent for each input, of the kind of the seeds or plain where it is constant; None where nothing depends
        on the input.
    """
    cdef RecordedCotangents cotangents
    cdef dict marks
    cdef bint before
    if plain:
        tape.fill_all()
    if not tape.exact:
        cotangents = swept(tape, start, stop, seeds, inputs, forget, plain, linear, None, None)
        # what is recorded for a program is told of infinite derivatives when it runs
        if not cotangents.doubtful or tape.live:
            return [cotangents.result(k) for k in inputs]
    marks = {}
    before = set_cuts(False)
    try:
        swept(tape, start, stop, [(k, nan_seed(g)) for k, g in seeds], inputs, forget, plain, linear, None, marks)
    finally:
        set_cuts(before)
    cotangents = swept(tape, start, stop, seeds, inputs, forget, plain, linear, marks, None)
    return [cotangents.result(k) for k in inputs]


cdef RecordedCotangents swept(Tape tape, int32_t start, int32_t stop, list seeds, list inputs, bint forget, bint plain,
                              bint linear, dict marks, dict marking):
    """Do one recorded sweep."""
    cdef RecordedCotangents cotangents
    with np.errstate(all="ignore"):
        cotangents = RecordedCotangents(tape, start, stop, seeds, inputs, forget, plain, linear, marks, marking)
        walk_back(cotangents)
    return cotangents


cdef object unbounded(object p, bint kink):
    """Return where a partial is infinite, or is none."""
    if kink:
        return apply_op(o_not, (apply_op(o_isfinite, (p,), None),), None)
    return apply_op(o_isinf, (p,), None)


cdef object poisoned(Op op, object mark, object ct, tuple vals, object out, list active):
    """Return a cotangent, NaN where it is a zero that arithmetic made and a partial of the operation is infinite.

    Parameters
    ----------
    op : Op
        Elementwise.
    mark, ct : traced, ndarray or float
        The cotangent of a sweep from NaN, and that of the sweep itself.
    vals, out : tuple, value
        Operands and result.
    active : list of bool
        Which partials matter.
    """
    cdef object infinite = None
    for i in range(len(vals)):
        if active[i]:
            one = unbounded(op.partials[i](*vals, out), kinked(op.opcode))
            infinite = one if infinite is None else apply_op(o_or, (infinite, one), None)
    lost = apply_op(o_and, (apply_op(o_isnan, (mark,), None), infinite), None)
    lost = apply_op(o_and, (lost, apply_op(o_equal, (ct, 0.0), None)), None)
    return apply_op(o_select, (lost, apply_op(o_multiply, (ct, np.nan), None), ct), None)
