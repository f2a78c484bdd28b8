"""Pictures of a comparison, as SVG and PNG: matplotlib is needed."""

import re
from collections import defaultdict
from pathlib import Path

import numpy as np

from mmad.bench.profiles import by_case, crossing, performance_profile, slope, total_seconds

__all__ = ["draw"]

MOST = 12  # contestants in one picture; beyond, lines cannot be told apart
EVALUATIONS = np.logspace(0, 5, 101)
STYLES = ("-", "--", ":")


def draw(outcomes, folder):
    """Draw everything that the outcomes allow.

    Parameters
    ----------
    outcomes : list of Outcome
    folder : path

    Returns
    -------
    list of Path
        The PNG files.
    """
    import matplotlib

    matplotlib.use("Agg")
    folder = Path(folder)
    cases = by_case(outcomes)
    if not cases:
        return []
    made = [_profile(outcomes, folder), _first_against_later(outcomes, folder)]
    for (problem, product), sizes in _by_problem(cases).items():
        name = re.sub(r"[^\w.-]+", "-", f"{problem}-{product}").strip(".-")
        if len(sizes) > 1:
            made.append(_times(f"{problem}, {product}", sizes, folder / f"times-{name}"))
        n, done = list(sizes.items())[-1]
        label = "-".join(map(str, n)) if isinstance(n, tuple) else n
        made.append(_amortisation(f"{problem}, {product}, n = {label}", done, folder / f"amortisation-{name}"))
    return made


def _by_problem(cases):
    """Cases by problem and product, then by size."""
    found = defaultdict(dict)
    for (problem, product, n), done in cases.items():
        found[problem, product][n] = done
    return found


def _axes(title, x, y):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.0, 4.5), layout="constrained")
    axes.set(title=title, xlabel=x, ylabel=y, xscale="log")
    axes.grid(alpha=0.3)
    return figure, axes


def _saved(figure, stem):
    import matplotlib.pyplot as plt

    for suffix in (".svg", ".png"):
        figure.savefig(f"{stem}{suffix}", dpi=150)
    plt.close(figure)
    return Path(f"{stem}.png")


def _look(k):
    """Colour and line style of the k-th line."""
    return {"color": f"C{k % 10}", "linestyle": STYLES[k // 10 % len(STYLES)]}


def _profile(outcomes, folder):
    """Share of cases that a contestant does within a multiple of the best one's time."""
    ratios, cases = performance_profile(outcomes)
    best = sorted(ratios, key=lambda name: -float(np.sum(1.0 / ratios[name])))[:MOST]
    figure, axes = _axes(f"Later calls, {cases} cases", "time over the best one's", "share of cases")
    most = max(float(ratios[name][-1]) for name in best)
    for k, name in enumerate(best):
        at = np.concatenate([[1.0], ratios[name], [max(most, 1.0) * 1.1]])
        share = np.concatenate([[0.0], np.arange(1, len(ratios[name]) + 1), [len(ratios[name])]]) / cases
        axes.step(at, share, where="post", label=name, **_look(k))
    axes.set_ylim(0.0, 1.02)
    axes.legend(fontsize="small", loc="lower right")
    return _saved(figure, folder / "profile")


def _first_against_later(outcomes, folder):
    """What a contestant takes at first and later, relative to the fastest later call of the case."""
    figure, axes = _axes("First and later calls", "later call over the best one's", "first call over the same")
    points = defaultdict(list)
    for done in by_case(outcomes).values():
        best = min(outcome.later.median for outcome in done.values())
        for name, outcome in done.items():
            points[name].append((outcome.later.median / best, outcome.first.median / best))
    for k, (name, found) in enumerate(sorted(points.items())[:MOST]):
        axes.scatter(*np.transpose(found), s=14, label=name, color=f"C{k % 10}", marker="ovs"[k // 10 % 3])
    axes.set_yscale("log")
    axes.legend(fontsize="small")
    return _saved(figure, folder / "first-and-later")


def _times(title, sizes, stem):
    """Time against the number of unknowns, with the slopes."""
    lines = defaultdict(list)
    for done in sizes.values():
        for name, outcome in done.items():
            lines[name].append((outcome.inputs, outcome.later))
    best = sorted(lines, key=lambda name: (-len(lines[name]), lines[name][-1][1].median))[:MOST]
    figure, axes = _axes(title, "unknowns", "seconds")
    for k, name in enumerate(best):
        inputs = [n for n, _ in lines[name]]
        median, low, high = np.transpose([(t.median, t.low, t.high) for _, t in lines[name]])
        label = name if len(inputs) < 2 else f"{name} (slope {slope(inputs, median):.2f})"
        axes.errorbar(inputs, median, [median - low, high - median], label=label, marker=".", capsize=2, **_look(k))
    axes.set_yscale("log")
    axes.legend(fontsize="small")
    return _saved(figure, stem)


def _amortisation(title, done, stem):
    """Total time against the number of evaluations; circles where a contestant becomes the fastest."""
    best = sorted(done, key=lambda name: done[name].later.median)[:MOST]
    figure, axes = _axes(title, "evaluations", "seconds in all")
    for k, name in enumerate(best):
        axes.plot(EVALUATIONS, total_seconds(done[name], EVALUATIONS), label=name, **_look(k))
    for k, name in enumerate(best):
        for other in best[k + 1 :]:
            at = crossing(done[name], done[other])
            if at is not None and at <= EVALUATIONS[-1]:
                total = total_seconds(done[name], at)
                if all(total <= 1.001 * total_seconds(done[third], at) for third in best):
                    axes.plot(at, total, "o", mfc="none", color="black", ms=6)
    axes.set_yscale("log")
    axes.legend(fontsize="small")
    return _saved(figure, stem)
