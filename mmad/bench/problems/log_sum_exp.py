"""The logarithm of a sum of exponentials, shifted by the largest element."""

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM", "softmax"]


def softmax(x, axis):
    """Return the exponentials over their sum along an axis; of complex numbers, too."""
    e = np.exp(x - np.max(x.real, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def make(xp, n):
    def function(x):
        largest = xp.amax(x)
        return largest + xp.log(xp.sum(xp.exp(x - largest)))

    return function


PROBLEM = ModelProblem(
    name="log-sum-exp",
    title="log-sum-exp",
    make=make,
    draw=lambda n, rng: rng.normal(size=n),
    sizes=(100, 1000, 10_000, 1_000_000),
    products=("gradient", "hvp"),
    source="Blanchard, Higham, Higham, IMA J. Numer. Anal. 41 (2021), 2311-2330; GradBench: lse",
    gradient=lambda x, n: softmax(x, 0),
    tags=frozenset({"arrays"}),
    smallest=7,
)
