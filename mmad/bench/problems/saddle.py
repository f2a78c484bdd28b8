"""A minimum over x of a maximum over y, which gradient ascent finds: the gradient takes a gradient inside.

phi(x, y) = sum x^2 - y^2 + x y + sin(x)/2; some steps y <- y + h dphi/dy from zero.  phi at the last y is
differentiated by x, through the steps.
"""

import numpy as np

from mmad.bench.namespaces import gradient_operator
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

H, STEPS = 0.1, 10


def make(xp, n):
    inner = gradient_operator(xp)

    def phi(x, y):
        return xp.sum(x * x - y * y + x * y + 0.5 * xp.sin(x))

    def function(x):
        y = 0.0 * x
        for _ in range(STEPS):
            y = y + H * inner(lambda y: phi(x, y))(y)
        return phi(x, y)

    return function


def gradient(x, n):
    """Return the gradient with the steps summed up: y = c x with c = (1 - (1 - 2 h)^steps) / 2."""
    c = 0.5 * (1.0 - (1.0 - 2.0 * H) ** STEPS)
    return 2.0 * (1.0 - c * c + c) * x + 0.5 * np.cos(x)


PROBLEM = ModelProblem(
    name="saddle",
    title="saddle point, nested gradients",
    make=make,
    draw=lambda n, rng: rng.normal(size=n),
    sizes=(2, 100, 10_000, 100_000),
    products=("gradient", "hvp"),
    source="after Pearlmutter, Siskind, Advances in AD, Springer 2008, 79-90; GradBench: saddle",
    gradient=gradient,
    pattern="diagonal",
    tags=frozenset({"arrays", "nested"}),
)
