"""The chi-squared distribution."""

from mmad.scipy.stats import chi2 as _distribution

__all__ = ["cdf", "logpdf", "pdf"]

cdf = _distribution.cdf
logpdf = _distribution.logpdf
pdf = _distribution.pdf
