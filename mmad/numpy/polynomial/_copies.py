"""Copies of the functions and classes of `numpy.polynomial` whose arrays accept traced values.

NumPy has no protocol for these functions: they make arrays of their arguments with `np.array`, fill others, and write
into them.  A copy has NumPy's own code and other globals: `np` stands for :class:`Creating`, and the helpers of
`numpy.polynomial.polyutils` are copies, too.  So results, dtypes and errors are those of the NumPy that is installed.
"""

import functools
import numbers
import operator
import types

import numpy as np
from numpy.polynomial import _polybase, polyutils

from mmad._core import Traced, concrete
from mmad.numpy import creation
from mmad.numpy._implements import implements
from mmad.python.kinds import isplain
from mmad.tape.constants import conform, has_traced, lift
from mmad.tracing.trace import template

__all__ = ["reading"]

PACKAGE = __name__.rpartition(".")[0]


class Creating:
    """NumPy, except for the functions that make arrays: theirs accept traced values."""

    zeros, ones, empty = map(staticmethod, (creation.zeros, creation.ones, creation.empty))

    def __getattr__(self, name):
        return getattr(np, name)

    @staticmethod
    def array(object, dtype=None, *, copy=True, ndmin=0):
        """`numpy.array`: a copy can be written to by every derivative that is being taken."""
        if not copy and not has_traced(object):
            return np.array(object, dtype, copy=copy, ndmin=ndmin)
        made = creation.array(object, dtype, copy=copy, ndmin=ndmin)
        return conform(made, template()) if copy and isinstance(made, Traced) else made

    @staticmethod
    def asarray(a):
        """`numpy.asarray`, also of lists and tuples of traced values."""
        return lift(a) if has_traced(a) else np.asarray(a)

    @staticmethod
    def asanyarray(a):
        """`numpy.asanyarray`; a polynomial, of which `mapdomain` is asked where one is put into another, stays one."""
        if isinstance(a, _polybase.ABCPolyBase):
            return a
        return lift(a) if has_traced(a) else np.asanyarray(a)


class Reading(Creating):
    """The same for functions that only read their coefficients, of which plain ones stay plain."""

    @staticmethod
    def array(object, dtype=None, *, copy=True, ndmin=0):
        """`numpy.array`."""
        return Creating.array(object, dtype, copy=None, ndmin=ndmin)


def _as_complex(real, imag):
    """Return a complex number of traced parts, which `complex` refuses."""
    return real + 1j * imag


def _format_float(x, parens=False):
    """`numpy.polynomial.polyutils.format_float` of the plain value."""
    return polyutils.format_float(concrete(x), parens)


def _is_kind(x, kind):
    """`isinstance`, for which a class and its copy are one, and a traced number is a number."""
    if kind is numbers.Number and isinstance(x, Traced):
        return x.shape == ()
    return isinstance(x, ORIGINALS.get(kind, kind) if isinstance(kind, type) else kind)


def _text(x):
    """`repr` of the plain value."""
    return repr(concrete(x))


COMMON = {"np": Creating(), "complex": _as_complex, "isinstance": _is_kind, "repr": _text}
ORIGINALS, COPIES = {}, {}  # what copies of classes were made of, and the copies
DISPATCHER = type(np.sum)  # NumPy's class of functions that ask their arguments


def _copy(function, names):
    """Return a function with the same code and other globals."""
    names = names | {"np": Reading()} if function.__name__.endswith("val") else names
    made = types.FunctionType(function.__code__, names, function.__name__, function.__defaults__, function.__closure__)
    made.__kwdefaults__ = function.__kwdefaults__
    return functools.update_wrapper(made, function)


def _unboxed(x):
    """Return an array of objects that are traced, as NumPy's own functions give, as a traced array."""
    return lift(x) if isplain(x, np.ndarray) and x.dtype.hasobject and any(map(has_traced, x.flat)) else x


def _either(function, names):
    """Return a function that is NumPy's own for plain arguments, and its copy for traced ones."""
    asks = isinstance(function, DISPATCHER)
    made = _copy(function._implementation if asks else function, names)
    if asks:
        implements(function)(made)

    @functools.wraps(function)
    def call(*args, **kwargs):
        args, kwargs = list(map(_unboxed, args)), {name: _unboxed(v) for name, v in kwargs.items()}
        return (made if has_traced(args) or has_traced(list(kwargs.values())) else function)(*args, **kwargs)

    return call


