"""Functions with derivative rules of their own, as operations.

A :class:`Rules` object holds a Python function of trees and a rule for its tangents, its cotangents or both.  Applied
to traced values it becomes one instruction: the leaves of its arguments are the operands, the leaves of its result
are packed into one vector.  The body always runs on plain numbers and arrays, outside of every derivative, so that it
may call code that knows nothing of them; a rule runs on whatever the sweep works with, so that it can be
differentiated again.  The rule that is missing is derived from the other by linear transposition.
"""

import itertools

import numpy as np

from mmad import tree
from mmad._batch import Batch, LaneDivergence
from mmad._core import HOOKS, OPERATIONS, Op, Traced, Var, Wrapper
from mmad._dual import Dual
from mmad.errors import UnsupportedError
from mmad.ops import arithmetic as a
from mmad.ops.declare import shape_of
from mmad.ops.structure import concatenate, reshape, size
from mmad.tracing import Trace, _state, open_tape
from mmad.transforms.evaluate import GuardError

__all__ = ["Rules", "suspended"]

_serial = itertools.count()
SAVED = 64  # residuals kept an application: one a lane of a batch; older ones are computed again


# ------------------------------------------------------------------------------------------------ context
def holds_var(x):
    """Whether a recorded value is in x, on its own or inside dual numbers and batches."""
    while isinstance(x, Wrapper):
        if isinstance(x, Dual):
            if holds_var(x.tangent):
                return True
            x = x.primal
        else:
            x = x.lanes
    return isinstance(x, Var)


def batch_in(x):
    """The batch in x, inside dual numbers; None if there is none."""
    while isinstance(x, Dual):
        x = x.primal
    return x if isinstance(x, Batch) else None


class suspended:  # noqa: N801  (used as a function)
    """Context that is outside of all derivatives `values` do not take part in."""

    __slots__ = ("before", "values")

    def __init__(self, values=()):
        self.values = values

    def __enter__(self):
        tapes, wrappers = getattr(_state, "tapes", []), getattr(_state, "wrappers", [])
        self.before = tapes, wrappers
        keep = any(holds_var(v) for v in self.values if isinstance(v, Traced))
        inside = {v.level: v for v in self.values if isinstance(v, Wrapper)}
        _state.tapes = tapes if keep else []
        if inside or keep:
            levels = {w.level for w in wrappers}
            _state.wrappers = [*wrappers, *[w for level, w in inside.items() if level not in levels]]
        else:
            _state.wrappers = []

    def __exit__(self, *_):
        _state.tapes, _state.wrappers = self.before


def is_plain(x):
    """Whether x is a number or an array that is not traced, without looking into containers."""
    return type(x) in (float, int) or (type(x) is np.ndarray and not x.dtype.hasobject)


# ------------------------------------------------------------------------------------------------ leaves
def is_operand(x):
    """Whether a leaf is a number or an array that derivatives flow through, or an array that has to be kept."""
    if isinstance(x, np.ndarray):
        return x.dtype.kind in "fciub"
    return isinstance(x, Traced | float | complex | np.inexact)


def dtype_of(x):
    """The dtype of a plain or traced number or array."""
    return x.dtype if hasattr(x, "dtype") else np.result_type(type(x))


def zero(x):
    """A plain zero of the shape of x, of its dtype or float64."""
    dtype = dtype_of(x)
    if shape_of(x) == () and dtype.kind != "c" and dtype.itemsize >= 8:
        return 0.0
    return np.zeros(shape_of(x), dtype if dtype.kind in "fc" else np.float64)


def as_given(x):
    """A value as a function's body and rules get it: 0-d arrays are NumPy scalars."""
    return x[()] if isinstance(x, np.ndarray) and x.ndim == 0 else x


class OtherResultError(LaneDivergence, GuardError):
    """A function gave what Python saw, or a shape, otherwise than in the recorded run or in another lane."""


