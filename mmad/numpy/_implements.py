"""Registration of NumPy functions, methods and attributes for traced values."""

import functools

import numpy as np

from mmad._core import FUNCTIONS, METHODS, PROPERTIES, SETTERS, Traced
from mmad.python.kinds import isplain
from mmad.tape.constants import has_traced, lift
from mmad.tracing.trace import template

__all__ = ["Function", "implements", "is_traced", "prop", "setter", "taking_lists"]


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


UFUNC_METHODS = frozenset(("accumulate", "at", "outer", "reduce", "reduceat"))

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


class Function:
    """A function of NumPy that also takes lists of traced numbers.

    Parameters
    ----------
    f : callable
    convert : callable
        What makes an argument one that NumPy's dispatch sees.
    """

    __slots__ = ("__wrapped__", "convert")

    def __init__(self, f, convert):
        self.__wrapped__, self.convert = f, convert

    @property
    def __class__(self):
        return type(self.__wrapped__)

    def __reduce__(self):
        return Function, (self.__wrapped__, self.convert)

    def __call__(self, *args, **kwargs):
        if template() is None:
            return self.__wrapped__(*args, **kwargs)
        kwargs = {name: self.convert(v) for name, v in kwargs.items()}
        return self.__wrapped__(*[self.convert(v) for v in args], **kwargs)

    def __getattr__(self, name):
        value = getattr(self.__wrapped__, name)
        return Function(value, self.convert) if name in UFUNC_METHODS else value

    def __eq__(self, other):
        return self.__wrapped__ is (other.__wrapped__ if type(other) is Function else other)

    def __hash__(self):
        return hash(self.__wrapped__)

    def __repr__(self):
        return repr(self.__wrapped__)


def _holds_traced(x):
    """Return whether a value is traced, a sequence with traced values, or a polynomial with traced coefficients."""
    return has_traced(x.coeffs if isplain(x, np.poly1d) else x)


def taking_lists(function):
    """Return a function of NumPy that takes lists of traced numbers as well, for which NumPy has no protocol."""
    if isinstance(function, np.ufunc):
        return Function(function, _lifted)
    if not callable(function) or function not in FUNCTIONS:
        return function
    implementation = FUNCTIONS[function]

    @functools.wraps(function)
    def call(*args, **kwargs):
        if function in CREATORS or any(map(_holds_traced, args)) or has_traced(list(kwargs.values())):
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
