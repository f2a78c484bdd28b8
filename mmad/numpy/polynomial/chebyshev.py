"""`numpy.polynomial.chebyshev` of traced values."""

from numpy.polynomial import chebyshev

from mmad.numpy.polynomial._copies import reading

__getattr__, __dir__ = reading(chebyshev)
