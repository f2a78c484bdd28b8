"""Formulas of distributions on the positive half of the line that SciPy writes by loops, and constants of others."""

import math

import numpy as np
import scipy.special as sc

from mmad.ops import arithmetic as a
from mmad.ops.transcendental import exp, log, log1p
from mmad.scipy.special._declare import select
from mmad.scipy.special._functions import polygamma
from mmad.scipy.stats._formulas import FORMULAS, own
from mmad.scipy.stats._lines import NORMAL_ENTROPY, normal_logpdf

__all__ = []


# ------------------------------------------------------------------------------------------------ gamma and its kin
def gamma_entropy(k):
    """Return the entropy of the gamma distribution, by Stirling's series where the terms cancel."""

    def many(k):
        r = a.reciprocal(k)
        return NORMAL_ENTROPY + 0.5 * log(k) + r * (-1 / 3 + r * (-1 / 12 + r * (-1 / 90 + r * (1 / 120 + r / 252))))

    return select(
        a.greater_equal(k, 250.0),
        many,
        lambda k: k + sc.gammaln(k) + (1.0 - k) * sc.digamma(k),
        k,
        safe=((500.0,), (1.0,)),
    )


own("gamma", entropy=gamma_entropy)
own("erlang", entropy=gamma_entropy)
own("chi2", entropy=lambda df: gamma_entropy(0.5 * df) + math.log(2.0))
own("chi", entropy=lambda df: gamma_entropy(0.5 * df) - 0.5 * (math.log(2.0) + sc.digamma(0.5 * df)))
own(
    "chi",
    m=lambda df: math.sqrt(2.0) * sc.poch(0.5 * df, 0.5),
    v=lambda df: df - 2.0 * a.square(sc.poch(0.5 * df, 0.5)),
)
own("dgamma", entropy=lambda k: gamma_entropy(k) + math.log(2.0))
own(
    "loggamma",
    cdf=lambda x, c: _loggamma_tail(x, c, sc.gammainc),
    sf=lambda x, c: sc.gammaincc(c, exp(x)),
    m=sc.digamma,
    v=lambda c: polygamma(1, c),
    entropy=lambda c: gamma_entropy(c) - sc.digamma(c),
)


def _loggamma_tail(x, c, of):
    """Return a function of exp(x) that is near zero, where exp(x) has no digits left, by its first term."""
    return select(
        a.less(x, -40.0),
        lambda x, c: exp(c * x - sc.gammaln(c + 1.0)),
        lambda x, c: of(c, exp(x)),
        x,
        c,
        safe=((-50.0, None), (0.0, None)),
    )


def moment_above(least, formula, otherwise=np.inf):
    """Return a moment of the first shape: a formula where it is above a least value, a constant elsewhere."""

    def moment(c, *more):
        return select(
            a.greater(c, least),
            formula,
            lambda c, *more: otherwise,
            c,
            *more,
            safe=((least + 1.0, *(None,) * len(more)), (None,) * (1 + len(more))),
        )

    return moment


own(
    "invgamma",
    m=moment_above(1.0, lambda k: a.reciprocal(k - 1.0)),
    v=moment_above(2.0, lambda k: a.reciprocal(a.square(k - 1.0) * (k - 2.0))),
    s=moment_above(3.0, lambda k: 4.0 * np.sqrt(k - 2.0) / (k - 3.0), np.nan),
    k=moment_above(4.0, lambda k: 6.0 * (5.0 * k - 11.0) / ((k - 3.0) * (k - 4.0)), np.nan),
    entropy=lambda k: gamma_entropy(k) - 2.0 * sc.digamma(k),
)


def _gengamma_logpdf(x, k, c):
    return select(
        a.logical_and(a.equal(x, 0.0), a.less(c, 0.0)),
        lambda x, k, c: -np.inf,
        lambda x, k, c: log(np.abs(c)) + sc.xlogy(c * k - 1.0, x) - x**c - sc.gammaln(k),
        x,
        k,
        c,
        safe=((None,) * 3, (1.0, None, None)),
    )


own(
    "gengamma",
    logpdf=_gengamma_logpdf,
    entropy=lambda k, c: gamma_entropy(k) - log(np.abs(c)) + (a.reciprocal(c) - 1.0) * sc.digamma(k),
)


# ------------------------------------------------------------------------------------------------ log-normal
def _lognorm_logpdf(x, s):
    return select(
        a.equal(x, 0.0),
        lambda x, s: -np.inf,
        lambda x, s: normal_logpdf(log(x) / s) - log(s * x),
        x,
        s,
        safe=((None, None), (1.0, None)),
    )


own("lognorm", logpdf=_lognorm_logpdf)
own("lognorm", m=lambda s: exp(0.5 * s * s), v=lambda s: sc.expm1(s * s) * exp(s * s))
own("gibrat", logpdf=lambda x: _lognorm_logpdf(x, 1.0))


