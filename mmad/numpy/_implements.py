"""Registration of NumPy functions, methods and attributes for traced values."""

import numpy as np

from mmad._core import FUNCTIONS, METHODS, PROPERTIES, SETTERS, Traced

__all__ = ["implements", "is_traced", "prop", "setter"]


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
