"""The tasks that mmad is measured on alone: scalar recording, long loops, a very long chain."""

import gc
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from report import Row, Task

import mmad
from mmad.bench import find_problem
from mmad.bench.measure import check
from mmad.bench.memory import resident_bytes
from mmad.bench.results import duration

__all__ = ["tasks"]

RECORDING_BAR = 60e-9  # seconds an operation, above Python's own
SCALING_BAR = 2.3  # time for 2n over time for n
BYTES_BAR = 64  # an operation, all told


def tasks(quick):
    """Recording, scaling and the chain."""
    recorded, largest, chained = (20_000, 20_000, 200_000) if quick else (200_000, 1_000_000, 10_000_000)
    return [
        Task("recording a scalar operation", lambda: recording(recorded, 5 if quick else 15)),
        Task("loop over x[i] and y[i] = ..., gradient", lambda: scaling(largest, 3 if quick else 5)),
        Task("chained scalar operations", lambda: chained_operations(chained)),
    ]


def recording(n, rounds):
    """The same loop on a Python float and recorded: what an operation costs more."""
    function = find_problem("chain").at(n).make(None)
    plain, recorded = [], []
    for _ in range(rounds):
        start = perf_counter()
        value = function(1.0)
        middle = perf_counter()
        recorded_value, pullback = mmad.vjp(function, 1.0)
        end = perf_counter()
        plain.append((middle - start) / n)
        recorded.append((end - middle) / n)
        del pullback
        check("recording", np.array([recorded_value]), np.array([value]), 0.0)
    above = median(recorded) - median(plain)
    met = above <= RECORDING_BAR
    return [
        Row(
            "recording a scalar operation",
            duration(median(recorded)),
            f"Python float {duration(median(plain))}",
            f"{duration(above)} above",
            f"<= {duration(RECORDING_BAR)}",
            met,
            {"operations": n, "plain": median(plain), "recorded": median(recorded)},
        )
    ]


def scaling(largest, rounds):
    """Gradient times for n doubling up to `largest`; the worst ratio of neighbours counts."""
    sizes = [largest // 2**k for k in range(4, -1, -1)]
    jobs = {}
    for n in sizes:
        problem = find_problem("indexed-loop").at(n)
        gradient = mmad.grad(problem.make(np))
        check(problem.name, gradient(problem.point), problem.gradient(problem.point), 1e-14)
        jobs[n] = (gradient, problem.point)
    times = {n: [] for n in sizes}
    for _ in range(rounds):
        for n, (gradient, point) in jobs.items():
            gc.collect()
            start = perf_counter()
            gradient(point)
            times[n].append(perf_counter() - start)
    medians = [median(times[n]) for n in sizes]
    ratios = [after / before for before, after in pairwise(medians)]
    met = max(ratios) <= SCALING_BAR
    return [
        Row(
            f"loop over x[i] and y[i] = ..., gradient, n to {largest}",
            f"{duration(medians[-1])}, {duration(medians[-1] / largest)} an element",
            "",
            f"{max(ratios):.2f} for 2n over n, at worst",
            f"<= {SCALING_BAR}",
            met,
            {"n": sizes, "seconds": medians, "ratios": ratios},
        )
    ]


def chained_operations(n):
    """Record, differentiate and free `n` operations in a process of its own, whose peak memory is its own."""
    here = str(Path(__file__).resolve().parent)
    home = str(Path(mmad.__file__).resolve().parents[1])
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([here, home]))
    code = f"import alone; alone.chain_in_this_process({n})"
    command = [sys.executable, "-c", code]
    # Not in the caller's folder, where an unbuilt source folder may lie.
    result = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ArithmeticError(f"chain of {n} operations: {result.stderr.strip().splitlines()[-1:]}")
    numbers = json.loads(result.stdout)
    each = numbers["bytes"] / n
    met = each <= BYTES_BAR
    stages = ", ".join(f"{stage} {duration(numbers[stage])}" for stage in ("record", "differentiate", "free"))
    return [
        Row(
            f"{n} chained scalar operations",
            stages,
            "",
            f"{numbers['bytes'] / 1e6:.0f} MB more at the peak, {each:.0f} bytes an operation",
            f"<= {BYTES_BAR} bytes",
            met,
            numbers,
        )
    ]


def chain_in_this_process(n):
    """Print the seconds of each stage and the growth of peak memory in bytes, as JSON."""
    problem = find_problem("chain").at(n)
    function = problem.make(None)
    mmad.vjp(find_problem("chain").at(1000).make(None), 1.0)[1](1.0)  # whatever is made once is made now
    before = resident_bytes()
    marks = [perf_counter()]
    _, pullback = mmad.vjp(function, 1.0)
    marks.append(perf_counter())
    (gradient,) = pullback(1.0)
    marks.append(perf_counter())
    del pullback
    gc.collect()
    marks.append(perf_counter())
    growth = resident_bytes(peak=True) - before
    check(problem.name, np.array([gradient]), np.array([problem.gradient(1.0)]), 1e-9)
    stages = {
        stage: after - start
        for stage, start, after in zip(("record", "differentiate", "free"), marks[:-1], marks[1:], strict=True)
    }
    json.dump({"operations": n, **stages, "bytes": growth}, sys.stdout)
