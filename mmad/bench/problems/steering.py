"""Optimal control by collocation: a particle is steered by the direction of a thrust of fixed size, in the least time.

The unknowns are, at n + 1 times, place and velocity in the plane and the direction of the thrust, then the final time.
The residuals are the defects of the trapezoidal rule, four an interval: a band, and a full column of the final time.
"""

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

THRUST = 100.0


def make(xp, n):
    def function(x):
        # By component, not by time: five vectors of n + 1 numbers.
        p, q, u, v, w = (x[k * (n + 1) : (k + 1) * (n + 1)] for k in range(5))
        half = 0.5 * x[-1] / n
        f, g = THRUST * xp.cos(w), THRUST * xp.sin(w)
        defects = [y[1:] - y[:-1] - half * (s[1:] + s[:-1]) for y, s in ((p, u), (q, v), (u, f), (v, g))]
        return xp.concatenate(defects)

    return function


def jacobian(x, n):
    u, v, w = (x[k * (n + 1) : (k + 1) * (n + 1)] for k in range(2, 5))
    half = 0.5 * x[-1] / n
    difference = np.eye(n, n + 1, k=1) - np.eye(n, n + 1)
    total = np.eye(n, n + 1, k=1) + np.eye(n, n + 1)
    j = np.zeros((4 * n, 5 * (n + 1) + 1))
    blocks = {(0, 0): difference, (0, 2): -half * total, (1, 1): difference, (1, 3): -half * total,
              (2, 2): difference, (2, 4): half * THRUST * total * np.sin(w),
              (3, 3): difference, (3, 4): -half * THRUST * total * np.cos(w)}  # fmt: skip
    for (row, column), block in blocks.items():
        j[row * n : (row + 1) * n, column * (n + 1) : (column + 1) * (n + 1)] = block
    slopes = (u, v, THRUST * np.cos(w), THRUST * np.sin(w))
    j[:, -1] = np.concatenate([-0.5 / n * (s[1:] + s[:-1]) for s in slopes])
    return j


PROBLEM = ModelProblem(
    name="steering",
    title="optimal control by collocation",
    make=make,
    draw=lambda n, rng: np.append(rng.normal(size=5 * (n + 1)), rng.uniform(0.4, 0.7)),
    sizes=(20, 200, 2000, 20_000),
    products=("jacobian",),
    source="COPS: particle steering, COPS 3.0 problem 10; Betts, Practical Methods for Optimal Control, SIAM 2010",
    jacobian=jacobian,
    pattern="blocks of two diagonals and one full column",
    tags=frozenset({"arrays", "complex"}),
    smallest=4,
)
