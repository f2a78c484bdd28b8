"""n results of n variables through few numbers: the Jacobian has the rank of the waist.

A size is (n, width).
"""

from functools import cache

import numpy as np

from mmad.bench.namespaces import constant
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


@cache
def matrices(n, width):
    rng = np.random.default_rng(48)
    return rng.normal(size=(width, n)) / n, rng.normal(size=(n, width))


def make(xp, size):
    inner, outer = constant(xp, *matrices(*size))
    return lambda x: xp.exp(-((outer @ xp.sin(inner @ x)) ** 2))


def jacobian(x, size):
    inner, outer = matrices(*size)
    middle = outer @ np.sin(inner @ x)
    return (-2.0 * middle * np.exp(-(middle**2)))[:, None] * ((outer * np.cos(inner @ x)) @ inner)


PROBLEM = ModelProblem(
    name="waist",
    title="function through a narrow waist",
    make=make,
    draw=lambda size, rng: rng.uniform(0.5, 1.5, size=size[0]),
    sizes=((100, 1), (300, 4), (1000, 1), (1000, 32)),
    products=("jacobian",),
    source="Griewank, Walther, Evaluating Derivatives, SIAM 2008, section 10.3, on scarce Jacobians",
    jacobian=jacobian,
    pattern="dense, of low rank",
    tags=frozenset({"arrays", "complex"}),
    smallest=(8, 2),
)
