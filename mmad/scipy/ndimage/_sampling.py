"""Operations of `scipy.ndimage` that sample an image between its points: B-splines, and their coefficients.

The value at p is sum_k c_k prod_d B(p_d - k_d).  Its derivatives in p are the same sums with derivatives of B, which
are differences of B-splines of a lower degree, so that one operation with an order of derivative for each axis is
closed under differentiation; so is its transpose, which spreads numbers over the image.

The coefficients of an image are a recursive filter.  It is the inverse of a symmetric correlation, so that its adjoint
is the filter itself, but for the elements at the ends where the image is mirrored about them.

References
----------
M. Unser, "Splines: a perfect fit for signal and image processing", IEEE Signal Processing Magazine 16 (6), 1999.
"""

import itertools

import numpy as np
import scipy.ndimage as _scipy

from mmad._core import dtype_of, shape_of
from mmad.ops import arithmetic as a
from mmad.ops.declare import linear
from mmad.ops.movement import stacked, viewed
from mmad.ops.products import adjoint_of
from mmad.ops.reduction import matmul
from mmad.scipy.ndimage._borders import folded
from mmad.tape._instructions import Op

__all__ = ["coefficients", "sampled", "spread"]

IMAGE = np.array([[0.7, -1.2, 0.4, 2.1], [1.3, 0.2, -0.8, 0.5], [-0.4, 0.9, 1.6, -0.3]])
POINTS = np.array([[0.3, 1.6, -0.7], [2.4, 0.9, 3.2]])

#: How SciPy continues the coefficients, where it does so in another way than it maps the points.
CONTINUED = {"constant": "mirror", "wrap": "mirror"}
SHORT = 32  # SciPy's filter of a mirrored line is symmetric to the last digit from here on; by 2e-2 not for two points


# --- coefficients -----------------------------------------------------------------------------------------
def _adjoint(ct, x, order, axis, mode):
    n = shape_of(x)[axis]
    if mode in ("reflect", "grid-mirror", "nearest") and n < SHORT:
        matrix = _scipy.spline_filter1d(np.eye(n), order, 0, mode=mode)
        y = matmul(viewed(ct, lambda m: np.moveaxis(m, axis, -1)), matrix)
        return viewed(y, lambda m: np.moveaxis(m, -1, axis))
    if mode not in ("constant", "grid-constant", "mirror", "wrap") or n < 2:
        return coefficients(ct, order=order, axis=axis, mode=mode)
    ends = np.ones(n)
    ends[[0, -1]] = 0.5
    ends = ends.reshape((-1,) + (1,) * (-axis - 1))
    return a.multiply(coefficients(a.divide(ct, ends), order=order, axis=axis, mode=mode), ends)


# `axis` is negative.
coefficients = linear(
    "scipy.ndimage.coefficients",
    lambda x, order, axis, mode: _scipy.spline_filter1d(x, order, axis, np.result_type(x, float), mode),
    {0: _adjoint},
    batch=lambda vals, batched, **params: coefficients(vals[0], **params),
    probes=tuple(
        (IMAGE, {"order": order, "axis": axis, "mode": mode})
        for order, axis, mode in ((3, -1, "mirror"), (5, -2, "reflect"), (2, -1, "grid-wrap"))
    ),
)


# --- samples ----------------------------------------------------------------------------------------------
def _mapped(p, n, mode):
    """Return coordinates mapped into the image, their slopes, and where the constant is taken instead."""
    outside = np.zeros(p.shape, bool)
    if mode in ("grid-constant", "nearest"):  # the coefficients are continued instead
        return p, np.ones(p.shape), outside
    if mode == "constant":
        outside = ~((p >= 0) & (p <= n - 1))
        return np.where(outside, 0.0, p), np.where(outside, 0.0, 1.0), outside
    if n == 1:
        return np.zeros(p.shape), np.zeros(p.shape), outside
    if mode == "wrap":
        before, after = p + (n - 1) * (np.floor(-p / (n - 1)) + 1), p - (n - 1) * np.floor(p / (n - 1))
        return np.where(p < 0, before, np.where(p > n - 1, after, p)), np.ones(p.shape), outside
    if mode == "grid-wrap":
        return np.where((p <= -1) | (p >= n), p % n, p), np.ones(p.shape), outside
    if mode == "mirror":
        r = p % (2 * n - 2)
        back = r > n - 1
        return np.where(back, 2 * n - 2 - r, r), np.where(back, -1.0, 1.0), outside
    if mode in ("reflect", "grid-mirror"):
        r = (p + 0.5) % (2 * n) - 0.5
        back = r > n - 0.5
        return np.where(back, 2 * n - 1 - r, r), np.where(back, -1.0, 1.0), outside
    raise RuntimeError("boundary mode not supported")


def _basis(s, degree, derivative):
    """Return the B-splines of a degree that are not zero at s in [0, 1), from the left one, or their derivatives."""
    if derivative > degree:
        return [np.zeros_like(s)] * (degree + 1)
    if degree == 0:
        return [np.ones_like(s)]
    lower = [np.zeros_like(s), *_basis(s, degree - 1, max(derivative - 1, 0)), np.zeros_like(s)]
    if derivative:
        return [lower[k] - lower[k + 1] for k in range(degree + 1)]
    return [((s + degree - k) * lower[k] + (1 - s + k) * lower[k + 1]) / degree for k in range(degree + 1)]


