"""Trees of arguments: numbers, arrays, and containers or objects that hold them.

optree does the work for containers (tuples, lists, dicts, named tuples, whatever is registered with it); dataclasses,
objects with attributes or slots, and classes derived from list, tuple and dict are flattened here, by the same
registry.  Arrays of other libraries become NumPy's, by their `__array__` or `__dlpack__`.  A single number or array, by
far the most common argument, never reaches optree.
"""

import collections
import copy
import dataclasses
import types

import numpy as np
import optree

from mmad._core import Traced
from mmad.python.kinds import isplain
from mmad.scalars.kinds import is_other_number

__all__ = ["flatten", "leaves", "map", "register", "structure", "unflatten"]

NAMESPACE = "mmad"
LEAF = object()  # structure of a single number or array
_PLAIN_LEAVES = (int, float, complex, bool, str, bytes, type(None), np.ndarray, np.generic, Traced)
HEAP_TYPE = 1 << 9  # CPython's flag of a class made by a class statement
_CONTAINERS = {tuple, list, dict, collections.OrderedDict, collections.defaultdict}  # which optree knows
_registered = set()


class Static:
    """An attribute without derivative (a name, a size, a function), carried along unchanged."""

    __slots__ = ("value",)

    def __init__(self, value):
        self.value = value

    def __eq__(self, other):
        return isinstance(other, Static) and (self.value is other.value or _equal(self.value, other.value))

    def __hash__(self):
        return hash(type(self.value))


def _equal(a, b):
    try:
        return bool(a == b)
    except (TypeError, ValueError):
        return False


def _differentiable(value):
    """Return whether an attribute of an object is traced: integers, truth values and text are its configuration."""
    if isplain(value, np.ndarray):
        return value.dtype.kind in "fcO"
    if isplain(value, bool | int | str | bytes | type(None) | np.integer | np.bool_):
        return False
    if isplain(value, float | complex | np.generic | Traced):
        return True
    if isinstance(value, list | tuple):
        return any(_differentiable(v) for v in value)
    if isinstance(value, dict):
        return any(_differentiable(v) for v in value.values())
    return _has_attributes(value) and any(_differentiable(v) for v in _attributes(value).values())


def _has_attributes(x):
    return (hasattr(x, "__dict__") or bool(_slots(type(x)))) and not isinstance(
        x,
        type
        | types.FunctionType
        | types.MethodType
        | types.BuiltinFunctionType
        | types.ModuleType
        | np.random.Generator,
    )


def _slots(cls):
    """Return the names of the slots of a class, those of its bases first."""
    found = []
    for c in reversed(cls.__mro__):
        slots = vars(c).get("__slots__", ())
        found += [slots] if isinstance(slots, str) else slots
    return [name for name in found if name not in ("__dict__", "__weakref__")]


def _attributes(obj):
    """Return the attributes of an object by name, in slots and in its dictionary."""
    found = {name: getattr(obj, name) for name in _slots(type(obj)) if hasattr(obj, name)}
    return {**found, **getattr(obj, "__dict__", {})}


def _blank(cls):
    """Return a new object of a class, without its initialisation."""
    builtin = next(c for c in cls.__mro__ if not c.__flags__ & HEAP_TYPE)
    return builtin.__new__(cls)


class Shell:
    """An object of a class derived from list, tuple or dict, without its elements."""

    __slots__ = ("attributes", "cls", "empty", "keys")

    def __init__(self, container):
        self.cls, self.attributes = type(container), getattr(container, "__dict__", {}).copy()
        self.keys = list(container) if isinstance(container, dict) else None
        self.empty = None
        if not isinstance(container, tuple):  # the copy brings what only the class knows, like a default factory
            self.empty = copy.copy(container)
            (dict if isinstance(container, dict) else list).clear(self.empty)

    def filled(self, values):
        """Return an object like the one that was taken apart, with other elements."""
        if self.empty is None:
            obj = tuple.__new__(self.cls, values)
        else:
            obj = copy.copy(self.empty)
            if self.keys is None:
                list.extend(obj, values)
            else:
                for key, value in zip(self.keys, values, strict=True):
                    dict.__setitem__(obj, key, value)
        if self.attributes:
            obj.__dict__.update(self.attributes)
        return obj

    def __eq__(self, other):
        return isinstance(other, Shell) and (self.cls, self.keys) == (other.cls, other.keys)

    def __hash__(self):
        return hash(self.cls)


def _split_container(x):
    """Return the elements of an object of a class derived from list, tuple or dict, and its shell."""
    return list(x.values() if isinstance(x, dict) else x), Shell(x), None


