"""Measure contestants on a problem: check the results, then time first and later calls, in turns.

1. Prepare and run each contestant.  Its results at two points must be right; a contestant that is wrong is not timed.
2. Prepare each contestant again, a few times, and time preparation together with the first call.
3. Time later calls in rounds, each call at another point than the call before.  Every contestant has a turn in every
   round, so that a slow spell of the machine affects all alike.  A turn begins with a call that is not timed, which
   brings back into the caches what the contestant before has evicted.

Times are medians and quartiles in seconds.
"""

import gc
import math
import re
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
    "without_folders",
]

SHORTEST = 4e-3  # seconds that one timing lasts at least; the clock's own cost is then far below a percent
WARM_UP = 50e-3  # seconds of calls before the first timing: allocators and thread pools settle over some twenty calls
POINTS = 8  # points that later calls use in turn
COMPARED = 2  # points at which results are compared: a later call may run other code than the first
LONG = 1.0  # seconds; a call that takes longer is timed once, a first call when its result is checked
HOPELESS, SOON = 50.0, 0.1  # a call is timed once that takes so many times as long as the fastest, and so many seconds
WHOLE = 300  # rows and columns up to which all elements of a matrix are compared; of larger ones a product is


class OutOfTimeError(Exception):
    """Raised when time is up before every contestant has been timed."""


@dataclass(frozen=True)
class Timing:
    """Seconds of a call: the median, and the quartiles."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, seconds):
        """Return the median and the quartiles of measured times."""
        return cls(*map(float, np.quantile(seconds, [0.5, 0.25, 0.75])))


@dataclass(frozen=True)
class Outcome:
    """The outcome of one contestant on one case.

    Attributes
    ----------
    contestant, problem, product : str
    n : int or tuple of int
        The size.
    inputs : int
        The number of unknowns.
    status : {"done", "cannot", "failed", "wrong", "slow"}
        "cannot": it raised NotImplementedError; "failed": it raised another exception; "wrong": its result is not that
        of the derivative by hand; "slow": its first call took longer than was allowed.
    reason : str
        The message of the exception, or the size of the error; empty for "done".
    error : float or None
        The largest error, relative to the largest element of the right answer.
    first : Timing or None
        The time of preparation and first call.
    later : Timing or None
        The time of a later call, at another point than the call before.
    control : bool
        Whether the function itself was timed, without a derivative.
    peak : int or None
        Bytes by which the memory of a process that does nothing else grows; None if it was not measured.
    operations, moved : int or None
        The number of operations in mmad's compiled program for the same derivative, and of bytes that it reads and
        writes, for a roofline.  None if there is no such program, or if it calls back into Python.
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
    instance,
    product,
    contestants,
    *,
    rounds=7,
    firsts=3,
    clock=perf_counter,
    progress=None,
    late=lambda: False,
    patience=math.inf,
):
    """Measure contestants on one problem of one size.

    Parameters
    ----------
    instance : Instance
    product : {"gradient", "hvp", "hessian", "jacobian"}
    contestants : iterable of Contestant
    rounds, firsts : int
        The number of timings of a later call, and of preparation; 0: preparation is timed where results are checked.
    clock : callable
        `time.perf_counter`, or `time.process_time` if other work on the machine must not count.
    progress : callable, optional
        Called with the name of each contestant when its turn begins.
    late : callable, optional
        Returns whether time is up.  After that no contestant begins, and no round except the first.
    patience : float, optional
        Seconds that a first call may take.

    Returns
    -------
    list of Outcome
        In the order of the contestants.

    Raises
    ------
    OutOfTimeError
        If time is up before every contestant has been timed.
    """
    args = arguments_of(instance, product)
    runners, outcomes = {}, {}
    for contestant in contestants:
        if late():
            raise OutOfTimeError
        if progress is not None:
            progress(contestant.name)
        runner, outcome = verified(contestant, instance, product, args, patience, LONG if firsts else 0.0, clock)
        outcomes[contestant.name] = outcome
        if runner is not None:
            runners[contestant.name] = contestant, runner
    makers = {
        name: _maker(contestant, instance, product, args[-1])
        for name, (contestant, _) in runners.items()
        if outcomes[name].first is None
    }
    first = time_preparations(makers, firsts, clock, late)
    given = {name: [tuple(map(runner.arguments, each)) for each in args] for name, (_, runner) in runners.items()}
    later = time_in_turns({name: runner.run for name, (_, runner) in runners.items()}, rounds, clock, given, late)
    return [
        replace(outcome, first=first.get(name, outcome.first), later=later.get(name))
        for name, outcome in outcomes.items()
    ]


