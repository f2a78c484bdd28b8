"""What evaluations by a plan take, held against what was predicted: where they stray, it is planned again."""

import math

__all__ = ["Observed"]

CALLS = 3  # later calls of which the fastest counts
STRAY = 3.0  # times the prediction from which on it is wrong; within a factor of two it often is


class Observed:
    """The calls of one plan.

    Parameters
    ----------
    cost : float
        Seconds that planning took.

    Attributes
    ----------
    count : int
        Calls so far, without the one that planned.
    best : float
        Seconds of the fastest.
    """

    def __init__(self, cost):
        self.cost, self.count, self.best = cost, 0, math.inf

    @property
    def open(self):
        """Whether calls are still looked at."""
        return self.count < CALLS

    def strays(self, plan, took):
        """Whether to plan again: calls take longer than predicted, and another strategy may win back what that takes.

        Parameters
        ----------
        plan : Plan
        took : float
            Seconds of a call.
        """
        self.count += 1
        self.best = min(self.best, took)
        if self.open or plan.chosen is None:
            return False
        c = plan.chosen
        predicted = c.seconds if c.measured is None else c.measured
        others = [
            x.seconds if x.measured is None else x.measured
            for x in plan.candidates
            if x not in (c,) and x.verdict != "memory"
        ]
        if not others or self.best <= STRAY * predicted or self.best <= min(others):
            return False
        return (plan.evaluations - self.count) * (self.best - min(others)) > self.cost
