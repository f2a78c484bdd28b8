"""Functions of samples: means, moments, scores, entropies, distances between samples."""

import math

import numpy as np
import scipy.special as sc
import scipy.stats as _scipy

from mmad._core import Traced
from mmad.errors import UnsupportedError
from mmad.numpy import asarray
from mmad.ops import arithmetic as a
from mmad.ops.movement import gather
from mmad.python.kinds import isplain
from mmad.scipy._drop_in import any_traced, replaces

__all__ = ["FUNCTIONS", "along", "reduced", "registered"]

#: Functions of scipy.stats by their names, as they take traced values.
FUNCTIONS = {}


def registered(name, **options):
    """Decorate an implementation of a function of SciPy; nothing happens where an older SciPy does not have it."""

    def register(implementation):
        if hasattr(_scipy, name):
            FUNCTIONS[name] = replaces(getattr(_scipy, name), f"scipy.stats.{name}", **options)(implementation)
        return implementation

    return register


def along(x, axis):
    """Return an array whose last axis is the given one, or all of the given ones; None: all axes."""
    x = (asarray(x) if any_traced(x) else np.asarray(x)) * 1.0
    if axis is None:
        return x.reshape(-1)
    axes = axis if isplain(axis, tuple) else (axis,)
    x = np.moveaxis(x, axes, range(-len(axes), 0))
    return x if len(axes) == 1 else x.reshape(*x.shape[: -len(axes)], -1)


def reduced(result, x, axis, keepdims):
    """Return a result, whose last axis is gone, with axes of length one where the array had them."""
    if not keepdims:
        return result
    axes = range(np.ndim(x)) if axis is None else axis if isplain(axis, tuple) else (axis,)
    return np.expand_dims(result, tuple(axes))


# ------------------------------------------------------------------------------------------------ means
def _mean(x, weights):
    if weights is None:
        return x.mean(axis=-1)
    return (x * weights).sum(axis=-1) / weights.sum(axis=-1)


def _weights(weights, x, axis):
    """Return weights along the last axis."""
    if weights is None:
        return None
    weights = asarray(weights) if any_traced(weights) else np.asarray(weights)
    return along(np.broadcast_to(weights, np.shape(x)), axis)


@registered("gmean")
def gmean(a, axis=0, weights=None, keepdims=False):
    x = along(a, axis)
    return reduced(np.exp(_mean(np.log(x), _weights(weights, a, axis))), a, axis, keepdims)


@registered("hmean")
def hmean(a, axis=0, weights=None, keepdims=False):
    x = along(a, axis)
    return reduced(1.0 / _mean(1.0 / x, _weights(weights, a, axis)), a, axis, keepdims)


@registered("pmean")
def pmean(a, p, axis=0, weights=None, keepdims=False):
    x, w = along(a, axis), _weights(weights, a, axis)
    if not isinstance(p, Traced) and p == 0:
        return reduced(np.exp(_mean(np.log(x), w)), a, axis, keepdims)
    return reduced(_mean(x**p, w) ** (1.0 / p), a, axis, keepdims)


# ------------------------------------------------------------------------------------------------ moments
def central(x, order, center=None):
    """Return a moment about the mean, or about another point."""
    center = x.mean(axis=-1) if center is None else center
    d = x - (center[..., None] if np.ndim(center) else center)
    power = d
    for _ in range(order - 1):
        power = power * d
    return power.mean(axis=-1)


@registered("moment")
def moment(a, order=1, axis=0, center=None, keepdims=False):
    x = along(a, axis)
    orders = np.atleast_1d(order)
    if isinstance(order, Traced) or np.any(orders != np.floor(orders)) or np.any(orders < 0):
        raise UnsupportedError("scipy.stats.moment: the order is a whole number; write np.mean((x - center)**order)")

    def one(k):
        if k == 0:
            return x.mean(axis=-1) * 0.0 + 1.0
        return x.mean(axis=-1) * 0.0 if k == 1 and center is None else central(x, int(k), center)

    result = one(order) if np.ndim(order) == 0 else np.stack([one(k) for k in orders])
    return reduced(result, a, axis, keepdims)


