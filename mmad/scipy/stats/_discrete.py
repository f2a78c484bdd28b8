"""Formulas of discrete distributions, by their continuous shapes, that SciPy writes by loops."""

import scipy.special as sc

from mmad.ops import arithmetic as a
from mmad.ops.transcendental import exp, log
from mmad.scipy.stats._formulas import FORMULAS, own

__all__ = []


def _from_log(name):
    return lambda k, *shapes: exp(FORMULAS(name).get("logpmf")(k, *shapes))


for _name in ("binom", "bernoulli", "nbinom"):
    own(_name, pmf=_from_log(_name))

# k successes of n; SciPy's functions of whole numbers are those of the incomplete beta function
own(
    "binom",
    cdf=lambda k, n, p: sc.betaincc(k + 1.0, n - k, p),
    sf=lambda k, n, p: sc.betainc(k + 1.0, n - k, p),
    m=lambda n, p: n * p,
    v=lambda n, p: n * p * (1.0 - p),
)
own(
    "bernoulli",
    cdf=lambda k, p: 1.0 - p + 0.0 * k,
    sf=lambda k, p: p + 0.0 * k,
    m=lambda p: p,
    v=lambda p: p * (1.0 - p),
)
own(
    "nbinom",
    cdf=lambda k, n, p: sc.betainc(n, k + 1.0, p),
    sf=lambda k, n, p: sc.betaincc(n, k + 1.0, p),
    m=lambda n, p: n * (1.0 - p) / p,
    v=lambda n, p: n * (1.0 - p) / a.square(p),
)
own(
    "poisson",
    logpmf=lambda k, mu: sc.xlogy(k, mu) - sc.gammaln(k + 1.0) - mu,
    cdf=lambda k, mu: sc.gammaincc(k + 1.0, mu),
    sf=lambda k, mu: sc.gammainc(k + 1.0, mu),
    m=lambda mu: mu,
    v=lambda mu: mu,
)
own("logser", logpmf=lambda k, p: k * log(p) - log(k) - log(a.negative(sc.log1p(-p))))
