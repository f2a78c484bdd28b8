"""`scipy.interpolate`: interpolants in the points, the values and, where they are smooth, the knots.

An interpolant made of plain data is SciPy's own, and takes traced points too.
"""

import scipy.interpolate as _scipy

from mmad.scipy._drop_in import handed_through
from mmad.scipy.interpolate.by_kind import interp1d
from mmad.scipy.interpolate.grids import RegularGridInterpolator, interpn
from mmad.scipy.interpolate.piecewise import (
    Akima1DInterpolator,
    CubicHermiteSpline,
    CubicSpline,
    PchipInterpolator,
    PPoly,
    pchip_interpolate,
)
from mmad.scipy.interpolate.splines import BSpline, InterpolatedUnivariateSpline, make_interp_spline, splev, splrep

__all__ = [
    "Akima1DInterpolator",
    "BSpline",
    "CubicHermiteSpline",
    "CubicSpline",
    "InterpolatedUnivariateSpline",
    "PPoly",
    "PchipInterpolator",
    "RegularGridInterpolator",
    "interp1d",
    "interpn",
    "make_interp_spline",
    "pchip_interpolate",
    "splev",
    "splrep",
]
__getattr__, __dir__ = handed_through(_scipy, __all__)
