"""Broyden's tridiagonal function, and the sum of squares under it: a band and a full row."""

import numpy as np

from mmad.bench.problem import ModelProblem
from mmad.bench.problems import broyden

__all__ = ["PROBLEM"]


def make(xp, n):
    return lambda x: xp.concatenate((broyden.band(xp, x), xp.sum(x * x, axis=0, keepdims=True)))


PROBLEM = ModelProblem(
    name="dense-row-and-band",
    title="dense row and band",
    make=make,
    draw=lambda n, rng: rng.uniform(0.5, 1.5, size=n),
    sizes=(32, 300, 3000, 20_000),
    products=("jacobian",),
    source="made here after More, Garbow, Hillstrom, problem 30",
    jacobian=lambda x, n: np.vstack([broyden.PROBLEM.jacobian(x, n), 2.0 * x]),
    pattern="tridiagonal and one full row",
    tags=frozenset({"arrays", "complex"}),
    smallest=6,
)
