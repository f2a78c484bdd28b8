"""Sequences of evenly or geometrically spaced numbers, also between traced ends."""

import operator

import numpy as np

from mmad._core import Traced, shape_of
from mmad.numpy._implements import implements
from mmad.numpy.calculus import sign
from mmad.numpy.ordering import values_for_shape
from mmad.numpy.reductions import lifted
from mmad.numpy.shaping import broadcast_to, expand_dims, moveaxis, plain_like
from mmad.ops import arithmetic as a
from mmad.ops.movement import concatenate, viewed
from mmad.ops.powers import power
from mmad.python.kinds import isplain
from mmad.tape.constants import adopt, has_traced
from mmad.tracing.trace import template

__all__ = ["arange", "geomspace", "linspace", "logspace"]


def _adopted(value, like):
    """Return a plain array, as one that accepts traced values while a derivative is taken."""
    like = template() if like is None else like
    return value if like is None or isinstance(value, tuple) else adopt(value, like)


def _dtype_of_call(function, *values, **kwargs):
    """Return the dtype of NumPy's own result for values of these types."""
    kinds = [v if isplain(v, int | float | complex) else v.dtype for v in map(plain_like, values)]
    ones = [np.ones((), v)[()] if isplain(v, np.dtype) else type(v)(1) for v in kinds]
    return function(*ones, **kwargs).dtype


def _cast(x, dtype):
    return x if x.dtype == dtype else a.astype(x, dtype=dtype)


def _operand(x):
    """Return an end of a sequence as an array or a number of a floating dtype; a Python number stays one."""
    x = lifted(x)
    if isplain(x, int | float | complex):
        return x * 1.0
    x = x if isinstance(x, Traced) else np.asarray(x)[()]
    return x if x.dtype.kind in "fc" else a.astype(x, dtype=np.dtype(np.float64))


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0, *, device=None, like=None):
    """`numpy.linspace`, also between traced ends."""
    if not has_traced((start, stop)):
        return _adopted(np.linspace(start, stop, num, endpoint, retstep, dtype, axis), like)
    num = operator.index(num)
    if num < 0:
        raise ValueError(f"Number of samples, {num}, must be non-negative.")
    start, stop = _operand(start), _operand(stop)
    kind = _dtype_of_call(np.linspace, start, stop)
    delta = a.subtract(stop, start)
    shape = shape_of(delta)
    intervals = num - 1 if endpoint else num
    steps = np.arange(num, dtype=np.real(np.zeros((), kind)).dtype).reshape((-1,) + (1,) * len(shape))
    step = a.divide(delta, intervals) if intervals > 0 else np.full(shape, np.nan)[()]
    y = a.add(a.multiply(steps, step if intervals > 0 else delta), start)
    if endpoint and num > 1:
        last = viewed(broadcast_to(stop, shape), lambda m: m[None])
        y = concatenate(y[:-1], _cast(last, y.dtype), axis=0)
    y = moveaxis(y, 0, axis) if axis else y
    dtype = kind if dtype is None else np.dtype(dtype)
    y = _cast(np.floor(y) if dtype.kind in "iu" else y, dtype)
    return (y, step) if retstep else y


implements(np.linspace)(linspace)


@implements(np.logspace)
def logspace(start, stop, num=50, endpoint=True, base=10.0, dtype=None, axis=0, *, like=None):
    """`numpy.logspace`, also between traced ends and of a traced base."""
    if not has_traced((start, stop, base)):
        return _adopted(np.logspace(start, stop, num, endpoint, base, dtype, axis), like)
    if shape_of(base):
        ends = [_operand(v) for v in (start, stop, base)]
        rank = max(len(shape_of(v)) for v in ends)
        start, stop, base = [viewed(v, lambda m: m.reshape((1,) * (rank - m.ndim) + m.shape)) for v in ends]
        base = expand_dims(base, axis)
    y = power(base, linspace(start, stop, num, endpoint, axis=axis))
    return y if dtype is None else _cast(y, np.dtype(dtype))


@implements(np.geomspace)
def geomspace(start, stop, num=50, endpoint=True, dtype=None, axis=0, *, like=None):
    """`numpy.geomspace`, also between traced ends."""
    if not has_traced((start, stop)):
        return _adopted(np.geomspace(start, stop, num, endpoint, dtype, axis), like)
    start, stop = _operand(start), _operand(stop)
    if np.any(np.equal(start, 0)) or np.any(np.equal(stop, 0)):
        raise ValueError("Geometric sequence cannot include zero")
    kind = np.result_type(_dtype_of_call(np.geomspace, start, stop), np.zeros((), dtype))
    shape = np.broadcast_shapes(shape_of(start), shape_of(stop))
    start, stop = (_cast(broadcast_to(v, shape), kind) for v in (start, stop))
    direction = sign(start)
    start, stop = a.divide(start, direction), a.divide(stop, direction)
    y = power(10.0, linspace(np.log10(start), np.log10(stop), num, endpoint))
    ends = [viewed(v, lambda m: m[None]) for v in (start, stop)]
    if num > 1 and endpoint:
        y = concatenate(ends[0], y[1:-1], ends[1], axis=0)
    elif num > 0:
        y = concatenate(ends[0], y[1:], axis=0)
    y = _cast(a.multiply(y, direction), kind if dtype is None else np.dtype(dtype))
    return moveaxis(y, 0, axis) if axis else y


def arange(start, stop=None, step=None, dtype=None, *, device=None, like=None):
    """`numpy.arange`, also with traced ends and steps: how many numbers there are is a choice by value."""
    if not has_traced((start, stop, step)):
        return _adopted(np.arange(start, stop, step, dtype), like)
    if stop is None:
        start, stop = 0, start
    step = 1 if step is None else step
    kind = _dtype_of_call(lambda *v: np.arange(v[0], v[0] + v[1], v[2]), start, stop, step) if dtype is None else dtype
    count = int(values_for_shape(np.ceil(a.divide(a.subtract(stop, start), step))))
    delta = a.subtract(a.add(start, step), start)  # as NumPy has it: the second number minus the first
    y = a.add(a.multiply(np.arange(max(count, 0), dtype=np.float64), delta), start)
    if not isinstance(y, Traced):
        y = _adopted(y, like)
    return _cast(y, np.dtype(kind))


implements(np.arange)(arange)
