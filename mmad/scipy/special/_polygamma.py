"""Polygamma functions, of real and complex numbers, and differences of them that do not cancel."""

import math

import numpy as np
import scipy.special as sc

from mmad.ops import arithmetic as a
from mmad.scipy.special._declare import family, numeric, piecewise

BERNOULLI = sc.bernoulli(24)[2::2]  # B_2, B_4, ..., B_24
FEW = 300  # elements of which SciPy's zeta function takes less time than so many operations on arrays
STEPS = 10  # of the recurrence for real numbers: the series then has all digits up to order MOST
MOST = 6
FAR = 16.0  # from here on the asymptotic series with these has all digits


def _first(n, z):
    """Return the leading term of the asymptotic series: log(z), or its derivative of order n."""
    return np.log(z) if n == 0 else (-1.0) ** (n + 1) * math.factorial(n - 1) / z**n


def _terms(n):
    """Yield (power, coefficient) of the other terms."""
    sign = (-1.0) ** (n + 1)
    yield n + 1, sign * math.factorial(n) / 2
    for k, b in enumerate(BERNOULLI, 1):
        yield 2 * k + n, sign * b * math.factorial(2 * k + n - 1) / math.factorial(2 * k)


def _complex(n, z):
    """Return the polygamma function by the recurrence up to large real parts, and the asymptotic series there."""
    sign, total = (-1.0) ** n * math.factorial(n), np.zeros_like(z)
    for _ in range(2000):
        low = z.real < FAR
        if not low.any():
            break
        total = np.where(low, total - sign / z ** (n + 1), total)
        z = np.where(low, z + 1, z)
    total = total + _first(n, z)
    for power, c in _terms(n):
        total = total + c / z**power
    return total


@numeric
def _polygamma(n, x):
    n = int(n)
    if n == 0:
        return sc.psi(x)
    if x.dtype.kind == "c":
        return _complex(n, x)
    if n > MOST or x.size < FEW:
        return _by_zeta(n, x)
    return piecewise(x > 0, lambda x: _shifted(n, x), lambda x: _by_zeta(n, x), x)


def _by_zeta(n, x):
    return (-1.0) ** (n + 1) * math.factorial(n) * sc.zeta(n + 1.0, x)


def _shifted(n, x):
    """Return the polygamma function for positive x: the recurrence up to x + STEPS, the asymptotic series there."""
    total, y = np.zeros_like(x), np.array(x)
    for _ in range(STEPS):  # all terms have one sign
        total += _power(1.0 / y, n + 1)
        y += 1.0
    r = 1.0 / y
    square, series = r * r, np.zeros_like(y)
    for k, b in reversed([*enumerate(BERNOULLI, 1)]):
        series += b * (math.factorial(2 * k + n - 1) / math.factorial(2 * k))
        series *= square
    series += math.factorial(n - 1) + math.factorial(n) / 2 * r
    return (-1.0) ** (n + 1) * (math.factorial(n) * total + series * _power(r, n))


def _power(x, n):
    """Return x to a small positive power, by products: faster than NumPy's."""
    y = x
    for _ in range(n - 1):
        y = y * x
    return y


@numeric
def _polygamma_of_scipy(n, x):
    n = int(n)
    return sc.psi(x) if n == 0 else _complex(n, x) if x.dtype.kind == "c" else _by_zeta(n, x)


#: polygamma_n(n, x): the derivative of order n of the digamma function; the other one has SciPy's values to the bit.
polygamma_n = family("_polygamma", _polygamma, lambda n, x, out: 0.0, lambda n, x, out: polygamma_n(n + 1, x))
polygamma_of_scipy = family(
    "_polygamma_of_scipy", _polygamma_of_scipy, lambda n, x, out: 0.0, lambda n, x, out: polygamma_n(n + 1, x)
)


@numeric
def _difference(n, z, m):
    n = int(n)
    z, m = np.broadcast_arrays(z.astype(float), m.astype(float))
    first, second = _polygamma.__wrapped__(n, z), _polygamma.__wrapped__(n, z + m)
    direct = np.array(second - first)
    # where they cancel, and the series below holds
    near = (z > 0) & (z + m > 0) & (np.abs(m) < z + 4) & np.isfinite(z) & (np.abs(direct) < 0.25 * np.abs(first))
    if near.any():
        direct[near] = _by_differences(n, z[near], m[near])
    return direct


def _by_differences(n, z, m):
    """Return the difference as a sum of those of terms of the recurrence and the series, each by `expm1`."""
    total, factorial = np.zeros_like(z), (-1.0) ** n * math.factorial(n)
    for _ in range(int(FAR) + 1):  # both up to large numbers, by the recurrence
        low = np.minimum(z, z + m) < FAR
        if not low.any():
            break
        step = -factorial / z ** (n + 1) * np.expm1(-(n + 1) * np.log1p(m / z))
        total = np.where(low, total + step, total)
        z = np.where(low, z + 1, z)
    log = np.log1p(m / z)
    total = total + (log if n == 0 else _first(n, z) * np.expm1(-n * log))
    for power, c in _terms(n):
        total = total + c / z**power * np.expm1(-power * log)
    return total


#: psi_difference(n, z, m): polygamma_n(n, z + m) - polygamma_n(n, z).
psi_difference = family(
    "_psi_difference",
    _difference,
    lambda n, z, m, out: 0.0,
    lambda n, z, m, out: psi_difference(n + 1, z, m),
    lambda n, z, m, out: polygamma_n(n + 1, a.add(z, m)),
)


def bell(kappa, n, m=0):
    """Return the derivative of order (n, m) of exp(g), over exp(g), from the derivatives kappa(i, j) of g."""
    if n == m == 0:
        return 1.0
    total = 0.0
    for i in range(n if n else 1):
        for j in range(m + 1 if n else m):
            if n:
                count, d, rest = math.comb(n - 1, i) * math.comb(m, j), (i + 1, j), (n - 1 - i, m - j)
            else:
                count, d, rest = math.comb(m - 1, j), (0, j + 1), (0, m - 1 - j)
            total = total + count * kappa(*d) * bell(kappa, *rest)
    return total
