"""Discrete Fourier transforms along one axis: linear operations.

The transposes of the Fourier transforms are Fourier transforms in the other direction.  With F the unscaled transform,
F_jk = exp(-2 pi i j k / n), the adjoint F^H is the unscaled inverse transform.  A transform of real numbers returns
the first half of the spectrum; its transpose counts the elements whose conjugates were left out once, not twice.
"""

import numpy as np

from mmad._core import dtype_of, shape_of
from mmad.ops import arithmetic as a
from mmad.ops.declare import linear

__all__ = ["fft", "irfft", "rfft"]

REAL = np.array([[0.7, -1.2, 0.4, 2.1], [1.3, 0.2, -0.8, 0.5]])
ODD = np.array([[0.7, -1.2, 0.4], [1.3, 0.2, -0.8]])
COMPLEX = REAL + 1j * REAL[::-1]
OPPOSITE = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def _spectrum_weights(n, axis, dtype):
    """Return how often each element of half a spectrum of n numbers occurs in the whole one."""
    weights = np.full(n // 2 + 1, 2.0, dtype)
    weights[0] = 1.0
    if n % 2 == 0:
        weights[-1] = 1.0
    return weights.reshape(-1, *(1,) * (-axis - 1))


def _precision(x):
    return np.zeros((), dtype_of(x)).real.dtype


def _rfft_transpose(ct, x, axis, norm):
    n = shape_of(x)[axis]
    return irfft(a.divide(ct, _spectrum_weights(n, axis, _precision(ct))), n=n, axis=axis, norm=OPPOSITE[norm])


def _irfft_transpose(ct, y, n, axis, norm):
    return a.multiply(rfft(ct, axis=axis, norm=OPPOSITE[norm]), _spectrum_weights(n, axis, _precision(ct)))


# `axis` is negative, so that lanes may be put first.
fft = linear(
    "fft",
    lambda x, axis, norm, inverse: (np.fft.ifft if inverse else np.fft.fft)(x, axis=axis, norm=norm),
    {0: lambda ct, x, axis, norm, inverse: fft(ct, axis=axis, norm=OPPOSITE[norm], inverse=not inverse)},
    batch=lambda vals, batched, axis, norm, inverse: fft(vals[0], axis=axis, norm=norm, inverse=inverse),
    probes=(
        (COMPLEX, {"axis": -1, "norm": "backward", "inverse": False}),
        (COMPLEX, {"axis": -2, "norm": "forward", "inverse": True}),
    ),
)
rfft = linear(
    "rfft",
    lambda x, axis, norm: np.fft.rfft(x, axis=axis, norm=norm),
    {0: _rfft_transpose},
    batch=lambda vals, batched, axis, norm: rfft(vals[0], axis=axis, norm=norm),
    probes=((REAL, {"axis": -1, "norm": "backward"}), (ODD, {"axis": -1, "norm": "ortho"})),
)
irfft = linear(
    "irfft",
    lambda y, n, axis, norm: np.fft.irfft(y, n, axis=axis, norm=norm),
    {0: _irfft_transpose},
    batch=lambda vals, batched, n, axis, norm: irfft(vals[0], n=n, axis=axis, norm=norm),
    probes=(
        (COMPLEX, {"n": 6, "axis": -1, "norm": "backward"}),
        (COMPLEX, {"n": 7, "axis": -1, "norm": "ortho"}),
    ),
)
