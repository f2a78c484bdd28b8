"""Strategies against each other, and tools against each other: preparation apart from later calls, at new points."""

from itertools import cycle

from mmad.bench import all_strategies, all_tools, find_problem
from mmad.bench.families import all_family_cases, find_family_case
from mmad.bench.measure import arguments_of, verified
from mmad.bench.memory import peak_memory

from ._suite import Suite, benchmark

# Problems whose size is one number that may be any of N: the pages draw times against it.
N = (32, 300, 3000, 20_000)
MATRICES = (
    "rosenbrock", "arwhead", "wood", "log-barrier-banded", "broyden", "banded", "dense-row-and-band",
    "dense-column-and-band", "arrowhead",
)  # fmt: skip
NUMBERS = ("rosenbrock", "arwhead", "log-sum-exp", "black-scholes", "saddle", "lotka-volterra", "kalman-filter")
LONGEST = 300  # steps of a loop: tools that unroll it compile for minutes beyond

# Problems whose sizes are several numbers, or mean something else: grids, clusters, networks; each in sizes of its own.
OTHER_MATRICES = (
    "bratu", "minimal-surface", "burgers", "waist", "bundle-adjustment", "lennard-jones-chain", "helmholtz",
    "power-flow", "steering",
)  # fmt: skip
OTHER_NUMBERS = (
    "digits", "gaussian-mixture", "gaussian-process", "diagonal-lstm", "neural-ode", "fisher-equation",
    "molecular-dynamics", "hand-tracking",
)  # fmt: skip
SIZES = (1, 2, 3, 4)  # the smallest to the largest of each

STRATEGIES = all_strategies()
PLANS = tuple(dict.fromkeys(name.rpartition("-")[0] for name in STRATEGIES if name.endswith("-compiled")))
MODES = ("eager", "compiled")
PASSES = tuple(name for name in STRATEGIES if name.startswith("without-") or name == "compile")
TOOLS = tuple(all_tools())
FAMILIES = tuple(case.name for case in all_family_cases())


def instance_of(problem, size):
    """Return a problem in the size of a rank, from 1."""
    problem = find_problem(problem)
    return problem.at(problem.sizes[size - 1])


class _Timed(Suite):
    """What is timed; a contestant that cannot do a problem is left out."""

    rounds = 3  # not to tell commits apart, but tools
    timeout = 300

    def prepare(self, contestant, instance, product):
        if product not in instance.problem.products:
            raise NotImplementedError(f"{instance.problem.name} is not about a {product}")
        self.contestant, self.instance, self.product = contestant, instance, product
        given = arguments_of(instance, product)
        self.runner, outcome = verified(contestant, instance, product, given)
        if outcome.status == "wrong":
            raise ArithmeticError(outcome.reason)
        if self.runner is None:
            raise NotImplementedError(outcome.reason)
        self.given = cycle([tuple(map(self.runner.arguments, each)) for each in given])

    def time_first_call(self, *_):
        """Preparation and the first evaluation."""
        self.contestant.prepare(self.instance, self.product).run(*next(self.given))

    def time_later_call(self, *_):
        """An evaluation at another point than the one before."""
        self.runner.run(*next(self.given))


class _Contestant(_Timed):
    """What is measured besides, of problems that a process finds by their names."""

    def track_peak_memory(self, *_):
        """Growth of the memory of a process of its own that prepares and evaluates three times."""
        return peak_memory(self.contestant.name, self.instance, self.product)

    track_peak_memory.unit = "bytes"


class _Strategy(_Contestant):
    def prepare_strategy(self, instance, strategy, mode):
        self.prepare(STRATEGIES[f"{strategy}-{mode}"], instance, instance.problem.products[0])


def installed(tool):
    """Return a tool, if it is installed."""
    contestant = all_tools()[tool]
    if not contestant.is_installed:
        raise NotImplementedError(f"{contestant.package} is not installed")
    return contestant


class _Tool(_Contestant):
    def prepare_tool(self, instance, product, tool):
        self.prepare(installed(tool), instance, product)


@benchmark("Matrices by strategy", version="2")
class Strategies(_Strategy):
    """Sparse Hessians and Jacobians by every plan, forced, at sizes that the problems have in common."""

    params = (MATRICES, N, PLANS, MODES)
    param_names = ("problem", "n", "strategy", "mode")

    def setup(self, problem, n, strategy, mode):
        self.prepare_strategy(find_problem(problem).at(n), strategy, mode)


@benchmark("Other matrices by strategy")
class StrategiesOther(_Strategy):
    """Matrices of grids, networks and blocks by every plan, forced; size 1 is a problem's smallest, 4 its largest."""

    params = (OTHER_MATRICES, SIZES, PLANS, MODES)
    param_names = ("problem", "size", "strategy", "mode")

    def setup(self, problem, size, strategy, mode):
        self.prepare_strategy(instance_of(problem, size), strategy, mode)


@benchmark("Gradients and products by tool", version="2")
class Tools(_Tool):
    """The peers that are installed, and the plain function as a control."""

    params = (NUMBERS, N, ("gradient", "hvp"), TOOLS)
    param_names = ("problem", "n", "product", "tool")

    def setup(self, problem, n, product, tool):
        if "loop" in find_problem(problem).tags and n > LONGEST:
            raise NotImplementedError(f"a loop of {n} steps, more than {LONGEST}")
        self.prepare_tool(find_problem(problem).at(n), product, tool)


@benchmark("Other derivatives by tool")
class ToolsOther(_Tool):
    """The peers on problems with sizes of their own; size 1 is the smallest, 4 the largest."""

    params = (OTHER_NUMBERS, SIZES, TOOLS)
    param_names = ("problem", "size", "tool")

    def setup(self, problem, size, tool):
        self.prepare_tool(instance_of(problem, size), find_problem(problem).products[0], tool)


@benchmark("Functions of NumPy and SciPy by tool")
class Families(_Timed):
    """The gradient through one function of each family, of the large of its two sizes, by mmad and by JAX."""

    params = (FAMILIES, ("mmad", "jax"))
    param_names = ("case", "tool")

    def setup(self, case, tool):
        case = find_family_case(case)
        self.prepare(installed(tool), case.at(case.sizes[1]), "gradient")


@benchmark("Compiled gradients without a pass", version="2")
class Passes(_Contestant):
    """The compiler without one of its passes, and without any."""

    params = ((*NUMBERS[:4], *OTHER_NUMBERS[:4]), (2, 3), PASSES)
    param_names = ("problem", "size", "strategy")

    def setup(self, problem, size, strategy):
        self.prepare(STRATEGIES[strategy], instance_of(problem, size), "gradient")
