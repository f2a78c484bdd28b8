"""Programs over arrays: Rosenbrock in vector form, and the digits network."""

import numpy as np

import mmad
from mmad.bench import find_problem

from ._suite import Suite, benchmark


class _ArrayProgram(Suite):
    """What is timed for each program, each call at another point; `function` is the plain NumPy control."""

    def prepare(self, problem):
        self.function, self.x, self.v = problem.make(np), problem.point, problem.direction
        self.points = problem.cycle()
        self.gradient, self.product = mmad.grad(self.function), mmad.hvp(self.function)
        self.by_hand = problem.gradient
        self.pullback = mmad.vjp(self.function, self.x)[1]
        self.repeated = mmad.linearize(self.gradient, self.x)[1]

    def time_function(self, *_):
        """The function in plain NumPy."""
        self.function(next(self.points))

    def time_gradient_by_hand(self, *_):
        """The gradient in plain NumPy, written by hand."""
        self.by_hand(next(self.points))

    def time_record(self, *_):
        """The function, recorded as a tape."""
        mmad.record(self.function, next(self.points))

    def time_jvp(self, *_):
        """The derivative along a direction, forward mode."""
        mmad.jvp(self.function, (next(self.points),), (self.v,))

    def time_pullback(self, *_):
        """The reverse sweep alone, over a tape that is there."""
        self.pullback(1.0)

    def time_gradient(self, *_):
        """Recording and the reverse sweep."""
        self.gradient(next(self.points))

    def time_hvp(self, *_):
        """A Hessian-vector product, forward over reverse."""
        self.product(next(self.points), self.v)

    def time_hvp_again_at_a_point(self, *_):
        """A further product at a point, after `mmad.linearize`."""
        self.repeated(self.v)


@benchmark("Rosenbrock")
class Rosenbrock(_ArrayProgram):
    """The chained Rosenbrock function, in vector form."""

    params = (100, 10_000, 1_000_000)
    param_names = ("n",)

    def setup(self, n):
        self.prepare(find_problem("rosenbrock").at(n))


@benchmark("Digits network")
class Digits(_ArrayProgram):
    """A network of one hidden layer on 1347 images: products of matrices."""

    params = (32, 128)
    param_names = ("hidden",)

    def setup(self, hidden):
        self.prepare(find_problem("digits").at((hidden, 1347)))


@benchmark("Dense matrices")
class Dense(Suite):
    """A whole Jacobian and a whole Hessian, many directions at a time."""

    params = (10, 100)
    param_names = ("n",)

    def setup(self, n):
        problem = find_problem("rosenbrock").at(n)
        self.points = problem.cycle()
        self.hessian = mmad.hessian(problem.make(np))
        self.forward = mmad.jacfwd(problem.gradient)
        self.reverse = mmad.jacrev(problem.gradient)

    def time_hessian(self, n):
        """The Hessian of the function, dense."""
        self.hessian(next(self.points))

    def time_jacobian_forward(self, n):
        """The Jacobian of the gradient by hand, forward mode."""
        self.forward(next(self.points))

    def time_jacobian_reverse(self, n):
        """The same, reverse mode."""
        self.reverse(next(self.points))
