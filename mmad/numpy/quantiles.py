"""Order statistics: medians, quantiles and percentiles, also without NaN and with weights.

The derivative goes to the elements that a quantile is interpolated between, in stable order, and to q where that is
traced.
"""

import functools

import numpy as np

from mmad._core import Traced, shape_of
from mmad.numpy._implements import implements
from mmad.numpy.ordering import flat, merge_axes, sort, values_for_shape
from mmad.numpy.reductions import kept, lifted
from mmad.numpy.ufuncs import result_or_out
from mmad.ops import arithmetic as a
from mmad.ops import extremes
from mmad.ops.extremes import take_along
from mmad.ops.movement import gather, reshape, size, stacked, viewed
from mmad.ops.reduction import normal_axes
from mmad.python.kinds import isplain


def _restored(r, shape, axes, keepdims, lead=0):
    """Return the result of an order statistic, with its reduced axes as ones where asked for."""
    if not kept(keepdims):
        return r
    ones = tuple(1 if k in axes else d for k, d in enumerate(shape))
    return reshape(r, shape_of(r)[:lead] + ones)


# --------------------------------------------------------------------------------------------------- medians
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


# ------------------------------------------------------------------------------------------- where a quantile is
def _between(alpha, beta):
    """Return the position of a quantile in a sorted sample of n by Hyndman and Fan's plotting positions."""
    return lambda n, q: n * q + (alpha + q * (1.0 - alpha - beta)) - 1.0


def _boundary(position, keep):
    """Return a discontinuous method: the next element, or the one before where `keep` holds."""

    def at(n, q):
        exact = position(n, q)
        before = np.floor(exact)
        return np.maximum(np.where(keep(exact - before, exact), before, before + 1.0), 0.0)

    return at


def _halved(n, q):
    exact = n * q - 1.0
    before = np.floor(exact)
    return before + np.where(np.equal(exact - before, 0.0), 0.5, 1.0)


def _midpoint(n, q):
    exact = (n - 1) * q
    return 0.5 * (np.floor(exact) + np.ceil(exact))


#: Position of the quantile q in a sorted sample of n, counted from zero; between two elements it is interpolated.
POSITIONS = {
    "inverted_cdf": _boundary(lambda n, q: n * q - 1.0, lambda part, exact: np.equal(part, 0.0)),
    "averaged_inverted_cdf": _halved,
    "closest_observation": _boundary(
        lambda n, q: n * q - 1.0 - 0.5, lambda part, exact: np.equal(part, 0.0) & np.equal(np.floor(exact) % 2, 1.0)
    ),
    "interpolated_inverted_cdf": _between(0.0, 1.0),
    "hazen": _between(0.5, 0.5),
    "weibull": _between(0.0, 0.0),
    "linear": lambda n, q: (n - 1) * q,
    "median_unbiased": _between(1 / 3.0, 1 / 3.0),
    "normal_unbiased": _between(3 / 8.0, 3 / 8.0),
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "midpoint": _midpoint,
    "nearest": lambda n, q: np.round((n - 1) * q),
}


def _weighted(below, above, t):
    """Interpolate between two neighbours, from the nearer end as NumPy does, so that both ends are met exactly."""
    d = a.subtract(above, below)
    return a.select(np.less(t, 0.5), a.add(below, a.multiply(d, t)), a.subtract(above, a.multiply(d, 1 - t)))


@functools.cache
def _dtype_of_quantiles(method, dtype, kind, rank):
    """Return the dtype of NumPy's quantiles, which depends on its version, and on the type of q."""
    q = np.zeros((1,) * rank, kind) if isplain(kind, np.dtype) else kind(0)
    return np.quantile(np.zeros(2, dtype), q, method=method).dtype


def _interpolated(s, q, method):
    """Return quantiles of each line of s, which is sorted; the axes of q come first."""
    n, dtype = shape_of(s)[-1], s.dtype
    at = POSITIONS[method](n, q)
    at = np.minimum(np.maximum(at, 0.0), n - 1.0)  # traced where q is
    low = np.asarray(values_for_shape(np.floor(at))).astype(np.intp)
    if isinstance(at, Traced):
        t = a.subtract(at, low.astype(at.dtype))
    else:
        kind = q.dtype if isplain(q, np.ndarray) else type(q)
        dtype = _dtype_of_quantiles(method, dtype, kind, np.ndim(q))
        t = np.asarray(at - low, dtype)
    high = np.minimum(low + 1, n - 1)
    if low.ndim:
        s = viewed(s, lambda m: np.moveaxis(m, -1, 0))
        below, above, last = s[low], s[high], s[-1]
        t = reshape(t, shape_of(t) + (1,) * (len(shape_of(s)) - 1))
    else:
        below, above, last = s[..., int(low)], s[..., int(high)], s[..., -1]
        t = t if isinstance(t, Traced) else t[()]
    r = _weighted(below, above, t) if isinstance(t, Traced) or t.any() else a.astype(below, dtype=dtype)
    return a.select(a.isnan(last), last, r)


def _by_weights(lines, weights, q):
    """Return quantiles of each line by the distribution function of the weights, and NaN where a line has one."""
    order = extremes.argsort(lines, axis=len(shape_of(lines)) - 1)
    axis = len(shape_of(lines)) - 1
    s = take_along(lines, order, axis=axis, unique=True)
    mass = np.cumsum(take_along(weights, order, axis=axis, unique=True), axis=-1, dtype=np.float64)
    mass = np.divide(mass, mass[..., -1:])
    if np.any(np.equal(weights, 0.0)):
        mass = np.where(np.equal(mass, 0.0), -1.0, mass)
    mass, rest, n = values_for_shape(mass), shape_of(lines)[:-1], shape_of(lines)[-1]
    rows = np.reshape(mass, (size(rest), n))
    found = np.stack([np.minimum(np.searchsorted(row, q, side="left"), n - 1) for row in rows], axis=-1)
    s = reshape(s, (size(rest), n)) if len(rest) != 1 else s
    r = gather(s, (np.broadcast_to(np.arange(size(rest)), found.shape), found))
    last = s[:, -1]
    return reshape(a.select(a.isnan(last), last, r), np.shape(q) + rest)


