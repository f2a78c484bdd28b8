"""A part of a function, as a function of the values that it is differentiated with respect to.

`checkpoint`, `checkpointed_loop` and `forward` differentiate a part by themselves.  Its values are those among its
arguments and those that it closes over.
"""

from mmad._core import Traced, dtype_of
from mmad.derivatives.calls import holds_var
from mmad.derivatives.first_order import jvp, vjp
from mmad.tape.constants import unboxed
from mmad.tracing import tree
from mmad.tracing.outside import Outside
from mmad.tracing.packing import is_operand

__all__ = ["Leaves", "PartOfFunction", "among", "moving_of", "pulled", "pushed"]


class Leaves:
    """A tree, taken apart into values that can be operands of an instruction, and the rest."""

    def __init__(self, x):
        leaves, self.structure = tree.flatten(x)
        self.leaves = [unboxed(v) for v in leaves]
        self.at = [k for k, v in enumerate(self.leaves) if is_operand(v)]
        self.moving = [k for k in self.at if dtype_of(self.leaves[k]).kind in "fc"]  # what derivatives flow through

    def pick(self, positions):
        return [self.leaves[k] for k in positions]

    def put(self, positions, values):
        """Return the tree with other values at some leaves."""
        leaves = list(self.leaves)
        for k, v in zip(positions, values, strict=True):
            leaves[k] = v
        return tree.unflatten(self.structure, leaves)


def moving_of(values):
    """Return the positions of the values that derivatives flow through."""
    return [k for k, v in enumerate(values) if dtype_of(v).kind in "fc"]


def among(function, values, positions):
    """Return `function` of all values, as one of those at some places."""

    def g(*some):
        full = list(values)
        for k, v in zip(positions, some, strict=True):
            full[k] = v
        return function(*full)

    return g


def pushed(function, primals, tangents):
    """Return the tangent of what a function of values returns, in forward mode."""
    moving = moving_of(primals)
    return jvp(among(function, primals, moving), tuple(primals[k] for k in moving), tuple(tangents[k] for k in moving))[
        1
    ]


def pulled(function, primals):
    """Return the value of a function and its pullback, with None for what has no cotangent."""
    moving = moving_of(primals)
    y, pullback = vjp(among(function, primals, moving), *[primals[k] for k in moving])

    def pull(ct):
        cotangents = [None] * len(primals)
        for k, g in zip(moving, pullback(ct), strict=True):
            cotangents[k] = g
        return cotangents

    return y, pull


class PartOfFunction:
    """A call of a function, by the values that it depends on.

    Parameters
    ----------
    f : callable
    args, kwargs : tuple, dict

    Attributes
    ----------
    operands : list
        The traced values that `f` closes over, then the numbers and arrays among the arguments.
    recorded : bool
        Whether one of them is recorded on a tape.
    """

    def __init__(self, f, args, kwargs):
        self.outside, self.given = Outside(f), Leaves((args, kwargs))
        self.operands = [*self.outside.values, *self.given.pick(self.given.at)]
        self.recorded = any(holds_var(v) for v in self.operands if isinstance(v, Traced))

    def body(self, *values):
        """Return what the function gives for other values of the operands."""
        count = len(self.outside.values)
        args, kwargs = self.given.put(self.given.at, values[count:])
        return self.outside.given(values[:count])(*args, **kwargs)
