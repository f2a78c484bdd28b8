"""The log-likelihood of a mixture of Gaussians with a Wishart prior, of weights, means and inverse factors.

A component's inverse covariance is Q^T Q, with Q lower triangular.  A row of the third argument holds the logarithms of
the diagonal of Q, then the elements below it, column by column.  A size is (dimensions, components, points).
"""

import math
from functools import cache

import numpy as np

from mmad.bench import namespaces
from mmad.bench.problem import ModelProblem
from mmad.bench.problems.log_sum_exp import softmax

__all__ = ["PROBLEM"]

GAMMA = 1.0  # of the prior, whose other parameter, m, is zero


@cache
def data(size):
    d, _, points = size
    return np.random.default_rng(6).normal(size=(points, d))


def places(d):
    """Return where each element of Q is found in (diagonal, below it, a zero); rows and columns below the diagonal."""
    columns, rows = np.triu_indices(d, 1)
    index = np.full((d, d), d + len(rows))
    index[np.arange(d), np.arange(d)] = np.arange(d)
    index[rows, columns] = d + np.arange(len(rows))
    return index, rows, columns


def constant(size):
    """Return the part of the log-likelihood that does not depend on the parameters."""
    d, k, points = size
    freedom = d + 1
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi)
    log_gamma += sum(math.lgamma(0.5 * freedom + 0.5 * (1 - j)) for j in range(1, d + 1))
    prior = k * (freedom * d * (math.log(GAMMA) - 0.5 * math.log(2.0)) - log_gamma)
    return -0.5 * points * d * math.log(2.0 * math.pi) - prior


def make(xp, size):
    d, k, points = size
    x, zero = namespaces.constant(xp, data(size), np.zeros((k, 1)))
    index, fixed = places(d)[0], constant(size)

    def log_sums(x):
        largest = xp.amax(x, 0)
        return largest + xp.log(xp.sum(xp.exp(x - largest), axis=0))

    def function(parameters):
        alphas, means, icf = parameters
        logs, below = icf[:, :d], icf[:, d:]
        diagonal, sums = xp.exp(logs), xp.sum(logs, axis=1)
        factors = xp.concatenate((diagonal, below, zero), axis=1)[:, index]
        z = (x - means[:, None, :]) @ xp.swapaxes(factors, 1, 2)
        inner = (alphas + sums)[:, None] - 0.5 * xp.sum(z * z, axis=2)
        prior = 0.5 * GAMMA**2 * (xp.sum(diagonal * diagonal) + xp.sum(below * below))
        return fixed + xp.sum(log_sums(inner)) - points * log_sums(alphas) + prior

    return function


def gradient(parameters, size):
    d, k, points = size
    alphas, means, icf = parameters
    index, rows, columns = places(d)
    diagonal, below = np.exp(icf[:, :d]), icf[:, d:]
    q = np.concatenate((diagonal, below, np.zeros((k, 1))), axis=1)[:, index]
    x = data(size) - means[:, None, :]
    z = x @ q.swapaxes(1, 2)
    p = softmax((alphas + icf[:, :d].sum(axis=1))[:, None] - 0.5 * (z * z).sum(axis=2), 0)
    weights, pz = p.sum(axis=1), p[:, :, None] * z
    q_bar = -pz.swapaxes(1, 2) @ x
    logs_bar = diagonal * q_bar[:, np.arange(d), np.arange(d)] + weights[:, None] + GAMMA**2 * diagonal**2
    return (
        weights - points * softmax(alphas, 0),
        (pz.sum(axis=1)[:, None, :] @ q)[:, 0, :],
        np.concatenate((logs_bar, q_bar[:, rows, columns] + GAMMA**2 * below), axis=1),
    )


def draw(size, rng):
    d, k, _ = size
    return rng.normal(size=k), rng.normal(size=(k, d)), 0.3 * rng.normal(size=(k, d * (d + 1) // 2))


PROBLEM = ModelProblem(
    name="gaussian-mixture",
    title="Gaussian mixture",
    make=make,
    draw=draw,
    sizes=((2, 5, 100), (5, 5, 300), (10, 25, 1000), (20, 25, 1000)),
    products=("gradient", "hvp"),
    source="ADBench: GMM; Srajer, Kukelova, Fitzgibbon, Optim. Methods Softw. 33 (2018), 889-906, section 4.1",
    gradient=gradient,
    tags=frozenset({"arrays"}),
    smallest=(2, 3, 6),
)
