"""Implement NumPy's ufunc protocol on traced values: `out=`, `where=`, and the methods `reduce`, `outer`, `at`, ..."""

import functools
import math
import re

import numpy as np

from mmad._core import FUNCTIONS, UFUNCS, Traced, Var, set_protocol, shape_of
from mmad.ops import arithmetic as a
from mmad.ops.declare import bind_optional
from mmad.ops.movement import broadcast_to, scatter_add, stacked, viewed
from mmad.python.kinds import isplain
from mmad.tape import _storage
from mmad.tape.constants import has_traced, lift
from mmad.tracing.lost_track import left_behind
from mmad.wrappers._batch import Batch


def write_out(out, result, name):
    """Write a result into the array given as `out=`, and return that array.

    Raises
    ------
    TypeError
        If `out` is a plain array and the result is traced.
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
    """Return the result; write it into `out` first, and return `out`, if that is not None."""
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
    """Return the result of ``out op= traced`` for a plain array `out`: a traced value, to which Python binds the name.
    The plain array is filled with NaN: code that reads it under another name would otherwise miss the derivative.  A
    derivative whose result is such a NaN is refused.
    """
    _check_out(out, result, name)
    if not isinstance(result, Traced):
        out[...] = result
        return out
    out.fill(np.nan)
    left_behind(out.shape)
    return result


def _value_of_operand(x):
    """Return the value of a traced operand, without a guard; None for a batch, which has a value for each entry."""
    while isinstance(x, Traced):
        if isinstance(x, Batch):
            return None
        x = x.tape.value_of(x) if isinstance(x, Var) else x.value
    return x


def _warn(ufunc, inputs, where):
    """Issue NumPy's own warnings for a masked call: elements that the mask leaves out must not cause any."""
    *plain, where = [_value_of_operand(x) for x in (*inputs, where)]
    if all(x is not None for x in (*plain, where)):
        shape = np.broadcast_shapes(*(np.shape(x) for x in (*plain, where)))
        out = tuple(np.zeros(shape, np.result_type(float, *plain)) for _ in range(ufunc.nout))
        ufunc(*plain, where=np.asarray(where, dtype=bool), out=out)


def _is_of_objects(ufunc):
    """Return whether a ufunc calls a Python function with each element, as those of `np.frompyfunc` do."""
    return ufunc.types == [f"{'O' * ufunc.nin}->{'O' * ufunc.nout}"]


def _call_for_elements(ufunc, inputs):
    """Return the results of a ufunc that `np.frompyfunc` made, called with each element, as traced arrays."""
    inputs = [v if isinstance(v, Traced) else np.asarray(lift(v) if isinstance(v, list | tuple) else v) for v in inputs]
    shape = np.broadcast_shapes(*map(shape_of, inputs))
    inputs = [broadcast_to(v, shape) for v in inputs]
    rows = [_called(ufunc, [v[k] if k or isplain(v, np.ndarray) else v for v in inputs]) for k in np.ndindex(*shape)]
    if not shape:
        return rows[0]
    if ufunc.nout == 1:
        return _joined(rows, shape)
    return tuple(_joined(column, shape) for column in zip(*rows, strict=True))


def _called(ufunc, elements):
    """Call the Python function of a ufunc of objects with elements, which stay traced."""
    cells = [np.empty((), object) for _ in elements]
    for cell, v in zip(cells, elements, strict=True):
        cell[()] = v
    return ufunc(*cells)


def _joined(values, shape):
    values = list(values)
    if not has_traced(values):
        return np.array(values, dtype=object).reshape(shape)
    return viewed(lift(values), lambda m: m.reshape(shape))


def in_dtype(x, dtype, casting, name):
    """Return an operand in the dtype that a ufunc computes in."""
    x = x if isinstance(x, Traced) else np.asarray(x)
    if not np.can_cast(x.dtype, dtype, casting):
        raise TypeError(
            f"Cannot cast ufunc {name!r} input from {x.dtype!r} to {np.dtype(dtype)!r} with casting rule {casting!r}"
        )
    return x if x.dtype == dtype else a.astype(x, dtype=np.dtype(dtype))


def masked_or_out(result, out, where, name):
    """Return a result, whose elements are those of `out` where the mask `where` leaves them out, in `out` if given."""
    if where is not True:
        if out is None:
            raise TypeError(f"np.{name}(where=) on traced values needs out=, which gives the other elements")
        keep = a.positive(out) if isinstance(out, Traced) else out.copy()
        result = a.select(where, result, keep)
    return result_or_out(result, out, name)


def _in_loop(ufunc, inputs, dtype, casting):
    """Return operands in the dtypes of the loop that NumPy runs for a `dtype=`; other errors are NumPy's own."""
    weak = (int, float, complex)
    given = [type(x) if type(x) in weak else x.dtype if hasattr(x, "dtype") else np.asarray(x).dtype for x in inputs]
    signature = (None,) * ufunc.nin + (np.dtype(dtype),) * ufunc.nout
    loop = ufunc.resolve_dtypes((*given, *(None,) * ufunc.nout), signature=signature, casting=casting)
    return [
        x if x is d or d.kind not in "fc" else in_dtype(x, d, casting, ufunc.__name__)
        for x, d in zip(inputs, loop[: ufunc.nin], strict=True)
    ]


