"""The planner: sparse derivatives, colours, sweeps, preparation, regret."""

import numpy as np
from experiments import regret

import mmad
from mmad.bench import find_problem

from ._suite import Suite, benchmark

#: name of the benchmark: name and size of the problem
HESSIANS = {
    "rosenbrock": ("rosenbrock", 10_000),
    "arwhead": ("arwhead", 10_000),
    "powell": ("powell-singular", 10_000),
    "wood": ("wood", 10_000),
    "surface": ("minimal-surface", 60),
    "barrier": ("log-barrier-banded", 10_000),
    "chain": ("lennard-jones-chain", 300),
}
DENSE = {
    "barrier": ("log-barrier-dense", 100),
    "cluster": ("lennard-jones-cluster", 15),
    "network": ("tanh-network", 6),
    "helmholtz": ("helmholtz", 8),
}
JACOBIANS = {
    "broyden": ("broyden", 10_000),
    "banded": ("banded", 10_000),
    "bratu": ("bratu", 60),
    "brusselator": ("brusselator", 40),
    "burgers, few steps": ("burgers", (300, 5)),
    "burgers, many steps": ("burgers", (200, 40)),
    "arrowhead": ("arrowhead", 500),
    "dense row": ("dense-row-and-band", 3000),
    "dense column": ("dense-column-and-band", 3000),
}


def instance(name, n):
    return find_problem(name).at(n)


class _Planned(Suite):
    """Expected evaluations: 1 (eager), 1000 (compiled); `function` is the plain control, which shows a slow machine."""

    problems = None
    is_sparse = True
    derivative = staticmethod(mmad.hessian)

    def setup(self, name, evaluations):
        problem = instance(*self.problems[name])
        self.function, self.point = problem.make(np), problem.point
        self.planned = self.made(evaluations)
        self.points = problem.cycle()
        self.planned(self.point)
        self.planned(next(self.points))

    def made(self, evaluations):
        return self.derivative(self.function, sparse=self.is_sparse, evaluations=evaluations)

    def time_function(self, *_):
        """The function in plain NumPy."""
        self.function(next(self.points))

    def time_evaluation(self, *_):
        """A later evaluation, at another point than the one before."""
        self.planned(next(self.points))

    def time_first_call(self, _, evaluations):
        """Detection, colouring, choice, compiling, and the first evaluation."""
        self.made(evaluations)(self.point)

    def track_sweeps(self, *_):
        """Forward and reverse sweeps of an evaluation."""
        chosen = self.planned.plan(self.point).chosen
        return chosen.forward + chosen.reverse

    def track_colors(self, *_):
        """Colours of the pattern; 0 where none was coloured."""
        coloring = self.planned.plan(self.point).coloring
        return 0 if coloring is None else coloring.count

    track_sweeps.unit = "sweeps"
    track_colors.unit = "colours"


@benchmark("Sparse Hessians")
class SparseHessian(_Planned):
    """Hessians as sparse matrices, by the planner's choice."""

    problems = HESSIANS
    params = (tuple(HESSIANS), (1, 1000))
    param_names = ("problem", "evaluations")


@benchmark("Dense Hessians")
class DenseHessian(_Planned):
    """Hessians without zeros, by the planner's choice."""

    problems, is_sparse = DENSE, False
    params = (tuple(DENSE), (1, 1000))
    param_names = ("problem", "evaluations")


@benchmark("Sparse Jacobians")
class SparseJacobian(_Planned):
    """Jacobians as sparse matrices, by the planner's choice."""

    problems, derivative = JACOBIANS, staticmethod(mmad.jacobian)
    params = (tuple(JACOBIANS), (1, 1000))
    param_names = ("problem", "evaluations")


OPERATORS = {
    "grad": mmad.grad,
    "value_and_grad": mmad.value_and_grad,
    "hvp": mmad.hvp,
    "value_grad_hvp": mmad.value_grad_hvp,
}


@benchmark("Planned products")
class Products(Suite):
    """Planned products and gradients, each call at another point and along another direction."""

    params = (tuple(OPERATORS), (10, 1000), (1, 10_000))
    param_names = ("operator", "n", "evaluations")

    def setup(self, name, n, evaluations):
        problem = instance("rosenbrock", n)
        along = (problem.direction,) if "hvp" in name else ()
        self.planned = OPERATORS[name](problem.make(np), evaluations=evaluations)
        self.arguments = ((x, *along) for x in problem.cycle())
        self.planned(*next(self.arguments))
        self.planned(*next(self.arguments))

    def time_evaluation(self, *_):
        """A later call."""
        self.planned(*next(self.arguments))

    def track_recordings(self, *_):
        """How often the function was recorded: once, or not at all where nothing is compiled."""
        replays = (entry.replay for entry in self.planned.entries)
        return sum(replay.stats()["records"] for replay in replays if replay is not None)

    track_recordings.unit = "recordings"


@benchmark("Regret")
class Regret(Suite):
    """The planner's choice over the best that could be forced, in a few cells of `asv_bench/experiments/regret.py`."""

    params = ("rosenbrock-300", "bratu-16", "arrowhead-200", "tanh-network-4", "burgers-200-15")
    param_names = ("cell",)
    timeout = 300

    def setup(self, name):
        self.cell = next(cell for cell in regret.cells(False) if cell.name == name)

    def track_regret(self, _):
        """The geometric mean over 1, 10 and 1000 evaluations; 1 where the choice is within 5 % of the best."""
        return float(np.exp(np.mean([np.log(judged["regret"]) for judged in regret.measured(self.cell, 5)])))

    track_regret.unit = "times the best"
