"""Densities of the gamma and beta distributions, and derivatives of the incomplete functions by their parameters.

The derivative of order n by a of gammainc(a, x) is the integral of that of the density over (0, x), or minus that over
(x, inf).  On the side where the first derivative has one sign, the double exponential rule gives it to all digits.
"""

import numpy as np
import scipy.special as sc

from mmad.ops import arithmetic as a
from mmad.ops.transcendental import log, log1p
from mmad.scipy.special._declare import family, in_blocks, numeric, piecewise
from mmad.scipy.special._polygamma import _polygamma, bell, polygamma_n, psi_difference

_log1pmx = sc._ufuncs._log1pmx
STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
LARGE = 20.0  # from here on Stirling's series with these has all digits


def _stirling(x):
    """Return log(gamma(x)) - (x - 1/2) log(x) + x - log(2 pi) / 2 for large x."""
    return sum(c / x ** (2 * k + 1) for k, c in enumerate(STIRLING))


def _gamma_density_large(p, x):
    y = np.sqrt(p / (2 * np.pi)) / x * np.exp(p * _log1pmx((x - p) / p) - _stirling(p))
    return np.where(x > 0, y, 0.0)


def _gamma_density_small(p, x):
    return np.where(x > 1e4, 0.0, np.power(x, p - 1) * np.exp(-x) * sc.rgamma(p))


@numeric
def _gamma_density(p, x):
    p, x = p.astype(float), x.astype(float)
    return piecewise(p >= LARGE, _gamma_density_large, _gamma_density_small, p, x)


#: gamma_density(p, x): x**(p-1) exp(-x) / gamma(p).
gamma_density = family(
    "_gamma_density",
    _gamma_density,
    lambda p, x, out: a.chain(out, log(x) - polygamma_n(0, p)),
    lambda p, x, out: a.select(
        a.equal(x, 0.0),
        gamma_density(p - 1.0, x) - out,
        a.chain(out, a.divide(p - 1.0 - x, a.select(a.equal(x, 0.0), 1.0, x))),
    ),
)

STEP = 0.035
_TAU = np.arange(-3.8, 4.8, STEP)
NODES = np.exp(_TAU - np.exp(-_TAU))  # of the double exponential rule on (0, inf) for exponential decay
WEIGHTS = STEP * NODES * (1 + np.exp(-_TAU))


@numeric
@in_blocks(1)
def _gammainc_by_a(n, p, x):
    n = int(n)
    p, x = (v.astype(float)[..., None] for v in np.broadcast_arrays(p, x))
    psi = np.asarray(_polygamma.__wrapped__(0, p))
    lower = np.log(x) <= psi
    sign = np.where(lower, -1.0, 1.0)
    u = NODES / (np.abs(p - x) + np.sqrt(x))
    exponent = sign * (p - x) * u - x * (np.expm1(sign * u) - sign * u)
    higher = [None, *(-np.asarray(_polygamma.__wrapped__(k, p)) for k in range(1, n))]
    b = bell(lambda i, j: np.log(x) + sign * u - psi if i == 1 else higher[i - 1], n)
    total = np.sum(WEIGHTS * np.exp(exponent) * b, axis=-1) * (u / NODES)[..., 0]
    y = -sign[..., 0] * np.asarray(_gamma_density.__wrapped__(p[..., 0], x[..., 0])) * x[..., 0] * total
    return np.where((x[..., 0] == 0) | np.isinf(x[..., 0]), 0.0, y)


def _gamma_density_by_a(n, p, x):
    return a.chain(
        gamma_density(p, x),
        bell(lambda i, j: log(x) - polygamma_n(0, p) if i == 1 else a.negative(polygamma_n(i - 1, p)), n),
    )


#: gammainc_by_a(n, p, x): the derivative of order n >= 1 by p of gammainc(p, x).
gammainc_by_a = family(
    "_gammainc_by_a",
    _gammainc_by_a,
    lambda n, p, x, out: 0.0,
    lambda n, p, x, out: gammainc_by_a(n + 1, p, x),
    lambda n, p, x, out: _gamma_density_by_a(n, p, x),
)


def _beta_density_large(p, q, x, y):
    n = p + q
    away = x * q - y * p  # from the peak: log(x n / p) = log1p(away / p)
    exponent = p * _log1pmx(away / p) + q * _log1pmx(-away / q)
    front = np.sqrt(p * q / (2 * np.pi * n)) * np.exp(_stirling(n) - _stirling(p) - _stirling(q))
    return np.where(x * y > 0, front / (x * y) * np.exp(exponent), 0.0)


