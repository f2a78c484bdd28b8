"""Making arrays that can hold traced values."""

import numpy as np

from mmad import _core, _storage
from mmad._batch import Batch
from mmad._core import HOOKS, Jet, Traced, Var
from mmad.kinds import isplain
from mmad.numpy._dispatch import implements

__all__ = [
    "arange",
    "array",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "identity",
    "linspace",
    "ones",
    "ones_like",
    "zeros",
    "zeros_like",
]


def current():
    """What arrays made now have to accept; None outside any derivative."""
    return HOOKS["template"]()


def adopt(value, like):
    """A plain array as a constant that accepts values of the kind of `like`; `value` is taken over.

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
    if isinstance(like, Batch):
        lanes = np.array(np.broadcast_to(value, (like.count, *value.shape)), order="C")
        return Batch(like.level, adopt(lanes, like.lanes))
    return value


def conform(x, like):
    """An array as one that also accepts values of the kind of `like`; x itself where it does already."""
    if isinstance(x, Batch) and (not isinstance(like, Batch | Jet) or x.level > like.level):
        lanes = conform(x.lanes, like)
        return x if lanes is x.lanes else Batch(x.level, lanes)
    if isinstance(like, Jet):
        if isinstance(x, Jet) and x.level >= like.level:
            return x
        first, *rest = like.parts
        return like.of([conform(x, first), *[adopt(np.zeros(x.shape, x.dtype), p) for p in rest]])
    if isinstance(like, Batch):
        if isinstance(x, Batch):
            lanes = conform(x.lanes, like.lanes)
            return x if lanes is x.lanes else Batch(x.level, lanes)
        out = adopt(np.zeros(x.shape, x.dtype), like)
        out[...] = x
        return out
    if isinstance(like, Var) and isplain(x, np.ndarray):
        return adopt(x.copy(), like)
    return x


def _zeros_hook(shape, dtype, like):
    value = np.zeros(shape, dtype)
    if shape == () and not isinstance(like, Batch):
        return 0.0 if value.dtype == np.float64 else value[()]
    return adopt(value, like)


def lift(items):
    """A traced array from a nested list, tuple or object array with traced numbers or arrays in it."""
    if isinstance(items, Traced):
        return items
    cells = items if isplain(items, np.ndarray) else None
    if cells is None:
        cells = _nested(items)
    if not cells.dtype.hasobject:
        return cells
    flat = list(cells.reshape(-1))
    first = _outermost(flat)
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


def _nested(items):
    """The cells of a nested sequence as an object array; traced arrays inside stay whole."""

    def shape(x):
        if isinstance(x, list | tuple) and not isinstance(x, Traced):
            inner = {shape(v) for v in x}
            if len(inner) > 1:
                raise ValueError("setting an array element with a sequence: the nested sequence is ragged")
            return (len(x), *(inner.pop() if inner else ()))
        return ()

    if not _has_traced(items):
        return np.asarray(items)
    dims = shape(items)
    cells = np.empty(dims, dtype=object)
    for k in np.ndindex(*dims):
        v = items
        for i in k:
            v = v[i]
        cells[k] = v
    return cells


def _has_traced(x):
    return isinstance(x, Traced) or (isinstance(x, list | tuple) and any(_has_traced(v) for v in x))


def _outermost(values):
    """The traced value of the highest level among `values`: what an array of them has to be like."""
    best = None
    for v in values:
        if isinstance(v, Traced) and (best is None or getattr(v, "level", 0) > getattr(best, "level", 0)):
            best = v
    return best


def _creator(name, function):
    def create(*args, like=None, **kwargs):
        like = current() if like is None else like
        value = function(*args, **kwargs)
        return value if like is None else adopt(value, like)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = (
        f"`numpy.{name}`, as an array that accepts traced values while a derivative is taken.\n\n"
        "Outside of one it gives a plain ndarray."
    )
    implements(function)(create)
    return create


zeros = _creator("zeros", np.zeros)
ones = _creator("ones", np.ones)
empty = _creator("empty", np.empty)


def full(shape, fill_value, dtype=None, *, like=None, **kwargs):
    """`numpy.full`, also with traced values to fill in."""
    like = current() if like is None else like
    if _has_traced(fill_value):
        fill_value = lift(fill_value)
        return _filled(shape, fill_value, np.dtype(dtype or fill_value.dtype), like)
    value = np.full(shape, fill_value, dtype, **kwargs)
    return value if like is None else adopt(value, like)


def _filled(shape, fill_value, dtype, like):
    """An array that is filled with a traced value."""
    if dtype.kind not in "fc":
        return np.full(shape, int(fill_value), dtype)
    out = adopt(np.zeros(shape, dtype), _outermost((like, fill_value)))
    out[...] = fill_value
    return out


implements(np.full)(full)
eye = _creator("eye", np.eye)
identity = _creator("identity", np.identity)
arange = _creator("arange", np.arange)


def _promoting(x):
    """What stands for a value in NumPy's promotion of dtypes: its dtype, or a Python number, which is weak."""
    if isinstance(x, Traced):
        return x.dtype if getattr(x, "strong", True) else 0.0
    return x


