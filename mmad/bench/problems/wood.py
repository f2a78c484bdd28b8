"""The chained Wood function: Wood's terms on pairs of variables that overlap."""

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


def parts(x):
    return x[0:-3:2], x[1:-2:2], x[2:-1:2], x[3::2]


def make(xp, n):
    def function(x):
        a, b, c, d = parts(x)
        return xp.sum(
            100.0 * (b - a**2) ** 2
            + (1.0 - a) ** 2
            + 90.0 * (d - c**2) ** 2
            + (1.0 - c) ** 2
            + 10.0 * (b + d - 2.0) ** 2
            + 0.1 * (b - d) ** 2
        )

    return function


def gradient(x, n):
    a, b, c, d = parts(x)
    u, v, s, t = 200.0 * (b - a**2), 180.0 * (d - c**2), 20.0 * (b + d - 2.0), 0.2 * (b - d)
    g = np.zeros_like(x)
    g[0:-3:2] += -2.0 * a * u - 2.0 * (1.0 - a)
    g[1:-2:2] += u + s + t
    g[2:-1:2] += -2.0 * c * v - 2.0 * (1.0 - c)
    g[3::2] += v + s - t
    return g


PROBLEM = ModelProblem(
    name="wood",
    title="chained Wood function",
    make=make,
    draw=lambda n, rng: rng.uniform(0.5, 1.5, size=n),
    sizes=(32, 300, 3000, 20_000),
    products=("hessian", "gradient", "hvp"),
    source="Conn, Gould, Toint, Math. Comp. 50 (1988), 399-430, chained Wood; CUTEst: WOODS without the chain",
    gradient=gradient,
    pattern="band of half width 2, with gaps",
    tags=frozenset({"arrays", "complex"}),
    smallest=8,
)