def _terms(p, shape, order, mode, nu):
    """Yield where the coefficients are in the flat image, -1 for the constant, and their weights."""
    places, weights, lost = [], [], np.zeros(p.shape[1:], bool)
    for x, n, derivative in zip(p, shape, nu, strict=True):
        x, slope, outside = _mapped(x, n, mode)
        lost |= outside
        left = np.floor(x if order % 2 else x + 0.5)
        s = x - left if order % 2 else x + 0.5 - left
        start = left.astype(np.int64) - order // 2
        places.append([folded(start + k, n, CONTINUED.get(mode, mode)) for k in range(order + 1)])
        weights.append([w * slope**derivative for w in _basis(s, order, derivative)])
    for choice in itertools.product(range(order + 1), repeat=len(shape)):
        flat, weight, beyond = 0, 1.0, lost
        for axis, k in enumerate(choice):
            flat = flat * shape[axis] + places[axis][k]
            weight = weight * weights[axis][k]
            beyond = beyond | (places[axis][k] < 0)
        yield np.where(beyond, -1, flat), weight


def _sample(c, p, order, mode, nu, cval):
    if not any(nu):
        dtype = np.complex128 if c.dtype.kind == "c" else float
        return _scipy.map_coordinates(c, p, output=dtype, order=order, mode=mode, cval=cval, prefilter=False)
    out = np.zeros(p.shape[1:], c.dtype)
    if sum(nu) > order * len(nu) or max(nu) > order:
        return out
    # where all is the constant, the sum of derivatives of the weights is zero
    flat = np.append(c.ravel(), cval if mode == "grid-constant" else 0.0)
    for place, weight in _terms(p, c.shape, order, mode, nu):
        out += flat[place] * weight
    return out


def _spread(ct, p, shape, order, mode, nu):
    size = int(np.prod(shape))
    out = np.zeros(size, ct.dtype)
    if max(nu) <= order:
        for place, weight in _terms(p, shape, order, mode, nu):
            inside = place >= 0
            where, numbers = place[inside], (ct * weight)[inside]
            if ct.dtype.kind == "c":
                out += np.bincount(where, numbers.real, size) + 1j * np.bincount(where, numbers.imag, size)
            else:
                out += np.bincount(where, numbers, size)
    return out.reshape(shape)


def _more(nu, axis):
    return tuple(k + (d == axis) for d, k in enumerate(nu))


def _coordinate(p, axis):
    return viewed(p, lambda m: m[axis])


def _sampled_jvp(dots, out, c, p, order, mode, nu, cval):
    dc, dp = dots
    total = None if dc is None else sampled(dc, p, order=order, mode=mode, nu=nu, cval=0.0)
    if dp is not None:
        for axis in range(len(nu)):
            slope = sampled(c, p, order=order, mode=mode, nu=_more(nu, axis), cval=cval)
            term = a.chain(_coordinate(dp, axis), slope)
            total = term if total is None else a.add(total, term)
    return total


def _real(x):
    return a.real(x) if dtype_of(x).kind == "c" else x


def _by_points(ct, c, p, order, mode, nu, cval):
    """Return the cotangent of the points."""
    slopes = [sampled(c, p, order=order, mode=mode, nu=_more(nu, axis), cval=cval) for axis in range(len(nu))]
    return stacked([_real(a.chain(ct, adjoint_of(slope))) for slope in slopes])


def _sampled_transpose(ct, operands, out, params, active):
    c, p = operands
    rest = {k: v for k, v in params.items() if k != "cval"}
    return [
        spread(ct, p, shape=shape_of(c), **rest) if active[0] else None,
        _by_points(ct, c, p, **params) if active[1] else None,
    ]


def _spread_jvp(dots, out, ct, p, shape, order, mode, nu):
    dct, dp = dots
    total = None if dct is None else spread(dct, p, shape=shape, order=order, mode=mode, nu=nu)
    if dp is not None:
        for axis in range(len(nu)):
            moved = a.chain(_coordinate(dp, axis), ct)
            term = spread(moved, p, shape=shape, order=order, mode=mode, nu=_more(nu, axis))
            total = term if total is None else a.add(total, term)
    return total


def _spread_transpose(g, operands, out, params, active):
    ct, p = operands
    rest = {k: v for k, v in params.items() if k != "shape"}
    return [
        sampled(g, p, cval=0.0, **rest) if active[0] else None,
        _by_points(adjoint_of(ct), adjoint_of(g), p, cval=0.0, **rest) if active[1] else None,
    ]


# Of the coefficients and of coordinates, which have an axis for those of the image first; `nu` is the order of the
# derivative along each of these.
sampled = Op(
    "scipy.ndimage.sampled",
    _sample,
    nin=2,
    kind="structural",
    jvp=_sampled_jvp,
    transpose=_sampled_transpose,
    needs_out=False,
    probes=((IMAGE, POINTS, {"order": 3, "mode": "mirror", "nu": (0, 0), "cval": 0.0}),),
)
spread = Op(
    "scipy.ndimage.spread",
    _spread,
    nin=2,
    kind="structural",
    jvp=_spread_jvp,
    transpose=_spread_transpose,
    needs_out=False,
)
