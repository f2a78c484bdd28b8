"""One application of a function with rules of its own: trees of arguments and results as operands and one value.

The leaves of the arguments are the operands of the instruction.  The leaves of the result are packed into one vector (a
single leaf is left as it is), and so are their tangents and cotangents.  What carries no derivative (integers, text,
None) is kept with it, and may not change when the instruction is evaluated again.
"""

import numpy as np

from mmad._core import Traced, dtype_of, shape_of
from mmad.errors import OtherResultError
from mmad.ops.movement import concatenate, reshape, size
from mmad.python.kinds import isplain
from mmad.tape.constants import unboxed
from mmad.tracing import tree
from mmad.tracing.results import as_given, in_dtype, zero_of

__all__ = ["Call", "Slot"]

SAVED = 64  # residuals kept an application: one a lane of a batch; older ones are computed again


def is_operand(x):
    """Return whether a leaf is a number or an array that derivatives flow through, or an array that has to be kept."""
    if isplain(x, np.ndarray):
        return x.dtype.kind in "fciub"
    return isplain(x, Traced | float | complex | np.inexact)


class Slot:
    """A leaf of a result: its place in the packed vector."""

    __slots__ = ("dtype", "number", "shape", "size", "start")

    def __init__(self, leaf, start):
        self.number = type(leaf) is float
        self.shape, self.dtype, self.start = shape_of(leaf), dtype_of(leaf), start
        self.size = size(self.shape)

    def __eq__(self, other):
        return isinstance(other, Slot) and (self.shape, self.dtype, self.start) == (
            other.shape,
            other.dtype,
            other.start,
        )

    __hash__ = None

    def take(self, flat):
        """Take this leaf out of the packed vector; of a cotangent likewise."""
        part = flat[self.start : self.start + self.size]
        part = reshape(part, self.shape) if self.shape else part[0]
        if isinstance(part, Traced):
            return in_dtype(part, self.dtype)
        part = part.real if self.dtype.kind != "c" else part
        return part.astype(self.dtype) if self.shape or self.dtype != np.float64 else float(part)


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
        """Return the differentiable arguments, as a tuple."""
        leaves = list(self.leaves)
        for k, v in zip(self.operands, operands, strict=True):
            leaves[k] = as_given(v)
        return tree.unflatten(self.structure, leaves)

    def tangents(self, operands, dots):
        """Return the tangents of the differentiable arguments: zeros where None, what has no derivative as it is."""
        leaves = [0.0 if isplain(v, int | np.integer) else v for v in self.leaves]
        for k, v, d in zip(self.operands, operands, dots, strict=True):
            leaves[k] = zero_of(v) if d is None else as_given(d)
        return tree.unflatten(self.structure, leaves)

    def everything(self, arguments):
        """Return all arguments by position, those that are not differentiated with respect to among them."""
        args = list(arguments)
        for k in sorted(self.fixed):
            args.insert(k, self.fixed[k])
        return args

    def cotangents(self, operands, cts):
        """Return what a backward rule returned, as a list with a value or None for each operand."""
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
                raise ValueError(
                    f"the backward rule of {name}: the cotangent of argument {k} must have its structure "
                    f"({count} leaves), it has {len(leaves)} leaves"
                )
            found += leaves
        result = []
        for at, v in zip(self.operands, operands, strict=True):
            g = unboxed(found[at])
            if g is not None and shape_of(g) != shape_of(v):
                place = tree.paths(primals)[at]
                raise ValueError(
                    f"the backward rule of {name}: the cotangent of argument {place} has shape {shape_of(g)}, "
                    f"the argument {shape_of(v)}"
                )
            result.append(g if g is None or isplain(g, Traced | np.ndarray | float) else np.asarray(g)[()])
        return result

    # --- results --------------------------------------------------------------------------------
    def pack(self, y):
        """Return a result as the value of the instruction: its one leaf, or all leaves in one vector."""
        leaves, out_tree = tree.flatten(y)
        slots, statics, at = [], [], 0
        for v in leaves:
            if isinstance(v, Traced) or (isplain(v, np.ndarray) and v.dtype.hasobject):
                raise TypeError(
                    f"{self.rules.name} returned a traced value although its arguments were plain: it uses a traced "
                    "value from outside; pass that as an argument"
                )
            if isplain(v, float | complex | np.inexact) or (isplain(v, np.ndarray) and v.dtype.kind in "fc"):
                slots.append(Slot(v, at))
                at += slots[-1].size
                statics.append(None)
            else:
                slots.append(None)
                statics.append(v)
        if self.slots is None:
            self.out_tree, self.slots, self.statics = out_tree, slots, statics
        elif out_tree != self.out_tree or slots != self.slots or not all(map(_equal_arrays, self.statics, statics)):
            raise OtherResultError(
                f"{self.rules.name} returned another integer, or a result of another shape, than when the program was "
                "recorded (or than for another entry of a batch)"
            )
        parts = [v for v, s in zip(leaves, slots, strict=True) if s is not None]
        if len(parts) == 1:
            return np.array(parts[0]) if isplain(parts[0], np.ndarray) else parts[0]
        return np.concatenate([np.zeros(0), *[np.ravel(v) for v in parts]])

    def unpack(self, flat):
        """Return the leaves of a result, or of its cotangent, from the instruction's value; None for what is static."""
        if sum(s is not None for s in self.slots) == 1:
            return [None if s is None else flat for s in self.slots]
        return [None if s is None else s.take(flat) for s in self.slots]

    def result(self, flat):
        """Return the function's result."""
        leaves = [v if s is None else p for v, s, p in zip(self.statics, self.slots, self.unpack(flat), strict=True)]
        return tree.unflatten(self.out_tree, leaves)

    def cotangent(self, ct):
        """Return a cotangent in the structure of the result; zeros where it is static."""
        leaves = [
            v if s is None else as_given(p.copy() if isplain(p, np.ndarray) else p)
            for v, s, p in zip(self.statics, self.slots, self.unpack(ct), strict=True)
        ]
        return tree.unflatten(self.out_tree, [0.0 if isplain(v, int | np.integer) else v for v in leaves])

    def tangent_leaves(self, y_dot):
        """Return the leaves of a tangent that a rule returned, checked; None for zero and for what is static."""
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
            d = None if s is None else unboxed(d)
            if d is not None and shape_of(d) != s.shape:
                raise ValueError(
                    f"the rule of {name}: a tangent has shape {shape_of(d)}, the result it belongs to {s.shape}"
                )
            if d is not None and dtype_of(d).kind == "c" and s.dtype.kind != "c":
                raise TypeError(f"the rule of {name}: a tangent is complex, the result it belongs to real")
            out.append(d)
        return out

    def pack_tangent(self, leaves):
        """Return the leaves of a tangent (None: zero) as the tangent of the instruction."""
        pairs = [(d, s) for d, s in zip(leaves, self.slots, strict=True) if s is not None]
        if all(d is None for d, _ in pairs):
            return None
        if len(pairs) == 1:
            d, slot = pairs[0]
            if isinstance(d, Traced):
                return in_dtype(d, slot.dtype)
            return float(d) if slot.number else np.asarray(d, slot.dtype)[() if not slot.shape else ...]
        dtype = np.result_type(np.float64, *[s.dtype for _, s in pairs])
        parts = [
            reshape(
                np.zeros(s.shape, dtype)
                if d is None
                else in_dtype(d, dtype)
                if isinstance(d, Traced)
                else np.asarray(d, dtype),
                (s.size,),
            )
            for d, s in pairs
        ]
        return concatenate(*parts, axis=0)


def _equal_arrays(v, w):
    return v is w or np.array_equal(v, w)
