"""Derivatives of every order of erfcx(t) = exp(t**2) erfc(t), to full relative accuracy.

The recurrence f_(n+1) = 2 t f_n + 2 n f_(n-1) cancels where f decays, for Re t > 0.  There the ratios of successive
derivatives, which are repeated integrals of erfc (DLMF 7.18), come from the backward recurrence
r_(n-1) = 1 / (2 t + 2 n r_n), and near the imaginary axis from the asymptotic series.  Of real t, the recurrence gives
a Chebyshev series for each of the first orders, which takes a tenth of its time.
"""

from functools import cache

import numpy as np
import scipy.special as sc
from numpy.polynomial.chebyshev import chebinterpolate, chebval

from mmad.scipy.special._declare import family, numeric, piecewise

#: (Re t, how many steps of the backward recurrence give all digits of a double from there on)
STEPS = ((4.0, 24), (2.0, 60), (1.2, 110), (0.0, 260))
RIGHT = 0.7  # from here on the forward recurrence loses digits
LEAST = 0.5  # where the series begins: at its end rounding would be largest
MOST, TERMS, POLE = 3, 31, 1.5  # up to this order so many terms of a series in (t - c) / (t + POLE) have all digits
LARGEST = 1e300  # of the series: the derivative is zero there, as at infinity
FAR = 6.0  # from here on the asymptotic series has all digits


def _forward(n, t):
    """Return the derivative by the recurrence from erfcx itself."""
    before, f = np.zeros_like(t), sc.erfcx(t)
    for k in range(n):
        before, f = f, 2 * t * f + (2 * k * before if k else -2 / np.sqrt(np.pi))
    return f


def _backward(n, t, steps=None):
    """Return the derivative by ratios; for Re t > RIGHT, below with many steps."""
    least = t.real.min()
    last = n + (steps or next(steps for start, steps in STEPS if least >= start))
    f = sc.erfcx(t)
    if t.size == 1:  # Python's numbers are faster than arrays of one
        t = t.item()
    r = 1 / (t + (t * t + 2 * last) ** 0.5)
    ratios = {}
    for k in range(last, 0, -1):
        ratios[k] = r
        r = 1 / (2 * t + 2 * k * r)
    for k in range(1, n + 1):
        f = f * ratios[k] * (-2 * k)
    return f


def _weight(n, t):
    """Return about the inverse of the derivative, up to a constant and its sign, for t > RIGHT."""
    factor = t + np.sqrt(t * t + (n + 0.6))
    y = factor
    for _ in range(n):
        y = y * factor
    return y


@cache
def _coefficients(n):
    """Return the Chebyshev series of the derivative times `_weight` on (LEAST, inf), mapped to (-1, 1)."""

    def scaled(s):
        t = (POLE * s + 2 * LEAST + POLE) / (1 - s)
        return _backward(n, t, 1000) * _weight(n, t)

    return chebinterpolate(scaled, 2 * TERMS)[:TERMS]


def _by_series(n, t):
    """Return the derivative of one of the first orders, for real t > RIGHT."""
    t = np.minimum(t, LARGEST)
    return chebval((t - (2 * LEAST + POLE)) / (t + POLE), _coefficients(n)) / _weight(n, t)


def _asymptotic(n, t):
    """Return the derivative of the asymptotic series; for large t with Re t >= 0."""
    total, coefficient = np.zeros_like(t), 1.0
    square = 1 / (t * t)
    power = (-1 / t) ** n / t
    for k in range(34):
        total = total + coefficient * sc.poch(2 * k + 1, n) * power
        coefficient *= -(k + 0.5)
        power = power * square
    return total / np.sqrt(np.pi)


def _gaussian(n, t):
    """Return the derivative of exp(t**2)."""
    before, g = np.zeros_like(t), np.exp(t * t)
    for k in range(n):
        before, g = g, 2 * t * g + 2 * k * before
    return g


@numeric
def _derivative(n, t):
    n = int(n)
    t = t.astype(np.result_type(t, np.float64))
    if n == 0:
        return sc.erfcx(t)
    right = t.real > RIGHT
    of_right = _by_series if t.dtype.kind == "f" and n <= MOST else _backward
    y = piecewise(right, lambda t: of_right(n, t), lambda t: _forward(n, t), t)
    if t.dtype.kind == "c":
        far = ~right & (np.abs(t) > FAR)
        if far.any():
            sign = np.where(t.real < 0, -1.0, 1.0)
            series = _asymptotic(n, np.where(far, sign * t, FAR)) * sign ** (n + 0)
            left = far & (t.real < 0)
            series = np.where(left, 2 * _gaussian(n, np.where(left, t, 0.0)) - series, series)
            y = np.where(far, series, y)
    return y


#: erfcx_n(n, t): the derivative of order n of erfcx at t, real or complex.
erfcx_n = family("_erfcx_n", _derivative, lambda n, t, out: 0.0, lambda n, t, out: erfcx_n(n + 1, t))


@numeric
def _dawson(n, x):
    n = int(n)
    if x.dtype.kind == "c":  # D(z) = (erfcx(-iz) - exp(-z**2)) / (2i) * sqrt(pi)
        return (
            np.sqrt(np.pi) / 2j * ((-1j) ** n * np.asarray(_derivative(n, -1j * x)) - _gaussian(n, 1j * x) * (1j) ** n)
        )
    far = np.abs(x) > FAR
    z = np.where(far, 0.0, x)
    before, f = np.zeros_like(z), sc.dawsn(z)
    for k in range(n):
        before, f = f, -2 * z * f + (-2 * k * before if k else 1.0)
    if far.any():
        t = -1j * np.where(far, x, FAR)
        f = np.where(far, (np.sqrt(np.pi) / 2j * (-1j) ** n * _asymptotic(n, t)).real, f)
    return f


#: dawsn_n(n, x): the derivative of order n of Dawson's integral.
dawsn_n = family("_dawsn_n", _dawson, lambda n, x, out: 0.0, lambda n, x, out: dawsn_n(n + 1, x))
