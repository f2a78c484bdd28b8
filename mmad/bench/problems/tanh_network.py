"""Least squares with a network of two tanh layers of few weights, whose Hessian is small and dense."""

from functools import cache

import numpy as np

from mmad.bench.namespaces import constant
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

ROWS = 100


@cache
def data():
    rng = np.random.default_rng(32)
    return rng.normal(size=(ROWS, 3)), rng.normal(size=ROWS)


def split(xp, x, width):
    """Return the weights of the three layers."""
    first, second = 3 * width, 3 * width + width * width
    return xp.reshape(x[:first], (3, width)), xp.reshape(x[first:second], (width, width)), x[second:]


def make(xp, width):
    inputs, targets = constant(xp, *data())

    def function(x):
        a, b, c = split(xp, x, width)
        error = xp.tanh(xp.tanh(inputs @ a) @ b) @ c - targets
        return 0.5 * (error @ error) / ROWS

    return function


def gradient(x, width):
    inputs, targets = data()
    a, b, c = split(np, x, width)
    u = np.tanh(inputs @ a)
    v = np.tanh(u @ b)
    error = (v @ c - targets) / ROWS
    v_bar = error[:, None] * c * (1.0 - v * v)
    u_bar = (v_bar @ b.T) * (1.0 - u * u)
    return np.concatenate([(inputs.T @ u_bar).ravel(), (u.T @ v_bar).ravel(), v.T @ error])


PROBLEM = ModelProblem(
    name="tanh-network",
    title="small network, least squares",
    make=make,
    draw=lambda width, rng: 0.5 * rng.normal(size=width * width + 4 * width),
    sizes=(2, 4, 6, 10),
    products=("hessian", "gradient", "hvp"),
    source="Bishop, Pattern Recognition and Machine Learning, Springer 2006, section 5.4, with random data",
    gradient=gradient,
    tags=frozenset({"arrays", "complex"}),
)
