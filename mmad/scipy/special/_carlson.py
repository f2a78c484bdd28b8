"""Carlson's integrals with any exponents: all derivatives of elliptic integrals are such, and none of them cancels.

C(q; b1, ..., b4; z1, ..., z4) = int_0^inf t**q prod_j (t + z_j)**(-b_j) dt; its derivative by z_j is -b_j times that
with b_j + 1.  The trapezoidal rule in s = log(t), where the integrand decays exponentially on both sides, converges as
exp(-2 pi (pi - |arg z|) / step); that in tau, where s = middle + 2 sinh(tau), needs fewer nodes if the z_j are of one
size.
First derivatives of the complete and incomplete integrals are RD, which SciPy has.
"""

import math

import numpy as np
import scipy.special as sc

from mmad.scipy.special._declare import constant, family, in_blocks, numeric

DIGITS = 37.0  # what is below exp(-37) of the integral is left out


def _nodes(q, used):
    """Return nodes t and weights dt / t, in the last axis, for (exponent, argument) pairs."""
    logs = np.concatenate([np.where(v == 0, np.nan, np.log(v + 0j)) for _, v in used], axis=-1)
    low, high = np.nanmin(logs.real, axis=-1, keepdims=True), np.nanmax(logs.real, axis=-1, keepdims=True)
    left = q + 1 - sum(np.where(v == 0, b, 0.0) for b, v in used)
    start = low - DIGITS / np.where(left > 0, left, 1.0)
    end = high + DIGITS / (sum(b for b, _ in used) - q - 1)
    middle, poles = (low + high) / 2, math.pi - np.abs(logs.imag)
    strip = np.nanmin(poles, axis=-1, keepdims=True)
    ahead, behind = np.arcsinh((end - middle) / 2), np.arcsinh((start - middle) / 2)
    bent = np.nanmin(np.arcsinh((np.abs(logs.real - middle) + 1j * poles) / 2).imag, axis=-1, keepdims=True)
    straight, curved = (
        int(np.nanmax(np.where(width > 0, width, np.nan) / depth, initial=1.0) * DIGITS / (2 * math.pi)) + 2
        for width, depth in ((end - start, strip), (ahead - behind, bent))
    )
    n = min(straight, curved, 20_000)
    if straight <= curved:
        return np.exp(start + np.arange(n + 1) / n * (end - start)), (end - start) / n
    tau = behind + np.arange(n + 1) / n * (ahead - behind)
    return np.exp(middle + 2 * np.sinh(tau)), 2 * np.cosh(tau) * (ahead - behind) / n


def _block(q, exponents, *z):
    used = [(b, v[:, None]) for b, v in zip(exponents, z, strict=True) if b]
    wrong = np.any([~np.isfinite(v) | ((v.real < 0) & (v.imag == 0)) for _, v in used], axis=0)
    used = [(b, np.where(wrong, 1.0, v)) for b, v in used]
    diverges = q + 1 - sum(np.where(v == 0, b, 0.0) for b, v in used) <= 0
    used = [(b, np.where(diverges, 1.0, v)) for b, v in used]
    t, weights = _nodes(q, used)
    log = (q + 1) * np.log(t) - sum(b * np.log(t + v) for b, v in used)
    y = np.sum(np.exp(log) * weights, axis=-1)
    return np.where(wrong[:, 0], np.nan, np.where(diverges[:, 0], np.inf, y))


@numeric
def _integral(q, *rest):
    q, exponents, z = float(q), [float(b) for b in rest[:4]], rest[4:]
    if q == 0 and sorted(exponents) == [0.0, 0.5, 0.5, 1.5]:
        one, two, three = sorted((b, k) for k, b in enumerate(exponents) if b)
        return 2.0 / 3.0 * sc.elliprd(z[one[1]], z[two[1]], z[three[1]])
    return in_blocks(0)(lambda *z: _block(q, exponents, *z))(*z)


def _by(j):
    def partial(q, b1, b2, b3, b4, z1, z2, z3, z4, out):
        b, z = [b1, b2, b3, b4], (z1, z2, z3, z4)
        if b[j] == 0:
            return 0.0
        front, b[j] = -b[j], b[j] + 1.0
        return front * carlson(q, *b, *z)

    return partial


carlson = family("_carlson", _integral, *[constant] * 5, _by(0), _by(1), _by(2), _by(3))
