"""Refuse conversions of traced values to plain numbers, with messages that name the function that asked for one.

A traced value that became a plain number would lose its derivative, so `float`, `complex` and most conversions to
arrays raise.  The message names the function that asked for the conversion: the one that the user's line calls, or
the outermost function of a library on the stack.
"""

import functools
import sys
import threading

import numpy as np

from mmad.python.callees import asker, package_of
from mmad.python.followers import follow
from mmad.python.scipy_names import advice

__all__ = [
    "array_method",
    "begin",
    "end",
    "refuse",
    "refuse_complex",
    "refuse_float",
    "refused",
    "rounding",
]

REFUSED = threading.local()
NEAR = 4  # frames: a function calls NumPy's asarray through wrappers
DIGITS = 2**52  # from here on every float is an integer

# Functions that misread an object array: its memory, with strides that were made for another array, or by copying
# references to objects without counting them; or its dtype, and take an array of coefficients for a list of arrays.
# (module, name) -> what to write instead.
READERS = {
    ("numpy.lib._stride_tricks_impl", "as_strided"): "write mmad.numpy.as_strided(x, shape, strides)",
    ("scipy.spatial.distance", "squareform"): advice("scipy.spatial.distance.squareform"),
    **{
        ("scipy.signal._filter_design", name): "write it with NumPy functions"
        for name in ("normalize", "lp2lp", "lp2hp", "lp2bp", "lp2bs")
    },
}


def _reader(frame):
    """Return the entry of `READERS` for the library function that runs, or that has called the one that runs."""
    for _ in range(NEAR):
        if frame is None or package_of(frame) == "mmad":
            return None
        key = frame.f_globals.get("__name__"), frame.f_code.co_name
        if key in READERS:
            return READERS[key]
        frame = frame.f_back
    return None


def _caller():
    """Return the innermost frame outside of this module."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return frame


def refuse(message):
    """Raise TypeError and keep the message, so that code which swallows the exception and returns NaN is noticed."""
    REFUSED.message = message
    raise TypeError(message)


def _instead(name):
    if name.startswith("math."):
        return "write NumPy functions instead of math's (np.sin, not math.sin)"
    return advice(name) or "write it with NumPy functions"


def refuse_float():
    """Raise TypeError because `float()` is called on a traced value."""
    name = asker(_caller())
    if name:
        refuse(
            f"{name} asks for plain numbers, and float() of a traced value would lose its derivative: "
            f"{_instead(name)}, "
            "or give it a derivative with mmad.primitive or mmad.custom_vjp; for the number alone, "
            "use mmad.concrete(x); to fill an array, make it with np.zeros(n, like=x) or mmad.numpy.zeros(n)"
        )
    refuse(
        "float() of a traced value would lose its derivative: write NumPy functions instead of math's (np.sin, not "
        "math.sin); to fill an array, make it with np.zeros(n, like=x) or mmad.numpy.zeros(n); for the number alone, "
        "use mmad.concrete(x)"
    )


def refuse_complex():
    """Raise TypeError because `complex()` is called on a traced value."""
    name = asker(_caller())
    refuse(
        f"{name + ' asks for plain numbers, and ' if name else ''}complex() of a traced value would lose its "
        f"derivative: {advice(name) or 'use a + 1j*b'}; for the number alone, use mmad.concrete(x)"
    )


def rounding(k):
    """Return the integer that `int` makes of a traced value; refuse one of 2**52 or more.

    Such a float has no other part than the integer: `int` does not round it, it takes all its digits, as code does that
    takes a float apart.
    """
    if -DIGITS < k < DIGITS:
        return k
    return refuse(
        "int() of a traced value of 2**52 or more takes all its digits, and would lose its derivative; for the number "
        "alone, use mmad.concrete(x)"
    )


def begin():
    """Return the message of the last refusal and clear it, because another function begins to run."""
    message = getattr(REFUSED, "message", None)
    REFUSED.message = None
    return message


def end(message):
    """Restore the message that `begin` returned, because the function has ended."""
    REFUSED.message = message


def refused():
    """Return the message of the last refused conversion since the function began to run, or None."""
    return getattr(REFUSED, "message", None)


def refuse_array(dtype):
    """Raise TypeError because a traced value is to become a plain array of a dtype."""
    name = asker(_caller())
    rule = "" if not name or name.startswith("numpy.") else f"give {name} a derivative with mmad.primitive, or "
    raise TypeError(
        f"{name + ': ' if name else ''}a traced array cannot become a plain {np.dtype(dtype)} array without losing its "
        f"derivative; {advice(name) + ', ' if advice(name) else ''}{rule}write np.asarray(x, dtype=..., like=x), "
        "x.astype(...) or mmad.numpy.asarray(x, dtype=...); make arrays to fill with np.zeros(n, like=x) or "
        "mmad.numpy.zeros(n), or use mmad.concrete(x)"
    )


def object_array(x, dtype=None, copy=None):
    """Return an object array of the elements of a traced array, which follows later writes: for `np.asarray`."""
    if dtype is not None and np.dtype(dtype) != np.dtype(object):
        refuse_array(dtype)
    out = np.empty(x.shape, dtype=object)
    for k in np.ndindex(*x.shape):
        out[k] = x[k] if k else x[()]
    out.flags.writeable = bool(copy)  # a write into an array that shows x would be lost
    if not copy and dtype is None:
        follow(out, x)
    return out


def _refuse_reader(name, cure, dtype=None, copy=None):
    raise TypeError(
        f"{name} reads the memory or the dtype of its argument, where a traced array has no numbers: {cure}, or give "
        f"{name} a derivative with mmad.primitive"
    )


def _refuse_complex_objects(dtype=None, copy=None):
    name = asker(_caller())
    raise TypeError(
        f"{name + ': ' if name else ''}complex traced numbers are not put into an object array, of which NumPy's "
        f"functions (norm, vdot, std) take no conjugates: {advice(name) + ', or ' if advice(name) else ''}make it with "
        "np.array(..., like=z), mmad.numpy.array(...) or np.stack"
    )


def array_method(x, element):
    """Return the `__array__` of a traced value for the function that asks for it now.

    Parameters
    ----------
    x : traced value
    element : bool
        Whether x is a number.  It then has no `__array__` (an AttributeError), so that NumPy stores the number itself
        in an object array.
    """
    frame = sys._getframe(1)
    cure = _reader(frame)
    if cure is not None:
        return functools.partial(_refuse_reader, asker(frame), cure)
    if x.dtype.kind == "c":
        return _refuse_complex_objects
    if element:
        raise AttributeError("a traced number has no attribute '__array__'")
    return functools.partial(object_array, x)


def refuse_units():
    """Raise TypeError where astropy reads `value`, by which it takes the number out of a quantity.

    Of a traced value it would take the number without its derivative.  Astropy answers the error by leaving the
    operation to the traced value, which names the quantity.
    """
    if "astropy" in sys.modules and package_of(sys._getframe(1)) == "astropy":
        raise TypeError("a quantity of astropy would drop the derivative of a traced value")
