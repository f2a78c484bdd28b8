"""What `mmad.compile` is measured on alone: orders of derivatives, overhead, memory, threads."""

import os
from dataclasses import asdict
from statistics import median
from time import perf_counter

import numpy as np
from overhead import stacked_lstm_overhead
from report import Row, Task

import mmad
from mmad.bench import find_problem
from mmad.bench.measure import check, time_in_turns
from mmad.bench.results import duration

__all__ = ["tasks"]

HVP_BAR, GRADIENT_BAR = 2.5, 4.0  # times the gradient; times the function
OVERHEAD_BARS = {"compiled": 60e-9, "eager": 2e-6}  # seconds an operation
WORKSPACE_BAR = 4.0  # vectors of the problem's size
THREADS_BAR = 1.6  # times as fast with two


def tasks(quick, cores):
    """Every measurement; `cores` is the set of those that two threads may use."""
    n, rounds = (10_000, 3) if quick else (1_000_000, 15)
    network = find_problem("digits").at((32, 200 if quick else 1347))
    mixture = find_problem("gaussian-mixture").at((3, 4, 50) if quick else (10, 25, 1000))
    banana = find_problem("rosenbrock").at(n)
    found = [
        order_task(name, problem, rounds)
        for name, problem in {
            "Rosenbrock n = 10000": find_problem("rosenbrock").at(10_000),
            f"Rosenbrock n = {n}": banana,
            "digits network, 32 hidden": network,
            "Gaussian mixture, d = 10": mixture,
        }.items()
    ]
    found.append(Task("overhead of an array operation", lambda: overhead(5 if quick else 25)))
    found.append(Task(f"Rosenbrock n = {n}, workspace of the HVP", lambda: workspace(banana)))
    for name, problem in {"Rosenbrock": banana, "log-sum-exp": find_problem("log-sum-exp").at(n)}.items():
        task = f"{name} n = {n}, gradient, two threads"
        found.append(Task(task, lambda task=task, problem=problem: threads(task, problem, cores, rounds)))
    return found


def order_task(name, problem, rounds):
    """HVP over gradient and gradient over function, all compiled."""

    def run():
        function, x, v = problem.make(np), problem.point, problem.direction
        calls = {
            "function": (mmad.compile(function), (), function),
            "gradient": (mmad.compile(mmad.grad(function)), (), problem.gradient),
            "HVP": (mmad.compile(mmad.hvp(function)), (v,), problem.hvp),
        }
        jobs = {}
        for kind, (compiled, along, right) in calls.items():
            for _ in range(2):  # a later call may go another way than the first
                check(f"{name}, {kind}", compiled(x, *along), right(x, *along))
            points = problem.cycle()
            jobs[kind] = lambda compiled=compiled, along=along, points=points: compiled(next(points), *along)
        timings = time_in_turns(jobs, rounds)
        found = []
        for kind, below, bar in (("HVP", "gradient", HVP_BAR), ("gradient", "function", GRADIENT_BAR)):
            ratio = timings[kind].median / timings[below].median
            cells = duration(timings[kind].median), f"mmad {below} {duration(timings[below].median)}", f"{ratio:.2f}"
            numbers = {which: asdict(timing) for which, timing in timings.items()}
            found.append(Row(f"{name}, {kind} / {below}", *cells, f"<= {bar}", ratio <= bar, numbers))
        return found

    return Task(f"{name}, HVP / gradient / function", run)


def overhead(rounds):
    """The gradient's time for an operation, apart from the arithmetic, by the fit of `overhead.py`."""
    found = []
    for mode, bar in OVERHEAD_BARS.items():
        fit = stacked_lstm_overhead(mode, rounds)
        cells = duration(fit.overhead), f"{duration(fit.work)} a sample more", f"fit within {100 * fit.spread:.0f} %"
        name = f"stacked LSTM, gradient, {mode}, an operation"
        found.append(Row(name, *cells, f"<= {duration(bar)}", fit.overhead <= bar, asdict(fit)))
    return found


def workspace(problem):
    """Memory of one run beside arguments and results."""
    compiled = mmad.compile(mmad.hvp(problem.make(np)))
    compiled(problem.point, problem.direction)
    (program,) = compiled.programs()
    vectors = program.workspace / problem.point.nbytes
    cells = f"{program.workspace / 1e6:.3g} MB", "", f"{vectors:.2f} vectors", f"<= {WORKSPACE_BAR:g} vectors"
    name = f"{problem.name}, workspace of the HVP"
    return [Row(name, *cells, vectors <= WORKSPACE_BAR, {"bytes": program.workspace, "vectors": vectors})]


def threads(name, problem, cores, rounds):
    """One thread and two, in turns."""
    bar = f">= {THREADS_BAR} times as fast"
    if len(cores) < 2:
        return [Row(name, "-", "", "-", bar, None)]
    compiled, point = mmad.compile(mmad.grad(problem.make(np))), problem.point
    for _ in range(2):
        check(name, compiled(point), problem.gradient(point))
    times, before = {1: [], 2: []}, os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        for _ in range(2 * rounds):
            for count, seconds in times.items():
                mmad.set_num_threads(count)
                compiled(point)  # wakes the threads
                start = perf_counter()
                compiled(point)
                seconds.append(perf_counter() - start)
    finally:
        mmad.set_num_threads(1)
        os.sched_setaffinity(0, before)
    one, two = median(times[1]), median(times[2])
    cells = duration(two), f"mmad, one thread {duration(one)}", f"{one / two:.2f} times as fast"
    return [Row(name, *cells, bar, one / two >= THREADS_BAR, {"one": one, "two": two})]
