"""The tasks that `mmad.compile` shares with other compilers: later calls, and first ones."""

from dataclasses import asdict, dataclass

import numpy as np
from counting import scalar_operations
from report import Row, Task
from versus import compared

import mmad
from mmad.bench import Instance, find_problem
from mmad.bench.results import duration

__all__ = ["tasks"]

FIRST_RATIO = 1 / 20  # of JAX's first call
FIRST_SECONDS = 30e-3
FIRST_SECONDS_AN_INSTRUCTION = 1e-6  # of long programs
OPERATION_SECONDS = 5e-9
# Hand-written C++ on comparable hardware: a constant from the literature, not measured here.
CPP_SECONDS = {10: 3.3e-3, 20: 8.7e-3}


@dataclass(frozen=True)
class Work:
    """What is computed, and what is asked of mmad.

    Attributes
    ----------
    name : str
    problem : Instance
    kind : str
        The derivative.
    bars : dict of str to float
        By peer: mmad's time over the peer's, at most.  Peers that are not listed do not run.
    operations : bool
        The time is also asked for by scalar operation of the function.
    seconds : float or None
        What the time is also compared with.
    long : bool
        The first call is asked for by recorded instruction.
    """

    name: str
    problem: Instance
    kind: str
    bars: dict
    operations: bool = False
    seconds: float | None = None
    long: bool = False


def tasks(quick, tools):
    """Everything that is compared."""
    rounds, firsts = (3, 1) if quick else (15, 3)
    return [Task(f"{w.name} {w.kind}", lambda w=w: rows(w, tools, rounds, firsts)) for w in workload(quick)]


def workload(quick):
    minors, steps = (5, 20) if quick else (8, 500)
    found = [
        Work(
            f"determinant {minors} x {minors} by minors, scalars,",
            find_problem("determinant").at(minors),
            "gradient",
            {"casadi-sx": 1 / 1.5},
            operations=True,
        ),
        Work(
            f"Lotka-Volterra, {steps} RK4 steps over scalars,",
            find_problem("lotka-volterra").at(steps),
            "gradient",
            {"jax": 1 / 15, "casadi-sx": 1 / 1.5},
            operations=True,
        ),
    ]
    for n, bar in {100: 0.7, 10_000: 1.2, 1_000_000: 1.5}.items():
        if n <= 10_000 or not quick:
            banana = find_problem("rosenbrock").at(n)
            found += [Work(f"Rosenbrock n = {n},", banana, kind, {"jax": bar}) for kind in ("gradient", "hvp")]
    n = 1000 if quick else 1_000_000
    found.append(Work(f"log-sum-exp n = {n},", find_problem("log-sum-exp").at(n), "gradient", {"jax": 0.7}))
    for d, k, n in ((3, 4, 50),) if quick else ((10, 25, 1000), (20, 25, 1000)):
        mixture = find_problem("gaussian-mixture").at((d, k, n))
        name = f"Gaussian mixture d, k, n = {d}, {k}, {n},"
        found.append(Work(name, mixture, "gradient", {"jax": 0.8}, seconds=CPP_SECONDS.get(d)))
    lstm = find_problem("diagonal-lstm").at((2, 64 if quick else 1024, 14))
    found.append(Work("diagonal LSTM, 2 layers,", lstm, "gradient", {"jax": 0.5}, long=True))
    for hidden, examples in ((32, 200),) if quick else ((32, 1347), (128, 1797)):
        network = find_problem("digits").at((hidden, examples))
        name = f"digits network 64-{hidden}-10, {examples} rows,"
        found += [Work(name, network, kind, {"jax": 1.0}) for kind in ("gradient", "hvp")]
    steps, n = (20, 30) if quick else (200, 200)
    for name, problem in {
        f"Kalman filter, {steps} steps,": find_problem("kalman-filter").at(steps),
        f"Gaussian process n = {n},": find_problem("gaussian-process").at(n),
    }.items():
        found.append(Work(name, problem, "gradient", {"jax": 1.0}))
    for n, bar in {10: 0.7, 100: 1.0, 500: 1.0}.items():
        if n <= 100 or not quick:
            found.append(Work(f"Helmholtz energy n = {n},", find_problem("helmholtz").at(n), "hessian", {"jax": bar}))
    return found


def rows(work, tools, rounds, firsts):
    """The work's rows: later calls, what is asked besides, first calls."""
    problem, name = work.problem, f"{work.name} {work.kind}"
    tools = [tool for tool in tools if tool.name == "mmad" or tool.name in work.bars]
    ours, theirs, found = compared(name, problem, work.kind, tools, rounds, firsts)
    numbers = {outcome.contestant: asdict(outcome) for outcome in (ours, *theirs)}
    later = ours.later.median
    for peer in theirs:
        ratio, bar = later / peer.later.median, work.bars[peer.contestant]
        cells = duration(later), f"{peer.contestant} {duration(peer.later.median)}", f"{ratio:.2f}", f"<= {bar:.2g}"
        found.append(Row(name, *cells, ratio <= bar, {"ratio": ratio, **numbers}))
    if work.operations:
        count = scalar_operations(problem.make(np), problem.point)
        each = later / count
        met = each <= OPERATION_SECONDS
        cells = (
            duration(later),
            f"{count} operations",
            f"{duration(each)} each",
            f"<= {duration(OPERATION_SECONDS)}",
        )
        found.append(Row(f"{name}, an operation", *cells, met, {"operations": count, "seconds": each}))
    if work.seconds:
        ratio = later / work.seconds
        cells = duration(later), f"hand-written C++ {duration(work.seconds)} (a constant)", f"{ratio:.2f}", "< 1"
        found.append(Row(name, *cells, ratio < 1, {"seconds": later}))
    limit = FIRST_SECONDS
    if work.long:
        instructions = len(mmad.record(mmad.grad(problem.make(np)), problem.point))
        limit = FIRST_SECONDS_AN_INSTRUCTION * instructions
    bound = "" if not work.long else f" ({instructions} instructions)"
    first = ours.first.median
    for peer in theirs:
        ratio, is_jax = first / peer.first.median, peer.contestant == "jax"
        met = first < limit and (ratio < FIRST_RATIO or not is_jax)
        bar = f"< {FIRST_RATIO} and < {duration(limit)}" if is_jax else f"< {duration(limit)}"
        cells = duration(first), f"{peer.contestant} {duration(peer.first.median)}", f"{ratio:.3f}", bar + bound
        found.append(Row(f"{name}, first call", *cells, met, {"ratio": ratio, **numbers}))
    return found
