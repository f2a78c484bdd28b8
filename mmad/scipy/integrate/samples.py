"""Integrals of sampled functions: linear in the samples, with weights made of their positions."""

import numpy as np
import scipy.integrate as _scipy

from mmad.numpy import asarray
from mmad.scipy._drop_in import any_traced, as_double, replaces
from mmad.scipy._linear import along_axis

__all__ = []


def _intervals(x, dx, y, axis):
    """Return the lengths of the intervals between samples, along the last axis, or one number."""
    if x is None:
        return dx
    x = asarray(x)
    return np.diff(x) if x.ndim == 1 else np.diff(np.moveaxis(x, axis, -1), axis=-1)


@replaces(_scipy.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """Return the integral by the trapezoidal rule."""
    y = np.moveaxis(asarray(y), axis, -1)
    return (_intervals(x, dx, y, axis) * (y[..., 1:] + y[..., :-1]) / 2.0).sum(axis=-1)


@replaces(_scipy.cumulative_trapezoid)
def cumulative_trapezoid(y, x=None, dx=1.0, axis=-1, initial=None):
    """Return the integrals up to each sample by the trapezoidal rule."""
    if initial is not None and initial != 0:
        raise ValueError("`initial` must be `None` or `0`.")
    y = np.moveaxis(asarray(y), axis, -1)
    out = np.cumsum(_intervals(x, dx, y, axis) * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    if initial is not None:
        out = np.concatenate([np.zeros((*y.shape[:-1], 1), out.dtype), out], axis=-1)
    return np.moveaxis(out, -1, axis)


@replaces(_scipy.simpson)
def simpson(y, x=None, *, dx=1.0, axis=-1):
    """Return the integral by Simpson's rule, with SciPy's correction for an even number of samples."""
    if not any_traced((x, dx)):
        return along_axis(_scipy.simpson, asarray(y), axis, x=x, dx=dx)
    y = np.moveaxis(asarray(y), axis, -1)
    n = y.shape[-1]
    if x is None:
        return dx * along_axis(_scipy.simpson, y, -1)
    h = _intervals(x, dx, y, axis)
    if n == 2:
        return (h[..., 0] * (y[..., 0] + y[..., 1])) / 2.0
    h = as_double(h)  # as SciPy
    pairs = n - 1 if n % 2 else n - 2  # intervals that go in pairs
    h0, h1 = h[..., 0:pairs:2], h[..., 1:pairs:2]
    y0, y1, y2 = y[..., 0 : pairs - 1 : 2], y[..., 1:pairs:2], y[..., 2 : pairs + 1 : 2]
    total = h0 + h1
    parts = total / 6.0 * (y0 * (2.0 - h1 / h0) + y1 * (total * total / (h0 * h1)) + y2 * (2.0 - h0 / h1))
    out = parts.sum(axis=-1)
    if n % 2:
        return out
    # Cartwright's correction for the last interval
    g, k = h[..., -2], h[..., -1]
    alpha = (2.0 * k * k + 3.0 * g * k) / (6.0 * (k + g))
    beta = (k * k + 3.0 * g * k) / (6.0 * g)
    eta = k * k * k / (6.0 * g * (g + k))
    return out + alpha * y[..., -1] + beta * y[..., -2] - eta * y[..., -3]


@replaces(_scipy.cumulative_simpson)
def cumulative_simpson(y, *, x=None, dx=1.0, axis=-1, initial=None):
    """Return the integrals up to each sample by Simpson's rule; positions must be plain."""
    out = along_axis(_scipy.cumulative_simpson, asarray(y), axis, x=x, dx=dx)
    if initial is None:
        return out
    shape = list(out.shape)
    shape[axis] = 1
    start = np.broadcast_to(asarray(initial), shape)
    return np.concatenate([start, out + start], axis=axis)


@replaces(_scipy.romb)
def romb(y, dx=1.0, axis=-1):
    """Return the integral by Romberg's rule."""
    return dx * along_axis(_scipy.romb, asarray(y), axis)
