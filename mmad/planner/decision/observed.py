"""What evaluations by a plan take, compared with what was predicted: where they stray, it is planned again."""

import math

__all__ = ["Observed"]

CALLS = 3  # later calls of which the fastest counts
LEAST = 1e-3  # seconds of a call; below, what a call takes besidess its operations is most of it, for any strategy
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
        c, left = plan.chosen, plan.evaluations - self.count
        predicted = c.seconds if c.measured is None else c.measured
        others = [o for o in plan.candidates if o is not c and o.verdict != "memory"]
        if not others or self.best < LEAST or self.best <= STRAY * predicted:
            return False
        other = min(others, key=lambda o: o.total(left))
        # What is predicted of another may be as wrong.
        return other.total(left) + self.cost < left * self.best / STRAY
