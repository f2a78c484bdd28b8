"""`scipy.spatial`, whose distances take traced values, too."""

import scipy.spatial as _scipy

from mmad.scipy._drop_in import handed_through
from mmad.scipy.spatial import distance

__all__ = ["distance"]
__getattr__, __dir__ = handed_through(_scipy, __all__)
