"""The reverse sweep recorded on the tape it sweeps: a gradient inside another derivative.

The instructions of the derivative are ordinary instructions, so it can be differentiated again.  Scalar instructions
are emitted in C from the compiled partials; array instructions through :func:`mmad.ops._rules.pull` on traced values.
Products with partials are `chain`, whose zero rule then also holds in the derivative's derivatives.
"""
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport isinf, isnan
from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport calloc, free, malloc

cimport numpy as cnp

from contextlib import contextmanager

import numpy as np

from mmad._core cimport CARRIED, ScalarVar, Traced, Var, apply1, apply2, apply_op, make_scalar
from mmad.kernels._arrays cimport PyArray_CompareLists, chain_value, window_view
from mmad.kernels._windows cimport in_order, overlapping
from mmad.kernels._windows import last_write
from mmad.ops import OPERATIONS
from mmad.ops._partials cimport (PARTIAL_CONSTANT, PARTIAL_NONE, PARTIAL_OPERAND, PARTIAL_PROGRAM, Partial, cuts,
                                 partial_of, set_cuts)
from mmad.ops._rules cimport fit, kink_of, pull, pull_through, spoilt
from mmad.ops._singularities cimport Singularity, at_singularity, infinite_partials, kinked, singularities
from mmad.ops._singularities import vanished
from mmad.sweeps._sweep import made_by_arithmetic, vanishes
from mmad.tape._activity cimport active_mask, direct_mask
from mmad.tape._instructions cimport (KIND_ELEMENTWISE, KIND_PUT, KIND_PUT_INDEX, KIND_WINDOW, NODE_ARRAY, NODE_BOOL,
                                      NODE_DEFERRED, NODE_SPOILT, OP_FIRST_SCALAR, OP_INPUT, OP_LOAD, OP_REC,
                                      OP_STORE, ROLE_ROOT, Node, Op, Rec, SC_add, SC_chain, SC_isfinite, SC_isinf,
                                      SC_isnan, SC_less, SC_logical_and, SC_logical_not, SC_masked, SC_multiply,
                                      SC_negative, SC_select, SC_settled, node_index, scalar_arity, scalar_eval,
                                      scalar_op)
from mmad.tape._storage cimport ArrayVar, element_add, element_take, make_array
from mmad.tape._tape cimport Tape

cnp.import_array()

cdef extern from "_node.h" nogil:
    enum:
        SC_root, SC_kink

cdef Op o_add, o_chain, o_masked, o_settled, o_select, o_multiply, o_negative, o_positive, o_embed, o_gather, o_root
cdef Op o_isnan, o_isinf, o_isfinite, o_not, o_and, o_or, o_equal
cdef const Singularity *POINTS = singularities()


o_add, o_chain, o_masked, o_settled, o_select, o_multiply, o_negative, o_positive, o_embed, o_gather, o_root = [
    OPERATIONS[k] for k in ("add", "chain", "masked", "settled", "select", "multiply", "negative", "positive", "embed",
                            "gather", "root")]
o_isnan, o_isinf, o_isfinite, o_not, o_and, o_or, o_equal = [
    OPERATIONS[k] for k in ("isnan", "isinf", "isfinite", "logical_not", "logical_and", "logical_or", "equal")]


cdef inline int32_t emit(Tape tape, int op, int32_t a, int32_t b, int32_t c) except -1:
    """Append a scalar instruction."""
    cdef Node *nodes = tape.nodes
    cdef int flags = nodes[a].flags | (nodes[b].flags if b >= 0 else 0) | (nodes[c].flags if c >= 0 else 0)
    cdef double v = scalar_eval(op, nodes[a].v, nodes[b].v if b >= 0 else 0.0, nodes[c].v if c >= 0 else 0.0)
    return tape.push(op, NODE_BOOL | flags & NODE_DEFERRED if op >= SC_less else flags & CARRIED, a, b, c, v)


cdef ScalarVar number(Tape tape, int32_t k):
    """The traced value of a scalar instruction."""
    return make_scalar(tape, k, tape.nodes[k].v, tape.nodes[k].flags & CARRIED)


