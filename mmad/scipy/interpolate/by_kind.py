"""`interp1d`: an interpolant by kind."""

import math

import numpy as np
import scipy.interpolate as _scipy

from mmad.numpy import asarray
from mmad.ops.extremes import searchsorted
from mmad.ops.movement import gather
from mmad.python.kinds import isplain
from mmad.scipy._drop_in import any_traced
from mmad.scipy.interpolate.piecewise import Interpolant, PPoly, column
from mmad.scipy.interpolate.splines import make_interp_spline

__all__ = []


class interp1d(Interpolant):  # noqa: N801
    """An interpolant by kind: a spline of an order, or a step function."""

    def __init__(
        self, x, y, kind="linear", axis=-1, copy=True, bounds_error=None, fill_value=np.nan, assume_sorted=False
    ):
        given = kind, axis, copy, bounds_error, fill_value, assume_sorted
        super().__init__(None if any_traced((x, y, fill_value)) else _scipy.interp1d(x, y, *given))
        x, y = asarray(x) * 1.0, asarray(y) * 1.0
        self.axis = axis % y.ndim
        y = np.moveaxis(y, axis, 0)
        if not assume_sorted:
            order = np.argsort(x, kind="stable")
            x, y = gather(x, order), gather(y, order)
        self.x, self.y, self.kind = x, y, kind
        self.fill_value = fill_value
        self.extrapolated = isplain(fill_value, str) and fill_value == "extrapolate"
        self.bounds_error = (
            bounds_error if bounds_error is not None else not self.extrapolated and not _is_given(fill_value)
        )
        self.inner = self._interpolant()

    def _interpolant(self):
        """Return the function of points inside of the knots."""
        x, y, kind = self.x, self.y, self.kind
        order = {"slinear": 1, "quadratic": 2, "cubic": 3}.get(kind, kind if isplain(kind, int) else None)
        if kind == "linear" or order == 1:
            h = column(np.diff(x), y)
            return PPoly(np.stack([np.diff(y, axis=0) / h, y[:-1]]), x)
        if order:
            return make_interp_spline(x, y, order).traced
        if kind in ("nearest", "nearest-up", "previous", "next", "zero"):
            return self._step
        raise NotImplementedError(f"{kind} is unsupported: Use fitpack routines for other types.")

    def _step(self, points):
        x, last = self.x, self.x.shape[0] - 1
        if self.kind.startswith("nearest"):
            place = searchsorted((x[1:] + x[:-1]) / 2.0, points, side="left" if self.kind == "nearest" else "right")
        elif self.kind == "next":
            place = searchsorted(x, points, side="left")
        else:
            place = searchsorted(x, points, side="right") - 1
        return gather(self.y, np.clip(place, 0, last))

    def traced(self, points):
        """Return the values at points."""
        points = asarray(points)
        flat = points.reshape(-1) * 1.0
        out = self.inner(flat)
        if self.kind == "linear":  # which SciPy computes in the precision of the data, splines in double precision
            out = out.astype(np.result_type(self.x.dtype, self.y.dtype, flat.dtype))
        below, above = flat < self.x[0], flat > self.x[-1]
        if self.bounds_error and (below.any() or above.any()):
            raise ValueError("A value in x_new is outside the interpolation range.")
        if not self.extrapolated and not self.bounds_error:
            fill = self.fill_value
            low, high = fill if isplain(fill, tuple) else (fill, fill)
            out = np.where(column(asarray(below), out), low, np.where(column(asarray(above), out), high, out))
        out = out.reshape(points.shape + self.y.shape[1:])
        return np.moveaxis(out, range(points.ndim), range(self.axis, self.axis + points.ndim)) if self.axis else out


def _is_given(fill_value):
    return not (isplain(fill_value, float) and math.isnan(fill_value))
