"""The beta distribution."""

import numpy as np
from scipy import stats
from scipy.special import betainc, betaln, xlog1py, xlogy

from mmad.autograd.scipy.stats._either import either

__all__ = ["cdf", "logpdf", "pdf"]


@either(stats.beta.logpdf)
def logpdf(x, a, b):
    """Return the logarithm of the density."""
    return xlogy(a - 1.0, x) + xlog1py(b - 1.0, -x) - betaln(a, b)


@either(stats.beta.pdf)
def pdf(x, a, b):
    """Return the density."""
    return np.exp(logpdf(x, a, b))


@either(stats.beta.cdf)
def cdf(x, a, b):
    """Return the distribution function."""
    return betainc(a, b, x)
