"""B-splines: their value in points, coefficients and knots, by the recurrence of Cox and de Boor."""

import numpy as np
import scipy.interpolate as _scipy

from mmad.errors import UnsupportedError
from mmad.numpy import asarray
from mmad.ops.extremes import interval
from mmad.scipy._drop_in import any_traced, replaces
from mmad.scipy.interpolate.piecewise import Interpolant, column

__all__ = []


def _design(t, k, x):
    """Return the values of all B-splines of degree k at points, a row a point."""
    count = t.shape[0] - k - 1
    piece = np.clip(interval(t, x), k, count - 1)
    basis = (piece[:, None] == np.arange(t.shape[0] - 1)).astype(float)
    points = x[:, None]
    for d in range(1, k + 1):
        m = t.shape[0] - 1 - d
        left, right = t[d : d + m] - t[:m], t[d + 1 :] - t[1 : m + 1]
        has = t[d : d + m] > t[:m], t[d + 1 :] > t[1 : m + 1]
        up = np.where(has[0], (points - t[:m]) / np.where(has[0], left, 1.0), 0.0)
        down = np.where(has[1], (t[d + 1 :] - points) / np.where(has[1], right, 1.0), 0.0)
        basis = up * basis[:, :m] + down * basis[:, 1 : m + 1]
    return basis


def _spline_value(t, c, k, x, nu):
    """Return the value, or a derivative, of a spline at a vector of points; coefficients along the first axis."""
    count = t.shape[0] - k - 1
    c = c[:count]
    for _ in range(nu):
        if k == 0:
            return 0.0 * c[np.zeros(x.shape[0], int)]
        gaps = t[k + 1 : -1] - t[1 : -k - 1]
        inner = column(np.where(gaps > 0, gaps, 1.0), c)
        c, t, k = k * np.diff(c, axis=0) / inner, t[1:-1], k - 1
    return np.tensordot(_design(t, k, x), c, axes=(1, 0))


class BSpline(Interpolant):
    """A spline by knots, coefficients and degree."""

    def __init__(self, t, c, k, extrapolate=True, axis=0):
        super().__init__(None if any_traced((t, c)) else _scipy.BSpline(t, c, k, extrapolate, axis))
        self.t, self.c, self.k = asarray(t) * 1.0, np.moveaxis(asarray(c) * 1.0, axis, 0), int(k)
        self.extrapolate, self.axis = extrapolate, axis

    def traced(self, x, nu=0, extrapolate=None):
        """Return values, or derivatives of order nu, at points."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        x, t, k = asarray(x), self.t, self.k
        flat, count = x.reshape(-1) * 1.0, self.t.shape[0] - self.k - 1
        if extrapolate == "periodic":
            flat = t[k] + (flat - t[k]) % (t[count] - t[k])
        out = _spline_value(t, self.c, k, flat, nu)
        if not extrapolate:
            out = np.where(column(asarray((flat >= t[k]) & (flat <= t[count])), out), out, np.nan)
        out = out.reshape(x.shape + self.c.shape[1:])
        return np.moveaxis(out, range(x.ndim), range(self.axis, self.axis + x.ndim)) if self.axis else out


def _knots(x, k):
    """Return the knots that SciPy chooses for interpolation at x."""
    middles = x if k % 2 else (x[1:] + x[:-1]) / 2.0
    inner = middles[(k + 1) // 2 : middles.shape[0] - (k + 1) // 2]
    if k == 0:
        return np.concatenate([x, x[-1:]])
    return np.concatenate([x[:1]] * (k + 1) + [inner] + [x[-1:]] * (k + 1))


def make_interp_spline(x, y, k=3, t=None, bc_type=None, axis=0, check_finite=True):
    """Return the interpolating spline of a degree, which takes traced points."""
    if not any_traced((x, y, t)):
        own = _scipy.make_interp_spline(x, y, k, t, bc_type, axis, check_finite)
        return BSpline(own.t, np.moveaxis(own.c, 0, own.axis), own.k, axis=own.axis)
    if bc_type not in (None, "not-a-knot"):
        raise UnsupportedError(
            "mmad.scipy.interpolate.make_interp_spline of traced values takes no bc_type: write "
            "CubicSpline(x, y, bc_type=...)"
        )
    x, y = asarray(x) * 1.0, np.moveaxis(asarray(y) * 1.0, axis, 0)
    t = _knots(x, k) if t is None else asarray(t) * 1.0
    flat = y.reshape(y.shape[0], -1)
    c = np.linalg.solve(_design(t, k, x), flat).reshape(y.shape)
    return BSpline(t, np.moveaxis(c, 0, axis), k, axis=axis)


@replaces(_scipy.splrep)
def splrep(x, y, k=3, s=None):
    """Return knots, coefficients and degree of an interpolating spline, as FITPACK does."""
    if s:
        raise UnsupportedError("mmad.scipy.interpolate.splrep of traced values interpolates only: leave s out")
    x, y = asarray(x) * 1.0, asarray(y) * 1.0
    t = _knots(x, k)
    c = np.linalg.solve(_design(t, k, x), y)
    return t, np.concatenate([c, np.zeros(k + 1)]), k


@replaces(_scipy.splev)
def splev(x, tck, der=0, ext=0):
    """Return values or derivatives of a spline of `splrep`."""
    t, c, k = (tck.t, tck.c, tck.k) if isinstance(tck, BSpline) else tck
    if isinstance(c, list):
        return [splev(x, (t, part, k), der, ext) for part in c]
    x, t, c = asarray(x), asarray(t) * 1.0, asarray(c) * 1.0
    count, flat = t.shape[0] - k - 1, x.reshape(-1) * 1.0
    outside = asarray((flat < t[k]) | (flat > t[count]))
    if ext == 2 and outside.any():
        raise ValueError("Error code returned by splev: 1")
    points = np.clip(flat, t[k], t[count]) if ext == 3 else flat
    out = _spline_value(t, c, k, points, der)
    return (np.where(outside, 0.0, out) if ext == 1 else out).reshape(x.shape)


class InterpolatedUnivariateSpline(Interpolant):
    """The spline of a degree through points."""

    def __init__(self, x, y, w=None, bbox=(None, None), k=3, ext=0, check_finite=False):
        own = None
        if not any_traced((x, y)):
            own = _scipy.InterpolatedUnivariateSpline(x, y, w, list(bbox), k, ext, check_finite)
        super().__init__(own)
        self.ext = {"extrapolate": 0, "zeros": 1, "raise": 2, "const": 3}.get(ext, ext)
        self.tck = own._eval_args if own is not None else splrep(x, y, k=k)

    def traced(self, x, nu=0, ext=None):
        """Return values, or derivatives of order nu, at points."""
        return splev(x, self.tck, nu, self.ext if ext is None else ext)
