"""Interpolation on a grid: products of linear interpolations, or the nearest value."""

import itertools

import numpy as np
import scipy.interpolate as _scipy

from mmad.errors import UnsupportedError
from mmad.numpy import asarray
from mmad.ops.extremes import interval
from mmad.ops.movement import gather
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
        if count == 1 and xi.ndim == 1:  # points of a line
            xi = xi[:, None]
        flat = xi.reshape(-1, count)
        places, parts, outside = [], [], np.zeros(flat.shape[0], bool)
        for k, knots in enumerate(self.grid):
            x = flat[:, k]
            outside = outside | (x < knots[0]) | (x > knots[-1])
            i = interval(knots, x)
            low = gather(knots, i)
            places.append(i)
            parts.append((x - low) / (gather(knots, i + 1) - low))
        if self.bounds_error and outside.any():
            raise ValueError("One of the requested xi is out of bounds")
        table = self.values.reshape(-1, *self.values.shape[count:])

        def place_of(numbers):
            """Return the number in the table of a place, given along each axis."""
            place = 0
            for k, knots in zip(numbers, self.grid, strict=True):
                place = place * knots.shape[0] + k
            return place

        out = None
        if method == "nearest":
            nearest = [np.where(w <= 0.5, i, i + 1) for i, w in zip(places, parts, strict=True)]
            out = gather(table, place_of(nearest))
        else:
            first = place_of(places)
            for corner in itertools.product((0, 1), repeat=count):
                weight = 1.0
                for far, w in zip(corner, parts, strict=True):
                    weight = weight * (w if far else 1.0 - w)
                term = gather(table, first + place_of(corner))
                term = term * weight.reshape((-1,) + (1,) * (term.ndim - 1))
                out = term if out is None else out + term
        if not self.bounds_error and self.fill_value is not None:
            out = np.where(outside.reshape((-1,) + (1,) * (out.ndim - 1)), self.fill_value, out)
        return out.reshape(xi.shape[:-1] + self.values.shape[count:])


@replaces(_scipy.interpn)
def interpn(points, values, xi, method="linear", bounds_error=True, fill_value=np.nan):
    """Return the values of a grid's interpolant at points."""
    return RegularGridInterpolator(points, values, method, bounds_error, fill_value).traced(xi)
