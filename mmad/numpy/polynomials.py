"""Polynomials given by their coefficients, the leading one first: arithmetic, calculus, roots, fits."""

import warnings

import numpy as np

from mmad._core import dtype_of, shape_of
from mmad.numpy._implements import implements
from mmad.numpy.decompositions import real_if_all
from mmad.numpy.joining import as_operand
from mmad.numpy.ordering import values_for_shape
from mmad.numpy.shaping import atleast_1d
from mmad.ops import arithmetic as a
from mmad.ops.general_eigen import in_pairs
from mmad.ops.movement import concatenate, viewed

__all__ = ["poly", "polyadd", "polyder", "polydiv", "polyfit", "polyint", "polymul", "polysub", "roots"]


def _coefficients(p):
    """Return coefficients as a vector of floating-point numbers."""
    p = atleast_1d(as_operand(p.coeffs if isinstance(p, np.poly1d) else p))
    if len(shape_of(p)) != 1:
        raise ValueError("Polynomial must be 1d only.")
    return p if dtype_of(p).kind in "fc" else a.astype(p, dtype=np.dtype(float))


def _as_given(r, *operands):
    return np.poly1d(r) if any(isinstance(p, np.poly1d) for p in operands) else r


def _longer(p, n):
    """Return coefficients with zeros before them, n in all."""
    missing = n - shape_of(p)[0]
    return concatenate(np.zeros(missing, dtype_of(p)), p, axis=0) if missing else p


def _same_length(p, q):
    p, q = _coefficients(p), _coefficients(q)
    n = max(shape_of(p)[0], shape_of(q)[0])
    return _longer(p, n), _longer(q, n)


@implements(np.polyadd)
def polyadd(a1, a2):
    """`numpy.polyadd`."""
    return _as_given(a.add(*_same_length(a1, a2)), a1, a2)


@implements(np.polysub)
def polysub(a1, a2):
    """`numpy.polysub`."""
    return _as_given(a.subtract(*_same_length(a1, a2)), a1, a2)


def _without_leading_zeros(p):
    """Return coefficients as `numpy.poly1d` has them."""
    p = _coefficients(p)
    found = np.flatnonzero(np.asarray(values_for_shape(p)) != 0) if bool(p[0] == 0) else (0,)
    return p[found[0] :] if len(found) else p[-1:]


@implements(np.polymul)
def polymul(a1, a2):
    """`numpy.polymul`."""
    return _as_given(np.convolve(_without_leading_zeros(a1), _without_leading_zeros(a2)), a1, a2)


@implements(np.polydiv)
def polydiv(u, v):
    """`numpy.polydiv`: the quotient and the remainder."""
    top, bottom = _coefficients(u), _coefficients(v)
    m, n = shape_of(top)[0] - 1, shape_of(bottom)[0] - 1
    rest, quotient = a.add(top, a.multiply(0.0, bottom[0])), []
    scale = 1.0 / bottom[0]
    for k in range(m - n + 1):
        d = scale * rest[k]
        quotient.append(d)
        parts = [rest[:k], a.subtract(rest[k : k + n + 1], d * bottom), rest[k + n + 1 :]]
        rest = concatenate(*[x for x in parts if shape_of(x)[0]], axis=0)
    if not quotient:
        quotient = [0.0 * rest[0]]
    while shape_of(rest)[0] > 1 and bool(abs(rest[0]) <= 1e-8):
        rest = rest[1:]
    return _as_given(np.stack(quotient), u, v), _as_given(rest, u, v)


@implements(np.polyder)
def polyder(p, m=1):
    """`numpy.polyder`."""
    m = int(m)
    if m < 0:
        raise ValueError("Order of derivative must be positive (see polyint)")
    c = _coefficients(p)
    for _ in range(m):
        n = shape_of(c)[0] - 1
        c = a.multiply(c[:-1], np.arange(n, 0, -1))
    return _as_given(c, p)


@implements(np.polyint)
def polyint(p, m=1, k=None):
    """`numpy.polyint`."""
    m = int(m)
    if m < 0:
        raise ValueError("Order of integral must be positive (see polyder)")
    k = atleast_1d(as_operand(np.zeros(m) if k is None else k))
    if shape_of(k) == (1,) and m > 1:
        k = np.broadcast_to(k, (m,))
    if shape_of(k)[0] < m:
        raise ValueError("k must be a scalar or a rank-1 array of length 1 or >m.")
    c = _coefficients(p)
    for order in range(m):
        n = shape_of(c)[0]
        divided = a.divide(c, np.arange(n, 0, -1))
        c = np.concatenate([divided, k[order : order + 1]])
    return _as_given(c, p)


