"""Leaves of arguments: as plain values that can be traced, and as messages name them."""

import inspect

import numpy as np

from mmad._core import Traced, own_arithmetic
from mmad.errors import OtherNumberError
from mmad.python.kinds import isplain
from mmad.scalars.kinds import is_other_number
from mmad.tape.constants import lift
from mmad.tracing import tree

__all__ = ["ArgumentPlace", "describe", "in_c_order", "plain_leaf"]


class Description:
    """'grad of loss (model.py:12)', for messages; worked out when it is printed."""

    __slots__ = ("f", "what")

    def __init__(self, f, what):
        self.f, self.what = f, what

    def __str__(self):
        g = inspect.unwrap(self.f) if callable(self.f) else self.f
        code = getattr(g, "__code__", None)
        name = getattr(g, "__name__", type(g).__name__)
        if code is None:
            return f"{self.what} of {name}"
        return f"{self.what} of {name} ({code.co_filename.rsplit('/', 1)[-1]}:{code.co_firstlineno})"


def describe(f, what):
    """Return what is being differentiated, for messages."""
    return Description(f, what)


class ArgumentPlace:
    """'grad: argument 0['weights'][1]', for messages; worked out when it is printed."""

    __slots__ = ("arg", "i", "position", "what")

    def __init__(self, what, position, arg, i):
        self.what, self.position, self.arg, self.i = what, position, arg, i

    def __str__(self):
        return f"{self.what}: argument {self.position}{tree.paths(self.arg)[self.i]}"


def plain_leaf(x, where):
    """Return a differentiable number or array as float or C-contiguous copy; a TypeError says what is wrong."""
    if type(x) is float:
        return x
    if isplain(x, np.ndarray):
        own_arithmetic(x, where)
        if x.dtype.kind in "fc":
            return np.array(x, dtype=x.dtype.newbyteorder("="), order="C", copy=True, subok=False)
        if x.dtype.hasobject:
            lifted = lift(x)
            return lifted if isinstance(lifted, Traced) else np.array(lifted, dtype=float)
    elif isplain(x, float):
        return float(x)
    elif isplain(x, np.inexact | complex):
        return np.array(x)
    if isplain(x, bool | int | np.integer | np.bool_) or (isplain(x, np.ndarray) and x.dtype.kind in "iub"):
        kind = f"an array of dtype {x.dtype}" if isplain(x, np.ndarray) else f"the {type(x).__name__} {x!r}"
        raise TypeError(
            f"{where} is {kind}; derivatives are with respect to floating-point values: "
            f"pass a float{' array (x.astype(float))' if isplain(x, np.ndarray) else f' ({float(x)})'}"
        )
    if is_other_number(x):
        raise OtherNumberError(
            f"{where} is of type {type(x).__name__}: numbers of such types are differentiated by grad, value_and_grad, "
            "jvp, vjp, hvp, value_grad_hvp, derivative, jacobian and hessian, eagerly; pass a float to others"
        )
    raise TypeError(
        f"{where} is of type {type(x).__name__}, which has no derivative; pass numbers, arrays, or containers "
        "of them, or register the class with mmad.register"
    )


def in_c_order(x):
    """Return whether an array lies in memory as the elements of a trace's arrays do."""
    return x.flags.c_contiguous and x.flags.aligned
