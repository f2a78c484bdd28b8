"""Broyden's tridiagonal function: (3 - 2 x_i) x_i - x_(i-1) - 2 x_(i+1) + 1."""

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM", "band"]


def band(xp, x):
    """Return Broyden's function of a vector of any length."""
    zero = x[:1] * 0.0
    return (3.0 - 2.0 * x) * x - xp.concatenate((zero, x[:-1])) - 2.0 * xp.concatenate((x[1:], zero)) + 1.0


def make(xp, n):
    return lambda x: band(xp, x)


def jacobian(x, n):
    return np.diag(3.0 - 4.0 * x) - np.eye(len(x), k=-1) - 2.0 * np.eye(len(x), k=1)


PROBLEM = ModelProblem(
    name="broyden",
    title="Broyden tridiagonal function",
    make=make,
    draw=lambda n, rng: rng.uniform(0.5, 1.5, size=n),
    sizes=(32, 300, 3000, 20_000),
    products=("jacobian",),
    source="More, Garbow, Hillstrom, ACM TOMS 7 (1981), 17-41, problem 30; CUTEst: BROYDN3D",
    jacobian=jacobian,
    pattern="tridiagonal",
    tags=frozenset({"arrays", "complex"}),
    smallest=6,
)
