"""What a function reads beside its arguments: closures, globals, defaults, containers, objects and their methods.

1. From the function, every function that it can reach is followed: through cells of closures, names of globals, default
   values, bound objects, classes, containers.
2. Of an object, a class or a module of the user's, the attributes count whose names stand in the code of one of these
   functions.
3. Every place gets a check (`mmad/_captures.pyx`), and what is there becomes part of the key of the recording: numbers
   and texts by value, anything else by identity.  The contents of an array are none of it: they are read at every run,
   and those that the recording does not read are watched by it.

Libraries are not looked into, nor is what no name leads to: ``getattr`` of computed names, files, random numbers.
"""

import functools
import sys
import types
from pathlib import Path

import numpy as np

from mmad._captures import ABSENT, STATIC, Check
from mmad.handlers import catches
from mmad.kinds import isplain

__all__ = ["Captures", "key_of", "key_of_argument"]

ARITHMETIC = (ZeroDivisionError, OverflowError, FloatingPointError)
PLACES = 2000  # that are looked into, and checks, at the most: what lies beyond is not seen
LIBRARIES = frozenset(sys.stdlib_module_names | {"numpy", "scipy", "mmad"}) - {"__main__"}


class Captures:
    """The places that a function reads, as they are now.

    Parameters
    ----------
    f : callable

    Attributes
    ----------
    checks : list of Check
    key : tuple
        Hashable; equal for equal contents.
    arrays : list of ndarray
        Found in these places.
    """

    def __init__(self, f):
        self.checks, self.places, self.arrays = [], {}, []
        self.home, self.libraries = None, {}
        self.names = {"__call__"}
        self.codes = {}  # code object -> globals of its function
        self.holders = {}  # id -> (object with attributes, names looked at)
        self.follow(f)
        looked = -1
        while looked < len(self.names) + len(self.holders):
            looked = len(self.names) + len(self.holders)
            for holder, known in list(self.holders.values()):
                for name in sorted(self.names - known):
                    known.add(name)
                    self.attribute(holder, name)
        self.key = tuple([key_of(c.value) for c in self.checks])

    def heeds(self):
        """Whether the function may go on from an error of arithmetic, or has NumPy raise one."""
        return not self.names.isdisjoint(("errstate", "seterr")) or any(
            code.co_exceptiontable and any(catches(code, names, error) for error in ARITHMETIC)
            for code, names in self.codes.items()
        )

    def check(self, kind, owner, name, value):
        if len(self.checks) < PLACES:
            self.checks.append(Check(kind, owner, name, value))

    def library(self, module):
        """Whether a module is not looked into: it is installed, and another package than the function's own."""
        root = module.partition(".")[0] if isinstance(module, str) else ""
        if root not in self.libraries:
            file = getattr(sys.modules.get(root), "__file__", None)
            installed = file is not None and {"site-packages", "dist-packages"} & set(Path(file).parts)
            self.libraries[root] = root in LIBRARIES or bool(installed and root != self.home)
        return self.libraries[root]

    def follow(self, x):
        """Look into a value: its places, and what lies there."""
        if (_opaque(x) and not isplain(x, np.ndarray)) or id(x) in self.places:
            return
        if len(self.places) >= PLACES:
            return
        self.places[id(x)] = x
        if isplain(x, np.ndarray):
            self.arrays.append(x)
            return
        if isinstance(x, functools.partial):
            for v in (x.func, *x.args, *x.keywords.values()):
                self.follow(v)
        elif isinstance(x, types.MethodType):
            self.follow(x.__func__)
            self.follow(x.__self__)
        elif isinstance(x, types.FunctionType):
            self.function(x)
        elif isinstance(x, list | tuple | dict | set | frozenset):
            self.container(x)
        elif isinstance(x, property | classmethod | staticmethod | functools.cached_property):
            for part in (getattr(x, a, None) for a in ("fget", "func", "__func__")):
                self.follow(part)
        elif isinstance(x, types.ModuleType):
            if not self.library(x.__name__):
                self.holders[id(x)] = x, set()
        else:
            self.follow(getattr(x, "__wrapped__", None))
            cls = x if isinstance(x, type) else type(x)
            if not self.library(cls.__module__) or cls is types.SimpleNamespace:
                self.holders[id(x)] = x, set()
                for base in cls.__mro__:
                    self.follow(base)

    def function(self, f):
        """Closure, globals and defaults of a function."""
        self.follow(getattr(f, "__wrapped__", None))
        if self.home is None and f.__module__ is not None and f.__module__.partition(".")[0] not in LIBRARIES:
            self.home = f.__module__.partition(".")[0]
        if self.library(f.__module__):
            return
        used, codes = set(), [f.__code__]
        while codes:
            code = codes.pop()
            self.codes[code] = f.__globals__
            used.update(code.co_names)
            codes += [c for c in code.co_consts if isinstance(c, types.CodeType)]
        self.names |= used
        for cell in f.__closure__ or ():
            value = _contents(cell)
            self.check("cell", cell, None, value)
            self.follow(value)
        for name in sorted(used & f.__globals__.keys()):
            value = f.__globals__[name]
            self.check("entry", f.__globals__, name, value)
            self.follow(value)
        self.follow(f.__defaults__)
        self.follow(f.__kwdefaults__)

    def container(self, x):
        """Contents of a list, tuple, dict or set."""
        if len(x) > PLACES:
            return
        if isinstance(x, list):
            if type(x) is list:
                self.check("list", x, None, list(x))
        elif isinstance(x, dict):
            if type(x) is dict:
                self.check("dict", x, None, dict(x))
            x = x.values()
        elif isinstance(x, set):
            self.check("set", x, None, set(x))
        for v in x:
            self.follow(v)

    def attribute(self, x, name):
        """An attribute of an object, a class or a module."""
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
                elif isinstance(own, dict):
                    self.check("entry", own, name, ABSENT)  # an attribute of its own would hide the class's
                return


def key_of(x, inside=False):
    """A value as a part of a key: numbers and texts by value, to the sign of a zero, anything else by identity.

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


def key_of_argument(x):
    """The same of an argument that is neither an array nor a number that is differentiated: with what lies in it."""
    if isplain(x, STATIC):
        return key_of(x)
    key = Captures(x).key
    return key if isinstance(x, set | frozenset) else (Same(x), key)


class Same:
    """Equal to what holds the same object, which it keeps alive."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return type(other) is Same and self.value is other.value

    def __hash__(self):
        return id(self.value)


def _opaque(x):
    """Whether nothing that counts can lie in a value."""
    kinds = np.ndarray | np.dtype | types.BuiltinFunctionType | types.CodeType | types.GeneratorType
    return isplain(x, (STATIC, kinds)) or x is ABSENT


def _contents(cell):
    try:
        return cell.cell_contents
    except ValueError:  # not yet assigned
        return ABSENT
