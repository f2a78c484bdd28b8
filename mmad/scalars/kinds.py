"""Which values are numbers of another type than Python's and NumPy's own."""

import decimal
import numbers

import numpy as np

from mmad.python.kinds import isplain

__all__ = ["concrete_of", "is_complex", "is_other_number", "one_like", "zero_like"]

OWN = (int, float, complex, np.generic, np.ndarray)
KNOWN: dict[type, bool] = {}  # the answer for each type that was asked for


def is_other_number(x):
    """Return whether x is a number that is neither Python's int, float or complex nor NumPy's.

    These are what is registered as `numbers.Number`, `decimal.Decimal`, and numbers with uncertainties.

    Examples
    --------
    >>> import fractions
    >>> is_other_number(fractions.Fraction(1, 3)), is_other_number(1.0)
    (True, False)
    """
    cls = type(x)
    known = KNOWN.get(cls)
    if known is None:
        known = KNOWN[cls] = not issubclass(cls, OWN) and _is_number_type(cls)
    return known


def _is_number_type(cls):
    if cls.__module__.partition(".")[0] == "mmad":
        return getattr(cls, "is_traced_other_number", False)
    if hasattr(cls, "nominal_value") and hasattr(cls, "std_dev"):  # uncertainties.UFloat, which is not registered
        return True
    return issubclass(cls, numbers.Number | decimal.Decimal)


def concrete_of(x):
    """Return the plain number inside of a traced one."""
    while getattr(type(x), "is_traced_other_number", False):
        x = x.value
    return x


def is_complex(x):
    """Return whether a plain value is a complex number."""
    return isplain(x, numbers.Complex) and not isplain(x, numbers.Real)


def one_like(x):
    """Return one, in the type of x."""
    return type(x)(1) if not hasattr(x, "nominal_value") else 1.0


def zero_like(x):
    """Return zero, in the type of x."""
    return type(x)(0) if not hasattr(x, "nominal_value") else 0.0
