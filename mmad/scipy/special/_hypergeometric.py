"""Hypergeometric functions and Wright's, parabolic cylinder, Mathieu and spheroidal functions, and zeta functions."""

import math

import numpy as np
import scipy.special as sc

from mmad.ops import arithmetic as a
from mmad.ops.transcendental import cos, cosh, exp, sin
from mmad.scipy.special._declare import constant, family, numeric, parts, select, shifted, ufunc, unknown
from mmad.scipy.special._gamma import gamma, psi

hyp0f1 = ufunc(
    "hyp0f1",
    unknown,
    lambda v, z, out: a.divide(hyp0f1(v + 1.0, z), v),
    points=((0.7, 0.3), (2.5, -4.0), (1.2, 0.4 + 1j)),
)
hyp1f1 = ufunc(
    "hyp1f1",
    unknown,
    unknown,
    lambda p, q, x, out: a.divide(p * hyp1f1(p + 1.0, q + 1.0, x), q),
    points=((0.7, 1.3, 0.4), (2.5, 0.5, -3.0), (-2.0, 1.5, 2.0), (0.7, 1.3, 0.4 + 1j)),
)
hyp2f1 = ufunc(
    "hyp2f1",
    unknown,
    unknown,
    unknown,
    lambda p, q, c, z, out: a.divide(p * q * hyp2f1(p + 1.0, q + 1.0, c + 1.0, z), c),
    points=((0.7, 1.3, 2.4, 0.4), (2.5, 0.5, 1.2, -3.0), (0.7, 1.3, 2.4, 0.4 + 0.3j)),
)
hyperu = ufunc(
    "hyperu",
    unknown,
    unknown,
    lambda p, q, x, out: a.negative(p * hyperu(p + 1.0, q + 1.0, x)),
    points=((0.7, 1.3, 0.4), (2.5, 0.5, 3.0)),
    bound=1e-10,
)
wright_bessel = ufunc(
    "wright_bessel",
    unknown,
    unknown,
    lambda p, q, x, out: wright_bessel(p, a.add(p, q), x),
    points=((0.7, 1.3, 0.4), (1.5, 0.5, 3.0)),
    bound=1e-11,
)
log_wright_bessel = ufunc(
    "log_wright_bessel",
    unknown,
    unknown,
    lambda p, q, x, out: exp(log_wright_bessel(p, a.add(p, q), x) - log_wright_bessel(p, q, x)),
    points=((0.7, 1.3, 0.4), (1.5, 0.5, 3.0)),
    bound=1e-10,
)


def _legendre_slope(m, v, x):
    below = shifted(v, -1.0)
    return a.divide(v * x * lpmv(m, v, x) - (v + m) * lpmv(m, below, x), a.square(x) - 1.0)


lpmv = ufunc(
    "lpmv",
    unknown,
    unknown,
    lambda m, v, x, out: _legendre_slope(m, v, x),
    points=((1, 2.0, 0.3), (0, 3.0, -0.6), (2, 4.0, 0.8)),
    bound=1e-11,
)


# ------------------------------------------- solutions of differential equations, given with their derivatives
CYLINDER = ((0.5, 0.7), (1.3, -1.2), (2.0, 2.5))
pbdv = parts(
    "pbdv",
    (unknown, lambda v, x, out: pbdv[1](v, x)),
    (unknown, lambda v, x, out: (0.25 * a.square(x) - v - 0.5) * pbdv[0](v, x)),
    points=CYLINDER,
    names=("v", "x"),
    bound=1e-9,
)
pbvv = parts(
    "pbvv",
    (unknown, lambda v, x, out: pbvv[1](v, x)),
    (unknown, lambda v, x, out: (0.25 * a.square(x) - v - 0.5) * pbvv[0](v, x)),
    points=CYLINDER,
    names=("v", "x"),
    bound=1e-9,
)
pbwa = parts(
    "pbwa",
    (unknown, lambda v, x, out: pbwa[1](v, x)),
    (unknown, lambda v, x, out: (v - 0.25 * a.square(x)) * pbwa[0](v, x)),
    points=((0.5, 0.7), (1.3, -1.2), (2.0, 2.5)),
    names=("a", "x"),
    bound=1e-9,
)
DEGREE = math.pi / 180.0


