"""The rules of `scipy.special`, and its functions under their names.

A plain call of a ufunc of `scipy.special` on a traced value works, and imports these rules.  Its functions
that are no ufuncs do not let a traced value in; they are here under the same names.
"""

import scipy.special as _scipy_special

from mmad.scipy.special import error_functions
from mmad.scipy.special._declare import RULES

__all__ = ["RULES", "error_functions"]


def __getattr__(name):
    if name in RULES:
        return RULES[name].function
    return getattr(_scipy_special, name)


def __dir__():
    return sorted({*__all__, *dir(_scipy_special)})
