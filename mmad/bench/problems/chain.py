"""A chain of n operations on numbers, each on the one before: ``x -> x * c`` and ``x -> x + d`` in turn."""

import numpy as np

from mmad.bench.namespaces import is_functional, last_state
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

C, D = 1.0 - 1e-8, 1e-9  # the value and the derivative stay near 1 over 10^7 operations


def make(xp, n):
    if is_functional(xp):  # JAX's compiler would take the loop apart
        return lambda x: last_state(xp, lambda x, _: x * C + D, x, range(n // 2))

    def function(x):
        for _ in range(n // 2):
            x = x * C + D
        return x

    return function


def gradient(x, n):
    return float(np.exp(n // 2 * np.log1p(-1e-8)))


PROBLEM = ModelProblem(
    name="chain",
    title="chained operations on numbers",
    make=make,
    draw=lambda n, rng: float(rng.uniform(0.5, 1.5)),
    sizes=(1000, 10_000, 100_000, 1_000_000),
    products=("gradient",),
    source="made here; what is measured is the cost of recording one operation",
    gradient=gradient,
    tags=frozenset({"scalars", "loop", "complex"}),
    smallest=50,
)
