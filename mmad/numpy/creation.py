"""Making arrays that can hold traced values."""

import numpy as np

from mmad._core import FUNCTIONS, Traced
from mmad.numpy._implements import implements
from mmad.python.kinds import isplain
from mmad.tape.constants import adopt, has_traced, lift, outermost
from mmad.tracing.trace import template

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


def _creator(name, function):
    def create(*args, like=None, **kwargs):
        like = template() if like is None else like
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
    like = template() if like is None else like
    if has_traced(fill_value):
        fill_value = lift(fill_value)
        return _filled(shape, fill_value, np.dtype(dtype or fill_value.dtype), like)
    value = np.full(shape, fill_value, dtype, **kwargs)
    return value if like is None else adopt(value, like)


def _filled(shape, fill_value, dtype, like):
    """Return an array that is filled with a traced value."""
    if dtype.kind not in "fc":
        return np.full(shape, int(fill_value), dtype)
    out = adopt(np.zeros(shape, dtype), outermost((like, fill_value)))
    out[...] = fill_value
    return out


implements(np.full)(full)
eye = _creator("eye", np.eye)
identity = _creator("identity", np.identity)
arange = _creator("arange", np.arange)


def _promoting(x):
    """Return what stands for a value in NumPy's promotion of dtypes: its dtype, or a Python number, which is weak."""
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
    like = kwargs.pop("like", None) or template()
    value = np.linspace(start, stop, num, **kwargs)
    return value if like is None or isinstance(value, tuple) else adopt(value, like)


implements(np.linspace)(linspace)


def array(object, dtype=None, *, copy=True, like=None, **kwargs):
    """`numpy.array`, also of nested sequences with traced numbers in them."""
    ndmin = kwargs.pop("ndmin", 0)
    if isinstance(object, Traced):
        out = +object if copy else object
    elif has_traced(object) or (isplain(object, np.ndarray) and object.dtype.hasobject):
        out = lift(object)
    else:
        out = np.array(object, dtype=dtype, ndmin=ndmin, **kwargs)
        like = template() if like is None else like
        return out if like is None else adopt(out, like)
    if dtype is not None and out.dtype != np.dtype(dtype):
        out = out.astype(dtype)
    return out[(None,) * (ndmin - len(out.shape))] if len(out.shape) < ndmin else out


def asarray(a, dtype=None, *, like=None, **kwargs):
    """`numpy.asarray`, also of nested sequences with traced numbers in them."""
    return array(a, dtype, copy=False, like=like, **kwargs)


implements(np.array)(array)
implements(np.asarray, np.asanyarray, np.ascontiguousarray)(asarray)


def _like_function(name, function, fill):
    def create(a, *args, dtype=None, order="K", subok=True, shape=None, **kwargs):
        if not isinstance(a, Traced):
            value = function(a, *args, dtype=dtype, shape=shape, **kwargs)
            return value if template() is None else adopt(value, template())
        shape = a.shape if shape is None else shape
        dtype = a.dtype if dtype is None else np.dtype(dtype)
        return adopt(np.full(shape, args[0] if args and not isinstance(args[0], Traced) else fill, dtype), a)

    create.__name__ = create.__qualname__ = name
    create.__doc__ = f"`numpy.{name}`, of traced arrays as well."
    implements(function)(create)
    return create


zeros_like = _like_function("zeros_like", np.zeros_like, 0)
ones_like = _like_function("ones_like", np.ones_like, 1)
empty_like = _like_function("empty_like", np.empty_like, 0)
_full_like = _like_function("full_like", np.full_like, 0)


def full_like(a, fill_value, **kwargs):
    """`numpy.full_like`, also with a traced fill value."""
    if isinstance(fill_value, Traced):
        dtype = np.dtype(kwargs.get("dtype") or (a.dtype if hasattr(a, "dtype") else np.result_type(a)))
        shape = kwargs.get("shape")
        return _filled(np.shape(a) if shape is None else shape, fill_value, dtype, a)
    return _full_like(a, fill_value, **kwargs)


FUNCTIONS[np.full_like] = full_like
