"""Convolution of vectors, and the sliding product that is its transpose."""

import numpy as np

from mmad.ops import arithmetic as a
from mmad.ops.declare import linear


def conj(x):
    """Return the conjugate where there is one to take."""
    return a.conjugate(x) if getattr(x, "dtype", np.dtype(float)).kind == "c" else x


# The full convolution, and the sliding product sum_j c[i+j] v[j] where v lies inside c: transposes of each other.
slide_out = linear(
    "slide_out",
    lambda x, v: np.convolve(x, v),
    {0: lambda ct, x, v: slide_in(ct, conj(v)), 1: lambda ct, x, v: slide_in(ct, conj(x))},
    nin=2,
)
slide_in = linear(
    "slide_in",
    lambda c, v: np.correlate(c, np.conjugate(v), "valid"),
    {0: lambda ct, c, v: slide_out(ct, conj(v)), 1: lambda ct, c, v: slide_in(conj(c), ct)},
    nin=2,
)
