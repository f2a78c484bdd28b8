"""A neural differential equation: Runge-Kutta steps of y' = tanh(y a + b) c, and the squared error at the end.

A size is (hidden units, steps).
"""

from functools import cache

import numpy as np

from mmad.bench.namespaces import constant, last_state
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

ROWS, WIDTH, DT = 20, 2, 0.05


@cache
def data():
    """Return where the trajectories begin, and where they should end."""
    rng = np.random.default_rng(90)
    return rng.normal(size=(ROWS, WIDTH)), rng.normal(size=(ROWS, WIDTH))


def make(xp, size):
    start, target = constant(xp, *data())

    def function(weights):
        a, b, c = weights

        def slope(y):
            return xp.tanh(y @ a + b) @ c

        def step(y, _):
            k = slope(y)
            m = slope(y + 0.5 * DT * k)
            p = slope(y + 0.5 * DT * m)
            q = slope(y + DT * p)
            return y + DT / 6.0 * (k + 2.0 * m + 2.0 * p + q)

        y = last_state(xp, step, start, range(size[1]))
        return xp.sum((y - target) ** 2) / ROWS

    return function


def gradient(weights, size):
    """Return the gradient by the adjoints of the steps."""
    a, b, c = weights
    start, target = data()
    y, states = start, []
    for _ in range(size[1]):
        stages, at, slopes = [], y, []
        for follows in (0.5 * DT, 0.5 * DT, DT, None):
            h = np.tanh(at @ a + b)
            stages.append((at, h))
            slopes.append(h @ c)
            at = None if follows is None else y + follows * slopes[-1]
        states.append(stages)
        y = y + DT / 6.0 * (slopes[0] + 2.0 * slopes[1] + 2.0 * slopes[2] + slopes[3])
    bar = 2.0 * (y - target) / ROWS
    a_bar, b_bar, c_bar = np.zeros_like(a), np.zeros_like(b), np.zeros_like(c)
    for stages in reversed(states):
        through, total = np.zeros_like(bar), bar
        for (at, h), weight, follows in zip(
            reversed(stages), (1.0, 2.0, 2.0, 1.0), (0.0, DT, 0.5 * DT, 0.5 * DT), strict=True
        ):
            slope_bar = DT / 6.0 * weight * bar + follows * through
            c_bar = c_bar + h.T @ slope_bar
            z_bar = (slope_bar @ c.T) * (1.0 - h * h)
            a_bar, b_bar = a_bar + at.T @ z_bar, b_bar + z_bar.sum(axis=0)
            through = z_bar @ a.T
            total = total + through
        bar = total
    return a_bar, b_bar, c_bar


def draw(size, rng):
    return rng.normal(size=(WIDTH, size[0])), rng.normal(size=size[0]), rng.normal(size=(size[0], WIDTH)) / size[0]


PROBLEM = ModelProblem(
    name="neural-ode",
    title="neural differential equation",
    make=make,
    draw=draw,
    sizes=((8, 10), (16, 50), (32, 200), (64, 1000)),
    products=("gradient", "hvp"),
    source="Chen, Rubanova, Bettencourt, Duvenaud, NeurIPS 2018, 6571-6583; here with random data",
    gradient=gradient,
    tags=frozenset({"arrays", "loop", "complex"}),
    smallest=(3, 4),
)
