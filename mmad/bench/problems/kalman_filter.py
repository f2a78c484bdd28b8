"""Minus the log-likelihood of positions seen with noise, by a Kalman filter of four states, two of them seen.

The parameters are the logarithms of the variances of the motion and of the observations.
"""

from functools import cache

import numpy as np

from mmad.bench.complex_step import complex_step_gradient
from mmad.bench.namespaces import constant, last_state
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

MOTION, SEEN = np.eye(4) + 0.1 * np.eye(4, k=2), np.eye(2, 4)


@cache
def observations(steps):
    return 0.3 * np.cumsum(np.random.default_rng(0).normal(size=(steps, 2)), axis=0)


def make(xp, steps):
    motion, seen, two, four, at = constant(xp, MOTION, SEEN, np.eye(2), np.eye(4), observations(steps))
    start = constant(xp, np.zeros(4), np.eye(4))

    def function(parameters):
        q, r = xp.exp(parameters[0]) * four, xp.exp(parameters[1]) * two

        def step(state, observed):
            x, p, total = state
            x, p = motion @ x, motion @ p @ motion.T + q
            s = seen @ p @ seen.T + r
            e = observed - seen @ x
            k = p @ seen.T @ xp.linalg.inv(s)
            total = total + e @ xp.linalg.solve(s, e) + xp.log(xp.linalg.det(s))
            return x + k @ e, p - k @ seen @ p, total

        return 0.5 * last_state(xp, step, (*start, 0.0), at)[2]

    return function


PROBLEM = ModelProblem(
    name="kalman-filter",
    title="likelihood by a Kalman filter",
    make=make,
    draw=lambda steps, rng: rng.uniform(-1.5, -0.5, size=2),
    sizes=(20, 200, 2000, 20_000),
    products=("gradient",),
    source="Kalman, J. Basic Eng. 82 (1960), 35-45; Schweppe, IEEE Trans. Inf. Theory 11 (1965), 61-70",
    gradient=lambda parameters, steps: complex_step_gradient(make(np, steps), parameters),
    tags=frozenset({"arrays", "loop", "linear algebra", "complex"}),
    smallest=5,
)
