"""The chained Rosenbrock function, in vector form: sum 100 (x_(i+1) - x_i^2)^2 + (1 - x_i)^2."""

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


def make(xp, n):
    def function(x):
        return xp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)

    return function


def gradient(x, n):
    slack = x[1:] - x[:-1] ** 2
    g = np.zeros_like(x)
    g[1:] += 200.0 * slack
    g[:-1] -= 400.0 * x[:-1] * slack + 2.0 * (1.0 - x[:-1])
    return g


PROBLEM = ModelProblem(
    name="rosenbrock",
    title="chained Rosenbrock function",
    make=make,
    draw=lambda n, rng: rng.normal(size=n),
    sizes=(100, 1000, 10_000, 1_000_000),
    products=("hessian", "gradient", "hvp"),
    source="Conn, Gould, Toint, Math. Comp. 50 (1988), 399-430, chained Rosenbrock; CUTEst: CHNROSNB with weights 1",
    gradient=gradient,
    pattern="tridiagonal",
    tags=frozenset({"arrays", "complex"}),
    smallest=8,
)
