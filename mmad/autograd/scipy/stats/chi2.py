"""The chi-squared distribution."""

import numpy as np
from scipy import stats
from scipy.special import gammainc, gammaln, xlogy

from mmad.autograd.scipy.stats._either import either

__all__ = ["cdf", "logpdf", "pdf"]


@either(stats.chi2.logpdf)
def logpdf(x, df):
    """Return the logarithm of the density."""
    return xlogy(df / 2.0 - 1.0, x) - x / 2.0 - gammaln(df / 2.0) - np.log(2.0) * df / 2.0


@either(stats.chi2.pdf)
def pdf(x, df):
    """Return the density."""
    return np.exp(logpdf(x, df))


@either(stats.chi2.cdf)
def cdf(x, df):
    """Return the distribution function."""
    return gammainc(df / 2.0, x / 2.0)
