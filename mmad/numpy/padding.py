"""Padding arrays, in every mode, and cutting zeros off."""

import numpy as np

from mmad._core import dtype_of, shape_of
from mmad.numpy._implements import implements
from mmad.numpy.joining import as_operand
from mmad.numpy.ordering import truth, values_for_shape
from mmad.numpy.quantiles import median
from mmad.numpy.reductions import max as max_
from mmad.numpy.reductions import mean
from mmad.numpy.reductions import min as min_
from mmad.numpy.shaping import broadcast_to, moveaxis, ravel
from mmad.numpy.spaces import linspace
from mmad.ops import arithmetic as a
from mmad.ops.movement import concatenate, gather, size, viewed
from mmad.python.kinds import isplain

#: Modes that place elements of the array in the padding, and the arguments that they take.
PLACED = {"edge": (), "reflect": ("reflect_type",), "symmetric": ("reflect_type",), "wrap": ()}
#: Modes that place one number a line.
STATISTICS = {"maximum": max_, "minimum": min_, "mean": mean, "median": median}


def _widths(pad_width, ndim):
    """Return the widths before and after each axis, as NumPy reads them."""
    if isplain(pad_width, dict):
        pairs = [(0, 0)] * ndim
        for axis, w in pad_width.items():
            pairs[axis] = (w, w) if np.ndim(w) == 0 else tuple(w)
        pad_width = pairs
    pad_width = np.asarray(pad_width)
    if pad_width.dtype.kind != "i":
        raise TypeError("`pad_width` must be of integral type.")
    width = [tuple(int(w) for w in pair) for pair in np.broadcast_to(pad_width, (ndim, 2))]
    if any(w < 0 for pair in width for w in pair):
        raise ValueError("index can't contain negative values")
    return width


@implements(np.pad)
def pad(array, pad_width, mode="constant", **kwargs):
    """`numpy.pad`, in every mode."""
    array = as_operand(array)
    width = _widths(pad_width, len(shape_of(array)))
    if callable(mode):
        return _pad_by_function(array, width, mode, kwargs)
    taken = {"constant": ("constant_values",), "linear_ramp": ("end_values",), "empty": (), **PLACED}
    if mode not in taken and mode not in STATISTICS:
        raise ValueError(f"mode '{mode}' is not supported")
    wrong = set(kwargs) - set(taken.get(mode, ("stat_length",)))
    if wrong:
        raise ValueError(f"unsupported keyword arguments for mode '{mode}': {wrong}")
    if mode in ("constant", "empty"):
        return _pad_constant(array, width, **kwargs)
    if mode == "linear_ramp":
        return _pad_ramp(array, width, **kwargs)
    if mode in STATISTICS:
        return _pad_statistic(array, width, mode, **kwargs)
    if kwargs.get("reflect_type", "even") == "odd":
        for axis, pair in enumerate(width):
            array = _reflect_odd(array, axis, pair, mode)
        return a.positive(array) if not any(map(any, width)) else array
    index = np.pad(np.arange(size(shape_of(array))).reshape(shape_of(array)), width, mode, **kwargs)
    return gather(ravel(array), index)


def _slab(x, axis, start, stop):
    return viewed(x, lambda m: m[(slice(None),) * axis + (slice(start, stop),)])


def _framed(x, axis, parts):
    """Return an array with parts before and after it along an axis; None for a part that is not there."""
    before, after = parts
    pieces = [p for p in (before, x, after) if p is not None]
    pieces = [p if dtype_of(p) == x.dtype else a.astype(p, dtype=x.dtype) for p in pieces]
    return concatenate(*pieces, axis=axis) if len(pieces) > 1 else x


def _pad_constant(x, width, constant_values=0):
    values = broadcast_to(as_operand(constant_values), (len(width), 2))
    padded = False
    for axis, pair in enumerate(width):
        parts = []
        for side, w in enumerate(pair):
            shape = shape_of(x)[:axis] + (w,) + shape_of(x)[axis + 1 :]
            fill = values[axis, side]
            fill = a.astype(fill, dtype=x.dtype) if dtype_of(fill) != x.dtype else fill
            parts.append(viewed(fill, lambda m, shape=shape: np.broadcast_to(m, shape)) if w else None)
        x, padded = _framed(x, axis, parts), padded or any(pair)
    return x if padded else a.positive(x)


