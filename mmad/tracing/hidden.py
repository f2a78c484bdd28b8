"""Traced values in results that derivatives do not look into: iterators, sets, functions and the like.

A derivative of such a result would silently be zero, so it is refused.
"""

import functools
import gc
import types
from collections import deque

import numpy as np

from mmad._core import Traced

__all__ = ["refuse_hidden"]

LOOKED_AT = 1000  # objects that a search goes through: what a result holds directly, not all that it can reach

_PLAIN = (int, float, complex, str, bytes, type(None), np.ndarray, np.generic, Traced)
_CLOSED = (type, types.ModuleType, types.CodeType, types.BuiltinFunctionType)


def refuse_hidden(leaves, origin):
    """Raise if a leaf of a result holds traced values where derivatives do not look.

    Parameters
    ----------
    leaves : list
        Leaves of what the function returned.
    origin : object
        What is being differentiated; its text begins the message.

    Raises
    ------
    TypeError
        With the kind of the leaf, and what to return instead.
    """
    for leaf in leaves:
        if not isinstance(leaf, _PLAIN) and _holds_traced(leaf):
            raise TypeError(
                f"{origin}: the function returned {_named(leaf)} that holds traced values, and derivatives do not look "
                "into it; return numbers and arrays in a list, tuple or dict, as in list(result), or an object whose "
                "attributes hold them"
            )


def _named(x):
    kind = "function" if isinstance(x, types.FunctionType) else type(x).__name__
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _holds_traced(x):
    """Return whether a traced value is found among what x refers to."""
    pending, seen = deque([x]), set()
    while pending and len(seen) < LOOKED_AT:
        x = pending.popleft()
        if isinstance(x, Traced):
            return True
        if id(x) in seen or isinstance(x, _CLOSED):
            continue
        seen.add(id(x))
        pending.extend(_parts(x))
    return False


def _parts(x):
    """Return what x holds itself: not the globals of a function, nor the class of an object."""
    if isinstance(x, types.FunctionType):
        return [cell_contents(c) for c in x.__closure__ or ()] + [
            *(x.__defaults__ or ()),
            *(x.__kwdefaults__ or {}).values(),
        ]
    if isinstance(x, types.MethodType):
        return [x.__self__, x.__func__]
    if isinstance(x, functools.partial):
        return [x.func, x.args, x.keywords]
    if isinstance(x, types.GeneratorType):
        return [] if x.gi_frame is None else list(x.gi_frame.f_locals.values())
    return gc.get_referents(x)


def cell_contents(cell):
    """Return what a cell of a closure holds; None if nothing yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None
