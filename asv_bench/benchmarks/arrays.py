"""Programs over arrays: Rosenbrock in vector form, and the digits network."""

import numpy as np

import mmad
from mmad.bench import find_problem


class _ArrayProgram:
    """What is timed for each program; `function` is the plain NumPy control, which shows a slow machine."""

    def prepare(self, problem):
        self.function, self.x, self.v = problem.make(np), problem.point, problem.direction
        self.gradient, self.product = mmad.grad(self.function), mmad.hvp(self.function)
        self.by_hand = problem.gradient
        self.pullback = mmad.vjp(self.function, self.x)[1]
        self.repeated = mmad.linearize(self.gradient, self.x)[1]

    def time_function(self, *_):
        self.function(self.x)

    def time_gradient_by_hand(self, *_):
        self.by_hand(self.x)

    def time_record(self, *_):
        mmad.record(self.function, self.x)

    def time_jvp(self, *_):
        mmad.jvp(self.function, (self.x,), (self.v,))

    def time_pullback(self, *_):
        self.pullback(1.0)

    def time_gradient(self, *_):
        self.gradient(self.x)

    def time_hvp(self, *_):
        self.product(self.x, self.v)

    def time_hvp_again_at_a_point(self, *_):
        self.repeated(self.v)


class Rosenbrock(_ArrayProgram):
    params = (100, 10_000, 1_000_000)
    param_names = ("n",)

    def setup(self, n):
        self.prepare(find_problem("rosenbrock").at(n))

    def peakmem_gradient(self, n):
        self.gradient(self.x)


class Digits(_ArrayProgram):
    params = (32, 128)
    param_names = ("hidden",)

    def setup(self, hidden):
        self.prepare(find_problem("digits").at((hidden, 1347)))


class Dense:
    """A whole Jacobian and a whole Hessian, many directions at a time."""

    params = (10, 100)
    param_names = ("n",)

    def setup(self, n):
        problem = find_problem("rosenbrock").at(n)
        self.x = problem.point
        self.hessian = mmad.hessian(problem.make(np))
        self.forward = mmad.jacfwd(problem.gradient)
        self.reverse = mmad.jacrev(problem.gradient)

    def time_hessian(self, n):
        self.hessian(self.x)

    def time_jacobian_forward(self, n):
        self.forward(self.x)

    def time_jacobian_reverse(self, n):
        self.reverse(self.x)
