"""The Poisson distribution."""

import numpy as np
from scipy import stats
from scipy.special import gammaln, pdtr, xlogy

from mmad.autograd.scipy.stats._either import either

__all__ = ["cdf", "logpmf", "pmf"]


@either(stats.poisson.logpmf)
def logpmf(k, mu):
    """Return the logarithm of the probability."""
    return xlogy(k, mu) - gammaln(np.asarray(k) + 1.0) - mu


@either(stats.poisson.pmf)
def pmf(k, mu):
    """Return the probability."""
    return np.exp(logpmf(k, mu))


@either(stats.poisson.cdf)
def cdf(k, mu):
    """Return the distribution function."""
    return pdtr(np.floor(k), mu)
