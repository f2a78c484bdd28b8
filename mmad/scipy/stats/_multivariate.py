"""Distributions of vectors and matrices, whose points and parameters may be traced."""

import functools
import inspect
import math

import numpy as np
import scipy.special as sc
import scipy.stats as _scipy

from mmad._core import Traced, concrete
from mmad.numpy import asarray
from mmad.ops import arithmetic as a
from mmad.ops.transcendental import log
from mmad.scipy._drop_in import any_traced, replaces
from mmad.scipy.linalg import solve_triangular
from mmad.scipy.special import multigammaln
from mmad.scipy.stats._formulas import refusal

__all__ = ["DISTRIBUTIONS"]

#: Distributions by their names, as they take traced values.
DISTRIBUTIONS = {}
IGNORED = ("seed",)


class Multivariate:
    """A distribution of SciPy, some of whose methods take traced values.

    Parameters
    ----------
    name : str
    **methods : callable
        Implementations with the names of SciPy's arguments.
    """

    def __init__(self, name, **methods):
        self.plain, self.name = getattr(_scipy, name), name
        self.methods = {
            method: replaces(getattr(self.plain, method), f"scipy.stats.{name}.{method}", IGNORED)(implementation)
            for method, implementation in methods.items()
        }
        self.__doc__ = self.plain.__doc__

    @property
    def __class__(self):
        return type(self.plain)

    def __reduce__(self):
        return DISTRIBUTIONS.__getitem__, (self.name,)

    def __dir__(self):
        return dir(self.plain)

    def __getattr__(self, name):
        if name in self.__dict__["methods"]:
            return self.methods[name]
        value = getattr(self.__dict__["plain"], name)
        return self._plain_only(name, value) if inspect.ismethod(value) else value

    def _plain_only(self, name, method):
        @functools.wraps(method)
        def call(*args, **kwargs):
            if any_traced((args, kwargs)):
                raise refusal(self.name, name)
            return method(*args, **kwargs)

        return call

    def __call__(self, *args, **kwargs):
        """Return the distribution with these parameters."""
        return FrozenMultivariate(self, args, kwargs)


class FrozenMultivariate:
    """A distribution of vectors or matrices with parameters."""

    def __init__(self, dist, args, kwargs):
        self.dist, self.args, self.kwargs = dist, args, kwargs
        self.plain = None if any_traced((args, kwargs)) else dist.plain(*args, **kwargs)
        bound = inspect.signature(dist.plain.__call__).bind(*args, **kwargs).arguments
        self.parameters = {k: v for k, v in bound.items() if k not in IGNORED}

    @property
    def __class__(self):
        return FrozenMultivariate if self.plain is None else type(self.plain)

    def __reduce__(self):
        return type(self), (self.dist, self.args, self.kwargs)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self.dist.methods:
            return functools.partial(self._call, name)
        if self.plain is not None:
            return getattr(self.plain, name)
        if name in self.parameters:
            return self.parameters[name]
        raise refusal(self.dist.name, name, " with traced parameters")

    def _call(self, name, *args, **kwargs):
        known = inspect.signature(getattr(self.dist.plain, name)).parameters
        given = {k: v for k, v in self.parameters.items() if k in known}
        return self.dist.methods[name](*args, **kwargs, **given)


def array(x):
    """Return x as an array in double precision."""
    return (asarray(x) if any_traced(x) else np.asarray(x)) * 1.0


def declare(name, logarithm, **methods):
    """Declare a distribution by the logarithm of its density, or of its probability."""
    kind = "pmf" if name == "multinomial" else "pdf"

    def density(**given):
        return np.exp(logarithm(**given))

    density.__signature__ = inspect.signature(logarithm)
    DISTRIBUTIONS[name] = Multivariate(name, **{f"log{kind}": logarithm, kind: density, **methods})


# ------------------------------------------------------------------------------------------------ normal, Student
def _location(mean, cov):
    """Return the mean as a vector and the covariance as a matrix, as SciPy takes both."""
    cov = getattr(cov, "covariance", cov) if not isinstance(cov, Traced) else cov
    cov = array(1.0 if cov is None else cov)
    mean = array(np.zeros(cov.shape[0] if cov.ndim == 2 else 1) if mean is None else mean).reshape(-1)
    if cov.ndim == 0:
        cov = cov * np.eye(mean.shape[0])
    elif cov.ndim == 1:
        cov = np.diag(cov)
    if cov.shape != (mean.shape[0],) * 2:
        raise ValueError(
            f"Dimension mismatch: array 'cov' is of shape {cov.shape}, but 'mean' is of length {mean.shape[0]}"
        )
    return mean, cov


def _distance(x, mean, cov, allow_singular):
    """Return the squared distances of points in the metric of a covariance, half of its log-determinant, its rank."""
    mean, cov = _location(mean, cov)
    x = array(x)
    k = mean.shape[0]
    if x.ndim == 0 or (x.ndim == 1 and k == 1):
        x = x[..., None]
    d = (x - mean).reshape(-1, k)
    if allow_singular:
        values, vectors, kept, least = _spectrum(cov)
        z, half = (d @ vectors[:, kept]) / np.sqrt(values[kept]), 0.5 * log(values[kept]).sum()
        distance, k = (z * z).sum(axis=-1), int(kept.sum())
        if not kept.all():  # beyond the support the density is zero
            residual = np.linalg.norm(d @ vectors[:, ~kept], axis=-1)
            distance = np.where(residual < 1e3 * least, distance, np.inf)
    else:
        factor = np.linalg.cholesky(cov)
        z, half = solve_triangular(factor, d.T, lower=True), log(np.diagonal(factor)).sum()
        distance = (z * z).sum(axis=0)
    distance = distance.reshape(x.shape[:-1])
    if distance.shape in ((), (1,)):
        distance = distance.reshape(())[()]
    return distance, half, k


