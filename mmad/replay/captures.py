"""What a function reads besides its arguments: closures, globals, defaults, containers, objects and their methods.

1. From the function, every function that it can reach is followed: through cells of closures, names of globals, default
   values, bound objects, classes, containers.
2. Of an object, a class or a module of the user's, the attributes count whose names stand in the code of one of these
   functions; all of them where names may be computed (`getattr`, ``__dict__``).
3. Code that ran in a recording (`mmad/replay/_ran.pyx`) is followed in the same way, however it was found, and so are
   the objects that it was called with.  Where a function reaches nothing but functions, numbers, arrays and plain
   containers, 1 and 2 find all of it, and recordings need not be looked at.
4. Every place gets a check (`mmad/replay/_captures.pyx`), and what is there becomes part of the key of the recording:
   numbers and texts by value, anything else by identity.  The contents of an array are none of it: they are read at
   every run, and watched by the recording.

Of libraries, only objects that hold data are looked into.  What C code reads by itself (files, clocks, random numbers)
is not seen.
"""

import array
import builtins
import collections
import contextvars
import dis
import functools
import gc
import io
import operator
import os
import sys
import types
import warnings
import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mmad.python.handlers import catches
from mmad.python.kinds import isplain
from mmad.replay._captures import ABSENT, STATIC, Check

__all__ = ["Captures", "key_of", "wanted"]

ARITHMETIC = (ZeroDivisionError, OverflowError, FloatingPointError, RuntimeWarning)
PLACES = 20_000  # that are looked into, and checks, at the most: beyond, a function is not replayed
LIBRARIES = frozenset(sys.stdlib_module_names | {"numpy", "scipy", "mmad", "optree"}) - {"__main__"}
IMPORTING = frozenset(("_distutils_hack", "_pytest", "pluggy"))  # hooks that run where something is imported
HOLDING = frozenset(("argparse", "collections", "queue", "types"))  # of the standard library: objects that hold data
ELSEWHERE = frozenset(("contextvars", "ctypes", "gc", "importlib", "inspect", "pickle", "pkgutil", "sys", "weakref"))
CLOSED = frozenset(("pandas", "polars", "pyarrow", "xarray"))  # data that is not found in attributes
COMPUTED = frozenset(
    (
        "__dict__",
        "__getattribute__",
        "asdict",
        "astuple",
        "attrgetter",
        "eval",
        "exec",
        "fields",
        "globals",
        "methodcaller",
    )
    + ("vars",)
)
# Special names that no expression uses, or that only make an object.
UNCALLED = frozenset(
    ("__init__", "__new__", "__repr__", "__del__", "__doc__", "__module__", "__dict__", "__weakref__", "__slots__")
    + (
        "__reduce__",
        "__reduce_ex__",
        "__setattr__",
        "__delattr__",
        "__dir__",
        "__sizeof__",
        "__class__",
        "__qualname__",
    )
    + ("__init_subclass__", "__class_getitem__", "__getstate__", "__setstate__", "__set_name__", "__annotations__")
    + ("__match_args__", "__static_attributes__", "__firstlineno__")
)
# Names of functions that collect warnings, or say where they go: of NumPy, the standard library, pytest.
HEARING = frozenset(
    ("seterrcall", "showwarning", "captureWarnings", "assertWarns", "assertWarnsRegex", "deprecated_call", "warns")
    + ("assert_no_warnings", "assert_warns", "suppress_warnings")
)
FUNCTION_LIKE = property | classmethod | staticmethod | functools.cached_property
CONTAINERS = list | tuple | dict | set | frozenset | collections.deque | bytearray | array.array | memoryview
GETTERS = operator.attrgetter | operator.methodcaller | operator.itemgetter


