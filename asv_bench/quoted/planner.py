"""The planner: regret, what its parts earn, what it costs."""

import re
from collections import defaultdict

import numpy as np

from quoted.results import duration, factor, markdown, mean, percent

__all__ = ["TABLES", "VALUES"]

CLOSE = 1.3  # a choice within this factor of the best is a good one
GROUPS = {"set on": "its numbers were set on", "others": "others"}


def judged(results, group=None, evaluations=None):
    """Return the entries of cells."""
    found = results.experiment("regret")
    entries = [e for name in ([group] if group else GROUPS) for e in found[name]]
    return [e for e in entries if evaluations in (None, e["evaluations"])]


def evaluations_of(results):
    return sorted({e["evaluations"] for e in judged(results)})


def evaluations_text(count):
    """Return a number of evaluations as text."""
    return "1 evaluation" if count == 1 else f"{count} evaluations"


def regret(results):
    """Regret by group of problems and number of evaluations."""
    rows = []
    for group, words in GROUPS.items():
        for count in evaluations_of(results):
            here = [e["regret"] for e in judged(results, group, count)]
            rows.append(
                [
                    words,
                    len(here),
                    count,
                    f"{mean(here):.2f}",
                    percent(np.mean(np.less_equal(here, CLOSE))),
                    factor(max(here)),
                ]
            )
    return markdown(["problems", "cases", "evaluations", "mean regret", f"at most {CLOSE}", "largest"], rows)


def rules(results):
    """Mean regret of rules of thumb."""
    counts = evaluations_of(results)
    names = list(judged(results)[0]["rules"])
    rows = [["the planner", *(f"{mean([e['regret'] for e in judged(results, None, c)]):.2f}" for c in counts)]]
    for name in names:
        rows.append([name, *(f"{mean([e['rules'][name] for e in judged(results, None, c)]):.2f}" for c in counts)])
    return markdown(["rule", *map(evaluations_text, counts)], rows)


def reason_of(entry):
    """Return the decision's reason without its numbers."""
    reason = re.split(r"[;:]", entry["reason"])[0]
    return re.sub(r"\d[\d.e+-]*", "n", reason)


def reasons(results):
    """Regret by the rule of the planner that decided."""
    found = defaultdict(list)
    for entry in judged(results):
        found[reason_of(entry)].append(entry["regret"])
    rows = [
        [reason, len(held), f"{mean(held):.2f}", factor(max(held))]
        for reason, held in sorted(found.items(), key=lambda item: -len(item[1]))
    ]
    return markdown(["what decided", "choices", "mean regret", "largest"], rows)


PARTS = {
    "colouring": lambda key: key.split(", ")[0] in ("columns", "rows", "bicoloring", "star"),
    "bicolouring": lambda key: key.startswith("bicoloring"),
    "star colouring": lambda key: key.startswith("star"),
    "blocks": lambda key: key.startswith("blocks"),
    "low-rank factorisations": lambda key: key.startswith("waist"),
    "compiled programs": lambda key: key.endswith("compiled"),
    "eager evaluation": lambda key: key.endswith("eager"),
    "reverse mode of Jacobians": lambda key: key.split(", ")[0] in ("reverse", "rows"),
}


def parts(results):
    """How much longer the best choice takes where a part is not there."""
    rows = []
    for name, has in PARTS.items():
        row = [name]
        for count in evaluations_of(results):
            lost = []
            for entry in judged(results, None, count):
                rest = [t for key, t in entry["costs"].items() if not has(key)]
                if rest:
                    lost.append(min(rest) / min(entry["costs"].values()))
            row.append(f"{mean(lost):.2f} ({percent(np.mean(np.greater(lost, 1.05)))})")
        rows.append(row)
    return markdown(["without", *map(evaluations_text, evaluations_of(results))], rows)


def worst(results):
    """The largest regrets."""
    rows = [
        [e["cell"], e["evaluations"], e["chosen"], e["best"], factor(e["regret"])]
        for e in sorted(judged(results), key=lambda e: -e["regret"])[:10]
    ]
    return markdown(["case", "evaluations", "chosen", "best", "regret"], rows)


def colours(results):
    """Colours found, and the least possible."""
    rows = [[name, found, least] for name, (found, least) in results.experiment("planning")["colours"].items()]
    return markdown(["pattern", "colours", "lower bound"], rows)


def own_time(results):
    """First calls of planned derivatives over those of the strategy that they take."""
    rows = []
    for name, held in results.experiment("planning")["planned"].items():
        more = max(0.0, held["planned"] - held["forced"])
        rows.append([name, held["strategy"], duration(held["forced"]), duration(more), percent(more / held["forced"])])
    return markdown(["problem, product", "strategy", "its first call, forced", "planning", "of it"], rows)


def mean_regret(group, count):
    return lambda results: f"{mean([e['regret'] for e in judged(results, group, count)]):.2f}"


def rule(name, count):
    return lambda results: f"{mean([e['rules'][name] for e in judged(results, None, count)]):.2f}"


def accuracy_of_prices(quantile):
    def text(results):
        ratios = [e["predicted"] / e["later"] for e in judged(results) if e["predicted"]]
        return f"{np.quantile(ratios, quantile):.2f}"

    return text


def preparation(results):
    held = results.experiment("planning")["preparation"]
    return f"{(held['detection'] + held['coloring']) / held['evaluation']:.1f}"


VALUES = {
    **{f"regret.{g.replace(' ', '-')}.{c}": mean_regret(g, c) for g in GROUPS for c in (1, 10, 1000)},
    **{f"regret.random.{c}": rule("random", c) for c in (1, 10, 1000)},
    **{f"regret.colours.{c}": rule("fewest colours", c) for c in (1, 10, 1000)},
    "regret.cases": lambda r: str(len(judged(r)) // len(evaluations_of(r))),
    "regret.price.low": accuracy_of_prices(0.1),
    "regret.price.middle": accuracy_of_prices(0.5),
    "regret.price.high": accuracy_of_prices(0.9),
    "planning.preparation": preparation,
    "planning.hessian.first": lambda r: duration(r.experiment("planning")["hessian"]["compiled"]["first"]),
    "planning.hessian.later": lambda r: duration(r.experiment("planning")["hessian"]["compiled"]["later"]),
}
TABLES = {
    "regret": regret,
    "regret.rules": rules,
    "regret.reasons": reasons,
    "regret.parts": parts,
    "regret.worst": worst,
    "planning.colours": colours,
    "planning.time": own_time,
}
