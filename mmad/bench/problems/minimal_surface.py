"""The area of a surface over a grid of `side` x `side` points, two triangles a square."""

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


def slopes(xp, x, side):
    """Return the differences along the legs of the lower and of the upper triangles."""
    u = xp.reshape(x, (side, side))
    dx, dy = u[1:, :-1] - u[:-1, :-1], u[:-1, 1:] - u[:-1, :-1]
    ex, ey = u[1:, 1:] - u[:-1, 1:], u[1:, 1:] - u[1:, :-1]
    return dx, dy, ex, ey


def make(xp, side):
    scale = side - 1.0

    def function(x):
        dx, dy, ex, ey = slopes(xp, x, side)
        lower = (1.0 + scale**2 * (dx**2 + dy**2)) ** 0.5
        upper = (1.0 + scale**2 * (ex**2 + ey**2)) ** 0.5
        return xp.sum(lower + upper) / (2.0 * scale**2)

    return function


def gradient(x, side):
    dx, dy, ex, ey = slopes(np, x, side)
    scale = side - 1.0
    lower = 0.5 / (1.0 + scale**2 * (dx**2 + dy**2)) ** 0.5
    upper = 0.5 / (1.0 + scale**2 * (ex**2 + ey**2)) ** 0.5
    g = np.zeros((side, side), x.dtype)
    g[1:, :-1] += lower * dx - upper * ey
    g[:-1, 1:] += lower * dy - upper * ex
    g[:-1, :-1] -= lower * (dx + dy)
    g[1:, 1:] += upper * (ex + ey)
    return g.ravel()


PROBLEM = ModelProblem(
    name="minimal-surface",
    title="minimal surface",
    make=make,
    draw=lambda side, rng: rng.uniform(0.5, 1.5, size=side * side),
    sizes=(6, 16, 50, 100),
    products=("hessian", "gradient", "hvp"),
    source="MINPACK-2: minimal surface area; CUTEst: LMINSURF, there with squares",
    gradient=gradient,
    pattern="grid of triangles, 7 a row",
    tags=frozenset({"arrays", "complex"}),
    smallest=4,
)
