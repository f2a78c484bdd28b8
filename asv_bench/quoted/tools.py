"""All tools on all problems: profiles, shares, and where mmad loses."""

from collections import Counter, defaultdict

import numpy as np

from mmad.bench import all_tools, find_problem
from mmad.bench.profiles import performance_profile
from quoted.results import duration, factor, markdown, mean, percent, size_of

__all__ = ["TABLES", "VALUES"]

OURS, EAGER = "mmad", "mmad-eager"
NEVER_COMPARED = ("handwritten",)  # no tool


def peers(results):
    """Return the cases, by contestant, of tools only."""
    cases = results.cases("tools")
    return {key: {n: o for n, o in done.items() if n not in NEVER_COMPARED} for key, done in cases.items()}


def best(done, without=()):
    """Return the shortest later call."""
    return min(o.later.median for name, o in done.items() if name not in without)


def shares(results):
    """Return by tool: cases done, share of all in which it is best, and in which it is within twice the best."""
    cases = peers(results)
    found = defaultdict(lambda: [0, 0, 0])
    for done in cases.values():
        least = best(done)
        for name, outcome in done.items():
            found[name][0] += 1
            found[name][1] += outcome.later.median <= least
            found[name][2] += outcome.later.median <= 2 * least
    return found, len(cases)


def against(results, name, time=lambda outcome: outcome.later.median):
    """Return a tool's time over mmad's in the cases that both do."""
    return [time(done[name]) / time(done[OURS]) for done in peers(results).values() if name in done and OURS in done]


def versions(results):
    return {**results.where("tools")["packages"]}


def summary(results):
    """Each tool: cases, how often best, mean of its time over mmad's, first calls likewise."""
    found, count = shares(results)
    ratios, _ = performance_profile([o for done in peers(results).values() for o in done.values()])
    tools, rows = all_tools(), []
    for name in sorted(found, key=lambda name: -float(np.sum(1.0 / ratios[name]))):
        done, first, close = found[name]
        later = factor(mean(against(results, name)))
        begin = factor(mean(against(results, name, lambda o: o.first.median)))
        rows.append([tools[name].title, done, percent(first / count), percent(close / count), later, begin])
    head = [
        "tool", f"cases of {count}", "fastest in", "within twice the fastest in", "later calls over mmad's",
        "first calls over mmad's",
    ]  # fmt: skip
    return markdown(head, rows)


def losses(results):
    """Cases in which another tool's later calls take less time than the better of mmad's two ways."""
    rows = []
    for (problem, product, n), done in peers(results).items():
        ours = [done[name].later.median for name in (OURS, EAGER) if name in done]
        other = min(done, key=lambda name: done[name].later.median)
        if ours and other not in (OURS, EAGER):
            ratio = min(ours) / done[other].later.median
            row = [problem, product, size_of(n), duration(min(ours)), all_tools()[other].title]
            rows.append((ratio, [*row, duration(done[other].later.median), factor(ratio)]))
    rows = [row for ratio, row in sorted(rows, key=lambda entry: -entry[0]) if ratio > 1.1]
    return markdown(["problem", "product", "size", "mmad", "fastest tool", "its time", "mmad's over it"], rows)


def refused(results):
    """What tools could not do, or did wrong: the number of cases by tool."""
    count = defaultdict(Counter)
    for outcome in results.outcomes("tools"):
        if outcome.contestant not in NEVER_COMPARED and outcome.contestant != "numpy":
            count[outcome.contestant][outcome.status] += 1
    tools = all_tools()
    rows = [
        [tools[name].title, tally["done"], tally["cannot"], tally["slow"], tally["failed"], tally["wrong"]]
        for name, tally in sorted(count.items(), key=lambda entry: -entry[1]["done"])
    ]
    return markdown(
        ["tool", "done", "says that it cannot", "first call above 10 s", "fails", "gives another result"], rows
    )


SELECTED = (
    ("rosenbrock", "hvp"), ("rosenbrock", "hessian"), ("lotka-volterra", "gradient"), ("determinant", "gradient"),
    ("digits", "gradient"), ("digits", "hvp"), ("gaussian-mixture", "gradient"), ("diagonal-lstm", "gradient"),
    ("kalman-filter", "gradient"), ("gaussian-process", "hvp"), ("black-scholes", "gradient"), ("helmholtz", "hessian"),
    ("bratu", "jacobian"), ("bundle-adjustment", "jacobian"), ("indexed-loop", "gradient"), ("particle", "gradient"),
)  # fmt: skip
COLUMNS = ("mmad", "mmad-eager", "jax", "asdex", "casadi-sx", "torch", "autograd", "advect")


