"""The rules of `scipy.special`, and its functions under their names.

A plain call of a ufunc of `scipy.special` on a traced value works, and imports these rules.  Functions that are no
ufuncs do not let a traced value in; those in `__all__` do, under the same names.
"""

import scipy.special as _scipy_special

from mmad.scipy._drop_in import handed_through
from mmad.scipy.special import (  # noqa: F401  (declares the rules)
    _bessel,
    _distributions,
    _elementary,
    _elliptic,
    _error_functions,
    _exponential,
    _functions,
    _gamma,
    _harmonics,
    _hypergeometric,
    _polynomials,
)
from mmad.scipy.special._declare import RULES

__all__ = [name for name, rule in RULES.items() if not rule.plain]
globals().update({name: RULES[name].function for name in __all__})
__getattr__, __dir__ = handed_through(_scipy_special, __all__)
