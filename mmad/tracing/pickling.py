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
    """A callable that is pickled by its name, or else as the call that made it.

    Subclasses have `recipe()`, which returns a public function, the arguments, and the keyword arguments of that call.
    """

    def __reduce__(self):
        return by_name(self) or (_make, self.recipe())


class MadeFunction(Made, functools.partial):
    """A function that is pickled as the call that made it.

    Parameters
    ----------
    function : callable
        What a call runs; its name, its documentation and its attributes are this one's.
    recipe : callable
        Returns the function that makes it, and the arguments and keyword arguments for that.
    """

    def __new__(cls, function, recipe):
        made = super().__new__(cls, function)
        functools.update_wrapper(made, function)
        made.__wrapped__ = getattr(function, "__wrapped__", function)
        made.recipe = recipe
        return made

    def __get__(self, instance, owner=None):
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self):
        return f"<{self.__qualname__} made by {self.recipe()[0].__name__}>"
