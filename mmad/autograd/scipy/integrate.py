"""SciPy's `integrate` of traced values."""

import scipy.integrate as _scipy
from scipy.integrate import *  # noqa: F403

from mmad.scipy import integrate as _traced

__all__ = list(_scipy.__all__)
globals().update({name: getattr(_traced, name) for name in __all__})
