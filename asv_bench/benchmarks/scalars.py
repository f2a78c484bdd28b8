"""Programs over single numbers: recording, sweeping, element access."""

import numpy as np

import mmad
from mmad.bench import find_problem


class Chain:
    """Scalar operations one after the other."""

    params = (1_000, 100_000)
    param_names = ("operations",)

    def setup(self, operations):
        self.function = find_problem("chain").at(operations).make(np)
        self.gradient = mmad.grad(self.function)
        self.pullback = mmad.vjp(self.function, 1.0)[1]

    def time_function(self, operations):
        self.function(1.0)

    def time_record(self, operations):
        mmad.record(self.function, 1.0)

    def time_pullback(self, operations):
        self.pullback(1.0)

    def time_gradient(self, operations):
        self.gradient(1.0)

    def time_jvp(self, operations):
        mmad.jvp(self.function, (1.0,), (1.0,))

    def peakmem_gradient(self, operations):
        self.gradient(1.0)


class LotkaVolterra:
    """500 Runge-Kutta steps over scalars."""

    def setup(self):
        problem = find_problem("lotka-volterra").at(500)
        self.function, self.x, self.v = problem.make(np), problem.point, problem.direction
        self.gradient, self.product = mmad.grad(self.function), mmad.hvp(self.function)

    def time_function(self):
        self.function(self.x)

    def time_gradient(self):
        self.gradient(self.x)

    def time_hvp(self):
        self.product(self.x, self.v)

    def time_jvp(self):
        mmad.jvp(self.function, (self.x,), (self.v,))


class IndexedLoop:
    """Elements read and written one at a time; the times must grow in proportion to n."""

    params = (1_000, 10_000, 100_000)
    param_names = ("n",)

    def setup(self, n):
        problem = find_problem("indexed-loop").at(n)
        self.function, self.x = problem.make(np), problem.point
        self.gradient = mmad.grad(self.function)

    def time_function(self, n):
        self.function(self.x)

    def time_gradient(self, n):
        self.gradient(self.x)


class SmallCalls:
    """The cost of a call when there is next to nothing to do."""

    def setup(self):
        self.gradient = mmad.grad(lambda x: x * x)
        self.on_array = mmad.grad(lambda x: (x * x).sum())
        self.x = np.array([1.0, 2.0])

    def time_gradient_of_a_square(self):
        self.gradient(3.0)

    def time_gradient_of_two_squares(self):
        self.on_array(self.x)

    def time_nested_gradients(self):
        mmad.grad(self.gradient)(3.0)