def _mathieu(name, value, angle):
    """Declare a function of (m, q, x): of an angle in degrees, or a modified one of x."""

    def rise(m, q, x):
        if angle:
            return (2.0 * q * cos(2.0 * DEGREE * x) - value(m, q)) * ops[0](m, q, x)
        return (value(m, q) - 2.0 * q * cosh(2.0 * x)) * ops[0](m, q, x)

    unit = DEGREE if angle else 1.0
    ops = parts(
        name,
        (unknown, unknown, lambda m, q, x, out: unit * ops[1](m, q, x)),
        (unknown, unknown, lambda m, q, x, out: unit * rise(m, q, x)),
        points=((2, 3.0, 40.0), (1, 0.7, 110.0)) if angle else ((2, 3.0, 0.4), (1, 0.7, 1.1)),
        names=("m", "q", "x"),
        bound=1e-8,
    )
    return ops


mathieu_a = ufunc("mathieu_a", unknown, unknown, points=((2, 3.0),))
mathieu_b = ufunc("mathieu_b", unknown, unknown, points=((2, 3.0),))
mathieu_cem = _mathieu("mathieu_cem", mathieu_a, True)
mathieu_sem = _mathieu("mathieu_sem", mathieu_b, True)
mathieu_modcem1 = _mathieu("mathieu_modcem1", mathieu_a, False)
mathieu_modcem2 = _mathieu("mathieu_modcem2", mathieu_a, False)
mathieu_modsem1 = _mathieu("mathieu_modsem1", mathieu_b, False)
mathieu_modsem2 = _mathieu("mathieu_modsem2", mathieu_b, False)

SPHEROIDAL = ((1, 2, 0.8), (0, 1, 1.5))
pro_cv = ufunc("pro_cv", unknown, unknown, unknown, points=SPHEROIDAL)
obl_cv = ufunc("obl_cv", unknown, unknown, unknown, points=SPHEROIDAL)


def _spheroidal(name, oblate, given):
    """Declare a spheroidal function and its derivative: of (m, n, c, x), or (m, n, c, cv, x) where cv is `given`.

    Prolate ones solve (1 - x**2) y'' = 2 x y' - (cv - c**2 x**2 - m**2 / (1 - x**2)) y, angular and radial ones alike;
    oblate ones have -c**2 for c**2, and the radial ones of these -x**2 for x**2.
    """
    radial = "rad" in name
    value = obl_cv if oblate else pro_cv

    def second(m, n, c, cv, x, y, slope):
        cv = value(m, n, c) if cv is None else cv
        square = a.square(x)
        if oblate and radial:  # (1 + x**2) y'' + 2 x y' - (cv - c**2 x**2 - m**2 / (1 + x**2)) y = 0
            front = 1.0 + square
            rest = cv - a.square(c) * square - a.divide(a.multiply(m, m), front)
            return a.divide(rest * y - 2.0 * x * slope, front)
        sign = -1.0 if oblate else 1.0
        front = 1.0 - square
        rest = cv - sign * a.square(c) * square - a.divide(a.multiply(m, m), front)
        return a.divide(2.0 * x * slope - rest * y, front)

    x = 1.4 if radial and not oblate else 0.3
    if given:
        points = tuple((*p, float((sc.obl_cv if oblate else sc.pro_cv)(*p)), x) for p in SPHEROIDAL)
        rules = (
            lambda m, n, c, cv, x, out: ops[1](m, n, c, cv, x),
            lambda m, n, c, cv, x, out: second(m, n, c, cv, x, ops[0](m, n, c, cv, x), ops[1](m, n, c, cv, x)),
        )
    else:
        points = tuple((*p, x) for p in SPHEROIDAL)
        rules = (
            lambda m, n, c, x, out: ops[1](m, n, c, x),
            lambda m, n, c, x, out: second(m, n, c, None, x, ops[0](m, n, c, x), ops[1](m, n, c, x)),
        )
    unknowns = (unknown,) * (4 if given else 3)
    names = ("m", "n", "c", "cv", "x") if given else ("m", "n", "c", "x")
    ops = parts(name, (*unknowns, rules[0]), (*unknowns, rules[1]), points=points, names=names, bound=1e-7)
    return ops


for _kind, _oblate in (("pro", False), ("obl", True)):
    for _what in ("ang1", "rad1"):
        _spheroidal(f"{_kind}_{_what}", _oblate, False)
        _spheroidal(f"{_kind}_{_what}_cv", _oblate, True)
    # SciPy's radial functions of the second kind do not solve the equation, and the second result is not the
    # derivative of the first: their errors reach 7 percent (pro_rad2(1, 2, 0.8, 1.4), obl_rad2(1, 2, 0.8, 0.3)).
    for _name, _count in ((f"{_kind}_rad2", 4), (f"{_kind}_rad2_cv", 5)):
        parts(_name, *[(unknown,) * _count] * 2, points=((0, 1, *(0.5,) * (_count - 2)),))


