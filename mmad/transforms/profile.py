"""How long the instructions of a tape take, by the lines of the user's code that they come from."""

import dataclasses
import time

from mmad.transforms.evaluate import evaluate, recorded_arguments

__all__ = ["LineTime", "TapeProfile", "profile"]


@dataclasses.dataclass(frozen=True)
class LineTime:
    """What the instructions of one line take.

    Attributes
    ----------
    file : str or None
        None for instructions that belong to no line, as a copy of an argument.
    line : int
    text : str
        The line of code.
    instructions : int
        Of the function and of the sweeps.
    function, forward, reverse : float
        Seconds, in the function itself, in forward sweeps, in reverse sweeps.
    """

    file: str | None
    line: int
    text: str
    instructions: int
    function: float
    forward: float
    reverse: float

    @property
    def total(self):
        """Seconds, in all."""
        return self.function + self.forward + self.reverse


class TapeProfile:
    """Times of a tape by line, the longest first; printed as a table.

    Attributes
    ----------
    rows : list of LineTime
    total : float
        Seconds.
    """

    def __init__(self, origin, rows):
        self.origin = origin
        self.rows = sorted(rows, key=lambda row: -row.total)
        self.total = sum(row.total for row in rows)

    def __iter__(self):
        return iter(self.rows)

    def __len__(self):
        return len(self.rows)

    def __str__(self):
        head = f"{self.origin}: {1e6 * self.total:.1f} microseconds"
        names = f"{'share':>6} {'function':>10} {'forward':>10} {'reverse':>10} {'count':>6}  line"
        lines = []
        for row in self.rows:
            times = " ".join(f"{1e6 * t:10.1f}" for t in (row.function, row.forward, row.reverse))
            where = "(no line)" if row.file is None else f"{row.file.rsplit('/', 1)[-1]}:{row.line}: {row.text}"
            share = row.total / self.total if self.total else 0.0
            lines.append(f"{share:6.1%} {times} {row.instructions:6}  {where}")
        return "\n".join([head, names, *lines])


def profile(tape, repeats):
    """Return the times; see :meth:`mmad.Tape.profile`."""
    if tape.origins is None:
        raise ValueError(f"{tape.origin}: the tape does not know its lines; record it with lines=True")
    if repeats < 1:
        raise ValueError(f"{tape.origin}: profile takes at least one repeat, not {repeats}")
    if not any(tape.origin_of(k).sweeps for k in range(len(tape))):
        tape = tape.pullback()
    best = [float("inf")] * len(tape)
    for _ in range(repeats):
        _time_once(tape, best)
    rows = {}
    for i, seconds in zip(tape.instructions, best, strict=True):
        if seconds == float("inf"):
            continue
        origin = tape.origin_of(i.id)
        times = rows.setdefault((origin.file, origin.line), [origin.text, 0, {}])
        sweep = origin.sweeps[0] if origin.sweeps else "function"
        times[1] += 1
        times[2][sweep] = times[2].get(sweep, 0.0) + seconds
    return TapeProfile(
        tape.origin,
        [
            LineTime(file, line, text, count, *(by.get(k, 0.0) for k in ("function", "forward", "reverse")))
            for (file, line), (text, count, by) in rows.items()
        ],
    )


def _time_once(tape, best):
    """Evaluate a tape at the point where it was recorded, and keep the shortest time of each instruction."""
    clock, values = time.perf_counter, recorded_arguments(tape)
    before = clock()

    def watch(i, value):
        nonlocal before
        best[i.id] = min(best[i.id], clock() - before)
        before = clock()

    evaluate(tape, values, watch)
