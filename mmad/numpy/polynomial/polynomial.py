"""`numpy.polynomial.polynomial` of traced values."""

from numpy.polynomial import polynomial

from mmad.numpy.polynomial._copies import reading

__getattr__, __dir__ = reading(polynomial)
