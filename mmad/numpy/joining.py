"""Joining, splitting and repeating arrays."""

import itertools

import numpy as np

from mmad._core import Traced, dtype_of, shape_of
from mmad.numpy._implements import implements
from mmad.numpy.shaping import atleast_1d, atleast_2d, atleast_3d, broadcast_to, moveaxis, ravel, reshape
from mmad.numpy.ufuncs import result_or_out
from mmad.ops import arithmetic as a
from mmad.ops.movement import concatenate as concatenate_op
from mmad.ops.movement import gather, viewed
from mmad.python.kinds import isplain
from mmad.tape.constants import lift


def as_operand(x):
    """Return a traced value or a plain array of whatever NumPy takes for an array."""
    if isplain(x, Traced | np.ndarray):
        return x
    return lift(x) if isinstance(x, list | tuple) else np.asarray(x)


def normal_axis(axis, ndim):
    """Return a non-negative axis; raise AxisError if there is none such."""
    return np.lib.array_utils.normalize_axis_index(axis, ndim)


def take_axis(x, index, axis):
    """Return the elements at a vector of positions along one axis, in an array of its own."""
    if axis == 0:
        return gather(x, index)
    return a.positive(moveaxis(gather(moveaxis(x, axis, 0), index), 0, axis))


# --- joining ----------------------------------------------------------------------------------------------
@implements(np.concatenate)
def concatenate(arrays, axis=0, out=None, dtype=None, casting="same_kind"):
    """`numpy.concatenate`."""
    arrays = [as_operand(v) for v in arrays]
    if not arrays:
        raise ValueError("need at least one array to concatenate")
    if axis is None:
        arrays, axis = [ravel(v) for v in arrays], 0
    ndim = len(shape_of(arrays[0]))
    if ndim == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    r = concatenate_op(*arrays, axis=normal_axis(axis, ndim))
    if dtype is not None and r.dtype != np.dtype(dtype):
        r = a.astype(r, dtype=np.dtype(dtype))
    return result_or_out(r, out, "concatenate")


@implements(np.stack)
def stack(arrays, axis=0, out=None, dtype=None, casting="same_kind"):
    """`numpy.stack`."""
    arrays = [as_operand(v) for v in arrays]
    if not arrays:
        raise ValueError("need at least one array to stack")
    if len({shape_of(v) for v in arrays}) != 1:
        raise ValueError("all input arrays must have the same shape")
    axis = normal_axis(axis, len(shape_of(arrays[0])) + 1)
    at = (slice(None),) * axis + (None,)
    return concatenate([viewed(v, lambda m: m[at]) for v in arrays], axis, out, dtype)


def _each(function, arrays):
    return [function(as_operand(v)) for v in arrays]


@implements(np.hstack)
def hstack(tup, *, dtype=None, casting="same_kind"):
    """`numpy.hstack`."""
    arrays = _each(atleast_1d, tup)
    return concatenate(arrays, 0 if len(shape_of(arrays[0])) == 1 else 1, dtype=dtype)


@implements(np.vstack)
def vstack(tup, *, dtype=None, casting="same_kind"):
    """`numpy.vstack`."""
    return concatenate(_each(atleast_2d, tup), 0, dtype=dtype)


@implements(np.dstack)
def dstack(tup):
    """`numpy.dstack`."""
    return concatenate(_each(atleast_3d, tup), 2)


@implements(np.column_stack)
def column_stack(tup):
    """`numpy.column_stack`."""

    def column(v):
        return viewed(v, lambda m: np.atleast_2d(m).T) if len(shape_of(v)) < 2 else v

    return concatenate(_each(column, tup), 1)


@implements(np.block)
def block(arrays):
    """`numpy.block`."""

    def depth(x):
        if not isinstance(x, list):
            return 0
        inner = {depth(v) for v in x}
        if len(inner) != 1:
            raise ValueError("List depths are mismatched.")
        return 1 + inner.pop()

    def leaves(x):
        return [v for y in x for v in leaves(y)] if isinstance(x, list) else [x]

    def join(x, level):
        if level:
            return concatenate([join(v, level - 1) for v in x], -level)
        lead = (1,) * (rank - len(shape_of(x)))
        x = viewed(as_operand(x), lambda m: m.reshape(lead + m.shape)) if lead else as_operand(x)
        return x if levels else a.positive(x)

    levels = depth(arrays)
    rank = max([levels] + [len(shape_of(v)) for v in leaves(arrays)])
    return join(arrays, levels)


