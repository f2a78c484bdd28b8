"""Strategies against each other, and tools against each other: preparation apart from later calls, at new points."""

from itertools import cycle

from mmad.bench import all_strategies, all_tools, find_problem
from mmad.bench.measure import arguments_of, verified
from mmad.bench.memory import peak_memory

__all__ = ["Passes", "Strategies", "Tools"]

MATRICES = (
    "rosenbrock", "arwhead", "log-barrier-dense", "lennard-jones-chain", "helmholtz", "broyden", "bratu", "burgers",
    "arrowhead", "waist", "bundle-adjustment", "steering",
)  # fmt: skip
NUMBERS = (
    "rosenbrock", "digits", "gaussian-mixture", "diagonal-lstm", "lotka-volterra", "kalman-filter", "gaussian-process",
    "black-scholes", "neural-ode", "fisher-equation", "molecular-dynamics", "power-flow", "hand-tracking",
)  # fmt: skip
PLANS = tuple(dict.fromkeys(name.rsplit("-", 1)[0] for name in all_strategies() if name.endswith("-compiled")))
SIZES = (1, 2, 3, 4)  # from the smallest to the largest of each problem


class _Contestant:
    """What is timed; a contestant that cannot do a problem is left out."""

    timeout = 300

    def prepare(self, contestant, problem, size, product):
        self.contestant, self.product = contestant, product
        self.instance = find_problem(problem).at(find_problem(problem).sizes[size - 1])
        given = arguments_of(self.instance, product)
        self.runner, outcome = verified(contestant, self.instance, product, given)
        if outcome.status == "wrong":
            raise ArithmeticError(outcome.reason)
        if self.runner is None:
            raise NotImplementedError(outcome.reason)
        self.given = cycle([tuple(map(self.runner.arguments, each)) for each in given])

    def time_first_call(self, *_):
        self.contestant.prepare(self.instance, self.product).run(*next(self.given))

    def time_later_call(self, *_):
        self.runner.run(*next(self.given))

    def track_peak_memory(self, *_):
        return peak_memory(self.contestant.name, self.instance, self.product)

    track_peak_memory.unit = "bytes"


class Strategies(_Contestant):
    """Every plan for matrices, forced."""

    params = (MATRICES, SIZES, PLANS, ("eager", "compiled"))
    param_names = ("problem", "size", "strategy", "mode")
    pretty_name = "Matrices by strategy"

    def setup(self, problem, size, strategy, mode):
        contestant = all_strategies()[f"{strategy}-{mode}"]
        self.prepare(contestant, problem, size, find_problem(problem).products[0])


class Tools(_Contestant):
    """The peers that are installed, and the plain function as a control."""

    params = (NUMBERS, SIZES, tuple(all_tools()))
    param_names = ("problem", "size", "tool")
    pretty_name = "Derivatives by tool"

    def setup(self, problem, size, tool):
        contestant = all_tools()[tool]
        if not contestant.is_installed:
            raise NotImplementedError(f"{contestant.package} is not installed")
        products = find_problem(problem).products
        self.prepare(contestant, problem, size, "gradient" if "gradient" in products else products[0])


class Passes(_Contestant):
    """The compiler without one of its passes, and without any."""

    params = (
        NUMBERS[:9],
        (2, 3),
        tuple(name for name in all_strategies() if name.startswith("without-") or name == "compile"),
    )
    param_names = ("problem", "size", "strategy")
    pretty_name = "Compiled gradients without a pass"

    def setup(self, problem, size, strategy):
        self.prepare(all_strategies()[strategy], problem, size, "gradient")
