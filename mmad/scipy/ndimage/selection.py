"""Filters that select an element of a window: by rank, the largest, the smallest; and grey morphology.

SciPy filters the ranks of the elements instead of the elements, which says which of them it selects; of equal ones, the
ranks of which are in order, one gets the derivative.
"""

import numpy as np
import scipy.ndimage as _scipy
import scipy.signal

from mmad._core import dtype_of, shape_of
from mmad.errors import UnsupportedError
from mmad.numpy.joining import as_operand
from mmad.ops import arithmetic as a
from mmad.ops.movement import gather, reshape, size, stacked
from mmad.python.kinds import isplain
from mmad.scipy.ndimage._arguments import as_kind, axes_of, function, image, one_each
from mmad.scipy.ndimage._borders import sources
from mmad.scipy.ndimage._sliding import reach
from mmad.tape._instructions import Op

__all__ = []


def _frozen(value):
    """Return an argument of a filter as an operation keeps it: arrays and lists as tuples."""
    if isplain(value, np.ndarray):
        value = value.tolist()
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def _filtered(ranks, edge, name, args, more):
    """Return SciPy's filter of a plain array, with `edge` beyond the border."""
    # Beyond the border of scipy.signal's are zeros: ranks are counted from that of zero.
    if name in ("medfilt", "medfilt2d"):
        return getattr(scipy.signal, name)(ranks - edge, args[0]) + edge
    if name == "order_filter":
        return scipy.signal.order_filter(ranks - edge, np.array(args[0]), args[1]) + edge
    return getattr(_scipy, name)(ranks, *args, cval=edge, **dict(more))


def _places(x, cval, name, args, more):
    """Return which element of x, in C order, a filter selects everywhere; -1 for what is beyond the border."""
    flat, edge = np.asarray(x).ravel(), float(cval)
    if not flat.size:
        return np.zeros(np.shape(x), np.int64)
    order = np.argsort(flat, kind="stable")
    ranks = np.empty(flat.size)
    ranks[order] = np.arange(flat.size)
    beyond = np.searchsorted(flat[order], edge) - 0.5
    found = _filtered(ranks.reshape(np.shape(x)), beyond, name, args, more)
    outside = found == beyond
    place = order[np.where(outside, 0, found).astype(np.int64)]
    if np.isnan(flat).any():
        want = _filtered(flat.reshape(np.shape(x)), edge, name, args, more)
        if not np.array_equal(np.where(outside, edge, flat[place]), want, equal_nan=True):
            raise UnsupportedError("an image with NaN, which SciPy's filter orders in no way: its element is not known")
    return np.where(outside, -1, place)


# Recorded, so that a compiled function selects anew at each call.
places = Op("scipy.ndimage.places", _places, nin=2, kind="structural", boolean=True)


def selected(x, name, cval, *args, **more):
    """Return the elements of x that a filter selects.

    Parameters
    ----------
    x : array
        May be traced.
    name : str
        The filter, of `scipy.ndimage` or `scipy.signal`.
    cval : number
        Beyond the border.  May be traced.
    *args, **more
        The filter's, plain.
    """
    if dtype_of(x).kind == "c":
        raise TypeError("Complex type not supported")
    settings = {"name": name, "args": _frozen(args), "more": _frozen(sorted(more.items()))}
    place = places(x, cval, **settings)
    modes = more.get("mode", "constant")
    flat = reshape(x, (size(shape_of(x)),))
    if "constant" not in ((modes,) if isplain(modes, str) else tuple(modes)) and "grid-constant" not in modes:
        return gather(flat, place)
    outside = a.less(place, 0)
    y = gather(flat, a.select(outside, 0, place))
    return a.select(outside, as_kind(as_operand(cval), dtype_of(x)), y)


def _filter(name, x, output, cval, *args, **more):
    x, dtype = image(x, output, name=name)
    return as_kind(selected(x, name, cval, *args, **more), dtype)


def _axes(axes):
    return {} if axes is None else {"axes": axes}  # as long as a SciPy may be at hand that does not know it


@function
def maximum_filter1d(input, size, axis=-1, output=None, mode="reflect", cval=0.0, origin=0):
    """Return the largest element of a window along an axis."""
    return _filter("maximum_filter1d", input, output, cval, size, axis, mode=mode, origin=origin)


@function
def minimum_filter1d(input, size, axis=-1, output=None, mode="reflect", cval=0.0, origin=0):
    """Return the smallest element of a window along an axis."""
    return _filter("minimum_filter1d", input, output, cval, size, axis, mode=mode, origin=origin)


@function
def maximum_filter(input, size=None, footprint=None, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None):
    """Return the largest element of a window."""
    how = {"size": size, "footprint": footprint, "mode": mode, "origin": origin, **_axes(axes)}
    return _filter("maximum_filter", input, output, cval, **how)


@function
def minimum_filter(input, size=None, footprint=None, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None):
    """Return the smallest element of a window."""
    how = {"size": size, "footprint": footprint, "mode": mode, "origin": origin, **_axes(axes)}
    return _filter("minimum_filter", input, output, cval, **how)


@function
def median_filter(input, size=None, footprint=None, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None):
    """Return the median of a window; of an even number of elements the upper one."""
    how = {"size": size, "footprint": footprint, "mode": mode, "origin": origin, **_axes(axes)}
    return _filter("median_filter", input, output, cval, **how)


