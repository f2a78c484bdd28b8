"""Autograd's containers and type tests: Python's own containers hold traced values, and need no wrapping."""

import builtins

from mmad.autograd.spaces import VSpace
from mmad.autograd.tracer import Box, getval

__all__ = ["dict", "isinstance", "list", "tuple", "type"]

_isinstance, _type = builtins.isinstance, builtins.type
_dict, _list, _tuple = builtins.dict, builtins.list, builtins.tuple


def isinstance(x, classes):
    """Return whether a value, or the plain value of a traced one, is of a class."""
    return _isinstance(x, classes) or _isinstance(getval(x), classes)


def type(x):
    """Return the class of a value, of the plain value if it is traced."""
    return _type(getval(x))


class _StandsFor(_type):
    """The class of a class that stands for one of Python's containers."""

    def __instancecheck__(cls, x):  # noqa: N805
        return _isinstance(x, cls.__mro__[1])


class tuple(_tuple, metaclass=_StandsFor):  # noqa: N801
    """Python's tuple."""

    __slots__ = ()

    def __new__(cls, *args):
        return _tuple(*args)


class list(_list, metaclass=_StandsFor):  # noqa: N801
    """Python's list."""

    __slots__ = ()

    def __new__(cls, *args):
        return _list(*args)


class dict(_dict, metaclass=_StandsFor):  # noqa: N801
    """Python's dict."""

    __slots__ = ()

    def __new__(cls, *args, **kwargs):
        return _dict(*args, **kwargs)


class SequenceBox(Box):
    """A class without instances: sequences of traced values are Python's."""


class DictBox(Box):
    """A class without instances: dicts of traced values are Python's."""


class NamedTupleVSpace(VSpace):
    """The vector space of a named tuple."""