cdef int32_t emit_partial(Tape tape, const Partial *q, const int32_t *operands) except -1:
    """Append the program of a partial; operands are followed by the result."""
    cdef int32_t where[64]
    cdef const Node *p
    cdef int k, arity
    for k in range(q.n):
        p = q.program + k
        if p.op == OP_INPUT:
            where[k] = operands[k]
        elif p.op >= OP_FIRST_SCALAR:
            arity = scalar_arity(p.op)
            where[k] = emit(tape, p.op, where[p.a], where[p.b] if arity > 1 else -1, where[p.c] if arity > 2 else -1)
        else:
            where[k] = tape.constant(p.v, 0)
    return where[q.ref]


def push_number(Tape tape, int32_t k, dict dots):
    """Return the tangent of instruction k on numbers from those of its operands, None for zero, recorded on the tape.

    NotImplemented where the declared rule has to be asked: norms, singular points, wrappers, numbers of other tapes.
    """
    cdef Node p = tape.nodes[k]
    cdef const Partial *q
    cdef int32_t operands[4]
    cdef int32_t total = -1, bar, g
    cdef int arity, i, product
    cdef double plain = 0.0, v
    cdef object d
    if p.op < OP_FIRST_SCALAR or p.op == SC_select or tape.rooted or (POINTS[p.op].operand >= 0 and p.op != SC_chain):
        return NotImplemented
    operands[0], operands[1], operands[2] = p.a, p.b, p.c
    arity = scalar_arity(p.op)
    operands[arity] = k
    for i in range(arity):
        d = dots.get(operands[i])
        if d is not None and (partial_of(p.op, i).kind == PARTIAL_NONE or not (
                type(d) is float or type(d) is np.float64 or type(d) is ScalarVar and (<ScalarVar> d).tape is tape)):
            return NotImplemented
    for i in range(arity):
        d = dots.get(operands[i])
        if d is None:
            continue
        q = partial_of(p.op, i)
        if type(d) is ScalarVar:
            bar = (<ScalarVar> d).node
        else:
            v = d
            if v == 0:
                continue
            if q.kind == PARTIAL_CONSTANT:
                plain += v * q.c
                continue
            bar = tape.constant(v, 0)
        if q.kind == PARTIAL_CONSTANT and q.c == 1.0:
            g = bar
        elif q.kind == PARTIAL_CONSTANT and q.c == -1.0:
            g = emit(tape, SC_negative, bar, -1, -1)
        else:
            if q.kind == PARTIAL_CONSTANT:
                g = tape.constant(q.c, 0)
            else:
                g = operands[q.ref] if q.kind == PARTIAL_OPERAND else emit_partial(tape, q, operands)
            product = SC_masked if q.mask else SC_chain if q.limit < 0 or not cuts() else SC_settled
            g = emit(tape, product, bar, g, operands[q.limit] if product == SC_settled else -1)
        total = g if total < 0 else emit(tape, SC_add, total, g, -1)
    if total < 0:
        return None if plain == 0 else plain
    return number(tape, total if plain == 0 else emit(tape, SC_add, total, tape.constant(plain, 0), -1))


