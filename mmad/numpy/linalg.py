"""`numpy.linalg`, whose functions take traced values as they are (see `mmad.numpy.matrices`)."""

import numpy as _np

from mmad.numpy._implements import taking_lists


def __getattr__(name):
    return taking_lists(getattr(_np.linalg, name))


def __dir__():
    return dir(_np.linalg)
