"""A task to run and the rows it reports."""

from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ["Row", "Task", "table"]

HEADER = ("task", "mmad", "peer", "ratio", "bar", "met?")


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


def table(rows):
    """The rows as a Markdown table."""
    verdict = {None: "", True: "yes", False: "no"}
    cells = [HEADER, *[(row.task, row.mmad, row.peer, row.measured, row.bar, verdict[row.met]) for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADER))]
    lines = [" | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    rule = " | ".join("-" * width for width in widths)
    return "\n".join(f"| {line} |" for line in [lines[0], rule, *lines[1:]])
