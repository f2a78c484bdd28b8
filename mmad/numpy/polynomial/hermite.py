"""`numpy.polynomial.hermite` of traced values."""

from numpy.polynomial import hermite

from mmad.numpy.polynomial._copies import reading

__getattr__, __dir__ = reading(hermite)
