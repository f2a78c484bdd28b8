"""Formulas of distributions on the whole line, and of the normal distribution's kin, that SciPy writes by loops."""

import math

import numpy as np
import scipy.special as sc
from scipy.stats import skewnorm, vonmises

from mmad.ops import arithmetic as a
from mmad.ops.transcendental import exp, log, log1p
from mmad.scipy.special._declare import select
from mmad.scipy.stats._formulas import FORMULAS, own, plain_op

__all__ = ["log1p_over"]

LOG_ROOT = 0.5 * math.log(2.0 * math.pi)
NORMAL_ENTROPY = LOG_ROOT + 0.5
EULER = float(np.euler_gamma)


def normal_logpdf(x):
    return a.multiply(-0.5, a.square(x)) - LOG_ROOT


def log1p_over(c, x):
    """Return log(1 + c x) / c, which is x where c is zero, with its derivatives."""
    near = a.less(np.abs(c * x), 0.3)
    return select(
        near,
        lambda c, x: x * sc.hyp2f1(1.0, 1.0, 2.0, -c * x),
        lambda c, x: log1p(c * x) / c,
        c,
        x,
        safe=((0.1, 0.1), (1.0, 1.0)),
    )


# ------------------------------------------------------------------------------------------------ Student, Cauchy
def _t_logpdf(x, df):
    def student(x, df):
        return log(sc.poch(0.5 * df, 0.5)) - 0.5 * log(math.pi * df) - 0.5 * (df + 1.0) * log1p(x * x / df)

    return select(a.isinf(df), lambda x, df: normal_logpdf(x), student, x, df, safe=((None, 1.0), (None, 1.0)))


def _below(value, least):
    """Return NaN where a shape is not above a least value, infinity elsewhere."""
    return a.select(a.greater(value, least), np.inf, np.nan)


def _t_entropy(df):
    def regular(df):
        half, above_half = 0.5 * df, 0.5 * (df + 1.0)
        return above_half * (sc.digamma(above_half) - sc.digamma(half)) + 0.5 * log(df) + sc.betaln(half, 0.5)

    def many(df):
        r = a.reciprocal(df)
        return NORMAL_ENTROPY + r * (1.0 + r * (0.25 + r * (-1 / 6 + r * (-1 / 8 + r * (0.3 + r * 0.25)))))

    return select(a.greater_equal(df, 100.0), many, regular, df, safe=((200.0,), (1.0,)))


own(
    "t",
    logpdf=_t_logpdf,
    m=lambda df: a.select(a.greater(df, 1.0), 0.0, np.inf),
    v=lambda df: select(
        a.greater(df, 2.0),
        lambda df: a.reciprocal(1.0 - 2.0 / df),
        lambda df: _below(df, 1.0),
        df,
        safe=((3.0,), (None,)),
    ),
    s=lambda df: a.select(a.greater(df, 3.0), 0.0, np.nan),
    k=lambda df: select(
        a.greater(df, 4.0),
        lambda df: a.divide(6.0, df - 4.0),
        lambda df: _below(df, 2.0),
        df,
        safe=((5.0,), (None,)),
    ),
    entropy=_t_entropy,
)


def _cotangent(q):
    """Return the quantile of Cauchy's distribution of a tail probability up to 3/4."""
    return select(
        a.less(q, 0.25),
        lambda q: a.reciprocal(np.tan(math.pi * q)),
        lambda q: np.tan(math.pi * (0.5 - q)),
        q,
        safe=((0.1,), (0.5,)),
    )


def _cauchy_isf(q):
    """Return the quantile, of the smaller of both tail probabilities."""
    low = a.less_equal(q, 0.5)
    value = _cotangent(a.select(low, q, 1.0 - q))
    return a.select(low, value, a.negative(value))


def _cauchy_logpdf(x):
    return -math.log(math.pi) - select(
        a.greater(np.abs(x), 1e8),
        lambda x: 2.0 * log(np.abs(x)),
        lambda x: log1p(x * x),
        x,
        safe=((1e9,), (0.0,)),
    )


