"""A drop-in namespace: everything SciPy has, with functions of traced values where SciPy has no protocol for them.

``from mmad import scipy`` and ``import mmad.scipy.linalg`` work as SciPy's own imports do.  A module ``mmad.scipy.X``
hands through everything of ``scipy.X``; the functions in its `__all__` take traced values, too, and hand plain values
to SciPy's functions of the same names.  docs/scipy.md lists them.
"""

import importlib
import importlib.util

if importlib.util.find_spec("scipy") is None:
    raise ImportError("mmad.scipy needs SciPy: pip install mmad[scipy]")
import scipy as _scipy

__all__ = []


def __getattr__(name):
    if not name.startswith("_") and importlib.util.find_spec(f"{__name__}.{name}") is not None:
        return importlib.import_module(f"{__name__}.{name}")
    return getattr(_scipy, name)


def __dir__():
    return dir(_scipy)
