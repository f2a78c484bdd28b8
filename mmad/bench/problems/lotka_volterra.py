"""Predator and prey over Python numbers: classical Runge-Kutta steps, then the sum of the squared populations."""

from mmad.bench.complex_step import complex_step_gradient
from mmad.bench.namespaces import last_state
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

H = 0.01  # the length of a step


def make(xp, steps):
    def function(parameters):
        a, b, c, d = parameters

        def step(state, _):
            x, y = state
            k1, m1 = (a - b * y) * x, (c * x - d) * y
            u, w = x + 0.5 * H * k1, y + 0.5 * H * m1
            k2, m2 = (a - b * w) * u, (c * u - d) * w
            u, w = x + 0.5 * H * k2, y + 0.5 * H * m2
            k3, m3 = (a - b * w) * u, (c * u - d) * w
            u, w = x + H * k3, y + H * m3
            k4, m4 = (a - b * w) * u, (c * u - d) * w
            x = x + H / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            y = y + H / 6.0 * (m1 + 2.0 * m2 + 2.0 * m3 + m4)
            return x, y

        x, y = last_state(xp, step, (1.0, 0.5), range(steps))
        return x * x + y * y

    return function


def gradient(parameters, steps):
    return complex_step_gradient(make(None, steps), parameters)


def draw(steps, rng):
    return tuple(float(p * s) for p, s in zip((1.5, 1.0, 1.0, 3.0), rng.uniform(0.95, 1.05, size=4), strict=True))


PROBLEM = ModelProblem(
    name="lotka-volterra",
    title="Lotka-Volterra, Runge-Kutta steps over numbers",
    make=make,
    draw=draw,
    sizes=(50, 500, 5000, 50_000),
    products=("gradient",),
    source="A. J. Lotka, 1925; V. Volterra, 1926; discretised here by the classical Runge-Kutta method",
    gradient=gradient,
    tags=frozenset({"scalars", "loop", "complex"}),
    smallest=20,
)
