"""All strategies for one derivative, run and measured, and whether they give the same."""

import time
import tracemalloc
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from mmad.planner.decision.agreement import errors, nearby, tolerance, vectors
from mmad.planner.decision.calibration import coefficients
from mmad.planner.decision.decide import FORWARD_OVER_FORWARD
from mmad.planner.decision.plan import seconds
from mmad.planner.decision.task import COLORED, DENSE, STRUCTURED, modes
from mmad.python import html

__all__ = ["Comparison", "Measurement", "compare"]

#: Colour and mark of a mode: blue and vermilion, which the colour-blind tell apart too (Okabe and Ito, 2008).
LOOKS = {"eager": ("#0072B2", "o"), "compiled": ("#D55E00", "s")}
LONGEST = 5.0  # seconds that one evaluation may be predicted to take before it is left out


@dataclass(frozen=True)
class Measurement:
    """One strategy, measured.

    Attributes
    ----------
    strategy, mode : str
    forward, reverse : int
        Sweeps.
    first : float
        Seconds of the first call, preparation included.
    time : float
        Seconds of a later call, the median.
    predicted : float
        Seconds predicted of a later call.
    peak : int
        Bytes that Python and NumPy allocated at most during a call.
    error : float
        Largest difference of an entry from the median of all strategies, over the largest entry.
    skipped : str
        Why it was not run; empty if it was.
    differs : str
        Says so where the error is more than rounding explains: the strategy comes after the others, and no plan takes
        it.  Empty where the result agrees.
    low, high : float
        The first and the third quartile of the time of a later call, in seconds.
    """

    strategy: str
    mode: str
    forward: int
    reverse: int
    first: float
    time: float
    predicted: float
    peak: int
    error: float
    skipped: str = ""
    differs: str = ""
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True, repr=False)
class Comparison:
    """Measurements of all strategies, the fastest first; printable, drawn by `plot`, and as plain data by `rows`."""

    origin: str
    shape: tuple[int, int]
    chosen: str
    measurements: tuple[Measurement, ...]

    @property
    def rows(self) -> list[dict[str, Any]]:
        """A dict for each strategy."""
        return [asdict(m) for m in self.measurements]

    def as_dict(self) -> dict[str, Any]:
        """Return the comparison as plain data, which `json` can write."""
        return {"origin": str(self.origin), "shape": list(self.shape), "chosen": self.chosen, "measurements": self.rows}

    @property
    def done(self) -> list[Measurement]:
        """The measurements of strategies that ran and agreed."""
        return [m for m in self.measurements if not m.skipped and not m.differs]

    def __repr__(self) -> str:
        m, n = self.shape
        text = f"<Comparison of {self.origin}: {m} x {n}, {len(self.measurements)} strategies"
        if self.done:
            best = self.done[0]
            text += f", the fastest {best.strategy}, {best.mode}, {seconds(best.time)}"
        return text + ">"

    def _repr_html_(self) -> str:
        m, n = self.shape
        head = ("strategy", "mode", "forward", "reverse", "first", "later", "quartiles", "predicted", "peak", "error")
        rows = []
        for r in self.measurements:
            why = r.skipped or r.differs
            row = [r.strategy, r.mode, r.forward, r.reverse]
            if why:
                rows.append([*row, why, *[""] * 5])
                continue
            quartiles = f"{seconds(r.low)} to {seconds(r.high)}"
            times = [seconds(r.first), seconds(r.time), quartiles, seconds(r.predicted)]
            rows.append([*row, *times, _bytes(r.peak), f"{r.error:.0e}"])
        facts = html.facts([("matrix", f"{m} x {n}"), ("the plan is", self.chosen)])
        return html.block(f"Comparison of {self.origin}", facts, html.table(head, rows))

    def __str__(self) -> str:
        m, n = self.shape
        lines = [f"{self.origin}: {m} x {n}, the plan is {self.chosen}"]
        lines.append(
            f"{'strategy':<22}{'mode':<9}{'fwd':>5}{'rev':>5}{'first':>8}{'time':>8}{'pred/t':>7}{'peak':>8}{'error':>8}"
        )
        for r in self.measurements:
            if r.skipped:
                lines.append(f"{r.strategy:<22}{r.mode:<9}{r.forward:>5}{r.reverse:>5}  {r.skipped}")
                continue
            if r.differs:
                lines.append(f"{r.strategy:<22}{r.mode:<9}{r.forward:>5}{r.reverse:>5}  {r.differs}")
                continue
            lines.append(
                f"{r.strategy:<22}{r.mode:<9}{r.forward:>5}{r.reverse:>5}{seconds(r.first):>8}{seconds(r.time):>8}"
                f"{r.predicted / r.time:>7.2g}{_bytes(r.peak):>8}{r.error:>8.0e}"
            )
        return "\n".join(line[:80] for line in lines)

    def plot(self, ax: Any = None) -> Any:
        """Draw the times and the memory of the strategies that ran, on logarithmic axes; needs matplotlib.

        A strategy has a line: its later calls with their quartiles, its first call as a hollow mark, and the memory of
        a call at the right.  Eager and compiled differ in colour and mark; a result that differs from the others is
        crossed out.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            For the times; without it a figure is made.  The memory is drawn beside it, in the same figure.

        Returns
        -------
        matplotlib.axes.Axes
            That of the times.
        """
        try:
            import matplotlib.pyplot as plt
            from mpl_toolkits.axes_grid1 import make_axes_locatable
        except ImportError as e:
            raise ImportError("plots need matplotlib: pip install matplotlib") from e
        run = [r for r in self.measurements if not r.skipped][::-1]
        if ax is None:
            ax = plt.subplots(figsize=(8.0, 2.0 + 0.32 * len(run)), layout="constrained")[1]
        memory = make_axes_locatable(ax).append_axes("right", size="40%", pad=0.15)
        used = {}
        for k, r in enumerate(run):
            color, mark = LOOKS[r.mode]
            spread = [[max(r.time - r.low, 0.0)], [max(r.high - r.time, 0.0)]] if r.high else None
            look = {"color": color, "fmt": mark, "capsize": 3, "zorder": 3}
            used[f"later call, {r.mode}"] = ax.errorbar(r.time, k, xerr=spread, **look)
            used[f"first call, {r.mode}"] = ax.plot(r.first, k, mark, color=color, mfc="none", zorder=2)[0]
            ax.barh(k, r.first - r.time, left=r.time, height=0.08, color=color, alpha=0.25, zorder=1)
            memory.plot(max(r.peak, 1), k, mark, color=color)
            if r.differs:
                used["differs from the others"] = ax.plot(r.time, k, "x", color="black", ms=11, zorder=4)[0]
        ax.set_yticks(range(len(run)), [f"{r.strategy}, {r.mode}" for r in run])
        memory.set_yticks(range(len(run)), [""] * len(run))
        for axes, label in ((ax, "seconds (with quartiles)"), (memory, "bytes of a call")):
            axes.set(xscale="log", xlabel=label, ylim=(-0.6, max(len(run), 1) - 0.4))
            axes.grid(axis="x", alpha=0.3)
        ax.set_title(
            f"{self.origin}: {self.shape[0]} x {self.shape[1]}, the plan is {self.chosen}", loc="left", fontsize=10
        )
        ax.figure.legend(used.values(), used, loc="outside lower center", ncols=3, fontsize="small", frameon=False)
        return ax


