"""Reductions to sums, products, means, spreads and extrema, and the running versions of them."""

import numpy as np

from mmad._core import Traced, shape_of
from mmad.numpy._implements import implements
from mmad.numpy.ufuncs import METHODS, result_or_out
from mmad.ops import arithmetic as a
from mmad.ops import cumulative, extremes, slopes
from mmad.ops.movement import broadcast_to, reshape, size
from mmad.ops.reduction import normal_axes, sum_
from mmad.python.kinds import isplain
from mmad.tape.constants import lift


def lifted(x):
    """Return x with lists of traced numbers made one traced array."""
    return lift(x) if isinstance(x, list | tuple) else x


def given(value):
    """Return whether an optional argument was given."""
    return value is not None and value is not np._NoValue


def kept(keepdims):
    """Return `keepdims` as a bool."""
    return bool(keepdims) and keepdims is not np._NoValue


def prepared(x, axis, dtype=None, where=True, neutral=0.0):
    """Return the operand of a reduction, with elements that `where` excludes made neutral, and its axes."""
    x = lifted(x)
    if dtype is not None and dtype is not np._NoValue:
        x = a.astype(x, dtype=np.dtype(dtype))
    if where is not True and where is not np._NoValue:
        x = a.select(where, x, neutral)
    return x, normal_axes(axis, len(shape_of(x)))


def count(x, axes, where=True, keepdims=False):
    """Return how many elements a reduction takes together: an int, or an array in x's precision if `where` varies."""
    shape = shape_of(x)
    if where is True or where is np._NoValue:
        return size(tuple(shape[k] for k in axes))
    where = where if isinstance(where, Traced) else np.asarray(where)
    ones = a.astype(where, dtype=np.real(np.zeros((), getattr(x, "dtype", None))).dtype)
    return sum_(broadcast_to(ones, shape), axis=axes, keepdims=keepdims)


@implements(np.sum, method="sum")
def sum(x, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True):
    """`numpy.sum` of a traced array."""
    x, axes = prepared(x, axis, dtype, where)
    r = sum_(x, axis=axes, keepdims=kept(keepdims))
    if given(initial) and not (isplain(initial, int) and initial == 0):
        r = r + initial
    return result_or_out(r, out)


@implements(np.prod, method="prod")
def prod(x, axis=None, dtype=None, out=None, keepdims=False, initial=1, where=True):
    """`numpy.prod`; its derivatives of all orders are exact with zeros among the factors."""
    x, axes = prepared(x, axis, dtype, where, 1.0)
    r = cumulative.prod(x, axis=axes, keepdims=kept(keepdims)) if axes else a.positive(x)
    if given(initial) and not (isplain(initial, int) and initial == 1):
        r = r * initial
    return result_or_out(r, out)


