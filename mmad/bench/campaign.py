"""A comparison of many contestants on many problems, that may be interrupted and gone on with."""

import math
from dataclasses import dataclass, replace
from time import perf_counter

from mmad.bench.measure import OutOfTimeError, measure
from mmad.bench.memory import peak_memory
from mmad.bench.work import work_of

__all__ = ["Case", "cases_of", "is_known", "run"]


LONGEST = 300.0  # seconds that a process which measures memory may take


@dataclass(frozen=True)
class Case:
    """One problem of one size, and what is asked of it."""

    problem: object
    n: object
    product: str

    @property
    def key(self):
        """What tells it from other cases."""
        return self.problem.name, self.product, self.n

    def __str__(self):
        return f"{self.problem.at(self.n).name}, {self.product}"


def cases_of(problems, sizes=(1, 2), products=None):
    """Return the cases of problems, the smallest sizes first.

    Parameters
    ----------
    problems : list of ModelProblem
    sizes : sequence of int
        Which of a problem's sizes, from 1; those that it does not have are left out.
    products : sequence of str, optional
        What is asked for; by default all that a problem is about.

    Returns
    -------
    list of Case
    """
    return [
        Case(problem, problem.sizes[size - 1], product)
        for size in sorted(sizes)
        for problem in problems
        if size <= len(problem.sizes)
        for product in problem.products
        if products is None or product in products
    ]


def run(cases, contestants, *, known=(), seconds=None, rounds=7, firsts=3, progress=None, save=None, resources=False):
    """Measure contestants on cases, one case after the other.

    Parameters
    ----------
    cases : list of Case
    contestants : list of Contestant
    known : list of Outcome
        Outcomes of an earlier run.  A case for which all contestants have one is not measured again; one for which some
        are missing is, for all, so that what is compared was measured together.
    seconds : float, optional
        No case is begun after this time, and one that is not timed by then is given up.
    rounds, firsts : int
        As for `mmad.bench.measure.measure`.
    progress : callable, optional
        Called with the number of the case, from 0, the case, and the name of a contestant as its turn begins.
    save : callable, optional
        Called with all outcomes after each case.
    resources : bool
        Measure memory too, each contestant in a process of its own, and count operations.

    Returns
    -------
    outcomes : list of Outcome
        The known ones among them.
    left : list of Case
        Cases that were not begun, or given up.
    """
    end = math.inf if seconds is None else perf_counter() + seconds

    def late():
        return perf_counter() > end

    found = {}
    for outcome in known:
        found.setdefault((outcome.problem, outcome.product, outcome.n), {})[outcome.contestant] = outcome
    left = []
    for k, case in enumerate(cases):
        if is_known(case, contestants, found):
            continue
        if late():
            left.append(case)
            continue
        turn = None if progress is None else lambda name, k=k, case=case: progress(k, case, name)
        instance = case.problem.at(case.n)
        try:
            outcomes = measure(
                instance, case.product, contestants, rounds=rounds, firsts=firsts, progress=turn, late=late
            )
        except OutOfTimeError:
            left.append(case)
            continue
        if resources:
            outcomes = with_resources(outcomes, instance, case.product, end)
        found.setdefault(case.key, {}).update({outcome.contestant: outcome for outcome in outcomes})
        if save is not None:
            save(all_of(found))
    return all_of(found), left


def is_known(case, contestants, found):
    """Return whether all contestants have an outcome of a case, by the case's key and the contestant's name."""
    return {contestant.name for contestant in contestants} <= found.get(case.key, {}).keys()


def with_resources(outcomes, instance, product, end):
    """Return the outcomes with the memory of what was timed, as far as there is time, and what has to be computed."""
    operations, moved = work_of(instance, product) if perf_counter() < end else (None, None)
    measured = []
    for outcome in outcomes:
        peak = None
        if outcome.status == "done" and perf_counter() < end:
            try:
                peak = peak_memory(outcome.contestant, instance, product, timeout=min(end - perf_counter(), LONGEST))
            except (NotImplementedError, RuntimeError, TimeoutError):
                peak = None  # the picture is drawn without it
        measured.append(replace(outcome, peak=peak, operations=operations, moved=moved))
    return measured


def all_of(found):
    """Return the outcomes of all cases."""
    return [outcome for outcomes in found.values() for outcome in outcomes.values()]
