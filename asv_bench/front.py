"""The front page of the published benchmarks: performance profiles and tables of what is committed in results."""

import json
import shutil
from collections import Counter, defaultdict
from html import escape
from itertools import product
from pathlib import Path

import numpy as np

from mmad.bench.profiles import by_case, performance_profile
from mmad.bench.results import duration, load

__all__ = ["front_page"]

#: Benchmarks of asv whose numbers stand on the front page, and what they are.
TRACKED = {
    "ratios.Cost.track_gradient_over_function": "a gradient, over the function",
    "ratios.Cost.track_hvp_over_gradient": "a Hessian-vector product, over the gradient",
    "ratios.Overhead.track_chain": "overhead of a scalar operation in a gradient",
    "ratios.Overhead.track_stacked_lstm": "overhead of an array operation in a gradient",
    "planner.Regret.track_regret": "the planner's choice, over the best that could be forced",
    "planner.SparseHessian.track_sweeps": "sweeps of a sparse Hessian",
    "planner.SparseJacobian.track_sweeps": "sweeps of a sparse Jacobian",
}

MISSING = "\N{EN DASH}", "none"  # the text and the class of an empty cell

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto; padding: 0 1rem 4rem; color: #222; }
nav a { margin-right: 1.5rem; }
h1, h2, h3 { line-height: 1.2; margin-top: 2em; }
h1 { margin-top: 1em; }
.wide { overflow-x: auto; }
summary { cursor: pointer; margin: 1.5em 0 0.5em; font-weight: bold; }
table { border-collapse: collapse; font-size: 0.875rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.2rem 0.7rem; text-align: right; border-bottom: 1px solid #ddd; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
td.best { font-weight: bold; }
td.none { color: #767676; }
.pictures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(30rem, 100%), 1fr)); gap: 1rem; }
img { width: 100%; height: auto; }
.facts { color: #555; font-size: 0.875rem; }
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mmad: benchmarks</title>
<link rel="icon" href="swallow.ico">
<style>{style}</style>
<script>
// Addresses of asv's pages, in feeds and bookmarks, begin with a # after the front page's.
if (location.hash.length > 1) location.replace("grid.html" + location.hash);
</script>
</head>
<body>
<h1>mmad: benchmarks</h1>
<nav>
<a href="grid.html#/">Benchmark grid</a>
<a href="grid.html#/summarylist">Benchmark list</a>
<a href="grid.html#/regressions">Regressions</a>
</nav>
{body}
</body>
</html>
"""


def front_page(results, out, draw=True):
    """Return the front page as HTML.

    Parameters
    ----------
    results : Path
        The folder whose subfolders hold `results.json` of `mmad bench`, and results of asv.
    out : Path
        The folder of the pages; pictures go to its folder `figures`.
    draw : bool
        Draw pictures with matplotlib; without it there are tables only.
    """
    found = [(path.parent, *load(path.parent)) for path in sorted(Path(results).rglob("results.json"))]
    found.sort(key=lambda one: -len(by_case(one[1])))  # the largest comparison leads
    parts = [part for each in found for part in comparison(*each, out, draw)]
    parts += tracked(results)
    if not parts:
        parts = ["<p>No results are committed: see CONTRIBUTING.md, Benchmarks.</p>"]
    return PAGE.format(style=STYLE, body="\n".join(parts))


# ------------------------------------------------------------------------------------------------ comparisons
def comparison(folder, outcomes, where, out, draw):
    """Yield the parts of one comparison: where it was measured, pictures, times, what was not done."""
    cases = by_case(outcomes)
    if not cases:
        return
    yield f"<h2>{escape(title_of(folder.name))}</h2>"
    yield (
        f"<p>{len(cases)} cases: a problem, a size and a derivative each. Every result was compared with a derivative "
        "by hand before anything was timed. A later call is at another point than the one before; all take turns; "
        "times are medians.</p>"
    )
    yield facts(where)
    pictures = drawn(outcomes, where, folder, out / "figures" / folder.name) if draw else []
    if pictures:
        yield gallery(pictures[:2], out)
    yield "<h3>Performance profile</h3>" + profile_table(outcomes)
    yield "<h3>Later calls</h3>" + times_table(outcomes, cases, "later")
    yield "<h3>First calls, preparation included</h3>" + times_table(outcomes, cases, "first")
    if pictures[2:]:
        yield folded("Pictures by problem", gallery(pictures[2:], out))
    left_out = [o for o in outcomes if o.status != "done"]
    if left_out:
        rows = Counter((o.contestant, o.problem, o.product, f"{o.status}: {first_line(o.reason)}") for o in left_out)
        names = "tool or strategy", "problem", "derivative", "sizes", "reason"
        cells = [(a, b, c, str(count), d) for (a, b, c, d), count in sorted(rows.items())]
        yield folded("What was not done, and why", table(names, cells))


def folded(title, content):
    """Return what is shown after a click."""
    return f"<details><summary>{escape(title)}</summary>{content}</details>"


def title_of(name):
    """Return the name of a folder as a title."""
    return name.replace("-", " ").replace("_", " ").capitalize()


def first_line(text):
    return (text.splitlines() or [""])[0][:100]


def facts(where):
    """Return where something was measured, as a line."""
    packages = ", ".join(f"{name} {version}" for name, version in where.get("packages", {}).items())
    named = {
        "": where.get("processor"),
        "processors": where.get("processors"),
        "Python": where.get("python"),
        "BLAS": where.get("blas"),
        "commit": (where.get("commit") or "")[:10],
        "measured": where.get("time", "")[:10],
    }
    line = "; ".join([f"{key} {value}".strip() for key, value in named.items() if value] + [packages])
    return f'<p class="facts">{escape(line)}</p>'


def drawn(outcomes, where, folder, to):
    """Return pictures as SVG files: drawn now, or those of the folder where matplotlib is missing."""
    to.mkdir(parents=True, exist_ok=True)
    try:
        from mmad.bench.figures import draw

        return [path.with_suffix(".svg") for path in draw(outcomes, to, where)]
    except ImportError:
        return [Path(shutil.copy(path, to)) for path in sorted(folder.glob("*.svg"))]


def gallery(pictures, out):
    """Return pictures side by side."""
    tags = []
    for path in pictures:
        path.with_suffix(".png").unlink(missing_ok=True)  # the page shows the SVG
        words = escape(path.stem.replace("-", " "))
        tags.append(f'<img src="{path.relative_to(out).as_posix()}" alt="{words}" loading="lazy">')
    return '<div class="pictures">' + "\n".join(tags) + "</div>"


def profile_table(outcomes):
    """Return how many cases each contestant does within a multiple of the best one's time."""
    ratios, cases = performance_profile(outcomes)
    mean = {name: float(np.exp(np.mean(np.log(values)))) for name, values in ratios.items()}
    order = sorted(ratios, key=lambda name: -float(np.sum(1.0 / ratios[name])))
    rows = [
        (name, f"{len(ratios[name])} of {cases}", *(str(int(np.sum(ratios[name] <= t))) for t in (1, 2, 10)),
         f"{mean[name]:.3g}", f"{ratios[name][-1]:.3g}")
        for name in order
    ]  # fmt: skip
    names = "tool or strategy", "does", "fastest", "within 2 x", "within 10 x", "mean ratio to the fastest", "largest"
    return table(names, rows)


def times_table(outcomes, cases, which):
    """Return a row for each case and a column for each contestant; the fastest is bold."""
    ratios, _ = performance_profile(outcomes)
    names = sorted(ratios, key=lambda name: -float(np.sum(1.0 / ratios[name])))
    controls = {(o.problem, o.n): getattr(o, which) for o in outcomes if o.control and o.later}
    rows = []
    for (problem, derivative, n), done in cases.items():
        timings = {name: getattr(done[name], which) for name in names if name in done}
        best = min(timing.median for timing in timings.values())
        size = " x ".join(map(str, n)) if isinstance(n, tuple) else n
        row = [f"{problem}, {derivative}, n = {size}"]
        for name in names:
            if name not in timings:
                row.append(MISSING)
            else:
                median = timings[name].median
                row.append((duration(median), "best" if median == best else ""))
        control = controls.get((problem, n))
        rows.append([*row, duration(control.median) if control else MISSING] if controls else row)
    return table(("case", *names, *(["function alone"] if controls else [])), rows)


# ------------------------------------------------------------------------------------------------ of asv
def tracked(results):
    """Yield the counts and ratios that asv has, of the newest commit of each machine."""
    newest = {}
    for path in sorted(Path(results).glob("*/*.json")):
        if path.name not in ("machine.json", "results.json") and (path.parent / "machine.json").exists():
            entry = json.loads(path.read_text())
            if entry["date"] >= newest.get(path.parent, {"date": 0})["date"]:
                newest[path.parent] = entry
    units = units_of(results)
    for folder, entry in newest.items():
        rows = defaultdict(list)
        for name, words in TRACKED.items():
            for cell, value in values_of(entry, name):
                if value is not None and np.isfinite(value):
                    unit = units.get(name, "")
                    rows[words].append((cell, duration(value) if unit == "seconds" else f"{value:.3g} {unit}"))
        if rows:
            machine = json.loads((folder / "machine.json").read_text())
            yield f"<h2>Costs, counts and regret on {escape(folder.name)}</h2>"
            count = machine.get("num_cpu")  # asv leaves out what it does not find
            facts = machine.get("cpu"), count and f"{count} processors", machine.get("os")
            line = (*filter(None, facts), f"commit {entry['commit_hash'][:10]}")
            yield f'<p class="facts">{escape("; ".join(line))}</p>'
        for words, cells in rows.items():
            yield f"<h3>{escape(words[0].upper() + words[1:])}</h3>" + table(("of", "is"), cells)


def units_of(results):
    """Return the unit of each benchmark."""
    path = Path(results) / "benchmarks.json"
    held = json.loads(path.read_text()) if path.exists() else {}
    return {name: entry.get("unit", "") for name, entry in held.items() if isinstance(entry, dict)}


def values_of(entry, name):
    """Return pairs of parameters and value of one benchmark in a file of asv's results."""
    found = dict(zip(entry["result_columns"], entry["results"].get(name, []), strict=False))
    if not found.get("result"):
        return []
    cells = product(*found.get("params", []))
    return [(", ".join(p.strip("'") for p in cell), value) for cell, value in zip(cells, found["result"], strict=True)]


# ------------------------------------------------------------------------------------------------ HTML
def table(names, rows):
    """Return a table; a cell is text, or text and the class of its cell."""

    def cell(content):
        text, kind = content if isinstance(content, tuple) else (content, "")
        return f'<td class="{kind}">{escape(text)}</td>' if kind else f"<td>{escape(text)}</td>"

    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    body = "\n".join("<tr>" + "".join(map(cell, row)) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'