class Slot:
    """A leaf of a result: its place in the packed vector."""

    __slots__ = ("dtype", "number", "shape", "size", "start")

    def __init__(self, leaf, start):
        self.number = type(leaf) is float
        self.shape, self.dtype, self.start = shape_of(leaf), dtype_of(leaf), start
        self.size = size(self.shape)

    def __eq__(self, other):
        return (
            isinstance(other, Slot)
            and (self.shape, self.dtype, self.start) == (other.shape, other.dtype, other.start)
            and self.number == other.number
        )

    __hash__ = None

    def take(self, flat):
        """This leaf out of the packed vector; of a cotangent likewise."""
        part = flat[self.start:self.start + self.size]
        part = reshape(part, self.shape) if self.shape else part[0]
        if isinstance(part, Traced):
            return fitted(part, self.dtype)
        part = part.real if self.dtype.kind != "c" else part
        return part.astype(self.dtype) if self.shape or self.dtype != np.float64 else float(part)


def fitted(x, dtype):
    """x in another dtype; the real part where that is real."""
    if dtype_of(x) == dtype:
        return x
    if dtype_of(x).kind == "c" and dtype.kind != "c":
        x = a.real(x)
    return x if dtype_of(x) == dtype else a.astype(x, dtype=dtype)


class Call:
    """One application of a function: everything but the values of its operands.

    Attributes
    ----------
    rules : Rules
    fixed : dict
        The arguments that are not differentiated with respect to, by position.
    leaves : list
        Leaves of the other arguments; None for an operand.
    operands : list of int
        Which leaves are operands.
    out_tree, slots, statics : object, list, list
        Structure of the result, the slots of its differentiable leaves (None for the others), and the others; known
        once the function has run.
    saved : dict
        What the forward rule kept for the backward rule, by the identities of the operands.
    """

    def __init__(self, rules, fixed, structure, leaves):
        self.rules, self.fixed, self.structure = rules, fixed, structure
        self.operands = [k for k, v in enumerate(leaves) if is_operand(v)]
        self.leaves = [None if is_operand(v) else v for v in leaves]
        self.out_tree = self.slots = self.statics = None
        self.saved = {}

    def __repr__(self):
        return f"<call of {self.rules.name}>"

    def save(self, operands, residual):
        """Keep what the forward rule returned for these operands."""
        while len(self.saved) >= SAVED:
            self.saved.pop(next(iter(self.saved)), None)
        self.saved[tuple(map(id, operands))] = operands, residual

    # --- arguments ------------------------------------------------------------------------------
    def arguments(self, operands):
        """The differentiable arguments, as a tuple."""
        leaves = list(self.leaves)
        for k, v in zip(self.operands, operands, strict=True):
            leaves[k] = as_given(v)
        return tree.unflatten(self.structure, leaves)

    def tangents(self, operands, dots):
        """Tangents of the differentiable arguments: zeros where None, what has no derivative as it is."""
        leaves = [0.0 if isinstance(v, int | np.integer) else v for v in self.leaves]
        for k, v, d in zip(self.operands, operands, dots, strict=True):
            leaves[k] = zero(v) if d is None else as_given(d)
        return tree.unflatten(self.structure, leaves)

    def everything(self, arguments):
        """All arguments by position, those that are not differentiated with respect to among them."""
        args = list(arguments)
        for k in sorted(self.fixed):
            args.insert(k, self.fixed[k])
        return args

    def cotangents(self, operands, cts):
        """What a backward rule returned, as a list with a value or None for each operand."""
        name = self.rules.name
        primals = self.arguments(operands)
        if not isinstance(cts, tuple | list) or len(cts) != len(primals):
            got = f"a {type(cts).__name__}" if not isinstance(cts, tuple | list) else f"{len(cts)} of them"
            raise TypeError(
                f"the backward rule of {name} must return a tuple with a cotangent for each of its {len(primals)} "
                f"argument{'s' * (len(primals) != 1)} (None for zero), it returned {got}"
            )
        found = []
        for k, (x, ct) in enumerate(zip(primals, cts, strict=True)):
            count = len(tree.flatten(x)[0])
            leaves = [None] * count if ct is None else tree.flatten(ct)[0]
            if len(leaves) != count:
                raise ValueError(f"the backward rule of {name}: the cotangent of argument {k} must have its structure "
                                 f"({count} leaves), it has {len(leaves)} leaves")
            found += leaves
        result = []
        for at, v in zip(self.operands, operands, strict=True):
            g = lifted(found[at])
            if g is not None and shape_of(g) != shape_of(v):
                place = tree.paths(primals)[at]
                raise ValueError(
                    f"the backward rule of {name}: the cotangent of argument {place} has shape {shape_of(g)}, "
                    f"the argument {shape_of(v)}"
                )
            result.append(g if g is None or isinstance(g, Traced | np.ndarray | float) else np.asarray(g)[()])
        return result

    # --- results --------------------------------------------------------------------------------
    def pack(self, y):
        """A result as the value of the instruction: its one leaf, or all leaves in one vector."""
        leaves, out_tree = tree.flatten(y)
        slots, statics, at = [], [], 0
        for v in leaves:
            if isinstance(v, Traced) or (isinstance(v, np.ndarray) and v.dtype.hasobject):
                raise TypeError(
                    f"{self.rules.name} returned a traced value although its arguments were plain: it uses a traced "
                    "value from outside; pass that as an argument"
                )
            if isinstance(v, float | complex | np.inexact) or (isinstance(v, np.ndarray) and v.dtype.kind in "fc"):
                slots.append(Slot(v, at))
                at += slots[-1].size
                statics.append(None)
            else:
                slots.append(None)
                statics.append(v)
        if self.slots is None:
            self.out_tree, self.slots, self.statics = out_tree, slots, statics
        elif out_tree != self.out_tree or slots != self.slots or not all(map(_same, self.statics, statics)):
            raise OtherResultError(
                f"{self.rules.name} gave an integer, or a result of a shape, that is not as when the program was "
                "recorded (or as it is in another lane of a batch)"
            )
        parts = [v for v, s in zip(leaves, slots, strict=True) if s is not None]
        if len(parts) == 1:
            return np.array(parts[0]) if isinstance(parts[0], np.ndarray) else parts[0]
        return np.concatenate([np.zeros(0), *[np.ravel(v) for v in parts]])

    def unpack(self, flat):
        """The leaves of a result, or of a cotangent of it, from the instruction's value; None for what is static."""
        if sum(s is not None for s in self.slots) == 1:
            return [None if s is None else flat for s in self.slots]
        return [None if s is None else s.take(flat) for s in self.slots]

    def result(self, flat):
        """The function's result."""
        leaves = [v if s is None else p for v, s, p in zip(self.statics, self.slots, self.unpack(flat), strict=True)]
        return tree.unflatten(self.out_tree, leaves)

    def cotangent(self, ct):
        """A cotangent in the structure of the result; zeros where it is static."""
        leaves = [v if s is None else as_given(p.copy() if isinstance(p, np.ndarray) else p)
                  for v, s, p in zip(self.statics, self.slots, self.unpack(ct), strict=True)]
        return tree.unflatten(self.out_tree, [0.0 if isinstance(v, int | np.integer) else v for v in leaves])

    def tangent_leaves(self, y_dot):
        """The leaves of a tangent that a rule returned, checked; None for zero and for what is static."""
        if y_dot is None:
            return [None] * len(self.slots)
        leaves, _ = tree.flatten(y_dot)
        name = self.rules.name
        if len(leaves) != len(self.slots):
            raise ValueError(
                f"the rule of {name}: the tangent must have the structure of the result ({len(self.slots)} leaves), "
                f"it has {len(leaves)} leaves"
            )
        out = []
        for d, s in zip(leaves, self.slots, strict=True):
            d = None if s is None else lifted(d)
            if d is not None and shape_of(d) != s.shape:
                raise ValueError(
                    f"the rule of {name}: a tangent has shape {shape_of(d)}, the result it belongs to {s.shape}"
                )
            if d is not None and dtype_of(d).kind == "c" and s.dtype.kind != "c":
                raise TypeError(f"the rule of {name}: a tangent is complex, the result it belongs to real")
            out.append(d)
        return out

    def pack_tangent(self, leaves):
        """Leaves of a tangent (None: zero) as the tangent of the instruction."""
        pairs = [(d, s) for d, s in zip(leaves, self.slots, strict=True) if s is not None]
        if all(d is None for d, _ in pairs):
            return None
        if len(pairs) == 1:
            d, slot = pairs[0]
            if isinstance(d, Traced):
                return fitted(d, slot.dtype)
            return float(d) if slot.number else np.asarray(d, slot.dtype)[() if not slot.shape else ...]
        dtype = np.result_type(np.float64, *[s.dtype for _, s in pairs])
        parts = [reshape(np.zeros(s.shape, dtype) if d is None else fitted(d, dtype) if isinstance(d, Traced)
                         else np.asarray(d, dtype), (s.size,)) for d, s in pairs]
        return concatenate(*parts, axis=0)


