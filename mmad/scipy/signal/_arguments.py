"""What the functions of `scipy.signal` share: how they are collected, operands of one dtype, ends of signals."""

import numpy as np
import scipy.signal as _scipy

from mmad._core import dtype_of, shape_of
from mmad.numpy.joining import as_operand, normal_axis
from mmad.ops import arithmetic as a
from mmad.ops.movement import concatenate, viewed
from mmad.scipy._drop_in import offered

__all__ = ["FUNCTIONS", "back", "common", "extended", "function", "last", "part"]

FUNCTIONS = {}
function = offered(_scipy, FUNCTIONS)
SINGLE = (np.float32, np.complex64)


def common(*arrays):
    """Return operands as arrays of one floating dtype, which is that of SciPy's result."""
    arrays = [as_operand(x) for x in arrays]
    dtype = np.result_type(*[dtype_of(x) for x in arrays])
    if dtype.kind not in "fc":
        dtype = np.dtype(float)
    return [x if dtype_of(x) == dtype else a.astype(x, dtype=dtype) for x in arrays]


def last(x, axis):
    """Return x with an axis as its last one."""
    axis = normal_axis(axis, len(shape_of(x)))
    return x if axis == len(shape_of(x)) - 1 else viewed(x, lambda m: np.moveaxis(m, axis, -1))


def back(y, axis):
    """Return y with its last axis where :func:`last` found it."""
    axis = normal_axis(axis, len(shape_of(y)))
    return y if axis == len(shape_of(y)) - 1 else viewed(y, lambda m: np.moveaxis(m, -1, axis))


def part(x, *bounds):
    """Return a slice of the last axis."""
    return viewed(x, lambda m: m[..., slice(*bounds)])


def extended(x, n, kind):
    """Return a signal, along its last axis, with n samples more at each end.

    Parameters
    ----------
    x : array
    n : int
    kind : {"odd", "even", "constant", "zeros", None}
        Turned about the end point, mirrored, the end point again, zeros, or nothing.
    """
    if kind is None or n < 1:
        return x
    size = shape_of(x)[-1]
    if kind in ("odd", "even") and n > size - 1:
        raise ValueError(
            f"The extension length n ({n}) is too big. It must not exceed x.shape[axis]-1, which is {size - 1}."
        )
    first, final = part(x, 0, 1), part(x, size - 1, size)
    if kind in ("odd", "even"):
        before, after = part(x, n, 0, -1), viewed(x, lambda m: m[..., size - 1 - n : size - 1][..., ::-1])
        if kind == "odd":
            before, after = first * 2 - before, final * 2 - after
    else:
        shape = (*shape_of(x)[:-1], n)
        before, after = (viewed(v, lambda m: np.broadcast_to(m, shape)) for v in (first, final))
        if kind == "zeros":
            before = after = np.zeros(shape, dtype_of(x))
    return concatenate(before, x, after, axis=len(shape_of(x)) - 1)
