"""The extended Powell singular function: blocks of four variables that do not meet."""

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


def make(xp, n):
    def function(x):
        a, b, c, d = x[0::4], x[1::4], x[2::4], x[3::4]
        return xp.sum((a + 10.0 * b) ** 2 + 5.0 * (c - d) ** 2 + (b - 2.0 * c) ** 4 + 10.0 * (a - d) ** 4)

    return function


def gradient(x, n):
    a, b, c, d = x[0::4], x[1::4], x[2::4], x[3::4]
    p, q, r, s = 2.0 * (a + 10.0 * b), 10.0 * (c - d), 4.0 * (b - 2.0 * c) ** 3, 40.0 * (a - d) ** 3
    g = np.zeros_like(x)
    g[0::4], g[1::4], g[2::4], g[3::4] = p + s, 10.0 * p + r, q - 2.0 * r, -q - s
    return g


PROBLEM = ModelProblem(
    name="powell-singular",
    title="extended Powell singular function",
    make=make,
    draw=lambda n, rng: rng.uniform(0.5, 1.5, size=n),
    sizes=(32, 300, 3000, 20_000),
    products=("hessian", "gradient", "hvp"),
    source="More, Garbow, Hillstrom, ACM TOMS 7 (1981), 17-41, problem 22; CUTEst: POWELLSG",
    gradient=gradient,
    pattern="blocks of 4",
    tags=frozenset({"arrays", "complex"}),
    smallest=8,
)