@implements(np.append)
def append(arr, values, axis=None):
    """`numpy.append`."""
    if axis is None:
        return concatenate([ravel(as_operand(arr)), ravel(as_operand(values))], 0)
    return concatenate([arr, values], axis)


@implements(np.insert)
def insert(arr, obj, values, axis=None):
    """`numpy.insert`."""
    arr, values = as_operand(arr), as_operand(values)
    if axis is None:
        arr, axis = ravel(arr), 0
    axis = normal_axis(axis, len(shape_of(arr)))
    shape = shape_of(arr)
    n = shape[axis]
    index = np.arange(n)[obj] if isinstance(obj, slice) else np.asarray(obj)
    if index.dtype == bool:
        index = np.flatnonzero(index)
    lead = (1,) * (len(shape) - len(shape_of(values)))
    if lead:
        values = viewed(values, lambda m: m.reshape(lead + m.shape))
    if index.ndim == 0:
        values = moveaxis(values, 0, axis)
    count = shape_of(values)[axis] if index.size == 1 else index.size
    order = np.insert(np.arange(n), obj, np.arange(n, n + count))
    values = broadcast_to(values, shape[:axis] + (count,) + shape[axis + 1 :])
    if dtype_of(values) != arr.dtype:
        values = a.astype(values, dtype=arr.dtype)
    return take_axis(concatenate([arr, values], axis), order, axis)


@implements(np.delete)
def delete(arr, obj, axis=None):
    """`numpy.delete`."""
    if axis is None:
        arr, axis = ravel(arr), 0
    axis = normal_axis(axis, len(shape_of(arr)))
    return take_axis(arr, np.delete(np.arange(shape_of(arr)[axis]), obj), axis)


# --- splitting: views -------------------------------------------------------------------------------------
def _part(x, axis, start, stop):
    return viewed(x, lambda m: m[(slice(None),) * axis + (slice(start, stop),)])


@implements(np.array_split)
def array_split(ary, indices_or_sections, axis=0):
    """`numpy.array_split`."""
    axis = normal_axis(axis, len(shape_of(ary)))
    n = shape_of(ary)[axis]
    if np.ndim(indices_or_sections):
        cuts = [0, *indices_or_sections, n]
    else:
        sections = int(indices_or_sections)
        if sections <= 0:
            raise ValueError("number sections must be larger than 0.")
        each, extras = divmod(n, sections)
        cuts = [k * each + min(k, extras) for k in range(sections + 1)]
    return [_part(ary, axis, start, stop) for start, stop in itertools.pairwise(cuts)]


@implements(np.split)
def split(ary, indices_or_sections, axis=0):
    """`numpy.split`."""
    if not np.ndim(indices_or_sections) and shape_of(ary)[axis] % indices_or_sections:
        raise ValueError("array split does not result in an equal division")
    return array_split(ary, indices_or_sections, axis)


@implements(np.hsplit)
def hsplit(ary, indices_or_sections):
    """`numpy.hsplit`."""
    if not shape_of(ary):
        raise ValueError("hsplit only works on arrays of 1 or more dimensions")
    return split(ary, indices_or_sections, 1 if len(shape_of(ary)) > 1 else 0)


@implements(np.vsplit)
def vsplit(ary, indices_or_sections):
    """`numpy.vsplit`."""
    if len(shape_of(ary)) < 2:
        raise ValueError("vsplit only works on arrays of 2 or more dimensions")
    return split(ary, indices_or_sections, 0)


@implements(np.dsplit)
def dsplit(ary, indices_or_sections):
    """`numpy.dsplit`."""
    if len(shape_of(ary)) < 3:
        raise ValueError("dsplit only works on arrays of 3 or more dimensions")
    return split(ary, indices_or_sections, 2)


