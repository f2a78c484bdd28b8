"""mmad against the other tools on one problem: a row for each of them; and the tasks of `peers.py`."""

import sys
from dataclasses import asdict

from report import Row, Task

from mmad.bench import all_tools, find_problem
from mmad.bench.measure import measure
from mmad.bench.results import duration

__all__ = ["available", "compared", "tasks"]


def available(names):
    """Return the tools of these names, without those that are not installed, which are named on standard error."""
    known, found = all_tools(), []
    for name in names:
        if name not in known:
            raise SystemExit(f"no tool {name!r}; known: {', '.join(known)}")
        if known[name].is_installed:
            found.append(known[name])
        else:
            print(f"{name} is not installed and is left out", file=sys.stderr)
    return found


def compared(task, instance, product, tools, rounds, firsts=1):
    """Measure tools, the first of which is mmad.

    Returns
    -------
    ours : Outcome
    theirs : list of Outcome
        Of those that do it.
    rows : list of Row
        One for each tool that does not, with its reason.

    Raises
    ------
    ArithmeticError
        Where a result is wrong.
    """
    ours, *theirs = measure(instance, product, tools, rounds=rounds, firsts=firsts)
    for outcome in (ours, *theirs):
        if outcome.status == "wrong" or (outcome is ours and outcome.status != "done"):
            raise ArithmeticError(f"{task}, {outcome.contestant}: {outcome.reason}")
    left_out = [Row(task, "", o.contestant, o.reason.splitlines()[0][:60], "", None, asdict(o)) for o in theirs
                if o.status != "done"]  # fmt: skip
    return ours, [o for o in theirs if o.status == "done"], left_out


# What is asked: how many times the peer's time mmad's must fit in, by task and peer.
BARS = {
    "Lotka-Volterra, 500 RK4 steps over scalars, gradient": {"torch": 30.0, "autograd": 150.0},
    "Rosenbrock n = 100, gradient": {"torch": 2.5, "autograd": 5.0},
    "Rosenbrock n = 100, hvp": {"torch": 8.0},
    "digits network 64-32-10, 1347 rows, gradient": {"torch": 1.0},
    "digits network 64-32-10, 1347 rows, hvp": {"torch": 1.25},
}


def tasks(quick, tools):
    """Return the tasks: gradients and Hessian-vector products of each problem."""
    rounds = 3 if quick else 25
    steps, sizes = (20, ((32, 200),)) if quick else (500, ((32, 1347), (128, 1797)))
    given = [
        (f"Lotka-Volterra, {steps} RK4 steps over scalars", find_problem("lotka-volterra").at(steps), min(rounds, 7)),
        ("Rosenbrock n = 100", find_problem("rosenbrock").at(100), rounds),
    ]
    if not quick:
        given.append(("Rosenbrock n = 10^6", find_problem("rosenbrock").at(1_000_000), 9))
    for hidden, rows in sizes:
        network = find_problem("digits").at((hidden, rows))
        given.append((f"digits network 64-{hidden}-10, {rows} rows", network, rounds))
    return [
        Task(f"{name}, {product}", lambda name=name, i=i, p=product, k=k: rows_of(f"{name}, {p}", i, p, tools, k))
        for name, i, k in given
        for product in ("gradient", "hvp")
        if product in i.problem.products
    ]


def rows_of(task, instance, product, tools, rounds):
    """Return a row for mmad against each of the others."""
    ours, theirs, found = compared(task, instance, product, tools, rounds)
    for peer in theirs:
        ratio = peer.later.median / ours.later.median
        bar = BARS.get(task, {}).get(peer.contestant)
        cells = duration(ours.later.median), f"{peer.contestant} {duration(peer.later.median)}", f"{ratio:.2f}"
        numbers = {"mmad": asdict(ours), peer.contestant: asdict(peer), "ratio": ratio}
        met = None if bar is None else ratio >= bar
        found.append(Row(task, *cells, "" if bar is None else f">= {bar:g}", met, numbers))
    return found
