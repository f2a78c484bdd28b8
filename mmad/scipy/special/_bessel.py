"""Bessel functions and their kin: modified, spherical, of Struve, Kelvin and Airy, and integrals of them."""

import math

import numpy as np
import scipy.special as sc

from mmad.errors import UnsupportedError
from mmad.ops import arithmetic as a
from mmad.ops import powers
from mmad.ops.transcendental import exp
from mmad.scipy._drop_in import replaces
from mmad.scipy.special._declare import alias, constant, family, function, parts, select, shifted, ufunc, unknown, whole
from mmad.scipy.special._gamma import rgamma
from mmad.scipy.special._quotients import quotient
from mmad.scipy.special._scaled_bessel import ive_n, kve_n

X = ((0.3,), (2.6,), (30.0,))
ORDERS = ((0.0, 0.7), (1.0, 2.6), (0.5, 12.0), (3.3, 0.4))
COMPLEX = ((0.5, 0.7 + 0.4j), (2.0, 3.0 - 2j))


def _half_difference(f, v, z):
    return 0.5 * (f(a.subtract(v, 1.0), z) - f(a.add(v, 1.0), z))


def _half_sum(f, v, z):
    return 0.5 * (f(a.subtract(v, 1.0), z) + f(a.add(v, 1.0), z))


def _real(name, z):
    """Refuse a complex argument of a function that is not holomorphic."""
    if np.result_type(getattr(z, "dtype", type(z))).kind == "c":
        raise UnsupportedError(
            f"scipy.special.{name} is not holomorphic, so it has no derivative by its complex argument 'z'; use the "
            "function without the exponential scaling"
        )
    return z


jv = ufunc("jv", unknown, lambda v, z, out: _half_difference(jv, v, z), points=(*ORDERS, *COMPLEX), names=("v", "z"))
alias("jn", "jv")
yv = ufunc("yv", unknown, lambda v, z, out: _half_difference(yv, v, z), points=(*ORDERS, *COMPLEX), names=("v", "z"))
iv = ufunc("iv", unknown, lambda v, z, out: _half_sum(iv, v, z), points=(*ORDERS, *COMPLEX), names=("v", "z"))
kv = ufunc(
    "kv",
    lambda v, z, out: exp(a.negative(z)) * kve_n(0, 1, v, z),
    lambda v, z, out: a.negative(_half_sum(kv, v, z)),
    points=(*ORDERS, *COMPLEX),
    names=("v", "z"),
)
jve = ufunc(
    "jve", unknown, lambda v, z, out: _half_difference(jve, v, _real("jve", z)), points=ORDERS, names=("v", "z")
)
yve = ufunc(
    "yve", unknown, lambda v, z, out: _half_difference(yve, v, _real("yve", z)), points=ORDERS, names=("v", "z")
)
SCALED = (*ORDERS, (0.0, 200.0), (1.5, 60.0), (16.5, 310.0))
ive = ufunc("ive", unknown, lambda v, z, out: ive_n(1, v, _real("ive", z)), points=SCALED, names=("v", "z"))
kve = ufunc(
    "kve",
    lambda v, z, out: kve_n(0, 1, v, z),
    lambda v, z, out: kve_n(1, 0, v, z),
    points=(*SCALED, *COMPLEX),
    names=("v", "z"),
)
hankel1 = ufunc("hankel1", unknown, lambda v, z, out: _half_difference(hankel1, v, z), points=COMPLEX, names=("v", "z"))
hankel2 = ufunc("hankel2", unknown, lambda v, z, out: _half_difference(hankel2, v, z), points=COMPLEX, names=("v", "z"))
hankel1e = ufunc(
    "hankel1e",
    unknown,
    lambda v, z, out: _half_difference(hankel1e, v, z) - 1j * hankel1e(v, z),
    points=COMPLEX,
    names=("v", "z"),
)
hankel2e = ufunc(
    "hankel2e",
    unknown,
    lambda v, z, out: _half_difference(hankel2e, v, z) + 1j * hankel2e(v, z),
    points=COMPLEX,
    names=("v", "z"),
)
INTEGER = ((0, 0.7), (1, 2.6), (3, 12.0))


yn = ufunc("yn", unknown, lambda n, x, out: 0.5 * (yn(whole(n) - 1.0, x) - yn(whole(n) + 1.0, x)), points=INTEGER)
kn = ufunc("kn", unknown, lambda n, x, out: -0.5 * (kn(whole(n) - 1.0, x) + kn(whole(n) + 1.0, x)), points=INTEGER)

