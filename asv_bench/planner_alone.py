"""What the planner is measured for by itself: preparation, detection, colours, overhead; in processor time."""

from time import process_time

import numpy as np
import scipy.sparse  # noqa: F401  what the first sparse result would import is no cost of planning
from report import Row, Task

import mmad
from mmad.bench import find_problem
from mmad.bench.results import duration
from mmad.planner.coloring.coloring import column_coloring, star_coloring

__all__ = ["tasks"]

DETECTION_SECONDS = 1.0
OVERHEAD_SECONDS, OVERHEAD_SHARE = 2e-3, 0.05


def tasks(quick):
    return [
        Task("colours", colors),
        Task("large Hessian", lambda: large(10_000 if quick else 1_000_000)),
        Task("preparation", lambda: preparation(1000 if quick else 10_000)),
        Task("detection", lambda: detection(10_000 if quick else 1_000_000)),
        Task("planning overhead", lambda: overhead(quick)),
    ]


def median(call, rounds):
    times = []
    for _ in range(rounds):
        start = process_time()
        call()
        times.append(process_time() - start)
    return float(np.median(times))


# ------------------------------------------------------------------------------------------------ colours
def colors():
    """Colours against the published ones."""
    half, n = 6, 300
    band = sum(np.eye(n, k=k) for k in range(-half, half + 1))
    tridiagonal = sum(np.eye(n, k=k) for k in (-1, 0, 1))
    ring = np.array([[min((i - j) % 200, (j - i) % 200) <= 20 for j in range(200)] for i in range(200)])
    arrow = find_problem("arwhead").at(300)
    found = [
        ("tridiagonal, columns", column_coloring(tridiagonal).count, 3),
        (
            "arrow, star",
            star_coloring(mmad.sparsity(_made(arrow), arrow.point, order=2)).count,
            2,
        ),
        ("brusselator 100 x 100, columns", column_coloring(_pattern(find_problem("brusselator").at(100))).count, 8),
        ("periodic band 20 of 200, columns", column_coloring(ring).count, 56),
        ("5-point grid 40 x 40, columns", column_coloring(_pattern(find_problem("bratu").at(40))).count, 6),
        (f"band of half width {half}, star", star_coloring(band).count, 2 * half + 1),
    ]
    return [Row(f"colours: {name}", "", "", str(count), f"<= {bar}", count <= bar) for name, count, bar in found]


def _made(problem):
    return problem.make(np)


def _pattern(problem):
    return mmad.sparsity(_made(problem), problem.point)


# ------------------------------------------------------------------------------------------------ times
def large(n):
    """A large sparse Hessian, later calls, run eagerly and compiled."""
    problem = find_problem("rosenbrock").at(n)
    product = problem.hvp(problem.point, problem.direction)
    found = []
    for mode in ("eager", "compiled"):
        derivative = mmad.hessian(_made(problem), sparse=True, mode=mode)
        start = process_time()
        matrix = derivative(problem.point)
        first = process_time() - start
        error = np.abs(matrix @ problem.direction - product).max() / np.abs(product).max()
        if not error < 1e-10:
            raise ArithmeticError(f"sparse Hessian of {problem.name}, {mode}: relative error {error:.1e}")
        derivative(problem.point)
        later = median(lambda d=derivative: d(problem.point), 5)
        name = f"Rosenbrock n = {n}, sparse Hessian, {mode}"
        found.append(
            Row(
                name,
                duration(later),
                f"first call {duration(first)}",
                "",
                "< 1 s",
                later < 1.0,
                {"first": first, "later": later},
            )
        )
    return found


def preparation(n):
    """Detection and colouring, in evaluations: of the Hessian they serve, and of the function."""
    problem = find_problem("rosenbrock").at(n)
    f, x = _made(problem), problem.point
    derivative = mmad.hessian(f, sparse=True)
    derivative(x)
    each = median(lambda: derivative(x), 21)
    pattern = mmad.sparsity(f, x, order=2)
    finding = median(lambda: mmad.sparsity(f, x, order=2), 11)
    coloring = median(lambda: star_coloring(mmad.Pattern(pattern.shape, pattern.indptr, pattern.indices)), 11)
    ratio = (finding + coloring) / each
    cells = duration(finding + coloring), f"one evaluation {duration(each)}", f"{ratio:.1f}", "<= 20"
    return [Row(f"Rosenbrock n = {n}, sparse Hessian, detection and colouring", *cells, ratio <= 20)]


def detection(n):
    """The pattern of a chain of elementwise operations."""
    x = np.linspace(0.1, 0.9, n)

    def chain(x):
        for _ in range(5):
            x = np.sin(x) * x + 1.0
        return x

    taken = median(lambda: mmad.sparsity(chain, x), 3)
    met = taken < DETECTION_SECONDS
    return [Row(f"pattern of an elementwise chain, n = {n}", duration(taken), "", "", "< 1 s", met)]


def overhead(quick):
    """The first call of a planned derivative over that of the strategy it takes, the pattern given to neither."""
    found = []
    for problem, product in (
        (find_problem("arrowhead").at(500), "jacobian"),
        (find_problem("tanh-network").at(6), "hessian"),
        (find_problem("broyden").at(1000), "jacobian"),
        (find_problem("rosenbrock").at(10_000), "hessian"),
        (find_problem("orbit").at((200, 4)), "jacobian"),
    ):
        make = getattr(mmad, product)
        planned = make(_made(problem), sparse=True)
        planned(problem.point)
        strategy = planned.plan(problem.point).strategy
        taken = {}
        for name in ("auto", strategy):
            times = []
            for _ in range(3 if quick else 15):
                derivative = make(_made(problem), strategy=name, sparse=True)
                start = process_time()
                derivative(problem.point)
                times.append(process_time() - start)
            taken[name] = float(np.median(times))
        more = taken["auto"] - taken[strategy]
        share = more / taken["auto"]
        met = more <= OVERHEAD_SECONDS or share <= OVERHEAD_SHARE
        cells = (
            duration(max(more, 0.0)),
            f"{strategy} {duration(taken[strategy])}",
            f"{max(share, 0.0):.1%}",
            "<= 2 ms or 5 %",
        )
        found.append(Row(f"planning of {problem.name}", *cells, met, taken))
    return found
