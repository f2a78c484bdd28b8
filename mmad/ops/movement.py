"""Views, writes, gathers and joins: operations that move elements.

Every basic view (slice, reshape, transpose, broadcast) is one operation, the affine `window`: an offset, a shape and
strides, counted in elements of the C-ordered base.  Its transpose `embed` adds a cotangent back into zeros.
"""

import numpy as np

from mmad._core import shape_of
from mmad.kernels import _arrays, _windows
from mmad.ops import arithmetic as a
from mmad.ops.declare import linear, zero_like
from mmad.python.kinds import isplain
from mmad.tape.constants import has_traced, lift


def contiguous(shape):
    """Return the strides, in elements, of a C-ordered array of this shape."""
    strides, step = [], 1
    for d in reversed(shape):
        strides.append(step)
        step *= d
    return tuple(reversed(strides))


def size(shape):
    """Return the number of elements of an array of this shape."""
    n = 1
    for d in shape:
        n *= d
    return n


def _lanewise(offset, shape, strides, of, count):
    return {"offset": offset, "shape": (count, *shape), "strides": (size(of), *strides), "of": (count, *of)}


def _window_batch(vals, batched, offset, shape, strides, of):
    return window(vals[0], **_lanewise(offset, shape, strides, of, shape_of(vals[0])[0]))


def _embed_batch(vals, batched, offset, shape, strides, of):
    return embed(vals[0], **_lanewise(offset, shape, strides, of, shape_of(vals[0])[0]))


def _put(base, value, offset, shape, strides, of):
    out = np.array(base, order="C")
    _arrays.window(out, offset, shape, strides, of)[...] = value
    return out


def _lane_count(vals, batched):
    return next(shape_of(v)[0] for v, b in zip(vals, batched, strict=True) if b)


def _fill_lanes(value, count):
    return broadcast_to(value, (count, *shape_of(value)))


def _put_batch(vals, batched, offset, shape, strides, of):
    count = _lane_count(vals, batched)
    base, value = vals
    if not batched[0]:
        base = _fill_lanes(base, count)
    if batched[1] and len(shape_of(value)) - 1 < len(shape):
        vshape = shape_of(value)
        value = reshape(value, vshape[:1] + (1,) * (len(shape) + 1 - len(vshape)) + vshape[1:])
    return put(base, value, **_lanewise(offset, shape, strides, of, count))


window = linear(
    "window",
    _arrays.window,
    {0: lambda ct, base, **w: embed(ct, **w)},
    batch=_window_batch,
    kind="window",
    result=lambda shapes, vals, shape, **_: shape or None,
)
embed = linear(
    "embed",
    _windows.embed,
    {0: lambda ct, value, **w: window(ct, **w)},
    batch=_embed_batch,
    result=lambda shapes, vals, of, **_: of or None,
)
put = linear(
    "put",
    _put,
    {0: lambda ct, base, value, **w: put(ct, 0.0, **w), 1: lambda ct, base, value, **w: window(ct, **w)},
    joint=True,
    batch=_put_batch,
    kind="put",
    nin=2,
)


def _gather(x, index):
    return x[index]


def _scatter_add(ct, index, shape):
    ct = np.asarray(ct)
    out = np.zeros(shape, dtype=ct.dtype)
    if isplain(index, np.ndarray) and index.dtype.kind == "b":
        out[index] = ct
    else:
        np.add.at(out, index, ct)
    return out


def _gather_batch(vals, batched, **params):
    x, index = vals
    if batched[1] or isinstance(index, tuple):
        return None
    return gather(x, (slice(None), index))


gather = linear(
    "gather",
    _gather,
    {0: lambda ct, x, index: scatter_add(ct, index, shape=shape_of(x))},
    batch=_gather_batch,
    nin=2,
    raw=True,
    result=lambda shapes, vals: _arrays.taken_shape(shapes[0], vals[1]) or None,
)
scatter_add = linear(
    "scatter_add",
    _scatter_add,
    {0: lambda ct, v, index, shape: gather(ct, index)},
    nin=2,
    raw=True,
    result=lambda shapes, vals, shape: shape or None,
)