def _on_axes(ufunc, op, inputs, axes, keepdims):
    """Return the result of a generalised ufunc whose core dimensions are on the given axes."""
    cores = [part.count(",") + 1 if part else 0 for part in re.findall(r"\(([^)]*)\)", ufunc.signature)]
    axes = [(k,) if isplain(k, int) else tuple(k) for k in axes]
    inputs = [v if isinstance(v, Traced) else np.asarray(lift(v)) for v in inputs]
    if len(axes) < ufunc.nin or any(len(k) > n for k, n in zip(axes, cores, strict=False)):
        raise ValueError(f"np.{ufunc.__name__}: axes must name {cores[: len(axes)]} axes, not {axes}")
    moved = [np.moveaxis(v, k, range(-len(k), 0)) if k else v for v, k in zip(inputs, axes, strict=False)]
    result = op(*moved)
    if keepdims:
        return np.expand_dims(result, axes[0])
    last = axes[ufunc.nin :]
    return np.moveaxis(result, range(-len(last[0]), 0), last[0]) if last and last[0] else result


def _placed(ufunc, op, kwargs):
    """Return an operation that has the axes that the keywords of a generalised ufunc name, which are taken out."""
    axes, axis, keepdims = kwargs.pop("axes", None), kwargs.pop("axis", None), kwargs.pop("keepdims", False)
    if ufunc is np.matmul and axes is not None and all(tuple(k) == tuple(range(-len(k), 0)) for k in axes):
        axes = None  # ndarray's @= names the default ones
    if axis is not None or keepdims:
        axes = [-1 if axis is None else axis] * ufunc.nin
    if axes is None:
        return op
    return lambda *inputs: _on_axes(ufunc, op, inputs, axes, keepdims)


def _call(ufunc, inputs, kwargs):
    out = kwargs.pop("out", None)
    where = kwargs.pop("where", True)
    dtype = kwargs.pop("dtype", None)
    casting = kwargs.pop("casting", "same_kind")
    for name in ("order", "subok"):
        kwargs.pop(name, None)
    op = UFUNCS.get(ufunc)
    if op is None:
        composite = FUNCTIONS.get(ufunc)
        if composite is None and _is_of_objects(ufunc):
            return _call_for_elements(ufunc, inputs)
        if composite is None:
            home = "np." if getattr(np, ufunc.__name__, None) is ufunc else "the ufunc "
            raise TypeError(
                f"{home}{ufunc.__name__} is not supported on traced values; give it a derivative with "
                "mmad.primitive or mmad.custom_vjp"
            )
        op = composite
    if ufunc.signature is not None:
        op = _placed(ufunc, op, kwargs)
    if kwargs:
        raise TypeError(f"np.{ufunc.__name__} on traced values does not support {', '.join(sorted(kwargs))}")
    if dtype is not None and ufunc.signature is None:
        inputs = _in_loop(ufunc, inputs, dtype, casting)
    if out is not None and any(isinstance(o, Traced) for o in out) and not any(isinstance(x, Traced) for x in inputs):
        result = ufunc(*inputs)
    elif where is not True:
        _warn(ufunc, inputs, where)
        with np.errstate(all="ignore"):
            result = op(*inputs)
    else:
        result = op(*inputs)
    if ufunc.nout > 1:
        targets = (None,) * ufunc.nout if out is None else out
        pairs = zip(result, targets, strict=True)
        return tuple([masked_or_out(r, target, where, ufunc.__name__) for r, target in pairs])
    if dtype is not None and getattr(result, "dtype", None) != dtype:
        result = a.astype(result, dtype=np.dtype(dtype))
    target = out[0] if out is not None else None
    if where is True and not isinstance(target, Traced | None) and inputs and inputs[0] is target:
        return _rebound(target, result, ufunc.__name__)
    return masked_or_out(result, target, where, ufunc.__name__)


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


def _slices(x, axis):
    """Return the slices of x along one axis."""
    before = (slice(None),) * axis
    return [x[(*before, k)] for k in range(shape_of(x)[axis])]


#: Functions that reduce numbers of any dtype to truth values; no other function with a boolean result reduces numbers.
LOGICAL = (np.logical_and, np.logical_or, np.logical_xor)


def _first(ufunc, x):
    """Return the first element of a reduction or accumulation, in the dtype of the result."""
    if ufunc in LOGICAL:
        return a.not_equal(x, 0.0)
    if UFUNCS.get(ufunc) is not None and UFUNCS[ufunc].boolean:
        raise TypeError(f"np.{ufunc.__name__} gives truth values, which it cannot be applied to again with numbers")
    return x


