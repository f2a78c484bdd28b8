"""`scipy.signal`, whose functions in `__all__` take traced values, too: SciPy computes convolutions and filters."""

import scipy.signal as _scipy

from mmad.scipy._drop_in import handed_through, refused
from mmad.scipy.signal import convolution, filtering, resampling, responses, spectra, waveforms, windows
from mmad.scipy.signal._arguments import FUNCTIONS

_MODULES = (convolution, filtering, resampling, responses, spectra, waveforms, windows)
__all__ = list(FUNCTIONS)
_REFUSED = {}
_ROOTS = "decides which roots are one, so it has no derivative; "
refused(
    _scipy,
    _REFUSED,
    {
        "residue": _ROOTS + "for simple poles p of b / a write np.polyval(b, p) / np.polyval(np.polyder(a), p)",
        "residuez": _ROOTS + "for simple poles write the residues with np.polyval and np.polyder",
        "unique_roots": _ROOTS + "write np.roots",
    },
)
globals().update(FUNCTIONS)
globals().update(_REFUSED)
__getattr__, __dir__ = handed_through(_scipy, [*__all__, *_REFUSED])
