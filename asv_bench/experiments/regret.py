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

import mmad
from mmad.bench import all_problems, find_problem
from mmad.planner.coloring.coloring import bounds
from mmad.planner.decision.decide import FORWARD_OVER_FORWARD
from mmad.planner.decision.task import DENSE

__all__ = ["EVALUATIONS", "Cell", "cells", "forced", "measured", "run", "timed"]

EVALUATIONS = (1, 10, 1000)
SAME = 1.05  # within this factor of the best it is the best
FAR, SMALL = 12, 20_000  # strategies of so many times the fewest sweeps are not tried, unless it is quick
SHORTEST = 1e-3  # seconds that one timing of later calls lasts at least
MORE, SOON = 3, 0.15  # times as many timings of what takes no more seconds in all
HOPELESS, LONG = 8.0, 30e-3  # what takes so many times the best, and so many seconds, is timed once only
ENOUGH = 0.5  # seconds of first calls of one contestant, after three of them


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


def cells(quick, others=False, sizes=4):
    """Return the problems in their first sizes, of four; in two if it has to be quick.

    The others are those with matrices that the planner's numbers were not set on.
    """
    known = (*SPARSE, *DENSE_RESULTS)
    new = [p.name for p in all_problems() if {"hessian", "jacobian"} & set(p.products) and p.name not in known]
    found = []
    for problem in map(find_problem, new if others else known):
        product = "hessian" if "hessian" in problem.products else "jacobian"
        is_sparse = problem.is_sparse if others else problem.name in SPARSE
        for n in SIZES.get(problem.name, problem.sizes)[: 2 if quick else sizes]:
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


def measured(cell, rounds=7):
    """Return the planner and the rules, judged in one cell: a list of dicts, one for each number of evaluations."""
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
            {
                "cell": cell.name,
                "product": cell.product,
                "evaluations": e,
                "chosen": f"{plan.strategy}, {plan.mode}",
                "reason": plan.reason,
                "best": ", ".join(best),
                "regret": _ratio(planned[e].cost(e), costs[best]),
                "rules": rules,
                "costs": {", ".join(key): seconds for key, seconds in costs.items()},
                "predicted": plan.predicted,
                "later": float(np.median(planned[e].later)),
            }
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


def run(quick):
    """Return what each contestant takes in each cell, and how the planner and the rules do.

    Returns
    -------
    dict
        "set on": cells that the planner's numbers were set on; "others": those that they were not.
    """
    rounds = 3
    found = {"set on": cells(quick, sizes=3), "others": cells(quick, others=True, sizes=3)}
    if quick:
        found = {which: group[::6] for which, group in found.items()}
    return {which: [entry for cell in group for entry in measured(cell, rounds)] for which, group in found.items()}
