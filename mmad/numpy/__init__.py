"""A drop-in namespace: everything NumPy has, with creation functions whose arrays accept traced values.

Plain ``import numpy as np`` works for all but creating an array to be filled; ``mmad.numpy.zeros(n)`` (or
``np.zeros(n, like=x)``) makes one.
"""

import functools

import numpy as _np

from mmad import ops  # noqa: F401  (declares the operations)
from mmad._core import FUNCTIONS
from mmad.numpy import creation, reductions, shaping, ufuncs  # noqa: F401

from mmad.numpy import decompositions, fft, joining, linalg, matrices, products  # noqa: F401  # isort: skip
from mmad.numpy import calculus, indexing, ordering  # noqa: F401  # isort: skip
from mmad.numpy import brackets, describing, emath, padding, quantiles  # noqa: F401  # isort: skip
from mmad.numpy import random, sets, spaces, statistics  # noqa: F401  # isort: skip
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
from mmad.tape.constants import has_traced

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
    "random",
    "require",
    "tri",
    "vectorize",
    "zeros",
    "zeros_like",
]


#: Functions that take lists, and make arrays of them.
_CREATORS = (_np.asanyarray, _np.ascontiguousarray, _np.asfortranarray)


def _taking_lists(function):
    """Return a function of NumPy that takes lists of traced numbers as well, for which NumPy has no protocol."""
    implementation = FUNCTIONS[function]

    @functools.wraps(function)
    def call(*args, **kwargs):
        if function in _CREATORS or has_traced(args) or has_traced(list(kwargs.values())):
            return implementation(*args, **kwargs)
        return function(*args, **kwargs)

    return call


@functools.cache
def _found(name):
    value = getattr(_np, name)
    return (
        _taking_lists(value) if callable(value) and not isinstance(value, _np.ufunc) and value in FUNCTIONS else value
    )


def __getattr__(name):
    return _found(name)


def __dir__():
    return sorted(set(__all__) | set(dir(_np)))
