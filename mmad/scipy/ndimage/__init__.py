"""`scipy.ndimage`, whose functions in `__all__` take traced values, too: SciPy's C code computes the values."""

import scipy.ndimage as _scipy

from mmad.scipy._drop_in import handed_through
from mmad.scipy.ndimage import filters, fourier, interpolation, measurements, selection
from mmad.scipy.ndimage._arguments import FUNCTIONS

_MODULES = (filters, fourier, interpolation, measurements, selection)
__all__ = list(FUNCTIONS)
globals().update(FUNCTIONS)
__getattr__, __dir__ = handed_through(_scipy, __all__)