def _names_of(module, helpers):
    """Return the names of a module of NumPy, with copies of the functions that are defined in it."""
    name = module.__name__.rpartition(".")[2]
    names = {**vars(module), **COMMON, **helpers}
    names |= {"__name__": f"{PACKAGE}.{name}", "__package__": PACKAGE, "__spec__": None}  # of imports in functions
    for key, value in vars(module).items():
        home = getattr(value, "__module__", None)
        if key in helpers:
            continue
        if isinstance(value, types.FunctionType | DISPATCHER) and home == module.__name__:
            names[key] = _either(value, names)
        elif home == polyutils.__name__ and key not in COMMON:  # chebtrim is trimcoef
            names[key] = getattr(helpers["pu"], value.__name__)
    return names


def _member(value, names):
    """Return a member of a class with other globals: its function, if it is one of the module, else a copy of it."""
    if isinstance(value, staticmethod | classmethod):
        function = value.__func__
        known = names.get(function.__name__)
        return type(value)(known if callable(known) else _copy(function, names))
    return _copy(value, names) if isinstance(value, types.FunctionType) else value


def _class_of(original, names):
    """Return a subclass of a class of polynomials whose methods are copies."""
    members = {
        key: _member(value, ABSTRACT if cls is _polybase.ABCPolyBase else names)
        for cls in (_polybase.ABCPolyBase, original)
        for key, value in vars(cls).items()
        if isinstance(value, types.FunctionType | staticmethod | classmethod)
    }
    members |= {name: _reflected(members[name], forward) for name, forward in REFLECTED.items()}
    members |= {
        "__hash__": None,
        "__call__": _of_copies(members["__call__"]),
        "convert": _of_copies(members["convert"]),
    }
    made = type(original)(original.__name__, (original,), members)
    made.__module__, made.__doc__ = names["__name__"], original.__doc__
    ORIGINALS[made], COPIES[original] = original, made
    return made


REFLECTED = {
    "__radd__": operator.add,
    "__rsub__": operator.sub,
    "__rmul__": operator.mul,
    "__rfloordiv__": operator.floordiv,
    "__rmod__": operator.mod,
    "__rdivmod__": divmod,
}


def _as_copy(x):
    """Return a polynomial of NumPy's class as one of the copy, NumPy's class as the copy, anything else as it is."""
    if isinstance(x, type):
        return COPIES.get(x, x)
    made = COPIES.get(type(x))
    return x if made is None else made(x.coef, x.domain, x.window, x.symbol)


def _of_copies(method):
    """Return a method that takes what is of NumPy's classes as of their copies."""

    @functools.wraps(method)
    def call(self, *args, **kwargs):
        return method(self, *map(_as_copy, args), **{name: _as_copy(v) for name, v in kwargs.items()})

    return call


def _reflected(method, forward):
    """Return a reflected operator, which Python asks first where the left operand is of NumPy's class."""

    @functools.wraps(method)
    def call(self, other):
        return forward(_as_copy(other), self) if type(other) in COPIES else method(self, other)

    return call


UTILITIES = types.SimpleNamespace(**_names_of(polyutils, {"format_float": _format_float}))
ABSTRACT = _names_of(_polybase, {"pu": UTILITIES})


def reading(module):
    """Return what makes a module one that has the names of a module of NumPy, copied.

    Parameters
    ----------
    module : module
        Of `numpy.polynomial`.

    Returns
    -------
    __getattr__, __dir__ : callable
    """
    if module is polyutils:
        names = vars(UTILITIES)
    else:
        names = _names_of(module, {"pu": UTILITIES})
        for key, value in vars(module).items():
            if isinstance(value, type) and value.__module__ == module.__name__:
                names[key] = _class_of(value, names)

    def read(name):
        if (name[:2] == "__" and name != "__all__") or name not in names:
            raise AttributeError(f"module {module.__name__!r} has no attribute {name!r}")
        return names[name]

    return read, lambda: dir(module)
