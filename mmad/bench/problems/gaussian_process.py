"""Minus the log-likelihood of a Gaussian process with a squared exponential kernel, by a Cholesky factor.

The parameters are the logarithms of variance, inverse squared length and noise.
"""

from functools import cache

import numpy as np

from mmad.bench.namespaces import constant
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


@cache
def data(n):
    """Return the squared distances between the places, and the observations there."""
    rng = np.random.default_rng(1)
    at = np.sort(rng.uniform(-3.0, 3.0, n))
    return (at[:, None] - at) ** 2, np.sin(at) + 0.1 * rng.normal(size=n)


def make(xp, n):
    squares, y, one = constant(xp, *data(n), np.eye(n))

    def function(parameters):
        kernel = xp.exp(parameters[0] - 0.5 * squares * xp.exp(parameters[1]))
        factor = xp.linalg.cholesky(kernel + xp.exp(parameters[2]) * one)
        z = xp.linalg.solve(factor, y)
        return 0.5 * (z @ z) + xp.sum(xp.log(xp.diagonal(factor)))

    return function


def gradient(parameters, n):
    squares, y = data(n)
    kernel = np.exp(parameters[0] - 0.5 * squares * np.exp(parameters[1]))
    inverse = np.linalg.inv(kernel + np.exp(parameters[2]) * np.eye(n))
    alpha = inverse @ y
    bar = 0.5 * (inverse - np.outer(alpha, alpha))
    length = -0.5 * squares * np.exp(parameters[1]) * kernel
    return np.array([(bar * kernel).sum(), (bar * length).sum(), np.trace(bar) * np.exp(parameters[2])])


PROBLEM = ModelProblem(
    name="gaussian-process",
    title="likelihood of a Gaussian process",
    make=make,
    draw=lambda n, rng: np.array([0.0, 0.0, -2.0]) + rng.uniform(-0.3, 0.3, size=3),
    sizes=(20, 60, 200, 600),
    products=("gradient", "hvp"),
    source="Rasmussen, Williams, Gaussian Processes for Machine Learning, MIT Press 2006, section 5.4.1",
    gradient=gradient,
    tags=frozenset({"arrays", "linear algebra"}),
    smallest=10,
)
