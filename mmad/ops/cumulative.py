"""Running sums, products and extrema, and the product over axes.

Everything about products rests on one operation, the first-order :data:`recurrence` s_i = c_i s_(i-1) + b_i: the
derivative of a cumulative product is one, and its own derivatives are recurrences again.  There is no division, so
zeros among the factors need no special care, at any order of derivative, and the work is linear in the length.
"""

import numpy as np

from mmad._core import shape_of
from mmad.ops import arithmetic as a
from mmad.ops.declare import linear, nonlinear
from mmad.ops.extremes import lanes_of, restore_axes
from mmad.ops.movement import concatenate, reshape, viewed
from mmad.ops.reduction import sum_


def _cut(axis, *bounds):
    return (slice(None),) * axis + (slice(*bounds),)


def shifted(x, axis, fill, back=False):
    """Return x moved by one place along an axis: element i is x_(i-1), or x_(i+1) if `back`; the gap holds `fill`."""
    shape = shape_of(x)
    if shape[axis] == 0:
        return x
    edge = np.full(tuple(1 if k == axis else d for k, d in enumerate(shape)), fill, x.dtype)
    if back:
        return concatenate(x[_cut(axis, 1, None)], edge, axis=axis)
    return concatenate(edge, x[_cut(axis, None, -1)], axis=axis)


def _along_first(function, axis, reverse, *arrays):
    """Apply a function that runs along the first axis to another axis, from its end where `reverse`."""
    moved = [np.moveaxis(np.asarray(v), axis, 0) for v in arrays]
    if reverse:
        moved = [v[::-1] for v in moved]
    r = function(*moved)
    return np.moveaxis(r[::-1] if reverse else r, 0, axis)


def _accumulate(ufunc):
    def impl(x, axis, reverse):
        if not reverse:
            return ufunc.accumulate(x, axis=axis)
        return _along_first(lambda v: ufunc.accumulate(v, axis=0), axis, True, x)

    return impl


# --------------------------------------------------------------------------------------------------- sums
def _cumsum_batch(vals, batched, axis, reverse):
    return cumsum(vals[0], axis=axis + 1, reverse=reverse)


cumsum = linear(
    "cumsum",
    _accumulate(np.add),
    {0: lambda ct, x, axis, reverse: cumsum(ct, axis=axis, reverse=not reverse)},
    batch=_cumsum_batch,
)