j0 = ufunc("j0", lambda x, out: a.negative(j1(x)), points=(*X, (0.0,), (-2.0,)))
j1 = ufunc("j1", lambda x, out: 0.5 * (j0(x) - jv(2.0, x)), points=(*X, (0.0,), (-2.0,)))
y0 = ufunc("y0", lambda x, out: a.negative(y1(x)), points=X)
y1 = ufunc("y1", lambda x, out: 0.5 * (y0(x) - yn(2, x)), points=X)
i0 = ufunc("i0", lambda x, out: i1(x), points=(*X, (0.0,), (-2.0,)))
i1 = ufunc("i1", lambda x, out: 0.5 * (i0(x) + iv(2.0, x)), points=(*X, (0.0,), (-2.0,)))
k0 = ufunc("k0", lambda x, out: a.negative(k1(x)), points=X)
k1 = ufunc("k1", lambda x, out: -0.5 * (k0(x) + kn(2, x)), points=X)
i0e = ufunc("i0e", lambda x, out: ive_n(1, 0.0, x), points=(*X, (-2.0,), (1e4,)))
i1e = ufunc("i1e", lambda x, out: ive_n(1, 1.0, x), points=(*X, (-2.0,), (1e4,)))
k0e = ufunc("k0e", lambda x, out: kve_n(1, 0, 0.0, x), points=(*X, (1e4,)))
k1e = ufunc("k1e", lambda x, out: kve_n(1, 0, 1.0, x), points=(*X, (1e4,)))


def _spherical(name, front, sign):
    """Return a spherical function: (2 n + 1) f_n' = front (n f_(n-1) + sign (n + 1) f_(n+1))."""
    original = getattr(sc, name)

    def derivative(f, n, z):
        total = n * f(shifted(n, -1, 0), z) + (sign * (n + 1.0)) * f(shifted(n, 1), z)
        return a.divide(front * total, 2.0 * n + 1.0)

    value = family(f"_{name}", lambda n, z: original(n, z), constant, lambda n, z, out: derivative(value, n, z))
    slope = family(f"_{name}_d", lambda n, z: original(n, z, True), constant, lambda n, z, out: derivative(slope, n, z))

    @replaces(original, name=f"scipy.special.{name}")
    def spherical(n, z, derivative=False):
        return (slope if derivative else value)(np.asarray(n, np.dtype("long")), z)

    points = ((0, 0.7), (1, 2.6), (3, 0.4), (2, 12.0), (2, 0.7 + 0.4j), (2, -0.7))
    return function(name, spherical, (1,), points)


spherical_jn = _spherical("spherical_jn", 1.0, -1.0)
spherical_yn = _spherical("spherical_yn", 1.0, -1.0)
spherical_in = _spherical("spherical_in", 1.0, 1.0)
spherical_kn = _spherical("spherical_kn", -1.0, 1.0)


def _struve_term(v, x):
    return powers.power(0.5 * x, v) * rgamma(a.add(v, 1.5)) * (1.0 / math.sqrt(math.pi))


def _struve_slope(v, x):
    """Return the derivative, near zero by one without a quotient, and far from it by one that does not cancel."""
    return select(
        a.less(powers.absolute(x), 2.0),
        lambda v, x: 0.5 * (struve(v - 1.0, x) - struve(v + 1.0, x) + _struve_term(v, x)),
        lambda v, x: struve(v - 1.0, x) - a.divide(v * struve(v, x), x),
        v,
        x,
        safe=((None, 1.0), (None, 3.0)),
    )


struve = ufunc(
    "struve",
    unknown,
    lambda v, x, out: _struve_slope(a.multiply(v, 1.0), x),
    points=ORDERS,
    names=("v", "x"),
    bound=1e-11,
)
modstruve = ufunc(
    "modstruve",
    unknown,
    lambda v, x, out: 0.5 * (modstruve(v - 1.0, x) + modstruve(v + 1.0, x) + _struve_term(v, x)),
    points=ORDERS,
    names=("v", "x"),
    bound=1e-10,
)


def _over(y, x, limit):
    """Return y / x, and a limit where x is zero."""
    zero = a.equal(x, 0.0)
    return a.select(zero, limit, a.divide(y, a.select(zero, 1.0, x)))


ber = ufunc("ber", lambda x, out: berp(x), points=((0.0,), (0.7,), (5.0,)))
bei = ufunc("bei", lambda x, out: beip(x), points=((0.0,), (0.7,), (5.0,)))
berp = ufunc("berp", lambda x, out: a.negative(bei(x)) - _over(berp(x), x, 0.0), points=((0.7,), (5.0,)))
beip = ufunc("beip", lambda x, out: ber(x) - _over(beip(x), x, 0.5), points=((0.7,), (5.0,)))
ker = ufunc("ker", lambda x, out: kerp(x), points=((0.7,), (5.0,)), bound=1e-9)
kei = ufunc("kei", lambda x, out: keip(x), points=((0.7,), (5.0,)), bound=1e-9)
kerp = ufunc("kerp", lambda x, out: a.negative(kei(x)) - a.divide(kerp(x), x), points=((0.7,), (5.0,)), bound=1e-9)
keip = ufunc("keip", lambda x, out: ker(x) - a.divide(keip(x), x), points=((0.7,), (5.0,)), bound=1e-9)
kelvin = parts(
    "kelvin",
    (lambda x, out: berp(x) + 1j * beip(x),),
    (lambda x, out: kerp(x) + 1j * keip(x),),
    (lambda x, out: 1j * (ber(x) + 1j * bei(x)) - _over(berp(x) + 1j * beip(x), x, 0.5j),),
    (lambda x, out: 1j * (ker(x) + 1j * kei(x)) - a.divide(kerp(x) + 1j * keip(x), x),),
    points=((0.7,), (5.0,)),
    names=("x",),
    bound=1e-9,
)

