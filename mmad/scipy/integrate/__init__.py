"""`scipy.integrate`, differentiated under the integral sign, and along solutions of differential equations.

SciPy's functions choose the nodes and steps, with plain values.  Integrands and right-hand sides may hold traced
values; limits, samples, times and initial values may be traced.
"""

import scipy.integrate as _scipy

from mmad.scipy._drop_in import handed_through
from mmad.scipy.integrate.differential import odeint, solve_ivp
from mmad.scipy.integrate.quadrature import dblquad, fixed_quad, quad, quad_vec
from mmad.scipy.integrate.samples import cumulative_simpson, cumulative_trapezoid, romb, simpson, trapezoid

__all__ = [
    "cumulative_simpson",
    "cumulative_trapezoid",
    "dblquad",
    "fixed_quad",
    "odeint",
    "quad",
    "quad_vec",
    "romb",
    "simpson",
    "solve_ivp",
    "trapezoid",
]
__getattr__, __dir__ = handed_through(_scipy, __all__)
