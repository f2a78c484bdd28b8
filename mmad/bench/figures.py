"""Draw pictures of a comparison, as SVG and PNG; needs matplotlib."""

import re
from collections import defaultdict
from functools import partial
from pathlib import Path

import numpy as np

from mmad.bench.profiles import by_case, crossing, performance_profile, slope, total_seconds

__all__ = ["draw"]

MOST = 14  # contestants in one picture; more lines cannot be told apart
EVALUATIONS = np.logspace(0, 5, 101)
#: Colours that colour-blind readers can tell apart: M. Okabe, K. Ito, "Color universal design", 2008, without the
#: yellow, which is too light on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES, MARKS = ("-", "--", ":", "-."), "osD^vPX*<>hd"
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "mmad"}  # text stays text; equal pictures give equal files


def draw(outcomes, folder, where=None, only=None):
    """Draw all pictures for which the outcomes have data.

    Parameters
    ----------
    outcomes : list of Outcome
    folder : path
    where : dict, optional
        The result of `mmad.bench.provenance.provenance`, with that of `mmad.bench.work.peaks` as "peaks".
    only : collection of str, optional
        The names of the pictures to draw, such as "profile" or "times-rosenbrock-hvp".

    Returns
    -------
    list of Path
        The PNG files.
    """
    import matplotlib

    matplotlib.use("Agg")
    cases = by_case(outcomes)
    if not cases:
        return []
    with matplotlib.rc_context(SETTINGS):
        pictures = _pictures(outcomes, cases, where)
        return [picture(Path(folder) / name) for name, picture in pictures.items() if only is None or name in only]


def _pictures(outcomes, cases, where):
    """Return a dict from the name of each picture to a function that draws it, given a path without suffix."""
    ratios, _ = performance_profile(outcomes)
    ranked = sorted(ratios, key=lambda name: -float(np.sum(1.0 / ratios[name])))
    looks = {name: _look(k) for k, name in enumerate(ranked)}
    pictures = {
        "profile": partial(_profile, outcomes, looks),
        "first-and-later": partial(_first_against_later, cases, looks),
    }
    if any(outcome.operations for done in cases.values() for outcome in done.values()):
        pictures["roofline"] = partial(_roofline, cases, looks, (where or {}).get("peaks"))
    for (problem, product), sizes in _by_problem(cases).items():
        name = re.sub(r"[^\w.-]+", "-", f"{problem}-{product}").strip(".-")
        title = f"{problem}, {product}"
        if len(sizes) > 1:
            pictures[f"times-{name}"] = partial(_times, title, sizes, looks)
        if any(outcome.peak is not None for done in sizes.values() for outcome in done.values()):
            pictures[f"memory-{name}"] = partial(_memory, title, sizes, looks)
        n, done = list(sizes.items())[-1]
        label = "-".join(map(str, n)) if isinstance(n, tuple) else n
        pictures[f"amortisation-{name}"] = partial(_amortisation, f"{title}, n = {label}", done, looks)
    return pictures


def _by_problem(cases):
    """Return the cases by problem and product, then by size."""
    grouped = defaultdict(dict)
    for (problem, product, n), done in cases.items():
        grouped[problem, product][n] = done
    return grouped


def _axes(title, x, y, columns=1):
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, columns, figsize=(8.5 + 3.5 * (columns - 1), 4.8), layout="constrained")
    for axis, label in zip(np.atleast_1d(axes), [y] if columns == 1 else y, strict=True):
        axis.set(xlabel=x, ylabel=label, xscale="log", yscale="log")
        axis.grid(alpha=0.3)
    figure.suptitle(title, fontsize="large")
    return figure, axes


def _saved(figure, stem, note="", handles=None):
    """Save a figure with its legend outside of the axes, where it covers nothing; return the path of the PNG file."""
    import matplotlib.pyplot as plt

    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            if axis.get_scale() == "log":
                _readable(axis)
    if handles is None:
        handles = dict(zip(*figure.axes[0].get_legend_handles_labels()[::-1], strict=True))
    figure.legend(handles.values(), handles, loc="outside right upper", fontsize="small", frameon=False)
    if note:
        figure.supxlabel(note, fontsize="small", color="0.35")
    figure.savefig(f"{stem}.svg", metadata={"Date": None})
    figure.savefig(f"{stem}.png", dpi=150)
    plt.close(figure)
    return Path(f"{stem}.png")


def _readable(axis):
    """Label the decades of an axis; label 1, 2 and 5 times a decade if the axis spans less than one."""
    from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter

    low, high = sorted(axis.get_view_interval())
    if np.floor(np.log10(high)) - np.ceil(np.log10(low)) < 1:  # fewer than two decades to label
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_major_formatter(FormatStrFormatter("%.3g"))
    axis.set_minor_formatter(NullFormatter())


