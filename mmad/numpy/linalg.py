"""`numpy.linalg`, whose functions take traced values as they are (see `mmad.numpy.matrices`)."""

import numpy as _np


def __getattr__(name):
    return getattr(_np.linalg, name)


def __dir__():
    return dir(_np.linalg)