def _beta_density_small(p, q, x, y):
    near = np.power(x, p - 1) * np.power(y, q - 1) / sc.beta(p, q)
    is_right = (p + q < 150) & np.isfinite(near) & (near != 0)
    return piecewise(is_right, lambda near, *_: near, _beta_density_by_logarithms, near, p, q, x, y)


def _beta_density_by_logarithms(_, p, q, x, y):
    return np.exp(sc.xlogy(p - 1, x) + sc.xlogy(q - 1, y) - sc.betaln(p, q))


@numeric
def _beta_density(p, q, x, y):
    p, q, x, y = (v.astype(float) for v in (p, q, x, y))
    return piecewise((p >= LARGE) & (q >= LARGE), _beta_density_large, _beta_density_small, p, q, x, y)


#: beta_density(p, q, x, y): x**(p-1) y**(q-1) / B(p, q), where y is 1 - x.
beta_density = family(
    "_beta_density",
    _beta_density,
    lambda p, q, x, y, out: a.chain(out, log(x) + psi_difference(0, p, q)),
    lambda p, q, x, y, out: a.chain(out, log(y) + psi_difference(0, q, p)),
    lambda p, q, x, y, out: a.chain(out, a.divide(p - 1.0, x)),
    lambda p, q, x, y, out: a.chain(out, a.divide(q - 1.0, y)),
)


def _cumulant(psi, p, q):
    """Return the derivatives of -log B(p, q), and those of its logarithms where i + j is 1, as a function of (i, j)."""

    def kappa(i, j):
        both = psi(i + j - 1, p + q)
        if i and j:
            return both
        return both - psi(i - 1, p) if i else both - psi(j - 1, q)

    return kappa


@numeric
@in_blocks(2)
def _betainc_by(n, m, p, q, x):
    n, m = int(n), int(m)
    p, q, x = (v.astype(float)[..., None] for v in np.broadcast_arrays(p, q, x))
    kappa = _cumulant(lambda k, v: np.asarray(_polygamma.__wrapped__(k, v)), p, q)
    inside = (x > 0) & (x < 1)
    x = np.where(inside, x, 0.5)
    # where the first derivative changes its sign
    lower = np.log(x) <= -kappa(1, 0) if n else np.log1p(-x) >= -kappa(0, 1)
    sign = np.where(lower, -1.0, 1.0)
    slope = p * (1 - x) - q * x
    u = NODES / (np.abs(slope) + np.sqrt((p + q) * x * (1 - x)))
    # x = e^s / (1 + e^s), s = s0 +- u: differences of the logarithms from those at x
    s = sign * u
    grown = np.where(  # log((1 - x) + x e^s), which is -(change of log(1 - x))
        s > 30, s + np.log(x + (1 - x) * np.exp(-np.maximum(s, 0))), np.log1p(x * np.expm1(np.minimum(s, 30)))
    )
    exponent = p * (s - grown) - q * grown
    first = {(1, 0): np.log(x) + s - grown, (0, 1): np.log1p(-x) - grown}
    b = bell(lambda i, j: kappa(i, j) + first.get((i, j), 0.0), n, m)
    total = np.sum(WEIGHTS * np.exp(exponent) * b, axis=-1) * (u / NODES)[..., 0]
    p, q, x, sign = (v[..., 0] for v in (p, q, x, sign))
    y = -sign * np.asarray(_beta_density.__wrapped__(p, q, x, 1 - x)) * x * (1 - x) * total
    return np.where(inside[..., 0], y, 0.0)


def _beta_density_by(n, m, p, q, x):
    kappa = _cumulant(polygamma_n, p, q)
    first = {(1, 0): lambda: log(x), (0, 1): lambda: log1p(a.negative(x))}
    b = bell(lambda i, j: kappa(i, j) + first[i, j]() if i + j == 1 else kappa(i, j), n, m)
    return a.chain(beta_density(p, q, x, 1.0 - x), b)


#: betainc_by(n, m, p, q, x): the derivative of order (n, m), not (0, 0), by p and q of betainc(p, q, x).
betainc_by = family(
    "_betainc_by",
    _betainc_by,
    lambda n, m, p, q, x, out: 0.0,
    lambda n, m, p, q, x, out: 0.0,
    lambda n, m, p, q, x, out: betainc_by(n + 1, m, p, q, x),
    lambda n, m, p, q, x, out: betainc_by(n, m + 1, p, q, x),
    lambda n, m, p, q, x, out: _beta_density_by(n, m, p, q, x),
)