def arguments_of(instance, product):
    """Return the arguments of a derivative at some points, a list of tuples."""
    along = (instance.direction,) if product == "hvp" else ()
    return [(x, *along) for x in islice(instance.points(), POINTS)]


def verified(contestant, instance, product, args, patience=math.inf, long=LONG, clock=perf_counter):
    """Check a contestant: return its runner, or None if a result is wrong or a call fails; and the outcome.

    Parameters
    ----------
    contestant : Contestant
    instance : Instance
    product : str
    args : list of tuple
        As of `arguments_of`.
    patience : float, optional
        Seconds that the first call may take.
    long : float, optional
        Seconds from which on the time of that call is kept.
    clock : callable
        As for `measure`.

    Returns
    -------
    runner : Runner or None
    outcome : Outcome
        Without times.
    """
    facts = contestant.name, instance.problem.name, product, instance.n, instance.inputs
    is_control = isinstance(contestant, Tool) and contestant.is_control
    errors = [0.0]
    begin = clock()
    try:
        runner = contestant.prepare(instance, product)
        for k, given in enumerate(args):
            result = runner.run(*map(runner.arguments, given))
            if not k:
                taken, begin = clock() - begin, clock()
                if taken > patience:
                    return None, Outcome(*facts, "slow", f"the first call took {taken:.0f} s")
            if k < COMPARED and not is_control:
                errors.append(_error(instance, product, given, runner.to_numpy(result)))
            if k >= COMPARED and clock() - begin > LONG:
                break
    except NotImplementedError as error:
        return None, Outcome(*facts, "cannot", without_folders(str(error)))
    except Exception as error:  # a failure of another tool is an outcome; the comparison goes on
        return None, Outcome(*facts, "failed", without_folders(f"{type(error).__name__}: {error}"))
    worst = float(np.max(errors))  # NaN if any error is NaN
    if not worst <= contestant.rtol:
        return None, Outcome(*facts, "wrong", f"relative error {worst:.1e}, more than {contestant.rtol:.0e}", worst)
    first = Timing.of([taken]) if taken > long else None
    return runner, Outcome(*facts, "done", "", worst, first, control=is_control)


def without_folders(text):
    """Return a text in which absolute paths of files are only names: results are published, folders are not.

    Examples
    --------
    >>> without_folders("cannot import name 'x' from 'y' (/home/me/site-packages/y/z.py)")
    "cannot import name 'x' from 'y' (z.py)"
    """
    return re.sub(r"(?<![\w.:/])(?:[A-Za-z]:)?(?:[\\/][^\s\\/'\"()]+)+[\\/](?=[^\s\\/])", "", text)


def _error(instance, product, given, result):
    """Return the largest error of a result, relative to the largest element of the right answer."""
    if product in ("gradient", "hvp"):
        return relative_error(flatten(result), flatten(getattr(instance, product)(*given)))
    if not hasattr(result, "toarray"):
        result = np.reshape(result, (-1, instance.inputs))  # points and results may have several axes
    if max(result.shape) <= WHOLE:
        dense = result.toarray() if hasattr(result, "toarray") else np.asarray(result)
        return relative_error(dense, getattr(instance, product)(*given))
    v = instance.direction
    right = instance.hvp(*given, v) if product == "hessian" else instance.jvp(*given, v)
    return relative_error(result @ flatten(v), flatten(right))


def relative_error(got, right):
    """Return the largest difference over the largest element of the right answer; infinity if the shapes differ."""
    if np.shape(got) != np.shape(right):
        return float("inf")
    largest = float(np.max(np.abs(right), initial=0.0))
    difference = float(np.max(np.abs(np.subtract(got, right)), initial=0.0))
    return difference / largest if largest else difference


def check(name, got, right, rtol=1e-9):
    """Raise an error if a result, a tree, differs from the right answer.

    Raises
    ------
    ArithmeticError
    """
    error = relative_error(flatten(got), flatten(right))
    if not error <= rtol:
        raise ArithmeticError(f"{name}: relative error {error:.1e}")


def _maker(contestant, instance, product, given):
    """Return a function that makes calls to time: each prepares a contestant and runs it on ready arguments."""

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
        Each returns a new call to time.
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
        The arguments of each call, used in turn and over again; by default there are none.
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
    longest = min(LONG, max(SOON, HOPELESS * min(once.values(), default=0.0)))
    times = {name: [once[name]] if once[name] > longest else [] for name in calls}
    gc.collect()
    for k in range(rounds):
        if k and late():
            break
        for name, call in calls.items():
            if once[name] > longest:
                continue
            call(*next(streams[name]))
            given = islice(streams[name], repeats[name])
            start = clock()
            for args in given:
                call(*args)
            times[name].append((clock() - start) / repeats[name])
    return {name: Timing.of(seconds) for name, seconds in times.items()}
