"""The Helmholtz energy of a mixture of n gases after Peng and Robinson, of their amounts, in units of RT."""

import math
from functools import cache

import numpy as np

from mmad.bench.namespaces import constant
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

PLUS, MINUS, ROOT = 1.0 + math.sqrt(2.0), 1.0 - math.sqrt(2.0), math.sqrt(8.0)


@cache
def coefficients(n):
    """Return the attractions of pairs, symmetric, and the volumes."""
    rng = np.random.default_rng(9)
    b, a = rng.uniform(0.1, 0.5, size=n), rng.uniform(0.1, 1.0, size=(n, n))
    return a + a.T, b


def make(xp, n):
    a, b = constant(xp, *coefficients(n))

    def function(x):
        volume = b @ x
        ideal = xp.sum(x * xp.log(x / (1.0 - volume)))
        attraction = (x @ (a @ x)) / (ROOT * volume)
        return ideal - attraction * xp.log((1.0 + PLUS * volume) / (1.0 + MINUS * volume))

    return function


def gradient(x, n):
    a, b = coefficients(n)
    volume, ax = b @ x, a @ x
    attraction = (x @ ax) / (ROOT * volume)
    logarithm = np.log((1.0 + PLUS * volume) / (1.0 + MINUS * volume))
    ideal = np.log(x) + 1.0 - np.log(1.0 - volume) + x.sum() * b / (1.0 - volume)
    slope = PLUS / (1.0 + PLUS * volume) - MINUS / (1.0 + MINUS * volume)
    return ideal - (2.0 * ax / (ROOT * volume) - attraction / volume * b) * logarithm - attraction * slope * b


PROBLEM = ModelProblem(
    name="helmholtz",
    title="Helmholtz energy",
    make=make,
    draw=lambda n, rng: rng.uniform(0.5, 1.5, size=n) / n,
    sizes=(4, 6, 8, 10),
    products=("hessian", "gradient", "hvp"),
    source="Griewank, Walther, Evaluating Derivatives, SIAM 2008, sections 1.2 and 8; Peng, Robinson, 1976, eq. 18",
    gradient=gradient,
    tags=frozenset({"arrays", "complex"}),
)