class Captures:
    """The places that a function reads, as they are now.

    Parameters
    ----------
    f : callable
    codes : iterable of (code object, dict), optional
        Code that ran in recordings of it, and the globals of its functions.
    objects : iterable, optional
        Objects that such code was called with.

    Attributes
    ----------
    checks : list of Check
    key : tuple
        Hashable; equal for equal contents.
    arrays : list of ndarray
        Found in these places.
    codes : dict
        Identity of a code object -> itself, and the globals of its function.
    plain : bool
        Whether nothing else can be read, so that recordings need not be looked at.
    refused : str
        Why a function that reads these places is not replayed; empty if it is.
    """

    def __init__(self, f, codes=(), objects=()):
        self.checks, self.places, self.arrays = [], {}, []
        self.home, self.libraries = None, {}
        self.names, self.codes = {"__call__"}, {}
        self.cells, self.functions = {}, {}  # identity of a cell -> its names; of code -> functions
        self.holders = {}  # id -> (object with attributes, names looked at)
        self.plain, self.computed, self.refused = True, False, ""
        self.follow(f)
        for code, names in codes:
            self.code(code, names)
        for x in objects:
            self.follow(x)
        self.follow_attributes()

    def follow_attributes(self):
        """Follow attributes of objects, until no name and no object is new."""
        if not self.names.isdisjoint(("environ", "environb", "getenv")):
            self.container(os.environ._data)
        looked = -1
        while looked < len(self.names) + len(self.holders):
            looked = len(self.names) + len(self.holders)
            self.computed = self.computed or not COMPUTED.isdisjoint(self.names)
            for holder, known in list(self.holders.values()):
                names = self.names | _own_names(holder) if self.computed else self.names
                for name in sorted(names - known):
                    known.add(name)
                    self.attribute(holder, name)
            self.plain = self.plain and not self.computed
        if len(self.checks) >= PLACES or len(self.places) >= PLACES:
            self.refuse(f"reads more than {PLACES} places")
        self.key = tuple([key_of(c.value) for c in self.checks])

    def part(self, x):
        """Return the places in an argument, which is neither an array nor a number that is differentiated."""
        part = object.__new__(Captures)
        part.checks, part.places, part.arrays = [], {}, []
        part.home, part.libraries = self.home, self.libraries
        part.names, part.codes, part.holders = set(self.names), {}, {}
        part.cells, part.functions = {}, {}
        part.plain, part.computed, part.refused = True, self.computed, ""
        part.follow(x)
        part.follow_attributes()
        return part

    def heeds(self):
        """Return whether the function may go on from an error of arithmetic, or has NumPy raise one."""
        filters = "error" in self.names and not self.names.isdisjoint(("simplefilter", "filterwarnings"))
        return (
            filters
            or not self.names.isdisjoint(("errstate", "seterr"))
            or any(
                code.co_exceptiontable and any(catches(code, names, error) for error in ARITHMETIC)
                for code, names in self.codes.values()
            )
        )

    def refuse(self, why):
        self.refused = self.refused or why

    def check(self, kind, owner, name, value):
        if len(self.checks) < PLACES:
            self.checks.append(Check(kind, owner, name, value))

    def made(self, owner, make):
        """Check what a function makes of an object; what is in it is followed."""
        value = make(owner)
        self.check("made", owner, make, value)
        for v in value if type(value) is tuple else (value,):
            self.follow(v)

    def library(self, module):
        """Return whether a module is not looked into: it is installed, and another package than the function's own."""
        root = _root(module)
        if root not in self.libraries:
            self.libraries[root] = root in LIBRARIES or (installed(root) and root != self.home)
        return self.libraries[root]

    # ------------------------------------------------------------------------------------ values
    def follow(self, x):
        """Look into a value: its places, and what lies there."""
        if isplain(x, STATIC) or x is ABSENT or id(x) in self.places or len(self.places) >= PLACES:
            return
        self.places[id(x)] = x
        if type(x) in weakref.ProxyTypes:
            self.made(x, _behind)
        elif isplain(x, np.ndarray):
            self.array(x)
        elif isinstance(x, types.FunctionType):
            self.function(x)
        elif isinstance(x, type) and x is not warnings.catch_warnings and issubclass(x, warnings.catch_warnings):
            self.refuse("looks at warnings")
        elif isinstance(x, types.MethodType):
            self.follow(x.__func__)
            self.follow(x.__self__)
        elif isinstance(x, types.ModuleType):
            self.module(x)
        elif isinstance(x, CONTAINERS):
            self.container(x)
        elif isinstance(x, functools.partial):
            for v in (x.func, x.args, x.keywords):
                self.follow(v)
        elif isinstance(x, np.dtype | np.ufunc | types.CodeType | io.IOBase):
            pass
        elif isinstance(x, types.BuiltinFunctionType | types.MethodWrapperType):
            if not isinstance(x.__self__, types.ModuleType | type | np.ufunc):
                self.follow(x.__self__)
        elif isinstance(x, FUNCTION_LIKE):
            for part in (getattr(x, a, None) for a in ("fget", "func", "__func__")):
                self.follow(part)
        elif isinstance(x, GETTERS):
            self.plain = False
            made, args = x.__reduce__()
            for v in (*args, made, *(made.args if isinstance(made, functools.partial) else ())):
                self.names |= _words(v)
                self.follow(v)
        elif isinstance(x, functools._lru_cache_wrapper):
            self.follow(x.__wrapped__)
            for cached in gc.get_referents(x):
                if type(cached) is dict and cached is not x.__dict__:
                    self.check("dict", cached, None, dict(cached))
        elif isinstance(x, contextvars.ContextVar):
            self.made(x, _context)
        elif isinstance(x, weakref.ref):
            self.made(x, _referent)
        elif isinstance(x, Iterator) and not isinstance(getattr(type(x), "__next__", None), types.FunctionType):
            self.refuse(f"reads from an iterator ({type(x).__name__})")
        else:
            self.object(x)

    def array(self, x):
        """Watch the contents of an array; those of an array of objects are places."""
        self.arrays.append(x)
        if x.dtype.hasobject:
            self.made(x, _elements)
        for v in getattr(x, "__dict__", {}).values():  # a mask
            self.follow(v)

    def module(self, x):
        if self.library(x.__name__):
            root = _root(x.__name__)
            self.plain = self.plain and root in LIBRARIES and root not in ELSEWHERE
        else:
            self.holders[id(x)] = x, set()

    def object(self, x):
        """Follow an object with attributes, or a class."""
        own = getattr(x, "__dict__", None)
        self.follow(own.get("__wrapped__") if own is not None else None)
        cls = x if isinstance(x, type) else type(x)
        root = _root(cls.__module__)
        if self.library(cls.__module__) and root not in HOLDING:
            if root in CLOSED:
                self.refuse(f"reads from an object of {root}")
            elif root not in LIBRARIES or root in ("numpy", "scipy"):
                self.data(x)
            elif root == "mmad" and not isinstance(x, type):
                for v in (own or {}).values():
                    if callable(v):
                        self.follow(v)
            elif root == "_queue":
                self.refuse("reads from a queue")
            return
        if root not in LIBRARIES:
            self.plain = False
        self.holders[id(x)] = x, set()
        if own is not None:
            self.check("size", x if isinstance(x, type) else own, None, len(own))
        for base in cls.__mro__:
            self.follow(base)
        if isinstance(x, type):
            self.names.update(n for n in vars(x) if n[:2] == "__" == n[-2:] and n not in UNCALLED)
            if isinstance(vars(x).get("__match_args__"), tuple):
                self.names |= _words(vars(x)["__match_args__"])
            self.follow(type(x))

    def data(self, x):
        """Follow the attributes of an object of a library that is installed, or of NumPy or SciPy."""
        own = getattr(x, "__dict__", None)
        if isinstance(x, type) or not isinstance(own, dict):
            return
        if _root(type(x).__module__) not in LIBRARIES:
            self.plain = False
        self.check("dict", own, None, dict(own))
        for v in own.values():
            self.follow(v)

    def function(self, f):
        """Follow closure, globals and defaults of a function."""
        self.follow(getattr(f, "__wrapped__", None))
        if self.home is None and f.__module__ is not None and _root(f.__module__) not in LIBRARIES:
            self.home = _root(f.__module__)
        if self.library(f.__module__) and _root(f.__module__) not in HOLDING:
            self.plain = self.plain and _root(f.__module__) in LIBRARIES
            return
        self.check("function", f, None, (f.__code__, f.__defaults__, f.__kwdefaults__))
        self.functions.setdefault(id(f.__code__), []).append(f)
        for name, cell in zip(f.__code__.co_freevars, f.__closure__ or (), strict=True):
            self.cells.setdefault(id(cell), set()).add(name)
            value = _contents(cell)
            self.check("cell", cell, None, value)
            self.follow(value)
        self.code(f.__code__, f.__globals__)
        self.follow(f.__defaults__)
        self.follow(f.__kwdefaults__)
        if f.__dict__:  # attributes of its own
            self.holders[id(f)] = f, set()

    def code(self, code, names):
        """Follow code, and the globals of its function: what its names stand for."""
        if id(code) in self.codes:
            return
        names = getattr(names, "read_from", names)  # globals of lifted code: those of its module
        used, codes, known = set(), [code], False
        while codes:
            code = codes.pop()
            self.codes[id(code)] = code, names
            used.update(code.co_names)
            known = known or STORE_GLOBAL in code.co_code[::2]
            self.computed = self.computed or ("getattr" in code.co_names and _computes(code))
            if _hears(code, names):
                self.refuse("looks at warnings")
            for c in code.co_consts:
                if isinstance(c, types.CodeType):
                    codes.append(c)
                elif isinstance(c, str | tuple):
                    self.names |= _words(c)
        self.names |= used
        if not used.isdisjoint(("eval", "exec", "globals")):
            used |= {
                n for n, v in names.items() if n[:2] != "__" and not callable(v) and not isinstance(v, types.ModuleType)
            }
        if self.library(names.get("__name__")):
            return
        for name in sorted(used):
            if name in names:
                self.check("entry", names, name, names[name])
                self.follow(names[name])
            elif known or hasattr(builtins, name):  # it may be a global that the function, or somebody else, makes
                self.check("entry", names, name, ABSENT)
            module = sys.modules.get(name)  # imported inside
            if module is not None and name not in names and not self.library(name):
                self.check("entry", sys.modules, name, module)
                self.follow(module)

    def container(self, x):
        """Follow the contents of a list, tuple, dict, set and the like."""
        if isinstance(x, bytearray | array.array | memoryview):
            self.check("made", x, bytes, bytes(x))
            return
        if len(x) > PLACES:
            self.refuse(f"reads a {type(x).__name__} of {len(x)} entries")
            return
        if isinstance(x, list):
            self.check("list", x, None, list.copy(x))
        elif isinstance(x, collections.OrderedDict):
            self.check("made", x, _items, _items(x))
        elif isinstance(x, dict):
            self.check("dict", x, None, dict(dict.items(x)))
        elif isinstance(x, set):
            self.check("set", x, None, set(set.__iter__(x)))
        elif isinstance(x, collections.deque):
            self.check("made", x, tuple, tuple(x))
        for v in (*dict.keys(x), *dict.values(x)) if isinstance(x, dict) else _base(x).__iter__(x):
            self.follow(v)
        if type(x) not in ITERABLE:
            if isinstance(x, collections.defaultdict):
                self.follow(x.default_factory)
            self.object(x)

    def attribute(self, x, name):
        """Follow an attribute of an object, a class or a module."""
        own = getattr(x, "__dict__", None)
        if isinstance(x, type):
            if name in own:
                self.check("class", x, name, own[name])
                self.follow(own[name])
            return
        if isinstance(own, dict) and name in own:
            self.check("entry", own, name, own[name])
            self.follow(own[name])
            return
        for cls in type(x).__mro__:
            if name in vars(cls):
                if isinstance(vars(cls)[name], types.MemberDescriptorType):  # of __slots__
                    value = getattr(x, name, ABSENT)
                    self.check("attribute", x, name, value)
                    self.follow(value)
                return