@implements(np.mean, method="mean")
def mean(x, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    """`numpy.mean`; float16 is summed in float32, as NumPy does."""
    half = getattr(x, "dtype", None) == np.float16 and dtype is None
    x, axes = prepared(x, axis, np.float32 if half else dtype, where)
    r = a.divide(sum_(x, axis=axes, keepdims=kept(keepdims)), count(x, axes, where, kept(keepdims)))
    return result_or_out(a.astype(r, dtype=np.dtype(np.float16)) if half else r, out)


def own_squares(x):
    """Return the squares of the moduli, of which a root may be taken."""
    if getattr(x, "dtype", np.dtype(float)).kind == "c":
        return a.add(slopes.own_square(a.real(x)), slopes.own_square(a.imag(x)))
    return slopes.own_square(x)


@implements(np.var, method="var")
def var(
    x, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=np._NoValue, correction=np._NoValue
):
    """`numpy.var`, in two passes: the mean, then the squared deviations."""
    half = getattr(x, "dtype", None) == np.float16 and dtype is None
    ddof = correction if given(correction) else ddof
    x, axes = prepared(x, axis, np.float32 if half else dtype)
    if not given(mean):
        total = sum_(x if where is True else a.select(where, x, 0.0), axis=axes, keepdims=True)
        mean = a.divide(total, count(x, axes, where, True))
    squares = own_squares(a.subtract(x, mean))
    if where is not True:
        squares = a.select(where, squares, 0.0)
    n = count(x, axes, where, kept(keepdims)) - ddof
    n = np.maximum(n, 0) if shape_of(n) else n if n > 0 else 0
    r = a.divide(sum_(squares, axis=axes, keepdims=kept(keepdims)), n)
    return result_or_out(a.astype(r, dtype=np.dtype(np.float16)) if half else r, out)


@implements(np.std, method="std")
def std(
    x, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=np._NoValue, correction=np._NoValue
):
    """`numpy.std`; where it is zero, its derivative is zero by convention, and its second derivative NaN."""
    v = var(x, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction)
    return result_or_out(slopes.root(v), out)


def _extreme_reduction(op, pick, worst):
    def reduction(x, axis=None, out=None, keepdims=False, initial=np._NoValue, where=True):
        if where is not True and where is not np._NoValue and not given(initial):
            raise ValueError(
                f"reduction operation '{pick.__name__}' does not have an identity, so to use a where mask "
                "one has to specify 'initial'"
            )
        x, axes = prepared(x, axis, None, where, worst)
        shape = shape_of(x)
        if not axes:
            r = a.positive(x)
        elif not size(tuple(shape[k] for k in axes)) and given(initial):
            left = tuple(1 if k in axes else d for k, d in enumerate(shape) if kept(keepdims) or k not in axes)
            r = np.full(left, worst, x.dtype)
        else:
            r = op(x, axis=axes, keepdims=kept(keepdims))
        if given(initial):
            r = pick(r, initial)
        return result_or_out(r, out)

    return reduction


max = implements(np.max, np.amax, method="max")(_extreme_reduction(extremes.max_, a.maximum, -np.inf))
max.__doc__ = "`numpy.max`: elements that tie share the derivative equally."
min = implements(np.min, np.amin, method="min")(_extreme_reduction(extremes.min_, a.minimum, np.inf))
min.__doc__ = "`numpy.min`: elements that tie share the derivative equally."


@implements(np.ptp)
def ptp(x, axis=None, out=None, keepdims=False):
    """`numpy.ptp`."""
    return result_or_out(max(x, axis, keepdims=keepdims) - min(x, axis, keepdims=keepdims), out)


@implements(np.average)
def average(x, axis=None, weights=None, returned=False, *, keepdims=False):
    """`numpy.average`."""
    x = lifted(x)
    if weights is None:
        r = mean(x, axis, keepdims=keepdims)
        scale = float(count(x, normal_axes(axis, len(shape_of(x)))))
    else:
        weights, shape = lifted(weights), shape_of(x)
        weights = weights if isinstance(weights, Traced) else np.asarray(weights)
        if shape_of(weights) != shape:
            if axis is None:
                raise TypeError("Axis must be specified when shapes of a and weights differ.")
            axes = np.lib.array_utils.normalize_axis_tuple(axis, len(shape))
            if shape_of(weights) != tuple(shape[k] for k in axes):
                raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
            weights = np.transpose(weights, np.argsort(axes))
            weights = reshape(weights, tuple(d if k in axes else 1 for k, d in enumerate(shape)))
            weights = broadcast_to(weights, shape)
        dtype = np.result_type(x.dtype, weights.dtype)
        weights = weights if weights.dtype == dtype else a.astype(weights, dtype=dtype)
        scale = sum(weights, axis, keepdims=keepdims)
        r = a.divide(sum(a.multiply(x, weights), axis, keepdims=keepdims), scale)
    return (r, broadcast_to(scale, shape_of(r))) if returned else r


# ---------------------------------------------------------------------------------------- ignoring NaN
@implements(np.nansum)
def nansum(x, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True):
    """`numpy.nansum`."""
    return sum(a.select(a.isnan(x), 0.0, x), axis, dtype, out, keepdims, initial, where)


@implements(np.nanprod)
def nanprod(x, axis=None, dtype=None, out=None, keepdims=False, initial=1, where=True):
    """`numpy.nanprod`."""
    return prod(a.select(a.isnan(x), 1.0, x), axis, dtype, out, keepdims, initial, where)


def _valid(x, where):
    ok = np.logical_not(a.isnan(x))
    return ok if where is True or where is np._NoValue else np.logical_and(ok, where)


@implements(np.nanmean)
def nanmean(x, axis=None, dtype=None, out=None, keepdims=False, *, where=True):
    """`numpy.nanmean`."""
    return mean(x, axis, dtype, out, keepdims, where=_valid(x, where))


@implements(np.nanvar)
def nanvar(
    x, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=np._NoValue, correction=np._NoValue
):
    """`numpy.nanvar`."""
    return var(x, axis, dtype, out, ddof, keepdims, where=_valid(x, where), mean=mean, correction=correction)


@implements(np.nanstd)
def nanstd(
    x, axis=None, dtype=None, out=None, ddof=0, keepdims=False, *, where=True, mean=np._NoValue, correction=np._NoValue
):
    """`numpy.nanstd`."""
    return std(x, axis, dtype, out, ddof, keepdims, where=_valid(x, where), mean=mean, correction=correction)


def _nan_extreme(reduction, worst):
    def nanreduction(x, axis=None, out=None, keepdims=False, initial=np._NoValue, where=True):
        nan = a.isnan(x)
        r = reduction(a.select(nan, worst, x), axis, None, keepdims, initial, where)
        if given(initial):
            return result_or_out(r, out)
        all_nan = extremes.all_(nan, axis=normal_axes(axis, len(shape_of(x))), keepdims=kept(keepdims))
        return result_or_out(a.select(all_nan, np.nan, r), out)

    return nanreduction


nanmax = implements(np.nanmax)(_nan_extreme(max, -np.inf))
nanmax.__doc__ = "`numpy.nanmax`."
nanmin = implements(np.nanmin)(_nan_extreme(min, np.inf))
nanmin.__doc__ = "`numpy.nanmin`."


# --------------------------------------------------------------------------------------------- running
def _running(op):
    def accumulate(x, axis=None, dtype=None, out=None):
        x, _ = prepared(x, None, dtype)
        ndim = len(shape_of(x))
        if axis is None:
            x, axis = (x if ndim == 1 else reshape(x, (size(shape_of(x)),))), 0
        else:
            axis = np.lib.array_utils.normalize_axis_index(axis, ndim)
        return result_or_out(op(x, axis=axis, reverse=False), out)

    return accumulate


cumsum = implements(np.cumsum, method="cumsum")(_running(cumulative.cumsum))
cumsum.__doc__ = "`numpy.cumsum`."
cumprod = implements(np.cumprod, method="cumprod")(_running(cumulative.cumprod))
cumprod.__doc__ = "`numpy.cumprod`."
cummax, cummin = _running(cumulative.cummax), _running(cumulative.cummin)


@implements(np.nancumsum)
def nancumsum(x, axis=None, dtype=None, out=None):
    """`numpy.nancumsum`."""
    return cumsum(a.select(a.isnan(x), 0.0, x), axis, dtype, out)


@implements(np.nancumprod)
def nancumprod(x, axis=None, dtype=None, out=None):
    """`numpy.nancumprod`."""
    return cumprod(a.select(a.isnan(x), 1.0, x), axis, dtype, out)


def _cumulative(running, first):
    def cumulative_function(x, /, *, axis=None, dtype=None, out=None, include_initial=False):
        ndim = len(shape_of(x))
        if axis is None:
            if ndim != 1:
                raise ValueError("For arrays which have more than one dimension ``axis`` argument is required.")
            axis = 0
        r = running(x, axis, dtype)
        if include_initial:
            axis = axis % ndim
            edge = np.full(tuple(1 if k == axis else d for k, d in enumerate(shape_of(r))), first, r.dtype)
            r = np.concatenate([edge, r], axis=axis)
        return result_or_out(r, out)

    return cumulative_function


implements("cumulative_sum")(_cumulative(cumsum, 0))  # since NumPy 2.1
implements("cumulative_prod")(_cumulative(cumprod, 1))  # since NumPy 2.1


# --------------------------------------------------------------------------------------- truth values
def _truth(op):
    def test(x, axis=None, out=None, keepdims=False, *, where=True):
        x, axes = prepared(x, axis)
        if where is not True and where is not np._NoValue:
            x = np.logical_or(x, np.logical_not(where)) if op is extremes.all_ else np.logical_and(x, where)
        return result_or_out(op(x, axis=axes, keepdims=kept(keepdims)), out)

    return test


any = implements(np.any, method="any")(_truth(extremes.any_))
any.__doc__ = "`numpy.any`: a plain truth value."
all = implements(np.all, method="all")(_truth(extremes.all_))
all.__doc__ = "`numpy.all`: a plain truth value."


@implements(np.count_nonzero)
def count_nonzero(x, axis=None, *, keepdims=False):
    """`numpy.count_nonzero`."""
    x, axes = prepared(x, axis)
    return extremes.count_nonzero(x, axis=axes, keepdims=kept(keepdims))


def _reduce_with(function):
    return lambda ufunc, x, axis=0, **kwargs: function(x, axis=axis, **kwargs)


def _accumulate_with(function):
    return lambda ufunc, x, axis=0, **kwargs: function(x, axis=axis, **kwargs)


for _ufunc, _function in (
    (np.add, sum),
    (np.multiply, prod),
    (np.maximum, max),
    (np.minimum, min),
    (np.logical_and, all),
    (np.logical_or, any),
):
    METHODS[_ufunc, "reduce"] = _reduce_with(_function)
for _ufunc, _function in ((np.add, cumsum), (np.multiply, cumprod), (np.maximum, cummax), (np.minimum, cummin)):
    METHODS[_ufunc, "accumulate"] = _accumulate_with(_function)