# -------------------------------------------------------------------------------------------------- quantiles
def _checked(q, method, weights, scale):
    """Return q as fractions, after NumPy's own tests of the arguments."""
    if method not in POSITIONS:
        raise ValueError(f"{method!r} is not a valid method. Use one of: {list(POSITIONS)}")
    q = lifted(q)
    q = q if isinstance(q, Traced) or isplain(q, int | float | np.generic) else np.asarray(q)
    if np.any(np.less(q, 0)) or np.any(np.greater(q, scale)):
        name = "Quantiles" if scale == 1 else "Percentiles"
        raise ValueError(f"{name} must be in the range [0, {scale}]")
    if weights is not None and method != "inverted_cdf":
        raise ValueError(f"Only method 'inverted_cdf' supports weights. Got: {method}.")
    return q if scale == 1 else q / scale


def _lined_weights(weights, shape, axes):
    """Return weights for each element, as lines along the reduced axes."""
    weights = lifted(weights)
    weights = weights if isinstance(weights, Traced) else np.asarray(weights)
    if shape_of(weights) != shape:
        if len(axes) == len(shape) and len(shape) != 1:
            raise TypeError("Axis must be specified when shapes of a and weights differ.")
        if shape_of(weights) != tuple(shape[k] for k in axes):
            raise ValueError("Shape of weights must be consistent with shape of a along specified axis.")
        weights = reshape(weights, tuple(d if k in axes else 1 for k, d in enumerate(shape)))
        weights = np.broadcast_to(weights, shape)
    if np.any(np.less(weights, 0)):
        raise ValueError("Weights must be non-negative.")
    return merge_axes(weights, axes)


def _quantile(x, q, axis, out, method, keepdims, weights):
    x = lifted(x)
    x = x if isinstance(x, Traced) else np.asarray(x)
    shape = shape_of(x)
    if x.dtype.kind == "c":
        raise TypeError("a must be an array of real numbers")
    axes = normal_axes(axis, len(shape))
    lines = merge_axes(x, axes)
    if shape_of(lines)[-1] == 0:
        raise IndexError("cannot take a quantile of an empty array")
    if weights is not None:
        r = _by_weights(lines, _lined_weights(weights, shape, axes), values_for_shape(q))
    else:
        r = _interpolated(sort(lines), q, method)
    return result_or_out(_restored(r, shape, axes, keepdims, len(shape_of(q))), out)


@implements(np.quantile)
def quantile(x, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """`numpy.quantile`."""
    return _quantile(x, _checked(q, method, weights, 1), axis, out, method, keepdims, weights)


@implements(np.percentile)
def percentile(x, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """`numpy.percentile`."""
    return _quantile(x, _checked(q, method, weights, 100), axis, out, method, keepdims, weights)


# -------------------------------------------------------------------------------------------------- without NaN
def _without_nan(x, axis, function, lead=()):
    """Return `function` of the elements of each line that are not NaN, and of their positions; `lead` is its shape."""
    x = lifted(x)
    shape = shape_of(x)
    axes = normal_axes(axis, len(shape))
    lines = merge_axes(x, axes)
    rest = shape_of(lines)[:-1]
    lines = reshape(a.positive(lines), (size(rest), shape_of(lines)[-1]))
    valid = ~values_for_shape(np.isnan(lines))
    parts = []
    for k, ok in enumerate(valid):
        hits = np.flatnonzero(ok)
        row = gather(flat(lines[k]), hits)
        parts.append(function(row, (k, hits)) if len(hits) else np.full(lead, np.nan, x.dtype)[()])
    return reshape(stacked(parts, len(lead)), (*lead, *rest)), shape, axes


@implements(np.nanmedian)
def nanmedian(x, axis=None, out=None, overwrite_input=False, keepdims=False):
    """`numpy.nanmedian`."""
    r, shape, axes = _without_nan(x, axis, lambda row, at: median(row))
    return result_or_out(_restored(r, shape, axes, keepdims), out)


def _nanquantile(x, q, axis, out, method, keepdims, weights):
    if weights is not None:
        shape = shape_of(lifted(x))
        weights = _lined_weights(weights, shape, normal_axes(axis, len(shape)))
        weights = reshape(weights, (size(shape_of(weights)[:-1]), shape_of(weights)[-1]))

    def of_row(row, at):
        w = None if weights is None else gather(weights, at)
        return _quantile(row, q, None, None, method, False, w)

    r, shape, axes = _without_nan(x, axis, of_row, shape_of(q))
    return result_or_out(_restored(r, shape, axes, keepdims, len(shape_of(q))), out)


@implements(np.nanquantile)
def nanquantile(x, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """`numpy.nanquantile`."""
    return _nanquantile(x, _checked(q, method, weights, 1), axis, out, method, keepdims, weights)


@implements(np.nanpercentile)
def nanpercentile(x, q, axis=None, out=None, overwrite_input=False, method="linear", keepdims=False, *, weights=None):
    """`numpy.nanpercentile`."""
    return _nanquantile(x, _checked(q, method, weights, 100), axis, out, method, keepdims, weights)
