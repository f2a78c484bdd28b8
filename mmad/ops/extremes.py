"""Choice by value: sorting, extrema along axes, and the positions they come from.

Positions are integers and carry no derivative; what is found there is picked with :data:`take_along`, which is linear.
"""

import numpy as np

from mmad._core import shape_of
from mmad.ops import arithmetic as a
from mmad.ops.declare import linear, nonlinear
from mmad.ops.movement import broadcast_to, reshape
from mmad.ops.reduction import reduced, sum_
from mmad.tape._instructions import Op


def lanes_of(vals, batched):
    """Return the operands with a leading axis of lanes each: those that are not batched are repeated, as views."""
    count = next(shape_of(v)[0] for v, b in zip(vals, batched, strict=True) if b)
    return [v if b else broadcast_to(v, (count, *shape_of(v))) for v, b in zip(vals, batched, strict=True)]


def restore_axes(ct, shape, axis, keepdims):
    """Return the cotangent of a reduction with its reduced axes put back as ones."""
    if keepdims or len(shape_of(ct)) == len(shape):
        return ct
    return reshape(ct, tuple(1 if k in axis else d for k, d in enumerate(shape)))


# ------------------------------------------------------------------------------------------------ positions
def _along(index, shape, axis):
    """Return the index `index` along one axis, as a tuple for all axes of an array of this shape."""
    out = []
    for k, d in enumerate(shape):
        out.append(index if k == axis else np.arange(d).reshape((1,) * k + (-1,) + (1,) * (len(shape) - k - 1)))
    return tuple(out)


def _take_along(x, index, axis, unique):
    return x[index] if x.ndim == 1 else x[_along(index, x.shape, axis)]


def _add_along(ct, index, axis, unique, shape):
    ct = np.asarray(ct)
    out = np.zeros(shape, ct.dtype)
    at = index if len(shape) == 1 else _along(index, shape, axis)
    if unique:
        out[at] = ct
    else:
        np.add.at(out, at, ct)
    return out


def _take_along_batch(vals, batched, axis, unique):
    return take_along(*lanes_of(vals, batched), axis=axis + 1, unique=unique)


def _add_along_batch(vals, batched, axis, unique, shape):
    ct, index = lanes_of(vals, batched)
    return add_along(ct, index, axis=axis + 1, unique=unique, shape=(shape_of(ct)[0], *shape))


# `unique` says that no position is taken twice (a permutation), so that the transpose may write instead of adding.
take_along = linear(
    "take_along",
    _take_along,
    {0: lambda ct, x, index, axis, unique: add_along(ct, index, axis=axis, unique=unique, shape=shape_of(x))},
    batch=_take_along_batch,
    nin=2,
)
add_along = linear(
    "add_along",
    _add_along,
    {0: lambda ct, v, index, axis, unique, shape: take_along(ct, index, axis=axis, unique=unique)},
    batch=_add_along_batch,
    nin=2,
)


def _position(name, impl, shift):
    """Return an operation whose result is integers or truth values; `shift` adds the lanes' axis to its parameters."""

    def batch(vals, batched, **params):
        return op(vals[0], **shift(params))

    op = Op(name, impl, nin=1, kind="structural", boolean=True, batch=batch)
    return op


def _one(params):
    return {**params, "axis": params["axis"] + 1}


def _several(params):
    return {**params, "axis": tuple(k + 1 for k in params["axis"])}


def _argsort(x, axis):
    """Return the stable order of x, by the faster unstable one where no two elements are equal."""
    if x.dtype.kind == "f" and x.size > 256:
        order = np.argsort(x, axis=axis)
        s = np.moveaxis(_take_along(x, order, axis, True), axis, -1)
        if (s[..., 1:] > s[..., :-1]).all():  # neither ties nor NaN
            return order
    return np.argsort(x, axis=axis, kind="stable")


