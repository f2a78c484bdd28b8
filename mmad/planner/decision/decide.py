"""The decision: closed rules first, then prices, then a race.

=====  ===================================================  =====================================================
rule   where                                                what
=====  ===================================================  =====================================================
1      a strategy was asked for                             that one
2      the matrix has no more columns (rows) than lanes     dense, by the cheaper side: finding and colouring a pattern
       of one batch, or all takes less than `LEAST`, and    takes longer than that
       no sparse result is asked for
3      all evaluations take longer than to look for         they are looked for: they give the pattern, and take a sweep
       repeated blocks                                      for each output of a block
4      every bound on colours is half of min(m, n) or more  dense, through a waist if there is one, or blocks
5      prices differ by more than `CLOSE`                   the cheapest of all candidates that fit into the memory
6      prices are close, and what is at stake is more       a race of the best, which yields derivatives, too
       than the race takes
7      prices are close, little is at stake                 the cheapest
=====  ===================================================  =====================================================

`docs/planner.md` explains the table, `tests/planner/test_decide.py` has a case for each row.
"""

import math
from dataclasses import replace

from mmad.derivatives.recorded import LANES
from mmad.planner.coloring.coloring import bounds
from mmad.planner.decision.plan import Plan
from mmad.planner.decision.task import COLORED, DENSE, STRUCTURED, modes
from mmad.planner.sparsity._sets import Exhausted

__all__ = ["CLOSE", "decide"]

CLOSE = 1.5  # prices within this factor count as equal: the model is no better than that
AT_STAKE = 0.05  # share of the whole work that a race may take
RACED = 3  # candidates of a race at the most

LEAST = 5e-4  # seconds that finding and colouring a pattern takes at the least
COLORING, COLORING_ENTRY = 3e-4, 1e-7  # seconds that a colouring takes, and that each nonzero adds; roughly
SEARCH = (2e-3, 1e-4, 8e-8)  # seconds of looking for blocks; for each operation on arrays; for each element
WAIST = (4e-4, 2e-5, 0.0)  # the same for a waist
UNLIKELY = 0.5  # share of the evaluations that looking for blocks may take where nothing is gathered
GATHERED = 16  # sweeps that a colouring may take where elements are gathered, to know whether to look for blocks
FORWARD_OVER_FORWARD = 8  # unknowns up to which nested forward mode is worth its price


def decide(task, coefficients, race=None):
    """Return the plan for a task, of compiled programs where nothing eager fits into the memory allowed.

    Parameters
    ----------
    task : Task
    coefficients : dict of str to Coefficients
        For "eager" and "compiled".
    race : callable, optional
        ``race(candidate)`` -> measured seconds of one evaluation.

    Returns
    -------
    Plan

    Raises
    ------
    MemoryError
        Nothing fits into it.
    """
    try:
        return plan_by_table(task, coefficients, race)
    except MemoryError:
        o = task.options
        if o.mode != "auto" or "compiled" in modes(o):
            raise
    task.options = replace(o, mode="compiled")
    plan = plan_by_table(task, coefficients, race)
    return plan.with_reason(f"eagerly, nothing fits into {o.memory} bytes; {plan.reason}")


