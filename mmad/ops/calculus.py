"""Convolution, sinc and rounding to decimals."""

import math

import numpy as np

from mmad.ops import arithmetic as a
from mmad.ops.declare import linear, nonlinear


def conj(x):
    """The conjugate where there is one to take."""
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


def _sinc(x, order):
    """The derivative of order `order` of sin(pi x)/(pi x)."""
    if order == 0:
        return np.sinc(x)
    x = np.asarray(x)
    y = np.pi * x.astype(np.result_type(x, np.float64))
    # Near zero the alternating series; elsewhere y f_n + n f_(n-1) = sin^(n)(y), which cancels for y below about n.
    near = np.abs(y) < max(2.0, order)
    z = np.where(near, y, 0.0)
    series = np.zeros(z.shape, z.dtype)
    for k in range((order + 1) // 2, order // 2 + 24 + 2 * order):
        series = series + (-1) ** k * z ** (2 * k - order) / ((2 * k + 1) * math.factorial(2 * k - order))
    z = np.where(near, 1.0, y)
    f = np.sin(z) / z
    for n in range(1, order + 1):
        f = ((np.sin, np.cos, lambda t: -np.sin(t), lambda t: -np.cos(t))[n % 4](z) - n * f) / z
    return (np.where(near, series, f) * np.pi**order).astype(x.dtype)[()]


def _batch_of_sinc(vals, batched, **params):
    return sinc_op(vals[0], **params)


def _sinc_jvp(dots, out, x, order):
    return a.chain(dots[0], sinc_op(x, order=order + 1))


sinc_op = nonlinear(
    "sinc",
    _sinc,
    _sinc_jvp,
    batch=_batch_of_sinc,
    transposes={0: lambda ct, x, order: a.chain(ct, conj(sinc_op(x, order=order + 1)))},
)


round_op = nonlinear(
    "round",
    lambda x, decimals: np.round(x, decimals),
    lambda dots, out, x, decimals: None,
    batch=lambda vals, batched, decimals: round_op(vals[0], decimals=decimals),
)
