"""The Poisson distribution."""

from mmad.scipy.stats import poisson as _distribution

__all__ = ["cdf", "logpmf", "pmf"]

cdf = _distribution.cdf
logpmf = _distribution.logpmf
pmf = _distribution.pmf
