"""What it costs a compiled function to notice that Python would have gone another way.

Three functions of n numbers or arrays are compiled with a comparison in each of n steps and without, the same
arithmetic otherwise; what a replay takes more, over n, is the cost of one guard.  Calls that meet their guards are
timed, each at another point.
"""

from itertools import cycle

import numpy as np

import mmad
from mmad.bench.measure import check, time_in_turns

__all__ = ["run"]


def numbers(compares):
    """Return a function of n numbers that looks at each, or does not."""

    def function(values):
        total = 0.0
        for v in values:
            if not compares or v > 0.0:
                total = total + v * v
        return total

    return function


def arrays(compares):
    """Return a function of an array that looks at a sum of it in each of 100 steps, or does not."""

    def function(x):
        for _ in range(STEPS):
            x = x * 0.999
            if not compares or x[0] > 0.0:
                x = x + 0.001
        return np.sum(x * x)

    return function


STEPS = 100


def masks(compares):
    """Return a function that asks whether all elements are positive, in each of 100 steps, or does not."""

    def function(x):
        for _ in range(STEPS):
            x = x * 0.999
            if not compares or np.all(x > 0.0):
                x = x + 0.001
        return np.sum(x * x)

    return function


def over_and_over(call, points):
    """Return a call of no arguments that takes one point after the other."""
    stream = cycle(points)
    return lambda: call(next(stream))


def run(quick):
    """Return seconds with and without guards, and of one guard."""
    rng = np.random.default_rng(3)
    n, rounds = 1000, 3 if quick else 21
    kinds = {
        "a comparison of numbers": (numbers, n, lambda: tuple(rng.uniform(0.5, 1.5, size=n).tolist())),
        "a comparison of an element, 1000 elements": (arrays, STEPS, lambda: rng.uniform(0.5, 1.5, size=1000)),
        "a comparison of all of 1000 elements": (masks, STEPS, lambda: rng.uniform(0.5, 1.5, size=1000)),
    }
    found = {}
    for kind, (make, guards, draw) in kinds.items():
        points = [draw() for _ in range(8)]
        calls = {}
        for compares in (True, False):
            gradient = mmad.compile(mmad.grad(make(compares)))
            for point in points[:2]:
                check(kind, np.asarray(gradient(point)), np.asarray(mmad.grad(make(False))(point)), 1e-12)
            calls[compares] = gradient
        jobs = {str(compares): over_and_over(call, points) for compares, call in calls.items()}
        timings = time_in_turns(jobs, rounds)
        guarded, free = timings["True"].median, timings["False"].median
        found[kind] = {"guards": guards, "with": guarded, "without": free, "each": (guarded - free) / guards}
    return found
