"""`numpy.polynomial`, whose functions and classes take traced values: see `mmad.numpy.polynomial._copies`."""

from numpy import polynomial as _numpy

from mmad.numpy.polynomial import chebyshev, hermite, hermite_e, laguerre, legendre, polynomial, polyutils

Polynomial = polynomial.Polynomial
Chebyshev = chebyshev.Chebyshev
Legendre = legendre.Legendre
Hermite = hermite.Hermite
HermiteE = hermite_e.HermiteE
Laguerre = laguerre.Laguerre

__all__ = [
    "Chebyshev",
    "Hermite",
    "HermiteE",
    "Laguerre",
    "Legendre",
    "Polynomial",
    "chebyshev",
    "hermite",
    "hermite_e",
    "laguerre",
    "legendre",
    "polynomial",
    "polyutils",
    "set_default_printstyle",
]

set_default_printstyle = _numpy.set_default_printstyle
