"""NumPy's ufunc protocol on traced values: `out=`, `where=`, and the methods reduce, accumulate, outer and at."""

import numpy as np

from mmad import _core
from mmad._core import FUNCTIONS, HOOKS, UFUNCS, Traced
from mmad.ops import arithmetic as a
from mmad.ops.declare import shape_of
from mmad.ops.structure import viewed


def write_out(out, result, name):
    """Put a result where `out=` asked for it.

    A plain array cannot hold it: the traced result is returned (augmented assignment rebinds the name to it), and the
    plain array is filled with NaN, so that another name for it cannot be read unnoticed.
    """
    if isinstance(out, Traced):
        out.assign(result, name)
        return out
    if shape_of(result) != out.shape and np.broadcast_shapes(shape_of(result), out.shape) != out.shape:
        raise ValueError(f"non-broadcastable output operand with shape {out.shape} doesn't match the broadcast "
                         f"shape {shape_of(result)}")
    if not isinstance(result, Traced):
        out[...] = result
        return out
    if not np.can_cast(result.dtype, out.dtype, "same_kind"):
        raise TypeError(f"cannot cast {name} output from {result.dtype!r} to {out.dtype!r} with casting rule 'same_kind'")
    out.fill(np.nan)
    return result


def _call(ufunc, inputs, kwargs):
    out = kwargs.pop("out", None)
    where = kwargs.pop("where", True)
    dtype = kwargs.pop("dtype", None)
    for name in ("casting", "order", "subok"):
        kwargs.pop(name, None)
    if kwargs:
        raise TypeError(f"np.{ufunc.__name__} on traced values does not support {', '.join(sorted(kwargs))}")
    op = UFUNCS.get(ufunc)
    if op is None:
        composite = FUNCTIONS.get(ufunc)
        if composite is None:
            raise TypeError(f"np.{ufunc.__name__} is not supported on traced values; give it a derivative with "
                            "mmad.primitive or mmad.custom_vjp")
        op = composite
    if out is not None and any(isinstance(o, Traced) for o in out) and not any(isinstance(x, Traced) for x in inputs):
        result = ufunc(*inputs)
    elif where is not True:
        plain = [_core.concrete(x) for x in inputs]
        ufunc(*plain, where=where, out=np.zeros(np.broadcast_shapes(*map(np.shape, plain))))  # NumPy's own warnings
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
    return result if target is None else write_out(target, result, ufunc.__name__)


def _ufunc(ufunc, method, inputs, kwargs):
    kwargs = dict(kwargs)
    if method == "__call__":
        return _call(ufunc, inputs, kwargs)
    handler = METHODS.get((ufunc, method)) or METHODS.get(method)
    if handler is None:
        raise TypeError(f"np.{ufunc.__name__}.{method} is not supported on traced values")
    out = kwargs.pop("out", None)
    result = handler(ufunc, *inputs, **kwargs)
    return result if out is None else write_out(out[0], result, ufunc.__name__)


def _outer(ufunc, x, y, **kwargs):
    rank = len(shape_of(y))
    x = viewed(x, lambda m: m.reshape(m.shape + (1,) * rank)) if shape_of(x) else x
    return ufunc(x, y, **kwargs)


def _at(ufunc, x, index, *operand):
    """Unbuffered in-place operation: repeated elements are written one after the other."""
    if ufunc in (np.add, np.subtract) and isinstance(x, Traced):
        from mmad.ops.structure import scatter_add
        value = operand[0] if ufunc is np.add else -operand[0]
        probe = np.zeros(x.shape)[index]
        if shape_of(value) != probe.shape:
            value = value + np.zeros(probe.shape)
        plain = np.asarray(_core.plain_index(index)) if isinstance(index, list) else _core.plain_index(index)
        x.assign(x + scatter_add(value, plain, shape=x.shape))
        return
    where = np.arange(int(np.prod(shape_of(x)))).reshape(shape_of(x))[index]
    operands = [np.broadcast_to(v, where.shape) if not isinstance(v, Traced) else v + np.zeros(where.shape)
                for v in operand]
    if not isinstance(x, Traced):
        raise TypeError(f"np.{ufunc.__name__}.at into a plain array would lose the derivative; make the array with "
                        "np.zeros(n, like=x) or mmad.numpy.zeros(n)")
    for k in np.ndindex(*where.shape):
        at = np.unravel_index(where[k], x.shape)
        at = tuple(int(i) for i in at)
        x[at] = ufunc(x[at], *[v[k] if k else v for v in operands])


METHODS = {"outer": _outer, "at": _at}  # (ufunc, method) or method -> handler(ufunc, *inputs, **kwargs)

HOOKS["ufunc"] = _ufunc
