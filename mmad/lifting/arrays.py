"""NumPy for lifted code: arrays that it makes accept traced values, and lists of traced numbers are arrays.

Everything else is NumPy itself, whose functions hand traced arrays to mmad.  A new array accepts traced values only
while a derivative is taken; `np.asarray` of a plain array stays that array, because writes go through it.
"""

import importlib
import types

import numpy as np

import mmad.numpy as traced_numpy
from mmad._core import Traced
from mmad.lifting.numbers import fresh
from mmad.numpy._implements import Function
from mmad.python.kinds import isplain
from mmad.python.refusals import refuse
from mmad.tape.constants import has_traced, lift
from mmad.tracing.trace import template

__all__ = ["NUMPY", "Function", "Vectorized", "numpy_function", "series_class"]

DISPATCHER = type(np.sum)  # NumPy's class of functions that ask their arguments

#: Functions of sequences of arrays: the arrays inside count, one by one.
SEQUENCES = frozenset(
    ("block", "broadcast_arrays", "choose", "column_stack", "concatenate", "dstack", "hstack", "meshgrid", "multi_dot")
    + ("piecewise", "select", "stack", "vstack", "row_stack", "concat", "append", "ix_", "lexsort")
)


def _as_array(x):
    """Return a list, tuple or object array with traced numbers in it as a traced array; anything else as it is."""
    if isplain(x, list | tuple) and has_traced(x):
        try:
            return lift(x)
        except (ValueError, TypeError):  # ragged
            return x
    if isplain(x, np.ndarray) and x.dtype.hasobject and any(isinstance(v, Traced) for v in x.flat):
        return lift(x)
    return x


def _inside(x):
    """Return a sequence of arrays whose elements are arrays where they are lists of traced numbers."""
    if isplain(x, list | tuple) and type(x) in (list, tuple):
        return type(x)(_as_array(v) for v in x)
    return _as_array(x)


def array(*args, **kwargs):
    """`numpy.array`, also of traced numbers; a new array, which accepts traced values."""
    return np.array(*args, **kwargs) if template() is None else _array(*args, **kwargs)


def _array(values=None, dtype=None, **kwargs):
    if "object" in kwargs:
        values = kwargs.pop("object")
    if _keeps_objects(dtype) or not _plain_order(kwargs):
        return np.array(values, dtype, **kwargs)
    if not kwargs.get("copy", True):
        return asarray(values, dtype, **{k: v for k, v in kwargs.items() if k != "copy"})
    values = _as_array(values)
    if not isinstance(values, Traced):
        return fresh(np.array(values, dtype, **kwargs))
    if dtype is not None and np.dtype(dtype).kind not in "fc":
        return values.astype(dtype)
    kwargs = {k: v for k, v in kwargs.items() if k in ("ndmin", "copy")}
    return traced_numpy.array(values, dtype, **kwargs)


def asarray(a, dtype=None, order=None, **kwargs):
    """`numpy.asarray`: a plain array stays the same one."""
    if template() is None or _keeps_objects(dtype):
        return np.asarray(a, dtype, order, **kwargs)
    given, a = a, _as_array(a)
    if isinstance(a, Traced):
        return a if dtype is None or a.dtype == np.dtype(dtype) else a.astype(dtype)
    out = np.asarray(a, dtype, order, **kwargs)
    return out if isplain(given, np.ndarray) or hasattr(given, "__array__") else fresh(out)


def _keeps_objects(dtype):
    return dtype is not None and np.dtype(dtype).hasobject


def _plain_order(kwargs):
    return kwargs.get("like") is None and kwargs.get("subok", False) in (False, True)


def _creator(f):
    """Return a function that makes a new array as one that accepts traced values."""

    def create(*args, **kwargs):
        return fresh(f(*args, **kwargs))

    create.__name__ = create.__qualname__ = f.__name__
    return create


def _with_values(f, plain):
    """Return a creation function of `mmad.numpy`; NumPy's own outside of derivatives, to the last detail."""

    def create(*args, **kwargs):
        if template() is None:
            return plain(*args, **kwargs)
        if "order" in kwargs:
            kwargs = {k: v for k, v in kwargs.items() if k != "order"}
        return f(*[_as_array(v) for v in args], **{k: _as_array(v) for k, v in kwargs.items()})

    create.__name__ = create.__qualname__ = f.__name__
    return create


def _rounding(name):
    """Return NumPy's function that rounds; of traced values to digits it is refused, as `round` is."""
    plain = Function(getattr(np, name), _as_array)

    def rounding(a, decimals=0, out=None):
        a = _as_array(a)
        if decimals > 0 and isinstance(a, Traced):
            refuse(
                f"np.{name}() of a traced value to digits has the derivative zero: leave it out, or put another "
                f"function there with mmad.lift(..., replace={{np.{name}: lambda x, decimals=0: x}})"
            )
        return plain(a, decimals, out)

    rounding.__name__ = rounding.__qualname__ = name
    return rounding


