"""Traced values that a function closes over, as arguments: what lets a function be run again on other values."""

import functools
import types

import numpy as np

from mmad._core import Traced
from mmad.python.kinds import isplain
from mmad.tracing import tree

__all__ = ["Outside"]

_FOLLOWED: tuple[type, ...] = (Traced, types.FunctionType, types.MethodType, functools.partial, list, tuple, dict)


class Outside:
    """The traced values that a function reaches through closures, defaults, partial and bound arguments.

    Parameters
    ----------
    f : callable

    Attributes
    ----------
    values : list
        Traced values, each once.
    """

    def __init__(self, f):
        self.f, self.values = f, []
        seen = set()

        def note(v):
            if id(v) not in seen:
                seen.add(id(v))
                self.values.append(v)
            return v

        _replaced(f, note, {})

    def given(self, values):
        """Return the function with other values in their places; where there are none, the function itself."""
        if not self.values:
            return self.f
        new = {id(v): w for v, w in zip(self.values, values, strict=True)}
        return _replaced(self.f, lambda v: new[id(v)], {})


def _replaced(x, swap, replacements):
    """Return x with `swap` of every traced value in it; x itself where there is none that is another."""
    if isinstance(x, Traced):
        return swap(x)
    if id(x) in replacements:
        return replacements[id(x)]
    if isinstance(x, types.FunctionType):
        return _function(x, swap, replacements) if x.__closure__ or x.__defaults__ else x
    if isinstance(x, types.MethodType):
        owner, function = _replaced(x.__self__, swap, replacements), _replaced(x.__func__, swap, replacements)
        return x if owner is x.__self__ and function is x.__func__ else types.MethodType(function, owner)
    if isinstance(x, functools.partial):
        parts = _replaced((x.func, x.args, x.keywords), swap, replacements)
        return functools.partial(parts[0], *parts[1], **parts[2])
    if isinstance(x, list | tuple | dict) or (hasattr(x, "__dict__") and tree._differentiable(x)):
        return _container(x, swap, replacements)
    return x


def _function(f, swap, replacements):
    cells = []
    for cell in f.__closure__ or ():
        try:
            known = cell.cell_contents
        except ValueError:  # not bound yet
            known = None
        # numbers and arrays stay in the cell that they are in, so that `nonlocal` reaches it
        cells.append(types.CellType() if isinstance(known, _FOLLOWED) or hasattr(known, "__dict__") else cell)
    g = types.FunctionType(f.__code__, f.__globals__, f.__name__, None, tuple(cells) if f.__closure__ else None)
    replacements[id(f)] = g  # before its contents, which may lead back to it
    for new, old in zip(cells, f.__closure__ or (), strict=True):
        if new is not old:
            new.cell_contents = _replaced(old.cell_contents, swap, replacements)
    g.__defaults__ = f.__defaults__ and tuple(_replaced(v, swap, replacements) for v in f.__defaults__)
    g.__kwdefaults__ = f.__kwdefaults__
    return g


def _container(x, swap, replacements):
    replacements[id(x)] = x
    leaves, structure = tree.flatten(x)
    if leaves == [x]:
        return x
    new = [_replaced(v, swap, replacements) if not isplain(v, np.ndarray) else v for v in leaves]
    if all(v is w for v, w in zip(new, leaves, strict=True)):
        return x
    return tree.unflatten(structure, new)
