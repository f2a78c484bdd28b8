"""Elementary functions of `scipy.special`: logarithms, powers, transformations, entropies, losses."""

import math

import numpy as np
import scipy.special as sc

from mmad._core import UFUNCS
from mmad.ops import arithmetic as a
from mmad.ops import powers
from mmad.ops import transcendental as t
from mmad.scipy.special._declare import RULES, Rule, constant, family, numeric, ufunc
from mmad.scipy.special._quotients import exprel_n

REAL = ((-1.7,), (-0.3,), (0.0,), (0.6,), (2.4,))
POSITIVE = ((0.02,), (0.5,), (1.0,), (3.7,))
DEGREE = math.pi / 180.0


def _same(name, op, points, bound=1e-12):
    """Bind a ufunc to an operation that exists."""
    f = getattr(sc, name)
    if f not in UFUNCS:
        UFUNCS[f] = op
    RULES[name] = Rule(name, f, points, (0,), bound=bound, kernel=True)


_same("erf", t.erf, (*REAL, (0.5 + 1j,)))
_same("erfc", t.erfc, (*REAL, (7.0,), (0.5 + 1j,)))
_same("expit", t.expit, (*REAL, (-30.0,), (30.0,)))
_same("expm1", t.expm1, (*REAL, (0.5 + 1j,)))
_same("log1p", t.log1p, (*POSITIVE, (-0.7,), (0.5 + 1j,)))
_same("exp2", t.exp2, REAL)
_same("cbrt", powers.cbrt, (*POSITIVE, (-2.0,)))

exp10 = ufunc("exp10", lambda x, out: math.log(10.0) * out, points=REAL)
cosm1 = ufunc("cosm1", lambda x, out: a.negative(t.sin(x)), points=REAL)
powm1 = ufunc(
    "powm1",
    lambda x, y, out: powers.power(x, y - 1.0) * y,
    lambda x, y, out: powers.power_log(x, y),
    points=((1.3, 0.4), (0.2, -1.5), (7.0, 2.2)),
    names=("x", "y"),
)
sindg = ufunc("sindg", lambda x, out: DEGREE * cosdg(x), points=((-200.0,), (0.0,), (37.0,)))
cosdg = ufunc("cosdg", lambda x, out: -DEGREE * sindg(x), points=((-200.0,), (0.0,), (37.0,)))
tandg = ufunc("tandg", lambda x, out: DEGREE * (1.0 + a.square(out)), points=((-200.0,), (0.0,), (37.0,)))
cotdg = ufunc("cotdg", lambda x, out: -DEGREE * (1.0 + a.square(out)), points=((-200.0,), (37.0,)))
radian = ufunc(
    "radian",
    lambda d, m, s, out: DEGREE,
    lambda d, m, s, out: DEGREE / 60.0,
    lambda d, m, s, out: DEGREE / 3600.0,
    points=((30.0, 20.0, 10.0), (-3.0, 1.0, 0.5)),
)
rounded = ufunc("round", constant, points=((0.3,), (1.7,)))

logit = ufunc("logit", lambda x, out: a.reciprocal(a.multiply(x, a.subtract(1.0, x))), points=((0.02,), (0.5,), (0.9,)))
log_expit = ufunc("log_expit", lambda x, out: t.expit(a.negative(x)), points=(*REAL, (-40.0,), (40.0,)))
exprel = ufunc("exprel", lambda x, out: exprel_n(1, x), points=(*REAL, (-20.0,), (1e-9,), (5.0,)))

ratio = family(  # x / y, and 0 where both are zero: for terms x log(y), which are zero there
    "_ratio",
    numeric(lambda x, y: sc.xlogy(0.0, y) * 0.0 + _quotient(x, y)),
    lambda x, y, out: a.reciprocal(y),
    lambda x, y, out: a.negative(ratio(out, y)),
)


def _quotient(x, y):
    both = (x == 0) & (y == 0)
    return x / (y + both)


COMPLEX_PAIR = (0.4 + 1j, 1.2 - 0.5j)
xlogy = ufunc(
    "xlogy",
    lambda x, y, out: t.log(y),
    lambda x, y, out: ratio(x, y),
    points=((1.3, 0.4), (-0.2, 1.5), (7.0, 1.0), COMPLEX_PAIR),
)
xlog1py = ufunc(
    "xlog1py",
    lambda x, y, out: t.log1p(y),
    lambda x, y, out: ratio(x, 1.0 + y),
    points=((1.3, 0.4), (-0.2, -0.5), (7.0, 1e-9), COMPLEX_PAIR),
)
entr = ufunc("entr", lambda x, out: -1.0 - t.log(x), points=POSITIVE)


def _log_ratio(x, y):
    """Return log(x / y), which does not cancel where x and y are close."""
    close = a.logical_and(a.less(x, 2.0 * y), a.less(y, 2.0 * x))
    return a.select(close, t.log1p(a.divide(a.subtract(x, y), a.select(close, y, 1.0))), t.log(x) - t.log(y))