def _unless_constant(x, m2, value):
    """Return NaN where all elements are the same to rounding, as SciPy does."""
    flat = m2 <= (np.finfo(np.float64).eps * x.mean(axis=-1)) ** 2
    safe = a.select(flat, 1.0, m2)
    return a.select(flat, np.nan, value(safe))


def skew_of(x, bias=True):
    """Return the skewness along the last axis."""
    m2, m3, n = central(x, 2), central(x, 3), x.shape[-1]
    factor = 1.0 if bias or n < 3 else math.sqrt((n - 1.0) * n) / (n - 2.0)
    return _unless_constant(x, m2, lambda m2: factor * m3 / m2**1.5)


def kurtosis_of(x, fisher=True, bias=True):
    """Return the kurtosis along the last axis."""
    m2, m4, n = central(x, 2), central(x, 4), x.shape[-1]

    def value(m2):
        k = m4 / m2**2
        if not bias and n > 3:
            k = ((n**2 - 1.0) * k - 3.0 * (n - 1.0) ** 2) / ((n - 2.0) * (n - 3.0)) + 3.0
        return k - 3.0 if fisher else k

    return _unless_constant(x, m2, value)


@registered("skew")
def skew(a, axis=0, bias=True, keepdims=False):
    return reduced(skew_of(along(a, axis), bias), a, axis, keepdims)


@registered("kurtosis")
def kurtosis(a, axis=0, fisher=True, bias=True, keepdims=False):
    return reduced(kurtosis_of(along(a, axis), fisher, bias), a, axis, keepdims)


_DESCRIBED = type(_scipy.describe([0.0, 1.0, 3.0]))


@registered("describe")
def describe(a, axis=0, ddof=1, bias=True):
    x = along(a, axis)
    with np.errstate(all="ignore"):
        variance = np.var(x, axis=-1, ddof=ddof)
        return _DESCRIBED(
            x.shape[-1],
            (x.min(axis=-1), x.max(axis=-1)),
            x.mean(axis=-1),
            variance,
            skew_of(x, bias=bias),
            kurtosis_of(x, bias=bias),
        )


@registered("sem")
def sem(a, axis=0, ddof=1, keepdims=False):
    x = along(a, axis)
    return reduced(np.std(x, axis=-1, ddof=ddof) / math.sqrt(x.shape[-1]), a, axis, keepdims)


@registered("variation")
def variation(a, axis=0, ddof=0, keepdims=False):
    x = along(a, axis)
    return reduced(np.std(x, axis=-1, ddof=ddof) / x.mean(axis=-1), a, axis, keepdims)


# ------------------------------------------------------------------------------------------------ scores
def _compared(scores, compare, axis, ddof):
    keep = axis is not None
    mean = np.mean(compare, axis=axis, keepdims=keep)
    deviation = np.std(compare, axis=axis, ddof=ddof, keepdims=keep)
    return (scores - mean) / deviation


@registered("zmap")
def zmap(scores, compare, axis=0, ddof=0):
    scores, compare = ((asarray(v) if any_traced(v) else np.asarray(v)) * 1.0 for v in (scores, compare))
    return _compared(scores, compare, axis, ddof)


@registered("zscore")
def zscore(a, axis=0, ddof=0):
    x = asarray(a) * 1.0
    return _compared(x, x, axis, ddof)


@registered("gzscore")
def gzscore(a, *, axis=0, ddof=0):
    x = np.log(asarray(a) * 1.0)
    return _compared(x, x, axis, ddof)


# ------------------------------------------------------------------------------------------------ order and trimming
@registered("iqr")
def iqr(x, axis=None, rng=(25, 75), scale=1.0, interpolation="linear", keepdims=False):
    if isplain(scale, str):
        if scale.lower() != "normal":
            raise ValueError(f"{scale} not a valid scale for `iqr`")
        scale = 2.0 * math.sqrt(2.0) * float(sc.erfinv(0.5))
    y = along(x, axis)
    low, high = np.percentile(y, np.asarray(sorted(rng), y.dtype), axis=-1, method=interpolation)
    return reduced((high - low) / scale, x, axis, keepdims)


