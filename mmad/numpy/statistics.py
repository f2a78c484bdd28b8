"""Counts in bins with weights, histograms, covariances and correlations.

The bin that a number falls into is plain, and so are counts; weights and edges have derivatives.
"""

import warnings

import numpy as np

from mmad._core import Traced, shape_of
from mmad.numpy._implements import implements
from mmad.numpy.indexing import clip
from mmad.numpy.joining import as_operand, concatenate
from mmad.numpy.ordering import flat, values_for_shape
from mmad.numpy.reductions import average
from mmad.numpy.reductions import max as max_
from mmad.numpy.reductions import min as min_
from mmad.numpy.reductions import sum as sum_
from mmad.numpy.spaces import linspace
from mmad.ops import arithmetic as a
from mmad.ops import extremes
from mmad.ops.movement import gather, reshape, scatter_add, swap, viewed
from mmad.python.kinds import isplain


# ------------------------------------------------------------------------------------------------- counting
def _check_real(weights):
    if weights.dtype.kind == "c":
        raise TypeError(f"Cannot cast array data from {weights.dtype!r} to dtype('float64') according to 'safe'")


@implements(np.bincount)
def bincount(x, /, weights=None, minlength=0):
    """`numpy.bincount`, with traced weights, whose sums are float64."""
    x = values_for_shape(as_operand(x))
    if weights is None:
        return np.bincount(x, minlength=minlength)
    counts = np.bincount(x, minlength=minlength)  # checks x
    weights = as_operand(weights)
    if shape_of(weights) != np.shape(x):
        raise ValueError("The weights and list don't have the same length.")
    if weights.dtype.kind == "c":
        raise TypeError(
            f"Cannot cast array data from {weights.dtype!r} to dtype('float64') according to the rule 'safe'"
        )
    if weights.dtype != np.float64:
        weights = a.astype(weights, dtype=np.dtype(np.float64))
    return scatter_add(weights, np.asarray(x, np.intp), shape=counts.shape)


def _edges(x, bins, limits, weights, dtype=None):
    """Return the edges of the bins of a histogram along one axis; they have derivatives where the data give them."""
    if isplain(bins, str):
        plain = values_for_shape(x)
        if weights is not None:
            raise TypeError("Automated estimation of the number of bins is not supported for weighted data")
        bins = len(np.histogram_bin_edges(plain, bins, limits)) - 1
    bins = as_operand(bins)
    if len(shape_of(bins)) == 1:
        if np.any(np.less(bins[1:], bins[:-1])):
            raise ValueError("`bins` must increase monotonically, when an array")
        return bins
    if len(shape_of(bins)):
        raise ValueError("`bins` must be 1d, when an array")
    if bins.dtype.kind not in "iub":
        raise TypeError("`bins` must be an integer, a string, or an array")
    count = int(values_for_shape(bins))
    if count < 1:
        raise ValueError("`bins` must be positive, when an integer")
    if limits is not None:
        low, high = limits
        if low > high:
            raise ValueError("max must be larger than min in range parameter.")
    elif not shape_of(x)[0]:
        low, high = 0.0, 1.0
    else:
        low, high = min_(x), max_(x)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(f"range of [{values_for_shape(low)}, {values_for_shape(high)}] is not finite")
    if low == high:
        low, high = low - 0.5, high + 0.5
    if not isinstance(low, Traced) and not isinstance(high, Traced):
        return np.linspace(low, high, count + 1, dtype=dtype or np.result_type(low, high, x.dtype, 0.0))
    return linspace(low, high, count + 1)


def _bins(x, edges):
    """Return the bin of each number as a plain integer, and whether it is in any; the last bin has both its ends."""
    n = shape_of(edges)[0]
    at = values_for_shape(extremes.searchsorted(edges, x, side="right"))
    last = values_for_shape(np.equal(x, edges[-1])) if n else np.zeros(0, bool)
    at = np.where(last, n - 1, at) - 1
    return at, (at >= 0) & (at < n - 1)


def _summed(at, inside, weights, count, dtype):
    """Return the sums of weights in bins, or how many numbers fall into them."""
    hits = np.flatnonzero(inside)
    if weights is None:
        return np.bincount(at[hits], minlength=count)
    if weights.dtype.kind != "c" and weights.dtype != np.float64:  # NumPy adds up in double precision
        weights = a.astype(weights, dtype=np.dtype(float))
    r = scatter_add(gather(weights, hits), np.asarray(at[hits], np.intp), shape=(count,))
    return r if r.dtype == dtype else a.astype(r, dtype=dtype)


@implements(np.histogram_bin_edges)
def histogram_bin_edges(x, bins=10, range=None, weights=None):
    """`numpy.histogram_bin_edges`."""
    return _edges(flat(as_operand(x)), bins, range, weights)


@implements(np.histogram)
def histogram(x, bins=10, range=None, density=None, weights=None):
    """`numpy.histogram`: counts are plain, sums of weights and edges have derivatives."""
    x = as_operand(x)
    if weights is not None:
        weights = as_operand(weights)
        if shape_of(weights) != shape_of(x):
            raise ValueError("weights should have the same shape as a.")
        weights = flat(weights)
    x = flat(x)
    edges = _edges(x, bins, range, weights)
    r = _summed(*_bins(x, edges), weights, shape_of(edges)[0] - 1, getattr(weights, "dtype", None))
    if density:
        widths = edges[1:] - edges[:-1]
        widths = a.astype(widths, dtype=np.dtype(float)) if widths.dtype != np.float64 else widths
        r = a.divide(a.divide(r, widths), sum_(r))
    return r, edges