def _pad_ramp(x, width, end_values=0):
    values = broadcast_to(as_operand(end_values), (len(width), 2))
    for axis, pair in enumerate(width):
        parts = []
        for side, w in enumerate(pair):
            edge = _slab(x, axis, -1, None) if side else _slab(x, axis, 0, 1)
            end = values[axis, side]
            line = viewed(edge, lambda m, axis=axis: m.squeeze(axis))
            ramp = linspace(end, line, w, endpoint=False, dtype=x.dtype, axis=axis) if w else None
            parts.append(viewed(ramp, lambda m, axis=axis: np.flip(m, axis)) if side and w else ramp)
        x = _framed(x, axis, parts)
    return x if any(map(any, width)) else a.positive(x)


def _pad_statistic(x, width, mode, stat_length=None):
    ndim = len(width)
    lengths = [(None, None)] * ndim if stat_length is None else np.broadcast_to(np.asarray(stat_length), (ndim, 2))
    for axis, (pair, length) in enumerate(zip(width, lengths, strict=True)):
        n, parts = shape_of(x)[axis], []
        for side, w in enumerate(pair):
            take = n if length[side] is None else min(int(length[side]), n)
            if take < 0:
                raise ValueError("index can't contain negative values")
            if take == 0 and mode in ("maximum", "minimum"):
                raise ValueError("stat_length of 0 yields no value for padding")
            chunk = _slab(x, axis, n - take, n) if side else _slab(x, axis, 0, take)
            value = STATISTICS[mode](chunk, axis=axis, keepdims=True)
            shape = shape_of(x)[:axis] + (w,) + shape_of(x)[axis + 1 :]
            parts.append(viewed(value, lambda m, shape=shape: np.broadcast_to(m, shape)) if w else None)
        x = _framed(x, axis, parts)
    return x if any(map(any, width)) else a.positive(x)


def _reflect_odd(x, axis, pair, mode):
    """Pad one axis by odd reflection: the padding is sums of multiples of an element and of those at the edges.

    NumPy itself says which, for three plain arrays: one that is 1 at the first element, one at the last, and one that
    counts the elements between.
    """
    n = shape_of(x)[axis]
    if not any(pair) or not n:
        return x
    first, last, between = np.zeros(n), np.zeros(n), np.arange(float(n))
    first[0] = 1.0
    last[-1] = 1.0 if n > 1 else 0.0
    between[-1] = 0.0
    first, last, between = (np.pad(v, pair, mode, reflect_type="odd") for v in (first, last, between))
    parts = []
    for side, w in enumerate(pair):
        here = slice(pair[0] + n, None) if side else slice(0, w)
        shape = (-1,) + (1,) * (len(shape_of(x)) - axis - 1)
        kind = np.real(np.zeros((), x.dtype)).dtype
        c0, c1, sign = (v[here].astype(kind).reshape(shape) for v in (first, last, np.sign(between)))
        at = np.abs(between[here]).astype(np.intp)
        inner = moveaxis(gather(moveaxis(x, axis, 0), at), 0, axis)
        ends = a.add(a.multiply(_slab(x, axis, 0, 1), c0), a.multiply(_slab(x, axis, n - 1, n), c1))
        parts.append(a.add(ends, a.multiply(inner, sign)) if w else None)
    return _framed(x, axis, parts)


def _pad_by_function(x, width, function, kwargs):
    """Pad with zeros and let a function write into each line, axis by axis."""
    padded = _pad_constant(x, width)
    for axis, pair in enumerate(width):
        view = moveaxis(padded, axis, -1)
        for k in np.ndindex(*shape_of(view)[:-1]):
            function(view[k] if k else view[...], pair, axis, kwargs)
    return padded


@implements(np.trim_zeros)
def trim_zeros(filt, trim="fb", axis=None):
    """`numpy.trim_zeros`: a view of the part that is left."""
    x = as_operand(filt)
    shape, trim = shape_of(x), trim.lower()
    if trim not in ("fb", "bf", "f", "b"):
        raise ValueError(f"unexpected character(s) in `trim`: {trim!r}")
    axes = range(len(shape)) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, len(shape))
    hits = np.argwhere(values_for_shape(truth(x)))
    cut = [slice(None)] * len(shape)
    for k in axes:
        start, stop = (hits[:, k].min(), hits[:, k].max() + 1) if len(hits) else (shape[k], shape[k])
        cut[k] = slice(start if "f" in trim else 0, stop if "b" in trim else shape[k])
        if not len(hits):
            cut[k] = slice(0, 0)
    return x[tuple(cut)]