argsort = _position("argsort", _argsort, _one)
# The order of the columns of an array of keys, the last of which counts most; `axis` is one of the keys' own.
lexsort = Op(
    "lexsort",
    lambda keys, axis: np.lexsort(keys, axis=axis),
    nin=1,
    kind="structural",
    boolean=True,
    batch=lambda vals, batched, axis: None,
)
argpartition = _position("argpartition", lambda x, kth, axis: np.argpartition(x, kth, axis=axis), _one)
argmax = _position("argmax", lambda x, axis, keepdims: np.argmax(x, axis=axis, keepdims=keepdims), _one)
argmin = _position("argmin", lambda x, axis, keepdims: np.argmin(x, axis=axis, keepdims=keepdims), _one)
any_ = _position("any", lambda x, axis, keepdims: np.any(x, axis=axis, keepdims=keepdims), _several)
all_ = _position("all", lambda x, axis, keepdims: np.all(x, axis=axis, keepdims=keepdims), _several)
count_nonzero = _position(
    "count_nonzero", lambda x, axis, keepdims: np.count_nonzero(x, axis=axis, keepdims=keepdims), _several
)


def _searchsorted_batch(vals, batched, side):
    table, v = vals
    return searchsorted(table, v, side=side) if not batched[0] else None


# Positions of the elements of the second operand in the sorted first one.
searchsorted = Op(
    "searchsorted",
    lambda table, v, side: np.searchsorted(table, v, side=side),
    nin=2,
    kind="structural",
    boolean=True,
    batch=_searchsorted_batch,
)


def _interval_batch(vals, batched):
    table, v = vals
    return interval(table, v) if not batched[0] else None


# Which of the intervals between the elements of the sorted first operand those of the second are in, or next to.
interval = Op(
    "interval",
    lambda table, v: np.clip(np.searchsorted(table, v, side="right") - 1, 0, len(table) - 2),
    nin=2,
    kind="structural",
    boolean=True,
    batch=_interval_batch,
)


# -------------------------------------------------------------------------------------------------- extrema
def _extreme_result(shapes, vals, axis, keepdims):
    return None if 0 in shapes[0] else reduced(shapes, vals, axis, keepdims)


def _declare_extreme(name, ufunc):
    """Return the reduction by np.maximum or np.minimum: elements that tie share the derivative equally."""

    def weights_impl(x, axis):
        top = ufunc.reduce(x, axis=axis, keepdims=True)
        hit = np.equal(x, top)
        n = np.add.reduce(hit, axis=axis, keepdims=True, dtype=np.intp)
        if not n.all():  # a NaN wins, and takes the derivative
            hit |= np.isnan(x)
            n = np.add.reduce(hit, axis=axis, keepdims=True, dtype=np.intp)
        return np.divide(hit, n, dtype=x.real.dtype)

    def weights_batch(vals, batched, axis):
        return weights(vals[0], axis=tuple(k + 1 for k in axis))

    def jvp(dots, out, x, axis, keepdims):
        return sum_(a.chain(weights(x, axis=axis), dots[0]), axis=axis, keepdims=keepdims)

    def transpose(ct, x, axis, keepdims):
        return a.chain(weights(x, axis=axis), restore_axes(ct, shape_of(x), axis, keepdims))

    def batch(vals, batched, axis, keepdims):
        return op(vals[0], axis=tuple(k + 1 for k in axis), keepdims=keepdims)

    # piecewise constant: the share of each element, without a derivative
    weights = nonlinear(
        name + "_weights",
        weights_impl,
        lambda dots, out, x, axis: None,
        batch=weights_batch,
        result=lambda shapes, vals, axis: shapes[0] or None,
        needs_out=False,
    )
    op = nonlinear(
        name,
        lambda x, axis, keepdims: ufunc.reduce(x, axis=axis, keepdims=keepdims),
        jvp,
        transposes={0: transpose},
        batch=batch,
        result=_extreme_result,
        needs_out=False,
    )
    return op


max_ = _declare_extreme("max", np.maximum)
min_ = _declare_extreme("min", np.minimum)
