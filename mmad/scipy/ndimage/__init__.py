"""`scipy.ndimage`, whose functions in `__all__` take traced values, too: SciPy's C code computes the values."""

import scipy.ndimage as _scipy

from mmad.scipy._drop_in import handed_through, refused
from mmad.scipy.ndimage import filters, fourier, interpolation, measurements, selection
from mmad.scipy.ndimage._arguments import FUNCTIONS

_MODULES = (filters, fourier, interpolation, measurements, selection)
__all__ = list(FUNCTIONS)
_REFUSED = {}
_CALLBACK = "hands plain numbers to a function of yours; "
_WINDOWS = _CALLBACK + "write it on np.lib.stride_tricks.sliding_window_view(np.pad(x, ...), shape)"
refused(
    _scipy,
    _REFUSED,
    {
        "generic_filter": _WINDOWS,
        "generic_filter1d": _WINDOWS,
        "vectorized_filter": _WINDOWS,
        "generic_laplace": _CALLBACK + "add the second derivatives along the axes",
        "generic_gradient_magnitude": _CALLBACK + "write the root of the sum of the squares of the derivatives",
        "geometric_transform": _CALLBACK + "write map_coordinates of the coordinates",
    },
)
globals().update(FUNCTIONS)
globals().update(_REFUSED)
__getattr__, __dir__ = handed_through(_scipy, [*__all__, *_REFUSED])