@registered("median_abs_deviation")
def median_abs_deviation(x, axis=0, center=np.median, scale=1.0, keepdims=False):
    if isplain(scale, str):
        if scale.lower() != "normal":
            raise ValueError(f"{scale} is not a valid scale value.")
        scale = float(sc.ndtri(0.75))
    y = along(x, axis)
    middle = center(y, axis=-1)
    middle = middle[..., None] if np.ndim(middle) else middle
    return reduced(np.median(abs(y - middle), axis=-1) / scale, x, axis, keepdims)


@registered("trim_mean")
def trim_mean(a, proportiontocut, axis=0, keepdims=False):
    x = along(a, axis)
    cut = int(proportiontocut * x.shape[-1])
    if x.shape[-1] <= 2 * cut:
        raise ValueError("Proportion too big.")
    return reduced(np.sort(x, axis=-1)[..., cut : x.shape[-1] - cut].mean(axis=-1), a, axis, keepdims)


def _within(x, limits, inclusive):
    """Return which elements are between the limits."""
    low, high = limits if limits is not None else (None, None)
    inside = np.ones(np.shape(x), bool)
    if low is not None:
        inside = a.logical_and(inside, a.greater_equal(x, low) if inclusive[0] else a.greater(x, low))
    if high is not None:
        inside = a.logical_and(inside, a.less_equal(x, high) if inclusive[1] else a.less(x, high))
    return inside


def _trimmed(x, limits, inclusive):
    """Return the number, the mean and the sum of squared deviations of the elements between the limits."""
    inside = _within(x, limits, inclusive)
    count = a.stop_gradient(np.sum(np.where(inside, x.dtype.type(1), x.dtype.type(0)), axis=-1))
    mean = np.sum(a.select(inside, x, 0.0), axis=-1) / count
    d = x - (mean[..., None] if np.ndim(mean) else mean)
    return count, mean, np.sum(a.select(inside, a.square(d), 0.0), axis=-1)


@registered("tmean")
def tmean(a, limits=None, inclusive=(True, True), axis=None, keepdims=False):
    return reduced(_trimmed(along(a, axis), limits, inclusive)[1], a, axis, keepdims)


def _tvar(x, limits, inclusive, ddof):
    count, _, squares = _trimmed(x, limits, inclusive)
    return count, squares / (count - ddof)


@registered("tvar")
def tvar(a, limits=None, inclusive=(True, True), axis=0, ddof=1, keepdims=False):
    return reduced(_tvar(along(a, axis), limits, inclusive, ddof)[1], a, axis, keepdims)


@registered("tstd")
def tstd(a, limits=None, inclusive=(True, True), axis=0, ddof=1, keepdims=False):
    return reduced(np.sqrt(_tvar(along(a, axis), limits, inclusive, ddof)[1]), a, axis, keepdims)


@registered("tsem")
def tsem(a, limits=None, inclusive=(True, True), axis=0, ddof=1, keepdims=False):
    count, variance = _tvar(along(a, axis), limits, inclusive, ddof)
    return reduced(np.sqrt(variance / count), a, axis, keepdims)


# ------------------------------------------------------------------------------------------------ entropy
@registered("entropy")
def entropy(pk, qk=None, base=None, axis=0, keepdims=False):
    p = along(pk, axis)
    p = p / p.sum(axis=-1, keepdims=True)
    if qk is None:
        terms = sc.entr(p)
    else:
        q = along(qk, axis)
        terms = sc.rel_entr(p, q / q.sum(axis=-1, keepdims=True))
    total = terms.sum(axis=-1)
    if base is not None:
        total = total / (np.log(base) if isinstance(base, Traced) else math.log(base))
    return reduced(total, pk, axis, keepdims)


# ------------------------------------------------------------------------------------------------ distances
def _between(u_values, v_values, u_weights, v_weights):
    """Return the distances of all values from the next, and there the difference of both distribution functions."""
    u, v = along(u_values, None).astype(float), along(v_values, None).astype(float)
    weights = []
    for x, w in ((u, u_weights), (v, v_weights)):
        w = np.ones(x.shape) if w is None else along(w, None)
        weights.append(w / w.sum())
    values = np.concatenate([u, v])
    signed = np.concatenate([weights[0], a.negative(weights[1])])
    order = np.argsort(values)
    return np.diff(values[order]), np.cumsum(gather(signed, order))[:-1]


