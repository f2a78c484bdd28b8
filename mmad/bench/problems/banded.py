"""Broyden's banded function: x_i (2 + 5 x_i^2) + 1 - sum x_j (1 + x_j), five neighbours below and one above.

The function updates slices in place.
"""

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

BELOW, ABOVE = 5, 1


def make(xp, n):
    def function(x):
        y = x * (2.0 + 5.0 * x * x) + 1.0
        t = x * (1.0 + x)
        for k in range(1, BELOW + 1):
            y[k:] -= t[:-k]
        for k in range(1, ABOVE + 1):
            y[:-k] -= t[k:]
        return y

    return function


def jacobian(x, n):
    j = np.diag(2.0 + 15.0 * x * x)
    for k in [*range(-BELOW, 0), *range(1, ABOVE + 1)]:
        j -= np.eye(n, k=k) * (1.0 + 2.0 * x)
    return j


PROBLEM = ModelProblem(
    name="banded",
    title="Broyden banded function",
    make=make,
    draw=lambda n, rng: rng.uniform(0.5, 1.5, size=n),
    sizes=(32, 300, 3000, 20_000),
    products=("jacobian",),
    source="More, Garbow, Hillstrom, ACM TOMS 7 (1981), 17-41, problem 31; CUTEst: BROYDNBD",
    jacobian=jacobian,
    pattern="band, 5 below and 1 above",
    tags=frozenset({"arrays", "mutation", "complex"}),
    smallest=9,
)
