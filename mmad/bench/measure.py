"""Measure contestants on a problem: right first, then preparation and later calls apart, in turns.

1. Each contestant is prepared and run; its results at two points must be right.  A wrong one has no speed.
2. Preparation and the first call are timed again, a few times, each time anew.
3. Later calls are timed in rounds, each at another point than the call before.  In a round every contestant has its
   turn, so that a slow spell of the machine hits all alike; what the one before has driven out of the caches comes back
   in a call that is not timed.

Numbers are medians and quartiles in seconds.
"""

import gc
from dataclasses import dataclass, replace
from itertools import cycle, islice
from time import perf_counter

import numpy as np

from mmad.bench.tools._tool import Tool
from mmad.bench.trees import flatten

__all__ = [
    "OutOfTimeError",
    "Outcome",
    "Timing",
    "arguments_of",
    "check",
    "measure",
    "time_in_turns",
    "time_preparations",
    "verified",
]

SHORTEST = 4e-3  # seconds that one timing lasts at least; the clock's own cost is then far below a percent
WARM_UP = 50e-3  # seconds of calls before any is timed: allocators and thread pools settle over some twenty calls
POINTS = 8  # that later calls go through in turn
COMPARED = 2  # of them: a later call may go another way than the first
LONG = 2.0  # seconds of one call from which on it is timed three times at most
WHOLE = 300  # rows and columns up to which every element of a matrix is compared; else its product with a direction


class OutOfTimeError(Exception):
    """Time is up before every contestant has been timed."""