# ------------------------------------------------------------------------------------------------ zeta functions
BERNOULLI = sc.bernoulli(24)[2::2]
START = 14  # terms that are summed before the Euler-Maclaurin formula takes over


def _times(x, y):
    """Return the product of two power series, truncated as they are."""
    return [sum(x[i] * y[k - i] for i in range(k + 1)) for k in range(len(x))]


def _power(base, s, n):
    """Return the power series of base**(-s - e) in e."""
    log, term = -np.log(base), base ** (-s)
    return [term * log**k / math.factorial(k) for k in range(n + 1)]


@numeric
def _zeta(n, s, q):
    """Return the derivative of order n by s of Hurwitz's zeta function."""
    n = int(n)
    s, q = np.broadcast_arrays(s.astype(float), q.astype(float))
    total = [np.zeros_like(s) for _ in range(n + 1)]

    def add(series, factor=1.0):
        for k in range(n + 1):
            total[k] = total[k] + factor * series[k]

    for k in range(START):
        add(_power(q + k, s, n))
    end = q + START
    tail = _power(end, s, n)
    add(tail, 0.5)
    inverse = [(-1.0) ** k / (s - 1) ** (k + 1) for k in range(n + 1)]  # of s - 1 + e
    add(_times([end * v for v in tail], inverse))
    rising = [s, np.ones_like(s), *[np.zeros_like(s)] * n][: n + 1]  # s + e, then times the next two factors
    for j, b in enumerate(BERNOULLI, 1):
        add(_times(rising, tail), b / math.factorial(2 * j) / end ** (2 * j - 1))
        for m in (2 * j - 1, 2 * j):
            rising = _times(rising, [s + m, np.ones_like(s), *[np.zeros_like(s)] * n][: n + 1])
    return total[n] * math.factorial(n)


#: zeta_n(n, s, q): the derivative of order n by s of zeta(s, q), for q > 0.
zeta_n = family(
    "_zeta_n",
    _zeta,
    constant,
    lambda n, s, q, out: zeta_n(n + 1, s, q),
    lambda n, s, q, out: _zeta_by_q(n, s, q),
)


def _zeta_by_q(n, s, q):
    """Return the derivative by q, of order n by s: that of -s zeta(s + 1, q)."""
    return a.negative(s * zeta_n(n, s + 1.0, q) + (n * zeta_n(n - 1, s + 1.0, q) if n else 0.0))


def _reflected(s):
    """Return the derivative for s < 0, where zeta(s) = 2 (2 pi)**(s-1) gamma(1 - s) zeta(1 - s) sin(pi s / 2)."""
    front = 2.0 * exp(LOG_2PI * (s - 1.0)) * gamma(1.0 - s)
    turn = 0.5 * math.pi * s
    slope = zeta_n(0, 1.0 - s, 1.0) * (LOG_2PI - psi(1.0 - s)) - zeta_n(1, 1.0 - s, 1.0)
    return front * (slope * sin(turn) + (0.5 * math.pi) * zeta_n(0, 1.0 - s, 1.0) * cos(turn))


def _riemann_slope(s):
    return select(a.less(s, 0.0), _reflected, lambda s: zeta_n(1, s, 1.0), s, safe=((-1.0,), (2.0,)))


LOG_2PI = math.log(2.0 * math.pi)
hurwitz = ufunc(
    "zeta",
    lambda s, q, out: zeta_n(1, s, q),
    lambda s, q, out: a.negative(s * hurwitz(s + 1.0, q)),
    points=((1.5, 0.4), (3.2, 2.7), (12.0, 1.0)),
    of=sc._ufuncs._zeta,
    names=("x", "q"),
)
riemann_zeta = ufunc(
    "_riemann_zeta",
    lambda s, out: _riemann_slope(s),
    points=((1.5,), (3.2,), (0.3,), (0.0,), (-2.5,), (-20.0,)),
    of=getattr(sc._ufuncs, "_riemann_zeta", None),
    names=("x",),
    bound=1e-10,
)
zetac = ufunc("zetac", lambda s, out: _riemann_slope(s), points=((1.5,), (3.2,), (0.3,), (-2.5,)), bound=1e-10)
