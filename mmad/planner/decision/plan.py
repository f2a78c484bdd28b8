"""Plans: what was decided, from what, and why."""

from __future__ import annotations

import textwrap
from dataclasses import asdict, dataclass, replace
from typing import Any

from mmad.planner.coloring.colored import Coloring
from mmad.planner.sparsity.pattern import Pattern
from mmad.planner.sparsity.picture import svg
from mmad.python import html

__all__ = ["Candidate", "Plan"]


@dataclass(frozen=True)
class Candidate:
    """One way to compute a derivative, with its price.

    Attributes
    ----------
    strategy : str
    mode : {"eager", "compiled"}
    width : int
        Sweeps that go together.
    forward, reverse : int
        Sweeps.
    seconds : float
        Predicted for one evaluation.
    preparation : float
        Seconds, once: detection and colouring, compiling.
    bytes : int
        Predicted of the result and of the sweeps.
    measured : float or None
        Seconds of one evaluation, where it took part in a race.
    verdict : str
        Why it lost, or "chosen".
    ends : int
        Of the bytes, those of the result and of the directions.
    """

    strategy: str
    mode: str
    width: int
    forward: int
    reverse: int
    seconds: float
    preparation: float
    bytes: int
    measured: float | None = None
    verdict: str = ""
    ends: int = 0

    def total(self, evaluations):
        """Return the seconds for a number of evaluations, preparation included."""
        return self.preparation + evaluations * (self.seconds if self.measured is None else self.measured)


