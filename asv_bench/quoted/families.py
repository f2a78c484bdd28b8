"""Functions of NumPy and SciPy by family: mmad's later calls over JAX's."""

import numpy as np

from mmad.bench.families import find_family_case
from quoted.results import factor, markdown, mean, percent

__all__ = ["TABLES", "VALUES"]

CLOSE = 1.5  # a function that takes at most so many times JAX's time is no loss
RANKS = ("small", "large")
PRODUCTS = ("gradient", "hvp")
WORDS = {"wrong": "JAX: another number", "failed": "JAX fails", "cannot": "JAX cannot"}


def ratios(results, which="later"):
    """Return mmad's time over JAX's, or words, by case, and then by size and product."""
    pairs, found = {}, {}
    for outcome in results.outcomes("families"):
        rank = RANKS[find_family_case(outcome.problem).sizes.index(outcome.n)]
        pairs.setdefault((outcome.problem, rank, outcome.product), {})[outcome.contestant] = outcome
    for (problem, *key), done in pairs.items():
        ours, theirs = done["mmad"], done["jax"]
        if ours.status != "done":
            value = f"mmad: {ours.status}"
        elif theirs.status != "done":
            value = WORDS[theirs.status]
        else:
            value = getattr(ours, which).median / getattr(theirs, which).median
        found.setdefault(problem, {})[tuple(key)] = value
    return found


def numbers(found, rank, product=None):
    """Return the ratios of one size."""
    return [
        value
        for held in found.values()
        for (size, derivative), value in held.items()
        if size == rank and product in (None, derivative) and isinstance(value, float)
    ]


KEYS = [(rank, product) for rank in RANKS for product in PRODUCTS]
HEAD = ["small, gradient", "small, HVP", "large, gradient", "large, HVP"]


def summary(results):
    """Geometric means by family."""
    later, first = ratios(results), ratios(results, "first")
    families, rows = {}, []
    for name, held in later.items():
        families.setdefault(find_family_case(name).family, {})[name] = held
    for family, held in families.items():
        firsts = numbers({name: first[name] for name in held}, "large")
        cells = [factor(mean(numbers(held, *key))) if numbers(held, *key) else "" for key in KEYS]
        rows.append([family, len(held), *cells, factor(mean(firsts)) if firsts else ""])
    return markdown(["family", "functions", *HEAD, "large, first calls"], rows)


def cell(value):
    """Return a ratio, in bold where it is a loss, or words."""
    if not isinstance(value, float):
        return value
    return f"**{factor(value)}**" if value > CLOSE else factor(value)


def every(results):
    """All functions."""
    rows = [[name, *(cell(held.get(key, "")) for key in KEYS)] for name, held in sorted(ratios(results).items())]
    return markdown(["function", *HEAD], rows)


def within(rank):
    return lambda results: percent(np.mean(np.less_equal(numbers(ratios(results), rank), CLOSE)))


def typical(rank, product):
    return lambda results: factor(mean(numbers(ratios(results), rank, product)))


def first_calls(results):
    found = ratios(results, "first")
    return factor(1.0 / mean([*numbers(found, "small"), *numbers(found, "large")]))


VALUES = {
    "families.functions": lambda results: str(len(ratios(results))),
    "families.close": lambda results: factor(CLOSE),
    "families.first": first_calls,
    **{f"families.within.{rank}": within(rank) for rank in RANKS},
    **{f"families.{rank}.{product}": typical(rank, product) for rank in RANKS for product in PRODUCTS},
}
TABLES = {"families.summary": summary, "families": every}
