"""`numpy.polynomial.legendre` of traced values."""

from numpy.polynomial import legendre

from mmad.numpy.polynomial._copies import reading

__getattr__, __dir__ = reading(legendre)
