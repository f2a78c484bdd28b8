"""Save and load the outcomes of a comparison: as JSON together with their provenance, and as CSV for spreadsheets."""

import csv
import json
import os
from dataclasses import asdict, fields
from pathlib import Path

from mmad.bench.measure import Outcome, Timing

__all__ = ["duration", "load", "save", "save_csv", "without_digits"]

JSON = "results.json"
CSV = "results.csv"
TIMES = ("first", "later")


def save(folder, outcomes, where):
    """Write outcomes to JSON; an interruption leaves the file as it was.

    Parameters
    ----------
    folder : path
    outcomes : list of Outcome
    where : dict
        The result of `mmad.bench.provenance.provenance`.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join(json.dumps(without_digits(asdict(outcome))) for outcome in outcomes)
    text = f'{{"where": {json.dumps(where)},\n"outcomes": [\n{lines}\n]}}'
    partial = folder / (JSON + ".partial")
    partial.write_text(text + "\n")
    os.replace(partial, folder / JSON)


def without_digits(value):
    """Return a tree with every float rounded to five digits; times are not measured more exactly."""
    if isinstance(value, dict):
        return {key: without_digits(held) for key, held in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_digits(held) for held in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def load(folder):
    """Return the outcomes in a folder and their provenance; both are empty if there are none.

    Returns
    -------
    outcomes : list of Outcome
    where : dict
    """
    path = Path(folder) / JSON
    if not path.exists():
        return [], {}
    held = json.loads(path.read_text())
    return [outcome_of(entry) for entry in held["outcomes"]], held["where"]


def outcome_of(entry):
    """Return an outcome from the entry that `save` wrote for it."""
    times = {name: entry[name] and Timing(**entry[name]) for name in TIMES}
    n = tuple(entry["n"]) if isinstance(entry["n"], list) else entry["n"]
    return Outcome(**{**entry, **times, "n": n})


def save_csv(folder, outcomes):
    """Write outcomes to CSV, one line for each, with times in seconds."""
    plain = [f.name for f in fields(Outcome) if f.name not in TIMES]
    parts = [f"{name} {part}" for name in TIMES for part in ("median", "low", "high")]
    with open(Path(folder) / CSV, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*plain, *parts])
        for outcome in outcomes:
            timings = [getattr(outcome, name) for name in TIMES]
            row = [getattr(outcome, name) for name in plain]
            for timing in timings:
                row += [timing.median, timing.low, timing.high] if timing else [None] * 3
            writer.writerow(row)


def duration(seconds):
    """Return a time as text with three digits, in s, ms, us or ns."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"
