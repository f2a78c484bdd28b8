"""What a derivative costs, in functions, gradients and operations: ratios tell more than seconds of one machine."""

from itertools import islice
from time import process_time

import numpy as np
from overhead import MODES, chain_overhead, stacked_lstm_overhead

import mmad
from mmad.bench import find_problem, measure

from ._suite import Suite, benchmark

ROUNDS = 9
PROBLEMS = {
    "rosenbrock": 10_000,
    "log-sum-exp": 10_000,
    "digits": (32, 1347),
    "gaussian-mixture": (5, 5, 300),
    "gaussian-process": 60,
    "helmholtz": 6,
    "neural-ode": (16, 50),
}


@benchmark("Cost of derivatives")
class Cost(Suite):
    """A gradient over the function, a Hessian-vector product over the gradient; timed in turns, in one process."""

    params = (tuple(PROBLEMS), tuple(MODES))
    param_names = ("problem", "mode")
    timeout = 300

    def setup(self, problem, mode):
        instance = find_problem(problem).at(PROBLEMS[problem])
        function, v = instance.make(np), instance.direction
        made = MODES[mode]
        calls = {"function": made(function), "gradient": made(mmad.grad(function))}
        if "hvp" in instance.problem.products:
            calls["hvp"] = made(mmad.hvp(function))
        points = list(islice(instance.points(), 8))
        self.calls = calls
        self.given = {name: [(x, v) if name == "hvp" else (x,) for x in points] for name in calls}

    def ratio(self, above, below):
        """Return the quotient of two medians."""
        pair = {name: self.calls[name] for name in (above, below)}
        timings = measure.time_in_turns(pair, ROUNDS, process_time, self.given)
        return timings[above].median / timings[below].median

    def track_gradient_over_function(self, *_):
        """A later call of the gradient, over one of the function, in the same mode."""
        return self.ratio("gradient", "function")

    def track_hvp_over_gradient(self, *_):
        """A later Hessian-vector product, over a later gradient, in the same mode."""
        if "hvp" not in self.calls:
            return float("nan")
        return self.ratio("hvp", "gradient")

    track_gradient_over_function.unit = "functions"
    track_hvp_over_gradient.unit = "gradients"


@benchmark("Overhead of an operation")
class Overhead(Suite):
    """Seconds of a gradient for each operation of the function, apart from the arithmetic."""

    params = tuple(MODES)
    param_names = ("mode",)
    timeout = 300

    def track_stacked_lstm(self, mode):
        """Array operations, by the fit of `asv_bench/overhead.py` over layers and batches (Innes 2019)."""
        return stacked_lstm_overhead(mode, ROUNDS, process_time).overhead

    def track_chain(self, mode):
        """Scalar operations in a chain of 20 000, one after the other, what Python takes for them left out."""
        return chain_overhead(mode, 20_000, ROUNDS, process_time)

    track_stacked_lstm.unit = track_chain.unit = "seconds"