def _spectrum(cov):
    """Return eigenvalues and eigenvectors of a covariance, which of them are not zero, and the least that is not."""
    values, vectors = np.linalg.eigh(cov)
    least = 1e6 * np.finfo(float).eps * np.max(np.abs(values))  # as SciPy takes it
    if np.min(values) < -least:
        raise ValueError("The input matrix must be symmetric positive semidefinite.")
    return values, vectors, np.asarray(concrete(values > least)), least


def _normal_logpdf(x, mean=None, cov=1, allow_singular=False):
    distance, half, k = _distance(x, mean, cov, allow_singular)
    return -0.5 * (k * math.log(2.0 * math.pi) + distance) - half


def _normal_entropy(mean=None, cov=1):
    mean, cov = _location(mean, cov)
    values, _, kept, _ = _spectrum(cov)
    return 0.5 * (int(kept.sum()) * (math.log(2.0 * math.pi) + 1.0) + np.log(values[kept]).sum())


declare("multivariate_normal", _normal_logpdf, entropy=_normal_entropy)


def _t_logpdf(x, loc=None, shape=1, df=1, allow_singular=False):
    if not isinstance(df, Traced) and df == np.inf:
        return _normal_logpdf(x, loc, shape, allow_singular)
    distance, half, k = _distance(x, loc, shape, allow_singular)
    return (
        sc.gammaln(0.5 * (df + k))
        - sc.gammaln(0.5 * df)
        - 0.5 * k * np.log(df * math.pi)
        - half
        - 0.5 * (df + k) * np.log1p(distance / df)
    )


declare("multivariate_t", _t_logpdf)


# ------------------------------------------------------------------------------------------------ shares and counts
def _log_beta(alpha):
    return sc.gammaln(alpha).sum() - sc.gammaln(alpha.sum())


def _dirichlet_logpdf(x, alpha):
    x, alpha = array(x), array(alpha)
    if x.shape[0] + 1 == alpha.shape[0]:
        x = np.concatenate([x, (1.0 - x.sum(axis=0))[None]])
    if x.shape[0] != alpha.shape[0]:
        raise ValueError("Vector 'x' must have either the same number of entries as, or one entry fewer than, alpha")
    if np.min(x) < 0 or np.max(x) > 1 or np.any(abs(x.sum(axis=0) - 1.0) > 1e-9):
        raise ValueError("The input vector 'x' must lie within the normal simplex.")
    powers = sc.xlogy((alpha - 1.0).reshape(-1, *(1,) * (x.ndim - 1)), x)
    return powers.sum(axis=0) - _log_beta(alpha)


def _dirichlet_mean(alpha):
    alpha = array(alpha)
    return alpha / alpha.sum()


def _dirichlet_var(alpha):
    alpha = array(alpha)
    total = alpha.sum()
    return alpha * (total - alpha) / (total * total * (total + 1.0))


def _dirichlet_entropy(alpha):
    alpha = array(alpha)
    total, k = alpha.sum(), alpha.shape[0]
    return _log_beta(alpha) + (total - k) * sc.digamma(total) - ((alpha - 1.0) * sc.digamma(alpha)).sum()


declare("dirichlet", _dirichlet_logpdf, mean=_dirichlet_mean, var=_dirichlet_var, entropy=_dirichlet_entropy)


def _multinomial_logpmf(x, n, p):
    p, x = array(p), a.stop_gradient(array(x))
    p = np.concatenate([p[..., :-1], (1.0 - p[..., :-1].sum(axis=-1))[..., None]], axis=-1)  # as SciPy does
    n = a.stop_gradient(array(n))
    value = sc.gammaln(n + 1.0) + (sc.xlogy(x, p) - sc.gammaln(x + 1.0)).sum(axis=-1)
    right = a.logical_and(a.equal(x.sum(axis=-1), n), np.all(x >= 0, axis=-1))
    return a.select(right, value, -np.inf)


declare("multinomial", _multinomial_logpmf)


# ------------------------------------------------------------------------------------------------ matrices
def _square(scale):
    scale = array(scale)
    return scale.reshape(1, 1) if scale.ndim == 0 else np.diag(scale) if scale.ndim == 1 else scale


def _matrices(x, p):
    """Return the matrices of a quantile, one or several along the last axis, as a stack."""
    x = array(x)
    if x.ndim == 0:
        x = x * np.eye(p)
    elif x.ndim == 1:
        x = x.reshape(1, 1, -1) if p == 1 else np.diag(x)
    return np.moveaxis(x, -1, 0) if x.ndim == 3 else x


def _trace_of(x):
    return np.trace(x, axis1=-2, axis2=-1)


def _wishart_logpdf(x, df, scale):
    scale = _square(scale)
    p = scale.shape[0]
    x = _matrices(x, p)
    return (
        0.5 * (df - p - 1.0) * np.linalg.slogdet(x)[1]
        - 0.5 * _trace_of(np.linalg.solve(scale, x))
        - 0.5 * df * (p * math.log(2.0) + np.linalg.slogdet(scale)[1])
        - multigammaln(0.5 * df, p)
    )


def _invwishart_logpdf(x, df, scale):
    scale = _square(scale)
    p = scale.shape[0]
    x = _matrices(x, p)
    return (
        0.5 * df * np.linalg.slogdet(scale)[1]
        - 0.5 * _trace_of(np.linalg.solve(x, np.broadcast_to(scale, x.shape)))
        - 0.5 * (df + p + 1.0) * np.linalg.slogdet(x)[1]
        - 0.5 * df * p * math.log(2.0)
        - multigammaln(0.5 * df, p)
    )


declare("wishart", _wishart_logpdf)
declare("invwishart", _invwishart_logpdf)