ITERABLE = frozenset((list, tuple, dict, set, frozenset, collections.deque, collections.OrderedDict))
STORE_GLOBAL = dis.opmap["STORE_GLOBAL"]


def wanted(names):
    """Return whether code whose function has these globals is followed where it runs."""
    root = _root(names.get("__name__"))
    return root not in LIBRARIES | IMPORTING or root in HOLDING


def installed(root):
    """Return whether a package is installed, not part of the user's program."""
    file = getattr(sys.modules.get(root), "__file__", None)
    return file is not None and bool({"site-packages", "dist-packages"} & set(Path(file).parts))


def key_of(x, inside=False):
    """Return a value as a part of a key: numbers and texts by value, to the sign of a zero, anything else by identity.

    A container counts by its contents, but for one `inside` of another: its own contents have a key of their own.
    """
    if isplain(x, float):
        return type(x), x.hex()
    if isplain(x, complex):
        return type(x), x.real.hex(), x.imag.hex()
    if isplain(x, np.generic):
        return x.dtype, x.tobytes()
    if isplain(x, STATIC):
        return type(x), x
    if type(x) is tuple or (type(x) is list and not inside):
        return type(x), tuple([key_of(v, True) for v in x])
    if type(x) is dict and not inside:
        return dict, tuple([(key_of(k, True), key_of(v, True)) for k, v in x.items()])
    if type(x) is set and not inside:
        return set, frozenset([key_of(v, True) for v in x])
    return Same(x)


