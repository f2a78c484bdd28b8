"""Carlson's integrals with any exponents: all derivatives of elliptic integrals are such, and none of them cancels.

C(q; b1, ..., b4; z1, ..., z4) = int_0^inf t**q prod_j (t + z_j)**(-b_j) dt; its derivative by z_j is -b_j times that
with b_j + 1.  In log(t) the integrand decays exponentially on both sides, and the trapezoidal rule converges as
exp(-2 pi (pi - |arg z|) / step).
"""

import numpy as np

from mmad.scipy.special._declare import constant, family, numeric

STEP, COMPLEX_STEP = 0.45, 0.2
DIGITS = 38.0  # the tails beyond exp(-38) are left out


@numeric
def _integral(q, *rest):
    q, exponents = float(q), [float(b) for b in rest[:4]]
    z = [v[..., None] for v in np.broadcast_arrays(*rest[4:])]
    used = [(b, v) for b, v in zip(exponents, z, strict=True) if b]
    sizes = np.concatenate([np.abs(v) for _, v in used], axis=-1)
    left = q + 1 - sum(np.where(v == 0, b, 0.0) for b, v in used)
    right = sum(b for b, _ in used) - q - 1
    start = np.log(np.min(np.where(sizes == 0, np.inf, sizes), axis=-1, keepdims=True)) - DIGITS / np.where(
        left > 0, left, 1
    )
    end = np.log(np.max(sizes, axis=-1, keepdims=True)) + DIGITS / right
    span = np.where(np.isfinite(end - start), end - start, 1.0)
    is_complex = any(v.dtype.kind == "c" for v in z)
    n = int(np.max(span, initial=1.0) / (COMPLEX_STEP if is_complex else STEP)) + 1
    t = np.exp(start + np.arange(n + 1) / n * span)
    log = (q + 1) * np.log(t) - sum(b * np.log(t + v) for b, v in used)
    y = np.sum(np.exp(log), axis=-1) * (span / n)[..., 0]
    wrong = np.any([np.isnan(v) | ((v.real < 0) & (v.imag == 0)) for _, v in used], axis=0)
    return np.where(wrong[..., 0], np.nan, np.where(left[..., 0] > 0, y, np.inf))


def _by(j):
    def partial(q, b1, b2, b3, b4, z1, z2, z3, z4, out):
        b, z = [b1, b2, b3, b4], (z1, z2, z3, z4)
        if b[j] == 0:
            return 0.0
        front, b[j] = -b[j], b[j] + 1.0
        return front * carlson(q, *b, *z)

    return partial


carlson = family("_carlson", _integral, *[constant] * 5, _by(0), _by(1), _by(2), _by(3))
