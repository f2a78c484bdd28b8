"""Regret: what the planner's choices cost, over the best that could have been forced, planning included.

For each problem, size and number E of evaluations every strategy is forced, compiled and not, and the planner chooses
by itself.  A contestant costs its first calls (of a new derivative function: detection, colouring, compiling, races)
and later ones up to E; its regret is that over the cheapest forced contestant, 1 where it is within 5 %.  What a rule
of thumb would have chosen is judged by the same table.
Times are processor time: other work on the machine counts little.
"""

import gc
import math
import random
from dataclasses import dataclass, field
from time import process_time

import numpy as np
from report import Row, Task

import mmad
from mmad.bench import all_problems, find_problem
from mmad.bench.results import duration
from mmad.planner.coloring.coloring import bounds
from mmad.planner.decision.decide import FORWARD_OVER_FORWARD
from mmad.planner.decision.task import DENSE

__all__ = ["EVALUATIONS", "Cell", "cells", "measured", "tasks"]

EVALUATIONS = (1, 10, 1000)
SAME = 1.05  # within this factor of the best it is the best
FAR, SMALL = 12, 20_000  # strategies of so many times the fewest sweeps are not tried, unless it is quick
SHORTEST = 1e-3  # seconds that one timing of later calls lasts at least
MORE, SOON = 3, 0.15  # times as many timings of what takes no more seconds in all
HOPELESS, LONG = 8.0, 30e-3  # what takes so many times the best, and so many seconds, is timed once only
ENOUGH = 0.5  # seconds of first calls of one contestant, after three of them
MEAN_BAR = {1: 1.6, 10: 1.25, 1000: 1.10}
NINE_IN_TEN, LARGEST = 1.3, 2.0


@dataclass(frozen=True)
class Cell:
    """A problem of one size.

    Attributes
    ----------
    name : str
    product : {"jacobian", "hessian"}
    function : callable
    point : what it is called with
    sparse : bool
        A sparse result is asked for.
    """

    name: str
    product: str
    function: object
    point: object
    sparse: bool = False

    def derivative(self, **options):
        make = mmad.jacobian if self.product == "jacobian" else mmad.hessian
        return make(self.function, sparse=self.sparse, **options)

    @property
    def size(self):
        return sum(np.size(x) for x in (self.point if isinstance(self.point, tuple) else (self.point,)))


@dataclass
class Contestant:
    """A way to compute, and its timings in seconds; a compiled one is recorded and compiled in the first call."""

    options: dict
    first: list = field(default_factory=list)
    second: list = field(default_factory=list)
    later: list = field(default_factory=list)
    out: bool = False
    call: object = None

    def cost(self, evaluations):
        first, second, later = (float(np.median(t)) for t in (self.first, self.second, self.later))
        return first + (evaluations > 1) * (second + (evaluations - 2) * later)


#: The problems, and whether a sparse matrix is asked for; those of one result have gradients as Jacobians.
SPARSE = (
    "rosenbrock", "arwhead", "powell-singular", "wood", "broyden", "banded", "bratu", "brusselator", "burgers",
    "minimal-surface", "arrowhead", "dense-row-and-band", "dense-column-and-band", "log-barrier-banded",
    "lennard-jones-chain",
)  # fmt: skip
DENSE_RESULTS = (
    "gaussian-mixture", "orbit", "controlled", "log-barrier-dense", "tanh-network", "waist", "lennard-jones-cluster",
    "helmholtz",
)  # fmt: skip
SIZES = {
    "rosenbrock": (32, 300, 3000, 20_000),  # smaller than what gradients are timed on
    "gaussian-mixture": ((2, 3, 50), (3, 5, 100), (5, 5, 300), (10, 10, 500)),
}


def cells(quick, others=False):
    """Return the problems in four sizes each; in two small ones if it has to be quick.

    The others are those with matrices that the planner's numbers were not set on.
    """
    known = (*SPARSE, *DENSE_RESULTS)
    new = [p.name for p in all_problems() if {"hessian", "jacobian"} & set(p.products) and p.name not in known]
    found = []
    for problem in map(find_problem, new if others else known):
        product = "hessian" if "hessian" in problem.products else "jacobian"
        is_sparse = problem.is_sparse if others else problem.name in SPARSE
        for n in SIZES.get(problem.name, problem.sizes)[: 2 if quick else 4]:
            instance = problem.at(n)
            found.append(Cell(instance.name, product, instance.make(np), instance.point, is_sparse))
    return found


