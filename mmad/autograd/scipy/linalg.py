"""SciPy's `linalg` of traced values."""

import scipy.linalg as _scipy
from scipy.linalg import *  # noqa: F403

from mmad.scipy import linalg as _traced

__all__ = list(_scipy.__all__)
globals().update({name: getattr(_traced, name) for name in __all__})