own("cauchy", logpdf=_cauchy_logpdf, ppf=lambda q: a.negative(_cauchy_isf(q)), isf=_cauchy_isf)
own("cosine", logpdf=lambda x: log1p(np.cos(x)) - math.log(2.0 * math.pi))
for _method, _sign in (("cdf", 1.0), ("sf", -1.0)):
    own(
        "cosine",
        **{
            _method: lambda x, s=_sign: select(
                a.less(s * x, -1.0),  # the sum cancels at the lower end: x + pi + sin(x) is a small power of x + pi
                lambda x: FORMULAS("cosine").integral("cdf", 1.0)(s * x),
                lambda x: 0.5 + (s * x + np.sin(s * x)) / (2.0 * math.pi),
                x,
                safe=((-1.5 * s,), (0.0,)),
            )
        },
    )
own(
    "cosine",
    ppf=lambda q: FORMULAS("cosine").inverse("ppf", "cdf", 1.0)(q),
    isf=lambda q: a.negative(FORMULAS("cosine").inverse("ppf", "cdf", 1.0)(q)),
)
own(
    "laplace_asymmetric",
    logpdf=lambda x, k: a.select(a.less(x, 0.0), x / k, -k * x) - log(k + a.reciprocal(k)),
)


# ------------------------------------------------------------------------------------------------ skewed and truncated
def _exponnorm_logpdf(x, k):
    """Return the logarithm of the density; by erfcx where an exponential and a tail of the normal one would cancel."""
    r = a.reciprocal(k)
    return select(
        a.less_equal(x, r),
        lambda x, k: normal_logpdf(x) + 0.5 * math.log(0.5 * math.pi) - log(k) + log(_exponnorm_ratio(x, k)),
        lambda x, k: (0.5 / k - x) / k + sc.log_ndtr(x - a.reciprocal(k)) - log(k),
        x,
        k,
        safe=((0.0, 1.0), (2.0, 1.0)),
    )


def _exponnorm_ratio(x, k):
    return sc.erfcx((a.reciprocal(k) - x) * math.sqrt(0.5))


def _exponnorm_part(x, k):
    """Return what the exponential distribution adds to the tail of the normal one."""
    r = a.reciprocal(k)
    return select(
        a.less_equal(x, r),
        lambda x, k: 0.5 * exp(-0.5 * a.square(x)) * _exponnorm_ratio(x, k),
        lambda x, k: exp((0.5 / k - x) / k + sc.log_ndtr(x - a.reciprocal(k))),
        x,
        k,
        safe=((0.0, 1.0), (2.0, 1.0)),
    )


own(
    "exponnorm",
    logpdf=_exponnorm_logpdf,
    cdf=lambda x, k: sc.ndtr(x) - _exponnorm_part(x, k),
    sf=lambda x, k: sc.ndtr(-x) + _exponnorm_part(x, k),
)
own(
    "skewnorm",
    logpdf=lambda x, s: math.log(2.0) + normal_logpdf(x) + sc.log_ndtr(s * x),
    pdf=lambda x, s: 2.0 * exp(normal_logpdf(x)) * sc.ndtr(s * x),
    cdf=lambda x, s: _skewnorm_cdf(x, s),
    sf=lambda x, s: _skewnorm_cdf(-x, -s),
    ppf=lambda q, s: FORMULAS("skewnorm").inverse("ppf", "cdf", 1.0)(q, s),
    isf=lambda q, s: FORMULAS("skewnorm").inverse("isf", "sf", -1.0)(q, s),
)
_skewnorm_cdf = plain_op(
    "skewnorm.cdf",
    lambda x, s: skewnorm.cdf(x, s),
    lambda x, s, out: 2.0 * exp(normal_logpdf(x)) * sc.ndtr(s * x),
    lambda x, s, out: a.negative(exp(-0.5 * x * x * (1.0 + s * s)) / (math.pi * (1.0 + s * s))),
)


def _log_mass(lower, upper):
    """Return the logarithm of the normal probability between two ends, in the tail where they are."""
    flip = a.greater(lower, 0.0)
    low, high = a.select(flip, -upper, lower), a.select(flip, -lower, upper)

    def tail(low, high):
        first, second = sc.log_ndtr(high), sc.log_ndtr(low)
        return first + log(-sc.expm1(second - first))

    def middle(low, high):
        return log1p(-sc.ndtr(low) - sc.ndtr(-high))

    return select(a.less_equal(high, 0.0), tail, middle, low, high, safe=((-2.0, -1.0), (-1.0, 1.0)))


