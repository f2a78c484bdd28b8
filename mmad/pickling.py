"""How callable objects of this package are pickled: by the name they are found under, or by how they were made."""

import functools
import sys
import types

__all__ = ["Made", "MadeFunction"]


def by_name(x):
    """Return the qualified name under which x is found in the module it says it is of; None if it is not."""
    name = getattr(x, "__qualname__", None)
    found = sys.modules.get(getattr(x, "__module__", None))
    for part in (name or "").split("."):
        found = getattr(found, part, None)
    return name if found is x else None


def _make(maker, args, kwargs):
    return maker(*args, **kwargs)


class Made:
    """A callable that is pickled as the call that made it.

    Subclasses set `recipe`, a tuple (maker, args, kwargs), where `maker` is a public function.
    """

    def __reduce__(self):
        return by_name(self) or (_make, self.recipe)

    recipe: tuple


class MadeFunction(Made):
    """A function that is pickled as the call that made it.

    Parameters
    ----------
    function : callable
        What a call runs.
    maker : callable
        The public function that makes it.
    *args, **kwargs
        Of `maker`.
    """

    def __init__(self, function, maker, *args, **kwargs):
        self.function, self.recipe = function, (maker, args, kwargs)
        functools.update_wrapper(self, function)

    def __call__(self, *args, **kwargs):
        return self.function(*args, **kwargs)

    def __get__(self, instance, owner=None):
        return self if instance is None else types.MethodType(self, instance)
