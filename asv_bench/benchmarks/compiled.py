"""Compiled functions: the first call, which records and compiles, later ones, and what the programs need."""

import itertools

import numpy as np

import mmad
from mmad.bench import find_problem

from ._suite import Suite, benchmark

DERIVATIVES = {
    "function": lambda f: f,
    "gradient": mmad.grad,
    "hvp": mmad.hvp,
    "hessian": mmad.hessian,
}


class _Compiled(Suite):
    """What is timed for each kind of result; `function` is the plain control, which shows a slow machine."""

    def prepare(self, problem, kind):
        self.function, self.derivative = problem.make(np), DERIVATIVES[kind]
        along = (problem.direction,) if kind == "hvp" else ()
        self.arguments = (problem.point, *along)
        self.compiled = self.made()
        self.compiled(*self.arguments)
        self.others = ((x, *along) for x in problem.cycle())
        self.compiled(*next(self.others))

    def made(self):
        return mmad.compile(self.derivative(self.function))

    def time_function(self, *_):
        """The function in plain NumPy."""
        self.function(self.arguments[0])

    def time_first_call(self, *_):
        """Recording, compiling, and the first run."""
        self.made()(*self.arguments)

    def time_replay(self, *_):
        """A later run, at another point than the one before."""
        self.compiled(*next(self.others))

    def track_instructions(self, *_):
        """Instructions of the program."""
        return len(self.compiled.programs()[0])

    def track_workspace(self, *_):
        """Memory of a run, without that of arguments and results."""
        return self.compiled.programs()[0].workspace

    track_instructions.unit = "instructions"
    track_workspace.unit = "bytes"


@benchmark("Compiled determinant")
class Determinant(_Compiled):
    """8 x 8 by minors: a hundred thousand scalar operations, recorded one by one."""

    def setup(self):
        self.prepare(find_problem("determinant").at(8), "gradient")


@benchmark("Compiled Lotka-Volterra")
class LotkaVolterra(_Compiled):
    """500 Runge-Kutta steps over scalars, the gradient."""

    def setup(self):
        self.prepare(find_problem("lotka-volterra").at(500), "gradient")


@benchmark("Compiled Rosenbrock")
class Rosenbrock(_Compiled):
    """The chained Rosenbrock function, in vector form."""

    params = ((100, 10_000, 1_000_000), ("function", "gradient", "hvp"))
    param_names = ("n", "kind")

    def setup(self, n, kind):
        self.prepare(find_problem("rosenbrock").at(n), kind)


@benchmark("Compiled log-sum-exp")
class LogSumExp(_Compiled):
    """A reduction over a million elements, the gradient."""

    def setup(self):
        self.prepare(find_problem("log-sum-exp").at(1_000_000), "gradient")


@benchmark("Compiled Gaussian mixture")
class GaussianMixture(_Compiled):
    """ADBench's mixture of 25 components and 1000 points."""

    params = ((10, 20), ("function", "gradient", "hvp"))
    param_names = ("dimensions", "kind")

    def setup(self, dimensions, kind):
        self.prepare(find_problem("gaussian-mixture").at((dimensions, 25, 1000)), kind)


@benchmark("Compiled diagonal LSTM")
class DiagonalLstm(_Compiled):
    """ADBench's LSTM: many instructions on small arrays, the gradient."""

    def setup(self):
        self.prepare(find_problem("diagonal-lstm").at((2, 1024, 14)), "gradient")


@benchmark("Compiled stacked LSTM")
class StackedLstm(_Compiled):
    """Next to no arithmetic: the overhead of an array operation."""

    params = (1, 3)
    param_names = ("layers",)

    def setup(self, layers):
        self.prepare(find_problem("stacked-lstm").at((layers, 1)), "gradient")


@benchmark("Compiled digits network")
class Digits(_Compiled):
    """A network of one hidden layer on 1347 images."""

    params = ((32, 128), ("function", "gradient", "hvp"))
    param_names = ("hidden", "kind")

    def setup(self, hidden, kind):
        self.prepare(find_problem("digits").at((hidden, 1347)), kind)


@benchmark("Compiled Helmholtz energy")
class Helmholtz(_Compiled):
    """A dense Hessian."""

    params = (10, 100, 500)
    param_names = ("n",)

    def setup(self, n):
        self.prepare(find_problem("helmholtz").at(n), "hessian")


@benchmark("Compiled Kalman filter")
class KalmanFilter(_Compiled):
    """The likelihood of 200 steps, the gradient."""

    def setup(self):
        self.prepare(find_problem("kalman-filter").at(200), "gradient")


@benchmark("Compiled Gaussian process")
class GaussianProcess(_Compiled):
    """The likelihood of 200 points, by a Cholesky factor, the gradient."""

    def setup(self):
        self.prepare(find_problem("gaussian-process").at(200), "gradient")


@benchmark("Compiled within memory")
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