cdef class Sweep:
    """The cotangents of one recorded reverse sweep, by node."""

    cdef Tape tape
    cdef int32_t start, stop
    cdef uint8_t *mask
    cdef uint8_t *direct  # of nodes on which a seed depends without a choice; NULL until it is asked for
    cdef uint8_t *owned   # the array cotangent's buffer was made here and may be written to
    cdef int32_t *bars    # of scalar nodes, -1: none
    cdef dict arrays
    cdef bint forget      # what is recorded here is never swept itself
    cdef list seeds
    cdef bint doubtful    # a zero has met an infinite partial
    cdef dict marks       # what a sweep from NaN has for cotangents where partials may be infinite; None: there was none
    cdef dict marking     # this is such a sweep, and puts them here

    def __cinit__(self, Tape tape, int32_t start, int32_t stop, list seeds, list inputs, bint forget, dict marks,
                  dict marking):
        cdef int32_t k
        self.seeds = seeds
        self.forget, self.marks, self.marking, self.doubtful = forget, marks, marking, False
        self.tape, self.start, self.stop, self.arrays = tape, start, stop, {}
        self.mask = active_mask(tape, start, stop, inputs)
        self.owned = <uint8_t *> calloc(stop - start + 1, 1)
        self.bars = <int32_t *> malloc((stop - start + 1) * sizeof(int32_t))
        if self.owned == NULL or self.bars == NULL:
            raise MemoryError("no memory for the cotangents of the trace")
        for k in range(stop - start):
            self.bars[k] = -1

    def __dealloc__(self):
        free(self.mask)
        free(self.direct)
        free(self.owned)
        free(self.bars)

    cdef object emit(self, Op op, tuple args, dict params):
        """Append an instruction on arrays; its value is not kept if nothing will ask for it."""
        self.tape.forgets = self.forget
        try:
            return apply_op(op, args, params)
        finally:
            self.tape.forgets = False

    cdef int add_scalar(self, int32_t k, int32_t node) except -1:
        """bar of scalar node k += node."""
        cdef int32_t *bar = self.bars + (k - self.start)
        bar[0] = node if bar[0] < 0 else emit(self.tape, SC_add, bar[0], node, -1)
        return 0

    cdef int add(self, int32_t k, object g) except -1:
        """bar of node k += g."""
        if not self.tape.nodes[k].flags & NODE_ARRAY:
            if type(g) is ScalarVar:
                return self.add_scalar(k, (<ScalarVar> g).node)
            if isinstance(g, Var):  # 0-d array, of any precision
                g = g if g.dtype.kind == "f" else g.real
                g = g if g.dtype == np.float64 else g.astype(np.float64)
                g = g if type(g) is ScalarVar else g[()]
                return self.add_scalar(k, (<ScalarVar?> g).node)
            return self.add_scalar(k, self.tape.constant(float(np.real(g)), 0))
        old = self.arrays.get(k)
        self.arrays[k] = g if old is None else self.emit(o_add, (old, g), None)
        self.owned[k - self.start] = 0
        return 0

    cdef ArrayVar own(self, int32_t k):
        """The cotangent of array node k as an array of its own, to write to."""
        cdef Rec rec
        cdef ArrayVar acc
        old = self.arrays.get(k)
        if self.owned[k - self.start]:
            return <ArrayVar> old
        rec = self.tape.rec_of(k)
        if isinstance(old, ArrayVar) and rec.shape != ():
            acc = apply1(o_positive, old)
        else:  # a copy of an array of no dimensions is a number, which is not written to
            value = np.zeros(rec.shape, rec.dtype)
            if old is not None and not isinstance(old, Traced):
                value[...] = old
            acc = self.tape.add_constant(value)
            if isinstance(old, Traced):
                acc[...] = old
        self.arrays[k] = acc
        self.owned[k - self.start] = 1
        return acc

    cdef int move(self, int32_t k, int32_t base) except -1:
        """Hand the cotangent of version k to the version before it."""
        g = self.arrays.pop(k)
        cdef bint owned = self.owned[k - self.start]
        if base < 0 or not self.mask[base]:
            return 0
        if base in self.arrays:
            return self.add(base, g)
        self.arrays[base] = g
        self.owned[base - self.start] = owned
        return 0

    cdef int scalar(self, int32_t k) except -1:
        """A scalar instruction backward."""
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

    cdef bint singular(self, int32_t k, int op) noexcept:
        """Whether a partial of instruction k may be infinite; of products, only where there are norms."""
        return op >= 0 and POINTS[op].operand >= 0 and (op != SC_chain or self.tape.rooted) \
            and not self.tape.nodes[k].flags & NODE_SPOILT

    cdef bint through(self, int32_t k) except -1:
        """Whether a zero cotangent of norm k is never structural, so that it does not win where the norm has no slope."""
        if self.forget:
            return False
        if self.direct == NULL:
            self.direct = direct_mask(self.tape, self.start, self.stop, [j for j, _ in self.seeds])
        return self.direct[k]

    cdef bint lost_norm(self, int32_t k, int32_t bar) except -1:
        """Whether a cotangent that arithmetic made zero meets norm k, a number, where it has no slope."""
        cdef Tape tape = self.tape
        if self.forget or tape.nodes[k].v != 0 or tape.nodes[bar].v != 0 or tape.nodes[k].flags & NODE_SPOILT \
                or (tape.nodes[k].flags | tape.nodes[bar].flags) & NODE_DEFERRED:
            return False
        return not vanishes(tape, [(k, True)], self.seeds)

    cdef object lost_norms(self, Rec rec, object ct, int32_t k):
        """The elements of array instruction k at which that is so, None: there are none."""
        if not rec.op.role & ROLE_ROOT or self.forget or self.tape.nodes[k].flags & (NODE_SPOILT | NODE_DEFERRED) \
                or type(ct) is not ArrayVar or (<ArrayVar> ct).pending():
            return None
        for i in range(rec.n):
            if rec.at[i] >= 0 and self.tape.nodes[rec.at[i]].flags & NODE_DEFERRED or rec.vals[i] is None:
                return None
        found = vanished(rec.op, (<ArrayVar> ct).arr, rec.vals)
        return None if found is None else made_by_arithmetic(self.tape, k, found, self.seeds)

    cdef int32_t doubted(self, int32_t k, int32_t bar, int32_t g, int32_t product) except -1:
        """bar * g of scalar instruction k, which may be infinite: `product`, but NaN for a zero that arithmetic made."""
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
            lost = emit(tape, SC_isnan, (<ScalarVar> self.marks[k]).node, -1, -1)
            infinite = emit(tape, SC_logical_not, emit(tape, SC_isfinite, g, -1, -1), -1, -1) if kink \
                else emit(tape, SC_isinf, g, -1, -1)
            lost = emit(tape, SC_logical_and, lost, infinite, -1)
            return emit(tape, SC_select, lost, emit(tape, SC_multiply, bar, g, -1), product)
        return product

    cdef object doubted_elements(self, int32_t k, object ct, object p, object product, bint kink):
        """The same for array instruction k."""
        if self.marking is not None:
            self.marking[k] = ct
        elif self.marks is not None and k in self.marks:
            lost = self.emit(o_and, (self.emit(o_isnan, (self.marks[k],), None), unbounded(p, kink)), None)
            return self.emit(o_select, (lost, self.emit(o_multiply, (ct, p), None), product), None)
        return product

    cdef int doubt(self, Rec rec, int32_t k, object ct) except -1:
        """See whether a zero of the cotangent meets an infinite partial of array instruction k."""
        cdef int i
        if self.marks is not None or self.marking is not None or self.doubtful or self.tape.nodes[k].flags & NODE_DEFERRED:
            return 0
        for i in range(rec.n):
            if rec.vals[i] is None or rec.at[i] >= 0 and self.tape.nodes[rec.at[i]].flags & NODE_DEFERRED:
                return 0
        if type(ct) is ArrayVar:
            if (<ArrayVar> ct).pending():
                return 0
            ct = (<ArrayVar> ct).arr
        elif isinstance(ct, ScalarVar):
            ct = (<ScalarVar> ct).v
        if not at_singularity(rec.op, rec.vals):
            return 0
        for infinite in infinite_partials(rec.op, rec.vals, rec.out,
                                          [rec.at[i] >= 0 and self.mask[rec.at[i]] for i in range(rec.n)]):
            if infinite is not None and (infinite & np.equal(ct, 0.0)).any():
                self.doubtful = True
        return 0

    cdef int window(self, int32_t base, dict params, object ct) except -1:
        """The cotangent of a view goes to its base."""
        cdef ArrayVar acc, part
        cdef tuple shape = params["shape"], strides = params["strides"]
        if not self.tape.nodes[base].flags & NODE_ARRAY:
            return self.add(base, fit(ct, 0.0, shape))
        old = self.arrays.get(base)
        if old is None and isinstance(ct, float):
            ct = np.full(shape, ct)
        if old is None and params["offset"] == 0 and size(shape) == size(params["of"]) and in_order(shape, strides):
            self.arrays[base] = ct if shape == params["of"] else ct.reshape(params["of"])
            return 0
        if old is None:
            self.arrays[base] = self.emit(o_embed, (ct,), params)
            self.owned[base - self.start] = isinstance(ct, Traced)
            return 0
        if 4 * size(shape) >= size(params["of"]) or overlapping(shape, strides) \
                or any([s == 0 and d > 1 for d, s in zip(shape, strides)]):
            return self.add(base, self.emit(o_embed, (ct if not isinstance(ct, float) else np.full(shape, ct),), params))
        acc = self.own(base)
        acc.laid_out()
        part = acc.alias(window_view(acc.arr, params["offset"], shape, strides))
        part += ct
        return 0

    cdef int load(self, int32_t base, int64_t flat, int32_t bar) except -1:
        """The cotangent of an element goes to its array."""
        cdef ArrayVar acc = self.own(base), part
        if not acc.pending():
            return element_add(acc, flat, bar)
        part = acc.alias(window_view(acc.arr, flat, (), ()))
        part += number(self.tape, bar)
        return 0

    cdef int put(self, int32_t k, Rec rec) except -1:
        """A window or fancy index was written: its cotangent goes to what was written, zero to what was there."""
        cdef ArrayVar acc = self.own(k)
        cdef ArrayVar part
        cdef int32_t j = rec.at[1]
        cdef dict w = rec.params
        if rec.op.kind == KIND_PUT:
            acc.laid_out()
            part = acc.alias(window_view(acc.arr, w["offset"], w["shape"], w["strides"]))
            if j >= 0 and self.mask[j]:
                self.add(j, fit(apply1(o_positive, part), rec.vals[1], w["shape"]))
            part[...] = 0.0
        else:
            index = rec.vals[2]
            if j >= 0 and self.mask[j]:
                g = apply2(o_gather, acc, index)
                keep = last_write(index, rec.shape)
                if not keep.all():
                    g = apply_op(o_select, (keep, g, 0.0), None)
                self.add(j, fit(g, rec.vals[1], g.shape))
            acc[index] = 0.0
        return self.move(k, rec.at[0])

    cdef object chain(self, const Partial *q, object bar, object p, Rec rec, int32_t k, object doubted):
        """bar * p, the cotangent with partial q of instruction k; None where p is zero."""
        if type(p) is float:
            if <double> p == 1.0:
                return bar
            if <double> p == 0.0 and q.kind != PARTIAL_OPERAND:
                return None
            if <double> p == -1.0:
                return self.emit(o_negative, (bar,), None)
        if q.limit >= 0 and type(p) is not float and cuts():
            g = self.emit(o_settled, (bar, p, self.tape.captured(self.operand(rec, q.limit, k))), None)
        else:
            g = self.emit(o_masked if q.mask else o_chain, (bar, p), None)
        if doubted is not None:
            return self.emit(o_select, (doubted, self.emit(o_multiply, (bar, p), None), g), None)
        return self.doubted_elements(k, bar, p, g, kinked(rec.op.opcode)) if self.singular(k, rec.op.opcode) else g

    cdef object operand(self, Rec rec, int i, int32_t k):
        """Operand i of instruction k, or its result where i is their number, as a traced value if it is one."""
        cdef Tape tape = self.tape
        cdef int32_t j = rec.at[i] if i < rec.n else k
        v = rec.vals[i] if i < rec.n else rec.out
        if j < 0:
            return v
        if tape.nodes[j].flags & NODE_ARRAY:
            return None if v is None else make_array(tape, j, v, False)
        return number(tape, j)

    cdef object partial(self, const Partial *q, Rec rec, int32_t k):
        """A partial of instruction k."""
        cdef const Node *p
        cdef list found
        cdef int i, arity
        if q.kind == PARTIAL_CONSTANT:
            return q.c
        if q.kind == PARTIAL_OPERAND:
            return self.operand(rec, q.ref, k)
        found = [None] * q.n
        for i in range(q.n):
            p = q.program + i
            if p.op == OP_INPUT:
                if q.uses >> i & 1:
                    found[i] = self.tape.captured(self.operand(rec, i, k))
            elif p.op >= OP_FIRST_SCALAR:
                arity = scalar_arity(p.op)
                found[i] = self.emit(scalar_op(p.op), (found[p.a],) if arity == 1 else (found[p.a], found[p.b]) if arity == 2
                                     else (found[p.a], found[p.b], found[p.c]), None)
            else:
                found[i] = p.v
        return found[q.ref]

    cdef bint elementwise(self, Rec rec, object ct, int32_t k) except -1:
        """An operation on float64 arrays backward, by its compiled partials; False: it is left to the rules."""
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
            lost = kink_of(op, tuple([self.tape.captured(self.operand(rec, i, k)) for i in range(rec.n)]))
            if not through:
                lost, through = self.emit(o_select, (doubted, lost, 0.0), None), True
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
                g = fit(g, self.operand(rec, i, k), rec.shape)
            self.add(rec.at[i], g)
        return True

    cdef int record(self, int32_t k) except -1:
        """An array instruction backward."""
        cdef Tape tape = self.tape
        cdef Node p = tape.nodes[k]
        cdef Rec rec = <Rec> tape.recs[p.a]
        cdef Op op = rec.op
        cdef list vals = [], active = []
        cdef int i
        cdef int32_t j
        if p.flags & NODE_ARRAY:
            if k not in self.arrays:
                return 0
            if op.kind == KIND_PUT or op.kind == KIND_PUT_INDEX:
                return self.put(k, rec)
            ct = self.arrays.pop(k)
            if self.elementwise(rec, ct, k):
                return 0
            out = None if rec.out is None else make_array(tape, k, rec.out, False)
        else:
            j = self.bars[k - self.start]
            if j < 0:
                return 0
            ct, out = number(tape, j), number(tape, k)
        if op.kind == KIND_WINDOW:
            j = rec.at[0]
            return self.window(j, rec.params, ct) if self.mask[j] else 0
        for i in range(rec.n):
            j = rec.at[i]
            vals.append(self.operand(rec, i, k))
            active.append(j >= 0 and self.mask[j])
        found = tape.for_rules(op, rec.args, tuple(vals), not isinstance(ct, Var))
        if op.role & ROLE_ROOT and self.through(k):
            gs = pull_through(op, ct, found, out, rec.shape, active)
            for i in range(len(gs)):
                if gs[i] is not None:
                    self.add(rec.at[i], gs[i])
            return 0
        if self.singular(k, op.opcode):
            self.doubt(rec, k, ct)
            ct = self.poisoned(op, k, ct, found, out, active)
        gs = pull(op, ct, found, out, rec.params, rec.shape, active)
        doubted = self.lost_norms(rec, ct, k) if op.kind == KIND_ELEMENTWISE else None
        for i in range(len(gs)):
            if doubted is not None and isinstance(gs[i], ArrayVar) and gs[i].shape == rec.shape:
                gs[i] = apply_op(o_select, (doubted, apply2(o_multiply, ct, op.partials[i](*found, out)), gs[i]), None)
            if gs[i] is not None:
                j = rec.at[i]
                self.add(j, gs[i])
        return 0

    cdef object poisoned(self, Op op, int32_t k, object ct, tuple vals, object out, list active):
        """The cotangent of instruction k, NaN where it is a zero that arithmetic made and a partial is infinite."""
        if self.marking is not None:
            self.marking[k] = ct
        elif self.marks is not None and k in self.marks:
            return poisoned(op, self.marks[k], ct, vals, out, active)
        return ct

    cdef int run(self, list inputs) except -1:
        cdef int32_t k
        cdef Node p
        cdef set wanted = set(inputs)
        cdef int32_t bar
        for k in range(self.stop - 1, self.start - 1, -1):
            if not k & 0xfff:
                PyErr_CheckSignals()
            if not self.mask[k]:
                continue
            p = self.tape.nodes[k]
            if p.op >= OP_FIRST_SCALAR:
                if self.bars[k - self.start] >= 0 and k not in wanted:
                    self.scalar(k)
            elif p.op == OP_LOAD:
                bar = self.bars[k - self.start]
                if bar >= 0 and k not in wanted:
                    self.load(p.a, node_index(&p), bar)
            elif p.op == OP_STORE:
                if k in self.arrays and k not in wanted:
                    acc = self.own(k)
                    bar = element_take(acc, p.i)
                    if self.mask[p.b]:
                        self.add_scalar(p.b, bar)
                    self.move(k, p.a)
            elif p.op == OP_REC and k not in wanted:
                self.record(k)
        return 0

    cdef object result(self, int32_t k):
        cdef int32_t bar
        if self.tape.nodes[k].flags & NODE_ARRAY:
            return self.arrays.get(k)
        bar = self.bars[k - self.start]
        return None if bar < 0 else number(self.tape, bar)


