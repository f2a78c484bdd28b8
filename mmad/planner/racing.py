"""Measuring candidates of a plan: what evaluates by one of them, and a race of those whose prices are close.

What races earn (`python asv_bench/earned.py races`): of 276 plans, for 10, 1000 and 100 000 evaluations, 38 were raced.
In 15 of these the race chose another candidate than the prices; it was faster by 1.26 times in the geometric mean, and
by 1.80 at the most.
"""

from dataclasses import replace

import numpy as np

from mmad.planner.by_plan import entries_of, guard_zeros, sweep, with_plan_number, zeros_hold
from mmad.planner.decision.agreement import differing, nearby
from mmad.planner.decision.calibration import clock, coefficients
from mmad.planner.decision.decide import decide
from mmad.planner.decision.task import Task
from mmad.tape.contexts import open_tape

__all__ = ["Race", "contestant"]

LONG = 0.2  # seconds of an eager evaluation beyond which a race times no second one
SPENT = 0.05  # seconds after which no further evaluation of one candidate is timed


class Race:
    """Timed evaluations by candidates of a task; called by :func:`mmad.planner.decision.decide.decide`.

    Parameters
    ----------
    planned : Planned
    task : Task
        Candidates whose results differ from those of most others are noted in it.
    key : tuple
        The structure of the recording that is planned for.
    args, kwargs : tuple, dict

    Attributes
    ----------
    replays : dict
        The compiled functions of candidates that ran, by strategy and mode.
    """

    def __init__(self, planned, task, key, args, kwargs):
        self.planned, self.task, self.key, self.args, self.kwargs = planned, task, key, args, kwargs
        self.replays, self.results = {}, {}

    def __call__(self, candidate):
        """Return the seconds of one evaluation, the best of a few."""
        name = candidate.strategy, candidate.mode
        call, replay = contestant(self.planned, self.task, candidate, self.key)
        if replay is not None:
            self.replays[name] = replay
        start = clock()
        self.results[name] = call(*self.args, **self.kwargs)
        took = clock() - start
        self.task.differing |= differing(self.results, min(self.task.itemsize, 8))
        if replay is None and took > LONG:
            return took
        nums, k = self.planned.places(self.args), 0
        best, spent = np.inf, 0.0
        while spent < min(SPENT, 5 * best):
            moved, k = nearby(self.args, nums, k), k + 1
            start = clock()
            try:
                call(*moved, **self.kwargs)
            except Exception:  # the function refuses this point
                start = clock()
                call(*self.args, **self.kwargs)
            took = clock() - start
            best, spent = min(best, took), spent + took
        if replay is not None:
            replay.forget_hits()  # a race says nothing about later calls
        return best


def contestant(planned, task, candidate, key=None):
    """Return a function that evaluates by a candidate, and the compiled function in it, if there is one.

    The compiled function is the candidate's for recordings of the structure `key` alone, where it gives -1 for the
    plan's number; others, as after a branch goes another way, are planned as always.
    """
    plan = replace(decide(_forced(task, candidate.strategy), coefficients()), width=candidate.width)
    sparse = task.options.sparse

    def finished(found):
        return plan.pattern.tocsr(found) if sparse else found

    if candidate.mode == "eager":
        return lambda *args, **kwargs: finished(planned.run(plan, planned.record(args, kwargs), sparse)), None

    def evaluate(*args, **kwargs):
        if open_tape() is None:
            return with_plan_number(*planned.unrecorded(plan, None, args, kwargs, sparse))
        r = planned.record(args, kwargs)
        if key is not None and (planned.structure_of(r) != key or not zeros_hold(plan, r)):
            return with_plan_number(*planned.evaluate(args, kwargs, sparse))
        guard_zeros(plan, r)
        return (sweep(plan, r) if sparse else planned.run(plan, r, sparse)), -1

    replay = planned.compiled(evaluate, plan)

    def call(*args, **kwargs):
        found, k = replay(*args, **kwargs)
        used = plan if k < 0 else planned.entries.at(k).plan  # made in this call, or kept since
        return used.pattern.tocsr(entries_of(used, *found)) if sparse else found

    return call, replay


def _forced(task, strategy):
    """Return the same task with one strategy asked for."""
    out = Task(
        task.product, task.shape, lambda steps: (task.pattern, task.zeros), task.work, task.itemsize,
        replace(task.options, strategy=strategy, evaluations=None, mode="auto"), task.origin, task.searches,
    )  # fmt: skip
    out.colorings, out.structures, out.refused = task.colorings, task.structures, task.refused
    return out