def _truncated(x, y, low, high):
    """Return the logarithm of the probability between x and y in that between the ends."""
    return _log_mass(x, y) - _log_mass(low, high)


def _unless_near_one(value, other):
    """Return the logarithm of a probability, by that of its complement where it is near 1."""
    near = a.greater(value, -0.1)
    safe = a.select(near, other, -1.0)
    return a.select(near, log1p(a.negative(exp(safe))), value)


def _truncnorm_logcdf(x, low, high):
    return _unless_near_one(_truncated(low, x, low, high), _truncated(x, high, low, high))


def _truncnorm_logsf(x, low, high):
    return _unless_near_one(_truncated(x, high, low, high), _truncated(low, x, low, high))


def _edge(end):
    """Return x phi(x) of an end of the interval, zero at infinity."""
    return select(a.isinf(end), lambda e: 0.0, lambda e: e * exp(normal_logpdf(e)), end, safe=((None,), (0.0,)))


def _truncnorm_moments(low, high):
    mass = _log_mass(low, high)
    first, second = exp(normal_logpdf(low) - mass), exp(normal_logpdf(high) - mass)
    mean = first - second

    def term(end, density):
        return select(
            a.isinf(end), lambda e, d: 0.0, lambda e, d: (e - mean) * d, end, density, safe=((None,) * 2, (0.0, None))
        )

    return mean, 1.0 + term(low, first) - term(high, second)


own(
    "truncnorm",
    logpdf=lambda x, low, high: normal_logpdf(x) - _log_mass(low, high),
    logcdf=_truncnorm_logcdf,
    logsf=_truncnorm_logsf,
    cdf=lambda *xs: exp(_truncnorm_logcdf(*xs)),
    sf=lambda *xs: exp(_truncnorm_logsf(*xs)),
    ppf=lambda q, low, high: FORMULAS("truncnorm").inverse("ppf", "cdf", 1.0)(q, low, high),
    isf=lambda q, low, high: FORMULAS("truncnorm").inverse("isf", "sf", -1.0)(q, low, high),
    m=lambda low, high: _truncnorm_moments(low, high)[0],
    v=lambda low, high: _truncnorm_moments(low, high)[1],
    entropy=lambda low, high: (
        NORMAL_ENTROPY + _log_mass(low, high) + 0.5 * (_edge(low) - _edge(high)) * exp(-_log_mass(low, high))
    ),
)

# ------------------------------------------------------------------------------------------------ extremes


def _genextreme_logpdf(x, c):
    # log(-log F) = log(1 - c x) / c
    z = a.negative(log1p_over(a.negative(c), x))
    z = a.select(a.greater(z, 700.0), -np.inf, z)  # at the lower end, where the density is zero
    return (1.0 - c) * z - exp(z)


def _genextreme_logcdf(x, c):
    return a.negative(exp(a.negative(log1p_over(a.negative(c), x))))


def _by_extreme(x, c):
    """Return (1 - exp(-c x)) / c."""
    return x * sc.exprel(-c * x)


#: (-1)**k zeta(k) / k for k = 2, 3, ..., of log Gamma(1 + c) = -EULER c + their sum with c**k.
ZETAS = [(-1) ** k * float(sc.zeta(k)) / k for k in range(2, 18)]


def _horner(c, coefficients):
    total = 0.0
    for factor in reversed(coefficients):
        total = total * c + factor
    return total


def _near_zero(c, series, formula):
    return select(a.less(np.abs(c), 0.05), lambda c: _horner(c, series), formula, c, safe=((0.0,), (1.0,)))


def _genextreme_mean(c):
    """Return (1 - Gamma(1 + c)) / c."""
    slope = _near_zero(c, [-EULER, *ZETAS], lambda c: sc.gammaln(1.0 + c) / c)  # of log Gamma(1 + c)
    return a.negative(slope * sc.exprel(slope * c))


