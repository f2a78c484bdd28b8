"""The gamma distribution."""

from mmad.scipy.stats import gamma as _distribution

__all__ = ["cdf", "logpdf", "pdf"]

cdf = _distribution.cdf
logpdf = _distribution.logpdf
pdf = _distribution.pdf
