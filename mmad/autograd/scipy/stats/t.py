"""Student's t distribution."""

import numpy as np
from scipy import stats
from scipy.special import gammaln, stdtr

from mmad.autograd.scipy.stats._either import either

__all__ = ["cdf", "logcdf", "logpdf", "pdf"]


@either(stats.t.logpdf)
def logpdf(x, df, loc=0.0, scale=1.0):
    """Return the logarithm of the density."""
    z = (x - loc) / scale
    norm = gammaln((df + 1.0) / 2.0) - gammaln(df / 2.0) - 0.5 * np.log(df * np.pi) - np.log(scale)
    return norm - (df + 1.0) / 2.0 * np.log1p(z**2 / df)


@either(stats.t.pdf)
def pdf(x, df, loc=0.0, scale=1.0):
    """Return the density."""
    return np.exp(logpdf(x, df, loc, scale))


@either(stats.t.cdf)
def cdf(x, df, loc=0.0, scale=1.0):
    """Return the distribution function."""
    return stdtr(df, (x - loc) / scale)


@either(stats.t.logcdf)
def logcdf(x, df, loc=0.0, scale=1.0):
    """Return the logarithm of the distribution function."""
    return np.log(stdtr(df, (x - loc) / scale))