@function
def percentile_filter(
    input, percentile, size=None, footprint=None, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None
):
    """Return a percentile of a window."""
    how = {"size": size, "footprint": footprint, "mode": mode, "origin": origin, **_axes(axes)}
    return _filter("percentile_filter", input, output, cval, float(percentile), **how)


@function
def rank_filter(input, rank, size=None, footprint=None, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None):
    """Return the element of a window that has a rank."""
    how = {"size": size, "footprint": footprint, "mode": mode, "origin": origin, **_axes(axes)}
    return _filter("rank_filter", input, output, cval, rank, **how)


# --- grey morphology --------------------------------------------------------------------------------------
def _window(x, footprint, mode, cval, origins):
    """Return the elements of a window, along the first axis in the order of the footprint."""
    shape, index, outside = shape_of(x), [], []
    for n, m, at in zip(shape, footprint.shape, origins, strict=True):
        index.append(sources(n, *reach(m, at), mode))
    parts = []
    for offset in np.argwhere(footprint):
        places = np.ix_(*[k[o : o + n] for k, o, n in zip(index, offset, shape, strict=True)])
        parts.append(gather(x, tuple(np.maximum(p, 0) for p in places)))
        outside.append(np.broadcast_to(np.logical_or.reduce(np.broadcast_arrays(*[p < 0 for p in places])), shape))
    outside, window = np.stack(outside), stacked(parts)
    return a.select(outside, as_kind(as_operand(cval), dtype_of(x)), window) if outside.any() else window


def _morphology(name, input, size, footprint, structure, output, mode, cval, origin, axes):
    """Return the largest sum, or the smallest difference, of a window and a structure."""
    dilation = name == "grey_dilation"
    if size is None and footprint is None and structure is None:
        raise ValueError("size, footprint, or structure must be specified")
    x, dtype = image(input, output, name=name)
    ndim = len(shape_of(x))
    axes = axes_of(axes, ndim)
    origins = one_each(origin, len(axes))
    if footprint is None:
        shape = shape_of(structure) if structure is not None else one_each(size, len(axes))
        footprint = np.ones([int(n) for n in shape], bool)
    footprint = np.asarray(footprint, bool)
    if footprint.ndim != len(axes):
        raise RuntimeError(f"footprint.ndim ({footprint.ndim}) must match len(axes) ({len(axes)})")
    if dilation:
        footprint = np.flip(footprint)
        origins = [-at - (n + 1) % 2 for at, n in zip(origins, footprint.shape, strict=True)]
    full = footprint.reshape([footprint.shape[axes.index(k)] if k in axes else 1 for k in range(ndim)])
    starts = [origins[axes.index(k)] if k in axes else 0 for k in range(ndim)]
    if any(not 0 <= n // 2 + at < n for n, at in zip(full.shape, starts, strict=True)):
        raise ValueError("invalid origin")
    if structure is None:
        extreme = "maximum_filter" if dilation else "minimum_filter"
        return as_kind(selected(x, extreme, cval, footprint=full, mode=mode, origin=starts), dtype)
    heights = as_operand(structure) * 1.0
    if shape_of(heights) != footprint.shape:
        raise RuntimeError("structure array has incorrect shape")
    if not isplain(mode, str):
        raise RuntimeError("A sequence of modes is not supported for non-separable footprints")
    if dilation:
        heights = heights[(slice(None, None, -1),) * len(axes)]
    heights = heights[np.nonzero(footprint)].reshape((-1,) + (1,) * ndim)
    window = _window(x, full, mode, cval, starts)
    return as_kind(np.max(window + heights, axis=0) if dilation else np.min(window - heights, axis=0), dtype)


def _grey(name, steps):
    """Declare a function of the images that the steps give one after the other."""

    def implementation(
        input, size=None, footprint=None, structure=None, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None
    ):
        x = input
        for step in steps:
            x = _morphology(step, x, size, footprint, structure, output, mode, cval, origin, axes)
        return x

    implementation.__name__ = implementation.__qualname__ = name
    implementation.__doc__ = f"Return `scipy.ndimage.{name}`."
    return function(implementation)


EROSION, DILATION = "grey_erosion", "grey_dilation"
for _name, _steps in (
    ("grey_erosion", (EROSION,)),
    ("grey_dilation", (DILATION,)),
    ("grey_opening", (EROSION, DILATION)),
    ("grey_closing", (DILATION, EROSION)),
):
    _grey(_name, _steps)


def _combined(name, combine):
    """Declare a function of an image and of what filters make of it."""

    def implementation(
        input, size=None, footprint=None, structure=None, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None
    ):
        x, dtype = image(input, output, name=name)

        def filtered(x, *steps):
            for step in steps:
                x = _morphology(step, x, size, footprint, structure, None, mode, cval, origin, axes)
            return x

        return as_kind(combine(x, filtered), dtype)

    implementation.__name__ = implementation.__qualname__ = name
    implementation.__doc__ = f"Return `scipy.ndimage.{name}`."
    return function(implementation)


_combined("morphological_gradient", lambda x, filtered: filtered(x, DILATION) - filtered(x, EROSION))
_combined("morphological_laplace", lambda x, filtered: filtered(x, DILATION) + filtered(x, EROSION) - x - x)
_combined("white_tophat", lambda x, filtered: x - filtered(x, EROSION, DILATION))
_combined("black_tophat", lambda x, filtered: filtered(x, DILATION, EROSION) - x)
