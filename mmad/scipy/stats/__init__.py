"""`scipy.stats`: distributions and functions of samples, of traced points, parameters and samples.

A distribution is SciPy's, whose methods take traced values, too; so are those with given parameters,
``norm(loc, scale)``.  Densities are zero outside of the support, with derivatives that are zero.
"""

import scipy.stats as _scipy

from mmad.python.kinds import isplain
from mmad.python.scipy_names import DROP_IN
from mmad.scipy._drop_in import handed_through
from mmad.scipy.stats import _bounded, _discrete, _lines, _positive, _relations  # noqa: F401  (declare formulas)
from mmad.scipy.stats._density import gaussian_kde  # noqa: F401
from mmad.scipy.stats._distribution import wrapped
from mmad.scipy.stats._multivariate import DISTRIBUTIONS
from mmad.scipy.stats._samples import FUNCTIONS

_NAMES = [name for name in DROP_IN["scipy.stats"].split() if hasattr(_scipy, name)]
_DISTRIBUTIONS = [n for n in _NAMES if isplain(getattr(_scipy, n), _scipy.rv_continuous | _scipy.rv_discrete)]
globals().update({name: wrapped(name) for name in _DISTRIBUTIONS} | DISTRIBUTIONS | FUNCTIONS)
__all__ = [name for name in _NAMES if name in globals()]
__getattr__, __dir__ = handed_through(_scipy, __all__)