# ------------------------------------------------------------------------------------------------ measuring
def forced(cell):
    """A contestant for each strategy within reach, in each mode."""
    sweeps = _fewest_sweeps(cell)
    least = min(sweeps.values())
    within = [s for s, k in sweeps.items() if k <= FAR * max(least, 1) or k * cell.size <= SMALL]
    return [Contestant({"strategy": s, "mode": mode}) for s in within for mode in ("eager", "compiled")]


def _fewest_sweeps(cell):
    """Strategies, and the sweeps that each takes at the least."""
    p = mmad.sparsity(cell.function, cell.point, order=1 if cell.product == "jacobian" else 2)
    (m, n), b = p.shape, bounds(p)
    if cell.product == "jacobian":
        return {"columns": b.columns, "rows": b.rows, "bicoloring": b.both, "forward": n, "reverse": m}
    found = dict.fromkeys(("forward-over-reverse", "reverse-over-reverse", "reverse-over-forward"), n) | {
        "star": b.both
    }
    return found | ({"forward-over-forward": n * (n + 1) // 2} if n <= FORWARD_OVER_FORWARD else {})


def timed(cell, contestants, rounds):
    """First calls and later ones of all contestants, in turns, in another order each time.

    In one and the same order each would always come after the same other, and find in cache what that has left there:
    a first call takes half as long after one of the same strategy as after a compilation.
    """
    rng = random.Random(0)
    for k in range(MORE * rounds):
        for c in rng.sample(contestants, len(contestants)):
            if c.out or (k > 2 and sum(c.first + c.second) > (ENOUGH if k < rounds else SOON)):
                continue
            call = cell.derivative(**c.options)
            for times in (c.first, c.second):
                start = process_time()
                call(cell.point)
                times.append(process_time() - start)
            if k == 0:
                c.call = call
                start = process_time()
                call(cell.point)
                c.later.append(process_time() - start)
        if k == 0:
            _drop(contestants)
    gc.collect()
    for k in range(MORE * rounds + 1):
        for c in rng.sample(contestants, len(contestants)):
            if c.out or (k > rounds and sum(c.later) > SOON):
                continue
            start, count, spent = process_time(), 0, 0.0
            while spent < SHORTEST:  # as long for all: the first calls find in cache what others have left there
                c.call(cell.point)
                count, spent = count + 1, process_time() - start
            if not k:
                c.later.clear()
            c.later.append(spent / count)
    return contestants


def _drop(contestants):
    """Contestants that no number of evaluations makes the best are timed once."""
    best = [min(c.cost(e) for c in contestants) for e in EVALUATIONS]
    for c in contestants:
        hopeless = all(c.cost(e) > HOPELESS * b for e, b in zip(EVALUATIONS, best, strict=True))
        c.out = hopeless and c.first[0] > LONG and "strategy" in c.options


@dataclass(frozen=True)
class Judged:
    """Regret in one cell for one number of evaluations, of the planner and of the rules of thumb."""

    cell: str
    evaluations: int
    chosen: str
    best: str
    regret: float
    rules: dict
    predicted: float
    measured: float


def measured(cell, rounds=7):
    """The planner and the rules, judged in one cell; a list, one for each number of evaluations."""
    contestants = forced(cell)
    planned = {e: Contestant({"evaluations": e}) for e in EVALUATIONS}
    timed(cell, [*contestants, *planned.values()], rounds)
    found = []
    for e in EVALUATIONS:
        costs = {(c.options["strategy"], c.options["mode"]): c.cost(e) for c in contestants}
        best = min(costs, key=costs.get)
        plan = planned[e].call.plan(cell.point)
        sweeps = {c.options["strategy"]: _sweeps(c, cell) for c in contestants}
        each = {s: min(t for (name, _), t in costs.items() if name == s) for s in sweeps}
        rules = {rule: _ratio(each[s], costs[best]) for rule, s in rules_of_thumb(cell, sweeps, plan.shape).items()}
        rules["random"] = math.exp(np.mean([math.log(_ratio(t, costs[best])) for t in costs.values()]))
        found.append(
            Judged(
                cell.name,
                e,
                f"{plan.strategy}, {plan.mode}",
                ", ".join(best),
                _ratio(planned[e].cost(e), costs[best]),
                rules,
                plan.predicted,
                float(np.median(planned[e].later)),
            )
        )
    return found


def _ratio(cost, best):
    return 1.0 if cost <= SAME * best else cost / best


def _sweeps(contestant, cell):
    chosen = contestant.call.plan(cell.point).chosen
    return chosen.forward, chosen.reverse


def rules_of_thumb(cell, sweeps, shape):
    """What simpler rules would choose among the strategies that were run, each in the better of the two modes."""
    m, n = shape
    hessian = cell.product == "hessian"
    forward, reverse = DENSE[cell.product][:2]
    columns, rows = ("star", "star") if hessian else ("columns", "rows")
    # Where one side is out of the question a rule gets the other for nothing, dense ones a colouring.
    columns, rows = (columns if columns in sweeps else rows), (rows if rows in sweeps else columns)
    if columns not in sweeps:
        columns = rows = min(sweeps, key=lambda s: sum(sweeps[s]))
    forward, reverse = (forward if forward in sweeps else columns), (reverse if reverse in sweeps else rows)
    fewest = min(sweeps, key=lambda s: sum(sweeps[s]))
    cheaper = columns if sum(sweeps[columns]) <= 2 * sum(sweeps[rows]) else rows
    return {
        "always forward": forward,
        "always reverse": reverse,
        "n <= m": forward if n <= m else reverse,
        "reverse costs two": cheaper if cell.sparse else (forward if n <= 2 * m else reverse),
        "fewest colours": fewest,
        "star or columns, forward over reverse": columns,
    }


# ------------------------------------------------------------------------------------------------ reporting
def tasks(quick):
    """Two tasks, whose rows sum up all cells: of the problems that numbers were set on, and of others."""

    def judged(others):
        return [j for c in cells(quick, others) for j in measured(c, 3 if quick else 7)]

    return [
        Task("regret", lambda: rows(judged(False))),
        Task("regret, other problems", lambda: rows(judged(True), "other ")),
    ]


def rows(judged, which=""):
    """Means, quantiles and maxima of the regret, of the planner and of the rules."""
    found = []
    for e in EVALUATIONS:
        here = [j for j in judged if j.evaluations == e]
        regrets = [j.regret for j in here]
        worst = sorted(here, key=lambda j: -j.regret)[:5]
        numbers = {"cells": [vars(j) for j in here]}
        name = f"regret, {len(here)} {which}problems and sizes, E = {e}"
        mean, largest = _mean(regrets), max(regrets)
        share = sum(r <= NINE_IN_TEN for r in regrets) / len(regrets)
        found.append(Row(f"{name}, mean", "", "", f"{mean:.3f}", f"<= {MEAN_BAR[e]}", mean <= MEAN_BAR[e], numbers))
        found.append(Row(f"{name}, <= {NINE_IN_TEN}", "", "", f"{share:.0%}", ">= 90 %", share >= 0.9))
        where = f"{worst[0].cell}: {worst[0].chosen}; best {worst[0].best}"
        found.append(Row(f"{name}, largest", where, "", f"{largest:.2f}", f"<= {LARGEST}", largest <= LARGEST))
        for rule in here[0].rules:
            them = [j.rules[rule] for j in here]
            cells = f"{_mean(them):.2f}, largest {max(them):.3g}"
            found.append(Row(f"{name}, by the rule: {rule}", "", "", cells, "", None))
    ratios = [j.predicted / j.measured for j in judged]
    low, middle, high = np.quantile(ratios, [0.1, 0.5, 0.9])
    cells = f"{middle:.2f} (10 %: {low:.2f}, 90 %: {high:.2f})"
    found.append(Row(f"{which}problems, predicted over measured time of the choice", "", "", cells, "", None))
    return found


def _mean(ratios):
    return math.exp(np.mean(np.log(ratios)))


def listing(judged):
    """A line for each cell, for the eye."""
    lines = []
    for j in sorted(judged, key=lambda j: (-j.regret, j.cell)):
        lines.append(
            f"{j.regret:6.2f} E={j.evaluations:<5}{j.cell:<28}{j.chosen:<32}{j.best:<32}"
            f"{duration(j.measured):>9} {j.predicted / j.measured:5.2f}"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    every = [j for c in cells("--quick" in sys.argv) if not sys.argv[2:] or sys.argv[2] in c.name for j in measured(c)]
    print(listing(every))
