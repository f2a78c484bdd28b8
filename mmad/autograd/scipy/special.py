"""SciPy's special functions of traced values."""

import scipy.special as _special
from scipy.special import *  # noqa: F403

from mmad.scipy import special as _traced

__all__ = list(_special.__all__)
globals().update({name: getattr(_traced, name) for name in __all__})
