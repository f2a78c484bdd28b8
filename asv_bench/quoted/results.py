"""Results of experiments, read once; numbers as text."""

import json
import math
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from mmad.bench.profiles import by_case
from mmad.bench.results import duration as plain_duration
from mmad.bench.results import load

__all__ = ["Results", "duration", "factor", "markdown", "mean", "megabytes", "percent", "size_of"]

FOLDER = Path(__file__).resolve().parent.parent / "results"


class Results:
    """The results in a folder."""

    def __init__(self, folder=FOLDER):
        self.folder = Path(folder)

    @cache  # noqa: B019  a handful of files, for one run
    def experiment(self, name):
        """Return what an experiment found."""
        return self._held(name)["found"]

    @cache  # noqa: B019
    def outcomes(self, name):
        """Return the outcomes of a campaign."""
        return load(self.folder / name)[0]

    @cache  # noqa: B019
    def cases(self, name):
        """Return outcomes with a time, by case and contestant."""
        return by_case(self.outcomes(name))

    def where(self, name):
        """Return where an experiment was made."""
        folder = self.folder / name
        return load(folder)[1] if folder.is_dir() else self._held(name)["where"]

    @cache  # noqa: B019
    def _held(self, name):
        return json.loads((self.folder / f"{name}.json").read_text())

    @cached_property
    def accuracy(self):
        """Return the rows of docs/accuracy.md: an operation, and four errors in units in the last place."""
        text = (FOLDER.parent.parent / "docs" / "accuracy.md").read_text()
        rows = [
            [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:3] == "| `"
        ]
        return {row[0].strip("`"): [float(cell) for cell in row[1:5]] for row in rows}


def duration(seconds):
    """Return seconds with three digits, or two above a hundred, and a unit."""
    return plain_duration(float(f"{seconds:.3g}")).replace(" us", " µs")


def factor(ratio):
    """Return a ratio with two digits, three from a hundred on."""
    return f"{ratio:.0f}" if ratio >= 10 else f"{ratio:.2g}" if ratio >= 1 else f"{ratio:.2f}"


def percent(share):
    """Return a share in whole percent."""
    return f"{100 * share:.0f} %"


def megabytes(count):
    """Return bytes in MB."""
    return f"{count / 1e6:.3g} MB"


def mean(ratios):
    """Return the geometric mean."""
    return math.exp(float(np.mean(np.log(ratios))))


def size_of(n):
    """Return a size as text."""
    return " x ".join(map(str, n)) if isinstance(n, (tuple, list)) else f"{n:,}".replace(",", " ")


def markdown(head, rows):
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)
