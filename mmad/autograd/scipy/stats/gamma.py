"""The gamma distribution."""

import numpy as np
from scipy import stats
from scipy.special import gammainc, gammaln, xlogy

from mmad.autograd.scipy.stats._either import either

__all__ = ["cdf", "logpdf", "pdf"]


@either(stats.gamma.logpdf)
def logpdf(x, a):
    """Return the logarithm of the density."""
    return xlogy(a - 1.0, x) - x - gammaln(a)


@either(stats.gamma.pdf)
def pdf(x, a):
    """Return the density."""
    return np.exp(logpdf(x, a))


@either(stats.gamma.cdf)
def cdf(x, a):
    """Return the distribution function."""
    return gammainc(a, x)
