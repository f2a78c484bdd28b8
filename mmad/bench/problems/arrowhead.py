"""One full row and one full column: y_0 = sum sin(x), y_i = x_i cos(x_0).

One reverse sweep and two forward ones give the Jacobian; in one direction alone it takes n.
"""

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


def make(xp, n):
    return lambda x: xp.concatenate((xp.sum(xp.sin(x), axis=0, keepdims=True), x[1:] * xp.cos(x[0])))


def jacobian(x, n):
    j = np.diag(np.full(len(x), np.cos(x[0])))
    j[:, 0] = -np.sin(x[0]) * x
    j[0] = np.cos(x)
    return j


PROBLEM = ModelProblem(
    name="arrowhead",
    title="arrowhead",
    make=make,
    draw=lambda n, rng: rng.uniform(0.5, 1.5, size=n),
    sizes=(50, 200, 500, 2000),
    products=("jacobian",),
    source="Coleman, Verma, SIAM J. Sci. Comput. 19 (1998), 1210-1233, on bidirectional colouring",
    jacobian=jacobian,
    pattern="arrow",
    tags=frozenset({"arrays", "complex"}),
    smallest=6,
)