@implements("unstack")  # since NumPy 2.1
def unstack(x, /, *, axis=0):
    """`numpy.unstack`."""
    if not shape_of(x):
        raise ValueError("Input array must be at least 1-d.")
    axis = normal_axis(axis, len(shape_of(x)))
    return tuple(viewed(x, lambda m, k=k: m[(slice(None),) * axis + (k, ...)]) for k in range(shape_of(x)[axis]))


# --- repeating --------------------------------------------------------------------------------------------
@implements(np.repeat, method="repeat")
def repeat(x, repeats, axis=None):
    """`numpy.repeat`."""
    if axis is None:
        x, axis = ravel(x), 0
    axis = normal_axis(axis, len(shape_of(x)))
    shape = shape_of(x)
    if np.size(repeats) != 1:
        return take_axis(x, np.repeat(np.arange(shape[axis]), repeats), axis)
    count = int(np.reshape(repeats, ()))
    if count < 0:
        raise ValueError("repeats may not contain negative values.")
    at = (slice(None),) * (axis + 1) + (None,)
    x = viewed(x, lambda m: np.broadcast_to(m[at], m.shape[: axis + 1] + (count,) + m.shape[axis + 1 :]))
    return reshape(a.positive(x), shape[:axis] + (shape[axis] * count,) + shape[axis + 1 :])


@implements(np.tile)
def tile(x, reps):
    """`numpy.tile`."""
    reps = (int(reps),) if np.ndim(reps) == 0 else tuple(int(r) for r in reps)
    rank = max(len(reps), len(shape_of(x)))
    reps = (1,) * (rank - len(reps)) + reps
    shape = (1,) * (rank - len(shape_of(x))) + shape_of(x)
    apart = tuple(d for n in shape for d in (1, n))
    together = tuple(d for r, n in zip(reps, shape, strict=True) for d in (r, n))
    x = viewed(x, lambda m: np.broadcast_to(m.reshape(apart), together))
    return reshape(a.positive(x), tuple(r * n for r, n in zip(reps, shape, strict=True)))


@implements(np.resize)
def resize(x, new_shape):
    """`numpy.resize`."""
    new_shape = (new_shape,) if np.ndim(new_shape) == 0 else tuple(new_shape)
    x = ravel(x)
    count = int(np.prod(new_shape))
    if not shape_of(x)[0]:
        return np.zeros(new_shape, x.dtype)
    return reshape(gather(x, np.arange(count) % shape_of(x)[0]), new_shape)


@implements(np.roll)
def roll(x, shift, axis=None):
    """`numpy.roll`."""
    if axis is None:
        return reshape(roll(ravel(x), shift, 0), shape_of(x))
    shifts = np.broadcast(shift, axis)
    total = {}
    for s, k in shifts:
        k = normal_axis(int(k), len(shape_of(x)))
        total[k] = total.get(k, 0) + int(s)
    rolled = False
    for k, s in total.items():
        n = shape_of(x)[k]
        s = s % n if n else 0
        if s:
            x, rolled = concatenate_op(_part(x, k, n - s, n), _part(x, k, 0, n - s), axis=k), True
    return x if rolled else a.positive(x)


@implements(np.meshgrid)
def meshgrid(*xi, copy=True, sparse=False, indexing="xy"):
    """`numpy.meshgrid`."""
    if indexing not in ("xy", "ij"):
        raise ValueError("Valid values for `indexing` are 'xy' and 'ij'.")
    n = len(xi)
    order = list(range(n))
    if indexing == "xy" and n > 1:
        order[:2] = [1, 0]
    xi = [ravel(as_operand(x)) for x in xi]
    axes = [order[k] for k in range(n)]
    full = [0] * n
    for x, k in zip(xi, axes, strict=True):
        full[k] = shape_of(x)[0]
    grids = [reshape(x, tuple(-1 if j == k else 1 for j in range(n))) for x, k in zip(xi, axes, strict=True)]
    if not sparse:
        grids = [broadcast_to(g, tuple(full)) for g in grids]
    return tuple(a.positive(g) for g in grids) if copy else tuple(grids)
