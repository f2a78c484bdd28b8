"""A charged particle falls through the field of two charges until it reaches the ground; where, squared, is the result.

The force is the gradient of a potential, taken inside; Euler steps of length 1/n end when the particle is below y = 0,
and the last one is shortened to end there.  Differentiated by the place of one charge and the first velocity.
"""

from mmad.bench.complex_step import complex_step_gradient
from mmad.bench.namespaces import gradient_operator
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


def fall(force, charge, velocity, n):
    """Return the squared place at which the particle reaches the ground."""
    x, y, u, v, dt = 0.0, 8.0, velocity, 0.0, 1.0 / n
    while True:
        ax, ay = force(charge, x, y)
        below = y + dt * v
        if below.real <= 0.0 if isinstance(below, complex) else below <= 0.0:
            break
        x, y, u, v = x + dt * u, below, u + dt * ax, v + dt * ay
    x = x - y / v * u
    return x * x


def make(xp, n):
    gradient_of = gradient_operator(xp)

    def force(charge, x, y):
        def potential(at):
            a, b = at[0] - 10.0, at[1] - 10.0 + charge
            c, d = at[0] - 10.0, at[1] - 10.0
            return 1.0 / (a * a + b * b) ** 0.5 + 1.0 / (c * c + d * d) ** 0.5

        gx, gy = gradient_of(potential)((x, y))
        return -gx, -gy - 0.1

    def function(parameters):
        return fall(force, *parameters, n)

    return function


def gradient(parameters, n):
    """Return the gradient by complex steps, the force by hand."""

    def force(charge, x, y):
        a, b, d = x - 10.0, y - 10.0 + charge, y - 10.0
        near, far = (a * a + b * b) ** -1.5, (a * a + d * d) ** -1.5
        return a * near + a * far, b * near + d * far - 0.1

    return complex_step_gradient(lambda p: fall(force, *p, n), parameters)


PROBLEM = ModelProblem(
    name="particle",
    title="charged particle, nested gradients",
    make=make,
    draw=lambda n, rng: (float(rng.uniform(0.5, 1.5)), float(rng.uniform(0.5, 1.0))),
    sizes=(1, 10, 100, 1000),
    products=("gradient",),
    source="after Pearlmutter, Siskind, Advances in AD, Springer 2008, 79-90; GradBench: particle",
    gradient=gradient,
    tags=frozenset({"scalars", "loop", "branches", "nested"}),
)
