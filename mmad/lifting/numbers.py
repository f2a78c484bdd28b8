"""What `float`, `complex`, `round` and `type` do in lifted code where they are called with a traced value."""

import operator

import numpy as np

from mmad._core import ScalarVar, Traced, weakened
from mmad.python.kinds import isplain
from mmad.python.refusals import refuse
from mmad.tape.constants import adopt, unboxed
from mmad.tracing.trace import template

__all__ = ["CALLED", "Operator", "as_complex", "as_float", "called", "fresh", "held", "number", "rounded"]


def number(x):
    """Return a traced value as what `float` makes of it: a number in double precision.

    Parameters
    ----------
    x : traced value
        A number, or an array of one element.
    """
    if type(x) is ScalarVar and x.dtype == np.float64:
        return weakened(x)
    if x.dtype.kind == "c":
        raise TypeError("float() argument must be a string or a real number, not 'complex'")
    if x.dtype.kind not in "f":
        return float(bool(x)) if x.dtype.kind == "b" else float(int(x))
    if x.shape != ():
        float(np.ones(x.shape))  # raises, or warns, as for a plain array
        x = x.reshape(())
    if x.dtype != np.float64:
        x = x.astype(np.float64)
    if hasattr(type(x), "__getitem__") and not isinstance(x, ScalarVar):
        x = x[()]
    return weakened(x) if type(x) is ScalarVar else x


def held(x):
    """Return the traced value that a number or an object stands for; None if it stands for a plain value.

    An object may have a method ``__float__`` that returns a traced value, which Python's `float` refuses.
    """
    if isinstance(x, Traced):
        return x
    if isplain(x, float | int | str | bytes | np.generic):
        return None
    if isplain(x, np.ndarray):
        if not x.dtype.hasobject or x.size != 1:
            return None
        return held(x.reshape(-1)[0])
    convert = getattr(type(x), "__float__", None)
    if convert is None or not hasattr(convert, "__code__"):
        return None
    value = convert(x)
    return value if isinstance(value, Traced) else None


def as_float(*args):
    """`float` of a traced value is the value as a number; of anything else it is `float`."""
    if len(args) == 1:
        x = held(args[0])
        if x is not None:
            return number(x)
    return float(*args)


def as_complex(*args, **kwargs):
    """`complex` of traced parts is a + 1j*b; of anything else it is `complex`."""
    parts = [*args, *kwargs.values()]
    if not any(isinstance(v, Traced) for v in parts):
        return complex(*args, **kwargs)
    if len(parts) == 1:
        x = parts[0]
        return x if x.dtype.kind == "c" else number(x) + 0j
    real, imag = args if len(args) == 2 else (args[0] if args else kwargs.get("real", 0.0), kwargs.get("imag", 0.0))
    return real + 1j * imag


def rounded(x, ndigits=None):
    """`round` of a traced value to digits is refused: its derivative is zero, and it stands for x where it is shown."""
    if ndigits is not None and isinstance(x, Traced):
        refuse(
            "round() of a traced value to digits has the derivative zero: leave it out, or put another function there "
            "with mmad.lift(..., replace={round: lambda x, ndigits=None: x})"
        )
    return round(x) if ndigits is None else round(x, ndigits)


class Operator:
    """A method of `float` by its name (``float.__mul__``) for traced operands.

    Parameters
    ----------
    method : method of `float` or `complex`
    """

    def __init__(self, method):
        self.method, self.name = method, method.__name__
        self.__name__, self.__doc__ = method.__name__, method.__doc__
        self.operation = getattr(operator, self.name, None)
        self.swapped = self.operation is None and self.name.startswith("__r")
        if self.swapped:
            self.operation = getattr(operator, "__" + self.name[3:], None)

    def __call__(self, *args):
        if self.operation is None or not any(isinstance(v, Traced) for v in args):
            return self.method(*args)
        return self.operation(*reversed(args)) if self.swapped else self.operation(*args)


def class_of(*args, **kwargs):
    """`type` of a traced value is the type of the plain value that it stands for."""
    if len(args) == 1 and not kwargs and isinstance(args[0], Traced):
        return args[0].__class__
    return type(*args, **kwargs)


def _scalar(kind):
    def make(*args, **kwargs):
        if len(args) == 1 and not kwargs and not isinstance(args[0], str):
            x = unboxed(args[0])
            if isinstance(x, Traced):
                return x if x.dtype == kind else x.astype(kind)
            x = held(x)
            if x is not None:
                return number(x).astype(kind)
        return kind(*args, **kwargs)

    return make


FLOATS = {kind: _scalar(kind) for kind in (np.float64, np.float32, np.longdouble, np.complex128, np.complex64)}

#: A type, and what a call of it means in lifted code.
CALLED = {float: as_float, complex: as_complex, type: class_of, **FLOATS}


def called(f):
    """Return what a call of `f` means in lifted code: `f` itself, unless it is a type of numbers."""
    try:
        return CALLED.get(f, f)
    except TypeError:  # not hashable
        return f


def fresh(y):
    """Return an array that nobody else has as one that accepts traced values; anything else as it is."""
    if type(y) is np.ndarray and y.dtype.kind in "fc" and y.base is None:
        like = template()
        if like is not None:
            return adopt(y, like)
    return y
