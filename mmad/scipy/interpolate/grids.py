"""Interpolation on a grid: products of linear interpolations, or the nearest value."""

import itertools

import numpy as np
import scipy.interpolate as _scipy

from mmad._core import concrete
from mmad.errors import UnsupportedError
from mmad.numpy import asarray
from mmad.scipy._drop_in import any_traced, replaces
from mmad.scipy.interpolate.piecewise import Interpolant

__all__ = []


class RegularGridInterpolator(Interpolant):
    """An interpolant of values on a grid of any spacing: linear or nearest."""

    def __init__(self, points, values, method="linear", bounds_error=True, fill_value=np.nan, **options):
        own = None
        if not any_traced((points, values, fill_value)):
            own = _scipy.RegularGridInterpolator(points, values, method, bounds_error, fill_value, **options)
        super().__init__(own)
        self.grid, self.values = tuple(asarray(p) * 1.0 for p in points), asarray(values)
        self.method, self.bounds_error, self.fill_value = method, bounds_error, fill_value

    def traced(self, xi, method=None):
        """Return the values at points, whose coordinates are along the last axis."""
        method = self.method if method is None else method
        if method not in ("linear", "nearest"):
            raise UnsupportedError(
                f"mmad.scipy.interpolate.RegularGridInterpolator: method={method!r} has no derivative here; linear has"
            )
        xi = np.stack(np.broadcast_arrays(*[asarray(x) for x in xi]), axis=-1) if isinstance(xi, tuple) else asarray(xi)
        count = len(self.grid)
        flat = xi.reshape(-1, count)
        places, parts, outside = [], [], np.zeros(flat.shape[0], bool)
        for k, knots in enumerate(self.grid):
            x, plain = flat[:, k], concrete(knots)
            p = concrete(x)
            outside |= (p < plain[0]) | (p > plain[-1])
            i = np.clip(np.searchsorted(plain, p, side="right") - 1, 0, plain.shape[0] - 2)
            places.append(i)
            parts.append((x - knots[i]) / (knots[i + 1] - knots[i]))
        if self.bounds_error and outside.any():
            raise ValueError("One of the requested xi is out of bounds")
        out = None
        if method == "nearest":
            out = self.values[tuple(np.where(concrete(w) <= 0.5, i, i + 1) for i, w in zip(places, parts, strict=True))]
        else:
            for corner in itertools.product((0, 1), repeat=count):
                weight = 1.0
                for far, w in zip(corner, parts, strict=True):
                    weight = weight * (w if far else 1.0 - w)
                term = self.values[tuple(i + far for i, far in zip(places, corner, strict=True))]
                term = term * weight.reshape((-1,) + (1,) * (term.ndim - 1))
                out = term if out is None else out + term
        if not self.bounds_error and self.fill_value is not None:
            out = np.where(outside.reshape((-1,) + (1,) * (out.ndim - 1)), self.fill_value, out)
        return out.reshape(xi.shape[:-1] + self.values.shape[count:])


@replaces(_scipy.interpn)
def interpn(points, values, xi, method="linear", bounds_error=True, fill_value=np.nan):
    """Return the values of a grid's interpolant at points."""
    return RegularGridInterpolator(points, values, method, bounds_error, fill_value).traced(xi)
