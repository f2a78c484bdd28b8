"""One thread and two, in turns, for long arrays; the second needs another processor."""

import os
from statistics import median
from time import perf_counter

import numpy as np

import mmad
from mmad.bench import find_problem
from mmad.bench.measure import check

__all__ = ["run"]


def run(quick):
    """Return seconds by problem and number of threads; nothing where there is one processor."""
    if len(PROCESSORS) < 2:
        return {}
    found, before = {}, os.sched_getaffinity(0)
    for name in ("rosenbrock", "log-sum-exp"):
        instance = find_problem(name).at(10_000 if quick else 1_000_000)
        compiled = mmad.compile(mmad.grad(instance.make(np)))
        points = instance.cycle()
        for point in (next(points), next(points)):
            check(name, compiled(point), instance.gradient(point))
        times = {1: [], 2: []}
        os.sched_setaffinity(0, PROCESSORS)
        try:
            for _ in range(6 if quick else 30):
                for count, seconds in times.items():
                    mmad.set_num_threads(count)
                    compiled(next(points))  # wakes the threads
                    point = next(points)
                    start = perf_counter()
                    compiled(point)
                    seconds.append(perf_counter() - start)
        finally:
            mmad.set_num_threads(1)
            os.sched_setaffinity(0, before)
        found[f"{instance.name}, gradient"] = {str(count): median(seconds) for count, seconds in times.items()}
    return found


def processors():
    """Return the processors that the process that started this one had."""
    held = os.environ.get("REPRODUCE_PROCESSORS")
    if held:
        return {int(number) for number in held.split(",")}
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


PROCESSORS = processors()