cdef inline bint is_double(object x) noexcept:
    return type(x) is cnp.ndarray and cnp.PyArray_TYPE(<cnp.ndarray> x) == cnp.NPY_DOUBLE


cdef inline Py_ssize_t size(tuple shape):
    cdef Py_ssize_t n = 1
    for d in shape:
        n *= <Py_ssize_t> d
    return n


def emit_reverse(Tape tape, int32_t start, int32_t stop, list seeds, list inputs, bint forget=False):
    """Record the reverse sweep from `seeds` to `inputs` on the tape itself.

    Parameters
    ----------
    tape : Tape
        Open; every traced cotangent belongs to it.
    start, stop : int
        The range of instructions between inputs and seeds.
    seeds : list of (int, value)
        Nodes and cotangents, numbers, arrays or traced.
    inputs : list of int
        Where the sweep ends; any nodes.
    forget : bool
        Nothing that is recorded here will be swept itself: values need not be kept.

    Returns
    -------
    list
        Traced cotangents (or floats and arrays that are constant), None where nothing depends on the input.
    """
    cdef Sweep sweep
    cdef dict marks
    cdef bint before
    if not tape.exact:
        sweep = swept(tape, start, stop, seeds, inputs, forget, None, None)
        if not sweep.doubtful or tape.live:  # what is recorded for a program is told of infinite derivatives when it runs
            return [sweep.result(k) for k in inputs]
    marks = {}
    before = set_cuts(False)
    try:
        swept(tape, start, stop, [(k, unknown(g)) for k, g in seeds], inputs, forget, None, marks)
    finally:
        set_cuts(before)
    sweep = swept(tape, start, stop, seeds, inputs, forget, marks, None)
    return [sweep.result(k) for k in inputs]