class Vectorized:
    """`numpy.vectorize` of a lifted function: traced elements go to the function one by one."""

    def __init__(self, pyfunc=None, otypes=None, doc=None, excluded=None, cache=False, signature=None, *, plain=None):
        if pyfunc is None:
            raise TypeError("np.vectorize without a function is not lifted: write np.vectorize(function)")
        self.pyfunc, self.excluded, self.signature = pyfunc, excluded or set(), signature
        options = {"otypes": otypes, "doc": doc, "excluded": excluded, "cache": cache, "signature": signature}
        self.plain = plain or np.vectorize(pyfunc, **options)
        self.__doc__, self.__name__ = self.plain.__doc__, getattr(pyfunc, "__name__", "vectorized")

    def __call__(self, *args, **kwargs):
        args = [_as_array(v) for v in args]
        kwargs = {k: _as_array(v) for k, v in kwargs.items()}
        if template() is None or not any(isinstance(v, Traced) for v in (*args, *kwargs.values())):
            return self.plain(*args, **kwargs)
        if self.signature is not None:
            raise TypeError("np.vectorize with a signature is not lifted: write a loop over the elements")
        keys = [k for k in range(len(args)) if k not in self.excluded]
        names = [k for k in kwargs if k not in self.excluded]
        arrays = [args[k] for k in keys] + [kwargs[k] for k in names]
        arrays = [v if isinstance(v, Traced) else np.asarray(v) for v in arrays]
        shape = np.broadcast_shapes(*[v.shape for v in arrays])
        arrays = [np.broadcast_to(v, shape) for v in arrays]
        out = []
        for k in np.ndindex(*shape):
            values = [v[k] if k else v[()] for v in arrays]
            given = list(args)
            for position, value in zip(keys, values, strict=False):
                given[position] = value
            out.append(self.pyfunc(*given, **(kwargs | dict(zip(names, values[len(keys) :], strict=True)))))
        if out and isplain(out[0], tuple):
            return tuple(lift(list(column)).reshape(shape) for column in zip(*out, strict=True))
        out = lift(out)
        return (out if isinstance(out, Traced) else np.asarray(out)).reshape(shape)


SPECIAL = {
    "array": array,
    "asarray": asarray,
    "asanyarray": asarray,
    "ascontiguousarray": asarray,
    "asfarray": asarray,
    "as_strided": traced_numpy.as_strided,
    "vectorize": Vectorized,
    "round": _rounding("round"),
    "around": _rounding("around"),
    **{name: _creator(getattr(np, name)) for name in ("zeros", "ones", "empty", "eye", "identity")},
    **{
        name: _with_values(getattr(traced_numpy, name), getattr(np, name))
        for name in ("full", "full_like", "linspace", "zeros_like", "ones_like", "empty_like")
    },
}
MADE = {id(getattr(np, name)): SPECIAL[name] for name in SPECIAL if hasattr(np, name)}
MADE[id(np.lib.stride_tricks.as_strided)] = traced_numpy.as_strided
KNOWN = {}


def numpy_function(f):
    """Return what stands for a function or class of NumPy in lifted code; f itself if nothing has to."""
    found = MADE.get(id(f))
    if found is not None:
        return found
    if isinstance(f, np.ufunc | DISPATCHER):
        known = KNOWN.get(id(f))
        if known is None:
            known = KNOWN[id(f)] = Function(f, _inside if f.__name__ in SEQUENCES else _as_array)
        return known
    return f


class NumPy(types.ModuleType):
    """NumPy, or one of its modules, with functions for lifted code."""

    def __init__(self, real):
        super().__init__(real.__name__, real.__doc__)
        self.__dict__["__wrapped__"] = real
        for name in ("__file__", "__path__", "__spec__", "__version__"):
            if hasattr(real, name):
                self.__dict__[name] = getattr(real, name)

    def __getattr__(self, name):
        value = numpy_value(getattr(self.__dict__["__wrapped__"], name))
        self.__dict__[name] = value  # NumPy's names do not change
        return value

    def __dir__(self):
        return dir(self.__dict__["__wrapped__"])


STAND_INS = {}


def series_class(cls):
    """Return the class of `mmad.numpy.polynomial` that stands for one of `numpy.polynomial`; others as they are."""
    if not getattr(cls, "__module__", "").startswith("numpy.polynomial"):
        return cls
    return getattr(importlib.import_module("mmad.numpy.polynomial"), cls.__name__, cls)


def numpy_value(value):
    """Return what stands for an attribute of a module of NumPy in lifted code."""
    if isinstance(value, types.ModuleType) and value.__name__.partition(".")[0] == "numpy":
        name = value.__name__
        if name.startswith(("numpy.linalg", "numpy.lib", "numpy.fft")) or name == "numpy":
            if name not in STAND_INS:
                STAND_INS[name] = NumPy(value)
            return STAND_INS[name]
        if name.startswith("numpy.polynomial"):
            return importlib.import_module(f"mmad.{name}")
        return value
    return numpy_function(value)


NUMPY = numpy_value(np)
