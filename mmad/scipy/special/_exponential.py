"""Exponential, sine and hyperbolic integrals, the dilogarithm."""

import math

import numpy as np
import scipy.special as sc

from mmad.ops import arithmetic as a
from mmad.ops.transcendental import cos, cosh, exp
from mmad.scipy.special._declare import constant, family, numeric, parts, shifted, ufunc, unknown, whole
from mmad.scipy.special._quotients import NODES, WEIGHTS, sinc_n, sinhc_n

exp1 = ufunc(
    "exp1",
    lambda z, out: a.negative(a.divide(exp(a.negative(z)), z)),
    points=((0.02,), (1.3,), (20.0,), (0.5 + 1j,), (-2.0 - 1j,)),
    names=("z",),
)
expi = ufunc("expi", lambda x, out: a.divide(exp(x), x), points=((-3.0,), (0.02,), (1.3,), (20.0,), (0.5 + 1j,)))


@numeric
def _expn(n, x):
    """Return E_n(x), for negative n too: E_(-k)(x) = k! exp(-x) / x**(k + 1) * sum_(j <= k) x**j / j!."""
    low = np.min(n, initial=0)
    y = sc.expn(np.maximum(n, 0), x)
    for k in range(1, int(-low) + 1 if low < 0 else 1):
        total = sum(math.factorial(k) / math.factorial(j) * x ** (j - k - 1.0) for j in range(k + 1))
        y = np.where(n == -k, np.exp(-x) * total, y)
    return y


expn_of_any = family("_expn", _expn, constant, lambda n, x, out: a.negative(expn_of_any(shifted(n, -1), x)))
expn = ufunc(
    "expn",
    unknown,
    lambda n, x, out: a.negative(expn_of_any(whole(n) - 1.0, x)),
    points=((0, 0.7), (1, 0.7), (2, 1.5), (5, 0.1)),
)
sici = parts(
    "sici",
    (lambda z, out: sinc_n(0, z),),
    (lambda z, out: a.divide(cos(z), z),),
    points=((0.02,), (1.3,), (20.0,), (0.5 + 1j,)),
    names=("x",),
)
shichi = parts(
    "shichi",
    (lambda z, out: sinhc_n(0, z),),
    (lambda z, out: a.divide(cosh(z), z),),
    points=((0.02,), (1.3,), (20.0,), (0.5 + 1j,)),
    names=("x",),
)


@numeric
def _log_quotient(n, z):
    """Return the derivative of order n of log(z) / (1 - z) = -int_0^1 ds / (1 + s (z - 1))."""
    n = int(n)
    near = np.abs(z - 1) < 0.6
    w = np.where(near, z - 1, 0.0)[..., None]
    series = -((-1.0) ** n) * math.factorial(n) * np.sum(WEIGHTS * NODES**n / (1 + NODES * w) ** (n + 1), axis=-1)
    w = np.where(near, 2.0, z)
    f = np.log(w) / (1 - w)
    for k in range(1, n + 1):  # f (1 - z) = log(z), differentiated k times
        f = (k * f + (-1.0) ** (k + 1) * math.factorial(k - 1) / w**k) / (1 - w)
    return np.where(near, series, f)


log_quotient_n = family("_log_quotient_n", _log_quotient, constant, lambda n, z, out: log_quotient_n(n + 1, z))
spence = ufunc(
    "spence",
    lambda z, out: log_quotient_n(0, z),
    points=((0.02,), (0.8,), (1.0,), (1.3,), (20.0,), (0.5 + 1j,)),
    names=("z",),
)