class Same:
    """Equal to what holds the same object, which it keeps alive."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return type(other) is Same and self.value is other.value

    def __hash__(self):
        return id(self.value)


def _root(module):
    return module.partition(".")[0] if isinstance(module, str) else ""


def _hears(code, globals_):
    """Return whether code collects warnings, or has NumPy call a function for them: a replay has none."""
    words = set().union(*[_words(c) for c in code.co_consts if isinstance(c, str | tuple)])
    names = words.union(code.co_names)
    if "record" in words and any(globals_.get(name) is warnings.catch_warnings for name in code.co_names):
        return True  # imported under another name
    return (
        not names.isdisjoint(HEARING)
        or ("catch_warnings" in names and "record" in words)
        or (not names.isdisjoint(("errstate", "seterr")) and not words.isdisjoint(("call", "log")))
    )


def _words(x):
    """Return the names of attributes that a constant may spell."""
    if isinstance(x, str):
        return set(x.split(".")) if x.replace(".", "").isidentifier() else set()
    return set().union(*map(_words, x)) if isinstance(x, tuple) else set()


def _computes(code):
    """Return whether code hands `getattr` a name that is no constant."""
    constant = None  # outside of such a call
    for i in dis.get_instructions(code):
        if i.opname in ("LOAD_GLOBAL", "LOAD_NAME") and i.argval == "getattr":
            constant = False
        elif constant is None:
            continue
        elif i.opname == "LOAD_CONST" and isinstance(i.argval, str):
            constant = True
        elif i.opname in ("BUILD_STRING", "BINARY_OP"):
            constant = False
        elif i.opname.startswith("CALL"):
            if not constant:
                return True
            constant = None
    return False


def _own_names(x):
    """Return the attributes that an object has of its own; of modules, none: they hold too much."""
    if isinstance(x, types.ModuleType):
        return set()
    slots = [n for c in type(x).__mro__ for n, v in vars(c).items() if isinstance(v, types.MemberDescriptorType)]
    return {n for n in (*getattr(x, "__dict__", ()), *slots) if not (n[:2] == "__" == n[-2:])}


def _base(x):
    return next(c for c in (list, tuple, dict, set, frozenset, collections.deque) if isinstance(x, c))


def _elements(x):
    return tuple(x.ravel().tolist())


def _items(x):
    return tuple(collections.OrderedDict.items(x))


def _context(x):
    return x.get(ABSENT)


def _referent(x):
    return x()


def _behind(x):
    try:
        return x.__reduce_ex__.__self__
    except ReferenceError:
        return ABSENT


def _contents(cell):
    try:
        return cell.cell_contents
    except ValueError:  # not yet assigned
        return ABSENT
