"""Bratu's problem, Laplace(u) + 6 e^u = 0, by the five-point formula on a grid of `side` x `side` points.

The function updates slices in place.
"""

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

STRENGTH = 6.0


def laplacian(u):
    """Return the sum of the four neighbours less four times the point, with zeros around the grid."""
    y = -4.0 * u
    y[1:] += u[:-1]
    y[:-1] += u[1:]
    y[:, 1:] += u[:, :-1]
    y[:, :-1] += u[:, 1:]
    return y


def make(xp, side):
    h = 1.0 / (side + 1)

    def function(x):
        u = xp.reshape(x, (side, side))
        return xp.reshape(laplacian(u) + STRENGTH * h * h * xp.exp(u), (-1,))

    return function


def jacobian(x, side):
    second = -2.0 * np.eye(side) + np.eye(side, k=1) + np.eye(side, k=-1)
    whole = np.kron(second, np.eye(side)) + np.kron(np.eye(side), second)
    return whole + np.diag(STRENGTH / (side + 1) ** 2 * np.exp(x))


PROBLEM = ModelProblem(
    name="bratu",
    title="Bratu's problem in two dimensions",
    make=make,
    draw=lambda side, rng: rng.uniform(0.5, 1.5, size=side * side),
    sizes=(6, 16, 50, 100),
    products=("jacobian",),
    source="MINPACK-2: solid fuel ignition; CUTEst: BRATU2D",
    jacobian=jacobian,
    pattern="five-point grid",
    tags=frozenset({"arrays", "mutation", "complex"}),
    smallest=4,
)