def compare(planned, args, kwargs, rounds=5, progress=None):
    """Measure every strategy of a planned derivative.

    Parameters
    ----------
    planned : Planned
    args, kwargs : tuple, dict
    rounds : int
        Times of a later call, in turns, of which the median counts.
    progress : callable, optional
        Wraps the list of strategies while they are run for the first time, as `tqdm.tqdm` does.

    Returns
    -------
    Comparison
    """
    if planned.options.factored:
        options = replace(planned.options, factored=False, strategy="auto")
        planned = type(planned)(planned.f, planned.argnums, options, planned.format)
    r = planned.record(args, kwargs)
    free = {"strategy": "auto", "evaluations": None, "memory": None, "mode": "auto"}
    task = planned.task(r, replace(planned.options, **free))
    task.bound_searches(coefficients())
    structured = [s for s in STRUCTURED[planned.product] if task.structure(s) is not None]
    names = [*structured, *COLORED[planned.product], *DENSE[planned.product]]
    if hasattr(planned.options.pattern, "column_colors"):
        names = [planned.options.strategy, *DENSE[planned.product]]
    several = replace(task.options, evaluations=2)
    candidates = [task.candidate(s, mode, coefficients()) for s in names for mode in modes(several)]
    nums, results, calls, found = planned.places(args), {}, {}, []
    for c in candidates if progress is None else progress(candidates):
        why = _left_out(c, r.shape)
        if why:
            found.append(Measurement(c.strategy, c.mode, c.forward, c.reverse, 0.0, 0.0, c.seconds, 0, 0.0, why))
            continue
        call = planned.caller(task, c)
        start = time.perf_counter()
        results[c.strategy, c.mode] = call(*args, **kwargs)
        first = time.perf_counter() - start
        calls[c.strategy, c.mode] = call, first, _peak(call, args, kwargs)
    again = {}
    times = {key: [] for key in calls}
    for k in range(rounds):
        # Every round at another point, as a program that guards a value is fast at one point only.
        moved = _callable_at(nearby(args, nums, k), args, kwargs, calls)
        for key, (call, _, _) in calls.items():
            start = time.perf_counter()
            again[key] = call(*moved, **kwargs)
            times[key].append(time.perf_counter() - start)
    error = _errors(results)
    error = {key: max(e, _errors(again).get(key, 0.0)) for key, e in error.items()}
    loose = tolerance(min(task.itemsize, 8))
    for c in candidates:
        key = c.strategy, c.mode
        if key in calls:
            _, first, peak = calls[key]
            low, t, high = map(float, np.quantile(times[key] or [first], [0.25, 0.5, 0.75]))
            m = Measurement(
                c.strategy, c.mode, c.forward, c.reverse, first, t, c.seconds, peak, error[key],
                differs="" if error[key] <= loose else f"its result differs from the others, by {error[key]:.0e}",
                low=low, high=high,
            )  # fmt: skip
            found.append(m)
    differing = {(m.strategy, m.mode) for m in found if m.differs}
    if 2 * len(differing) < len(calls):
        planned.distrust(differing)
    found.sort(key=lambda m: (bool(m.skipped), bool(m.differs), m.time))
    return Comparison(task.origin, r.shape, planned.plan(*args, **kwargs).strategy, tuple(found))


def _errors(results):
    """Return the error of each result, by key."""
    if not results:
        return {}
    return dict(zip(results, map(float, errors(vectors(list(results.values())))), strict=True))


def _callable_at(moved, args, kwargs, calls):
    """Return the moved arguments, or those given where the function refuses the moved ones."""
    for call, _, _ in list(calls.values())[:1]:
        try:
            call(*moved, **kwargs)
        except Exception:  # whatever it checks its arguments for
            return args
    return moved


def _left_out(candidate, shape):
    if candidate.strategy == "forward-over-forward" and shape[1] > FORWARD_OVER_FORWARD:
        return f"for at most {FORWARD_OVER_FORWARD} unknowns"
    if candidate.seconds > LONGEST:
        return f"would take {seconds(candidate.seconds)}"
    return ""


def _peak(call, args, kwargs):
    tracing = tracemalloc.is_tracing()
    if not tracing:
        tracemalloc.start()
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    call(*args, **kwargs)
    peak = tracemalloc.get_traced_memory()[1] - before
    if not tracing:
        tracemalloc.stop()
    return max(peak, 0)


def _bytes(n):
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if n >= scale:
            return f"{n / scale:.3g}{unit}"
    return f"{n}B"