def _fold(ufunc, x, axis=0, dtype=None, keepdims=False, initial=np._NoValue, where=True):
    """Reduce with any binary ufunc (`ufunc.reduce`), from the first element to the last."""
    shape = shape_of(x)
    if where is not True and initial is np._NoValue and ufunc.identity is None:
        raise ValueError(
            f"reduction operation '{ufunc.__name__}' does not have an identity, so to use a where mask one has to "
            "specify 'initial'"
        )
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
    slices = _along(x, axes, kept)
    # NumPy applies the identity, which can change the result for a single element: np.hypot.reduce([-1.]) is 1.
    initial = ufunc.identity if initial is np._NoValue else initial
    if where is not True:
        masks = _along(np.broadcast_to(where, shape), axes, kept)
        r = _first(ufunc, _spread(initial, kept, x))
        for element, mask in zip(slices, masks, strict=True):
            r = a.select(mask, ufunc(r, element), r)
        slices = [r]
    elif initial is not None and (len(slices) < 2 or initial is not ufunc.identity):
        slices.insert(0, _spread(initial, kept, x) if not slices else initial)
    elif not slices:
        raise ValueError(f"zero-size array to reduction operation {ufunc.__name__} which has no identity")
    r = _first(ufunc, slices[0])
    r = r if len(slices) > 1 or ufunc in LOGICAL else a.positive(r)
    for element in slices[1:]:
        r = ufunc(r, element)
    if keepdims:
        r = viewed(r, lambda m: m.reshape(tuple(1 if k in axes else d for k, d in enumerate(shape))))
    return r


def _along(x, axes, kept):
    """Return the slices of x along some of its axes, each with the other ones."""
    if len(axes) == 1:
        return _slices(x, axes[0])
    if not axes:
        return [x]
    shape = shape_of(x)
    order = (*axes, *(k for k in range(len(shape)) if k not in axes))
    moved = viewed(x, lambda m: m.transpose(order)) if isinstance(x, Traced) else x.transpose(order)
    return _slices(moved.reshape((math.prod(shape[k] for k in axes), *kept)), 0)


def _spread(value, shape, prototype):
    """Return a number as an array of the given shape in the dtype of `prototype`; as a number if the shape is ()."""
    if isplain(value, bool):
        return np.full(shape, value)[()]
    return a.add(np.zeros(shape, prototype.dtype), value) if shape else a.astype(value, dtype=prototype.dtype)


def _accumulate(ufunc, x, axis=0, dtype=None):
    """Accumulate with any binary ufunc (`ufunc.accumulate`)."""
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(x)))
    if dtype is not None and ufunc not in LOGICAL:
        x = a.astype(x, dtype=np.dtype(dtype))
    rows = _slices(x, axis)
    if not rows:
        return x
    rows[0] = _first(ufunc, rows[0])
    for k in range(1, len(rows)):
        rows[k] = ufunc(rows[k - 1], rows[k])
    return stacked(rows, axis)


def _reduceat(ufunc, x, indices, axis=0, dtype=None):
    """Reduce each segment between two indices (`ufunc.reduceat`)."""
    x = x if dtype is None else a.astype(x, dtype=np.dtype(dtype))
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(x)))
    before = (slice(None),) * axis
    n = shape_of(x)[axis]
    ends = [*[int(k) for k in indices[1:]], n]
    reduce = METHODS.get((ufunc, "reduce")) or functools.partial(_fold, initial=None)  # reduceat applies no identity
    rows = [
        reduce(ufunc, x[(*before, slice(start, end))], axis=axis)
        if start + 1 < end
        else _first(ufunc, x[(*before, start)])
        for start, end in zip([int(k) for k in indices], ends, strict=True)
    ]
    return stacked(rows, axis)


def _stable(top, exp, log):
    """Return `logaddexp.reduce` in three passes over the array; subtracting the largest element avoids overflow."""

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
    """Operate in place without buffering (`ufunc.at`): repeated elements are written one after the other."""
    if ufunc in (np.add, np.subtract) and isinstance(x, Traced):
        value = operand[0] if ufunc is np.add else -operand[0]
        probe = np.zeros(x.shape)[index]
        if shape_of(value) != probe.shape:
            value = value + np.zeros(probe.shape)
        plain = np.asarray(_storage.plain_index(index)) if isinstance(index, list) else _storage.plain_index(index)
        x.assign(x + scatter_add(value, plain, shape=x.shape))
        return
    positions = np.arange(int(np.prod(shape_of(x)))).reshape(shape_of(x))[index]
    operands = [
        np.broadcast_to(v, positions.shape) if not isinstance(v, Traced) else v + np.zeros(positions.shape)
        for v in operand
    ]
    if not isinstance(x, Traced):
        raise TypeError(
            f"np.{ufunc.__name__}.at into a plain array would lose the derivative; make the array with "
            "np.zeros(n, like=x) or mmad.numpy.zeros(n)"
        )
    for k in np.ndindex(*positions.shape):
        element = tuple(int(i) for i in np.unravel_index(positions[k], x.shape))
        x[element] = ufunc(x[element], *[v[k] if k else v for v in operands])


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
