"""Formulas of distributions on an interval that SciPy writes by loops, and of the beta distribution."""

import math

import numpy as np
import scipy.special as sc

from mmad.ops import arithmetic as a
from mmad.ops.transcendental import exp, log, log1p
from mmad.scipy.special._declare import select
from mmad.scipy.stats._formulas import FORMULAS, own

__all__ = []


own("uniform", pdf=lambda x: 1.0 + 0.0 * x, logpdf=lambda x: 0.0 * x)


def _beta_logpdf(x, p, q):
    return sc.xlog1py(q - 1.0, -x) + sc.xlogy(p - 1.0, x) - sc.betaln(p, q)


def _beta_entropy(p, q):
    return sc.betaln(p, q) - (p - 1.0) * sc.digamma(p) - (q - 1.0) * sc.digamma(q) + (p + q - 2.0) * sc.digamma(p + q)


own(
    "beta",
    logpdf=_beta_logpdf,
    pdf=lambda x, p, q: exp(_beta_logpdf(x, p, q)),
    cdf=lambda x, p, q: sc.betainc(p, q, x),
    sf=lambda x, p, q: sc.betaincc(p, q, x),
    ppf=lambda y, p, q: sc.betaincinv(p, q, y),
    isf=lambda y, p, q: sc.betainccinv(p, q, y),
    m=lambda p, q: p / (p + q),
    v=lambda p, q: p * q / (a.square(p + q) * (p + q + 1.0)),
    entropy=_beta_entropy,
)
own(
    "rdist",
    cdf=lambda x, c: sc.betainc(0.5 * c, 0.5 * c, 0.5 * (x + 1.0)),
    sf=lambda x, c: sc.betaincc(0.5 * c, 0.5 * c, 0.5 * (x + 1.0)),
)
for _name in ("argus", "rdist", "semicircular", "jf_skew_t"):
    own(
        _name,
        ppf=lambda q, *s, n=_name: FORMULAS(n).inverse("ppf", "cdf", 1.0)(q, *s),
        isf=lambda q, *s, n=_name: FORMULAS(n).inverse("isf", "sf", -1.0)(q, *s),
    )


# ------------------------------------------------------------------------------------------------ straight pieces
def _triang(left, right):
    """Return a function that has one formula left of the mode, another right of it."""

    def function(x, c):
        is_left = a.logical_or(a.logical_and(a.less(x, c), a.greater(c, 0.0)), a.equal(c, 1.0))
        return select(is_left, left, right, x, c, safe=((0.25, 0.5), (0.75, 0.5)))

    return function


own(
    "triang",
    pdf=_triang(lambda x, c: 2.0 * x / c, lambda x, c: 2.0 * (1.0 - x) / (1.0 - c)),
    logpdf=_triang(lambda x, c: log(2.0 * x / c), lambda x, c: log(2.0 * (1.0 - x) / (1.0 - c))),
    cdf=_triang(lambda x, c: x * x / c, lambda x, c: 1.0 - a.square(1.0 - x) / (1.0 - c)),
    sf=_triang(lambda x, c: 1.0 - x * x / c, lambda x, c: a.square(1.0 - x) / (1.0 - c)),
    isf=lambda q, c: FORMULAS("triang").get("ppf")(1.0 - q, c),
)


def _trapezoid(left, middle, right):
    """Return a function that is made of three pieces."""

    def function(x, c, d):
        return select(
            a.less(x, c),
            left,
            lambda x, c, d: select(a.less_equal(x, d), middle, right, x, c, d, safe=((None,) * 3, (0.75, None, 0.5))),
            x,
            c,
            d,
            safe=((0.25, 0.5, None), (None,) * 3),
        )

    return function


own(
    "trapezoid",
    pdf=_trapezoid(
        lambda x, c, d: 2.0 / (d - c + 1.0) * x / c,
        lambda x, c, d: 2.0 / (d - c + 1.0) + 0.0 * x,
        lambda x, c, d: 2.0 / (d - c + 1.0) * (1.0 - x) / (1.0 - d),
    ),
    cdf=_trapezoid(
        lambda x, c, d: a.square(x) / c / (d - c + 1.0),
        lambda x, c, d: (c + 2.0 * (x - c)) / (d - c + 1.0),
        lambda x, c, d: 1.0 - a.square(1.0 - x) / (d - c + 1.0) / (1.0 - d),
    ),
    logpdf=lambda x, c, d: log(FORMULAS("trapezoid").get("pdf")(x, c, d)),
)