Z = ((-2.3,), (0.0,), (0.6,), (4.0,), (0.5 + 1j,))
airy = parts(
    "airy",
    (lambda z, out: airy[1](z),),
    (lambda z, out: z * airy[0](z),),
    (lambda z, out: airy[3](z),),
    (lambda z, out: z * airy[2](z),),
    points=Z,
    names=("z",),
)


def _airye_slope(z, k, slope, sign):
    """Return slope + sign sqrt(z) times result k; Bi is scaled for positive z only, where it is real."""
    root = a.sqrt(z) if sign > 0 else a.sqrt(a.maximum(_real("airye", z), 0.0))
    return slope + (sign * root) * airye[k](z)


def _airye_of_large(z, k):
    """Return the derivative of result k for large z, by scaled Bessel functions of zeta = 2/3 z**(3/2)."""
    root = a.sqrt(z)
    zeta, order = (2.0 / 3.0) * z * root, (1.0 if k % 2 == 0 else 2.0) / 3.0
    if k < 2:
        f, slope = (kve_n(n, 0, order, zeta) * (1.0 / math.pi) for n in (0, 1))
    else:
        f, slope = (ive_n(n, order, zeta) + ive_n(n, -order, zeta) for n in (0, 1))
    if k % 2 == 0:  # sqrt(z / 3) f(zeta)
        return math.sqrt(1.0 / 3.0) * (a.divide(0.5 * f, root) + z * slope)
    return (math.sqrt(1.0 / 3.0) * (-1.0 if k == 1 else 1.0)) * (f + z * root * slope)  # -+ z / sqrt(3) f(zeta)


def _airye(z, k):
    """Return the derivative of result k; its two terms cancel for large z."""
    sign = 1.0 if k < 2 else -1.0

    def near(z):
        return _airye_slope(z, k, airye[k + 1](z) if k % 2 == 0 else z * airye[k - 1](z), sign)

    if np.result_type(getattr(z, "dtype", type(z))).kind == "c":
        return near(z)
    return select(a.greater(z, 3.0), lambda z: _airye_of_large(z, k), near, z, safe=((4.0,), (1.0,)))


airye = parts(
    "airye",
    (lambda z, out: _airye(z, 0),),
    (lambda z, out: _airye(z, 1),),
    (lambda z, out: _airye(z, 2),),
    (lambda z, out: _airye(z, 3),),
    points=((0.6,), (4.0,), (20.0,), (1e3,)),
    names=("z",),
    bound=1e-11,
)

one_minus_j0 = quotient("_one_minus_j0_n", lambda n, x: _minus_j0(n, x))
i0_minus_one = quotient("_i0_minus_one_n", lambda n, x: sc.ivp(0, x, n))


def _minus_j0(n, x):
    return -sc.jvp(0, x, n)


itj0y0 = parts("itj0y0", (lambda x, out: j0(x),), (lambda x, out: y0(x),), points=X[:2], names=("x",))
iti0k0 = parts("iti0k0", (lambda x, out: i0(x),), (lambda x, out: k0(x),), points=X[:2], names=("x",))
it2j0y0 = parts(
    "it2j0y0",
    (lambda x, out: one_minus_j0(0, x),),
    (lambda x, out: a.negative(a.divide(y0(x), x)),),
    points=X[:2],
    names=("x",),
)
it2i0k0 = parts(
    "it2i0k0",
    (lambda x, out: i0_minus_one(0, x),),
    (lambda x, out: a.negative(a.divide(k0(x), x)),),
    points=X[:2],
    names=("x",),
)
itstruve0 = ufunc("itstruve0", lambda x, out: struve(0.0, x), points=X[:2])
itmodstruve0 = ufunc("itmodstruve0", lambda x, out: modstruve(0.0, x), points=X[:2])
it2struve0 = ufunc("it2struve0", lambda x, out: a.negative(a.divide(struve(0.0, x), x)), points=X[:2])
itairy = parts(
    "itairy",
    (lambda x, out: airy[0](x),),
    (lambda x, out: airy[2](x),),
    (lambda x, out: airy[0](a.negative(x)),),
    (lambda x, out: airy[2](a.negative(x)),),
    points=((0.6,), (2.0,)),
    names=("x",),
)
besselpoly = ufunc(
    "besselpoly",
    lambda x, k, v, out: besselpoly(x, k + 1.0, v - 1.0) - besselpoly(x, k + 1.0, v + 1.0),
    unknown,
    unknown,
    points=((0.6, 1.0, 2.0), (1.4, 0.5, 3.0)),
    names=("a", "lmb", "nu"),
    bound=1e-9,
)