def register(cls, flatten_function=None, unflatten_function=None):
    """Let objects of a class be arguments that are differentiated with respect to.

    Dataclasses and classes with ordinary attributes register themselves when first met.

    Parameters
    ----------
    cls : type
    flatten_function : callable, optional
        ``object -> (children, metadata)``; by default the attributes that hold floating-point numbers, arrays or
        containers of them are children, the others metadata.
    unflatten_function : callable, optional
        ``(metadata, children) -> object``.

    Returns
    -------
    type
        The class itself, so that this can be used as a decorator.
    """

    def split(obj):
        if dataclasses.is_dataclass(obj):
            held = {f.name: getattr(obj, f.name) for f in dataclasses.fields(obj)}
        else:
            held = _attributes(obj)
        children = tuple(n for n, v in held.items() if _differentiable(v))
        static = tuple((n, Static(v)) for n, v in held.items() if n not in children)
        return [held[n] for n in children], (children, static), children

    def join(metadata, values):
        children, static = metadata
        obj = _blank(cls)
        for name, value in [*zip(children, values, strict=True), *((n, s.value) for n, s in static)]:
            object.__setattr__(obj, name, value)
        return obj

    optree.register_pytree_node(cls, flatten_function or split, unflatten_function or join, namespace=NAMESPACE)
    _registered.add(cls)
    return cls


QUANTITIES: set[type] = set()  # classes of numbers with units (pint's), which are trees: the units are their structure


def quantity_in(structure):
    """Return the class of a quantity with units that a structure holds; None if it holds none."""
    if not QUANTITIES or structure is LEAF:
        return None
    if structure.type in QUANTITIES:
        return structure.type
    return next((cls for child in structure.children() if (cls := quantity_in(child)) is not None), None)


def _of_another_library(x):
    """Return whether an object is an array of another library, which NumPy can take over."""
    if hasattr(x, "__array_ufunc__") or isinstance(x, type):  # which has arithmetic of its own: units, labels
        return False
    return hasattr(x, "__dlpack__") or (hasattr(x, "__array__") and not _differentiable(x))


def _as_numpy(x):
    return [np.asarray(x) if hasattr(x, "__array__") else np.from_dlpack(x)], None, None


def _is_leaf(x):
    """Register a class when it is first met; leaves themselves are left to optree."""
    cls = type(x)
    if cls in _registered or isplain(x, _PLAIN_LEAVES):
        return False
    if isinstance(x, tuple | list | dict):
        if not (optree.is_namedtuple(x) or optree.is_structseq(x) or cls in _CONTAINERS):
            register(cls, _split_container, Shell.filled)
        return False
    if _of_another_library(x):
        register(cls, _as_numpy, lambda metadata, values: values[0])
        return False
    if not _has_attributes(x) or is_other_number(x):
        return False
    if dataclasses.is_dataclass(x) or _differentiable(x):
        register(cls)
        if hasattr(cls, "units") and hasattr(cls, "__array_ufunc__"):
            QUANTITIES.add(cls)
    return False


def flatten(tree):
    """Return the leaves of a tree and its structure.

    Returns
    -------
    leaves : list
    structure : object
        For `unflatten`; two structures are equal if the trees have the same shape.
    """
    if isplain(tree, float | np.ndarray | Traced):
        return [tree], LEAF
    return optree.tree_flatten(tree, is_leaf=_is_leaf, none_is_leaf=True, namespace=NAMESPACE)


def unflatten(structure, leaves):
    """Return the tree of a structure with these leaves."""
    if structure is LEAF:
        return leaves[0]
    return optree.tree_unflatten(structure, leaves)


def leaves(tree):
    """Return the leaves of a tree, None left out.

    Examples
    --------
    >>> import mmad
    >>> mmad.tree.leaves({"b": (1.0, None), "a": 2.0})
    [2.0, 1.0]
    """
    return [x for x in flatten(tree)[0] if x is not None]


def structure(tree):
    """Return the structure of a tree, for :func:`unflatten`; equal structures have the same containers."""
    return flatten(tree)[1]


def map(f, tree, *rest):
    """Return the tree of what a function gives for each leaf; None stays None.

    Parameters
    ----------
    f : callable
        ``f(leaf, *others)``, with the leaves of `rest` at the same place.
    tree : tree
    *rest : trees
        Of the structure of `tree`.

    Examples
    --------
    >>> import mmad
    >>> mmad.tree.map(lambda x, g: x - 0.1 * g, {"w": 1.0, "b": (2.0,)}, {"w": 10.0, "b": (5.0,)})
    {'w': 0.0, 'b': (1.5,)}
    """
    first, form = flatten(tree)
    others = []
    for other in rest:
        found, same = flatten(other)
        if same != form:
            raise ValueError(f"mmad.tree.map: the trees have different structures: {form}, {same}")
        others.append(found)
    return unflatten(form, [None if row[0] is None else f(*row) for row in zip(first, *others, strict=True)])


def paths(tree):
    """Return a readable place for every leaf, as in ``['weights'][0]``."""
    if isplain(tree, (float, np.ndarray, Traced)):
        return [""]
    places = optree.tree_accessors(tree, is_leaf=_is_leaf, none_is_leaf=True, namespace=NAMESPACE)
    return [p.codify("") for p in places]
