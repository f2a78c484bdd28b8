"""A logarithmic barrier -sum log(b - A x), where A has three elements in a row."""

from functools import cache

import numpy as np

from mmad.bench.namespaces import constant
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

B = 6.0


@cache
def weights(n):
    """Return the elements of A, by the diagonals that they are on."""
    return np.random.default_rng(28).uniform(0.2, 1.0, size=(3, n - 2))


def make(xp, n):
    v, w, z = constant(xp, *weights(n))
    return lambda x: -xp.sum(xp.log(B - (v * x[:-2] + w * x[1:-1] + z * x[2:])))


def gradient(x, n):
    v, w, z = weights(n)
    y = 1.0 / (B - (v * x[:-2] + w * x[1:-1] + z * x[2:]))
    g = np.zeros_like(x)
    g[:-2] += v * y
    g[1:-1] += w * y
    g[2:] += z * y
    return g


PROBLEM = ModelProblem(
    name="log-barrier-banded",
    title="logarithmic barrier, banded",
    make=make,
    draw=lambda n, rng: rng.uniform(0.5, 1.5, size=n),
    sizes=(32, 300, 3000, 20_000),
    products=("hessian", "gradient", "hvp"),
    source="Boyd, Vandenberghe, Convex Optimization, Cambridge 2004, section 11.2, with random data",
    gradient=gradient,
    pattern="band of half width 2",
    tags=frozenset({"arrays", "complex"}),
    smallest=8,
)
