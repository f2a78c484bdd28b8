"""Copies of functions, classes, modules and objects that read lifted names.

A copy of a function has the globals `Names`, which look up a name in the module when it is read, and lift what is
there: so a copy sees what the module holds now, and what a copy writes to its globals stays with the copies.  Nothing
is copied before it is read.  Cells of closures, defaults and attributes of classes are lifted in the same way, once.

An object of a lifted class that existed before gets a twin: an object of the copy of its class, with the same
``__dict__``, so that both see each other's attributes.
"""

import abc
import builtins
import functools
import importlib
import threading
import types
import weakref

import numpy as np

from mmad._core import Traced
from mmad.lifting.arrays import Vectorized, numpy_function, numpy_value, series_class
from mmad.lifting.brackets import bracketed
from mmad.lifting.mathematics import FUNCTIONS, MODULES
from mmad.lifting.numbers import Operator, called, fresh, rounded
from mmad.lifting.policy import follows, is_followed_class
from mmad.lifting.source import BRACKET, CALL, FRESH, recompiled
from mmad.lifting.twins import is_of_scipy, twin_function, twin_module, twin_object
from mmad.python.kinds import isplain

__all__ = ["Lifter", "Module"]

INERT = frozenset((float, int, str, bool, type(None), complex, bytes, np.ndarray, np.float64, np.int64, range, slice))
CONTAINERS = frozenset((tuple, list, dict))
LARGE = 2000  # entries of a container that are looked at
BUILTINS = frozenset(v for v in vars(builtins).values() if isinstance(v, types.BuiltinFunctionType))
KEPT = ("__name__", "__package__", "__spec__", "__path__", "__file__", "__doc__", "__loader__")
#: Of a class, what Python makes itself, and what acts on classes made later.
MADE = frozenset(
    ("__dict__", "__weakref__", "__module__", "__qualname__", "__doc__", "__slots__", "__init_subclass__")
    + (
        "__orig_bases__",
        "__parameters__",
        "__abstractmethods__",
        "_abc_impl",
        "__static_attributes__",
        "__firstlineno__",
    )
)


class Names(dict):
    """Globals of copied functions: what the module has now, lifted; and what the copies have written.

    Parameters
    ----------
    lifter : Lifter
    read_from : dict
        The module's own globals.
    """

    def __init__(self, lifter, read_from):
        super().__init__({k: read_from[k] for k in KEPT if k in read_from})
        self.lifter, self.read_from = lifter, read_from
        self["__builtins__"] = lifter.builtins
        self[CALL], self[FRESH], self[BRACKET] = called, fresh, lambda value, where: bracketed(value, Traced, where)

    def __missing__(self, name):
        if name in self.read_from:
            return self.lifter.of(self.read_from[name])
        value = self[name] = self.lifter.builtins[name]  # a KeyError becomes Python's NameError
        return value

    def get(self, name, default=None):
        try:
            return self[name]
        except KeyError:
            return default

    def __contains__(self, name):
        return dict.__contains__(self, name) or name in self.read_from

    def pin(self, code):
        """Store what class statements inside of code read: Python 3.11 looks up their names in the dict alone."""
        for inner in code.co_consts:
            if isinstance(inner, types.CodeType):
                if not inner.co_flags & 2:  # not optimized: the body of a class
                    for name in inner.co_names:
                        if name in self.read_from and not dict.__contains__(self, name):
                            self[name] = self.lifter.of(self.read_from[name])
                self.pin(inner)


class Module(types.ModuleType):
    """A module whose functions, classes and objects are lifted where they are read."""

    def __init__(self, real, lift):
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update({"__wrapped__": real, "__lift__": lift})
        self.__dict__.update({name: getattr(real, name) for name in KEPT if hasattr(real, name)})

    def __getattr__(self, name):
        return self.__dict__["__lift__"](getattr(self.__dict__["__wrapped__"], name))

    def __dir__(self):
        return dir(self.__dict__["__wrapped__"])


class Replaced(types.ModuleType):
    """A module that is left, or what stands for it, with functions of the user's in the place of some."""

    def __init__(self, real, stand_in, lifter):
        super().__init__(real.__name__, real.__doc__)
        self.__dict__.update({"__wrapped__": real, "__stand_in__": stand_in, "__lifter__": lifter})

    def __getattr__(self, name):
        own = self.__dict__
        value = getattr(own["__wrapped__"], name)
        if isinstance(value, types.ModuleType):
            return own["__lifter__"].of(value)
        known = own["__lifter__"].replaced.get(id(value))
        return getattr(own["__stand_in__"], name) if known is None else known

    def __dir__(self):
        return dir(self.__dict__["__wrapped__"])


