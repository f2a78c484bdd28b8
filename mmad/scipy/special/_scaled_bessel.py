"""Derivatives of the exponentially scaled modified Bessel functions, by their argument and the order of K.

exp(x) K_v(x) = int_0^inf exp(-x (cosh t - 1)) cosh(v t) dt: all its derivatives are integrals of one sign, while
differences of neighbouring functions cancel as x grows.  exp(-x) I_v(x) has an asymptotic series for large x.
"""

import math

import numpy as np
import scipy.special as sc

from mmad.scipy.special._declare import constant, family, in_blocks, numeric, piecewise

NODES = 300  # of the trapezoidal rule, which converges exponentially
FAR = 25.0  # where I_v goes over to its asymptotic series


def _kve_series(n, v, x):
    """Return the derivative of the asymptotic series, that of I_v with all signs positive."""
    return np.pi * _ive_series(n, v, x, -1.0)


@numeric
def _kve(n, m, v, z):
    v, z = np.broadcast_arrays(v, z)
    if m == 0 and z.dtype.kind == "f":
        n = int(n)
        far = z > np.maximum(FAR, v * v)
        if n == 0:
            return sc.kve(v, z)
        near = (z <= 1) if n == 1 else np.zeros(z.shape, bool)  # where the difference does not cancel
        between = (z > 0) & ~far & ~near
        y = np.full(z.shape, np.nan)
        if between.any():
            y[between] = _kve_integral(np.asarray(n), np.asarray(m), v[between], z[between])
        if far.any():
            y[far] = _kve_series(n, v[far], z[far])
        if near.any():
            order, x = v[near], z[near]
            y[near] = sc.kve(order, x) - (sc.kve(order - 1, x) + sc.kve(order + 1, x)) / 2
        return np.where(z > 0, y, np.nan)
    return _kve_integral(n, m, v, z)


@in_blocks(2)
def _kve_integral(n, m, v, z):
    n, m = int(n), int(m)
    size = np.maximum(z.real, 1e-300)
    # where the integrand is below exp(-40) of its largest value
    end = np.arccosh(1 + 50 / size)
    for _ in range(4):
        end = np.arccosh(1 + (50 + (np.abs(v) + n) * end) / size)
    t = np.linspace(0.0, 1.0, NODES + 1) * end[..., None]
    rise = 2 * np.sinh(t / 2) ** 2
    v, w = v[..., None], z[..., None]
    wave = (np.exp(v * t - w * rise) + (-1) ** m * np.exp(-v * t - w * rise)) / 2
    f = (-rise) ** n * t**m * wave
    f[..., 0] /= 2
    y = np.sum(f, axis=-1) * (end / NODES)
    return np.where(z.real > 0, y, np.nan)


#: kve_n(n, m, v, z): the derivative of order m by v and n by z of exp(z) K_v(z), for Re z > 0.
kve_n = family(
    "_kve_n",
    _kve,
    constant,
    constant,
    lambda n, m, v, z, out: kve_n(n, m + 1, v, z),
    lambda n, m, v, z, out: kve_n(n + 1, m, v, z),
)


def _ive_series(n, v, x, sign=1.0):
    """Return the derivative of sum_k (-sign)**k a_k(v) x**(-k - 1/2) / sqrt(2 pi)."""
    total, c, before = np.zeros_like(x), np.ones_like(x), np.full_like(x, np.inf)
    done = np.zeros(x.shape, bool)
    for k in range(60):
        term = c * (-1.0) ** n * sc.poch(k + 0.5, n) * x ** (-n - 0.5)
        done |= (np.abs(term) > before) & (k > v)  # until then the terms may grow first
        total = total + np.where(done, 0.0, term)
        before = np.abs(term)
        c = c * -sign * (4 * v**2 - (2 * k + 1) ** 2) / (8 * (k + 1) * x)
    return total / np.sqrt(2 * np.pi)


@numeric
def _ive(n, v, x):
    n = int(n)
    v, y = v.astype(float), np.abs(x)  # the order is often one number, which stays one
    odd, broken = v % 2 == (1 + n) % 2, v % 1 != 0
    sign = np.where((x < 0) & odd, -1.0, 1.0) if odd.any() else 1.0
    y = np.where((x < 0) & broken, np.nan, y) if broken.any() else y
    far = y > np.maximum(FAR, v**2)
    return sign * piecewise(far, lambda v, y: _ive_series(n, v, y), lambda v, y: _ive_by_orders(n, v, y), v, y)


def _ive_by_orders(n, v, x):
    """Return the derivative by those of I_v, I^(k) = 2^-k sum_j C(k, j) I_(v - k + 2 j)."""
    total, known = 0.0, {}
    for k in range(n + 1):
        part = sum(math.comb(k, j) * _scaled(v, 2 * j - k, x, known) for j in range(k + 1)) / 2.0**k
        total = total + (-1.0) ** (n - k) * math.comb(n, k) * part
    return total


def _scaled(v, by, x, known):
    """Return exp(-x) I_(v + by)(x) for x >= 0, computed once for each order."""
    whole = v.flat[0] + by if v.size and v.flat[0] % 1 == 0 and (v == v.flat[0]).all() else None
    key = by if whole is None else ("whole", abs(whole))  # I_-n is I_n
    if key not in known:
        known[key] = FAST[abs(whole)](x) if whole is not None and abs(whole) in FAST else sc.ive(v + by, x)
    return known[key]


def _scaled_of_order_2(x):
    """Return exp(-x) I_2(x): from I_0 and I_1, where that does not cancel; else by the power series."""
    if x.size < FEW:
        return sc.ive(2.0, x)
    return piecewise(x > FORWARD, lambda x: sc.i0e(x) - 2.0 * sc.i1e(x) / x, _power_series_of_order_2, x)


def _power_series_of_order_2(x):
    square = x * x / 4
    y = np.zeros_like(x)
    for k in range(TERMS, -1, -1):
        y = y * square + 1.0 / (math.factorial(k) * math.factorial(k + 2))
    return y * square * np.exp(-x)


FORWARD = 4.0  # from here on the recurrence loses less than a digit
FEW = 300  # elements of which SciPy's function takes less time than so many operations on arrays
TERMS = 22  # of the power series up to there
FAST = {0.0: sc.i0e, 1.0: sc.i1e, 2.0: _scaled_of_order_2}  # SciPy's general function takes ten times as long


#: ive_n(n, v, x): the derivative of order n by x of exp(-|x|) I_v(x), for real x.
ive_n = family("_ive_n", _ive, constant, constant, lambda n, v, x, out: ive_n(n + 1, v, x))
