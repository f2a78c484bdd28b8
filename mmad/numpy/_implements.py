"""Registration of NumPy functions, methods and attributes for traced values."""

import functools

import numpy as np

from mmad._core import FUNCTIONS, METHODS, PROPERTIES, SETTERS, Traced
from mmad.python.kinds import isplain
from mmad.tape.constants import has_traced, lift

__all__ = ["implements", "is_traced", "prop", "setter", "taking_lists"]


def implements(*functions, method=None):
    """Decorate an implementation on traced values.

    Parameters
    ----------
    *functions : callable or str
        The NumPy functions it stands for; several where NumPy has aliases.  A name where the oldest supported NumPy
        does not have the function; it is left out there.
    method : str, optional
        Name of the ndarray method it also is, with the array as first argument.
    """

    def register(f):
        for g in functions:
            if isinstance(g, str):
                g = getattr(np, g, None)
                if g is None:
                    continue
            if FUNCTIONS.get(g, f) is not f:
                raise ValueError(f"{g} is implemented twice")
            FUNCTIONS[g] = f
        if method is not None:
            METHODS[method] = f
        return f

    return register


#: Functions that make an array of what they are given, which has to accept traced values while a derivative is taken.
CREATORS = (np.asanyarray, np.ascontiguousarray, np.asfortranarray)


def _of_numbers(x):
    """Return whether a nested list or tuple holds numbers alone, some of them traced."""
    if isinstance(x, Traced):
        return x.shape == ()
    return all(map(_of_numbers, x)) if isinstance(x, list | tuple) else isplain(x, int | float | complex | np.number)


def _lifted(x):
    """Return a list with traced numbers in it as a traced array, and anything else as it is."""
    return lift(x) if isplain(x, list | tuple) and has_traced(x) and _of_numbers(x) else x


def taking_lists(function):
    """Return a function of NumPy that takes lists of traced numbers as well, for which NumPy has no protocol."""
    if not callable(function) or isinstance(function, np.ufunc) or function not in FUNCTIONS:
        return function
    implementation = FUNCTIONS[function]

    @functools.wraps(function)
    def call(*args, **kwargs):
        if function in CREATORS or has_traced(args) or has_traced(list(kwargs.values())):
            return implementation(*map(_lifted, args), **{name: _lifted(v) for name, v in kwargs.items()})
        return function(*args, **kwargs)

    return call


def prop(name):
    """Decorate the implementation of an ndarray attribute."""

    def register(f):
        PROPERTIES[name] = f
        return f

    return register


def setter(name):
    """Decorate the implementation of an assignment to an ndarray attribute, a function of the array and the value."""

    def register(f):
        SETTERS[name] = f
        return f

    return register


def is_traced(*values):
    """Return whether any value, or an element of a list or tuple among them, is traced."""
    return any(isinstance(v, Traced) or (isinstance(v, list | tuple) and is_traced(*v)) for v in values)
