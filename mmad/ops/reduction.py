"""Sums and products of arrays: reductions and matrix products."""

import math

import numpy as np

from mmad._core import ScalarVar, shape_of
from mmad.ops import arithmetic as a
from mmad.ops import slopes
from mmad.ops.declare import linear, nonlinear
from mmad.ops.movement import broadcast_to, reshape, swap, viewed, window
from mmad.python.kinds import isplain


def normal_axes(axis, ndim):
    """Return axes as a sorted tuple of non-negative integers; None means all."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    return tuple(sorted(np.lib.array_utils.normalize_axis_tuple(axes, ndim)))


def _sum(x, axis, keepdims):
    return np.add.reduce(x, axis=axis, keepdims=keepdims)


def _sum_transpose(ct, x, axis, keepdims):
    shape = shape_of(x)
    if type(ct) is float and len(axis) == len(shape):
        return ct  # equal for every element: the sweep keeps it as one number
    if shape and isinstance(ct, ScalarVar) and len(axis) == len(shape):
        return window(ct, offset=0, shape=shape, strides=(0,) * len(shape), of=())
    if not keepdims:
        ct = reshape(ct, tuple(1 if k in axis else d for k, d in enumerate(shape)))
    return broadcast_to(ct, shape)


def _sum_batch(vals, batched, axis, keepdims):
    return sum_(vals[0], axis=tuple(k + 1 for k in axis), keepdims=keepdims)


def reduced(shapes, vals, axis, keepdims):
    """Return the shape that is left of the first one when axes are reduced."""
    return tuple(1 if k in axis else d for k, d in enumerate(shapes[0]) if keepdims or k not in axis)


sum_ = linear("sum", _sum, {0: _sum_transpose}, batch=_sum_batch, result=reduced)


def unbroadcast(g, shape, dtype=None):
    """Reduce a traced cotangent to the shape and dtype of the operand it belongs to."""
    gshape = shape_of(g)
    gdtype = np.dtype(type(g)) if isplain(g, (float, complex)) else g.dtype
    if dtype is not None and gdtype.kind == "c" and dtype.kind != "c":
        g, gdtype = a.real(g), np.real(np.zeros((), gdtype)).dtype
    if gshape != shape:
        extra = len(gshape) - len(shape)
        axes = tuple(k for k, d in enumerate(gshape) if k < extra or (shape[k - extra] == 1 and d != 1))
        if axes:
            g = sum_(g, axis=axes, keepdims=False)
        g = reshape(g, shape) if np.prod(shape_of(g)) == np.prod(shape) else broadcast_to(g, shape)
    if dtype is not None and gdtype != dtype:
        g = a.astype(g, dtype=dtype)
    return g


def _column(x):
    return viewed(x, lambda m: m[..., None])


def _row(x):
    return viewed(x, lambda m: m[..., None, :])


def _matmul_left(ct, x, y):
    nx, ny = len(shape_of(x)), len(shape_of(y))
    y = a.conjugated(y)
    if ny == 1:
        return a.chain(ct, y) if nx == 1 else a.chain(_column(ct), y)
    if nx == 1:
        return viewed(matmul(y, _column(ct)), lambda m: m[..., 0])
    return matmul(ct, swap(y))


def _matmul_right(ct, x, y):
    nx, ny = len(shape_of(x)), len(shape_of(y))
    x = a.conjugated(x)
    if nx == 1:
        return a.chain(ct, x) if ny == 1 else a.chain(_row(ct), _column(x))
    if ny == 1:
        return viewed(matmul(swap(x), _column(ct)), lambda m: m[..., 0])
    return matmul(swap(x), ct)


def _matmul_batch(vals, batched):
    x, y = vals
    nx, ny = (len(shape_of(v)) - bool(b) for v, b in zip(vals, batched, strict=True))
    # One matrix for all: one product of matrices, which the BLAS has faster than as many small ones.
    if nx >= 1 and ny == 2 and not batched[1]:
        rows, last = shape_of(x)[:-1], shape_of(x)[-1]
        r = matmul(reshape(x, (math.prod(rows), last)), y)
        return reshape(r, rows + shape_of(y)[-1:])
    if nx == 2 and not batched[0] and (ny == 1 or (ny == 2 and shape_of(y)[-1] == 1)):
        r = matmul(y if ny == 1 else viewed(y, lambda m: m[..., 0]), swap(x))
        return r if ny == 1 else _column(r)
    if nx == 1:
        x = _row(x)
    if ny == 1:
        y = _column(y)
    rank = max(nx, ny, 2)
    x, y = (
        reshape(v, shape_of(v)[:1] + (1,) * (rank + 1 - len(shape_of(v))) + shape_of(v)[1:])
        if b and len(shape_of(v)) < rank + 1
        else v
        for v, b in zip((x, y), batched, strict=True)
    )
    r = matmul(x, y)
    if nx == 1:
        r = viewed(r, lambda m: m[..., 0, :])
    if ny == 1:
        r = viewed(r, lambda m: m[..., 0])
    return r


def _matmul_result(shapes, vals):
    x, y = shapes
    if not x or not y or x[-1] != (y[-2] if len(y) > 1 else y[0]):
        return None
    batch = (x[:-2] or y[:-2]) if not x[:-2] or not y[:-2] or x[:-2] == y[:-2] else None
    return None if batch is None else batch + x[-2:-1] + (y[-1:] if len(y) > 1 else ())


matmul = linear(
    "matmul",
    np.matmul,
    {0: _matmul_left, 1: _matmul_right},
    batch=_matmul_batch,
    nin=2,
    result=_matmul_result,
)


def _sum_of_squares_jvp(dots, out, v):
    return sum_(a.chain(dots[0], a.add(v, v)), axis=(0,), keepdims=False)


# matmul(v, v) under a root: where an element is zero the term is zero, whatever the derivative of the root is.
sum_of_squares = nonlinear(
    "sum_of_squares",
    lambda v: np.matmul(v, v),
    _sum_of_squares_jvp,
    transposes={0: lambda ct, v: a.masked(ct, a.conjugated(a.add(v, v)))},
    batch=lambda vals, batched: sum_(slopes.own_square(vals[0]), axis=(1,), keepdims=False),
    probes=((np.array([1.3, -0.4, 2.1]),),),
    result=lambda shapes, vals: (),
)
