"""An energy whose Hessian is dense."""

import math

import numpy as np

from .problems import Problem

__all__ = ["helmholtz"]


def helmholtz(n):
    """The Helmholtz energy of a mixture of `n` gases after Peng and Robinson, of their amounts, in units of RT.

    References
    ----------
    A. Griewank, A. Walther. Evaluating Derivatives. 2nd edition, SIAM 2008, the example of sections 1.2 and 8.
    D.-Y. Peng, D. B. Robinson. A new two-constant equation of state. 1976, eq. 18.
    """
    rng = np.random.default_rng(9)
    b = rng.uniform(0.1, 0.5, size=n)
    a = rng.uniform(0.1, 1.0, size=(n, n))
    a = a + a.T
    plus, minus, root = 1.0 + math.sqrt(2.0), 1.0 - math.sqrt(2.0), math.sqrt(8.0)

    def make(xp):
        def function(x):
            volume = b @ x
            ideal = xp.sum(x * xp.log(x / (1.0 - volume)))
            attraction = (x @ (a @ x)) / (root * volume)
            return ideal - attraction * xp.log((1.0 + plus * volume) / (1.0 + minus * volume))

        return function

    def gradient(x):
        volume, ax = b @ x, a @ x
        attraction = (x @ ax) / (root * volume)
        logarithm = np.log((1.0 + plus * volume) / (1.0 + minus * volume))
        ideal = np.log(x) + 1.0 - np.log(1.0 - volume) + x.sum() * b / (1.0 - volume)
        slope = plus / (1.0 + plus * volume) - minus / (1.0 + minus * volume)
        return ideal - (2.0 * ax / (root * volume) - attraction / volume * b) * logarithm - attraction * slope * b

    return Problem(f"helmholtz-{n}", make, rng.uniform(0.5, 1.5, size=n) / n, rng.normal(size=n), gradient)
