"""Tests of types in mmad's own code.

A traced value answers `isinstance` as the plain number or array that it stands for would, so that the user's function
takes the branches it takes without a derivative.  What mmad has to know is the other thing: what a value is.
"""

import numpy as np

__all__ = ["is_number", "isplain"]


def isplain(x, kinds):
    """Return whether the type of x is a class, or one of several, whatever x says of itself.

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
    """Return whether a plain value is one number: no array with dimensions, no container, no other object.

    Examples
    --------
    >>> is_number(2.0), is_number(np.float32(2.0)), is_number(np.array(2.0)), is_number({}), is_number(np.ones(1))
    (True, True, True, False, False)
    """
    return isinstance(value, int | float | complex | np.number | np.ndarray) and np.ndim(value) == 0