# ------------------------------------------------------------------------------------------------ Burr, beta prime, F
def _burr_logpdf(x, c, d):
    def small(x, c, d):
        return sc.xlogy(c * d - 1.0, x) - (d + 1.0) * log1p(x**c)

    def large(x, c, d):
        return a.negative((c + 1.0) * log(x) + (d + 1.0) * log1p(x ** (-c)))

    return log(c) + log(d) + select(a.less(x, 1.0), small, large, x, c, d, safe=((0.5, None, None), (2.0, None, None)))


def _burr_moment(n):
    """Return the moment of order n of Burr's third distribution."""

    def moment(c, d):
        return select(
            a.greater(c, n),
            lambda c, d: d * sc.beta(d + n / c, 1.0 - n / c),
            lambda c, d: np.nan,
            c,
            d,
            safe=((n + 1.0, None), (None, None)),
        )

    return moment


def _variance(first, second):
    return lambda *shapes: second(*shapes) - a.square(first(*shapes))


_first, _second = _burr_moment(1.0), _burr_moment(2.0)
own("burr", logpdf=_burr_logpdf, m=_first, v=_variance(_first, _second))
own(
    "fisk",
    logpdf=lambda x, c: _burr_logpdf(x, c, 1.0),
    m=lambda c: _first(c, 1.0),
    v=lambda c: _variance(_first, _second)(c, 1.0),
)


def _burr12_moment(n):
    def moment(c, d):
        return select(
            a.greater(c * d, n),
            lambda c, d: d * sc.beta(1.0 + n / c, d - n / c),
            lambda c, d: np.inf,
            c,
            d,
            safe=((n + 1.0, 1.0 + n), (None, None)),
        )

    return moment


own("burr12", m=_burr12_moment(1.0), v=_variance(_burr12_moment(1.0), _burr12_moment(2.0)))


def _over_one(x, first, second, *shapes):
    """Return one formula of 1 / (1 + x) above one, another of x / (1 + x) below."""
    return select(
        a.greater(x, 1.0),
        lambda x, *s: first(a.reciprocal(1.0 + x), *s),
        lambda x, *s: second(x / (1.0 + x), *s),
        x,
        *shapes,
        safe=((2.0, *(None,) * len(shapes)), (0.5, *(None,) * len(shapes))),
    )


own(
    "betaprime",
    cdf=lambda x, p, q: _over_one(x, lambda z, p, q: sc.betaincc(q, p, z), lambda z, p, q: sc.betainc(p, q, z), p, q),
    sf=lambda x, p, q: _over_one(x, lambda z, p, q: sc.betainc(q, p, z), lambda z, p, q: sc.betaincc(p, q, z), p, q),
    ppf=lambda y, p, q: FORMULAS("betaprime").inverse("ppf", "cdf", 1.0)(y, p, q),
    isf=lambda y, p, q: FORMULAS("betaprime").inverse("isf", "sf", -1.0)(y, p, q),
    m=lambda p, q: moment_above(1.0, lambda q, p: p / (q - 1.0))(q, p),
    v=lambda p, q: moment_above(2.0, lambda q, p: p * (p + q - 1.0) / ((q - 2.0) * a.square(q - 1.0)))(q, p),
)
own(
    "f",
    m=lambda n, d: moment_above(2.0, lambda d, n: d / (d - 2.0))(d, n),
    v=lambda n, d: moment_above(4.0, lambda d, n: 2.0 * d * d * (n + d - 2.0) / (n * a.square(d - 2.0) * (d - 4.0)))(
        d, n
    ),
)

# ------------------------------------------------------------------------------------------------ powers
own(
    "pareto",
    m=moment_above(1.0, lambda b: b / (b - 1.0)),
    v=moment_above(2.0, lambda b: b / ((b - 2.0) * a.square(b - 1.0))),
)
own(
    "lomax",
    m=moment_above(1.0, lambda c: a.reciprocal(c - 1.0)),
    v=moment_above(2.0, lambda c: c / ((c - 2.0) * a.square(c - 1.0))),
)


own("gompertz", entropy=lambda c: 1.0 - log(c) - exp(c) * sc.exp1(c))
own("gennorm", m=lambda b: 0.0 * b, v=lambda b: exp(sc.gammaln(3.0 / b) - sc.gammaln(1.0 / b)))
for _name in (
    "exponnorm",
    "loggamma",
    "foldnorm",
    "foldcauchy",
    "invgauss",
    "wald",
    "recipinvgauss",
    "rel_breitwigner",
):
    own(
        _name,
        ppf=lambda q, *s, n=_name: FORMULAS(n).inverse("ppf", "cdf", 1.0)(q, *s),
        isf=lambda q, *s, n=_name: FORMULAS(n).inverse("isf", "sf", -1.0)(q, *s),
    )
own("halflogistic", isf=lambda q: FORMULAS("halflogistic").inverse("isf", "sf", -1.0)(q))
own("exponweib", ppf=lambda q, k, c: a.negative(log1p(a.negative(q ** (1.0 / k)))) ** (1.0 / c))
own(
    "recipinvgauss",
    logpdf=lambda x, mu: a.negative(a.square(1.0 - mu * x) / (2.0 * x * a.square(mu))) - 0.5 * log(2.0 * math.pi * x),
)
