"""Sorting, positions, and comparisons of whole arrays."""

import numpy as np

from mmad._core import Traced, Var, concrete, shape_of
from mmad.numpy._implements import implements
from mmad.numpy.reductions import all as all_
from mmad.numpy.reductions import kept, lifted
from mmad.numpy.ufuncs import result_or_out
from mmad.ops import arithmetic as a
from mmad.ops import extremes
from mmad.ops.extremes import take_along
from mmad.ops.movement import reshape, size, stacked, viewed
from mmad.wrappers._batch import Batch, divergence


def values_for_shape(x):
    """Return the plain values behind a traced one, where they decide about shapes; lanes of a batch must agree."""
    while isinstance(x, Traced):
        if isinstance(x, Batch):
            lanes = values_for_shape(x.lanes)
            if not np.equal(lanes, lanes[:1]).all():
                raise divergence(x.level, "the lanes of a batch differ in values that a shape or position depends on")
            x = lanes[0]
        elif isinstance(x, Var):
            x = concrete(x)
        else:
            x = x.value
    return x


def truth(x):
    """Return x as truth values: what a shape may depend on without depending on the numbers themselves."""
    x = lifted(x)
    if isinstance(x, Traced):
        return x if x.dtype.kind == "b" else a.not_equal(x, 0.0)
    return np.asarray(x)


def flat(x):
    """Return x as one axis, in C order."""
    return x if len(shape_of(x)) == 1 else reshape(x, (size(shape_of(x)),))


def lined(x, axis):
    """Return x, raveled where `axis` is None, and the axis as a non-negative integer."""
    x = lifted(x)
    if axis is None:
        return flat(x), 0
    return x, np.lib.array_utils.normalize_axis_index(axis, len(shape_of(x)))


def merge_axes(x, axes):
    """Return x with the given axes moved to the end and made one."""
    shape = shape_of(x)
    if len(axes) == len(shape):
        return flat(x)
    order = tuple(k for k in range(len(shape)) if k not in axes) + axes
    if order != tuple(range(len(shape))):
        x = viewed(x, lambda m: m.transpose(order))
    if len(axes) == 1:
        return x
    moved = shape_of(x)
    rest = moved[: len(shape) - len(axes)]
    return reshape(a.positive(x), (*rest, size(moved[len(rest) :])))


# ------------------------------------------------------------------------------------------------ sorting
@implements(np.sort)
def sort(x, axis=-1, kind=None, order=None, *, stable=None):
    """`numpy.sort`, always stable, so that the derivative is."""
    x, axis = lined(x, axis)
    return take_along(x, extremes.argsort(x, axis=axis), axis=axis, unique=True)


@implements(method="sort")
def _sort_in_place(x, axis=-1, kind=None, order=None, *, stable=None):
    x.assign(sort(x, axis), "sort")


@implements(np.argsort, method="argsort")
def argsort(x, axis=-1, kind=None, order=None, *, stable=None):
    """`numpy.argsort`, always stable."""
    x, axis = lined(x, axis)
    return extremes.argsort(x, axis=axis)


@implements(np.sort_complex)
def sort_complex(x):
    """`numpy.sort_complex`."""
    x = sort(x)
    return x if x.dtype.kind == "c" else a.add(x, np.complex128(0))  # of double precision, unless x is longer


@implements(np.partition)
def partition(x, kth, axis=-1, kind="introselect", order=None):
    """`numpy.partition`."""
    x, axis = lined(x, axis)
    return take_along(x, extremes.argpartition(x, kth=kth, axis=axis), axis=axis, unique=True)


@implements(method="partition")
def _partition_in_place(x, kth, axis=-1, kind="introselect", order=None):
    x.assign(partition(x, kth, axis), "partition")


@implements(np.argpartition, method="argpartition")
def argpartition(x, kth, axis=-1, kind="introselect", order=None):
    """`numpy.argpartition`."""
    x, axis = lined(x, axis)
    return extremes.argpartition(x, kth=kth, axis=axis)


@implements(np.lexsort)
def lexsort(keys, axis=-1):
    """`numpy.lexsort`: plain integers."""
    if isinstance(keys, list | tuple):
        keys = stacked([k if isinstance(k, Traced) else np.asarray(lifted(k)) for k in keys])
    shape = shape_of(keys)
    if len(shape) < 2:
        return np.zeros(shape[1:], np.intp)
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape) - 1)
    return extremes.lexsort(keys, axis=axis)