@dataclass(frozen=True)
class Timing:
    """Seconds of a call: the median, and the quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, seconds):
        """Return the timing of measured seconds."""
        return cls(*map(float, np.quantile(seconds, [0.5, 0.25, 0.75])))


@dataclass(frozen=True)
class Outcome:
    """What became of one contestant.

    Attributes
    ----------
    contestant, problem, product : str
    n : int or tuple of int
        The size.
    inputs : int
        Numbers in a point.
    status : {"done", "cannot", "failed", "wrong"}
        "cannot": it said so itself; "failed": with an error of its own; "wrong": another result than by hand.
    reason : str
        What it said, or how large the error is; empty where it is done.
    error : float or None
        The largest error, relative to the largest element of the right answer.
    first : Timing or None
        Preparation and first call.
    later : Timing or None
        A later call, at another point than the one before.
    control : bool
        Whether what is timed is the function itself.
    peak : int or None
        Bytes by which the memory of a process grows that does nothing else; None where it was not measured.
    operations, moved : int or None
        Operations of mmad's compiled program for the same, and bytes that it reads and writes: what a time is compared
        with in a roofline.  None where there is no such program, or it calls back into Python.
    """

    contestant: str
    problem: str
    product: str
    n: object
    inputs: int
    status: str
    reason: str = ""
    error: float | None = None
    first: Timing | None = None
    later: Timing | None = None
    control: bool = False
    peak: int | None = None
    operations: int | None = None
    moved: int | None = None


def measure(
    instance, product, contestants, *, rounds=7, firsts=3, clock=perf_counter, progress=None, late=lambda: False
):
    """Measure contestants on one problem of one size.

    Parameters
    ----------
    instance : Instance
    product : {"gradient", "hvp", "hessian", "jacobian"}
    contestants : iterable of Contestant
    rounds, firsts : int
        How often a later call is timed, and a preparation.
    clock : callable
        `time.perf_counter`, or `time.process_time` where other work on the machine must not count.
    progress : callable, optional
        Called with the name of each contestant as its turn begins.
    late : callable, optional
        Says whether time is up.  From then on no contestant begins, and no round but the first.

    Returns
    -------
    list of Outcome
        In the order of the contestants.

    Raises
    ------
    OutOfTimeError
        Time is up before every contestant has been timed.
    """
    args = arguments_of(instance, product)
    runners, outcomes = {}, {}
    for contestant in contestants:
        if late():
            raise OutOfTimeError
        if progress is not None:
            progress(contestant.name)
        runner, outcome = verified(contestant, instance, product, args)
        outcomes[contestant.name] = outcome
        if runner is not None:
            runners[contestant.name] = contestant, runner
    makers = {name: _maker(contestant, instance, product, args[-1]) for name, (contestant, _) in runners.items()}
    first = time_preparations(makers, firsts, clock, late)
    given = {name: [tuple(map(runner.arguments, each)) for each in args] for name, (_, runner) in runners.items()}
    later = time_in_turns({name: runner.run for name, (_, runner) in runners.items()}, rounds, clock, given, late)
    return [replace(outcome, first=first.get(name), later=later.get(name)) for name, outcome in outcomes.items()]


def arguments_of(instance, product):
    """Return what a derivative is called with at some points: a list of tuples."""
    along = (instance.direction,) if product == "hvp" else ()
    return [(x, *along) for x in islice(instance.points(), POINTS)]


def verified(contestant, instance, product, args):
    """Return a runner that is right at the first arguments and fails at none, or None; and the outcome.

    Parameters
    ----------
    contestant : Contestant
    instance : Instance
    product : str
    args : list of tuple
        As of `arguments_of`.

    Returns
    -------
    runner : Runner or None
    outcome : Outcome
        Without times.
    """
    facts = contestant.name, instance.problem.name, product, instance.n, instance.inputs
    is_control = isinstance(contestant, Tool) and contestant.is_control
    errors = [0.0]
    try:
        runner = contestant.prepare(instance, product)
        begin = perf_counter()
        for k, given in enumerate(args):
            result = runner.run(*map(runner.arguments, given))
            if k < COMPARED and not is_control:
                errors.append(_error(instance, product, given, runner.to_numpy(result)))
            if k >= COMPARED and perf_counter() - begin > LONG:
                break
    except NotImplementedError as error:
        return None, Outcome(*facts, "cannot", str(error))
    except Exception as error:  # whatever another tool raises is a finding, not the end
        return None, Outcome(*facts, "failed", f"{type(error).__name__}: {error}")
    worst = float(np.max(errors))  # NaN where one is
    if not worst <= contestant.rtol:
        return None, Outcome(*facts, "wrong", f"relative error {worst:.1e}, more than {contestant.rtol:.0e}", worst)
    return runner, Outcome(*facts, "done", "", worst, control=is_control)


def _error(instance, product, given, result):
    """Return the largest error of a result, relative to the largest element of the right answer."""
    if product in ("gradient", "hvp"):
        return relative_error(flatten(result), flatten(getattr(instance, product)(*given)))
    if not hasattr(result, "toarray"):
        result = np.reshape(result, (-1, instance.inputs))  # of points and results of several dimensions
    if max(result.shape) <= WHOLE:
        dense = result.toarray() if hasattr(result, "toarray") else np.asarray(result)
        return relative_error(dense, getattr(instance, product)(*given))
    v = instance.direction
    right = instance.hvp(*given, v) if product == "hessian" else instance.jvp(*given, v)
    return relative_error(result @ flatten(v), flatten(right))


def relative_error(got, right):
    """Return the largest difference over the largest element of the right answer; infinity where shapes differ."""
    if np.shape(got) != np.shape(right):
        return float("inf")
    largest = float(np.max(np.abs(right), initial=0.0))
    difference = float(np.max(np.abs(np.subtract(got, right)), initial=0.0))
    return difference / largest if largest else difference


def check(name, got, right, rtol=1e-9):
    """Raise where a result, a tree, differs from the right answer.

    Raises
    ------
    ArithmeticError
    """
    error = relative_error(flatten(got), flatten(right))
    if not error <= rtol:
        raise ArithmeticError(f"{name}: relative error {error:.1e}")


def _maker(contestant, instance, product, given):
    """Return a function that gives a call with everything to prepare; the arguments are there already."""

    def make():
        held = {}

        def prepared():
            runner = contestant.prepare(instance, product)
            if not held:
                held["args"] = [runner.arguments(x) for x in given]
            runner.run(*held["args"])

        return prepared

    return make


def time_preparations(makers, rounds, clock=perf_counter, late=lambda: False):
    """Time first calls, in turns.

    Parameters
    ----------
    makers : dict of str to callable
        Each gives a call that has not been made yet.
    rounds : int
    clock, late : callable
        As for `measure`.

    Returns
    -------
    dict of str to Timing
    """
    times = {name: [] for name in makers}
    for k in range(rounds):
        if k and late():
            break
        for name, make in makers.items():
            if not k and late():
                raise OutOfTimeError
            if sum(times[name]) > LONG:
                continue
            call = make()
            gc.collect()
            start = clock()
            call()
            times[name].append(clock() - start)
    return {name: Timing.of(seconds) for name, seconds in times.items()}


def time_in_turns(calls, rounds, clock=perf_counter, arguments=None, late=lambda: False):
    """Time calls, in turns.

    Parameters
    ----------
    calls : dict of str to callable
    rounds : int
    clock : callable
    arguments : dict of str to list of tuple, optional
        What each is called with, one after the other and over again; without it, with nothing.
    late : callable
        As for `measure`.

    Returns
    -------
    dict of str to Timing
    """
    repeats, once = {}, {}
    streams = {name: cycle([()] if arguments is None else arguments[name]) for name in calls}
    for name, call in calls.items():
        if late():
            raise OutOfTimeError
        begin = now = clock()
        while now - begin < WARM_UP:
            start = now
            call(*next(streams[name]))
            now = clock()
            once[name] = now - start
        repeats[name] = max(1, int(SHORTEST / max(once[name], 1e-9)))
    times = {name: [] for name in calls}
    gc.collect()
    for k in range(rounds):
        if k and late():
            break
        for name, call in calls.items():
            if once[name] > LONG and k >= 3:
                continue
            call(*next(streams[name]))
            given = islice(streams[name], repeats[name])
            start = clock()
            for args in given:
                call(*args)
            times[name].append((clock() - start) / repeats[name])
    return {name: Timing.of(seconds) for name, seconds in times.items()}