def plan_by_table(task, coefficients, race):
    """Return the plan by the table above."""
    o, (m, n) = task.options, task.shape
    if o.strategy != "auto":
        if o.strategy in COLORED[task.product]:
            task.bound_colorings(coefficients)
        return plan_for_cheapest(
            task,
            [task.candidate(o.strategy, mode, coefficients) for mode in modes(o)],
            "it was asked for",
        )
    dense = [s for s in DENSE[task.product] if s != "forward-over-forward" or n <= FORWARD_OVER_FORWARD]
    if not o.sparse and o.pattern is None:
        candidates = [task.candidate(s, mode, coefficients) for s in dense for mode in modes(o)]
        if not COLORED[task.product]:
            return plan_by_price(task, candidates, race, "there is no pattern to look for")
        if min(m, n) <= LANES:
            why = f"min(m, n) = {min(m, n)} is one batch of sweeps; no pattern was looked for"
            return plan_by_price(task, candidates, race, why)
        if min(c.total(o.expected) for c in candidates) < LEAST:
            return plan_by_price(
                task, candidates, race, "all is done sooner than a pattern would be found and coloured"
            )
    task.bound_searches(coefficients)
    if task.gathers and promising(task, GATHERED, coefficients):
        task.structure("blocks")  # first, because blocks give the pattern
    try:
        b = bounds(task.pattern)
    except Exhausted:
        why = "a pattern was not found within the share of the work that a search may take"
        return plan_by_price(task, candidates, race, why)
    task.bound_colorings(coefficients)
    fewest = min(b.columns, b.rows, b.both) if task.product == "jacobian" else b.both
    full = fewest >= 0.5 * min(m, n) > 2
    task.bound_searches(coefficients, None if full else fewest)
    structured = [s for s in STRUCTURED[task.product] if worthwhile(task, s, fewest, full, coefficients)]
    colored = [s for s in COLORED[task.product] if not full and not hopeless(task, s, b)]
    if not colored and not structured:
        return plan_by_price(
            task, [task.candidate(s, mode, coefficients) for s in dense for mode in modes(o)], race,
            f"every bound on colours is at least half of min(m, n) = {min(m, n)}: dense",
        )  # fmt: skip
    candidates = [task.candidate(s, mode, coefficients) for s in (*structured, *dense) for mode in modes(o)]
    least = {"columns": (b.columns, 0), "rows": (0, b.rows), "bicoloring": (b.both - 1, 1), "star": (b.both, 0)}
    for s in sorted(colored, key=lambda s: sum(least[s])):
        # The price with the fewest colours possible, and with the time to find them.
        hoped = [task.candidate(s, mode, coefficients, least[s]).total(o.expected) for mode in modes(o)]
        search = 0.0 if s in task.colorings else COLORING + COLORING_ENTRY * task.pattern.nnz
        if min(hoped) + search < min(c.total(o.expected) for c in candidates):
            candidates += [task.candidate(s, mode, coefficients) for mode in modes(o)]
    return plan_by_price(task, candidates, race)


def promising(task, sweeps, coefficients, search=SEARCH, saved=1.0):
    """Return whether a share of all evaluations, of so many sweeps each, takes longer than to look for a structure."""
    w, o = task.work, task.options
    if w.numbers > 20 * w.arrays:
        return False
    each = min(
        c.once(w, task.of_gradient) + c.lanes(w, sweeps, 0, LANES)
        for c in [coefficients[mode] for mode in modes(o)]
    )  # fmt: skip
    return saved * o.expected * each > search[0] + search[1] * w.arrays + search[2] * w.elements


def worthwhile(task, name, fewest, full, coefficients):
    """Return whether there is a structure, if it is worth looking for, that takes fewer sweeps than a dense matrix."""
    if name == "waist":
        if not full or (name in task.searches and not promising(task, min(task.shape), coefficients, WAIST)):
            return False
        return task.structure(name) is not None
    known = name in task.structures or name in task.refused
    if not known and (fewest <= 4 or not promising(task, fewest, coefficients, saved=UNLIKELY)):
        return False
    return task.structure(name) is not None and sum(task.sweeps(name)) <= max(2, 0.5 * min(task.shape))


def hopeless(task, name, b):
    """Return whether bounds alone rule a colouring out."""
    m, n = task.shape
    if name == "columns":
        return b.columns >= 0.5 * n > 2 or (b.columns > 2 * b.rows and b.columns > 8)
    if name == "rows":
        return b.rows >= 0.5 * m > 2 or (b.rows > 2 * b.columns and b.rows > 8)
    if name == "bicoloring":  # worth looking for where both directions are held up by a few full rows and columns
        return min(b.columns, b.rows) < max(9, 2 * b.both) or task.pattern.nnz > 0.25 * m * n
    return task.pattern.nnz > 0.5 * m * n


