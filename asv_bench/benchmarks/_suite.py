"""What all benchmarks share: the clock, how often they are repeated, their titles and versions."""

from time import process_time
from types import FunctionType

__all__ = ["Suite", "benchmark"]

KINDS = ("time_", "timeraw_", "track_", "peakmem_")


class Suite:
    """How benchmarks are timed.

    Processor time, because other work on the machine must not count.  Many rounds, between which asv runs all other
    benchmarks, so that a slow spell of the machine does not hit one of them alone; and one timing in each.  asv tells
    two commits apart by a rank test, which takes timings to be independent.  Those of one round are not: with four
    rounds of five timings, two commits that differed in comments were told apart on a busy machine.  Fewer than seven
    timings are too few for that test.
    """

    timer = staticmethod(process_time)
    rounds = 8
    repeat = 1
    sample_time = 20e-3  # seconds that a timing lasts; the clock's own cost is then far below a percent
    warmup_time = 50e-3
    timeout = 120


def benchmark(title, version="1"):
    """Return a class decorator that gives each method of a suite a title of its own and a version.

    asv takes a title from a function, and functions are shared by the classes that inherit them.  It drops results
    whose version is not the present one; by default that is a hash of the code, so that a benchmark that is only
    rewritten loses its history.

    Parameters
    ----------
    title : str
        What is measured, for the pages.  The name of the method comes after it.
    version : str
        Another one where numbers can no longer be compared with earlier ones.
    """

    def titled(suite):
        suite.version = version
        for name in dir(suite):
            if name.startswith(KINDS):
                function = copied(getattr(suite, name), suite)
                kind, _, what = name.partition("_")
                of = "peak memory of " if kind == "peakmem" else ""
                function.pretty_name = f"{title}: {of}{what.replace('_', ' ')}"
                setattr(suite, name, function)
        return suite

    return titled


def copied(function, suite):
    """Return a function of the same code: a call around it would be timed."""
    made = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    made.__doc__ = function.__doc__
    made.__dict__.update(function.__dict__)
    made.__qualname__ = f"{suite.__name__}.{function.__name__}"
    made.__module__ = suite.__module__
    return made
