"""The multivariate normal distribution."""

from mmad.scipy.stats import multivariate_normal as _distribution

__all__ = ["entropy", "logpdf", "pdf", "rvs"]

entropy = _distribution.entropy
logpdf = _distribution.logpdf
pdf = _distribution.pdf
rvs = _distribution.rvs