def selected(results):
    """Later calls in some cases, by tool; the fastest in bold."""
    cases, rows = peers(results), []
    columns = [name for name in COLUMNS if any(name in done for done in cases.values())]
    for (problem, product, n), done in cases.items():
        if (problem, product) not in SELECTED:
            continue
        least = best({name: done[name] for name in columns if name in done})
        cells = [cell(done.get(name), least) for name in columns]
        rows.append([f"{find_problem(problem).title}, {product}", size_of(n), *cells])
    return markdown(["problem", "size", *(all_tools()[name].title for name in columns)], rows)


def cell(outcome, least):
    """Return the time of an outcome as a cell, empty where there is none."""
    if outcome is None:
        return ""
    text = duration(outcome.later.median)
    return f"**{text}**" if outcome.later.median <= least else text


def fastest(results):
    """Share of cases in which the better of mmad's two ways is fastest, and within twice the fastest."""
    won = close = 0
    cases = peers(results)
    for done in cases.values():
        ours = min((done[name].later.median for name in (OURS, EAGER) if name in done), default=float("inf"))
        won, close = won + (ours <= best(done)), close + (ours <= 2 * best(done))
    return won / len(cases), close / len(cases)


def done_by(name):
    return lambda results: str(shares(results)[0][name][0])


def ratio_to(name, first=False):
    def text(results):
        return factor(mean(against(results, name, (lambda o: o.first.median) if first else lambda o: o.later.median)))

    return text


MATRICES = ("mmad", "asdex", "casadi-sx", "jax")


def matrices(results):
    """Sparse matrices by mmad, asdex and CasADi: later calls and first calls."""
    tools, rows = all_tools(), []
    for (problem, product, n), done in results.cases("sparse").items():
        least = best({name: done[name] for name in MATRICES if name in done})
        later = [cell(done.get(name), least) for name in MATRICES]
        first = [duration(done[name].first.median) if name in done else "" for name in MATRICES[:2]]
        rows.append([problem, product, size_of(n), *later, *first])
    head = [tools[name].title for name in MATRICES]
    return markdown(["problem", "product", "size", *head, *(f"{title}, first" for title in head[:2])], rows)


def over_ours(name, time):
    def text(results):
        both = [done for done in results.cases("sparse").values() if name in done and OURS in done]
        return factor(mean([time(done[name]) / time(done[OURS]) for done in both]))

    return text


PEERS = ("jax", "torch", "torch-autograd", "autograd", "casadi-sx", "casadi-mx", "asdex", "advect", "advect-staged",
         "mygrad", "pytensor", "sparsediffpy", "ddx", "numdifftools", "mmad-eager")  # fmt: skip
VALUES = {
    "tools.cases": lambda r: str(shares(r)[1]),
    "tools.problems": lambda r: str(len({problem for problem, _, _ in peers(r)})),
    "tools.compared": lambda r: str(
        len({o.contestant for o in r.outcomes("tools")} - {"numpy", "handwritten"} - {OURS, EAGER})
    ),
    "tools.fastest": lambda r: percent(fastest(r)[0]),
    "tools.within-twice": lambda r: percent(fastest(r)[1]),
    "tools.done": done_by(OURS),
    "sparse.cases": lambda r: str(len(r.cases("sparse"))),
    "sparse.done.asdex": lambda r: str(sum("asdex" in done for done in r.cases("sparse").values())),
    "sparse.jax": lambda r: r.where("sparse")["packages"]["jax"],
    **{f"sparse.later.{name}": over_ours(name, lambda o: o.later.median) for name in MATRICES},
    **{f"sparse.first.{name}": over_ours(name, lambda o: o.first.median) for name in MATRICES},
    **{f"tools.done.{name}": done_by(name) for name in PEERS},
    **{f"tools.later.{name}": ratio_to(name) for name in PEERS},
    **{f"tools.first.{name}": ratio_to(name, first=True) for name in PEERS},
}
TABLES = {"tools.summary": summary, "tools.losses": losses, "tools.refused": refused, "tools.selected": selected,
          "sparse": matrices}  # fmt: skip
