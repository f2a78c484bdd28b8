"""`numpy.polynomial.polyutils` of traced values."""

from numpy.polynomial import polyutils

from mmad.numpy.polynomial._copies import reading

__getattr__, __dir__ = reading(polyutils)