def _genextreme_variance(c):
    """Return (Gamma(1 + 2 c) - Gamma(1 + c)**2) / c**2."""
    bend = _near_zero(
        c,
        [(2**k - 2) * z for k, z in enumerate(ZETAS, 2)],
        lambda c: (sc.gammaln(1.0 + 2.0 * c) - 2.0 * sc.gammaln(1.0 + c)) / a.square(c),
    )
    return exp(2.0 * sc.gammaln(1.0 + c)) * bend * sc.exprel(bend * a.square(c))


def _from(least, formula):
    return lambda c: select(a.less(c, least), lambda c: np.nan, formula, c, safe=((None,), (1.0,)))


own(
    "genextreme",
    logpdf=_genextreme_logpdf,
    logcdf=_genextreme_logcdf,
    cdf=lambda x, c: exp(_genextreme_logcdf(x, c)),
    sf=lambda x, c: a.negative(sc.expm1(_genextreme_logcdf(x, c))),
    ppf=lambda q, c: _by_extreme(a.negative(log(a.negative(log(q)))), c),
    isf=lambda q, c: _by_extreme(a.negative(log(a.negative(log1p(a.negative(q))))), c),
    m=_from(-1.0, _genextreme_mean),
    v=_from(-0.5, _genextreme_variance),
    entropy=lambda c: EULER * (1.0 - c) + 1.0,
    support=lambda c: (
        select(a.less(c, 0.0), a.reciprocal, lambda c: -np.inf, c, safe=((-1.0,), (1.0,))),
        select(a.greater(c, 0.0), a.reciprocal, lambda c: np.inf, c, safe=((1.0,), (1.0,))),
    ),
)
own(
    "genpareto",
    logpdf=lambda x, c: -(1.0 + c) * log1p_over(c, x),
    logsf=lambda x, c: a.negative(log1p_over(c, x)),
    sf=lambda x, c: exp(a.negative(log1p_over(c, x))),
    cdf=lambda x, c: a.negative(sc.expm1(a.negative(log1p_over(c, x)))),
    ppf=lambda q, c: _by_extreme(a.negative(log1p(a.negative(q))), a.negative(c)),
    isf=lambda q, c: _by_extreme(a.negative(log(q)), a.negative(c)),
    support=lambda c: (
        0.0,
        select(a.less(c, 0.0), lambda c: a.divide(-1.0, c), lambda c: np.inf, c, safe=((-1.0,), (1.0,))),
    ),
    m=lambda c: select(a.less(c, 1.0), lambda c: a.reciprocal(1.0 - c), lambda c: np.inf, c, safe=((0.0,), (None,))),
    v=lambda c: select(
        a.less(c, 0.5),
        lambda c: a.reciprocal(a.square(1.0 - c) * (1.0 - 2.0 * c)),
        lambda c: np.inf,
        c,
        safe=((0.0,), (None,)),
    ),
    entropy=lambda c: 1.0 + c,
)

# ------------------------------------------------------------------------------------------------ circles
_vonmises_cdf = plain_op(
    "vonmises.cdf",
    lambda x, kappa: vonmises.cdf(x, kappa),
    lambda x, kappa, out: FORMULAS("vonmises").get("pdf")(x, kappa),
    lambda x, kappa, out: FORMULAS("vonmises").refuse("cdf", " by its shape parameters"),
)
for _name in ("vonmises", "vonmises_line"):
    own(
        _name,
        cdf=lambda x, kappa: _vonmises_cdf(x, kappa),
        entropy=lambda kappa: log(2.0 * math.pi * sc.i0e(kappa)) + kappa * (1.0 - sc.i1e(kappa) / sc.i0e(kappa)),
    )

for _name in ("norminvgauss",):
    own(
        _name,
        cdf=lambda x, *s, n=_name: FORMULAS(n).integral("cdf", 1.0)(x, *s),
        sf=lambda x, *s, n=_name: FORMULAS(n).integral("sf", -1.0)(x, *s),
        ppf=lambda q, *s, n=_name: FORMULAS(n).inverse("ppf", "cdf", 1.0)(q, *s),
        isf=lambda q, *s, n=_name: FORMULAS(n).inverse("isf", "sf", -1.0)(q, *s),
    )