def _look(k):
    """Return colour, line style and marker of the k-th contestant, which are the same in every picture."""
    style = STYLES[k // len(COLORS) % len(STYLES)]
    return {"color": COLORS[k % len(COLORS)], "linestyle": style, "marker": MARKS[k % len(MARKS)], "markersize": 5}


def _dots(look):
    """Return a look with markers alone, without a line."""
    return {**look, "linestyle": "none", "alpha": 0.8}


def _profile(outcomes, looks, stem):
    """Draw the share of cases that a contestant does within a multiple of the best contestant's time."""
    ratios, cases = performance_profile(outcomes)
    best = list(looks)[:MOST]
    figure, axes = _axes(
        f"Performance profile: later calls, {cases} cases", "time over the best one's", "share of cases"
    )
    most = max(float(ratios[name][-1]) for name in best)
    for name in best:
        multiple = np.concatenate([[1.0], ratios[name], [max(most, 1.0) * 1.1]])
        share = np.concatenate([[0.0], np.arange(1, len(ratios[name]) + 1), [len(ratios[name])]]) / cases
        look = {key: value for key, value in looks[name].items() if not key.startswith("marker")}
        axes.step(multiple, share, where="post", label=name, **look)
    axes.set(yscale="linear", ylim=(0.0, 1.02))
    return _saved(figure, stem)


def _first_against_later(cases, looks, stem):
    """Draw the times of first and later calls, relative to the fastest later call of the case."""
    figure, axes = _axes("First and later calls", "later call over the best one's", "first call over the same")
    points = defaultdict(list)
    for done in cases.values():
        best = min(outcome.later.median for outcome in done.values())
        for name, outcome in done.items():
            points[name].append((outcome.later.median / best, outcome.first.median / best))
    for name in list(looks)[:MOST]:
        axes.plot(*np.transpose(points[name]), label=name, **_dots(looks[name]))
    axes.axline((1.0, 1.0), (10.0, 10.0), color="0.6", lw=0.8, zorder=0)  # where both calls take the same time
    return _saved(figure, stem)


def _times(title, sizes, looks, stem):
    """Draw time against the number of unknowns, with the slopes."""
    lines = defaultdict(list)
    for done in sizes.values():
        for name, outcome in done.items():
            lines[name].append((outcome.inputs, outcome.later))
    best = sorted(lines, key=lambda name: (-len(lines[name]), lines[name][-1][1].median))[:MOST]
    figure, axes = _axes(f"{title}: a later call, with quartiles", "unknowns", "seconds")
    for name in best:
        inputs = [n for n, _ in lines[name]]
        median, low, high = np.transpose([(t.median, t.low, t.high) for _, t in lines[name]])
        label = name if len(set(inputs)) < 2 else f"{name} (slope {slope(inputs, median):.2f})"
        axes.errorbar(inputs, median, [median - low, high - median], label=label, capsize=2, **looks[name])
    return _saved(figure, stem)


def _memory(title, sizes, looks, stem):
    """Draw memory against time, a point for each size, the smallest first."""
    figure, axes = _axes(
        f"{title}: time against memory", "seconds of a later call", "megabytes that a process grows by"
    )
    points = defaultdict(list)
    for done in sizes.values():
        for name, outcome in done.items():
            if outcome.peak is not None:
                points[name].append((outcome.later.median, max(outcome.peak, 4096) / 1e6))
    best = sorted(points, key=lambda name: points[name][-1])[:MOST]
    for name in best:
        axes.plot(*np.transpose(points[name]), label=name, **{**looks[name], "linewidth": 1.0})
    note = "" if len(sizes) < 2 else f"a line goes from the smallest of {len(sizes)} sizes to the largest"
    return _saved(figure, stem, note)


def _roofline(cases, looks, peaks, stem):
    """Draw achieved speeds against arithmetic intensity.

    The speed of a contestant is the number of operations, or bytes, of mmad's program over the contestant's time.
    """
    figure, (rates, moves) = _axes(
        "Roofline: the work of mmad's program over the time of each",
        "operations a byte", ("operations a second", "bytes a second"), columns=2,
    )  # fmt: skip
    points = defaultdict(list)
    for done in cases.values():
        for name, outcome in done.items():
            if outcome.operations and outcome.moved:
                points[name].append((outcome.operations, outcome.moved, outcome.later.median))
    handles = {}
    for name in [name for name in looks if name in points][:MOST]:
        operations, moved, seconds = np.transpose(points[name]).astype(float)
        (handles[name],) = rates.plot(operations / moved, operations / seconds, **_dots(looks[name]))
        moves.plot(operations / moved, moved / seconds, **_dots(looks[name]))
    if peaks:
        most, width = peaks["operations per second"], peaks["bytes per second"]
        left, right = rates.get_xlim()
        intensity = np.geomspace(min(left, 0.5 * most / width), max(right, 2.0 * most / width), 200)
        (handles["this machine"],) = rates.plot(intensity, np.minimum(most, width * intensity), color="0.4", lw=1.5)
        moves.plot(intensity, np.minimum(width, most / intensity), color="0.4", lw=1.5)
    note = "this machine: a triad of arrays in memory, a product of matrices; what fits the caches may be above" * bool(
        peaks
    )
    return _saved(figure, stem, note, handles)


def _amortisation(title, done, looks, stem):
    """Draw total time against the number of evaluations, with a circle where a contestant becomes the fastest."""
    best = sorted(done, key=lambda name: done[name].later.median)[:MOST]
    figure, axes = _axes(f"{title}: time in all", "evaluations", "seconds, the first call included")
    for name in best:
        axes.plot(EVALUATIONS, total_seconds(done[name], EVALUATIONS), label=name, markevery=20, **looks[name])
    label = "from here on the fastest"
    for k, name in enumerate(best):
        for other in best[k + 1 :]:
            evaluations = crossing(done[name], done[other])
            if evaluations is not None and evaluations <= EVALUATIONS[-1]:
                total = total_seconds(done[name], evaluations)
                if all(total <= 1.001 * total_seconds(done[third], evaluations) for third in best):
                    axes.plot(evaluations, total, "o", mfc="none", color="black", ms=11, mew=1.5, label=label, zorder=5)
                    label = None
    return _saved(figure, stem)
