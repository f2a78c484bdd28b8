"""`scipy.signal`, whose functions in `__all__` take traced values, too: SciPy computes convolutions and filters."""

import scipy.signal as _scipy

from mmad.scipy._drop_in import handed_through
from mmad.scipy.signal import convolution, filtering, resampling, spectra
from mmad.scipy.signal._arguments import FUNCTIONS

_MODULES = (convolution, filtering, resampling, spectra)
__all__ = list(FUNCTIONS)
globals().update(FUNCTIONS)
__getattr__, __dir__ = handed_through(_scipy, __all__)