def linspace(start, stop, num=50, **kwargs):
    """`numpy.linspace`, also between traced ends."""
    if isinstance(start, Traced) or isinstance(stop, Traced):
        endpoint, dtype = kwargs.pop("endpoint", True), kwargs.pop("dtype", None)
        if kwargs:
            raise TypeError(f"linspace of traced values does not support {sorted(kwargs)}")
        t = np.linspace(0.0, 1.0, num, endpoint=endpoint)
        out = start + (stop - start) * t.reshape((-1,) + (1,) * max(np.ndim(start), np.ndim(stop)))
        if dtype is None:
            dtype = np.result_type(*[_promoting(v) for v in (start, stop)], float(num))
        return out if out.dtype == dtype else out.astype(dtype)
    like = kwargs.pop("like", None) or current()
    value = np.linspace(start, stop, num, **kwargs)
    return value if like is None or isinstance(value, tuple) else adopt(value, like)


implements(np.linspace)(linspace)


def array(object, dtype=None, *, copy=True, like=None, **kwargs):
    """`numpy.array`, also of nested sequences with traced numbers in them."""
    ndmin = kwargs.pop("ndmin", 0)
    if isinstance(object, Traced):
        out = +object if copy else object
    elif _has_traced(object) or (isplain(object, np.ndarray) and object.dtype.hasobject):
        out = lift(object)
    else:
        out = np.array(object, dtype=dtype, ndmin=ndmin, **kwargs)
        like = current() if like is None else like
        return out if like is None else adopt(out, like)
    if dtype is not None and out.dtype != np.dtype(dtype):
        out = out.astype(dtype)
    return out[(None,) * (ndmin - len(out.shape))] if len(out.shape) < ndmin else out


def asarray(a, dtype=None, *, like=None, **kwargs):
    """`numpy.asarray`, also of nested sequences with traced numbers in them."""
    return array(a, dtype, copy=False, like=like, **kwargs)


implements(np.array)(array)
implements(np.asarray, np.asanyarray, np.ascontiguousarray)(asarray)


def _like(name, function, fill):
    def create(a, *args, dtype=None, order="K", subok=True, shape=None, **kwargs):
        if not isinstance(a, Traced):
            value = function(a, *args, dtype=dtype, shape=shape, **kwargs)
            return value if current() is None else adopt(value, current())
        shape = a.shape if shape is None else shape
        dtype = a.dtype if dtype is None else np.dtype(dtype)
        return adopt(np.full(shape, args[0] if args and not isinstance(args[0], Traced) else fill, dtype), a)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = f"`numpy.{name}`, of traced arrays as well."
    implements(function)(create)
    return create


zeros_like = _like("zeros_like", np.zeros_like, 0)
ones_like = _like("ones_like", np.ones_like, 1)
empty_like = _like("empty_like", np.empty_like, 0)
_full_like = _like("full_like", np.full_like, 0)


def full_like(a, fill_value, **kwargs):
    """`numpy.full_like`, also with a traced fill value."""
    if isinstance(fill_value, Traced):
        dtype = np.dtype(kwargs.get("dtype") or (a.dtype if hasattr(a, "dtype") else np.result_type(a)))
        shape = kwargs.get("shape")
        return _filled(np.shape(a) if shape is None else shape, fill_value, dtype, a)
    return _full_like(a, fill_value, **kwargs)


_core.FUNCTIONS[np.full_like] = full_like
_core.HOOKS["adopt"] = adopt
_core.HOOKS["conform"] = conform
_core.HOOKS["zeros"] = _zeros_hook
_core.HOOKS["lift"] = lift
_core.HOOKS["concrete"] = _core.concrete
_core.HOOKS["plain_index"] = _storage.plain_index
_core.HOOKS["basic_index"] = _storage.basic_index
_core.HOOKS["look"] = _core.concrete
