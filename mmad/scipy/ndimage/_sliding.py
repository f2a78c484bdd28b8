"""Operations of `scipy.ndimage` that slide a window over an array: correlation, and the mean of a window.

SciPy computes the value, and the transpose too: it is a correlation of the array between zeros with the reversed
weights, whose result beyond the borders is added to the elements that the border shows.
"""

import numpy as np
import scipy.ndimage as _scipy

from mmad._core import shape_of
from mmad.ops.declare import linear
from mmad.scipy._bilinear import bilinear
from mmad.scipy.ndimage._borders import extended, fold

__all__ = ["correlation", "moving_mean", "reach"]

IMAGE = np.array([[0.7, -1.2, 0.4, 2.1], [1.3, 0.2, -0.8, 0.5], [-0.4, 0.9, 1.6, -0.3]])
LINE = np.array([0.8, -0.5, 1.2, 0.3])
BLOCK = np.array([[0.8, -0.5], [1.2, 0.3], [-0.7, 0.6]])


def reach(size, origin):
    """Return how many elements of a window are before its place, and how many after."""
    before = size // 2 + origin
    return before, size - 1 - before


def _between_zeros(y, axes, sizes):
    """Return y between zeros, so that a correlation without origin gives all products with shifted weights."""
    width = [(0, 0)] * y.ndim
    for axis, m in zip(axes, sizes, strict=True):
        width[axis] = (m - 1 - m // 2, m // 2)
    return np.pad(y, width)


# --- correlation ------------------------------------------------------------------------------------------
# `axes` are negative; the second operand has an axis for each.
def _slide(x, w, axes, mode, origin):
    w = w.conj()  # SciPy conjugates weights
    if len(axes) == 1:
        return _scipy.correlate1d(x, w, axes[0], mode=mode, origin=origin[0])
    shape, places = [1] * x.ndim, [0] * x.ndim
    for axis, m, at in zip(axes, w.shape, origin, strict=True):
        shape[axis], places[axis] = m, at
    return _scipy.correlate(x, w.reshape(shape), mode=mode, origin=places)


def _slide_by_data(ct, w, shape, axes, mode, origin):
    none = (0,) * len(axes)
    y = _slide(_between_zeros(ct, axes, w.shape), np.flip(w), axes, "constant", none)
    for axis, m, at in zip(axes, w.shape, origin, strict=True):
        y = fold(y, axis, shape[axis], reach(m, at)[0], mode)
    return y


def _slide_by_weights(ct, x, shape, axes, mode, origin):
    for axis, m, at in zip(axes, shape, origin, strict=True):
        x = extended(x, axis, *reach(m, at), mode)
    window = [slice(None)] * x.ndim
    out = np.empty(shape, np.result_type(ct, x))
    letters = "abcdefghijklmnopqrstuvwxyz"[: ct.ndim]
    for index in np.ndindex(*shape):
        for axis, k in zip(axes, index, strict=True):
            window[axis] = slice(k, k + ct.shape[axis])
        out[index] = np.einsum(f"{letters},{letters}->", ct, x[tuple(window)])
    return out


def _probe(w, axes, mode, origin):
    return IMAGE, w, {"axes": axes, "mode": mode, "origin": origin}


correlation = bilinear(
    "scipy.ndimage.correlation",
    _slide,
    _slide_by_data,
    _slide_by_weights,
    probes=(
        _probe(LINE, (-1,), "reflect", (0,)),
        _probe(LINE[:3], (-2,), "mirror", (1,)),
        _probe(BLOCK, (-2, -1), "wrap", (0, -1)),
        _probe(BLOCK, (-1, -2), "nearest", (1, 0)),
    ),
)


# --- mean of a window -------------------------------------------------------------------------------------
def _mean_adjoint(ct, shape, size, axis, mode, origin):
    y = _scipy.uniform_filter1d(_between_zeros(ct, (axis,), (size,)), size, axis, mode="constant")
    return fold(y, axis, shape[axis], reach(size, origin)[0], mode)


moving_mean = linear(
    "scipy.ndimage.moving_mean",
    lambda x, size, axis, mode, origin: _scipy.uniform_filter1d(x, size, axis, mode=mode, origin=origin),
    {0: lambda ct, x, **params: moving_mean_adjoint(ct, shape=shape_of(x), **params)},
    batch=lambda vals, batched, **params: moving_mean(vals[0], **params),
    probes=(
        (IMAGE, {"size": 3, "axis": -1, "mode": "reflect", "origin": 0}),
        (IMAGE, {"size": 6, "axis": -2, "mode": "wrap", "origin": -2}),
    ),
)
moving_mean_adjoint = linear(
    "scipy.ndimage.moving_mean_adjoint",
    _mean_adjoint,
    {0: lambda ct, y, shape, **params: moving_mean(ct, **params)},
    batch=lambda vals, batched, shape, **params: moving_mean_adjoint(
        vals[0], shape=(shape_of(vals[0])[0], *shape), **params
    ),
)