def plan_by_price(task, candidates, race, why=""):
    """Return the plan by prices, and by a race where they are close; `why` there are no other candidates."""
    why = why and f"{why}; "
    o = task.options
    ranked = sorted(candidates, key=lambda c: c.total(o.expected))
    if o.memory is not None:
        ranked = [c for c in ranked if c.bytes <= o.memory] or _nothing_fits(ranked, o.memory)
    ranked = [c for c in ranked if task.compilable(c)] or ranked
    ranked = [c for c in ranked if (c.strategy, c.mode) not in task.differing] or ranked
    best = ranked[0].total(o.expected)
    close = [c for c in ranked if c.total(o.expected) <= CLOSE * best][:RACED]
    if len(close) < 2:
        return plan_for_cheapest(
            task, candidates, f"{why}the next best is predicted to take {_ratio(ranked, o):.2g} times as long"
        )
    at_stake = AT_STAKE * o.expected * close[0].seconds
    cost = sum(6 * c.seconds + c.preparation for c in close) - close[0].preparation  # what wins need not be repeated
    if race is None or at_stake < cost:
        return plan_for_cheapest(
            task, candidates, f"{why}prices of {len(close)} are close, too little is at stake for a race"
        )
    raced = []
    for c in ranked:
        # If the first ones were slower than predicted, a later one may be faster.
        if len(raced) >= len(close) and c.total(o.expected) > min(r.total(o.expected) for r in raced):
            break
        raced.append(replace(c, measured=race(c)))
    measured = {(c.strategy, c.mode): c for c in raced}
    candidates = [measured.get((c.strategy, c.mode), c) for c in candidates]
    return plan_for_cheapest(task, candidates, f"{why}it won a race of {len(raced)} whose prices were close")


def _ratio(ranked, o):
    return ranked[1].total(o.expected) / ranked[0].total(o.expected) if len(ranked) > 1 else math.inf


def _nothing_fits(ranked, memory):
    least = min(ranked, key=lambda c: c.bytes)
    raise MemoryError(
        f"no strategy fits into {memory} bytes; the smallest, {least.strategy}, is predicted to need {least.bytes}: "
        "allow more, or wrap steps of the function in mmad.checkpoint, which computes their values again instead of "
        "keeping them"
    )


def plan_for_cheapest(task, candidates, reason):
    """Return the plan, with a verdict on every candidate."""
    o = task.options
    fitting = [c for c in candidates if o.memory is None or c.bytes <= o.memory]
    if not fitting:
        _nothing_fits(candidates, o.memory)
    fitting = [c for c in fitting if task.compilable(c)] or fitting
    differing = [c for c in fitting if (c.strategy, c.mode) in task.differing]
    if 0 < len(differing) < len(fitting):
        fitting = [c for c in fitting if c not in differing]
        names = sorted({c.strategy for c in differing})
        reason += f"; the result of {', '.join(names)} differs from the others"
    elif differing:
        reason += "; its result differs from others"
    best = min(fitting, key=lambda c: c.total(o.expected))
    judged = []
    for c in sorted(candidates, key=lambda c: c.total(o.expected)):
        ratio = c.total(o.expected) / best.total(o.expected)
        if c is best:
            verdict = "chosen"
        elif c in differing:
            verdict = "differs"
        elif c not in fitting:
            verdict = "memory"
        elif c.measured is not None:
            verdict = f"lost {ratio:.2g}x"
        else:
            verdict = f"{ratio:.2g}x"
        judged.append(replace(c, verdict=verdict))
    judged.sort(key=lambda c: c.verdict != "chosen")
    coloring = task.coloring(best.strategy) if best.strategy in COLORED[task.product] else None
    structure = task.structure(best.strategy) if best.strategy in STRUCTURED[task.product] else None
    pattern = task.found_pattern if coloring is None else coloring.pattern
    pattern = pattern if structure is None else structure.pattern
    if o.sparse and pattern is None:
        pattern = task.pattern
        structure = None if structure is None else replace(structure, pattern=pattern)
    return Plan(
        product=task.product, origin=task.origin, shape=task.shape, strategy=best.strategy, mode=best.mode,
        width=best.width, evaluations=o.expected, reason=reason, candidates=tuple(judged), pattern=pattern,
        coloring=coloring, structure=structure, refused=tuple(task.refused.items()),
        bounds=None if pattern is None else bounds(pattern), work=task.work,
        finding=task.finding, coloring_time=task.coloring_time, zeros=task.zeros,
    )  # fmt: skip
