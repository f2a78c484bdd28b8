"""Compare many contestants on many problems; a comparison can be interrupted and resumed."""

import math
from dataclasses import dataclass, replace
from time import perf_counter

from mmad.bench.measure import OutOfTimeError, measure
from mmad.bench.memory import peak_memory
from mmad.bench.work import work_of

__all__ = ["Case", "cases_of", "is_known", "run"]


LONGEST = 300.0  # time limit, in seconds, of a process that measures memory


@dataclass(frozen=True)
class Case:
    """A problem, its size, and the derivative to compute."""

    problem: object
    n: object
    product: str

    @property
    def key(self):
        """The problem's name, the product and the size, which identify the case."""
        return self.problem.name, self.product, self.n

    def __str__(self):
        return f"{self.problem.at(self.n).name}, {self.product}"


def cases_of(problems, sizes=(1, 2), products=None):
    """Return the cases of problems, the smallest sizes first.

    Parameters
    ----------
    problems : list of ModelProblem
    sizes : sequence of int
        Which of a problem's sizes to use, counted from 1; sizes that a problem does not have are left out.
    products : sequence of str, optional
        The derivatives to compute; by default those in the problem's `products`.

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


def run(
    cases,
    contestants,
    *,
    known=(),
    seconds=None,
    rounds=7,
    firsts=3,
    progress=None,
    save=None,
    resources=False,
    patience=math.inf,
    clock=perf_counter,
):
    """Measure contestants on cases, one case after the other.

    Parameters
    ----------
    cases : list of Case
    contestants : list of Contestant
    known : list of Outcome
        Outcomes of an earlier run.  A case is skipped if all contestants have an outcome; otherwise all contestants are
        measured again, so that the times which are compared were measured together.
    seconds : float, optional
        No case begins after this time, and a case that is not timed by then is abandoned.
    rounds, firsts : int
        As for `mmad.bench.measure.measure`.
    progress : callable, optional
        Called with the number of the case, from 0, the case, and the name of a contestant, when its turn begins.
    save : callable, optional
        Called with all outcomes after each case.
    resources : bool
        Measure memory too, each contestant in a process of its own, and count operations.
    patience : float, optional
        Seconds that a first call may take.
    clock : callable
        As for `mmad.bench.measure.measure`.

    Returns
    -------
    outcomes : list of Outcome
        All outcomes, including the known ones.
    left : list of Case
        Cases that were not begun or were abandoned.
    """
    end = math.inf if seconds is None else perf_counter() + seconds

    def late():
        return perf_counter() > end

    outcomes_of = {}  # by case and contestant
    for outcome in known:
        outcomes_of.setdefault((outcome.problem, outcome.product, outcome.n), {})[outcome.contestant] = outcome
    left = []
    for k, case in enumerate(cases):
        if is_known(case, contestants, outcomes_of):
            continue
        if late():
            left.append(case)
            continue
        turn = None if progress is None else lambda name, k=k, case=case: progress(k, case, name)
        instance = case.problem.at(case.n)
        try:
            outcomes = measure(
                instance,
                case.product,
                contestants,
                rounds=rounds,
                firsts=firsts,
                progress=turn,
                late=late,
                patience=patience,
                clock=clock,
            )
        except OutOfTimeError:
            left.append(case)
            continue
        if resources:
            outcomes = with_resources(outcomes, instance, case.product, end)
        outcomes_of.setdefault(case.key, {}).update({outcome.contestant: outcome for outcome in outcomes})
        if save is not None:
            save(all_of(outcomes_of))
    return all_of(outcomes_of), left


def is_known(case, contestants, outcomes_of):
    """Return whether all contestants have an outcome of a case, in a dict by case and by contestant."""
    return {contestant.name for contestant in contestants} <= outcomes_of.get(case.key, {}).keys()


def with_resources(outcomes, instance, product, end):
    """Return the outcomes with counts of operations and, while time is left, the peak memory of timed contestants."""
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


def all_of(outcomes_of):
    """Return the outcomes of all cases in one list."""
    return [outcome for outcomes in outcomes_of.values() for outcome in outcomes.values()]
