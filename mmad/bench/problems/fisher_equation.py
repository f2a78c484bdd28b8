"""A partial differential equation in time: Euler steps of u' = D Laplace(u) + r u (1 - u), with no flow at the ends.

The misfit of the last state is differentiated by the first one.  A size is (points, steps).
"""

from functools import cache

import numpy as np

from mmad.bench.namespaces import constant, last_state
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

MIXING, RATE = 0.4, 0.05  # D dt / h^2, below 1/2, and r dt


@cache
def target(n):
    return np.random.default_rng(100).uniform(size=n)


def laplacian(xp, u):
    """Return the second differences; values beyond an end equal that at the end, so the operator is symmetric."""
    return xp.concatenate((u[:1], u[:-1])) - 2.0 * u + xp.concatenate((u[1:], u[-1:]))


def make(xp, size):
    n, steps = size
    seen = constant(xp, target(n))

    def function(u):
        def step(u, _):
            return u + MIXING * laplacian(xp, u) + RATE * u * (1.0 - u)

        u = last_state(xp, step, u, range(steps))
        return xp.sum((u - seen) ** 2) / n

    return function


def gradient(u, size):
    n, steps = size
    states = []
    for _ in range(steps):
        states.append(u)
        u = u + MIXING * laplacian(np, u) + RATE * u * (1.0 - u)
    bar = 2.0 * (u - target(n)) / n
    for u in reversed(states):
        bar = bar + MIXING * laplacian(np, bar) + RATE * (1.0 - 2.0 * u) * bar
    return bar


PROBLEM = ModelProblem(
    name="fisher-equation",
    title="Fisher's equation, first state from the last",
    make=make,
    draw=lambda size, rng: rng.uniform(size=size[0]),
    sizes=((50, 20), (200, 100), (1000, 500), (10_000, 1000)),
    products=("gradient", "hvp"),
    source="R. A. Fisher, Ann. Eugenics 7 (1937), 355-369",
    gradient=gradient,
    pattern="band that widens with the steps",
    tags=frozenset({"arrays", "loop", "complex"}),
    smallest=(7, 4),
)
