"""Choosing, taking and putting elements; conversions and the flat iterator."""

import numpy as np

from mmad._core import Traced, shape_of
from mmad.numpy._implements import implements, prop
from mmad.numpy.ordering import flat, lined, truth, values_for_shape
from mmad.numpy.reductions import lifted
from mmad.numpy.ufuncs import in_dtype, masked_or_out, result_or_out
from mmad.ops import arithmetic as a
from mmad.ops import extremes
from mmad.ops.movement import broadcast_to, gather, size
from mmad.python.kinds import isplain
from mmad.tape._storage import ArrayVar
from mmad.wrappers._batch import Batch


def writable(x, value, name):
    """Raise where traced values would go into a plain array."""
    if not isinstance(x, Traced):
        raise TypeError(
            f"numpy.{name} of traced values into a plain array would lose the derivative; make the array "
            "with np.zeros(n, like=x) or mmad.numpy.zeros(n)"
        )
    return value


# ------------------------------------------------------------------------------------------------ choosing
@implements(np.where)
def where(condition, x=None, y=None, /):
    """`numpy.where`; no derivative passes to what was not chosen."""
    if x is None and y is None:
        return np.nonzero(values_for_shape(truth(condition)))
    if x is None or y is None:
        raise ValueError("either both or neither of x and y should be given")
    return a.select(truth(condition), lifted(x), lifted(y))


@implements(np.clip)
def clip(x, a_min=np._NoValue, a_max=np._NoValue, out=None, *, min=np._NoValue, max=np._NoValue, **kwargs):
    """`numpy.clip`; at a bound, the bound and x share the derivative."""
    if a_min is np._NoValue and a_max is np._NoValue:
        a_min, a_max = (None if v is np._NoValue else v for v in (min, max))
    elif a_min is np._NoValue or a_max is np._NoValue:
        missing = "a_min" if a_min is np._NoValue else "a_max"
        raise TypeError(f"clip() missing 1 required positional argument: '{missing}'")
    elif min is not np._NoValue or max is not np._NoValue:
        raise ValueError("Passing `min` or `max` keyword argument when `a_min` and `a_max` are provided is forbidden.")
    x = lifted(x)
    return _clipped(x if isinstance(x, Traced) else np.asarray(x), a_min, a_max, out, **kwargs)


def _clipped(x, low, high, out=None, *, where=True, dtype=None, casting="same_kind", order="K", subok=True):
    """Return x between bounds, each of which may be None, with the keywords of a ufunc."""
    r, low, high = (v if v is None else lifted(v) for v in (x, low, high))
    if dtype is not None:
        r, low, high = (v if v is None else in_dtype(v, dtype, casting, "clip") for v in (r, low, high))
    if low is not None:
        r = a.maximum(r, low)
    if high is not None:
        r = a.minimum(r, high)
    return masked_or_out(a.positive(r) if r is x else r, out, where, "clip")


@implements(method="clip")
def _clip_method(x, min=None, max=None, out=None, **kwargs):
    return _clipped(x, min, max, out, **kwargs)


@implements(np.select)
def select(condlist, choicelist, default=0):
    """`numpy.select`."""
    if len(condlist) != len(choicelist):
        raise ValueError("list of cases must be same length as list of conditions")
    if not len(condlist):
        raise ValueError("select with an empty condition list is not possible")
    r = lifted(default)
    for cond, choice in zip(reversed(condlist), reversed(choicelist), strict=True):
        r = a.select(truth(cond), lifted(choice), r)
    return r


@implements(np.choose)
def choose(index, choices, out=None, mode="raise"):
    """`numpy.choose`."""
    index, n = values_for_shape(lifted(index)), len(choices)
    if mode == "wrap":
        index = index % n
    elif mode == "clip":
        index = np.clip(index, 0, n - 1)
    elif np.any((index < 0) | (index >= n)):
        raise ValueError("invalid entry in choice array")
    r = lifted(choices[-1])
    for k in range(n - 2, -1, -1):
        r = a.select(np.equal(index, k), lifted(choices[k]), r)
    return result_or_out(
        r if n > 1 else a.positive(broadcast_to(r, np.broadcast_shapes(shape_of(r), np.shape(index)))), out
    )