@dataclass(frozen=True, repr=False)
class Plan:
    """How a derivative is computed; see ``mmad.jacobian(f).plan(x)``.

    Attributes
    ----------
    product : {"jacobian", "hessian", "hvp", "grad"}
    shape : (int, int)
        Rows m and columns n of the matrix.
    strategy, mode, width
        What was chosen; see :class:`Candidate`.
    evaluations : int
        How many were expected.
    reason : str
        The rule that decided.
    candidates : tuple of Candidate
        The chosen one first.
    pattern : Pattern or None
        Where it was looked for.
    coloring : Coloring or None
        Of the strategy chosen.
    structure : mmad.planner.structure.block_sweeps.Blocks or None
        Of the strategy chosen.
    refused : tuple of (str, str)
        Strategies that the recording's structure does not allow, and why.
    work : Work or None
        What the recording computes.
    finding, coloring_time : float
        Seconds that the pattern and the colourings took.
    zeros : mmad.planner.sparsity.zeros.Zeros or None
        Of constant arrays, that the pattern counts on.
    """

    product: str
    origin: str
    shape: tuple
    strategy: str
    mode: str
    width: int
    evaluations: int
    reason: str
    candidates: tuple = ()
    pattern: Pattern | None = None
    coloring: Coloring | None = None
    structure: object = None
    refused: tuple = ()
    bounds: object = None
    work: object = None
    finding: float = 0.0
    coloring_time: float = 0.0
    zeros: object = None

    @property
    def chosen(self) -> Candidate | None:
        """The chosen candidate; None where a rule decided before anything was priced."""
        return next((c for c in self.candidates if c.verdict == "chosen"), None)

    @property
    def predicted(self) -> float | None:
        """Seconds predicted for one evaluation, None where nothing was priced."""
        return None if self.chosen is None else self.chosen.seconds

    def with_reason(self, reason):
        return replace(self, reason=reason)

    def explain(self) -> str:
        """Return the decision in words and tables, at most 80 columns wide."""
        m, n = self.shape
        lines = [self.origin[:80], f"  matrix      {m} x {n}"]
        if self.pattern is not None:
            p, b = self.pattern, self.bounds
            lines.append(f"  pattern     {p.nnz} nonzeros, density {100 * p.density:.3g} %")
            lines.append(f"  bounds      columns >= {b.columns}, rows >= {b.rows}, both >= {b.both}")
        if self.work is not None:
            w = self.work
            lines.append(f"  recording   {w.numbers} on numbers, {w.arrays} on arrays of {w.elements} elements"[:80])
        if self.coloring is not None:
            c = self.coloring
            lines.append(f"  colouring   {c.kind}: {c.column_count} forward, {c.row_count} reverse ({c.order})"[:80])
        if self.structure is not None:
            lines.append(f"  structure   {self.strategy}: {self.structure}"[:80])
        lines += [f"  no {name + ':':<8} {why}"[:80] for name, why in self.refused]
        if self.finding:
            lines.append(
                f"  preparation {seconds(self.finding)} for the pattern, {seconds(self.coloring_time)} for colouring"
            )
        lines.append(f"  evaluations {self.evaluations}")
        lines.append(f"  choice      {self.strategy}, {self.mode}, {self.width} lanes at a time")
        lines += textwrap.wrap(self.reason, 80, initial_indent="  because     ", subsequent_indent=" " * 14)
        if self.candidates:
            lines.append("")
            lines.append(f"  {'candidate':<22}{'mode':<9}{'fwd':>5}{'rev':>5}{'each':>9}{'once':>9}  why")
            for c in self.candidates:
                each = c.seconds if c.measured is None else c.measured
                mark = "" if c.measured is None else "*"
                lines.append(
                    f"  {c.strategy:<22}{c.mode:<9}{c.forward:>5}{c.reverse:>5}{seconds(each) + mark:>9}"
                    f"{seconds(c.preparation):>9}  {c.verdict}"[:80]
                )
            if any(c.measured is not None for c in self.candidates):
                lines.append("  * measured")
        return "\n".join(lines)

    def as_dict(self) -> dict[str, Any]:
        """The decision as plain data, which `json` can write: the pattern and the colouring by their numbers.

        Returns
        -------
        dict
        """
        p, c = self.pattern, self.coloring
        return {
            "origin": str(self.origin),
            "product": self.product,
            "shape": list(self.shape),
            "strategy": self.strategy,
            "mode": self.mode,
            "width": self.width,
            "evaluations": self.evaluations,
            "predicted": self.predicted,
            "reason": self.reason,
            "pattern": None if p is None else {"nonzeros": p.nnz, "density": p.density},
            "coloring": None
            if c is None
            else {"kind": c.kind, "order": c.order, "forward": c.column_count, "reverse": c.row_count},
            "refused": dict(self.refused),
            "candidates": [asdict(candidate) for candidate in self.candidates],
        }

    def __str__(self) -> str:
        return self.explain()

    def __repr__(self) -> str:
        m, n = self.shape
        return f"<Plan of {self.origin}: {m} x {n}, {self.strategy}, {self.mode}>"

    def _repr_html_(self) -> str:
        m, n = self.shape
        facts = [("matrix", f"{m} x {n}"), ("choice", f"{self.strategy}, {self.mode}, {self.width} lanes at a time")]
        if self.predicted is not None:
            facts.append(("predicted", f"{seconds(self.predicted)} an evaluation"))
        if self.coloring is not None:
            c = self.coloring
            facts.append(("colouring", f"{c.kind}: {c.column_count} forward, {c.row_count} reverse"))
        facts += [("because", self.reason), *((f"no {name}", why) for name, why in self.refused)]
        parts = [html.facts(facts)]
        if self.candidates:
            rows = [
                (c.strategy, c.mode, c.forward, c.reverse, seconds(c.seconds if c.measured is None else c.measured),
                 seconds(c.preparation), c.verdict)
                for c in self.candidates
            ]  # fmt: skip
            parts.append(html.table(("candidate", "mode", "forward", "reverse", "each", "once", "why"), rows))
        if self.pattern is not None:
            parts.append(f"<div>{svg(self.pattern)}</div>")
        return html.block(f"Plan of {self.origin}", *parts)

    def plot(self, ax: Any = None) -> Any:
        """Draw the pattern, each entry in the colour of its sweep; needs matplotlib.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional

        Returns
        -------
        matplotlib.axes.Axes
        """
        try:
            import matplotlib.pyplot as plt
        except ImportError as e:
            raise ImportError("plots need matplotlib: pip install matplotlib") from e
        if self.pattern is None:
            raise ValueError(f"the plan is {self.strategy}: no pattern was looked for; force one with strategy=")
        ax = ax or plt.subplots()[1]
        p, c = self.pattern, self.coloring
        colors = None
        if c is not None:
            forward = c.column_colors[p.indices]
            colors = [k if k >= 0 else c.column_count + c.row_colors[i] for k, i in zip(forward, p.rows, strict=True)]
        colored = {"c": colors, "cmap": "tab20"} if colors else {}
        ax.scatter(p.indices, p.rows, marker="s", s=max(1.0, 2e4 / max(max(p.shape), 1) ** 2), **colored)
        ax.set_xlim(-0.5, max(p.shape[1], 1) - 0.5)
        ax.set_ylim(max(p.shape[0], 1) - 0.5, -0.5)
        ax.set_aspect("equal")
        ax.set_title(f"{self.product}: {self.strategy}" + ("" if c is None else f", {c.count} sweeps"))
        return ax


def seconds(t):
    """Return a time in three digits and a unit."""
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if t >= scale:
            return f"{t / scale:.3g}{unit}"
    return f"{t * 1e9:.0f}ns"
