"""A logarithmic barrier -sum log(b - A x), where A is a full matrix of 2 n rows."""

from functools import cache

import numpy as np

from mmad.bench.namespaces import constant
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

B = 6.0


@cache
def matrix(n):
    return np.random.default_rng(28).normal(size=(2 * n, n)) / np.sqrt(n)


def make(xp, n):
    a = constant(xp, matrix(n))
    return lambda x: -xp.sum(xp.log(B - a @ x))


def gradient(x, n):
    a = matrix(n)
    return a.T @ (1.0 / (B - a @ x))


PROBLEM = ModelProblem(
    name="log-barrier-dense",
    title="logarithmic barrier, dense",
    make=make,
    draw=lambda n, rng: rng.uniform(0.5, 1.5, size=n),
    sizes=(10, 30, 100, 200),
    products=("hessian", "gradient", "hvp"),
    source="Boyd, Vandenberghe, Convex Optimization, Cambridge 2004, section 11.2, with random data",
    gradient=gradient,
    tags=frozenset({"arrays", "complex"}),
    smallest=5,
)