def _put_index(base, value, index):
    out = np.array(base, order="C")
    out[index] = value
    return out


def _put_index_value(ct, base, value, index):
    last = _windows.last_write(index, shape_of(ct))
    return gather(ct, index) if last.all() else a.select(last, gather(ct, index), 0.0)


put_index = linear(
    "put_index",
    _put_index,
    {0: lambda ct, base, value, index: put_index(ct, 0.0, index), 1: _put_index_value},
    joint=True,
    kind="put_index",
    nin=3,
    raw=True,
)


def _concatenate(*arrays, axis):
    return np.concatenate(arrays, axis=axis)


class _ConcatenateTransposes(dict):
    """Transposes of a variadic operation: any position has one."""

    def __contains__(self, i):
        return True

    def __missing__(self, i):
        def rule(ct, *arrays, axis):
            return self.every(ct, [k == i for k in range(len(arrays))], *arrays, axis=axis)[i]

        return rule

    def every(self, ct, active, *arrays, axis):
        """Return the parts of a cotangent for all active operands at once."""
        parts, start = [], 0
        for on, x in zip(active, arrays, strict=True):
            stop = start + shape_of(x)[axis]
            parts.append(ct[(slice(None),) * axis + (slice(start, stop),)] if on else None)
            start = stop
        return parts


def _concatenate_batch(vals, batched, axis):
    count = _lane_count(vals, batched)
    return concatenate(*[v if b else _fill_lanes(v, count) for v, b in zip(vals, batched, strict=True)], axis=axis + 1)


def _concatenate_jvp(dots, out, *arrays, axis):
    return concatenate(*[zero_like(a) if d is None else d for a, d in zip(arrays, dots, strict=True)], axis=axis)


def _concatenate_result(shapes, vals, axis):
    rank = len(shapes[0])
    if not -rank <= axis < rank or any(len(s) != rank for s in shapes):
        return None
    axis %= rank
    if any(s[:axis] != shapes[0][:axis] or s[axis + 1 :] != shapes[0][axis + 1 :] for s in shapes):
        return None
    return (*shapes[0][:axis], sum(s[axis] for s in shapes), *shapes[0][axis + 1 :])


concatenate = linear(
    "concatenate",
    _concatenate,
    _ConcatenateTransposes(),
    jvp=_concatenate_jvp,
    batch=_concatenate_batch,
    result=_concatenate_result,
)


# --- the view functions rules are written with ------------------------------------------------------------
def viewed(x, function):
    """Return `function`, which reshapes or reorders axes, of a plain or traced value."""
    if isplain(x, np.ndarray):
        return function(x)
    if hasattr(x, "view") and not isplain(x, np.generic):
        return x.view(function)
    if hasattr(x, "tape") or hasattr(x, "level"):  # a traced number
        probe = function(np.zeros(()))
        return window(x, offset=0, shape=probe.shape, strides=(0,) * probe.ndim, of=())
    if isplain(x, list | tuple) and has_traced(x):
        return viewed(lift(x), function)
    return function(np.asarray(x))


def windowed(x, params):
    """Return the view of an array that the parameters of `window` name."""
    return viewed(x.laid_out() if hasattr(x, "laid_out") else x, lambda m: _arrays.window(m, **params))


def stacked(arrays, axis=0):
    """Join arrays of one shape along a new axis."""
    at = (slice(None),) * axis + (None,)
    return concatenate(*[viewed(v, lambda m: m[at]) for v in arrays], axis=axis)


def reshape(x, shape):
    """Return x with another shape, in C order."""
    return viewed(x, lambda a: a.reshape(shape)) if shape_of(x) != shape else x


def broadcast_to(x, shape):
    """Return x broadcast to a shape."""
    return viewed(x, lambda a: np.broadcast_to(a, shape)) if shape_of(x) != shape else x


def swap(x):
    """Return x with its last two axes exchanged."""
    return viewed(x, lambda a: a.swapaxes(-1, -2))
