"""Derivatives of any order along one variable."""

from mmad.api import derivative_function, jvp
from mmad.tracing import describe

__all__ = ["derivative"]


def derivative(f, order=1):
    """Repeated derivative of a function of one number, by nested forward mode.

    Parameters
    ----------
    f : callable
        Of a number; returns a number, an array or a tree.
    order : int
        How often to differentiate; 0 is the function itself.

    Returns
    -------
    callable
        ``d(x, *args, **kwargs)`` -> the derivative with respect to `x`, of the structure of the result.

    Notes
    -----
    The cost doubles with each order.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.derivative(lambda x: x**4, 3)(2.0)
    48.0
    >>> mmad.derivative(lambda t: np.array([1.0, 3.0]) * t**2)(1.0)
    array([2., 6.])
    """
    if isinstance(order, bool) or not isinstance(order, int):
        raise TypeError(f"{describe(f, 'derivative')}: order must be an int, not {order!r}")
    if order < 0:
        raise ValueError(f"{describe(f, 'derivative')}: order must not be negative, it is {order}")

    def operator(x, *args, **kwargs):
        def at(t, k):
            if k == 0:
                return f(t, *args, **kwargs)
            return jvp(lambda s: at(s, k - 1), (t,), (1.0,))[1]

        return at(x, order)

    return derivative_function(f, operator, "derivative")
