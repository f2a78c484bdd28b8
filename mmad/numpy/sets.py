"""Unique elements and sets.

The elements that are kept are picked from the sorted array, and so is their derivative; of equal elements the first
counts.  Which elements are kept, and all positions and counts, are plain: a program that was recorded with others is
recorded again.
"""

import numpy as np

from mmad._core import shape_of
from mmad.numpy._implements import implements
from mmad.numpy.joining import as_operand, concatenate
from mmad.numpy.ordering import flat, isin, lexsort, values_for_shape
from mmad.ops import extremes
from mmad.ops.extremes import take_along
from mmad.ops.movement import gather, reshape, size, viewed


def _same_nan(x):
    """Return where both of two neighbours are NaN, as plain truth values."""
    if x.dtype.kind not in "fc":
        return np.zeros(max(shape_of(x)[0] - 1, 0), bool)
    nan = values_for_shape(np.isnan(x))
    return nan[1:] & nan[:-1]


def _firsts(differ, n):
    """Return where a sorted sequence of n elements has another element than before."""
    return np.concatenate([np.ones(min(n, 1), bool), differ])


def _counted(first, order, index, inverse, counts, shape):
    """Return positions and counts for unique elements, as asked for, from where they begin in the sorted sequence."""
    kept = np.flatnonzero(first)
    out = []
    if index or inverse:
        order = values_for_shape(order)
    if index:
        out.append(order[kept])
    if inverse:
        where = np.empty(len(first), np.intp)
        where[order] = np.cumsum(first) - 1
        out.append(where.reshape(shape))
    if counts:
        out.append(np.diff(np.append(kept, len(first))))
    return out


@implements(np.unique)
def unique(
    ar,
    return_index=False,
    return_inverse=False,
    return_counts=False,
    axis=None,
    *,
    equal_nan=True,
    sorted=True,
):
    """`numpy.unique`: the values have derivatives, positions and counts are plain."""
    x = as_operand(ar)
    if axis is None:
        shape, x = shape_of(x), flat(x)
        order = extremes.argsort(x, axis=0)
        ranked = take_along(x, order, axis=0, unique=True)
        differ = values_for_shape(np.not_equal(ranked[1:], ranked[:-1]))
        if equal_nan:
            differ = differ & ~_same_nan(ranked)
        first = _firsts(differ, shape_of(x)[0])
        values = gather(ranked, np.flatnonzero(first))
    else:
        axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(x)))
        x = viewed(x, lambda m: np.moveaxis(m, axis, 0))
        rest = shape_of(x)[1:]
        rows = reshape(x, (shape_of(x)[0], size(rest)))
        shape = shape_of(rows)[:1]
        order = lexsort(viewed(rows, lambda m: m.T[::-1]))
        ranked = gather(rows, order)
        first = _firsts(values_for_shape(np.any(np.not_equal(ranked[1:], ranked[:-1]), axis=1)), shape[0])
        values = gather(ranked, np.flatnonzero(first))
        values = reshape(values, (shape_of(values)[0], *rest))
        values = viewed(values, lambda m: np.moveaxis(m, 0, axis))
    if not (return_index or return_inverse or return_counts):
        return values
    return (values, *_counted(first, order, return_index, return_inverse, return_counts, shape))


def _array_api(function, **asked):
    """Implement one of the functions that return named tuples; they count each NaN."""
    names = getattr(type(function(np.zeros(1))), "_fields", None)
    result = type(function(np.zeros(1)))

    def named(x, /):
        found = unique(x, equal_nan=False, **asked)
        return found if names is None else result(*found)

    implements(function)(named)


_array_api(np.unique_all, return_index=True, return_inverse=True, return_counts=True)
_array_api(np.unique_counts, return_counts=True)
_array_api(np.unique_inverse, return_inverse=True)
_array_api(np.unique_values)


@implements(np.union1d)
def union1d(ar1, ar2):
    """`numpy.union1d`."""
    return unique(concatenate((ar1, ar2), axis=None))


def _distinct(x, assume_unique):
    return flat(as_operand(x)) if assume_unique else unique(x)


@implements(np.intersect1d)
def intersect1d(ar1, ar2, assume_unique=False, return_indices=False):
    """`numpy.intersect1d`: of an element that is in both, the one in the first array has the derivative."""
    ar1, ar2 = as_operand(ar1), as_operand(ar2)
    if assume_unique or not return_indices:
        x, y, at = _distinct(ar1, assume_unique), _distinct(ar2, assume_unique), None
    else:
        (x, first), (y, second) = unique(ar1, return_index=True), unique(ar2, return_index=True)
        at = first, second
    both = concatenate((x, y))
    order = extremes.argsort(both, axis=0)
    ranked = take_along(both, order, axis=0, unique=True)
    hits = np.flatnonzero(values_for_shape(np.equal(ranked[1:], ranked[:-1])))
    common = gather(ranked, hits)
    if not return_indices:
        return common
    order = values_for_shape(order)
    where = order[:-1][hits], order[1:][hits] - shape_of(x)[0]
    return (common, *(where if at is None else (at[0][where[0]], at[1][where[1]])))


@implements(np.setdiff1d)
def setdiff1d(ar1, ar2, assume_unique=False):
    """`numpy.setdiff1d`."""
    x = _distinct(ar1, assume_unique)
    return gather(x, np.flatnonzero(values_for_shape(isin(x, as_operand(ar2), invert=True))))


@implements(np.setxor1d)
def setxor1d(ar1, ar2, assume_unique=False):
    """`numpy.setxor1d`."""
    both = concatenate((_distinct(ar1, assume_unique), _distinct(ar2, assume_unique)), axis=None)
    ranked = take_along(both, extremes.argsort(both, axis=0), axis=0, unique=True)
    differ = _firsts(values_for_shape(np.not_equal(ranked[1:], ranked[:-1])), shape_of(both)[0])
    return gather(ranked, np.flatnonzero(differ & np.append(differ[1:], True)[: len(differ)]))
