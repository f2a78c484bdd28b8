"""Making arrays that can hold traced values."""

import itertools

import numpy as np

from mmad._core import FUNCTIONS, Traced
from mmad.numpy._implements import implements
from mmad.python.kinds import isplain
from mmad.tape.constants import adopt, has_traced, lift, outermost
from mmad.tracing.trace import template

__all__ = [
    "array",
    "asarray",
    "asarray_chkfinite",
    "empty",
    "empty_like",
    "eye",
    "fromiter",
    "full",
    "full_like",
    "identity",
    "ones",
    "ones_like",
    "require",
    "tri",
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
tri = _creator("tri", np.tri)


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
implements(np.asarray, np.asanyarray, np.ascontiguousarray, np.asfortranarray)(asarray)


def asarray_chkfinite(a, dtype=None, order=None):
    """`numpy.asarray_chkfinite`, also of traced values."""
    a = asarray(a, dtype)
    if a.dtype.kind in "fc" and not np.isfinite(a).all():
        raise ValueError("array must not contain infs or NaNs")
    return a


@implements(np.require)
def require(a, dtype=None, requirements=None, *, like=None):
    """`numpy.require`; a traced array has no place in memory that could be asked for."""
    return asarray(a, dtype, like=like) if has_traced(a) else np.require(a, dtype, requirements)


@implements(np.fromiter)
def fromiter(iter, dtype, count=-1, *, like=None):
    """`numpy.fromiter`, also of an iterator over traced numbers."""
    return array(list(iter if count < 0 else itertools.islice(iter, count)), dtype, like=like)


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


def full_like(a, fill_value, dtype=None, order="K", subok=True, shape=None, **kwargs):
    """`numpy.full_like`, also with traced values to fill in."""
    a = lift(a) if has_traced(a) else a
    if has_traced(fill_value):
        kind = dtype or (a.dtype if hasattr(a, "dtype") else np.asarray(a).dtype)
        return _filled(np.shape(a) if shape is None else shape, lift(fill_value), np.dtype(kind), a)
    return _full_like(a, fill_value, dtype=dtype, shape=shape, **kwargs)


FUNCTIONS[np.full_like] = full_like
