"""NumPy's ufunc protocol on traced values: `out=`, `where=`, and the methods reduce, accumulate, outer and at."""

import functools
import math

import numpy as np

from mmad._core import FUNCTIONS, UFUNCS, Traced, Var, set_protocol, shape_of
from mmad.ops import arithmetic as a
from mmad.ops.declare import bind_optional
from mmad.ops.movement import scatter_add, stacked, viewed
from mmad.python.kinds import isplain
from mmad.tape import _storage
from mmad.tape.constants import lift
from mmad.tracing.lost_track import left_behind
from mmad.wrappers._batch import Batch


def write_out(out, result, name):
    """Put a result where `out=` asked for it.

    Raises
    ------
    TypeError
        `out` is a plain array, which cannot hold a traced result.
    """
    if isinstance(out, Traced):
        out.assign(result, name)
        return out
    _check_out(out, result, name)
    if isinstance(result, Traced):
        raise TypeError(
            f"np.{name}(out=) of a traced value into a plain array would lose the derivative; make the array with "
            "np.zeros(n, like=x), np.zeros_like(x) or mmad.numpy.zeros(n)"
        )
    out[...] = result
    return out


def result_or_out(result, out, name="reduction"):
    """Return the result, written into `out` if that was given."""
    return result if out is None else write_out(out, result, name)


def _check_out(out, result, name):
    shape = shape_of(result)
    if shape != out.shape and np.broadcast_shapes(shape, out.shape) != out.shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {out.shape} doesn't match the broadcast shape {shape}"
        )
    if isinstance(result, Traced) and not np.can_cast(result.dtype, out.dtype, "same_kind"):
        raise TypeError(
            f"cannot cast {name} output from {result.dtype!r} to {out.dtype!r} with casting rule 'same_kind'"
        )


def _rebound(out, result, name):
    """Return what ``out op= traced`` gives for a plain array: the traced result, which Python rebinds the name to.

    The plain array is filled with NaN, so that another name for it cannot be read unnoticed, and a derivative whose
    result is such a NaN is refused.
    """
    _check_out(out, result, name)
    if not isinstance(result, Traced):
        out[...] = result
        return out
    out.fill(np.nan)
    left_behind(out.shape)
    return result


def _value_of_operand(x):
    """Return the value of a traced operand, without a guard; None where lanes have values of their own."""
    while isinstance(x, Traced):
        if isinstance(x, Batch):
            return None
        x = x.tape.value_of(x) if isinstance(x, Var) else x.value
    return x


def _warn(ufunc, inputs, where):
    """Raise NumPy's own warnings for a masked call, which the elements left out do not raise."""
    *plain, where = [_value_of_operand(x) for x in (*inputs, where)]
    if all(x is not None for x in (*plain, where)):
        shape = np.broadcast_shapes(*(np.shape(x) for x in (*plain, where)))
        ufunc(*plain, where=np.asarray(where, dtype=bool), out=np.zeros(shape, np.result_type(float, *plain)))


def _call(ufunc, inputs, kwargs):
    out = kwargs.pop("out", None)
    where = kwargs.pop("where", True)
    dtype = kwargs.pop("dtype", None)
    for name in ("casting", "order", "subok"):
        kwargs.pop(name, None)
    if ufunc is np.matmul:
        kwargs.pop("axes", None)  # ndarray's @= names the default ones
    if kwargs:
        raise TypeError(f"np.{ufunc.__name__} on traced values does not support {', '.join(sorted(kwargs))}")
    if out is not None and len(out) > 1:
        raise TypeError(f"np.{ufunc.__name__}(out=) with several results is not supported on traced values")
    op = UFUNCS.get(ufunc)
    if op is None:
        composite = FUNCTIONS.get(ufunc)
        if composite is None:
            home = "np." if getattr(np, ufunc.__name__, None) is ufunc else "the ufunc "
            raise TypeError(
                f"{home}{ufunc.__name__} is not supported on traced values; give it a derivative with "
                "mmad.primitive or mmad.custom_vjp"
            )
        op = composite
    if out is not None and any(isinstance(o, Traced) for o in out) and not any(isinstance(x, Traced) for x in inputs):
        result = ufunc(*inputs)
    elif where is not True:
        _warn(ufunc, inputs, where)
        with np.errstate(all="ignore"):
            result = op(*inputs)
    else:
        result = op(*inputs)
    if dtype is not None and getattr(result, "dtype", None) != dtype:
        result = a.astype(result, dtype=np.dtype(dtype))
    target = out[0] if out is not None else None
    if where is not True:
        if target is None:
            raise TypeError(f"np.{ufunc.__name__}(where=) on traced values needs out=, which gives the other elements")
        keep = a.positive(target) if isinstance(target, Traced) else target.copy()
        result = a.select(where, result, keep)
    if target is None:
        return result
    if not isinstance(target, Traced) and inputs and inputs[0] is target:
        return _rebound(target, result, ufunc.__name__)
    return write_out(target, result, ufunc.__name__)


