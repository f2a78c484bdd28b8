"""`scipy.linalg`, whose functions in `__all__` take traced values, too.

SciPy has no protocol for them: write ``from mmad.scipy import linalg``.  What LAPACK may choose (signs and phases of
vectors, bases of whole spaces) is said in :mod:`mmad.ops.singular` and :mod:`mmad.ops.general_eigen`.
"""

import scipy.linalg as _scipy_linalg

from mmad.scipy._drop_in import handed_through
from mmad.scipy.linalg import _functions, _structured

_MODULES = (_functions, _structured)
__all__ = [name for name in _functions.FUNCTIONS if name not in _functions.REFUSED]
globals().update(_functions.FUNCTIONS)
__getattr__, __dir__ = handed_through(_scipy_linalg, [*__all__, *_functions.REFUSED])
