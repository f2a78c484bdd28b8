"""The normal distribution."""

from mmad.scipy.stats import norm as _distribution

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "rvs", "sf"]

cdf = _distribution.cdf
logcdf = _distribution.logcdf
logpdf = _distribution.logpdf
logsf = _distribution.logsf
pdf = _distribution.pdf
rvs = _distribution.rvs
sf = _distribution.sf
