"""The planner: sparse derivatives, colours, sweeps, preparation, regret."""

import numpy as np

import mmad
from mmad.bench import find_problem

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


class _Planned:
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
        self.function(self.point)

    def time_evaluation(self, *_):
        self.planned(next(self.points))

    def time_first_call(self, _, evaluations):
        self.made(evaluations)(self.point)

    def track_sweeps(self, *_):
        chosen = self.planned.plan(self.point).chosen
        return chosen.forward + chosen.reverse

    def track_colors(self, *_):
        coloring = self.planned.plan(self.point).coloring
        return 0 if coloring is None else coloring.count

    track_sweeps.unit = "sweeps"
    track_colors.unit = "colours"


class SparseHessian(_Planned):
    problems = HESSIANS
    params = (tuple(HESSIANS), (1, 1000))
    param_names = ("problem", "evaluations")


class DenseHessian(_Planned):
    problems, is_sparse = DENSE, False
    params = (tuple(DENSE), (1, 1000))
    param_names = ("problem", "evaluations")


class SparseJacobian(_Planned):
    problems, derivative = JACOBIANS, staticmethod(mmad.jacobian)
    params = (tuple(JACOBIANS), (1, 1000))
    param_names = ("problem", "evaluations")


OPERATORS = {
    "grad": mmad.grad,
    "value_and_grad": mmad.value_and_grad,
    "hvp": mmad.hvp,
    "value_grad_hvp": mmad.value_grad_hvp,
}


class Products:
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
        self.planned(*next(self.arguments))

    def track_recordings(self, *_):
        replays = (entry.replay for entry in self.planned.entries)
        return sum(replay.stats()["records"] for replay in replays if replay is not None)

    track_recordings.unit = "recordings"


class Regret:
    """The planner's choice over the best that could be forced, in a few cells of `asv_bench/regret.py`."""

    params = ("rosenbrock-300", "bratu-16", "arrowhead-200", "tanh-network-4", "burgers-200-15")
    param_names = ("cell",)
    timeout = 300

    def setup(self, name):
        import sys
        from pathlib import Path

        sys.path.insert(0, str(Path(__file__).parents[1]))
        import regret

        self.regret = regret
        self.cell = next(c for c in regret.cells(False) if c.name == name)

    def track_regret(self, _):
        return float(np.exp(np.mean([np.log(j.regret) for j in self.regret.measured(self.cell, 5)])))
