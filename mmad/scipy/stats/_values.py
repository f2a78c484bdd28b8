"""Points and parameters of distributions: their dtype, their names, choices between them."""

import inspect

import numpy as np

from mmad._core import Traced
from mmad.numpy import asarray
from mmad.ops import arithmetic as a
from mmad.scipy._drop_in import any_traced

__all__ = ["choose", "double", "everywhere", "filled", "nowhere", "signature"]

POSITIONAL = inspect.Parameter.POSITIONAL_OR_KEYWORD


def double(x):
    """Return x as a number or an array in double precision, in which SciPy computes."""
    x = asarray(x) if any_traced(x) else np.asarray(x)
    if x.dtype.kind == "c":
        raise TypeError("scipy.stats: points and parameters of distributions are real")
    if isinstance(x, Traced):
        return x if x.dtype == np.float64 else a.multiply(x, np.float64(1.0))
    return x.astype(np.float64)[()]


def signature(*names, **defaults):
    """Return a signature with some names that have to be given, and some with defaults."""
    given = [inspect.Parameter(n, POSITIONAL) for n in names]
    return inspect.Signature(given + [inspect.Parameter(n, POSITIONAL, default=v) for n, v in defaults.items()])


def everywhere(condition):
    """Return whether a plain condition holds everywhere; a traced one may not."""
    return not isinstance(condition, Traced) and bool(np.all(condition))


def nowhere(condition):
    """Return whether a plain condition holds nowhere; a traced one may hold."""
    return not isinstance(condition, Traced) and not np.any(condition)


def choose(condition, x, y):
    """Return x where a condition holds, and y elsewhere."""
    if everywhere(condition):
        return x
    return a.select(condition, x, y)


def filled(x, shape):
    """Return x in a shape."""
    return x if np.shape(x) == shape else np.broadcast_to(x, shape)
