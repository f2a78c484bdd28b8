"""Functions with derivative rules of their own, as operations.

A :class:`Rules` object holds a Python function of trees and a rule for its tangents, its cotangents or both.  Applied
to traced values it becomes one instruction (see `mmad.tracing.packing`).  The body always runs on plain numbers and
arrays, outside of every derivative, so that it may call code that knows nothing of them; a rule runs on whatever the
sweep works with, so that it can be differentiated again.  The rule that is missing is derived from the other by linear
transposition.
"""

import itertools
from collections import Counter
from contextlib import contextmanager

import numpy as np

from mmad._core import Jet, Traced, Var, Wrapper
from mmad.derivatives import other_numbers
from mmad.errors import UnsupportedError
from mmad.python.kinds import isplain
from mmad.scalars.traced import OtherNumber
from mmad.tape._instructions import OPERATIONS, Op
from mmad.tape.constants import unboxed, zeros
from mmad.tape.contexts import STATE, open_tape
from mmad.tracing import tree
from mmad.tracing.packing import Call, Slot
from mmad.tracing.trace import Trace
from mmad.wrappers._batch import Batch

__all__ = ["Rules", "suspended"]

_serial = itertools.count()
NESTED = 50  # derivations of one rule inside each other: deeper, it is derived from itself


# ------------------------------------------------------------------------------------------------ context
def holds_var(x):
    """Return whether a recorded value is in x, on its own or inside dual numbers and batches."""
    while isinstance(x, Wrapper):
        if isinstance(x, Jet):
            return any(map(holds_var, x.parts))
        x = x.lanes
    return isinstance(x, Var)


def wrappers_in(x):
    """Yield the dual numbers, series and batches that x consists of, the outermost first."""
    while isinstance(x, Wrapper):
        yield x
        if isinstance(x, Jet):
            first, *rest = x.parts
            for part in rest:
                yield from wrappers_in(part)
            x = first
        else:
            x = x.lanes


def batch_in(x):
    """Return the batch in x, inside dual numbers and series; None if there is none."""
    while isinstance(x, Jet):
        x = x.parts[0]
    return x if isinstance(x, Batch) else None


class suspended:  # noqa: N801  (used as a function)
    """Context that is outside of all derivatives `values` do not take part in."""

    __slots__ = ("before", "values")

    def __init__(self, values=()):
        self.values = values

    def __enter__(self):
        tapes, wrappers = getattr(STATE, "tapes", []), getattr(STATE, "wrappers", [])
        self.before = tapes, wrappers
        STATE.tapes = tapes if any(holds_var(v) for v in self.values if isinstance(v, Traced)) else []
        # A rule works below the derivative that asks for it: only what its values are wrapped in is open there.
        inside = {w.level: w for v in self.values for w in wrappers_in(v)}
        STATE.wrappers = list(inside.values())

    def __exit__(self, *_):
        STATE.tapes, STATE.wrappers = self.before


