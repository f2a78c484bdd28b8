"""Compiled functions: the first call, which records and compiles, later ones, and what the programs need."""

import itertools

import numpy as np

import mmad
from mmad.bench import find_problem

DERIVATIVES = {
    "function": lambda f: f,
    "gradient": mmad.grad,
    "hvp": mmad.hvp,
    "hessian": mmad.hessian,
}


class _Compiled:
    """What is timed for each kind of result; `function` is the plain control, which shows a slow machine."""

    def prepare(self, problem, kind):
        self.function, self.derivative = problem.make(np), DERIVATIVES[kind]
        along = (problem.direction,) if kind == "hvp" else ()
        self.arguments = (problem.point, *along)
        self.compiled = self.made()
        self.compiled(*self.arguments)
        self.others = ((x, *along) for x in problem.cycle())

    def made(self):
        return mmad.compile(self.derivative(self.function))

    def time_function(self, *_):
        self.function(self.arguments[0])

    def time_first_call(self, *_):
        self.made()(*self.arguments)

    def time_replay(self, *_):
        self.compiled(*next(self.others))

    def track_instructions(self, *_):
        return len(self.compiled.programs()[0])

    def track_workspace(self, *_):
        return self.compiled.programs()[0].workspace

    track_instructions.unit = "instructions"
    track_workspace.unit = "bytes"


class Determinant(_Compiled):
    """8 x 8 by minors: a hundred thousand scalar operations, recorded one by one."""

    def setup(self):
        self.prepare(find_problem("determinant").at(8), "gradient")


class LotkaVolterra(_Compiled):
    def setup(self):
        self.prepare(find_problem("lotka-volterra").at(500), "gradient")


class Rosenbrock(_Compiled):
    params = ((100, 10_000, 1_000_000), ("function", "gradient", "hvp"))
    param_names = ("n", "kind")

    def setup(self, n, kind):
        self.prepare(find_problem("rosenbrock").at(n), kind)


class LogSumExp(_Compiled):
    def setup(self):
        self.prepare(find_problem("log-sum-exp").at(1_000_000), "gradient")


class GaussianMixture(_Compiled):
    params = ((10, 20), ("function", "gradient", "hvp"))
    param_names = ("dimensions", "kind")

    def setup(self, dimensions, kind):
        self.prepare(find_problem("gaussian-mixture").at((dimensions, 25, 1000)), kind)


class DiagonalLstm(_Compiled):
    def setup(self):
        self.prepare(find_problem("diagonal-lstm").at((2, 1024, 14)), "gradient")


class StackedLstm(_Compiled):
    """Next to no arithmetic: the overhead of an array operation."""

    params = (1, 3)
    param_names = ("layers",)

    def setup(self, layers):
        self.prepare(find_problem("stacked-lstm").at((layers, 1)), "gradient")


class Digits(_Compiled):
    params = ((32, 128), ("function", "gradient", "hvp"))
    param_names = ("hidden", "kind")

    def setup(self, hidden, kind):
        self.prepare(find_problem("digits").at((hidden, 1347)), kind)


class Helmholtz(_Compiled):
    params = (10, 100, 500)
    param_names = ("n",)

    def setup(self, n):
        self.prepare(find_problem("helmholtz").at(n), "hessian")


class KalmanFilter(_Compiled):
    def setup(self):
        self.prepare(find_problem("kalman-filter").at(200), "gradient")


class GaussianProcess(_Compiled):
    def setup(self):
        self.prepare(find_problem("gaussian-process").at(200), "gradient")


class WithinMemory(_Compiled):
    """A chain of 200 layers of 160 kB each, whose program may take part of the memory that keeping all of them does."""

    params = (None, 2, 4, 8, 16)
    param_names = ("part",)

    def setup(self, part):
        self.memory = None if part is None else 200 * 8 * 20_000 // part
        self.function, self.derivative = _layers, mmad.grad
        rng = np.random.default_rng(0)
        self.arguments = (rng.normal(size=20_000),)
        self.compiled = self.made()
        self.compiled(*self.arguments)
        self.others = itertools.cycle([(rng.normal(size=20_000),) for _ in range(8)])

    def made(self):
        return mmad.compile(self.derivative(self.function), memory=self.memory)


def _layers(x):
    """Each layer needs the neighbours of an element, so that it is an array in memory."""
    for _ in range(200):
        x = np.tanh(x + 0.1 * np.roll(x, 1))
    return np.sum(x * x)
