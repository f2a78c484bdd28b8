"""`scipy.spatial.distance`: distances between points, whose coordinates, weights and exponents may be traced.

A metric is one function of arrays whose last axis counts coordinates.  `cdist` and `pdist` apply it to all pairs at
once.  Metrics of truth values have no derivative, and are handed through.
"""

import numpy as np
import scipy.spatial.distance as _scipy

from mmad._core import concrete
from mmad.errors import UnsupportedError
from mmad.numpy import asarray, zeros_like
from mmad.python.kinds import isplain
from mmad.scipy._drop_in import as_double, handed_through, replaces

METRICS = {}


def _metric(f):
    METRICS[f.__name__.lstrip("_")] = f
    return f


def _sum(x, w):
    return (x if w is None else x * w).sum(axis=-1)


@_metric
def _sqeuclidean(u, v, w=None):
    return _sum((u - v) ** 2, w)


@_metric
def _euclidean(u, v, w=None):
    # the norm, whose derivative at zero is zero, and whose even powers have all derivatives
    return np.linalg.norm((u - v) if w is None else (u - v) * np.sqrt(w), axis=-1)


@_metric
def _cityblock(u, v, w=None):
    return _sum(abs(u - v), w)


@_metric
def _chebyshev(u, v):
    return abs(u - v).max(axis=-1)


@_metric
def _minkowski(u, v, p=2, w=None):
    if isplain(p, int | float) and p == 2:
        return _euclidean(u, v, w)
    if isplain(p, int | float) and p == np.inf:
        return _chebyshev(u, v)
    return _sum(abs(u - v) ** p, w) ** (1 / p)


def _cosine_of(u, v, w):
    return 1.0 - _sum(u * v, w) / np.sqrt(_sum(u * u, w) * _sum(v * v, w))


@_metric
def _cosine(u, v, w=None):
    return _cosine_of(u, v, w)


@_metric
def _correlation(u, v, w=None, centered=True):
    if centered:
        total = 1.0 / (u.shape[-1] if w is None else w.sum())
        u = u - (_sum(u, w) * total)[..., None]
        v = v - (_sum(v, w) * total)[..., None]
    return _cosine_of(u, v, w)


@_metric
def _canberra(u, v, w=None):
    size = abs(u) + abs(v)
    return _sum(abs(u - v) / np.where(size == 0, 1.0, size), w)


@_metric
def _braycurtis(u, v, w=None):
    return _sum(abs(u - v), w) / _sum(abs(u + v), w)


@_metric
def _seuclidean(u, v, V):
    return np.linalg.norm((u - v) / np.sqrt(V), axis=-1)


@_metric
def _mahalanobis(u, v, VI):
    d = u - v
    return np.sqrt(((d @ VI) * d).sum(axis=-1))


@_metric
def _jensenshannon(p, q, base=None):
    p, q = (x / x.sum(axis=-1)[..., None] for x in (p, q))
    m = (p + q) / 2.0

    def entropy(x):
        positive = x > 0
        return np.where(positive, x * np.log(np.where(positive, x / m, 1.0)), 0.0).sum(axis=-1)

    js = (entropy(p) + entropy(q)) / 2.0
    return np.sqrt(js if base is None else js / np.log(base))


ALIASES = {
    "braycurtis": ("bray-curtis",),
    "chebyshev": ("chebychev", "cheby", "cheb", "ch"),
    "cityblock": ("cblock", "cb", "c", "manhattan"),
    "correlation": ("co",),
    "cosine": ("cos",),
    "euclidean": ("euclid", "eu", "e"),
    "jensenshannon": ("js",),
    "mahalanobis": ("mahal", "mah"),
    "minkowski": ("mi", "m", "pnorm"),
    "seuclidean": ("se", "s"),
    "sqeuclidean": ("sqe", "sqeuclid"),
}


def _metric_of(metric, name):
    """Return the function of a metric's name or of a function of two vectors."""
    if callable(metric):
        found = next((METRICS[k] for k in METRICS if metric in (getattr(_scipy, k), globals().get(k))), None)
        return found or (lambda u, v, **kwargs: _pair_by_pair(metric, u, v, kwargs))
    key = str(metric).lower()
    key = next((k for k, others in ALIASES.items() if key in others), key)
    if key not in METRICS:
        raise UnsupportedError(
            f"mmad.scipy.spatial.distance.{name}: the metric {metric!r} has no derivative; those with one are "
            f"{', '.join(sorted(METRICS))}, and functions of two vectors"
        )
    return METRICS[key]


def _pair_by_pair(metric, u, v, kwargs):
    shape = np.broadcast_shapes(u.shape, v.shape)
    u, v = np.broadcast_to(u, shape), np.broadcast_to(v, shape)
    rows = [metric(u[k], v[k], **kwargs) for k in np.ndindex(*shape[:-1])]
    return np.stack(rows).reshape(shape[:-1])


