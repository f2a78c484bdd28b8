"""Error functions, the normal distribution, Fresnel's integrals."""

import math

import numpy as np

from mmad.ops import arithmetic as a
from mmad.ops.transcendental import cos, erf, exp, sin
from mmad.scipy.special._declare import family, numeric, parts, ufunc
from mmad.scipy.special._faddeeva import dawsn_n, erfcx_n

ROOT_PI = math.sqrt(math.pi)
ROOT_2 = math.sqrt(2.0)
ROOT_2PI = math.sqrt(2.0 * math.pi)
ROOT_HALF_PI = math.sqrt(0.5 * math.pi)
REAL = ((-2.3,), (-0.4,), (0.0,), (0.7,), (3.1,))
INSIDE = ((-0.93,), (-0.2,), (0.0,), (0.5,), (0.999,))


@numeric
def _gaussian(x):
    return np.exp(-0.5 * x * x) / ROOT_2PI


#: The density of the normal distribution.
normal_density = family("_normal_density", _gaussian, lambda x, out: a.negative(x * out))

erfcx = ufunc("erfcx", lambda x, out: erfcx_n(1, x), points=(*REAL, (40.0,), (1e5,), (0.5 + 2j,), (3.0 - 1j,)))
erfi = ufunc("erfi", lambda x, out: (2.0 / ROOT_PI) * exp(a.square(x)), points=(*REAL, (0.5 + 2j,), (1.1 - 0.3j,)))
dawsn = ufunc("dawsn", lambda x, out: dawsn_n(1, x), points=(*REAL, (12.0,), (-1e4,), (0.5 + 2j,), (9.0 - 0.1j,)))
wofz = ufunc(
    "wofz",
    lambda x, out: -1j * erfcx_n(1, -1j * x),
    points=((0.3 + 0.2j,), (-2.0 + 3j,), (1.5 - 1j,), (20.0 + 0.1j,), (-300.0 + 5j,)),
    names=("z",),
)
erfinv = ufunc("erfinv", lambda x, out: (0.5 * ROOT_PI) * exp(a.square(out)), points=INSIDE)
erfcinv = ufunc(
    "erfcinv", lambda x, out: (-0.5 * ROOT_PI) * exp(a.square(out)), points=((0.3,), (1.0,), (1.7,), (1e-20,))
)
ndtr = ufunc("ndtr", lambda x, out: normal_density(x), points=(*REAL, (-12.0,), (0.5 + 1j,)))
ndtri = ufunc("ndtri", lambda p, out: ROOT_2PI * exp(0.5 * a.square(out)), points=((0.02,), (0.5,), (0.8,), (1e-30,)))
log_ndtr = ufunc(
    "log_ndtr",
    lambda x, out: a.divide(1.0 / ROOT_HALF_PI, erfcx_n(0, (-1.0 / ROOT_2) * x)),
    points=(*REAL, (-30.0,), (-1e4,), (8.0,), (0.5 + 1j,)),
)
ndtri_exp = ufunc(
    "ndtri_exp",
    lambda y, out: ROOT_HALF_PI * erfcx_n(0, (-1.0 / ROOT_2) * out),
    points=((-1e3,), (-40.0,), (-2.0,), (-0.1,)),
)


def _voigt_slope(x, sigma, gamma, i):
    """Return a partial of Voigt's profile, Re w((x + i gamma) / (sigma sqrt 2)) / (sigma sqrt(2 pi))."""
    scale = a.divide(1.0 / ROOT_2, sigma)
    t = a.multiply(scale, gamma) - 1j * a.multiply(scale, x)  # w(z) = erfcx(-i z)
    if i == 1:  # E(t) + t E'(t) = E''(t) / 2, which does not cancel
        return a.multiply(a.negative(a.divide(0.5 / ROOT_2PI, a.square(sigma))), a.real(erfcx_n(2, t)))
    slope = erfcx_n(1, t)
    front = a.divide(a.multiply(scale, 1.0 / ROOT_2PI), sigma)
    if i == 0:
        return a.multiply(front, a.real(-1j * slope))
    return a.multiply(front, a.real(slope))


voigt_profile = ufunc(
    "voigt_profile",
    lambda x, sigma, gamma, out: _voigt_slope(x, sigma, gamma, 0),
    lambda x, sigma, gamma, out: _voigt_slope(x, sigma, gamma, 1),
    lambda x, sigma, gamma, out: _voigt_slope(x, sigma, gamma, 2),
    points=((0.3, 1.2, 0.7), (-4.0, 0.5, 0.1), (2.0, 0.8, 3.0), (0.0, 1.0, 0.2)),
    bound=1e-9,
)
fresnel = parts(
    "fresnel",
    (lambda z, out: sin((0.5 * math.pi) * a.square(z)),),
    (lambda z, out: cos((0.5 * math.pi) * a.square(z)),),
    points=((-1.3,), (0.0,), (0.4,), (2.6,), (0.3 + 0.8j,)),
    names=("z",),
)
# (integral, its scaled form), with K(x) = erfcx(x exp(-+ i pi/4)) / 2
_TURN = np.exp(-0.25j * math.pi)
modfresnelp = parts(
    "modfresnelp",
    (lambda x, out: a.negative(exp(1j * a.square(x))),),
    (lambda x, out: (0.5 * _TURN) * erfcx_n(1, _TURN * x),),
    points=((-1.3,), (0.2,), (2.6,)),
    names=("x",),
)
modfresnelm = parts(
    "modfresnelm",
    (lambda x, out: a.negative(exp(-1j * a.square(x))),),
    (lambda x, out: (0.5 * _TURN.conjugate()) * erfcx_n(1, _TURN.conjugate() * x),),
    points=((-1.3,), (0.2,), (2.6,)),
    names=("x",),
)


def _owens_by_h(h, x):
    return a.multiply(-0.5 * normal_density(h), erf((1.0 / ROOT_2) * a.multiply(x, h)))


owens_t = ufunc(
    "owens_t",
    lambda h, x, out: _owens_by_h(h, x),
    lambda h, x, out: a.divide(
        exp(-0.5 * a.multiply(a.square(h), 1.0 + a.square(x))), (2.0 * math.pi) * (1.0 + a.square(x))
    ),
    points=((0.3, 0.7), (-1.2, 0.9)),
)
