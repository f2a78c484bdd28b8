"""Euler steps of Burgers' equation on a periodic grid: the band widens by two a step.

A size is (points, steps): the Jacobian is sparse for few steps and dense for many.
"""

from mmad.bench.namespaces import last_state
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


def make(xp, size):
    n, steps = size
    h = 1.0 / n
    dt = 0.1 * h

    def function(x):
        def step(u, _):
            left, right = xp.roll(u, 1), xp.roll(u, -1)
            return u - dt * (u * (right - left) / (2.0 * h) - 0.01 * (left - 2.0 * u + right) / (h * h * n))

        return last_state(xp, step, x, range(steps))

    return function


PROBLEM = ModelProblem(
    name="burgers",
    title="Burgers' equation, steps in time",
    make=make,
    draw=lambda size, rng: rng.uniform(0.5, 1.5, size=size[0]),
    sizes=((100, 1), (200, 5), (200, 15), (200, 40)),
    products=("jacobian",),
    source="J. M. Burgers, Adv. Appl. Mech. 1 (1948), 171-199",
    pattern="periodic band that widens with the steps",
    tags=frozenset({"arrays", "loop", "complex"}),
    smallest=(12, 2),
)