def _position(op):
    def position(x, axis=None, out=None, *, keepdims=False):
        ndim = len(shape_of(lifted(x)))
        everything = axis is None
        x, axis = lined(x, axis)
        r = op(x, axis=axis, keepdims=kept(keepdims) and not everything)
        return result_or_out(reshape(r, (1,) * ndim) if everything and kept(keepdims) else r, out)

    return position


argmax = implements(np.argmax, method="argmax")(_position(extremes.argmax))
argmax.__doc__ = "`numpy.argmax`: plain integers."
argmin = implements(np.argmin, method="argmin")(_position(extremes.argmin))
argmin.__doc__ = "`numpy.argmin`: plain integers."


def _nan_position(position, worst):
    def nanposition(x, axis=None, out=None, *, keepdims=False):
        x = lifted(x)
        nan = a.isnan(x)
        if np.any(all_(nan, axis)):
            raise ValueError("All-NaN slice encountered")
        return position(a.select(nan, worst, x), axis, out, keepdims=keepdims)

    return nanposition


nanargmax = implements(np.nanargmax)(_nan_position(argmax, -np.inf))
nanargmax.__doc__ = "`numpy.nanargmax`: plain integers."
nanargmin = implements(np.nanargmin)(_nan_position(argmin, np.inf))
nanargmin.__doc__ = "`numpy.nanargmin`: plain integers."


@implements(np.searchsorted)
def searchsorted(table, v, side="left", sorter=None):
    """`numpy.searchsorted`: plain integers."""
    table = lifted(table)
    if sorter is not None:
        table = np.take(table, sorter)
    return extremes.searchsorted(table, lifted(v), side=side)


implements(method="searchsorted")(searchsorted)


@implements(np.digitize)
def digitize(x, bins, right=False):
    """`numpy.digitize`: plain integers."""
    bins = values_for_shape(bins)
    side = "left" if right else "right"
    if len(bins) > 1 and bins[0] > bins[-1]:
        return len(bins) - extremes.searchsorted(bins[::-1], x, side=side)
    return extremes.searchsorted(bins, x, side=side)


@implements(np.nonzero, method="nonzero")
def nonzero(x):
    """`numpy.nonzero`: plain integers."""
    return np.nonzero(values_for_shape(truth(x)))


@implements(np.flatnonzero)
def flatnonzero(x):
    """`numpy.flatnonzero`: plain integers."""
    return np.flatnonzero(values_for_shape(truth(x)))


@implements(np.argwhere)
def argwhere(x):
    """`numpy.argwhere`: plain integers."""
    return np.argwhere(values_for_shape(truth(x)))


# --------------------------------------------------------------------------------------------- comparisons
@implements(np.isclose)
def isclose(x, y, rtol=1e-5, atol=1e-8, equal_nan=False):
    """`numpy.isclose`: plain truth values."""
    x, y = lifted(x), lifted(y)
    with np.errstate(invalid="ignore"):
        near = np.less_equal(np.absolute(np.subtract(x, y)), atol + rtol * np.absolute(y))
        r = np.logical_or(np.logical_and(near, np.isfinite(y)), np.equal(x, y))
        if equal_nan:
            r = np.logical_or(r, np.logical_and(np.isnan(x), np.isnan(y)))
    return r


@implements(np.isin)
def isin(element, test_elements, assume_unique=False, invert=False, *, kind=None):
    """`numpy.isin`."""
    element, values = lifted(element), lifted(test_elements)
    equal = np.equal(np.reshape(element, (*shape_of(element), 1)), np.reshape(values, -1))
    found = np.logical_or.reduce(equal, axis=-1)
    return np.logical_not(found) if invert else found


@implements(np.allclose)
def allclose(x, y, rtol=1e-5, atol=1e-8, equal_nan=False):
    """`numpy.allclose`: a plain truth value."""
    return bool(all_(isclose(x, y, rtol, atol, equal_nan)))


@implements(np.array_equal)
def array_equal(x, y, equal_nan=False):
    """`numpy.array_equal`: a plain truth value."""
    x, y = lifted(x), lifted(y)
    if shape_of(x) != shape_of(y):
        return False
    same = np.equal(x, y)
    if equal_nan:
        same = np.logical_or(same, np.logical_and(np.isnan(x), np.isnan(y)))
    return bool(all_(same))


@implements(np.array_equiv)
def array_equiv(x, y):
    """`numpy.array_equiv`: a plain truth value."""
    try:
        np.broadcast_shapes(shape_of(lifted(x)), shape_of(lifted(y)))
    except ValueError:
        return False
    return bool(all_(np.equal(lifted(x), lifted(y))))
