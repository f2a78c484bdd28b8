"""`numpy.polynomial.laguerre` of traced values."""

from numpy.polynomial import laguerre

from mmad.numpy.polynomial._copies import reading

__getattr__, __dir__ = reading(laguerre)
