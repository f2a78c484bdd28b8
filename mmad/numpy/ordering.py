"""Sorting, positions, comparisons of whole arrays, and order statistics."""

import numpy as np

from mmad._core import Traced, Var, concrete, shape_of
from mmad.numpy._implements import implements
from mmad.numpy.reductions import all as all_
from mmad.numpy.reductions import kept, lifted
from mmad.numpy.ufuncs import result_or_out
from mmad.ops import arithmetic as a
from mmad.ops import extremes
from mmad.ops.extremes import take_along
from mmad.ops.movement import reshape, size, viewed
from mmad.ops.reduction import normal_axes
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


# ---------------------------------------------------------------------------------------- order statistics
def _restored(r, shape, axes, keepdims, lead=0):
    """Return the result of an order statistic, with its reduced axes as ones where asked for."""
    if not kept(keepdims):
        return r
    ones = tuple(1 if k in axes else d for k, d in enumerate(shape))
    return reshape(r, shape_of(r)[:lead] + ones)


def _propagated(s, r):
    """Put NaN (sorted last in s) into the result r of each line that has one."""
    last = s[..., -1]
    return a.select(a.isnan(last), last, r)


@implements(np.median)
def median(x, axis=None, out=None, overwrite_input=False, keepdims=False):
    """`numpy.median`; the derivative goes to the one or two elements in the middle, in stable order."""
    x = lifted(x)
    shape = shape_of(x)
    axes = normal_axes(axis, len(shape))
    lines = merge_axes(x, axes)
    n = shape_of(lines)[-1]
    if n == 0:
        r = np.full(shape_of(lines)[:-1], np.nan, x.dtype)[()]
    else:
        s = sort(lines)
        r = s[..., n // 2]
        if n % 2 == 0:
            r = a.divide(a.add(s[..., n // 2 - 1], r), 2.0)
        r = _propagated(s, r)
    return result_or_out(_restored(r, shape, axes, keepdims), out)


_METHODS = ("linear", "lower", "higher", "nearest", "midpoint")


def _weighted(below, above, t):
    """Interpolate between two neighbours, from the nearer end as NumPy does, so that both ends are met exactly."""
    d = a.subtract(above, below)
    return a.select(np.less(t, 0.5), a.add(below, a.multiply(d, t)), a.subtract(above, a.multiply(d, 1 - t)))


@implements(np.quantile)
def quantile(x, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """`numpy.quantile`, methods linear, lower, higher, nearest and midpoint, without weights."""
    if weights is not None or method not in _METHODS:
        raise TypeError(f"numpy.quantile of traced values supports the methods {', '.join(_METHODS)} without weights")
    if isinstance(q, Traced):
        raise TypeError("numpy.quantile: q must be a plain number or array, not a traced one")
    x, q = lifted(x), np.asarray(q)
    if not np.all((q >= 0) & (q <= 1)):
        raise ValueError("Quantiles must be in the range [0, 1]")
    shape = shape_of(x)
    axes = normal_axes(axis, len(shape))
    s = sort(merge_axes(x, axes))
    n = shape_of(s)[-1]
    if n == 0:
        raise IndexError("cannot take a quantile of an empty array")
    dtype = np.real(np.zeros((), x.dtype)).dtype
    at = q.astype(np.result_type(dtype, q) if q.ndim else dtype) * (n - 1)
    if method in ("lower", "higher", "nearest"):
        at = {"lower": np.floor, "higher": np.ceil, "nearest": np.round}[method](at)
    low = np.floor(at).astype(np.intp)
    t = (at - low).astype(at.dtype)
    if method == "midpoint":
        t = np.where(t > 0, t.dtype.type(0.5), t.dtype.type(0.0))
    high = np.minimum(low + 1, n - 1)
    lead = q.ndim
    if lead:
        s = viewed(s, lambda m: np.moveaxis(m, -1, 0))
        below, above, last = s[low], s[high], s[-1]
        t = t.reshape(t.shape + (1,) * (len(shape_of(s)) - 1))
    else:
        below, above, last = s[..., int(low)], s[..., int(high)], s[..., -1]
        t = t[()]
    r = _weighted(below, above, t) if t.any() else a.positive(below)
    return result_or_out(_restored(a.select(a.isnan(last), last, r), shape, axes, keepdims, lead), out)


@implements(np.percentile)
def percentile(x, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """`numpy.percentile`; see :func:`quantile`."""
    if isinstance(q, Traced):
        raise TypeError("numpy.percentile: q must be a plain number or array, not a traced one")
    return quantile(x, np.true_divide(q, 100), axis, out, overwrite_input, method, keepdims, weights=weights)


def _without_nan(x, axis, function):
    """Return `function` of the elements of each line that are not NaN."""
    x = lifted(x)
    shape = shape_of(x)
    axes = normal_axes(axis, len(shape))
    lines = merge_axes(x, axes)
    rest = shape_of(lines)[:-1]
    if not rest:
        return function(lines[np.flatnonzero(~values_for_shape(np.isnan(lines)))]), shape, axes
    lines = reshape(a.positive(lines), (size(rest), shape_of(lines)[-1]))
    parts = [function(row[np.flatnonzero(~values_for_shape(np.isnan(row)))]) for row in lines]
    return reshape(np.stack(parts), rest), shape, axes


@implements(np.nanmedian)
def nanmedian(x, axis=None, out=None, overwrite_input=False, keepdims=False):
    """`numpy.nanmedian`."""
    r, shape, axes = _without_nan(x, axis, median)
    return result_or_out(_restored(r, shape, axes, keepdims), out)


# ------------------------------------------------------------------------------------------- set functions
def _no_derivative(name):
    def refuse(*args, **kwargs):
        raise TypeError(
            f"numpy.{name} of traced values is not supported: the shape of its result jumps with the "
            "values; use mmad.concrete(x) for the plain values"
        )

    return refuse


implements(np.unique)(_no_derivative("unique"))
