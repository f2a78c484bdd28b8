"""The brusselator, two species a, b on a periodic grid of `side` x `side` points.

a' = 1 + a^2 b - 4.4 a + alpha Laplace(a),  b' = 3.4 a - a^2 b + alpha Laplace(b).
"""

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


def make(xp, side):
    alpha = 0.02 * side**2

    def laplacian(u):
        return xp.roll(u, 1, 0) + xp.roll(u, -1, 0) + xp.roll(u, 1, 1) + xp.roll(u, -1, 1) - 4.0 * u

    def function(x):
        a, b = xp.reshape(x, (2, side, side))
        reaction = a * a * b
        return xp.concatenate(
            [
                xp.reshape(1.0 + reaction - 4.4 * a + alpha * laplacian(a), (-1,)),
                xp.reshape(3.4 * a - reaction + alpha * laplacian(b), (-1,)),
            ]
        )

    return function


PROBLEM = ModelProblem(
    name="brusselator",
    title="brusselator in two dimensions",
    make=make,
    draw=lambda side, rng: rng.uniform(0.5, 1.5, size=2 * side * side),
    sizes=(5, 12, 30, 70),
    products=("jacobian",),
    source="Hairer, Wanner, Solving Ordinary Differential Equations II, Springer 1996; SciML benchmarks: brusselator",
    pattern="periodic grid, two species",
    tags=frozenset({"arrays", "complex"}),
    smallest=4,
)
