"""Broyden's tridiagonal function times the cosine of the first variable: a band and a full column."""

import numpy as np

from mmad.bench.problem import ModelProblem
from mmad.bench.problems import broyden

__all__ = ["PROBLEM"]


def make(xp, n):
    return lambda x: broyden.band(xp, x) * xp.cos(x[0])


def jacobian(x, n):
    j = broyden.PROBLEM.jacobian(x, n) * np.cos(x[0])
    j[:, 0] -= broyden.band(np, x) * np.sin(x[0])
    return j


PROBLEM = ModelProblem(
    name="dense-column-and-band",
    title="dense column and band",
    make=make,
    draw=lambda n, rng: rng.uniform(0.5, 1.5, size=n),
    sizes=(30, 300, 1000, 3000),
    products=("jacobian",),
    source="made here after More, Garbow, Hillstrom, problem 30",
    jacobian=jacobian,
    pattern="tridiagonal and one full column",
    tags=frozenset({"arrays", "complex"}),
    smallest=6,
)
