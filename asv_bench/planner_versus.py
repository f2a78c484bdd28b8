"""Sparse Hessians and Jacobians by several tools, each as its users would call it many times at one shape."""

from dataclasses import asdict

import numpy as np
from report import Row, Task
from versus import compared

import mmad
from mmad.bench import all_strategies, find_problem
from mmad.bench.results import duration

__all__ = ["tasks"]

BARS = {"casadi-mx": 1 / 3, "asdex": 1.0}
SIDES = ("auto-often", "columns-compiled", "rows-compiled", "forward-compiled", "reverse-compiled")


def tasks(quick, tools):
    return [
        Task("Rosenbrock Hessian", lambda: hessian_rows(200 if quick else 10_000, tools, 3 if quick else 21)),
        Task("arrowhead Jacobian", lambda: arrowhead_rows(50 if quick else 500, 3 if quick else 15)),
    ]


def hessian_rows(n, tools, rounds):
    """The sparse Hessian of the chained Rosenbrock function: compiled, later calls."""
    task = f"Rosenbrock n = {n}, sparse Hessian"
    ours, theirs, found = compared(task, find_problem("rosenbrock").at(n), "hessian", tools, rounds)
    for peer in theirs:
        ratio, bar = ours.later.median / peer.later.median, BARS.get(peer.contestant)
        cells = duration(ours.later.median), f"{peer.contestant} {duration(peer.later.median)}", f"{ratio:.2f}"
        numbers = {"ratio": ratio, "mmad": asdict(ours), peer.contestant: asdict(peer)}
        met = None if bar is None else ratio <= bar
        found.append(Row(task, *cells, "" if bar is None else f"<= {bar:.2f}", met, numbers))
    return found


def arrowhead_rows(n, rounds):
    """The arrowhead Jacobian by both sides, and by the better of one, with colours and without."""
    problem, strategies = find_problem("arrowhead").at(n), all_strategies()
    name = f"arrowhead Jacobian n = {n}"
    ours, theirs, found = compared(name, problem, "jacobian", [strategies[s] for s in SIDES], rounds)
    plan = mmad.jacobian(problem.make(np), sparse=True, evaluations=1000).plan(problem.point)
    one = min(theirs, key=lambda outcome: outcome.later.median)
    ratio = ours.later.median / one.later.median
    sweeps = f"{plan.coloring.row_count} VJP, {plan.coloring.column_count} JVP"
    return [
        *found,
        Row(f"{name}, sweeps", sweeps, "", plan.strategy, "1 VJP, 2 JVP", sweeps == "1 VJP, 2 JVP"),
        Row(
            f"{name}, against one direction",
            duration(ours.later.median),
            f"by {one.contestant} {duration(one.later.median)}",
            f"{ratio:.3f}",
            "<= 0.1",
            ratio <= 0.1,
            {"ratio": ratio, **{o.contestant: asdict(o) for o in (ours, *theirs)}},
        ),
    ]