def _with_defaults(metric, points, kwargs):
    """Return the arguments of a metric, with SciPy's variances and covariances of all points where none are given."""
    if metric is METRICS["seuclidean"] and kwargs.get("V") is None:
        return {**kwargs, "V": np.var(points, axis=0, ddof=1)}
    if metric is METRICS["mahalanobis"] and kwargs.get("VI") is None:
        d = points - points.mean(axis=0)
        return {**kwargs, "VI": np.linalg.inv(d.T @ d / (len(points) - 1)).T}
    return kwargs


def _points(x, name):
    x = as_double(x)
    if x.ndim != 2:
        raise ValueError(f"{name} must be a 2-dimensional array.")
    return x


@replaces(_scipy.cdist)
def cdist(XA, XB, metric="euclidean", **kwargs):
    """Return the distances of all points of one array from all points of another."""
    XA, XB = _points(XA, "XA"), _points(XB, "XB")
    if XA.shape[1] != XB.shape[1]:
        raise ValueError("XA and XB must have the same number of columns (i.e. feature dimension.)")
    of = _metric_of(metric, "cdist")
    kwargs = _with_defaults(of, np.concatenate([XA, XB]) if of in _FROM_ALL else None, kwargs)
    return of(XA[:, None, :], XB[None, :, :], **kwargs)


@replaces(_scipy.pdist)
def pdist(X, metric="euclidean", **kwargs):
    """Return the distances of all pairs of points, as a vector."""
    X = _points(X, "A")
    i, j = np.triu_indices(X.shape[0], 1)
    of = _metric_of(metric, "pdist")
    return of(X[i], X[j], **_with_defaults(of, X, kwargs))


_FROM_ALL = (METRICS["seuclidean"], METRICS["mahalanobis"])


@replaces(_scipy.squareform)
def squareform(X, force="no", checks=True):
    """Return a vector of distances as a symmetric matrix, or the matrix as a vector."""
    X = asarray(X)
    if X.ndim == 1 and force != "tovector":
        n = int(np.ceil(np.sqrt(2 * X.shape[0]))) if X.shape[0] else 1
        if n * (n - 1) // 2 != X.shape[0]:
            raise ValueError(
                "Incompatible vector size. It must be a binomial coefficient n choose 2 for some integer n >= 2."
            )
        i, j = np.triu_indices(n, 1)
        matrix = zeros_like(X, shape=(n, n))
        matrix[i, j] = X
        matrix[j, i] = X
        return matrix
    if X.ndim == 2 and force != "tomatrix" and X.shape[0] == X.shape[1]:
        if checks and not ((X == X.T).all() and (np.diagonal(X) == 0).all()):
            _scipy.is_valid_dm(concrete(X), throw=True, name="X")
        i, j = np.triu_indices(X.shape[0], 1)
        return X[i, j]
    raise ValueError(f"squareform: force={force!r} does not fit an array of shape {X.shape}")


#: Metrics of two vectors that SciPy computes or returns in double precision.
DOUBLE = frozenset(("braycurtis", "canberra", "euclidean", "minkowski", "seuclidean"))


def _pairwise(name):
    of, vector = METRICS[name], as_double if name in DOUBLE else asarray

    @replaces(getattr(_scipy, name))
    def distance(u, v, **kwargs):
        return of(vector(u), vector(v), **kwargs)

    return distance


@replaces(_scipy.jensenshannon)
def jensenshannon(p, q, base=None, *, axis=0, keepdims=False):
    """Return the Jensen-Shannon distance of two arrays of probabilities."""
    p, q = (np.moveaxis(asarray(x), axis, -1) for x in (p, q))
    out = METRICS["jensenshannon"](p, q, base)
    return np.expand_dims(out, axis) if keepdims else out


braycurtis = _pairwise("braycurtis")
canberra = _pairwise("canberra")
chebyshev = _pairwise("chebyshev")
cityblock = _pairwise("cityblock")
correlation = _pairwise("correlation")
cosine = _pairwise("cosine")
euclidean = _pairwise("euclidean")
mahalanobis = _pairwise("mahalanobis")
minkowski = _pairwise("minkowski")
seuclidean = _pairwise("seuclidean")
sqeuclidean = _pairwise("sqeuclidean")

__all__ = [
    "braycurtis",
    "canberra",
    "cdist",
    "chebyshev",
    "cityblock",
    "correlation",
    "cosine",
    "euclidean",
    "jensenshannon",
    "mahalanobis",
    "minkowski",
    "pdist",
    "seuclidean",
    "sqeuclidean",
    "squareform",
]
__getattr__, __dir__ = handed_through(_scipy, __all__)
