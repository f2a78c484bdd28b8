"""Piecewise polynomials: cubic splines, Hermite interpolants, `interp1d`.

The coefficients are formulas of knots and values, the value a polynomial of the point's distance from its knot; both
are NumPy code.  Which piece a point belongs to has no derivative.
"""

import math

import numpy as np
import scipy.interpolate as _scipy

from mmad.errors import UnsupportedError
from mmad.numpy import asarray, zeros_like
from mmad.ops.extremes import interval
from mmad.ops.movement import gather
from mmad.python.kinds import isplain
from mmad.scipy._drop_in import any_traced, as_double, replaces

__all__ = ["Interpolant", "column"]


def column(v, like):
    """Return a vector with axes of length 1 for those that `like` has besides the first."""
    return v.reshape((-1,) + (1,) * (like.ndim - 1))


class HandsThrough(type):
    """The class of interpolants, whose class methods (``BSpline.basis_element``) are those of SciPy's class."""

    def __getattr__(cls, name):
        plain = None if name.startswith("__") else getattr(_scipy, cls.__name__, None)
        if plain is None:
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")
        return getattr(plain, name)


class Interpolant(metaclass=HandsThrough):
    """An interpolant of traced data, or SciPy's own, which takes traced points too; other attributes are SciPy's.

    Parameters
    ----------
    own : object or None
        SciPy's interpolant of plain data.
    """

    def __init__(self, own):
        self.own = own

    def __getattr__(self, name):
        own = self.__dict__.get("own")
        if own is None:
            raise AttributeError(f"{type(self).__name__} of traced data has no attribute {name!r}")
        return getattr(own, name)

    def __call__(self, x, *args, **kwargs):
        """Return the values at points."""
        if self.own is not None and not any_traced((x, args, kwargs)):
            return self.own(x, *args, **kwargs)
        return self.traced(x, *args, **kwargs)


