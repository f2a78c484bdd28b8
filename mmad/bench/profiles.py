"""Summarise outcomes: performance profiles, slopes, and where one contestant overtakes another."""

import math
from collections import defaultdict

import numpy as np

__all__ = ["by_case", "crossing", "performance_profile", "slope", "total_seconds"]


def by_case(outcomes):
    """Return the outcomes that have a time, by case and contestant, without those that time the function itself.

    Returns
    -------
    dict of tuple to dict of str to Outcome
        By problem, product and size.
    """
    cases = defaultdict(dict)
    for outcome in outcomes:
        if outcome.status == "done" and outcome.later is not None and not outcome.control:
            cases[outcome.problem, outcome.product, outcome.n][outcome.contestant] = outcome
    return dict(cases)


def performance_profile(outcomes, seconds=lambda outcome: outcome.later.median):
    """Return for each contestant the ratios of its times to the best contestant's, sorted.

    A contestant that cannot do a case has no ratio for it, so its share of all cases stays below one.

    Parameters
    ----------
    outcomes : list of Outcome
    seconds : callable
        Returns the time of an outcome that is compared.

    Returns
    -------
    ratios : dict of str to ndarray
    cases : int
        The number of cases.

    References
    ----------
    E. D. Dolan and J. J. More, "Benchmarking optimization software with performance profiles", Mathematical Programming
    91 (2002), 201-213.
    """
    ratios = defaultdict(list)
    cases = by_case(outcomes)
    for done in cases.values():
        best = min(seconds(outcome) for outcome in done.values())
        for name, outcome in done.items():
            ratios[name].append(seconds(outcome) / best)
    return {name: np.sort(values) for name, values in ratios.items()}, len(cases)


def slope(sizes, seconds):
    """Return the exponent p of the power law ``seconds ~ size ** p`` that fits best; NaN for fewer than two sizes."""
    if len(set(sizes)) < 2:
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def total_seconds(outcome, evaluations):
    """Return the time of a number of evaluations, preparation included."""
    return outcome.first.median + (np.asarray(evaluations, float) - 1.0) * outcome.later.median


def crossing(one, other):
    """Return the number of evaluations beyond which the outcome with faster later calls takes less time in all.

    Returns
    -------
    float or None
        None if one of them is faster from the first evaluation on.
    """
    fast, slow = sorted((one, other), key=lambda outcome: outcome.later.median)
    gain, cost = slow.later.median - fast.later.median, fast.first.median - slow.first.median
    return 1.0 + cost / gain if gain > 0 and cost > 0 else None
