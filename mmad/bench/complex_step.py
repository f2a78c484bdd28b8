"""Compute derivatives by a complex step: exact to rounding for functions that accept complex arguments.

For an analytic f that is real on real arguments, f'(x) v = Im f(x + i h v) / h up to terms of order h^2.  Nothing is
subtracted, so h may be arbitrarily small.

References
----------
J. N. Lyness, C. B. Moler. Numerical differentiation of analytic functions. SIAM J. Numer. Anal. 4 (1967), 202-210.
"""

import numpy as np

from mmad.bench.trees import add_scaled, flatten, map_leaves, unflatten

__all__ = ["STEP", "complex_step_gradient", "complex_step_jacobian", "complex_step_product"]

STEP = 1e-30


def complex_step_product(function, x, v):
    """Return the derivative of a function along a direction, in the structure of the function's result."""
    return map_leaves(lambda value: np.imag(value) / STEP, function(add_scaled(x, v, 1j * STEP)))


def complex_step_jacobian(function, x):
    """Return the Jacobian matrix, by one step for each column.

    Parameters
    ----------
    function : callable
    x : tree of ndarray or float

    Returns
    -------
    ndarray, shape (numbers of the result, numbers of `x`)
    """
    units = np.eye(flatten(x).size)
    return np.stack([flatten(complex_step_product(function, x, unflatten(unit, x))) for unit in units], axis=1)


def complex_step_gradient(function, x):
    """Return the gradient of a function whose result is one number, in the structure of `x`.

    `x` may be complex itself; the result is then that of its real part.
    """
    return unflatten(complex_step_jacobian(function, map_leaves(np.real, x))[0], x)
