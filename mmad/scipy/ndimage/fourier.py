"""Filters of Fourier transforms: products with a factor along each axis."""

import numpy as np
import scipy.ndimage as _scipy

from mmad._core import Traced, concrete, dtype_of, shape_of
from mmad.errors import UnsupportedError
from mmad.numpy.joining import as_operand, normal_axis
from mmad.python.kinds import isplain
from mmad.scipy.ndimage._arguments import as_kind, function, one_each

__all__ = []


def _frequencies(shape, n, axis):
    """Yield the frequencies along each axis of a transform, along one that of `rfft` if n is not negative."""
    ndim = len(shape)
    axis = normal_axis(axis, ndim)
    for k, m in enumerate(shape):
        if k == axis and n >= 0:
            yield k, np.arange(m) / n
        else:
            yield k, np.fft.fftfreq(m)


def _product(name, input, parameter, n, axis, output, factor):
    x = as_operand(input)
    if isplain(output, np.ndarray) or isinstance(output, Traced):
        raise UnsupportedError(f"mmad.scipy.ndimage.{name} of traced values does not write to output=: use its result")
    kind = dtype_of(x) if dtype_of(x).kind in "fc" else np.dtype(float)
    kind = np.promote_types(kind, np.complex64) if name == "fourier_shift" else kind
    ndim = len(shape_of(x))
    values = one_each(parameter, ndim)
    y = x
    for (k, f), value in zip(_frequencies(shape_of(x), n, axis), values, strict=True):
        y = y * factor(f, value).reshape((-1,) + (1,) * (ndim - k - 1))
    return as_kind(y, kind)


@function
def fourier_gaussian(input, sigma, n=-1, axis=-1, output=None):
    """Return the transform of an array filtered by a Gaussian."""
    return _product(
        "fourier_gaussian",
        input,
        sigma,
        n,
        axis,
        output,
        lambda f, s: np.exp(-2 * np.pi**2 * (s * s) * (f * f)),
    )


@function
def fourier_uniform(input, size, n=-1, axis=-1, output=None):
    """Return the transform of an array filtered by the mean of a window."""
    return _product("fourier_uniform", input, size, n, axis, output, lambda f, s: np.sinc(s * f))


@function
def fourier_shift(input, shift, n=-1, axis=-1, output=None):
    """Return the transform of an array that is shifted."""
    return _product("fourier_shift", input, shift, n, axis, output, lambda f, s: np.exp(-2j * np.pi * (s * f)))


@function
def fourier_ellipsoid(input, size, n=-1, axis=-1, output=None):
    """Return the transform of an array filtered by the mean of an ellipsoid, whose size is not differentiated."""
    if any(isinstance(v, Traced) for v in one_each(size, len(shape_of(as_operand(input))))):
        raise UnsupportedError("mmad.scipy.ndimage.fourier_ellipsoid has no derivative by the size")
    factor = _scipy.fourier_ellipsoid(np.ones(shape_of(as_operand(input))), concrete(size), n, axis)
    y = _product("fourier_ellipsoid", input, 1.0, n, axis, output, lambda f, s: np.ones_like(f))
    return y * factor.astype(np.zeros(0, dtype_of(y)).real.dtype)