def _trapezoid_ppf(q, c, d):
    low, high = c / (1.0 + d - c), (2.0 * d - c) / (1.0 + d - c)
    return select(
        a.less(q, low),
        lambda q, c, d: np.sqrt(q * c * (1.0 + d - c)),
        lambda q, c, d: select(
            a.less_equal(q, high),
            lambda q, c, d: 0.5 * q * (1.0 + d - c) + 0.5 * c,
            lambda q, c, d: 1.0 - np.sqrt((1.0 - q) * (d - c + 1.0) * (1.0 - d)),
            q,
            c,
            d,
            safe=((None,) * 3, (0.75, 0.5, 0.5)),
        ),
        q,
        c,
        d,
        safe=((0.25, 0.5, 0.5), (None,) * 3),
    )


def _trapezoid_moment(n, c, d):
    powers = sum(d**k for k in range(n + 2))  # (d**(n + 2) - 1) / (d - 1)
    return 2.0 / (1.0 + d - c) * (powers - c ** (n + 1)) / ((n + 1) * (n + 2))


own(
    "trapezoid",
    m=lambda c, d: _trapezoid_moment(1, c, d),
    v=lambda c, d: _trapezoid_moment(2, c, d) - a.square(_trapezoid_moment(1, c, d)),
)
own("trapezoid", ppf=_trapezoid_ppf, isf=lambda q, c, d: _trapezoid_ppf(1.0 - q, c, d))


# ------------------------------------------------------------------------------------------------ a tail of a power
def _crystalball(x, right, left, beta, m):
    return select(
        a.greater(x, a.negative(beta)),
        right,
        left,
        x,
        beta,
        m,
        safe=((0.0, None, None), (a.negative(beta) - 1.0, None, None)),
    )


ROOT = math.sqrt(2.0 * math.pi)


def _crystalball_total(beta, m):
    return m / beta / (m - 1.0) * exp(-0.5 * beta * beta) + ROOT * sc.ndtr(beta)


def _crystalball_logpdf(x, beta, m):
    return _crystalball(
        x,
        lambda x, beta, m: -0.5 * x * x,
        lambda x, beta, m: m * log(m / beta) - 0.5 * beta * beta - m * log(m / beta - beta - x),
        beta,
        m,
    ) - log(_crystalball_total(beta, m))


def _crystalball_cdf(x, beta, m):
    return _crystalball(
        x,
        lambda x, beta, m: (
            m / beta * exp(-0.5 * beta * beta) / (m - 1.0) + ROOT * (sc.ndtr(x) - sc.ndtr(a.negative(beta)))
        ),
        lambda x, beta, m: exp(
            m * log(m / beta) - 0.5 * beta * beta - (m - 1.0) * log(m / beta - beta - x) - log(m - 1.0)
        ),
        beta,
        m,
    ) / _crystalball_total(beta, m)


def _crystalball_sf(x, beta, m):
    return _crystalball(
        x,
        lambda x, beta, m: ROOT * sc.ndtr(-x) / _crystalball_total(beta, m),
        lambda x, beta, m: 1.0 - _crystalball_cdf(x, beta, m),
        beta,
        m,
    )


own(
    "crystalball",
    logpdf=_crystalball_logpdf,
    cdf=_crystalball_cdf,
    sf=_crystalball_sf,
    ppf=lambda q, beta, m: FORMULAS("crystalball").inverse("ppf", "cdf", 1.0)(q, beta, m),
    isf=lambda q, beta, m: FORMULAS("crystalball").inverse("isf", "sf", -1.0)(q, beta, m),
)


def _loguniform_moment(n, low, high):
    return (high**n - low**n) / (n * (log(high) - log(low)))


for _name in ("loguniform", "reciprocal"):
    own(
        _name,
        m=lambda low, high: _loguniform_moment(1, low, high),
        v=lambda low, high: _loguniform_moment(2, low, high) - a.square(_loguniform_moment(1, low, high)),
    )


def _lost(x, b):
    """Return 1 - x**-b."""
    return a.negative(sc.expm1(a.negative(b * log(x))))


def _truncpareto_logpdf(x, b, c):
    return log(b / _lost(c, b)) - (b + 1.0) * log(x)


own(
    "truncpareto",
    support=lambda b, c: (1.0, c),
    logpdf=_truncpareto_logpdf,
    cdf=lambda x, b, c: _lost(x, b) / _lost(c, b),
    sf=lambda x, b, c: 1.0 - _lost(x, b) / _lost(c, b),
    ppf=lambda q, b, c: exp(a.negative(log1p(a.negative(q * _lost(c, b))) / b)),
    isf=lambda q, b, c: exp(a.negative(log1p(a.negative((1.0 - q) * _lost(c, b))) / b)),
)
