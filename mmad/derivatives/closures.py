"""Traced values inside functions, as arguments of their own.

A rule is given the values that it differentiates with respect to.  Solvers and integrators take functions, which hold
such values in closures, defaults, partial arguments and attributes.  :func:`closed` finds them there, and gives the
same functions with other values in their places.
"""

import copy
import functools
import types

import numpy as np

from mmad._core import Traced
from mmad.derivatives.calls import Rules, suspended
from mmad.python.kinds import isplain
from mmad.tape.constants import unboxed
from mmad.tracing import tree

__all__ = ["closed", "rule_of_values"]


class Closed:
    """A tree of values and functions with holes instead of the traced values, as :func:`closed` returns it."""

    def __init__(self, whole, holes):
        self.whole, self.holes = whole, holes

    def filled(self, values):
        """Return the tree and its functions with these values in the holes."""
        places = {id(hole): value for hole, value in zip(self.holes, values, strict=True)}
        return _Walk(lambda v: id(v) in places, lambda hole: places[id(hole)]).through(self.whole)


def closed(whole):
    """Return the traced values in a tree of values and functions, and the tree without them.

    Parameters
    ----------
    whole : object
        Values, functions and containers of them.

    Returns
    -------
    values : list
        The traced values, each once.
    rest : Closed
        What gives the tree again with other values.  It holds none of those of now, which are gone when a rule runs.

    Examples
    --------
    >>> import mmad
    >>> def f(x):
    ...     values, rest = closed(lambda t: x * t)
    ...     return rest.filled([10.0 * v for v in values])(2.0)
    >>> mmad.grad(f)(1.0)
    20.0
    """
    values, holes, seen = [], [], {}

    def emptied(value):
        if id(value) not in seen:
            values.append(unboxed(value))
            holes.append(_Hole())
            seen[id(value)] = value, holes[-1]  # kept, so that no other gets its identity
        return seen[id(value)][1]

    whole = _Walk(_is_traced, emptied).through(whole)
    return values, Closed(whole, holes)


class _Hole:
    """The place of a value; opaque to whoever flattens a tree."""

    __slots__ = ()


def _is_traced(v):
    return isinstance(v, Traced) or (isplain(v, np.ndarray) and v.dtype.hasobject and isinstance(unboxed(v), Traced))


class _Walk:
    """One walk through a tree and its functions, which replaces values; what holds none of them stays itself.

    Parameters
    ----------
    wanted, replace : callable
        ``wanted(leaf)``: whether a leaf is replaced, by ``replace(leaf)``.
    """

    def __init__(self, wanted, replace):
        self.wanted, self.replace, self.done = wanted, replace, {}

    def through(self, x):
        """Return x with its values replaced."""
        leaves, structure = tree.flatten(x)
        new = [self.leaf(v) for v in leaves]
        if all(v is w for v, w in zip(leaves, new, strict=True)):
            return x
        return tree.unflatten(structure, new)

    def leaf(self, v):
        """Return a leaf replaced: a wanted value, or a function that holds some."""
        if self.wanted(v):
            return self.replace(v)
        if not callable(v) or isinstance(v, type):
            return v
        if id(v) not in self.done:
            self.done[id(v)] = v, (self.function(v) if self.reaches(v, {}) else v)
        return self.done[id(v)][1]

    def reaches(self, x, seen):
        """Return whether a wanted value is in x; `seen` holds the functions on the way, which may hold each other."""
        for v in tree.flatten(x)[0]:
            if self.wanted(v):
                return True
            if callable(v) and not isinstance(v, type) and id(v) not in seen:
                seen[id(v)] = v
                if any(self.reaches(part, seen) for part in _parts(v)):
                    return True
        return False

    def function(self, f):
        """Return a function with the values replaced that it holds."""
        if isinstance(f, types.FunctionType):
            # One by one: a list that the function fills stays that list.
            cells = f.__closure__ or ()
            held = [cell if not self.reaches(_content(cell), {}) else types.CellType() for cell in cells]
            g = types.FunctionType(f.__code__, f.__globals__, f.__name__, self.through(f.__defaults__), tuple(held))
            g.__kwdefaults__, g.__qualname__, g.__doc__ = self.through(f.__kwdefaults__), f.__qualname__, f.__doc__
            g.__dict__.update(f.__dict__)
            self.done[id(f)] = f, g  # before its contents, which may be the function itself
            for cell, new in zip(cells, held, strict=True):
                if new is not cell:
                    new.cell_contents = self.through(_content(cell))
            return g
        if isinstance(f, functools.partial):
            return _partial(*[self.through(part) for part in _parts(f)])
        if isinstance(f, types.MethodType):
            return types.MethodType(self.leaf(f.__func__), self.owner(f.__self__))
        return self.owner(f)

    def owner(self, obj):
        """Return an object with the values replaced that its attributes hold."""
        if self.wanted(obj):
            return self.replace(obj)
        if not _attributes(obj):
            return obj
        new = self.through(dict(obj.__dict__))
        if all(v is obj.__dict__[key] for key, v in new.items()):
            return obj
        other = copy.copy(obj)
        other.__dict__.update(new)
        return other


def _parts(f):
    """Return what a function holds."""
    if isinstance(f, types.FunctionType):
        return [*map(_content, f.__closure__ or ()), f.__defaults__, f.__kwdefaults__]
    if isinstance(f, functools.partial):
        return [f.func, f.args, f.keywords]
    if isinstance(f, types.MethodType):
        owner = f.__self__
        return [f.__func__, owner if isinstance(owner, Traced | _Hole) else _attributes(owner)]
    return [_attributes(f)]


def _attributes(obj):
    held = getattr(obj, "__dict__", None)
    return dict(held) if isinstance(held, dict) and not isinstance(obj, type | types.ModuleType) else {}


def _partial(function, args, keywords):
    return functools.partial(function, *args, **keywords)


def _content(cell):
    try:
        return cell.cell_contents
    except ValueError:  # a name that is not bound yet
        return None


def rule_of_values(name, whole, body, push, pull):
    """Return a function of a tree of values and functions, with a rule for the traced values in it.

    Parameters
    ----------
    name : str
        For messages.
    whole : object
    body : callable
        ``body(whole)`` -> result, of plain values.
    push : callable
        ``push(filled, values, tangents, y)`` -> tangent of the result; ``filled(values)`` is the tree.
    pull : callable
        ``pull(filled, values, ct, y)`` -> a list of cotangents of the values.
    """
    values, rest = closed(whole)
    if not values:
        with suspended():  # creation functions make plain arrays
            return body(whole)
    rules = Rules(
        name,
        lambda values: body(rest.filled(values)),
        lambda call, primals, tangents, y: push(rest.filled, primals[0], tangents[0], y),
        lambda call, residual, ct, primals, y: (pull(rest.filled, primals[0], ct, y),),
        needs_out=True,
    )
    return rules.apply((values,))
