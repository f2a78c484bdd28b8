"""Timing: correctness first, then jobs in turns, then medians."""

import gc
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from mmad.bench.trees import flatten

__all__ = ["Job", "Timing", "compare", "first_calls", "verify"]

SHORTEST = 4e-3  # seconds that one timing lasts at least; the clock's own cost is then far below a percent
WARM_UP = 50e-3  # seconds of calls before any is timed: allocators and thread pools settle over some twenty calls


@dataclass(frozen=True)
class Job:
    """A call to time, and how its result becomes comparable."""

    call: object
    to_numpy: object


@dataclass(frozen=True)
class Timing:
    """Seconds of the first call and of a later one (median and quartiles)."""

    first: float
    median: float
    low: float
    high: float


def compare(jobs, expected, rounds, rtol=1e-9):
    """Check every job's result, then time them in turns.

    Parameters
    ----------
    jobs : dict of str to Job
    expected : tree of ndarray, or None
        The right answer, from none of the tools; None where a job checks itself.
    rounds : int
        Each job is timed this often, one after the other, so that a slow spell of the machine hits all alike.
    rtol : float
        Largest error allowed, relative to the largest element of `expected`.

    Returns
    -------
    dict of str to Timing

    Raises
    ------
    ArithmeticError
        Where a result is wrong: a wrong answer has no speed.
    """
    first, repeats = {}, {}
    for name, job in jobs.items():
        start = perf_counter()
        result = job.call()
        first[name] = perf_counter() - start
        if expected is not None:
            check(name, flatten(job.to_numpy(result)), flatten(expected), rtol)
        if expected is not None:  # a later call may go another way than the first
            check(name, flatten(job.to_numpy(job.call())), flatten(expected), rtol)
        begin = now = perf_counter()
        while now - begin < WARM_UP:
            start = now
            job.call()
            now = perf_counter()
        repeats[name] = max(1, int(SHORTEST / (now - start)))
    times = {name: [] for name in jobs}
    gc.collect()
    for _ in range(rounds):
        for name, job in jobs.items():
            call, count = job.call, repeats[name]
            call()  # what the tool before has driven out of the caches comes back
            start = perf_counter()
            for _ in range(count):
                call()
            times[name].append((perf_counter() - start) / count)
    quartiles = {name: np.quantile(times[name], [0.5, 0.25, 0.75]) for name in jobs}
    return {name: Timing(first[name], *map(float, quartiles[name])) for name in jobs}


def first_calls(makers, rounds):
    """Seconds of the first calls of functions that are newly made, in turns.

    Parameters
    ----------
    makers : dict of str to callable
        Each gives a call that has not been made yet.
    rounds : int

    Returns
    -------
    dict of str to float
        Medians.
    """
    times = {name: [] for name in makers}
    for _ in range(rounds):
        for name, make in makers.items():
            call = make()
            gc.collect()
            start = perf_counter()
            call()
            times[name].append(perf_counter() - start)
    return {name: float(np.median(seconds)) for name, seconds in times.items()}


def verify(name, job, expected, rtol=1e-9):
    """An error where a job's result is wrong, at its first call or at the second."""
    for _ in range(2):
        check(name, flatten(job.to_numpy(job.call())), flatten(expected), rtol)


def check(name, got, expected, rtol):
    """An error where the result differs from the right answer."""
    if got.shape != expected.shape:
        raise ArithmeticError(f"{name}: {got.size} numbers where {expected.size} are right")
    error = np.max(np.abs(got - expected)) / np.max(np.abs(expected))
    if not error <= rtol:
        raise ArithmeticError(f"{name}: relative error {error:.1e}")