def _ufunc(ufunc, method, inputs, kwargs):
    kwargs = dict(kwargs)
    if ufunc not in UFUNCS:
        bind_optional(ufunc)
    if method == "__call__":
        return _call(ufunc, inputs, kwargs)
    handler = METHODS.get((ufunc, method)) or METHODS.get(method)
    if handler is None or ufunc.nout != 1 or (ufunc not in UFUNCS and ufunc not in FUNCTIONS):
        raise TypeError(f"np.{ufunc.__name__}.{method} is not supported on traced values")
    out = kwargs.pop("out", None)
    result = handler(ufunc, *inputs, **kwargs)
    return result if out is None else write_out(out[0], result, ufunc.__name__)


def _outer(ufunc, x, y, **kwargs):
    x, y = (v if isinstance(v, Traced) else np.asarray(lift(v) if isinstance(v, list | tuple) else v) for v in (x, y))
    rank = len(shape_of(y))
    x = viewed(x, lambda m: m.reshape(m.shape + (1,) * rank)) if shape_of(x) else x
    return ufunc(x, y, **kwargs)


def _parts(x, axis):
    """Return the slices of x along one axis."""
    at = (slice(None),) * axis
    return [x[(*at, k)] for k in range(shape_of(x)[axis])]


#: Which give truth values of numbers of any kind; other functions that give truth values do not reduce numbers at all.
LOGICAL = (np.logical_and, np.logical_or, np.logical_xor)


def _first(ufunc, x):
    """Return the first element of a reduction or accumulation in the dtype of its result."""
    if ufunc in LOGICAL:
        return a.not_equal(x, 0.0)
    if UFUNCS.get(ufunc) is not None and UFUNCS[ufunc].boolean:
        raise TypeError(f"np.{ufunc.__name__} gives truth values, which it cannot be applied to again with numbers")
    return x


def _fold(ufunc, x, axis=0, dtype=None, keepdims=False, initial=np._NoValue, where=True):
    """`ufunc.reduce` of any binary function, from the first element to the last."""
    if where is not True:
        raise TypeError(f"np.{ufunc.__name__}.reduce(where=) is not supported on traced values")
    shape = shape_of(x)
    if axis is None or isinstance(axis, tuple):
        axes = tuple(range(len(shape))) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, len(shape))
    elif shape == () and axis in (0, -1):
        axes = ()
    else:
        axes = (np.lib.array_utils.normalize_axis_index(axis, len(shape)),)
    if len(axes) > 1 and ufunc.identity is None and ufunc not in (np.fmax, np.fmin):
        raise ValueError(
            f"reduction operation '{ufunc.__name__}' is not reorderable, so at most one axis may be specified"
        )
    if dtype is not None and ufunc not in LOGICAL:
        x = a.astype(x, dtype=np.dtype(dtype))
    kept = tuple(d for k, d in enumerate(shape) if k not in axes)
    if len(axes) == 1:
        parts = _parts(x, axes[0])
    elif axes:
        order = (*axes, *(k for k in range(len(shape)) if k not in axes))
        count = math.prod(shape[k] for k in axes)
        parts = _parts(viewed(x, lambda m: m.transpose(order)).reshape((count, *kept)), 0)
    else:
        parts = [x]
    # As in NumPy the identity is applied, which changes what one element gives: its hypotenuse is its magnitude.
    initial = ufunc.identity if initial is np._NoValue else initial
    if initial is not None and (len(parts) < 2 or initial is not ufunc.identity):
        parts.insert(0, _spread(initial, kept, x) if not parts else initial)
    elif not parts:
        raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
    r = _first(ufunc, parts[0])
    r = r if len(parts) > 1 or ufunc in LOGICAL else a.positive(r)
    for part in parts[1:]:
        r = ufunc(r, part)
    if keepdims:
        r = viewed(r, lambda m: m.reshape(tuple(1 if k in axes else d for k, d in enumerate(shape))))
    return r


