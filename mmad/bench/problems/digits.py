"""The tanh network of ``mmad train-digits``: softmax cross-entropy and a small penalty, all rows at once.

A size is (hidden units, rows of the data).
"""

from functools import cache

import numpy as np

from mmad.bench.namespaces import constant
from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]

PENALTY = 1e-3


@cache
def data(rows):
    """Return pixels between 0 and 1, and which digit they show."""
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    return pixels[:rows] / 16.0, np.eye(10)[labels[:rows]]


def make(xp, size):
    x, y = constant(xp, *data(size[1]))

    def function(weights):
        z = xp.tanh(x @ weights["w1"] + weights["b1"]) @ weights["w2"] + weights["b2"]
        z = z - xp.reshape(xp.amax(z, 1), (-1, 1))
        log_partition = xp.log(xp.sum(xp.exp(z), 1))
        squares = (weights["w1"] ** 2).sum() + (weights["w2"] ** 2).sum()
        return (log_partition - xp.sum(z * y, 1)).mean() + 0.5 * PENALTY * squares

    return function


def gradient(weights, size):
    inputs, targets = data(size[1])
    h = np.tanh(inputs @ weights["w1"] + weights["b1"])
    p = np.exp(h @ weights["w2"] + weights["b2"])
    z_bar = (p / p.sum(axis=1, keepdims=True) - targets) / len(inputs)
    a_bar = (z_bar @ weights["w2"].T) * (1.0 - h * h)
    return {
        "w1": inputs.T @ a_bar + PENALTY * weights["w1"],
        "b1": a_bar.sum(axis=0),
        "w2": h.T @ z_bar + PENALTY * weights["w2"],
        "b2": z_bar.sum(axis=0),
    }


def draw(size, rng):
    shapes = {"w1": (64, size[0]), "b1": (size[0],), "w2": (size[0], 10), "b2": (10,)}
    return {key: 0.2 * rng.normal(size=shape) for key, shape in shapes.items()}


PROBLEM = ModelProblem(
    name="digits",
    title="network for handwritten digits",
    make=make,
    draw=draw,
    sizes=((8, 200), (32, 1347), (128, 1797), (512, 1797)),
    products=("gradient", "hvp"),
    source="scikit-learn's digits, after the UCI repository: Alpaydin, Kaynak, 1998",
    gradient=gradient,
    tags=frozenset({"arrays"}),
    smallest=(3, 20),
)