@implements(np.piecewise)
def piecewise(x, condlist, funclist, *args, **kwargs):
    """`numpy.piecewise`: each function sees only the elements its condition chooses."""
    x = lifted(x)
    if not isinstance(condlist, list | tuple) and shape_of(condlist) == ():
        condlist = [condlist]
    elif not isinstance(condlist[0], list | tuple) and shape_of(condlist[0]) == () and shape_of(x) != ():
        condlist = [condlist]  # a single condition, element by element
    condlist, n = [truth(c) for c in condlist], len(funclist)
    if n == len(condlist) + 1:
        rest = np.logical_not(condlist[0])
        for c in condlist[1:]:
            rest = np.logical_and(rest, np.logical_not(c))
        condlist.append(rest)
    elif n != len(condlist):
        raise ValueError(
            f"with {len(condlist)} condition(s), either {len(condlist)} or {len(condlist) + 1} functions are expected"
        )
    whole = shape_of(x) == () or isinstance(x, Batch) or any(isinstance(c, Traced) for c in condlist)
    y = 0.0 if whole else np.zeros_like(x)
    for cond, f in zip(condlist, funclist, strict=True):
        if whole:
            if isinstance(cond, Traced) or cond.any():
                y = a.select(cond, f(x, *args, **kwargs) if callable(f) else f, y)
            continue
        cond = np.broadcast_to(cond, shape_of(x))
        if cond.any():
            y[cond] = f(x[cond], *args, **kwargs) if callable(f) else f
    return y


# -------------------------------------------------------------------------------------------------- taking
def _recorded(indices):
    """Return whether indices are a recorded array of integers, with which a program selects anew at each run."""
    return isinstance(indices, ArrayVar) and bool(shape_of(indices)) and indices.dtype.kind in "iu"


def _bounded(indices, n, mode):
    """Return indices for an axis of length n, with `mode` applied."""
    indices = values_for_shape(lifted(indices))
    if not isplain(indices, int | np.integer):
        indices = np.asarray(indices)
        if indices.dtype.kind not in "iub" and indices.size:
            raise TypeError(f"indices must be integers, not {indices.dtype}")
        indices = indices.astype(np.intp)
    if mode == "wrap":
        return indices % n
    if mode == "clip":
        return np.clip(indices, 0, n - 1)
    return indices


@implements(np.take, method="take")
def take(x, indices, axis=None, out=None, mode="raise"):
    """`numpy.take`."""
    x, axis = lined(x, axis)
    if axis == 0 and mode == "raise" and _recorded(indices):
        return result_or_out(gather(x, indices), out)
    indices = _bounded(indices, shape_of(x)[axis], mode)
    if np.ndim(indices) == 0:
        return result_or_out(a.positive(x[(slice(None),) * axis + (int(indices),)]), out)
    return result_or_out(gather(x, (slice(None),) * axis + (indices,) if axis else indices), out)


@implements(np.take_along_axis)
def take_along_axis(arr, indices, axis=-1):
    """`numpy.take_along_axis`."""
    if axis is None:
        return gather(flat(lifted(arr)), values_for_shape(indices))
    x, axis = lined(arr, axis)
    if len(shape_of(indices)) != len(shape_of(x)):
        raise ValueError("`indices` and `arr` must have the same number of dimensions")
    if not isinstance(indices, Batch) and not _recorded(indices):
        indices = values_for_shape(indices)
    return extremes.take_along(x, indices, axis=axis, unique=False)


@implements(np.compress)
def compress(condition, x, axis=None, out=None):
    """`numpy.compress`."""
    return take(x, np.nonzero(values_for_shape(truth(condition)))[0], axis, out)


implements(method="compress")(lambda x, condition, axis=None, out=None: compress(condition, x, axis, out))


@implements(np.extract)
def extract(condition, arr):
    """`numpy.extract`."""
    return take(arr, np.nonzero(np.ravel(values_for_shape(truth(condition))))[0])


def _positions_from(function):
    def positions(arr, k=0):
        plain = np.empty(shape_of(arr), bool)
        return function(plain) if function is np.diag_indices_from else function(plain, k)

    positions.__doc__ = f"`numpy.{function.__name__}`: plain integers, of the shape alone."
    implements(function)(positions)


for _function in (np.diag_indices_from, np.tril_indices_from, np.triu_indices_from):
    _positions_from(_function)


# ------------------------------------------------------------------------------------------------- putting
def _cycled(values, n):
    """Return the values, in C order, repeated to n of them."""
    values = lifted(values)
    m = size(shape_of(values))
    values = flat(values) if isinstance(values, Traced) else np.ravel(values)
    return values if m == n else gather(values, np.arange(n) % m)


@implements(np.put)
def put(x, ind, v, mode="raise"):
    """`numpy.put`."""
    writable(x, v, "put")
    ind = np.ravel(_bounded(ind, size(x.shape), mode))
    if len(ind):
        x[np.unravel_index(np.where(ind < 0, ind + size(x.shape), ind), x.shape)] = _cycled(v, len(ind))


