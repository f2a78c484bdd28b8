"""Arrays that accept traced values: constants of a tape, of a forward derivative, of a batch."""

import numpy as np

from mmad._core import Jet, Traced, Var, Wrapper, set_lift
from mmad.python.kinds import isplain

__all__ = ["adopt", "conform", "has_traced", "lift", "outermost", "takes", "traced_parts", "unboxed", "zeros"]


def adopt(value, like):
    """Return a plain array as a constant that accepts values of the kind of `like`; `value` is taken over.

    Parameters
    ----------
    value : ndarray
    like : traced value
    """
    if isinstance(like, Var):
        return like.tape.add_constant(value) if value.dtype.kind in "fc" else value
    if isinstance(like, Jet):
        if value.dtype.kind not in "fc":
            return value
        first, *rest = like.parts
        return like.of([adopt(value, first), *[adopt(np.zeros_like(value), p) for p in rest]])
    if isinstance(like, Wrapper):
        lanes = np.array(np.broadcast_to(value, (like.count, *value.shape)), order="C")
        return type(like)(like.level, adopt(lanes, like.lanes))
    return value


def conform(x, like):
    """Return an array as one that also accepts values of the kind of `like`; x itself where it does already."""
    if _is_batch(x) and (not isinstance(like, Wrapper) or x.level > like.level):
        lanes = conform(x.lanes, like)
        return x if lanes is x.lanes else type(x)(x.level, lanes)
    if isinstance(like, Jet):
        if isinstance(x, Jet) and x.level >= like.level:
            return x
        first, *rest = like.parts
        return like.of([conform(x, first), *[adopt(np.zeros(x.shape, x.dtype), p) for p in rest]])
    if _is_batch(like):
        if _is_batch(x):
            lanes = conform(x.lanes, like.lanes)
            return x if lanes is x.lanes else type(x)(x.level, lanes)
        out = adopt(np.zeros(x.shape, x.dtype), like)
        out[...] = x
        return out
    if isinstance(like, Var) and isplain(x, np.ndarray):
        return adopt(x.copy(), like)
    return x


def _is_batch(x):
    return isinstance(x, Wrapper) and not isinstance(x, Jet)


def traced_parts(x):
    """Return where traced values are in a value: as it is, in the lanes, in the parts of a dual number or series."""
    if _is_batch(x):
        return {("lanes", *path) for path in traced_parts(x.lanes)}
    if isinstance(x, Jet):
        return {(k, *path) for k, part in enumerate(x.parts) for path in traced_parts(part)}
    return {()} if isinstance(x, Traced) else set()


def takes(x, value):
    """Return whether an array can be written a value in place: it has to be traced wherever the value is."""
    if isinstance(value, Wrapper) and getattr(x, "level", -1) != value.level:
        return False
    return traced_parts(value) <= traced_parts(x)


def zeros(shape, dtype, like):
    """Return zeros that accept values of the kind of `like`; a plain number of shape ()."""
    value = np.zeros(shape, dtype)
    if shape == () and not _is_batch(like):
        return 0.0 if value.dtype == np.float64 else value[()]
    return adopt(value, like)


def lift(items):
    """Return a traced array from a nested list, tuple or object array with traced numbers or arrays in it."""
    if isinstance(items, Traced):
        return items
    cells = items if isplain(items, np.ndarray) else None
    if cells is None:
        cells = _nested(items)
    if not cells.dtype.hasobject:
        return cells
    flat = list(cells.reshape(-1))
    first = outermost(flat)
    if first is None:
        return np.array(flat, dtype=float).reshape(cells.shape)
    shape = next((np.shape(v) if not isinstance(v, Traced) else v.shape) for v in flat)
    dtype = np.result_type(*[np.result_type(v.dtype if hasattr(v, "dtype") else type(v)) for v in flat])
    if dtype.kind not in "fc":
        if shape == ():  # integers and truth values are plain
            return np.array([bool(v) if dtype.kind == "b" else int(v) for v in flat], dtype).reshape(cells.shape)
        dtype = np.float64
    out = adopt(np.zeros(cells.shape + shape, dtype), first)
    for k, v in zip(np.ndindex(*cells.shape), flat, strict=True):
        out[k if shape == () else (*k, ...)] = v
    return out


def unboxed(x):
    """Return a traced array for an object array of traced values, and anything else as it is."""
    return lift(x) if isplain(x, np.ndarray) and x.dtype.hasobject else x


def _nested(items):
    """Return the cells of a nested sequence as an object array: arrays inside and lists beside them are whole."""
    if not has_traced(items):
        return np.asarray(items)
    dims = _shape(items)[: _depth(items)]
    cells = np.empty(dims, dtype=object)
    for k in np.ndindex(*dims):
        v = items
        for i in k:
            v = v[i]
        cells[k] = lift(v) if has_traced(v) else np.asarray(v) if isplain(v, list | tuple) else v
    return cells


def _shape(x):
    """Return the shape of the array that a nested sequence makes; raise ValueError if it makes none."""
    if isinstance(x, list | tuple) and not isinstance(x, Traced):
        inner = {_shape(v) for v in x}
        if len(inner) > 1:
            raise ValueError("setting an array element with a sequence: the nested sequence is ragged")
        return (len(x), *(inner.pop() if inner else ()))
    return x.shape if isinstance(x, Traced) else np.shape(x)


def _depth(x):
    """Return how many levels of a nested sequence are lists or tuples everywhere."""
    if isinstance(x, list | tuple) and not isinstance(x, Traced):
        return 1 + min(map(_depth, x), default=0)
    return 0


def has_traced(x):
    return isinstance(x, Traced) or (isinstance(x, list | tuple) and any(has_traced(v) for v in x))


def outermost(values):
    """Return the traced value of the highest level among `values`: what an array of them has to be like."""
    best = None
    for v in values:
        if isinstance(v, Traced) and (best is None or getattr(v, "level", 0) > getattr(best, "level", 0)):
            best = v
    return best


set_lift(lift)