def is_plain(x):
    """Return whether x is a number or an array that is not traced, without looking into containers."""
    return type(x) in (float, int) or (type(x) is np.ndarray and not x.dtype.hasobject)


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
        ``forward(*args)`` -> ``(y, residual)``, instead of the body where a derivative will be taken.
    needs_out : bool
        The rules use y.
    advice : str
        What to write where a rule is missing and cannot be derived.
    """

    def __init__(self, name, body, push=None, pull=None, forward=None, needs_out=False, advice=""):
        self.name, self.body, self.push, self.pull, self.forward = name, body, push, pull, forward
        self.needs_out, self.advice = needs_out, advice
        unique = f"{name}#{next(_serial)}"
        rule = _Derivative(self)
        self.op = Op(unique, self._evaluate, kind="structural", jvp=rule, transpose=rule.transpose, needs_out=needs_out)
        del OPERATIONS[unique]  # it lives as long as the function does

    def apply(self, args, fixed_at=()):
        """Return the function of positional arguments, plain or traced."""
        if all(map(is_plain, args)):
            with suspended():
                return self.body(*args)
        arguments = tuple(x for k, x in enumerate(args) if k not in fixed_at) if fixed_at else tuple(args)
        leaves, structure = tree.flatten(arguments)
        leaves = [unboxed(v) for v in leaves]
        fixed = {k: args[k] for k in fixed_at}
        for k, x in fixed.items():
            if any(isinstance(v, Traced) for v in tree.flatten(x)[0]):
                raise TypeError(
                    f"{self.name}: argument {k} is in nondiff_argnums, but it is a traced value; take it out of "
                    "nondiff_argnums, or pass mmad.concrete(x)"
                )
        if not any(isinstance(v, Traced) for v in leaves):
            if any(isplain(v, OtherNumber) for v in args):
                return other_numbers.by_rule(self, args)
            with suspended():
                return self.body(*args)
        if self.push is None and self.pull is None:
            raise UnsupportedError(f"{self.name} has no derivative: {self.advice}")
        call = Call(self, {k: x.copy() if isplain(x, np.ndarray) else x for k, x in fixed.items()}, structure, leaves)
        return call.result(self.op(*[leaves[k] for k in call.operands], call=call))

    def _evaluate(self, *operands, call):
        """Return the instruction's value: run the body on plain copies of the operands."""
        copies = [v.copy() if isplain(v, np.ndarray) else v for v in operands]
        with suspended():
            args = call.everything(call.arguments(copies))
            if self.forward is None:
                y = self.body(*args)
            else:
                y, residual = self.split_forward(self.forward(*args))
                call.save(operands, residual)
        for v, w in zip(operands, copies, strict=True):
            if isplain(v, np.ndarray) and self.forward is None and v.tobytes() != w.tobytes():
                raise ValueError(
                    f"{self.name} changed one of its arguments in place; a function with a rule of its own must "
                    "work on a copy, as in x = x.copy()"
                )
        return call.pack(y)

    def split_forward(self, pair):
        """Return (y, residual) as a forward rule returned it, checked."""
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise TypeError(
                f"the forward rule of {self.name} must return (y, what the backward rule needs), it returned "
                f"a {type(pair).__name__}"
            )
        return pair

    def residual(self, call, operands):
        """Return what the forward rule kept when the function ran, or, on traced values, of the forward rule again."""
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
        """Return the leaves of the result's tangent, by the rule or by transposing the backward rule."""
        y = call.result(out) if self.needs_out else None
        if self.push is not None:
            return call.tangent_leaves(self.push(call, call.arguments(operands), call.tangents(operands, dots), y))
        with self.derived("vjp", "jvp"):
            return self.derived_tangent(call, operands, dots, y)

    @contextmanager
    def derived(self, given, missing):
        """Open a context in which the missing rule is derived from the given one; raise where that needs itself."""
        deriving = STATE.__dict__.setdefault("deriving", Counter())
        if deriving[self] >= NESTED:
            raise UnsupportedError(
                f"{self.name}: its {missing} rule cannot be derived, as its {given} rule applies {self.name} itself to "
                f"what the derivation has to transpose; give it a {missing} rule, too, with "
                "mmad.primitive(f, jvp=, vjp=)"
            )
        deriving[self] += 1
        try:
            yield
        finally:
            deriving[self] -= 1

    def derived_tangent(self, call, operands, dots, y):
        """Return the leaves of the result's tangent, by transposing the backward rule."""
        residual = self.residual(call, operands)
        like = next((b for b in map(batch_in, operands) if b is not None), None)

        def backward(*cts):
            full, rest = [], iter(cts)
            for s, v in zip(call.slots, call.statics, strict=True):
                full.append((0.0 if isplain(v, int | np.integer) else v) if s is None else next(rest))
            ct = tree.unflatten(call.out_tree, full)
            gs = call.cotangents(operands, self.pull(call, residual, ct, call.arguments(operands), y))
            return [None if d is None else g for g, d in zip(gs, dots, strict=True)]

        seeds = [_seed(s, like) for s in call.slots if s is not None]
        try:
            trace = Trace(backward, seeds, {}, tuple(range(len(seeds))), f"forward mode of {self.name}")
        except (TypeError, ValueError) as e:
            e.add_note(
                f"forward mode of {self.name} transposes its backward rule, which must then be NumPy code; or "
                f"{self.advice}"
            )
            raise
        pairs = [(g, d) for g, d in zip(trace.outputs, dots, strict=True) if g is not None and d is not None]
        if not pairs:
            return [None] * len(call.slots)
        rest = iter(trace.pull([g for g, _ in pairs], [d for _, d in pairs]))
        return [None if s is None else next(rest) for s in call.slots]

    def transpose(self, call, operands, ct, out, active):
        """Return the cotangents of the operands, by the rule or by transposing the tangent rule."""
        y = call.result(out) if self.needs_out else None
        if self.pull is not None:
            residual = self.residual(call, operands)
            gs = call.cotangents(operands, self.pull(call, residual, call.cotangent(ct), call.arguments(operands), y))
            return [g if on else None for g, on in zip(gs, active, strict=True)]
        with self.derived("jvp", "vjp"):
            return self.derived_cotangents(call, operands, ct, active, y)

    def derived_cotangents(self, call, operands, ct, active, y):
        """Return the cotangents of the operands, by transposing the tangent rule."""
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
    """Return a zero to record a linear rule at; a batch where the rule's other values are one."""
    if slot.shape == () and slot.dtype == np.float64 and like is None:
        return _as_tape_constant(0.0)
    dtype = slot.dtype if slot.dtype.kind in "fc" else np.float64
    return _as_tape_constant(np.zeros(slot.shape, dtype) if like is None else zeros(slot.shape, dtype, like))


def _as_tape_constant(x):
    """Return x as a constant of the tape being recorded, not as another input of it."""
    tape = open_tape()
    if tape is None or isinstance(x, Var | Jet):
        return x
    return Batch(x.level, _as_tape_constant(x.lanes)) if isinstance(x, Batch) else tape.add_constant(x)


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

    def transpose(self, ct, operands, out, params, active):
        with suspended((*operands, ct)):
            return self.rules.transpose(params["call"], operands, ct, out, active)
