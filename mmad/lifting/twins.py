"""What of `mmad` stands for modules, functions, classes and distributions of SciPy, and for `numpy.polynomial`.

A name that was imported (``from scipy.stats import norm``) is found again in the public module that has it; ours has
the same name.
"""

import importlib
import importlib.util
import sys

__all__ = ["is_of_scipy", "twin_function", "twin_module", "twin_object"]

FROZEN = ("rv_continuous_frozen", "rv_discrete_frozen")  # distributions of scipy.stats with parameters


def is_of_scipy(x):
    """Return whether SciPy has made a class, or the class of an object."""
    cls = x if isinstance(x, type) else type(x)
    return str(cls.__module__).startswith("scipy.")


def twin_module(module):
    """Return our module that stands for one of SciPy or `numpy.polynomial`; the module itself if there is none."""
    name = f"mmad.{module.__name__}"
    try:
        found = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        found = None
    return module if found is None else importlib.import_module(name)


def twin_function(f):
    """Return our function or class that stands for one of SciPy or `numpy.polynomial`; itself if there is none."""
    return _twin_of(f, f.__module__, f.__name__)


def twin_object(x, kind):
    """Return our object that stands for a distribution of `scipy.stats`; the object itself if there is none."""
    if kind.__name__ in FROZEN:  # its distribution is a copy of the one that has the name
        known = getattr(sys.modules["scipy.stats"], x.dist.name, None)
        found = twin_object(known, type(known)) if type(known) is type(x.dist) else known
        if found is known:
            return x
        copy = found(*x.args, **x.kwds)
        copy.plain = x
        return copy
    name = getattr(x, "name", None)
    return _twin_of(x, kind.__module__, name if isinstance(name, str) else kind.__name__.removesuffix("_gen"))


def _twin_of(x, module, name):
    parts = [part for part in module.split(".") if not part.startswith("_")]
    while len(parts) > 1:
        found = sys.modules.get(".".join(parts))
        if getattr(found, name, None) is x:
            return getattr(twin_module(found), name, x)
        parts.pop()
    return x
