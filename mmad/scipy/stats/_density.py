"""`gaussian_kde`: a density estimated by normal kernels, of traced data, weights and points."""

import math

import numpy as np
import scipy.stats as _scipy

from mmad._core import Traced
from mmad.errors import UnsupportedError
from mmad.numpy import asarray
from mmad.ops.transcendental import exp, log
from mmad.python.kinds import isplain
from mmad.scipy._drop_in import any_traced
from mmad.scipy.linalg import solve_triangular
from mmad.scipy.special import logsumexp
from mmad.scipy.stats._multivariate import array

__all__ = ["gaussian_kde"]


class gaussian_kde:  # noqa: N801
    """A density estimated by normal kernels at the points of a sample.

    Parameters
    ----------
    dataset : array, shape (count,) or (dimensions, count)
    bw_method : {"scott", "silverman"}, number or callable, optional
        The width of the kernels, in units of the sample's spread.
    weights : array, shape (count,), optional
    """

    def __init__(self, dataset, bw_method=None, weights=None):
        traced = any_traced((dataset, bw_method, weights))
        self.plain = None if traced else _scipy.gaussian_kde(dataset, bw_method, weights)
        data = asarray(dataset) if traced else np.asarray(dataset)
        self.dataset = data.reshape(1, -1) if data.ndim < 2 else data
        self.d, self.n = self.dataset.shape
        if self.dataset.shape[1] < 2:
            raise ValueError("`dataset` input should have multiple elements.")
        weights = np.full(self.n, 1.0 / self.n) if weights is None else array(weights)
        self.weights = weights / weights.sum()
        self.neff = 1.0 / (self.weights**2).sum()
        self._set(bw_method)

    def _set(self, bw_method):
        """Set the width of the kernels."""
        if bw_method is None or (isplain(bw_method, str) and bw_method == "scott"):
            self.factor = self.scotts_factor()
        elif isplain(bw_method, str) and bw_method == "silverman":
            self.factor = self.silverman_factor()
        elif isplain(bw_method, str):
            raise ValueError("`bw_method` should be 'scott', 'silverman', a scalar or a callable.")
        else:
            self.factor = bw_method(self) if callable(bw_method) and not isinstance(bw_method, Traced) else bw_method
        spread = np.cov(self.dataset * 1.0, rowvar=1, bias=False, aweights=self.weights)
        self.covariance = spread.reshape(self.d, self.d) * self.factor**2
        self._root = np.linalg.cholesky(self.covariance)

    def set_bandwidth(self, bw_method=None):
        """Set the width of the kernels."""
        if self.plain is not None and not any_traced(bw_method):
            self.plain.set_bandwidth(bw_method)
        else:
            self.plain = None
        self._set(bw_method)

    def scotts_factor(self):
        """Return the width by Scott's rule."""
        return self.neff ** (-1.0 / (self.d + 4))

    def silverman_factor(self):
        """Return the width by Silverman's rule."""
        return (self.neff * (self.d + 2.0) / 4.0) ** (-1.0 / (self.d + 4))

    def _logpdf(self, points):
        points = array(points)
        points = points.reshape(1, -1) if points.ndim < 2 else points
        if points.shape[0] != self.d:
            if points.shape[0] != 1 or points.shape[1] != self.d:
                raise ValueError(f"points have dimension {points.shape[0]}, dataset has dimension {self.d}")
            points = points.reshape(self.d, 1)
        x = solve_triangular(self._root, points, lower=True)
        z = solve_triangular(self._root, self.dataset * 1.0, lower=True)
        energy = 0.5 * ((x[:, None, :] - z[:, :, None]) ** 2).sum(axis=0)
        scale = 0.5 * self.d * math.log(2.0 * math.pi) + log(np.diagonal(self._root)).sum()
        return logsumexp(-energy, axis=0, b=np.broadcast_to(self.weights[:, None], energy.shape)) - scale

    def evaluate(self, points):
        """Return the density at points."""
        if self.plain is not None and not any_traced(points):
            return self.plain.evaluate(points)
        return exp(self._logpdf(points))

    __call__ = pdf = evaluate

    def logpdf(self, x):
        """Return the logarithm of the density at points."""
        if self.plain is not None and not any_traced(x):
            return self.plain.logpdf(x)
        return self._logpdf(x)

    def __getattr__(self, name):
        if name.startswith("__") or name == "plain":
            raise AttributeError(name)
        if self.plain is None:
            raise UnsupportedError(
                f"scipy.stats.gaussian_kde.{name} of traced values has no derivative rule: write it with evaluate"
            )
        return getattr(self.plain, name)
