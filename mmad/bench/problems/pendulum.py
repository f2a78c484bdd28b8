"""A pendulum with friction, by Runge-Kutta steps over numbers: the angle at the end by the first angle and speed.

There are so many steps that it is worth while to keep only some of their states: a loop to checkpoint.
"""

import numpy as np

from mmad.bench.complex_step import complex_step_gradient
from mmad.bench.namespaces import last_state
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM", "make_step"]

H, FRICTION = 0.01, 0.1


def make_step(xp):
    """Return one step, from (angle, speed) to the same."""

    def slope(x, v):
        return v, -xp.sin(x) - FRICTION * v

    def step(state):
        x, v = state
        a, b = slope(x, v)
        c, d = slope(x + 0.5 * H * a, v + 0.5 * H * b)
        e, g = slope(x + 0.5 * H * c, v + 0.5 * H * d)
        p, q = slope(x + H * e, v + H * g)
        return x + H / 6.0 * (a + 2.0 * c + 2.0 * e + p), v + H / 6.0 * (b + 2.0 * d + 2.0 * g + q)

    return step


def make(xp, steps):
    step = make_step(xp)
    return lambda state: last_state(xp, lambda state, _: step(state), state, range(steps))[0]


PROBLEM = ModelProblem(
    name="pendulum",
    title="pendulum with friction, over numbers",
    make=make,
    draw=lambda steps, rng: (float(rng.uniform(0.5, 1.5)), float(rng.uniform(-0.5, 0.5))),
    sizes=(100, 1000, 10_000, 100_000),
    products=("gradient",),
    source="Griewank, Walther, ACM TOMS 26 (2000), 19-45, on checkpoints; the equation is Newton's",
    gradient=lambda state, steps: complex_step_gradient(make(np, steps), state),
    tags=frozenset({"scalars", "loop", "complex"}),
    smallest=20,
)
