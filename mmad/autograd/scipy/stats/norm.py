"""The normal distribution."""

import numpy as np
from scipy import stats
from scipy.special import log_ndtr, ndtr

from mmad.autograd.scipy.stats._either import either

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "rvs", "sf"]

rvs = stats.norm.rvs


@either(stats.norm.logpdf)
def logpdf(x, loc=0.0, scale=1.0):
    """Return the logarithm of the density."""
    return -0.5 * ((x - loc) / scale) ** 2 - np.log(scale) - 0.5 * np.log(2.0 * np.pi)


@either(stats.norm.pdf)
def pdf(x, loc=0.0, scale=1.0):
    """Return the density."""
    return np.exp(-0.5 * ((x - loc) / scale) ** 2) / (scale * np.sqrt(2.0 * np.pi))


@either(stats.norm.cdf)
def cdf(x, loc=0.0, scale=1.0):
    """Return the distribution function."""
    return ndtr((x - loc) / scale)


@either(stats.norm.logcdf)
def logcdf(x, loc=0.0, scale=1.0):
    """Return the logarithm of the distribution function."""
    return log_ndtr((x - loc) / scale)


@either(stats.norm.sf)
def sf(x, loc=0.0, scale=1.0):
    """Return the survival function."""
    return ndtr((loc - x) / scale)


@either(stats.norm.logsf)
def logsf(x, loc=0.0, scale=1.0):
    """Return the logarithm of the survival function."""
    return log_ndtr((loc - x) / scale)
