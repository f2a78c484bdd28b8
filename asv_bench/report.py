"""A task to run and the rows it reports."""

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Row", "Task", "duration"]


@dataclass(frozen=True)
class Task:
    """Something to measure: `run` returns a list of rows."""

    name: str
    run: Callable


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes
    ----------
    task : str
    mmad, peer : str
        The two times, with the peer's name; the peer is empty where mmad is measured alone.
    measured, bar : str
        The ratio or cost, and what is asked of it; the bar is empty where nothing is asked.
    met : bool or None
        Whether the measured value meets the bar.
    numbers : dict
        Everything behind the line, times in seconds.
    """

    task: str
    mmad: str
    peer: str
    measured: str
    bar: str
    met: bool | None
    numbers: dict = field(default_factory=dict)


def duration(seconds):
    """Seconds in a unit in which three digits read well."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def verdict(met):
    """A word for the table."""
    return "" if met is None else "met" if met else "missed"
