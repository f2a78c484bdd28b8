"""NumPy's Fourier transforms; its functions take traced values."""

from numpy.fft import *  # noqa: F403
