"""The table of scipy.special in docs/scipy.md, from the rules; ``python tests/support/special_table.py`` writes it."""

import inspect
from pathlib import Path

import numpy as np
import scipy.special

from mmad.scipy.special import RULES
from mmad.scipy.special._declare import arguments

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "scipy.md"
VERSION = ".".join(scipy.__version__.split(".")[:2])
BEGIN, END = "<!-- special: begin -->", "<!-- special: end -->"


def names_of(rule):
    """The names of a function's arguments."""
    found = rule.names or arguments(rule.name)
    if not found and not isinstance(rule.function, np.ufunc):
        found = list(inspect.signature(rule.function).parameters)
    count = 1 + max((*rule.differentiable, *rule.unknown), default=0)
    return [*found, *(f"argument {i}" for i in range(len(found), count))]


def row(rule):
    names = names_of(rule)
    by = ", ".join(f"`{names[i]}`" for i in rule.differentiable)
    refused = ", ".join(f"`{names[i]}`" for i in rule.unknown)
    what = f"`{rule.name}`" if rule.plain else f"`mmad.scipy.special.{rule.name}`"
    kinds = "real, complex" if any(isinstance(v, complex) for p in rule.points for v in p) else "real"
    if not rule.differentiable and not rule.unknown:
        by = "all: zero (piecewise constant)"
    bound = f"{rule.bound:.0e}".replace("e-0", "e-") if rule.differentiable else ""
    return f"| {what} | {by} | {refused} | {kinds} | {bound} |"


def left_out():
    """The public ufuncs without a rule."""
    public = {n: f for n, f in vars(scipy.special).items() if not n.startswith("_") and isinstance(f, np.ufunc)}
    return sorted(set(public) - set(RULES))


def table():
    """The lines of the table."""
    rules = sorted((r for r in RULES.values() if not r.name.startswith("_")), key=lambda r: r.name)
    by_some = sum(bool(r.differentiable) for r in rules)
    return [
        f"SciPy {VERSION}: {len(rules)} functions; {by_some} are differentiable by one argument or more.",
        "",
        "| function | derivative by | error by | arguments | largest relative error |",
        "|---|---|---|---|---|",
        *map(row, rules),
    ]


def document(text):
    """Return the text of the page with the present table."""
    before, _, rest = text.partition(BEGIN)
    return before + "\n".join([BEGIN, *table(), END]) + rest.partition(END)[2]


if __name__ == "__main__":
    DOCUMENT.write_text(document(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
