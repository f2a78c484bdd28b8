"""The multivariate normal distribution."""

import numpy as np
from scipy import stats

from mmad._core import concrete as _value
from mmad.autograd.scipy.stats._either import either

__all__ = ["entropy", "logpdf", "pdf", "rvs"]

rvs = stats.multivariate_normal.rvs


def _covariance(cov, n):
    """Return a covariance as a matrix; a number is that of each component, a vector the diagonal."""
    if np.ndim(cov) == 0:
        return cov * np.eye(n)
    return np.diag(cov) if np.ndim(cov) == 1 else cov


@either(stats.multivariate_normal.logpdf)
def logpdf(x, mean=None, cov=1.0, allow_singular=False):
    """Return the logarithm of the density."""
    shape = np.shape(mean) or np.shape(cov)[-1:] or np.shape(x)[-1:]
    n = shape[-1] if shape else 1
    cov = _covariance(cov, n)
    d = np.reshape(x - (0.0 if mean is None else mean), (-1, n))
    if allow_singular:
        values, vectors = np.linalg.eigh(cov)
        plain = np.linalg.eigvalsh(np.array(_value(cov)))
        kept = plain > 1e6 * np.finfo(float).eps * np.max(np.abs(plain))
        whitened = (d @ vectors)[:, kept] / np.sqrt(values[kept])
        log_det, rank = np.sum(np.log(values[kept])), int(np.sum(kept))
        squares = np.sum(whitened**2, axis=-1)
    else:
        squares = np.sum(d * np.linalg.solve(cov, d.T).T, axis=-1)
        log_det, rank = np.linalg.slogdet(cov)[1], n
    found = -0.5 * (squares + log_det + rank * np.log(2.0 * np.pi))
    return found[0] if np.ndim(x) <= 1 and len(found) == 1 else found


@either(stats.multivariate_normal.pdf)
def pdf(x, mean=None, cov=1.0, allow_singular=False):
    """Return the density."""
    return np.exp(logpdf(x, mean, cov, allow_singular))


@either(stats.multivariate_normal.entropy)
def entropy(mean=None, cov=1.0):
    """Return the differential entropy."""
    n = len(mean) if np.ndim(mean) else np.shape(cov)[-1] if np.ndim(cov) else 1
    return 0.5 * (n * (1.0 + np.log(2.0 * np.pi)) + np.linalg.slogdet(_covariance(cov, n))[1])