cdef Sweep swept(Tape tape, int32_t start, int32_t stop, list seeds, list inputs, bint forget, dict marks, dict marking):
    """One recorded sweep."""
    cdef Sweep sweep = Sweep(tape, start, stop, seeds, inputs, forget, marks, marking)
    for k, g in seeds:
        if sweep.mask[k]:
            sweep.add(k, g)
    with np.errstate(all="ignore"):
        sweep.run(inputs)
    return sweep


cdef object unbounded(object p, bint kink):
    """Where a partial is infinite, or is none."""
    if kink:
        return apply_op(o_not, (apply_op(o_isfinite, (p,), None),), None)
    return apply_op(o_isinf, (p,), None)


@contextmanager
def uncut():
    """Context of a sweep that asks where zeros come from: there no partial wins for being zero at infinity."""
    cdef bint before = set_cuts(False)
    try:
        yield
    finally:
        set_cuts(before)


def unknown(g):
    """Return NaN where a seed, of any kind, is not zero, and zero elsewhere."""
    return apply2(o_chain, g, np.nan) if isinstance(g, Traced) else chain_value(g, np.nan)


def poisoned(op, mark, ct, vals, out, active):
    """Return a cotangent, NaN where it is a zero that arithmetic made and a partial of the operation is infinite.

    Parameters
    ----------
    op : Op
        Elementwise.
    mark, ct : traced, ndarray or float
        The cotangent of a sweep that began with :func:`unknown` ones, and that of the sweep itself.
    vals, out : tuple, value
        Operands and result.
    active : list of bool
        Which partials matter.
    """
    cdef object infinite = None
    for i in range(len(vals)):
        if active[i]:
            one = unbounded(op.partials[i](*vals, out), kinked((<Op> op).opcode))
            infinite = one if infinite is None else apply_op(o_or, (infinite, one), None)
    lost = apply_op(o_and, (apply_op(o_isnan, (mark,), None), infinite), None)
    lost = apply_op(o_and, (lost, apply_op(o_equal, (ct, 0.0), None)), None)
    return apply_op(o_select, (lost, apply_op(o_multiply, (ct, np.nan), None), ct), None)
