"""A drop-in namespace: everything NumPy has, with creation functions whose arrays accept traced values.

Plain ``import numpy as np`` works for all but creating an array to be filled; ``mmad.numpy.zeros(n)`` (or
``np.zeros(n, like=x)``) makes one.
"""

import numpy as _np

from mmad import ops  # noqa: F401  (declares the operations)
from mmad.numpy import creation, reductions, shaping, ufuncs  # noqa: F401

from mmad.numpy import fft, joining, linalg, matrices, products  # noqa: F401  # isort: skip
from mmad.numpy import calculus, indexing, ordering  # noqa: F401  # isort: skip
from mmad.numpy.creation import (
    arange,
    array,
    asarray,
    empty,
    empty_like,
    eye,
    full,
    full_like,
    identity,
    linspace,
    ones,
    ones_like,
    zeros,
    zeros_like,
)
from mmad.numpy.shaping import as_strided

__all__ = [
    "arange",
    "array",
    "as_strided",
    "asarray",
    "empty",
    "empty_like",
    "eye",
    "full",
    "full_like",
    "identity",
    "linspace",
    "ones",
    "ones_like",
    "zeros",
    "zeros_like",
]


def __getattr__(name):
    return getattr(_np, name)


def __dir__():
    return sorted(set(__all__) | set(dir(_np)))
