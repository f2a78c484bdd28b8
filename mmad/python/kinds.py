"""Tests of types in mmad's own code.

A traced value answers `isinstance` as the plain number or array that it stands for would, so that the user's function
takes the branches it takes without a derivative.  What mmad has to know is the other thing: what a value is.
"""

__all__ = ["isplain"]


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