# ------------------------------------------------------------------------------------------- recurrences
def _scan(c, b):
    """Return s_i = c_i s_(i-1) + b_i along the first axis."""
    n = len(b)
    # Short, or long rows: one row after the other.  Otherwise the recurrence of every second element first (half as
    # long, with coefficients multiplied in pairs), then the elements between: a logarithmic number of array passes.
    if n <= 8 or b.size >= 256 * n:
        s = np.array(b, order="C")
        for i in range(1, n):
            s[i] += c[i] * s[i - 1]
        return s
    m = n // 2 * 2
    odd = _scan(c[1:m:2] * c[0:m:2], c[1:m:2] * b[0:m:2] + b[1:m:2])
    s = np.empty(b.shape, odd.dtype)
    s[1:m:2] = odd
    s[0] = b[0]
    s[2::2] = c[2::2] * odd[: (n - 1) // 2] + b[2::2]
    return s


def _recurrence(c, b, axis, reverse):
    return _along_first(_scan, axis, reverse, c, np.asarray(b, np.result_type(c, b)))


def _carry(ct, c, axis, reverse):
    """Return the transpose in b: r_i = ct_i + c_(i+1) r_(i+1)."""
    return recurrence(shifted(a.conjugated(c), axis, 0.0, back=not reverse), ct, axis=axis, reverse=not reverse)


def _recurrence_jvp(dots, out, c, b, axis, reverse):
    drive = None if dots[0] is None else a.chain(dots[0], shifted(out, axis, 0.0, back=reverse))
    if dots[1] is not None:
        drive = dots[1] if drive is None else a.add(drive, dots[1])
    return recurrence(c, drive, axis=axis, reverse=reverse)


def _recurrence_first(ct, c, b, axis, reverse):
    s = recurrence(c, b, axis=axis, reverse=reverse)
    return a.chain(_carry(ct, c, axis, reverse), a.conjugated(shifted(s, axis, 0.0, back=reverse)))


def _recurrence_batch(vals, batched, axis, reverse):
    return recurrence(*lanes_of(vals, batched), axis=axis + 1, reverse=reverse)


recurrence = nonlinear(
    "recurrence",
    _recurrence,
    _recurrence_jvp,
    transposes={0: _recurrence_first, 1: lambda ct, c, b, axis, reverse: _carry(ct, c, axis, reverse)},
    batch=_recurrence_batch,
    nin=2,
)


# -------------------------------------------------------------------------------------------------- products
def _cumprod_jvp(dots, out, x, axis, reverse):
    return recurrence(x, a.chain(dots[0], shifted(out, axis, 1.0, back=reverse)), axis=axis, reverse=reverse)


def _cumprod_transpose(ct, x, axis, reverse):
    before = shifted(cumprod(x, axis=axis, reverse=reverse), axis, 1.0, back=reverse)
    return a.chain(_carry(ct, x, axis, reverse), a.conjugated(before))


def _cumprod_batch(vals, batched, axis, reverse):
    return cumprod(vals[0], axis=axis + 1, reverse=reverse)


cumprod = nonlinear(
    "cumprod", _accumulate(np.multiply), _cumprod_jvp, transposes={0: _cumprod_transpose}, batch=_cumprod_batch
)


def _product_of_others(x, axis):
    """Return for each element the product of all the other ones along the axes."""
    shape, inverse = shape_of(x), None
    if len(axis) > 1:  # as one axis, the last
        order = tuple(k for k in range(len(shape)) if k not in axis) + axis
        inverse = tuple(np.argsort(order))
        x = a.positive(viewed(x, lambda m: m.transpose(order)))
        moved = shape_of(x)
        kept = moved[: len(shape) - len(axis)]
        x = reshape(x, (*kept, int(np.prod(moved[len(kept) :]))))
        k = len(kept)
    else:
        k = axis[0]
    before = shifted(cumprod(x, axis=k, reverse=False), k, 1.0)
    after = shifted(cumprod(x, axis=k, reverse=True), k, 1.0, back=True)
    r = a.multiply(before, after)
    return r if inverse is None else viewed(reshape(r, moved), lambda m: m.transpose(inverse))


def _prod_jvp(dots, out, x, axis, keepdims):
    return sum_(a.chain(dots[0], _product_of_others(x, axis)), axis=axis, keepdims=keepdims)


def _prod_transpose(ct, x, axis, keepdims):
    return a.chain(restore_axes(ct, shape_of(x), axis, keepdims), a.conjugated(_product_of_others(x, axis)))


def _prod_batch(vals, batched, axis, keepdims):
    return prod(vals[0], axis=tuple(k + 1 for k in axis), keepdims=keepdims)


prod = nonlinear(
    "prod",
    lambda x, axis, keepdims: np.multiply.reduce(x, axis=axis, keepdims=keepdims),
    _prod_jvp,
    transposes={0: _prod_transpose},
    batch=_prod_batch,
    needs_out=False,
)


# --------------------------------------------------------------------------------------------------- extrema
def _running(name, ufunc):
    """Return the running maximum or minimum: at each place, the elements so far that tie share the derivative."""

    def jvp(dots, out, x, axis, reverse):
        same = a.astype(a.equal(out, shifted(out, axis, np.nan, back=reverse)), dtype=out.dtype)  # no new extreme here
        hit = a.astype(a.equal(x, out), dtype=out.dtype)
        total = recurrence(same, a.chain(hit, dots[0]), axis=axis, reverse=reverse)
        return a.divide(total, a.maximum(recurrence(same, hit, axis=axis, reverse=reverse), 1.0))

    def batch(vals, batched, axis, reverse):
        return op(vals[0], axis=axis + 1, reverse=reverse)

    op = nonlinear(name, _accumulate(ufunc), jvp, batch=batch)
    return op


cummax = _running("cummax", np.maximum)
cummin = _running("cummin", np.minimum)
