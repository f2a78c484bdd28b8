"""Adapt a function of a tree of arrays to SciPy's optimisers: value, gradient and HVPs on one flat vector."""

from dataclasses import dataclass
from time import perf_counter

import numpy as np
from optree.integrations.numpy import tree_ravel

import mmad

__all__ = ["Clock", "Objective"]


@dataclass
class Clock:
    """Count calls, and add up the seconds that they take."""

    count: int = 0
    seconds: float = 0.0

    def timed(self, function, *arguments):
        start = perf_counter()
        result = function(*arguments)
        self.seconds += perf_counter() - start
        self.count += 1
        return result

    @property
    def milliseconds_each(self):
        return 1e3 * self.seconds / max(self.count, 1)


class Objective:
    """Value, gradient and Hessian-vector products of a function of a tree, on flat vectors.

    Parameters
    ----------
    function : callable
        A function of a tree of arrays that returns a real scalar.
    start : tree of ndarray
        The point to start from; all points have its structure.

    Attributes
    ----------
    start : ndarray, shape (n,), float64
    gradients, products : Clock
        The number and time of calls.  Recording a Hessian for its first product counts as part of that product.
    """

    def __init__(self, function, start):
        self.start, self.tree = tree_ravel(start)
        self.gradients, self.products = Clock(), Clock()
        self._value_and_grad = mmad.value_and_grad(function)
        self._grad = mmad.grad(function)
        self._point = None
        self._hessian = None

    def value_and_gradient(self, flat):
        """Return the value and the gradient at `flat`."""
        value, gradient = self.gradients.timed(self._value_and_grad, self.tree(flat))
        return float(value), tree_ravel(gradient)[0]

    def product(self, flat, direction):
        """Return the Hessian at `flat` times `direction`; products at the same point share one recording."""
        return self.products.timed(self._product, flat, direction)

    def _product(self, flat, direction):
        if self._point is None or not np.array_equal(self._point, flat):
            _, self._hessian = mmad.linearize(self._grad, self.tree(flat))
            self._point = flat.copy()
        return tree_ravel(self._hessian(self.tree(direction)))[0]
