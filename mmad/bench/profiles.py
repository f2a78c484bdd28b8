"""What many outcomes say together: performance profiles, slopes, and where one contestant overtakes another."""

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
    found = defaultdict(dict)
    for outcome in outcomes:
        if outcome.status == "done" and outcome.later is not None and not outcome.control:
            found[outcome.problem, outcome.product, outcome.n][outcome.contestant] = outcome
    return dict(found)


def performance_profile(outcomes, seconds=lambda outcome: outcome.later.median):
    """Return for each contestant the times it takes over the best one's, sorted.

    A contestant that does not do a case has no time there: its share of all cases stays below one.

    Parameters
    ----------
    outcomes : list of Outcome
    seconds : callable
        What is compared.

    Returns
    -------
    ratios : dict of str to ndarray
    cases : int
        How many there are.

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
    """Return what a number of evaluations takes, preparation included."""
    return outcome.first.median + (np.asarray(evaluations, float) - 1.0) * outcome.later.median


def crossing(one, other):
    """Return the number of evaluations from which on the one with faster later calls takes less time in all.

    Returns
    -------
    float or None
        None where one is faster from the first evaluation on.
    """
    fast, slow = sorted((one, other), key=lambda outcome: outcome.later.median)
    gain, cost = slow.later.median - fast.later.median, fast.first.median - slow.first.median
    return 1.0 + cost / gain if gain > 0 and cost > 0 else None
