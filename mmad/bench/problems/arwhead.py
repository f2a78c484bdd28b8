"""ARWHEAD: sum over i < n of (x_i^2 + x_n^2)^2 - 4 x_i + 3.  All variables meet the last one.

The Hessian takes two star colours, while colours of its columns alone would be n.
"""

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


def make(xp, n):
    return lambda x: xp.sum((x[:-1] ** 2 + x[-1] ** 2) ** 2 - 4.0 * x[:-1] + 3.0)


def gradient(x, n):
    s = x[:-1] ** 2 + x[-1] ** 2
    g = np.zeros_like(x)
    g[:-1] = 4.0 * x[:-1] * s - 4.0
    g[-1] = (4.0 * x[-1] * s).sum()
    return g


PROBLEM = ModelProblem(
    name="arwhead",
    title="ARWHEAD",
    make=make,
    draw=lambda n, rng: rng.uniform(0.5, 1.5, size=n),
    sizes=(32, 300, 3000, 20_000),
    products=("hessian", "gradient", "hvp"),
    source="Conn, Gould, Lescrenier, Toint, 1994; CUTEst: ARWHEAD",
    gradient=gradient,
    pattern="arrow",
    tags=frozenset({"arrays", "complex"}),
    smallest=8,
)