def lifted(x):
    """A leaf a rule returned, an object array of traced numbers as a traced array."""
    return HOOKS["lift"](x) if isinstance(x, np.ndarray) and x.dtype.hasobject else x


def _same(v, w):
    return v is w or np.array_equal(v, w)


# ------------------------------------------------------------------------------------------------ rules
class Rules:
    """A function and its derivative rules, as one operation.

    Parameters
    ----------
    name : str
    body : callable
        ``body(*args)`` on plain values.
    push : callable, optional
        ``push(call, primals, tangents, y)`` -> tangent of y.
    pull : callable, optional
        ``pull(call, residual, ct, primals, y)`` -> cotangents of the arguments.
    forward : callable, optional
        ``forward(*args)`` -> ``(y, residual)``, in place of the body where a derivative will be taken.
    needs_out : bool
        The rules use y.
    advice : str
        What to write where a rule is missing and cannot be derived.
    """

    def __init__(self, name, body, push=None, pull=None, forward=None, needs_out=False, advice=""):
        self.name, self.body, self.push, self.pull, self.forward = name, body, push, pull, forward
        self.needs_out, self.advice = needs_out, advice
        unique = f"{name}#{next(_serial)}"
        self.op = Op(unique, self._evaluate, kind="structural", jvp=_Derivative(self), needs_out=needs_out)
        del OPERATIONS[unique]  # it lives as long as the function does

    def apply(self, args, fixed_at=()):
        """The function of positional arguments, plain or traced."""
        if all(map(is_plain, args)):
            with suspended():
                return self.body(*args)
        arguments = tuple(x for k, x in enumerate(args) if k not in fixed_at) if fixed_at else tuple(args)
        leaves, structure = tree.flatten(arguments)
        leaves = [lifted(v) for v in leaves]
        fixed = {k: args[k] for k in fixed_at}
        for k, x in fixed.items():
            if any(isinstance(v, Traced) for v in tree.flatten(x)[0]):
                raise TypeError(
                    f"{self.name}: argument {k} is in nondiff_argnums, but it is a traced value; take it out of "
                    "nondiff_argnums, or pass mmad.concrete(x)"
                )
        if not any(isinstance(v, Traced) for v in leaves):
            with suspended():
                return self.body(*args)
        if self.push is None and self.pull is None:
            raise UnsupportedError(f"{self.name} has no derivative: {self.advice}")
        call = Call(
            self, {k: x.copy() if isinstance(x, np.ndarray) else x for k, x in fixed.items()}, structure, leaves
        )
        return call.result(self.op(*[leaves[k] for k in call.operands], call=call))

    def _evaluate(self, *operands, call):
        """The instruction's value: the body on plain copies of the operands."""
        copies = [v.copy() if isinstance(v, np.ndarray) else v for v in operands]
        with suspended():
            args = call.everything(call.arguments(copies))
            if self.forward is None:
                y = self.body(*args)
            else:
                y, residual = self.split_forward(self.forward(*args))
                call.save(operands, residual)
        for v, w in zip(operands, copies, strict=True):
            if isinstance(v, np.ndarray) and self.forward is None and v.tobytes() != w.tobytes():
                raise ValueError(
                    f"{self.name} changed one of its arguments in place; a function with a rule of its own must "
                    "work on a copy, as in x = x.copy()"
                )
        return call.pack(y)

    def split_forward(self, pair):
        """(y, residual) as a forward rule returned it, checked."""
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(
                f"the forward rule of {self.name} must return (y, what the backward rule needs), it returned "
                f"a {type(pair).__name__}"
            )
        return pair

    def residual(self, call, operands):
        """What the forward rule kept when the function ran, or, on traced values, of the forward rule again."""
        if self.forward is None:
            return None
        saved = call.saved.get(tuple(map(id, operands)))  # which keeps the operands, so that no other gets its id
        if saved is not None:
            return saved[1]
        try:
            return self.split_forward(self.forward(*call.everything(call.arguments(operands))))[1]
        except TypeError as e:
            e.add_note(
                f"in the forward rule of {self.name}, which a nested derivative differentiates: to call code that "
                f"knows nothing of derivatives, call {self.name} itself there, not the function inside it"
            )
            raise

    def tangent(self, call, operands, dots, out):
        """Leaves of the result's tangent, by the rule or by transposing the backward rule."""
        y = call.result(out) if self.needs_out else None
        if self.push is not None:
            return call.tangent_leaves(self.push(call, call.arguments(operands), call.tangents(operands, dots), y))
        residual = self.residual(call, operands)
        like = next((b for b in map(batch_in, operands) if b is not None), None)

        def backward(*cts):
            full, rest = [], iter(cts)
            for s, v in zip(call.slots, call.statics, strict=True):
                full.append((0.0 if isinstance(v, int | np.integer) else v) if s is None else next(rest))
            ct = tree.unflatten(call.out_tree, full)
            gs = call.cotangents(operands, self.pull(call, residual, ct, call.arguments(operands), y))
            return [None if d is None else g for g, d in zip(gs, dots, strict=True)]

        seeds = [_seed(s, like) for s in call.slots if s is not None]
        try:
            trace = Trace(backward, seeds, {}, tuple(range(len(seeds))), f"forward mode of {self.name}")
        except (TypeError, ValueError) as e:
            e.add_note(f"forward mode of {self.name} transposes its backward rule, which must then be NumPy code; or "
                       f"{self.advice}")
            raise
        pairs = [(g, d) for g, d in zip(trace.outputs, dots, strict=True) if g is not None and d is not None]
        if not pairs:
            return [None] * len(call.slots)
        rest = iter(trace.pull([g for g, _ in pairs], [d for _, d in pairs]))
        return [None if s is None else next(rest) for s in call.slots]

    def transpose(self, call, operands, ct, out, active):
        """Cotangents of the operands, by the rule or by transposing the tangent rule."""
        y = call.result(out) if self.needs_out else None
        if self.pull is not None:
            residual = self.residual(call, operands)
            gs = call.cotangents(operands, self.pull(call, residual, call.cotangent(ct), call.arguments(operands), y))
            return [g if on else None for g, on in zip(gs, active, strict=True)]
        like = next((b for b in map(batch_in, operands) if b is not None), None)

        def forward(*dots):
            rest = iter(dots)
            full = [next(rest) if on else None for on in active]
            return call.tangent_leaves(self.push(call, call.arguments(operands), call.tangents(operands, full), y))

        seeds = [_seed(Slot(v, 0), like) for v, on in zip(operands, active, strict=True) if on]
        trace = Trace(forward, seeds, {}, tuple(range(len(seeds))), f"reverse mode of {self.name}")
        pairs = [(d, g) for d, g in zip(trace.outputs, call.unpack(ct), strict=True) if d is not None]
        if not pairs:
            return [None] * len(operands)
        rest = iter(trace.pull([d for d, _ in pairs], [g for _, g in pairs]))
        return [next(rest) if on else None for on in active]