@implements(np.histogramdd)
def histogramdd(sample, bins=10, range=None, density=None, weights=None):
    """`numpy.histogramdd`: counts are plain, sums of weights and edges have derivatives."""
    if isinstance(sample, Traced) or isplain(sample, np.ndarray):
        columns = [sample[:, k] for k in np.arange(shape_of(sample)[1])]
    else:
        columns = [flat(as_operand(v)) for v in sample]
    rank = len(columns)
    weights = None if weights is None else flat(as_operand(weights))
    if isplain(bins, int | np.integer) or isplain(bins, str):
        bins = [bins] * rank
    elif len(bins) != rank:
        raise ValueError("The dimension of bins must be equal to the dimension of the sample x.")
    limits = [None] * rank if range is None else range
    if len(limits) != rank:
        raise ValueError("range argument must have one entry per dimension")
    edges = [
        _edges(x, b, r, None, np.float64 if r is not None else None)
        for x, b, r in zip(columns, bins, limits, strict=True)
    ]
    shape = tuple(shape_of(e)[0] - 1 for e in edges)
    found = [_bins(x, e) for x, e in zip(columns, edges, strict=True)]
    inside = np.logical_and.reduce([ok for _, ok in found])
    at = np.ravel_multi_index([np.where(inside, k, 0) for k, _ in found], shape)
    if weights is not None and weights.dtype.kind == "c":
        raise TypeError(
            "Cannot cast array data from dtype('complex128') to dtype('float64') according to the rule 'safe'"
        )
    r = _summed(at, inside, weights, int(np.prod(shape)), np.dtype(float))
    r = reshape(r.astype(float) if weights is None else r, shape)
    if density:
        total = sum_(r)
        for k, e in enumerate(edges):
            r = a.divide(r, reshape(e[1:] - e[:-1], tuple(-1 if j == k else 1 for j in np.arange(rank))))
        r = a.divide(r, total)
    return r, edges


@implements(np.histogram2d)
def histogram2d(x, y, bins=10, range=None, density=None, weights=None):
    """`numpy.histogram2d`."""
    if shape_of(as_operand(x)) != shape_of(as_operand(y)):
        raise ValueError("x and y must have the same length.")
    if not isplain(bins, int | np.integer) and len(bins) not in (1, 2):
        bins = [as_operand(bins)] * 2
    r, edges = histogramdd([x, y], bins, range, density, weights)
    return r, edges[0], edges[1]


# ----------------------------------------------------------------------------------------------- covariance
def _variables(m, rowvar):
    """Return the variables as rows."""
    if len(shape_of(m)) > 2:
        raise ValueError("m has more than 2 dimensions")
    rows = viewed(m, np.atleast_2d) if len(shape_of(m)) < 2 else m
    return rows if rowvar or (shape_of(rows)[0] == 1 and len(shape_of(m)) < 2) else swap(rows)


@implements(np.cov)
def cov(m, y=None, rowvar=True, bias=False, ddof=None, fweights=None, aweights=None, *, dtype=None):
    """`numpy.cov`."""
    if ddof is not None and ddof != int(ddof):
        raise ValueError("ddof must be integer")
    m = as_operand(m)
    y = None if y is None else as_operand(y)
    if dtype is None:
        dtype = np.result_type(m.dtype, np.float64, *(() if y is None else (y.dtype,)))
    x = _variables(m, rowvar)
    if y is not None:
        y = _variables(y, rowvar)
        x = concatenate((x, y), axis=0)
    x = x if x.dtype == dtype else a.astype(x, dtype=np.dtype(dtype))
    ddof = (0 if bias else 1) if ddof is None else ddof
    w = None
    if fweights is not None:
        w = np.asarray(values_for_shape(as_operand(fweights)), float)
        if not np.all(w == np.around(w)):
            raise TypeError("fweights must be integer")
        if (w < 0).any():
            raise ValueError("fweights cannot be negative")
    if aweights is not None:
        aweights = as_operand(aweights)
        if np.any(np.less(aweights, 0)):
            raise ValueError("aweights cannot be negative")
        w = aweights if w is None else a.multiply(w, aweights)
    if w is not None and (len(shape_of(w)) != 1 or shape_of(w)[0] != shape_of(x)[1]):
        raise RuntimeError("incompatible numbers of samples and weights")
    if w is None:
        mean, factor = average(x, 1), shape_of(x)[1] - ddof
    else:
        mean, total = average(x, 1, w, True)
        factor = total[0]
        if ddof and aweights is None:
            factor = factor - ddof
        elif ddof:
            factor = factor - ddof * sum_(a.multiply(w, aweights)) / factor
    if factor <= 0:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=2)
        factor = 0.0
    x = a.subtract(x, viewed(mean, lambda v: v[:, None]))
    weighted = swap(x if w is None else a.multiply(x, w))
    c = np.matmul(x, np.conj(weighted) if x.dtype.kind == "c" else weighted)
    c = a.multiply(c, a.divide(1.0, factor))
    c = c if c.dtype == x.dtype else a.astype(c, dtype=x.dtype)  # which NumPy multiplies in place
    return viewed(c, np.squeeze) if 1 in shape_of(c) else c


@implements(np.corrcoef)
def corrcoef(x, y=None, rowvar=True, *, dtype=None):
    """`numpy.corrcoef`."""
    c = cov(x, y, rowvar, dtype=dtype)
    if not shape_of(c):
        return a.divide(c, c)
    deviation = np.sqrt(np.real(np.diagonal(c)))
    c = a.divide(a.divide(c, viewed(deviation, lambda v: v[:, None])), viewed(deviation, lambda v: v[None]))
    if c.dtype.kind == "c":
        return a.add(clip(np.real(c), -1, 1), a.multiply(1j, clip(np.imag(c), -1, 1)))
    return clip(c, -1, 1)