@implements(np.poly)
def poly(seq_of_zeros):
    """`numpy.poly`: the coefficients of the polynomial with given roots, or of a matrix."""
    z = atleast_1d(as_operand(seq_of_zeros))
    shape = shape_of(z)
    if len(shape) == 2 and shape[0] == shape[1] and shape[0]:
        z = np.linalg.eigvals(z)
    elif len(shape) != 1:
        raise ValueError("input must be 1d or non-empty square 2d array.")
    if not shape_of(z)[0]:
        return 1.0
    c = np.ones(1, dtype_of(z))
    for k in range(shape_of(z)[0]):
        c = concatenate(c, np.zeros(1, dtype_of(z)), axis=0) - z[k] * concatenate(np.zeros(1, dtype_of(z)), c, axis=0)
    return a.real(c) if dtype_of(c).kind == "c" and bool(in_pairs(z)) else c


@implements(np.roots)
def roots(p):
    """`numpy.roots`: eigenvalues of the companion matrix."""
    p = atleast_1d(as_operand(p))
    if len(shape_of(p)) != 1:
        raise ValueError("Input must be a rank-1 array.")
    c = _coefficients(p)
    places = np.flatnonzero(np.asarray(values_for_shape(c != 0.0)))
    if not len(places):
        return np.array([])
    trailing = shape_of(c)[0] - 1 - int(places[-1])
    c = c[int(places[0]) : int(places[-1]) + 1]
    n = shape_of(c)[0] - 1
    if not n:
        return np.zeros(trailing, dtype_of(c))
    first = viewed(a.negative(a.divide(c[1:], c[0])), lambda x: x[None])
    companion = concatenate(first, np.eye(n - 1, n, dtype=dtype_of(c)), axis=0)
    (found,) = real_if_all(companion, np.linalg.eigvals(companion))
    return concatenate(found, np.zeros(trailing, dtype_of(found)), axis=0) if trailing else found


@implements(np.polyfit)
def polyfit(x, y, deg, rcond=None, full=False, w=None, cov=False):
    """`numpy.polyfit`."""
    order = int(deg) + 1
    x, y = as_operand(x), as_operand(y)
    if deg < 0:
        raise ValueError("expected deg >= 0")
    if len(shape_of(x)) != 1:
        raise TypeError("expected 1D vector for x")
    if not shape_of(x)[0]:
        raise TypeError("expected non-empty vector for x")
    if len(shape_of(y)) not in (1, 2):
        raise TypeError("expected 1D or 2D array for y")
    if shape_of(x)[0] != shape_of(y)[0]:
        raise TypeError("expected x and y to have same length")
    x, y = (v if dtype_of(v).kind in "fc" else a.astype(v, dtype=np.dtype(float)) for v in (x, y))
    rcond = shape_of(x)[0] * np.finfo(dtype_of(x)).eps if rcond is None else rcond
    wide = np.promote_types(dtype_of(x), int)  # of the matrix that NumPy makes
    x = x if dtype_of(x) == wide else a.astype(x, dtype=wide)
    columns = [np.ones(shape_of(x), wide)]
    for _ in range(order - 1):
        columns.insert(0, columns[0] * x)
    lhs, rhs = np.stack(columns, axis=1), y
    if w is not None:
        w = as_operand(w)
        if shape_of(w) != shape_of(y)[:1]:
            raise TypeError("expected w and y to have the same length")
        lhs = lhs * viewed(w, lambda v: v[:, None])
        rhs = rhs * (viewed(w, lambda v: v[:, None]) if len(shape_of(y)) == 2 else w)
    scale = np.sqrt((lhs * lhs).sum(axis=0))
    lhs = lhs / scale
    c, residuals, rank, s = np.linalg.lstsq(lhs, rhs, rcond)
    c = (c.T / scale).T
    if bool(rank != order) and not full:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    if full:
        return c, residuals, rank, s, rcond
    if not cov:
        return c
    base = np.linalg.inv(lhs.T @ lhs) / np.outer(scale, scale)
    if cov == "unscaled":
        factor = 1.0
    elif shape_of(x)[0] <= order:
        raise ValueError("the number of data points must exceed order to scale the covariance matrix")
    else:
        factor = residuals / (shape_of(x)[0] - order)
    return c, (base if len(shape_of(y)) == 1 else viewed(base, lambda v: v[:, :, None])) * factor
