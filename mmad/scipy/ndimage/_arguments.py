"""Arguments that the functions of `scipy.ndimage` share: the output's dtype, one value an axis, borders, origins."""

import numpy as np
import scipy.ndimage as _scipy

from mmad._core import Traced, dtype_of, shape_of
from mmad.errors import UnsupportedError
from mmad.numpy.joining import as_operand, normal_axis
from mmad.ops import arithmetic as a
from mmad.python.kinds import isplain
from mmad.scipy._drop_in import offered
from mmad.scipy.ndimage._borders import SAME_AS

__all__ = ["FUNCTIONS", "as_kind", "axes_of", "bordered", "cut", "function", "image", "one_each"]

FUNCTIONS = {}
function = offered(_scipy, FUNCTIONS)


def as_kind(x, dtype):
    """Return x in a dtype."""
    return x if dtype_of(x) == dtype else a.astype(x, dtype=np.dtype(dtype))


def image(x, output, *, name, others=()):
    """Return an image as an array of the output's dtype, and this dtype.

    Parameters
    ----------
    x : array
        May be traced.
    output : dtype or None
        As SciPy takes it; an array to write to is refused.
    name : str
        Of the function.
    others : sequence of arrays
        What makes the output complex if it is.
    """
    x = as_operand(x)
    if isplain(output, np.ndarray) or isinstance(output, Traced):
        raise UnsupportedError(f"mmad.scipy.ndimage.{name} of traced values does not write to output=: use its result")
    dtype = dtype_of(x) if output is None else np.dtype(output)
    if any(dtype_of(y).kind == "c" for y in (x, *others)):
        dtype = np.promote_types(dtype, np.complex64)
    if dtype.kind not in "fc":
        raise UnsupportedError(
            f"mmad.scipy.ndimage.{name}: an image of integers gives integers, which have no derivative; give an "
            "image of floats, or output=float"
        )
    wide = np.promote_types(dtype_of(x), dtype)
    return as_kind(x, wide if dtype_of(x).kind in "fc" or not len(others) else dtype), dtype


def one_each(value, count):
    """Return a value for each of some axes: a sequence of them, or one for all."""
    if isplain(value, str) or not isplain(value, list | tuple | np.ndarray):
        shape = shape_of(value) if isinstance(value, Traced) else ()
        values = [value] * count if shape == () else [value[k] for k in range(shape[0])]
    else:
        values = list(value) if np.ndim(value) else [value] * count
    if len(values) != count:
        raise RuntimeError("sequence argument must have length equal to input rank")
    return values


def axes_of(axes, ndim):
    """Return axes as numbers that are not negative."""
    if axes is None:
        return tuple(range(ndim))
    axes = tuple(axes) if np.ndim(axes) else (axes,)
    normal = tuple(normal_axis(int(k), ndim) for k in axes)
    if len(set(normal)) != len(normal):
        raise ValueError("axes must be unique")
    return normal


def bordered(x, cval, modes, widths):
    """Return x with a constant around it, where the mode of an axis asks for one other than zero.

    Parameters
    ----------
    x : array
    cval : number
        May be traced.
    modes : dict
        Axis -> mode.
    widths : dict
        Axis -> how many elements before and after are seen.

    Returns
    -------
    (array, list of (int, int))
        The array, and how many elements were put before each axis, and after.
    """
    put = [(0, 0)] * len(shape_of(x))
    if isinstance(cval, Traced) or cval != 0:
        for axis, mode in modes.items():
            if SAME_AS.get(mode, mode) == "constant":
                put[axis] = tuple(max(w, 0) for w in widths[axis])
    return (np.pad(x, put, constant_values=cval) if any(map(any, put)) else x), put


def cut(y, put):
    """Return the part of a result that stands where the array was before `bordered`."""
    if not any(map(any, put)):
        return y
    return y[tuple(slice(before, n - after) for n, (before, after) in zip(shape_of(y), put, strict=True))]