@registered("wasserstein_distance")
def wasserstein_distance(u_values, v_values, u_weights=None, v_weights=None):
    gaps, difference = _between(u_values, v_values, u_weights, v_weights)
    return (abs(difference) * gaps).sum()


@registered("energy_distance")
def energy_distance(u_values, v_values, u_weights=None, v_weights=None):
    gaps, difference = _between(u_values, v_values, u_weights, v_weights)
    return np.sqrt(2.0 * (difference**2 * gaps).sum())


# ------------------------------------------------------------------------------------------------ circles
def _resultant(samples, high, low):
    """Return the means of cosine and sine of samples on a circle."""
    angle = (samples - low) * (2.0 * math.pi / (high - low))
    return np.cos(angle).mean(axis=-1), np.sin(angle).mean(axis=-1)


@registered("circmean")
def circmean(samples, high=2 * math.pi, low=0, axis=None, keepdims=False):
    cosine, sine = _resultant(along(samples, axis), high, low)
    angle = np.arctan2(sine, cosine)
    angle = a.select(a.less(angle, 0.0), angle + 2.0 * math.pi, angle)
    return reduced(angle * ((high - low) / (2.0 * math.pi)) + low, samples, axis, keepdims)


@registered("circvar")
def circvar(samples, high=2 * math.pi, low=0, axis=None, keepdims=False):
    return reduced(1.0 - np.hypot(*_resultant(along(samples, axis), high, low)), samples, axis, keepdims)


@registered("circstd")
def circstd(samples, high=2 * math.pi, low=0, axis=None, *, normalize=False, keepdims=False):
    spread = np.sqrt(-2.0 * np.log(np.hypot(*_resultant(along(samples, axis), high, low))))
    return reduced(spread if normalize else spread * ((high - low) / (2.0 * math.pi)), samples, axis, keepdims)


# ------------------------------------------------------------------------------------------------ transformations
@registered("boxcox")
def boxcox(x, lmbda=None):
    if lmbda is None:
        raise UnsupportedError(
            "scipy.stats.boxcox of traced values does not search for lmbda: give it, or maximise boxcox_llf by "
            "mmad.scipy.optimize.minimize_scalar"
        )
    return sc.boxcox(asarray(x), lmbda)


@registered("boxcox_llf")
def boxcox_llf(lmb, data, axis=0, keepdims=False):
    x = along(data, axis)
    variance = np.var(sc.boxcox(x, lmb), axis=-1)
    value = (lmb - 1.0) * np.log(x).sum(axis=-1) - 0.5 * x.shape[-1] * np.log(variance)
    return reduced(value, data, axis, keepdims)


def _yeojohnson(x, lmbda):
    positive = a.greater_equal(x, 0.0)
    up, down = a.select(positive, x, 0.0), a.select(positive, 0.0, a.negative(x))
    return a.select(positive, sc.boxcox1p(up, lmbda), a.negative(sc.boxcox1p(down, 2.0 - lmbda)))


@registered("yeojohnson")
def yeojohnson(x, lmbda=None):
    if lmbda is None:
        raise UnsupportedError(
            "scipy.stats.yeojohnson of traced values does not search for lmbda: give it, or maximise yeojohnson_llf by "
            "mmad.scipy.optimize.minimize_scalar"
        )
    return _yeojohnson(asarray(x) * 1.0 if any_traced(x) else np.asarray(x, float), lmbda)


@registered("yeojohnson_llf")
def yeojohnson_llf(lmb, data, axis=0, keepdims=False):
    x = along(data, axis)
    variance = np.var(_yeojohnson(x, lmb), axis=-1)
    value = (lmb - 1.0) * (np.sign(x) * np.log1p(abs(x))).sum(axis=-1) - 0.5 * x.shape[-1] * np.log(variance)
    return reduced(value, data, axis, keepdims)
