"""A drop-in namespace: everything NumPy has, with creation functions whose arrays accept traced values.

Plain ``import numpy as np`` works for all but creating an array to be filled; ``mmad.numpy.zeros(n)`` (or
``np.zeros(n, like=x)``) makes one.
"""

import functools
import importlib

import numpy as _np

from mmad import ops  # noqa: F401  (declares the operations)
from mmad.numpy import creation, reductions, shaping, ufuncs  # noqa: F401

from mmad.numpy import decompositions, fft, joining, linalg, matrices, products  # noqa: F401  # isort: skip
from mmad.numpy import calculus, indexing, ordering, polynomials  # noqa: F401  # isort: skip
from mmad.numpy import brackets, describing, emath, padding, quantiles  # noqa: F401  # isort: skip
from mmad.numpy import sets, spaces, statistics  # noqa: F401  # isort: skip
from mmad.numpy._implements import taking_lists
from mmad.numpy.applying import broadcast, ndenumerate, nditer, vectorize
from mmad.numpy.brackets import c_, r_
from mmad.numpy.creation import (
    array,
    asarray,
    asarray_chkfinite,
    empty,
    empty_like,
    eye,
    fromiter,
    full,
    full_like,
    identity,
    ones,
    ones_like,
    require,
    tri,
    zeros,
    zeros_like,
)
from mmad.numpy.shaping import as_strided
from mmad.numpy.spaces import arange, geomspace, linspace, logspace

__all__ = [
    "arange",
    "array",
    "as_strided",
    "asarray",
    "asarray_chkfinite",
    "broadcast",
    "c_",
    "empty",
    "empty_like",
    "eye",
    "fromiter",
    "full",
    "full_like",
    "geomspace",
    "identity",
    "linspace",
    "logspace",
    "ndenumerate",
    "nditer",
    "ones",
    "ones_like",
    "r_",
    "require",
    "tri",
    "vectorize",
    "zeros",
    "zeros_like",
]


@functools.cache
def _found(name):
    if name in ("random", "polynomial"):  # which NumPy, too, imports when they are first used
        return importlib.import_module(f"mmad.numpy.{name}")
    return taking_lists(getattr(_np, name))


def __getattr__(name):
    return _found(name)


def __dir__():
    return sorted(set(__all__) | set(dir(_np)))
