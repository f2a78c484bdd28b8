"""Student's t distribution."""

from mmad.scipy.stats import t as _distribution

__all__ = ["cdf", "logcdf", "logpdf", "pdf"]

cdf = _distribution.cdf
logcdf = _distribution.logcdf
logpdf = _distribution.logpdf
pdf = _distribution.pdf
