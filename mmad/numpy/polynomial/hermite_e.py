"""`numpy.polynomial.hermite_e` of traced values."""

from numpy.polynomial import hermite_e

from mmad.numpy.polynomial._copies import reading

__getattr__, __dir__ = reading(hermite_e)