implements(method="put")(put)


@implements(np.put_along_axis)
def put_along_axis(arr, indices, values, axis):
    """`numpy.put_along_axis`."""
    writable(arr, values, "put_along_axis")
    indices = values_for_shape(indices)
    if axis is None:
        arr[np.unravel_index(indices, arr.shape)] = values
        return
    axis = np.lib.array_utils.normalize_axis_index(axis, len(arr.shape))
    arr[extremes._along(indices, arr.shape, axis)] = values


@implements(np.copyto)
def copyto(dst, src, casting="same_kind", where=True):
    """`numpy.copyto`."""
    writable(dst, src, "copyto")
    dst[...] = lifted(src) if where is True else a.select(truth(where), lifted(src), a.positive(dst))


@implements(np.putmask)
def putmask(x, mask, values):
    """`numpy.putmask`."""
    writable(x, values, "putmask")
    hits = np.flatnonzero(values_for_shape(truth(mask)))
    if len(hits):
        values = lifted(values)
        m = size(shape_of(values))
        values = flat(values) if isinstance(values, Traced) else np.ravel(values)
        x[np.unravel_index(hits, x.shape)] = gather(values, hits % m)


@implements(np.place)
def place(arr, mask, vals):
    """`numpy.place`."""
    writable(arr, vals, "place")
    hits = np.flatnonzero(values_for_shape(truth(mask)))
    if len(hits):
        arr[np.unravel_index(hits, arr.shape)] = _cycled(vals, len(hits))


@implements(np.fill_diagonal)
def fill_diagonal(x, val, wrap=False):
    """`numpy.fill_diagonal`."""
    writable(x, val, "fill_diagonal")
    shape = x.shape
    if len(shape) < 2:
        raise ValueError("array must be at least 2-d")
    if len(shape) == 2:
        step, end = shape[1] + 1, None if wrap else shape[1] * shape[1]
    else:
        if len(set(shape)) != 1:
            raise ValueError("All dimensions of input must be of equal length")
        step, end = 1 + int(np.cumprod(shape[:-1]).sum()), None
    at = np.arange(size(shape))[:end:step]
    if len(at):
        x[np.unravel_index(at, shape)] = val if shape_of(val) == () else _cycled(val, len(at))


@implements(method="fill")
def _fill(x, value):
    x[...] = value


# ----------------------------------------------------------------------------------------------- conversions
@implements(*[f for f in (getattr(np, "astype", None),) if f])
def astype(x, dtype, /, *, copy=True, device=None):
    """`numpy.astype`; conversion to integers has derivative zero and gives plain values."""
    return _astype(x, dtype, copy=copy)


@implements(method="astype")
def _astype(x, dtype, order="K", casting="unsafe", subok=True, copy=True):
    if x.dtype == np.dtype(dtype) and x.dtype.kind in "fc":
        return a.positive(x) if copy else x  # which programs have an instruction for
    return x if not copy and x.dtype == np.dtype(dtype) else a.astype(x, dtype=np.dtype(dtype))


@implements(method="item")
def _item(x, *index):
    """Return one element, as a traced number."""
    if len(index) == 1 and isinstance(index[0], tuple):
        index = index[0]
    shape = shape_of(x)
    if not index and size(shape) != 1:
        raise ValueError("can only convert an array of size 1 to a Python scalar")
    if not shape:
        return x[index]
    return x[index] if len(index) == len(shape) else x.reshape(-1)[index or 0]


@implements(method="tolist")
def _tolist(x):
    """Return nested lists of traced numbers."""
    if shape_of(x) == ():
        return x
    return [_tolist(x[k]) for k in range(shape_of(x)[0])]


class Flat:
    """The elements of a traced array in C order, to read, write and iterate over."""

    def __init__(self, x):
        self.base, self.index = x, 0

    def __len__(self):
        return size(self.base.shape)

    def _at(self, key):
        return tuple(
            int(k) if np.ndim(k) == 0 else k
            for k in np.unravel_index(np.arange(len(self))[values_for_shape(lifted(key))], self.base.shape)
        )

    def __getitem__(self, key):
        return self.base[self._at(key)]

    def __setitem__(self, key, value):
        at = self._at(key)
        n = np.size(at[0]) if at else 1
        self.base[at] = value if shape_of(value) == () else _cycled(value, n)

    def __iter__(self):
        return (self[k] for k in range(len(self)))

    def __next__(self):
        if self.index >= len(self):
            raise StopIteration
        self.index += 1
        return self[self.index - 1]

    def copy(self):
        """Return a flat copy."""
        return self.base.flatten()


prop("flat")(Flat)