def _seed(slot, like):
    """A zero to record a linear rule at; a batch where the rule's other values are one."""
    if slot.shape == () and slot.dtype == np.float64 and like is None:
        return _constant(0.0)
    dtype = slot.dtype if slot.dtype.kind in "fc" else np.float64
    return _constant(np.zeros(slot.shape, dtype) if like is None else HOOKS["zeros"](slot.shape, dtype, like))


def _constant(x):
    """x as a constant of the tape being recorded, not as another input of it."""
    tape = open_tape()
    if tape is None or isinstance(x, Var | Dual):
        return x
    return Batch(x.level, _constant(x.lanes)) if isinstance(x, Batch) else tape.add_constant(x)


class _Derivative:
    """The two faces of a rule that the sweeps ask for: tangents by calling it, cotangents by `transpose`."""

    __slots__ = ("rules",)

    def __init__(self, rules):
        self.rules = rules

    def __call__(self, dots, out, *operands, call):
        if not any(s is not None for s in call.slots):
            return None
        with suspended((*operands, *dots)):
            return call.pack_tangent(self.rules.tangent(call, operands, dots, out))

    def transpose(self, ct, operands, out, call, active):
        with suspended((*operands, ct)):
            return self.rules.transpose(call, operands, ct, out, active)


_derived = HOOKS["transpose_jvp"]


def _transpose_jvp(op, ct, vals, out, params, active):
    if isinstance(op.jvp, _Derivative):
        return op.jvp.transpose(ct, vals, out, params["call"], active)
    return _derived(op, ct, vals, out, params, active)


HOOKS["transpose_jvp"] = _transpose_jvp
