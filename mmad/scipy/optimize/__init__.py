"""`scipy.optimize`, differentiated by the equations that roots and minima solve, never through iterations.

SciPy's functions find the solution, with plain values.  What they are given may hold traced values: `args`, limits,
data, and whatever the functions that are solved or minimised hold in their closures.
"""

import scipy.optimize as _scipy

from mmad.scipy._drop_in import handed_through
from mmad.scipy.optimize.least_squares import curve_fit, least_squares, leastsq, lsq_linear, nnls
from mmad.scipy.optimize.linear import linprog
from mmad.scipy.optimize.minima import brent, fminbound, golden, minimize, minimize_scalar
from mmad.scipy.optimize.roots import (
    bisect,
    brenth,
    brentq,
    fixed_point,
    fsolve,
    newton,
    ridder,
    root,
    root_scalar,
    toms748,
)

__all__ = [
    "bisect",
    "brent",
    "brenth",
    "brentq",
    "curve_fit",
    "fixed_point",
    "fminbound",
    "fsolve",
    "golden",
    "least_squares",
    "leastsq",
    "linprog",
    "lsq_linear",
    "minimize",
    "minimize_scalar",
    "newton",
    "nnls",
    "ridder",
    "root",
    "root_scalar",
    "toms748",
]
__getattr__, __dir__ = handed_through(_scipy, __all__)