class Cached:
    """A function with a cache (`functools.lru_cache`): the cache serves plain numbers and texts, nothing else."""

    def __init__(self, cached, lifted):
        functools.update_wrapper(self, cached, updated=())
        self.cached, self.lifted = cached, lifted

    def __call__(self, *args, **kwargs):
        if all(type(v) in INERT and type(v) is not np.ndarray for v in (*args, *kwargs.values())):
            return self.cached(*args, **kwargs)
        return self.lifted(*args, **kwargs)

    def __get__(self, obj, cls=None):
        return self if obj is None else types.MethodType(self, obj)

    def __getattr__(self, name):
        return getattr(self.__dict__["cached"], name)


class Lifter:
    """Lift values, and remember the copies.

    Parameters
    ----------
    leave : frozenset of str
        Packages and modules to leave as they are.
    replace : sequence of (function, function)
        What to put where.
    """

    def __init__(self, leave=frozenset(), replace=()):
        self.leave = leave
        self.lock = threading.RLock()
        self.known = {}  # id -> (the original, which it keeps alive, its copy)
        self.names = {}
        self.made = {}  # copies of classes, and what they were made of
        self.twins = weakref.WeakValueDictionary()
        own = {
            "isinstance": self.isinstance,
            "issubclass": self.issubclass,
            "__import__": self.import_module,
            "getattr": self.getattr,
            "round": rounded,
        }
        self.builtins = dict(vars(builtins)) | own
        for name, copy in own.items():  # as values, too: a default, an argument of `functools.partial`
            self.known[id(getattr(builtins, name))] = getattr(builtins, name), copy
        for original, copy in replace:
            self.known[id(original)] = original, copy
            if self.builtins.get(getattr(original, "__name__", None)) is not None and original in BUILTINS:
                self.builtins[original.__name__] = copy
        left = [(f, copy) for f, copy in replace if not follows(getattr(f, "__module__", None), leave)]
        self.replaced = {id(f): copy for f, copy in left}

    # -- values --

    def of(self, x):
        """Return what stands for a value in lifted code: the value itself, if nothing has to."""
        kind = type(x)
        if kind in INERT or isplain(x, Traced):
            return x
        known = self.known.get(id(x))
        if known is not None and known[0] is x and (kind not in CONTAINERS or known[2] == len(x)):
            return known[1]
        if kind is types.FunctionType:
            return self.function(x)
        if issubclass(kind, types.ModuleType):
            return self.module(x)
        if issubclass(kind, type):
            return self.cls(x) if is_followed_class(x, self.leave) else self.left_class(x)
        if kind in CONTAINERS:
            return self.container(x)
        return self.other(x, kind)

    def other(self, x, kind):
        """Lift what is neither a function, a class, a module nor a container."""
        found = FUNCTIONS.get(id(x))
        if found is not None:
            return found[1]
        root = getattr(kind, "__module__", "").partition(".")[0]
        if root == "numba":  # the Python functions that it compiled
            if hasattr(x, "py_func"):
                return self.remember(x, self.function(x.py_func))
            if hasattr(x, "_dispatcher"):
                return self.remember(x, Vectorized(self.function(x._dispatcher.py_func), plain=x))
            return x
        if kind is types.BuiltinFunctionType or root == "numpy" or kind is np.ufunc:
            if isinstance(x, np.vectorize):
                return self.remember(x, self.vectorized(x))
            return numpy_function(x)
        if kind is types.WrapperDescriptorType and x.__objclass__ in (float, complex):
            return Operator(x)
        if kind is types.MethodType:
            f, owner = self.of(x.__func__), self.of(x.__self__)
            if owner is not x.__self__ and f is x.__func__ and is_of_scipy(x.__self__):
                return getattr(owner, x.__name__)
            return x if f is x.__func__ and owner is x.__self__ else types.MethodType(f, owner)
        if root == "scipy":
            found = self.twins.get(id(x))  # which holds x
            if found is None:
                found = twin_object(x, kind)
                if found is not x:
                    self.twins[id(x)] = found
            return found
        if kind in (staticmethod, classmethod):
            return kind(self.of(x.__func__))
        if kind is property:
            return property(*[f and self.of(f) for f in (x.fget, x.fset, x.fdel)], x.__doc__)
        if kind is functools.cached_property:
            out = functools.cached_property(self.of(x.func))
            out.attrname = x.attrname
            return out
        if kind is functools.partial:
            keywords = {k: self.of(v) for k, v in x.keywords.items()}
            return functools.partial(self.of(x.func), *map(self.of, x.args), **keywords)
        if kind is functools._lru_cache_wrapper:
            f = self.of(x.__wrapped__)
            return self.remember(x, x if f is x.__wrapped__ else Cached(x, f))
        return self.twin(x)

    def remember(self, x, copy, *more):
        self.known[id(x)] = (x, copy, *more)
        return copy

    def vectorized(self, x):
        options = {"otypes": x.otypes, "excluded": x.excluded, "signature": x.signature}
        return Vectorized(self.of(x.pyfunc), **options, plain=x)

    def container(self, x):
        """Return a copy of a tuple, list or dict if there is something to lift in it; otherwise the same object."""
        if not 0 < len(x) <= LARGE:
            return x
        values = list(x.values() if isinstance(x, dict) else x)
        if all(type(v) in INERT for v in values):
            return self.remember(x, x, len(x))
        lifted = [self.of(v) for v in values]
        if all(a is b for a, b in zip(values, lifted, strict=True)):
            return self.remember(x, x, len(x))
        return self.remember(x, dict(zip(x, lifted, strict=True)) if isinstance(x, dict) else type(x)(lifted), len(x))

    # -- modules --

    def module(self, x):
        """Return what stands for a module."""
        if follows(x.__name__, self.leave):
            return self.remember(x, Module(x, self.of))
        found = self.left_module(x)
        return self.remember(x, Replaced(x, found, self)) if self.replaced else found

    def left_module(self, x):
        """Return what stands for a module whose functions are not lifted."""
        if x in MODULES:
            return MODULES[x]
        root = x.__name__.partition(".")[0]
        if root == "numpy":
            return numpy_value(x)
        return twin_module(x) if root == "scipy" else x

    def import_module(self, name, names=None, local=None, fromlist=(), level=0):
        """Import a module inside of lifted code."""
        if isinstance(names, Names):
            names = names.read_from
        found = builtins.__import__(name, names, local, fromlist, level)
        for part in fromlist or ():  # submodules that are no attributes yet
            if part != "*" and not hasattr(found, part) and hasattr(found, "__path__"):
                importlib.import_module(f"{found.__name__}.{part}")
        return self.of(found)

    def names_of(self, names):
        """Return the globals of copies of functions that have these globals."""
        found = self.names.get(id(names))
        if found is None:
            found = self.names[id(names)] = Names(self, names)
        return found

    # -- functions --

    def function(self, f):
        """Return the copy of a function; the function itself, if neither its module nor its closure is followed."""
        names = f.__globals__
        if isinstance(names, Names):
            return f
        module = names.get("__name__")
        if isinstance(module, str) and module.startswith(("scipy.", "numpy.polynomial.")):
            return self.remember(f, twin_function(f))
        followed = follows(module, self.leave) or was_typed(f.__code__)
        if not followed and (f.__closure__ is None or not follows(f.__module__, self.leave)):
            return f
        with self.lock:
            known = self.known.get(id(f))
            if known is not None and known[0] is f:
                return known[1]
            if hasattr(f, "registry") and hasattr(f, "dispatch") and module == "functools":
                return self.remember(f, self.dispatching(f))
            code, lifted = f.__code__, names
            if followed:
                code, lifted = recompiled(f), self.names_of(names)
            cells = None if f.__closure__ is None else tuple(self.cell(c) for c in f.__closure__)
            copy = types.FunctionType(code, lifted, f.__name__, None, cells)
            self.remember(f, copy)
            self.fill(copy.__closure__, f.__closure__)
            if followed:
                lifted.pin(code)
            copy.__qualname__, copy.__module__, copy.__doc__ = f.__qualname__, f.__module__, f.__doc__
            copy.__defaults__ = f.__defaults__ and tuple(map(self.of, f.__defaults__))
            copy.__kwdefaults__ = f.__kwdefaults__ and {k: self.of(v) for k, v in f.__kwdefaults__.items()}
            copy.__annotations__ = f.__annotations__
            copy.__dict__.update({k: self.of(v) for k, v in f.__dict__.items() if k != "__wrapped__"})
            return copy

    def cell(self, cell):
        """Return a cell for a copy: the same one, which both write to, unless what is in it may have to be lifted."""
        try:
            value = cell.cell_contents
        except ValueError:
            return cell
        return cell if type(value) in INERT else types.CellType(value)

    def fill(self, cells, originals):
        """Lift what is in the cells of a closure, after the function is known: it may be in them itself."""
        for cell, original in zip(cells or (), originals or (), strict=True):
            if cell is not original:
                cell.cell_contents = self.of(original.cell_contents)

    def dispatching(self, f):
        """Return the copy of a `functools.singledispatch`."""

        def dispatch(*args, **kwargs):
            found = f.dispatch(self.made.get(type(args[0]), args[0].__class__))
            return self.of(found)(*args, **kwargs)

        return functools.update_wrapper(dispatch, f, updated=())

    # -- classes --

    def cls(self, cls):
        """Return the copy of a class, of copies of its bases."""
        if cls in self.made:
            return cls
        with self.lock:
            known = self.known.get(id(cls))
            if known is not None:
                return known[1]
            bases = tuple(map(self.base, cls.__bases__))
            own = {k: vars(cls)[k] for k in ("__module__", "__qualname__", "__doc__", "__slots__") if k in vars(cls)}
            own |= {k: vars(cls)[k] for k in ("__orig_bases__", "__parameters__") if k in vars(cls)}
            try:
                copy = type(cls).__new__(type(cls), cls.__name__, bases, own)
            except TypeError:  # what its bases do to subclasses
                return self.remember(cls, cls)
            self.made[copy] = cls
            self.remember(cls, copy)
            self.known[id(copy)] = copy, copy
            for name, value in vars(cls).items():
                if name in MADE or isinstance(value, types.MemberDescriptorType | types.GetSetDescriptorType):
                    continue
                type.__setattr__(copy, name, self.of(value))
            if isinstance(cls, abc.ABCMeta):
                copy.__abstractmethods__ = frozenset(getattr(cls, "__abstractmethods__", ()))
            if not any("__getattribute__" in vars(b) for b in copy.__mro__[:-1]) and copy.__dictoffset__:
                copy.__getattribute__ = self.reading()
            return copy

    def base(self, cls):
        """Return what stands for a class among the bases of another one."""
        return self.of(cls) if is_followed_class(cls, self.leave) or series_class(cls) is not cls else cls

    def left_class(self, cls):
        """Return what stands for a class that is left: our own for those of `numpy.polynomial` and of SciPy."""
        copy = twin_function(cls) if is_of_scipy(cls) else series_class(cls)
        if copy is cls or not isinstance(copy, type):  # a function is no class for `isinstance`
            return numpy_function(cls)
        self.made[copy] = cls
        return self.remember(cls, copy)

    def reading(self):
        """Return a ``__getattribute__`` that lifts what objects hold: objects and functions that existed before."""
        read, of = object.__getattribute__, self.of
        inert = INERT | {types.MethodType, list, dict, tuple, set}

        def get(self, name):
            value = read(self, name)
            return value if type(value) in inert or name[:2] == "__" else of(value)

        return get

    def twin(self, x):
        """Return an object of a lifted class that shares the attributes of an object that existed before."""
        kind = type(x)
        if kind in self.made or self.base(kind) is kind:
            return x
        copy = self.of(kind)
        if copy is kind:
            return x
        if issubclass(kind, tuple):
            return tuple.__new__(copy, map(self.of, x))
        if kind.__basicsize__ != Plain.__basicsize__ or not kind.__dictoffset__ or kind.__itemsize__:
            return x  # it holds more than attributes, or has slots
        own = x.__dict__
        found = self.twins.get(id(own))
        if found is None:
            found = object.__new__(copy)
            object.__setattr__(found, "__dict__", own)
            self.twins[id(own)] = found
        return found

    def original(self, cls):
        if isplain(cls, tuple):
            return tuple(map(self.original, cls))
        try:
            return self.made.get(cls, cls)
        except TypeError:
            return cls

    def isinstance(self, x, cls):
        """`isinstance`, where a class and its copy are one."""
        kind = self.made.get(type(x))
        if kind is None:
            return isinstance(x, self.original(cls))
        return isinstance(x, cls) or issubclass(kind, self.original(cls))

    def issubclass(self, kind, cls):
        """`issubclass`, where a class and its copy are one."""
        return issubclass(kind, cls) or issubclass(self.original(kind), self.original(cls))

    def getattr(self, *args):
        """`getattr`, which lifts what it finds."""
        return self.of(getattr(*args))


class Plain:
    """An object with attributes and nothing else: its size."""


def was_typed(code):
    """Return whether code was typed in, or is an example of documentation: it is the user's, wherever it is."""
    return code.co_filename[:1] == "<" and not code.co_filename.startswith(("<string", "<frozen"))
