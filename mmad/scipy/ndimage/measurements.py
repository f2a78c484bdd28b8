"""Sums, means and other statistics of the parts of an array that labels tell apart."""

import numpy as np
import scipy.ndimage as _scipy

from mmad._core import concrete, dtype_of, shape_of
from mmad.numpy.joining import as_operand
from mmad.ops.movement import gather, reshape
from mmad.scipy.ndimage._arguments import FUNCTIONS, as_kind, function

__all__ = []


def _parts(x, labels, index):
    """Return the flat array, the places of each part in it, and whether the result is one number."""
    x = as_operand(x)
    flat = reshape(x, (int(np.prod(shape_of(x))),))
    if labels is None:
        return flat, [np.arange(shape_of(flat)[0])], True
    flat = as_kind(flat, np.promote_types(dtype_of(flat), float))
    labels = np.broadcast_to(np.asarray(concrete(labels)), shape_of(x)).ravel()
    if index is None:
        return flat, [np.flatnonzero(labels > 0)], True
    index = np.asarray(concrete(index))
    order = np.argsort(labels, kind="stable")
    first, last = (np.searchsorted(labels[order], index.ravel(), side) for side in ("left", "right"))
    return flat, [order[start:stop] for start, stop in zip(first, last, strict=True)], index.ndim == 0


def _of_parts(name, x, labels, index, statistic):
    """Return a statistic of each part, as a number or an array in the shape of the index."""
    flat, parts, single = _parts(x, labels, index)
    values = [statistic(gather(flat, places)) if len(places) else _of_nothing(name, single) for places in parts]
    if single:
        return values[0]
    return np.stack(values).reshape(np.shape(index)) if values else np.zeros(np.shape(index))


def _of_nothing(name, single):
    """Return what SciPy gives, or raise what it raises, for a label that no element has."""
    with np.errstate(all="ignore"):
        return float(np.ravel(getattr(_scipy, name)(np.ones(1), np.zeros(1, int), 1 if single else [1]))[0])


def _sum(x):
    return x.sum()


def _mean(x):
    return x.sum() / shape_of(x)[0]


def _variance(x):
    d = x - _mean(x)
    return (d * d).sum() / shape_of(x)[0]


ORDER, SUMS = ("minimum", "maximum", "median"), ("sum", "sum_labels")


def _declare(name, statistic):
    def implementation(input, labels=None, index=None):
        found = _of_parts(name, input, labels, index, statistic)
        kind = dtype_of(as_operand(input))
        if not (name in ORDER or (name in SUMS and np.ndim(index) == 0)):  # what SciPy does in double precision
            kind = np.promote_types(kind, float)
        return as_kind(found, kind)

    implementation.__name__ = implementation.__qualname__ = name
    implementation.__doc__ = f"Return `scipy.ndimage.{name}` of each part of an array."
    return function(implementation)


for _name, _statistic in {
    "sum": _sum,
    "sum_labels": _sum,
    "mean": _mean,
    "variance": _variance,
    "standard_deviation": np.std,
    "minimum": np.min,
    "maximum": np.max,
    "median": np.median,
}.items():
    _declare(_name, _statistic)


@function
def center_of_mass(input, labels=None, index=None):
    """Return the centre of mass of each part of an array, a tuple of coordinates or a list of them."""
    x = as_operand(input)
    flat, parts, single = _parts(x, labels, index)
    grids = [g.ravel() for g in np.indices(shape_of(x)).astype(float)]
    centres = []
    for places in parts:
        weights = gather(flat, places)
        total = weights.sum()
        centres.append(tuple((weights * g[places]).sum() / total for g in grids))
    return centres[0] if single else centres


def _positions(name):
    """Declare a function that says where something is: places are integers, without a derivative."""

    def implementation(input, labels=None, index=None):
        return getattr(_scipy, name)(np.asarray(concrete(as_operand(input))), concrete(labels), concrete(index))

    implementation.__name__ = implementation.__qualname__ = name
    implementation.__doc__ = f"Return `scipy.ndimage.{name}` of the values."
    return function(implementation)


minimum_position, maximum_position = _positions("minimum_position"), _positions("maximum_position")


@function
def extrema(input, labels=None, index=None):
    """Return the smallest and the largest element of each part, and their places."""
    least, most = (FUNCTIONS[name].implementation(input, labels, index) for name in ("minimum", "maximum"))
    return least, most, *(f.implementation(input, labels, index) for f in (minimum_position, maximum_position))
