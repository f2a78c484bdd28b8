"""Elements read and written one at a time: sum x_i x_(i-1), whose gradient may cost O(n) and no more."""

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


def make(xp, n):
    def function(x):
        y = xp.zeros_like(x)
        for i in range(n):
            y[i] = x[i] * x[i - 1]
        return y.sum()

    return function


def gradient(x, n):
    return np.roll(x, 1) + np.roll(x, -1)


PROBLEM = ModelProblem(
    name="indexed-loop",
    title="loop over x[i] and y[i] = ...",
    make=make,
    draw=lambda n, rng: rng.normal(size=n),
    sizes=(1000, 10_000, 100_000, 1_000_000),
    products=("gradient",),
    source="made here; element access in loops is what the array tools leave to compilers",
    gradient=gradient,
    pattern="cyclic tridiagonal without a diagonal",
    tags=frozenset({"scalars", "loop", "mutation", "complex"}),
    smallest=10,
)
