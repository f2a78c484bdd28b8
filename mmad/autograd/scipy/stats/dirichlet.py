"""The Dirichlet distribution."""

from mmad.scipy.stats import dirichlet as _distribution

__all__ = ["logpdf", "pdf", "rvs"]

logpdf = _distribution.logpdf
pdf = _distribution.pdf
rvs = _distribution.rvs
