"""Time one call."""

from time import perf_counter

from mmad.bench.measure import time_in_turns

__all__ = ["seconds_of"]


def seconds_of(call, rounds, clock=perf_counter):
    """Return the median of the time of a call, in seconds, measured as `mmad.bench.measure.time_in_turns` does."""
    return time_in_turns({"call": call}, rounds, clock)["call"].median