class PPoly(Interpolant):
    """A piecewise polynomial by its coefficients, the highest first, and its breakpoints."""

    def __init__(self, c, x, extrapolate=None, axis=0):
        own = None if any_traced((c, x)) else _scipy.PPoly(c, x, extrapolate, axis)
        super().__init__(own)
        self._set(as_double(c), as_double(x), extrapolate, axis)

    def _set(self, c, x, extrapolate, axis):
        self.c, self.x, self.axis = c, x, axis
        self.extrapolate = True if extrapolate is None else extrapolate

    def traced(self, x, nu=0, extrapolate=None):
        """Return values, or derivatives of order nu, at points some of which may be traced."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        x = asarray(x)
        flat, knots = x.reshape(-1), self.x
        if extrapolate == "periodic":
            flat = knots[0] + (flat - knots[0]) % (knots[-1] - knots[0])
        piece = interval(knots, flat)
        offset = column(flat - gather(knots, piece), self.c[0])
        degree, out = self.c.shape[0] - 1, None
        for k in range(degree + 1 - nu):
            factor = math.perm(degree - k, nu)
            term = gather(self.c[k], piece) * float(factor)
            out = term if out is None else out * offset + term
        if out is None:
            out = 0.0 * gather(self.c[0], piece)
        if not extrapolate:
            inside = (flat >= knots[0]) & (flat <= knots[-1])
            out = np.where(column(asarray(inside), out), out, np.nan)
        out = out.reshape(x.shape + self.c.shape[2:])
        return np.moveaxis(out, range(x.ndim), range(self.axis, self.axis + x.ndim)) if self.axis else out

    def derivative(self, nu=1):
        """Return the derivative, as a piecewise polynomial."""
        degree = self.c.shape[0] - 1
        factors = np.array([math.perm(degree - k, nu) for k in range(degree + 1 - nu)], float)
        return PPoly(column(factors, self.c) * self.c[: degree + 1 - nu], self.x, self.extrapolate, self.axis)

    def antiderivative(self, nu=1):
        """Return an antiderivative, as a piecewise polynomial that begins with zero."""
        if nu != 1:
            return self.antiderivative(nu - 1).antiderivative()
        degree = self.c.shape[0]
        c = self.c / column(np.arange(degree, 0.0, -1.0), self.c)
        steps = column(np.diff(self.x), self.c[0])
        parts = 0.0
        for k in range(degree):
            parts = parts * steps + c[k]
        sums = np.cumsum(parts * steps, axis=0)
        start = np.concatenate([0.0 * sums[:1], sums[:-1]])
        return PPoly(np.concatenate([c, start[None]]), self.x, self.extrapolate, self.axis)

    def integrate(self, a, b, extrapolate=None):
        """Return the integral from a to b."""
        total = self.antiderivative()
        return total(b, extrapolate=extrapolate) - total(a, extrapolate=extrapolate)


def _data(x, y, axis):
    """Return knots, and values with the axis of the knots first."""
    return as_double(x), np.moveaxis(as_double(y), axis, 0)


def _hermite(x, y, slopes):
    """Return the coefficients of the cubic pieces with these values and slopes at the knots."""
    h = column(np.diff(x), y)
    rise = np.diff(y, axis=0) / h
    t = (slopes[:-1] + slopes[1:] - 2.0 * rise) / h
    return np.stack([t / h, (rise - slopes[:-1]) / h - t, slopes[:-1], y[:-1]])


class CubicHermiteSpline(PPoly):
    """The cubic pieces with given values and slopes at the knots."""

    def __init__(self, x, y, dydx, axis=0, extrapolate=None):
        own = None if any_traced((x, y, dydx)) else _scipy.CubicHermiteSpline(x, y, dydx, axis, extrapolate)
        Interpolant.__init__(self, own)
        knots, values = _data(x, y, axis)
        self._set(_hermite(knots, values, _data(x, dydx, axis)[1]), knots, extrapolate, axis)


class CubicSpline(PPoly):
    """The cubic spline through points."""

    def __init__(self, x, y, axis=0, bc_type="not-a-knot", extrapolate=None):
        own = None if any_traced((x, y, bc_type)) else _scipy.CubicSpline(x, y, axis, bc_type, extrapolate)
        Interpolant.__init__(self, own)
        knots, values = _data(x, y, axis)
        c = _hermite(knots, values, _spline_slopes(knots, values, bc_type)) if own is None else own.c
        if extrapolate is None:
            extrapolate = "periodic" if isplain(bc_type, str) and bc_type == "periodic" else True
        self._set(c, knots, extrapolate, axis)


def _end_condition(condition):
    named = {"clamped": (1, 0.0), "natural": (2, 0.0), "not-a-knot": None}
    return named[condition] if isplain(condition, str) else condition


def _spline_slopes(x, y, bc_type):
    """Return the slopes of a cubic spline at its knots: a linear system of continuous second derivatives."""
    n, h = x.shape[0], np.diff(x)
    if n < 2:
        raise ValueError("`x` must contain at least 2 elements.")
    hc = column(h, y)
    rise = np.diff(y, axis=0) / hc
    both = [bc_type, bc_type] if isplain(bc_type, str) else list(bc_type)
    if both[0] == "periodic" if isplain(both[0], str) else False:
        return _periodic_slopes(h, hc, rise, n)
    start, end = map(_end_condition, both)
    if n == 2:
        start, end = (1, rise[0]) if start is None else start, (1, rise[0]) if end is None else end
    A, b = zeros_like(h, shape=(n, n)), zeros_like(y)
    k = np.arange(1, n - 1)
    A[k, k - 1], A[k, k], A[k, k + 1] = h[1:], 2.0 * (h[:-1] + h[1:]), h[:-1]
    b[1:-1] = 3.0 * (hc[1:] * rise[:-1] + hc[:-1] * rise[1:])
    if n == 3 and start is None and end is None:  # a parabola through three points
        A[0, 0], A[0, 1], b[0] = 1.0, 1.0, 2.0 * rise[0]
        A[2, 1], A[2, 2], b[2] = 1.0, 1.0, 2.0 * rise[1]
        return np.linalg.solve(A, b)
    if start is None:
        d = x[2] - x[0]
        A[0, 0], A[0, 1] = h[1], d
        b[0] = ((h[0] + 2.0 * d) * h[1] * rise[0] + h[0] * h[0] * rise[1]) / d
    elif start[0] == 1:
        A[0, 0], b[0] = 1.0, start[1]
    else:
        A[0, 0], A[0, 1] = 2.0 * h[0], h[0]
        b[0] = 3.0 * (y[1] - y[0]) - 0.5 * start[1] * h[0] * h[0]
    if end is None:
        d = x[n - 1] - x[n - 3]
        A[n - 1, n - 1], A[n - 1, n - 2] = h[n - 3], d
        b[n - 1] = (h[n - 2] * h[n - 2] * rise[n - 3] + (2.0 * d + h[n - 2]) * h[n - 3] * rise[n - 2]) / d
    elif end[0] == 1:
        A[n - 1, n - 1], b[n - 1] = 1.0, end[1]
    else:
        A[n - 1, n - 1], A[n - 1, n - 2] = 2.0 * h[n - 2], h[n - 2]
        b[n - 1] = 3.0 * (y[n - 1] - y[n - 2]) + 0.5 * end[1] * h[n - 2] * h[n - 2]
    return np.linalg.solve(A, b)


def _periodic_slopes(h, hc, rise, n):
    if n == 2:
        raise UnsupportedError("a periodic cubic spline of two points has no derivative here")
    m = n - 1
    A, k = zeros_like(h, shape=(m, m)), np.arange(m)
    A[k, k] = 2.0 * (np.roll(h, 1) + h)
    np.add.at(A, (k, k - 1), h)
    np.add.at(A, (k, (k + 1) % m), np.roll(h, 1))
    s = np.linalg.solve(A, 3.0 * (hc * np.roll(rise, 1, axis=0) + np.roll(hc, 1, axis=0) * rise))
    return np.concatenate([s, s[:1]])


class PchipInterpolator(PPoly):
    """The monotone cubic interpolant of Fritsch and Butland (1984)."""

    def __init__(self, x, y, axis=0, extrapolate=None):
        own = None if any_traced((x, y)) else _scipy.PchipInterpolator(x, y, axis, extrapolate)
        Interpolant.__init__(self, own)
        knots, values = _data(x, y, axis)
        self._set(_hermite(knots, values, _pchip_slopes(knots, values)), knots, extrapolate, axis)


def _pchip_end(h0, h1, m0, m1):
    """Return the one-sided slope of three points, kept from overshooting."""
    d = ((2.0 * h0 + h1) * m0 - h0 * m1) / (h0 + h1)
    turned = np.sign(d) != np.sign(m0)
    steep = (np.sign(m0) != np.sign(m1)) & (abs(d) > 3.0 * abs(m0))
    return np.where(turned, 0.0, np.where(steep, 3.0 * m0, d))


def _pchip_slopes(x, y):
    h = column(np.diff(x), y)
    m = np.diff(y, axis=0) / h
    if x.shape[0] == 2:
        return np.concatenate([m, m])
    flat = (np.sign(m[1:]) != np.sign(m[:-1])) | (m[1:] == 0) | (m[:-1] == 0)
    w1, w2 = 2.0 * h[1:] + h[:-1], h[1:] + 2.0 * h[:-1]
    one = np.where(flat, 1.0, m[:-1]), np.where(flat, 1.0, m[1:])
    inner = np.where(flat, 0.0, (w1 + w2) / (w1 / one[0] + w2 / one[1]))
    first, last = _pchip_end(h[0], h[1], m[0], m[1]), _pchip_end(h[-1], h[-2], m[-1], m[-2])
    return np.concatenate([first[None], inner, last[None]])


class Akima1DInterpolator(PPoly):
    """Akima's interpolant (1970), or the modified one."""

    def __init__(self, x, y, axis=0, *, method="akima", extrapolate=None):
        own = None
        if not any_traced((x, y)):
            own = _scipy.Akima1DInterpolator(x, y, axis, method=method, extrapolate=extrapolate)
        Interpolant.__init__(self, own)
        knots, values = _data(x, y, axis)
        slopes = _akima_slopes(knots, values, method) if own is None else None
        self._set(own.c if own is not None else _hermite(knots, values, slopes), knots, bool(extrapolate), axis)


def _akima_slopes(x, y, method):
    m = np.diff(y, axis=0) / column(np.diff(x), y)
    if x.shape[0] == 2:
        return np.concatenate([m, m])
    first = 2.0 * m[0] - m[1]
    last = 2.0 * m[-1] - m[-2]
    m = np.concatenate([(2.0 * first - m[0])[None], first[None], m, last[None], (2.0 * last - m[-1])[None]])
    change = abs(np.diff(m, axis=0))
    if method == "makima":
        mean = abs(m[1:] + m[:-1])
        f1, f2 = change[2:] + 0.5 * mean[2:], change[:-2] + 0.5 * mean[:-2]
    else:
        f1, f2 = change[2:], change[:-2]
    total = f1 + f2
    known = total > 1e-9 * total.max()
    weighted = (f1 * m[1:-2] + f2 * m[2:-1]) / np.where(known, total, 1.0)
    return np.where(known, weighted, 0.5 * (m[3:] + m[:-3]))


@replaces(_scipy.pchip_interpolate)
def pchip_interpolate(xi, yi, x, der=0, axis=0):
    """Return the monotone cubic interpolant, or its derivative, at points."""
    return PchipInterpolator(xi, yi, axis)(x, der)