rel_entr = ufunc(
    "rel_entr",
    lambda x, y, out: 1.0 + log_ratio(x, y),
    lambda x, y, out: a.negative(ratio(x, y)),
    points=((1.3, 0.4), (0.2, 1.5), (0.3, 0.3000001)),
)
kl_div = ufunc(
    "kl_div",
    lambda x, y, out: log_ratio(x, y),
    lambda x, y, out: a.divide(a.subtract(y, x), y),
    points=((1.3, 0.4), (0.2, 1.5), (0.3, 0.3000001)),
)
log_ratio = family(
    "_log_ratio",
    numeric(_log_ratio),
    lambda x, y, out: a.reciprocal(x),
    lambda x, y, out: a.negative(a.reciprocal(y)),
)
huber = ufunc(
    "huber",
    lambda d, r, out: a.maximum(powers.absolute(r) - d, 0.0),
    lambda d, r, out: a.maximum(a.minimum(r, d), a.negative(d)),
    points=((1.0, 0.4), (0.7, 1.5), (0.3, -2.0)),
)


def _tilt(d, r, power):
    """Return u**power / (1 + u**2)**(3/2) for u = r / d."""
    u = a.divide(r, d)
    root = powers.hypot(1.0, u)
    scaled = a.divide(u, root)
    top = scaled if power else a.reciprocal(root)
    return top * a.square(top) * (u if power == 4 else 1.0)


@numeric
def _pseudo_huber_by_delta(d, r):
    u = r / d
    root = np.hypot(1.0, u)
    return d * (u * u / (1.0 + root)) ** 2 / root


# With their own derivatives, which would cancel where |r| is far from delta.
pseudo_huber_by_r = family(
    "_pseudo_huber_by_r",
    numeric(lambda d, r: r / np.hypot(1.0, r / d)),
    lambda d, r, out: _tilt(d, r, 3),
    lambda d, r, out: _tilt(d, r, 0),
)
pseudo_huber_by_delta = family(
    "_pseudo_huber_by_delta",
    _pseudo_huber_by_delta,
    lambda d, r, out: a.divide(out, d) - _tilt(d, r, 4),
    lambda d, r, out: _tilt(d, r, 3),
)
pseudo_huber = ufunc(
    "pseudo_huber",
    lambda d, r, out: pseudo_huber_by_delta(d, r),
    lambda d, r, out: pseudo_huber_by_r(d, r),
    points=((1.0, 0.4), (0.7, 1.5), (0.3, -2.0), (5.0, 1e-3), (0.02, 17.0)),
)


def _boxcox_by_lambda(log, k):
    return a.multiply(a.square(log), exprel_n(1, a.multiply(k, log)))


boxcox = ufunc(
    "boxcox",
    lambda x, k, out: powers.power(x, k - 1.0),
    lambda x, k, out: _boxcox_by_lambda(t.log(x), k),
    points=((1.3, 0.4), (0.2, -1.5), (7.0, 0.0), (3.0, 1e-8)),
)
boxcox1p = ufunc(
    "boxcox1p",
    lambda x, k, out: t.exp((k - 1.0) * t.log1p(x)),
    lambda x, k, out: _boxcox_by_lambda(t.log1p(x), k),
    points=((1.3, 0.4), (-0.2, -1.5), (7.0, 0.0), (3.0, 1e-8)),
)
inv_boxcox = ufunc(
    "inv_boxcox",
    lambda y, k, out: powers.power(out, 1.0 - k),
    lambda y, k, out: a.negative(_boxcox_by_lambda(t.log(out), k) * powers.power(out, 1.0 - k)),
    points=((1.3, 0.4), (0.2, -1.5), (0.7, 0.0), (0.3, 1e-8)),
    bound=1e-10,
)
inv_boxcox1p = ufunc(
    "inv_boxcox1p",
    lambda y, k, out: t.exp((1.0 - k) * t.log1p(out)),
    lambda y, k, out: a.negative(_boxcox_by_lambda(t.log1p(out), k) * t.exp((1.0 - k) * t.log1p(out))),
    points=((1.3, 0.4), (0.2, -1.5), (0.7, 0.0), (0.3, 1e-8)),
    bound=1e-10,
)
wrightomega = ufunc(
    "wrightomega",
    lambda z, out: a.divide(out, 1.0 + out),
    points=((-3.0,), (0.5,), (30.0,), (0.3 + 1j,), (-2.0 - 2j,)),
    names=("z",),
)
lambertw = ufunc(
    "lambertw",
    lambda z, k, tol, out: a.divide(t.exp(a.negative(out)), 1.0 + out),
    constant,
    constant,
    points=((0.5 + 0j, 0, 1e-8), (3.0 - 2j, 0, 1e-8), (0j, 0, 1e-8), (0.3 + 1j, 1, 1e-8), (-0.1 + 0j, -1, 1e-8)),
    of=sc._ufuncs._lambertw,
)


def _tukey_slope(p, k):
    return a.reciprocal(powers.power(p, k - 1.0) + powers.power(1.0 - p, k - 1.0))


def _tukey_by_lambda(p, k):
    """Return the derivative by lambda of the quantile (p**k - (1 - p)**k) / k."""
    return _boxcox_by_lambda(t.log(p), k) - _boxcox_by_lambda(t.log1p(a.negative(p)), k)


def _in_support(partial):
    """Return a partial of the distribution function, zero where that is 0 or 1."""

    def inside(x, k, out):
        outside = a.logical_or(a.equal(out, 0.0), a.equal(out, 1.0))
        return a.select(outside, 0.0, partial(a.select(outside, 0.5, out), k))

    return inside


tklmbda = ufunc(
    "tklmbda",
    _in_support(_tukey_slope),
    _in_support(lambda p, k: a.negative(_tukey_by_lambda(p, k) * _tukey_slope(p, k))),
    points=((0.4, 0.3), (-0.7, -0.5), (1.5, 0.1)),
    bound=1e-8,
)
