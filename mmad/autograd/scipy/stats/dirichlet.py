"""The Dirichlet distribution."""

import numpy as np
from scipy import stats
from scipy.special import gammaln, xlogy

from mmad.autograd.scipy.stats._either import either

__all__ = ["logpdf", "pdf", "rvs"]

rvs = stats.dirichlet.rvs


@either(stats.dirichlet.logpdf)
def logpdf(x, alpha):
    """Return the logarithm of the density; `alpha` may have one column more than x has rows."""
    alpha = np.asarray(alpha) if isinstance(alpha, list) else alpha
    x = np.append(x, 1.0 - np.sum(x, axis=0, keepdims=True), axis=0) if x.shape[0] == alpha.shape[0] - 1 else x
    norm = gammaln(np.sum(alpha)) - np.sum(gammaln(alpha))
    return norm + np.sum(xlogy(alpha - 1.0, x.T), axis=-1)


@either(stats.dirichlet.pdf)
def pdf(x, alpha):
    """Return the density."""
    return np.exp(logpdf(x, alpha))