def _spread(value, shape, like):
    """Return a number as an array of a shape, in the dtype of `like`; itself where that is of no dimensions."""
    if isplain(value, bool):
        return np.full(shape, value)[()]
    return a.add(np.zeros(shape, like.dtype), value) if shape else a.astype(value, dtype=like.dtype)


def _accumulate(ufunc, x, axis=0, dtype=None):
    """`ufunc.accumulate` of any binary function."""
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(x)))
    if dtype is not None and ufunc not in LOGICAL:
        x = a.astype(x, dtype=np.dtype(dtype))
    rows = _parts(x, axis)
    if not rows:
        return x
    rows[0] = _first(ufunc, rows[0])
    for k in range(1, len(rows)):
        rows[k] = ufunc(rows[k - 1], rows[k])
    return stacked(rows, axis)


def _reduceat(ufunc, x, indices, axis=0, dtype=None):
    """`ufunc.reduceat`: a reduction of each segment between two indices."""
    x = x if dtype is None else a.astype(x, dtype=np.dtype(dtype))
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(x)))
    at = (slice(None),) * axis
    n = shape_of(x)[axis]
    ends = [*[int(k) for k in indices[1:]], n]
    reduce = METHODS.get((ufunc, "reduce")) or functools.partial(_fold, initial=None)  # no identity here
    rows = [
        reduce(ufunc, x[(*at, slice(start, end))], axis=axis) if start + 1 < end else _first(ufunc, x[(*at, start)])
        for start, end in zip([int(k) for k in indices], ends, strict=True)
    ]
    return stacked(rows, axis)


def _stable(top, exp, log):
    """`logaddexp.reduce` in three passes over the array: less the largest element, so that nothing overflows."""

    def reduce(ufunc, x, axis=0, dtype=None, keepdims=False, initial=np._NoValue, where=True):
        if where is not True or (initial is not np._NoValue and initial is not None) or 0 in shape_of(x):
            return _fold(ufunc, x, axis, dtype, keepdims, initial, where)
        x = x if dtype is None else a.astype(x, dtype=np.dtype(dtype))
        m = a.stop_gradient(top.reduce(x, axis=axis, keepdims=True))
        m = a.select(np.isfinite(m), m, 0.0)
        with np.errstate(divide="ignore"):
            r = a.add(log(np.add.reduce(exp(a.subtract(x, m)), axis=axis, keepdims=True)), m)
        return r if keepdims else np.add.reduce(r, axis=axis)

    return reduce


def _at(ufunc, x, index, *operand):
    """Operate in place, unbuffered: repeated elements are written one after the other."""
    if ufunc in (np.add, np.subtract) and isinstance(x, Traced):
        value = operand[0] if ufunc is np.add else -operand[0]
        probe = np.zeros(x.shape)[index]
        if shape_of(value) != probe.shape:
            value = value + np.zeros(probe.shape)
        plain = np.asarray(_storage.plain_index(index)) if isinstance(index, list) else _storage.plain_index(index)
        x.assign(x + scatter_add(value, plain, shape=x.shape))
        return
    where = np.arange(int(np.prod(shape_of(x)))).reshape(shape_of(x))[index]
    operands = [
        np.broadcast_to(v, where.shape) if not isinstance(v, Traced) else v + np.zeros(where.shape) for v in operand
    ]
    if not isinstance(x, Traced):
        raise TypeError(
            f"np.{ufunc.__name__}.at into a plain array would lose the derivative; make the array with "
            "np.zeros(n, like=x) or mmad.numpy.zeros(n)"
        )
    for k in np.ndindex(*where.shape):
        at = np.unravel_index(where[k], x.shape)
        at = tuple(int(i) for i in at)
        x[at] = ufunc(x[at], *[v[k] if k else v for v in operands])


# (ufunc, method) or method -> handler(ufunc, *inputs, **kwargs)
METHODS = {
    "outer": _outer,
    "at": _at,
    "reduce": _fold,
    "accumulate": _accumulate,
    "reduceat": _reduceat,
    (np.logaddexp, "reduce"): _stable(np.maximum, np.exp, np.log),
    (np.logaddexp2, "reduce"): _stable(np.maximum, np.exp2, np.log2),
}

set_protocol(_ufunc)
