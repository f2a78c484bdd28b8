"""Tests of types in mmad's own code.

A traced value answers `isinstance` as the plain number or array that it stands for, so that the user's function takes
the same branches as without a derivative.  The tests in this module look at the actual type instead.
"""

import numpy as np

__all__ = ["is_number", "isplain"]


def isplain(x, kinds):
    """Return whether the actual type of x is a subclass of one of the given types, whatever `x.__class__` says.

    Parameters
    ----------
    x : object
    kinds : type, union or tuple of types

    Examples
    --------
    >>> import numpy as np
    >>> from mmad.python.kinds import isplain
    >>> isplain(np.zeros(2), np.ndarray | float)
    True
    """
    return issubclass(type(x), kinds)


def is_number(value):
    """Return whether a plain value is a single number, which includes 0-d arrays.

    Examples
    --------
    >>> is_number(2.0), is_number(np.float32(2.0)), is_number(np.array(2.0)), is_number({}), is_number(np.ones(1))
    (True, True, True, False, False)
    """
    return isplain(value, int | float | complex | np.number | np.ndarray) and np.ndim(value) == 0
