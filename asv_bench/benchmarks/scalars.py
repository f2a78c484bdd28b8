"""Programs over single numbers: recording, sweeping, element access."""

import numpy as np

import mmad
from mmad.bench import find_problem

from ._suite import Suite, benchmark


@benchmark("Chain of numbers")
class Chain(Suite):
    """Scalar operations one after the other; `function` is the plain Python control."""

    params = (1_000, 100_000)
    param_names = ("operations",)

    def setup(self, operations):
        problem = find_problem("chain").at(operations)
        self.function, self.points = problem.make(np), problem.cycle()
        self.gradient = mmad.grad(self.function)
        self.pullback = mmad.vjp(self.function, 1.0)[1]

    def time_function(self, operations):
        """The loop over Python floats."""
        self.function(next(self.points))

    def time_record(self, operations):
        """The loop, recorded as a tape."""
        mmad.record(self.function, next(self.points))

    def time_pullback(self, operations):
        """The reverse sweep alone, over a tape that is there."""
        self.pullback(1.0)

    def time_gradient(self, operations):
        """Recording and the reverse sweep."""
        self.gradient(next(self.points))

    def time_jvp(self, operations):
        """Forward mode: dual numbers."""
        mmad.jvp(self.function, (next(self.points),), (1.0,))

    def peakmem_gradient(self, operations):
        """The process, with a tape of 24 bytes an operation."""
        self.gradient(next(self.points))


@benchmark("Lotka-Volterra")
class LotkaVolterra(Suite):
    """500 Runge-Kutta steps over scalars."""

    def setup(self):
        problem = find_problem("lotka-volterra").at(500)
        self.function, self.points, self.v = problem.make(np), problem.cycle(), problem.direction
        self.gradient, self.product = mmad.grad(self.function), mmad.hvp(self.function)

    def time_function(self):
        """The loop over Python floats."""
        self.function(next(self.points))

    def time_gradient(self):
        """Recording and the reverse sweep."""
        self.gradient(next(self.points))

    def time_hvp(self):
        """A Hessian-vector product, forward over reverse."""
        self.product(next(self.points), self.v)

    def time_jvp(self):
        """Forward mode: dual numbers."""
        mmad.jvp(self.function, (next(self.points),), (self.v,))


@benchmark("Elements of arrays")
class IndexedLoop(Suite):
    """Elements read and written one at a time; the times must grow in proportion to n."""

    params = (1_000, 10_000, 100_000)
    param_names = ("n",)

    def setup(self, n):
        problem = find_problem("indexed-loop").at(n)
        self.function, self.points = problem.make(np), problem.cycle()
        self.gradient = mmad.grad(self.function)

    def time_function(self, n):
        """The loop in plain NumPy."""
        self.function(next(self.points))

    def time_gradient(self, n):
        """Recording and the reverse sweep."""
        self.gradient(next(self.points))


@benchmark("Small calls")
class SmallCalls(Suite):
    """The cost of a call when there is next to nothing to do."""

    def setup(self):
        self.gradient = mmad.grad(lambda x: x * x)
        self.on_array = mmad.grad(lambda x: (x * x).sum())
        self.x = np.array([1.0, 2.0])

    def time_gradient_of_a_square(self):
        """One multiplication of numbers."""
        self.gradient(3.0)

    def time_gradient_of_two_squares(self):
        """One multiplication and a sum of two elements."""
        self.on_array(self.x)

    def time_nested_gradients(self):
        """The second derivative of one multiplication."""
        mmad.grad(self.gradient)(3.0)
