"""What the planner makes of structure: repeated blocks of a bundle adjustment, a waist kept as two factors."""

from dataclasses import asdict
from time import perf_counter

import numpy as np
from report import Row, Task

import mmad
from mmad.bench import find_problem
from mmad.bench.measure import time_in_turns
from mmad.bench.problems.bundle_adjustment import jacobian_entries
from mmad.bench.results import duration

__all__ = ["tasks"]

BUNDLE_BAR = 8.0  # times the function in NumPy
BUNDLE_SECONDS = 24e-3  # what CoDiPack takes, on the machine of the README's tables


def tasks(quick):
    size, rounds = ((5, 40, 200), 3) if quick else (find_problem("bundle-adjustment").sizes[-1], 15)
    return [
        Task("bundle adjustment", lambda: bundle_rows(find_problem("bundle-adjustment").at(size), rounds)),
        Task("waist", lambda: waist_rows(1000, rounds)),
    ]


def bundle_rows(problem, rounds):
    """The sparse Jacobian as it comes, and where many evaluations are known to come, against the function."""
    function, point = problem.make(np), problem.point
    values, columns = jacobian_entries(point, problem.n)
    rows = np.repeat(np.arange(len(values)), 15)
    jobs, facts = {"NumPy": lambda: function(point)}, {}
    for mode, evaluations in (("eager", None), ("compiled", 1000)):
        derivative = mmad.jacobian(function, sparse=True, evaluations=evaluations)
        start = perf_counter()
        found = derivative(point)
        first = perf_counter() - start
        for matrix in (found, derivative(point)):
            error = np.abs(np.asarray(matrix[rows, columns.ravel()]).ravel() - values.ravel()).max()
            if not error <= 1e-10 * np.abs(values).max() or matrix.nnz > values.size:
                raise ArithmeticError(f"Jacobian of {problem.name}, {mode}: error {error:.1e}")
        plan = derivative.plan(point)
        facts[mode] = {"first": first, "strategy": plan.strategy, "forward": plan.chosen.forward,
                       "reverse": plan.chosen.reverse, "finding": plan.finding}  # fmt: skip
        points = problem.cycle()
        jobs[mode] = lambda d=derivative, points=points: d(next(points))
    timings = time_in_turns(jobs, rounds)
    found, alone = [], timings["NumPy"].median
    for mode in ("eager", "compiled"):
        took = timings[mode].median
        numbers = {"timing": asdict(timings[mode]), "function": asdict(timings["NumPy"]), **facts[mode]}
        name = f"{problem.name}, sparse Jacobian by {facts[mode]['strategy']}, {mode}"
        below = f"NumPy function {duration(alone)}"
        ratio = took / alone
        found.append(
            Row(name, duration(took), below, f"{ratio:.2f}", f"<= {BUNDLE_BAR:g}", ratio <= BUNDLE_BAR, numbers)
        )
    bar = f"<= {duration(BUNDLE_SECONDS)}"
    found.append(Row(f"{problem.name}, compiled", duration(took), "", "", bar, took <= BUNDLE_SECONDS, numbers))
    return found


def waist_rows(n, rounds):
    """n results of n arguments through one number: the factors, and the matrix."""
    t, x = np.linspace(0.0, 1.0, n), np.linspace(-1.0, 1.0, n)

    def function(x):
        return np.sin(t * (x @ x))

    expected = np.outer(2.0 * t * np.cos(t * (x @ x)), x)
    options = {
        "factors": {"factored": True},
        "dense, waist": {"strategy": "waist"},
        "dense, forward": {"strategy": "forward"},
    }
    jobs = {}
    for name, option in options.items():
        derivative = mmad.jacobian(function, evaluations=1000, **option)
        for _ in range(2):
            matrix = derivative(x)
            matrix = matrix.todense() if name == "factors" else matrix
            if not np.abs(matrix - expected).max() <= 1e-12:
                raise ArithmeticError(f"Jacobian through a waist, {name}: wrong")
        jobs[name] = lambda d=derivative: d(x)
    timings = time_in_turns(jobs, rounds)
    base = timings["dense, forward"].median
    return [
        Row(f"waist of 1, n = m = {n}, {name}", duration(timings[name].median), f"dense, forward {duration(base)}",
            f"{base / timings[name].median:.1f} x", "", None, asdict(timings[name]))
        for name in ("factors", "dense, waist")
    ]  # fmt: skip
