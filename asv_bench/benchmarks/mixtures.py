"""Problems around the logarithm of a sum of exponentials: the function itself, and mixtures of Gaussians."""

import math

import numpy as np

from .problems import Problem

__all__ = ["gaussian_mixture", "log_sum_exp"]


def log_sum_exp(n):
    """The logarithm of a sum of exponentials, shifted by the largest element."""

    def make(xp):
        def function(x):
            largest = xp.max(x)
            return largest + xp.log(xp.sum(xp.exp(x - largest)))

        return function

    def gradient(x):
        return softmax(x, 0)

    rng = np.random.default_rng(5)
    return Problem(f"log-sum-exp-{n}", make, rng.normal(size=n), rng.normal(size=n), gradient)


def softmax(x, axis):
    e = np.exp(x - np.max(x.real, axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def gaussian_mixture(dimensions, components, points):
    """The log-likelihood of a mixture of Gaussians with a Wishart prior, of weights, means and inverse factors.

    A component's inverse covariance is Qᵀ Q, with Q lower triangular: the logarithms of its diagonal, then what is
    below it, column by column, are a row of the third argument.

    References
    ----------
    F. Srajer, Z. Kukelova, A. Fitzgibbon. A benchmark of selected algorithmic differentiation tools on some problems
    in computer vision and machine learning. Optimization Methods and Software 33 (2018), section 4.1.
    """
    d, k = dimensions, components
    rng = np.random.default_rng(6)
    data, gamma, m = rng.normal(size=(points, d)), 1.0, 0
    columns, rows = np.triu_indices(d, 1)
    strict = len(rows)
    # Where each element of Q is found in (diagonal, below it, a zero).
    index = np.full((d, d), d + strict)
    index[np.arange(d), np.arange(d)] = np.arange(d)
    index[rows, columns] = d + np.arange(strict)
    freedom = d + m + 1
    log_gamma = 0.25 * d * (d - 1) * math.log(math.pi)
    log_gamma += sum(math.lgamma(0.5 * freedom + 0.5 * (1 - j)) for j in range(1, d + 1))
    constant = -0.5 * points * d * math.log(2.0 * math.pi)
    constant -= k * (freedom * d * (math.log(gamma) - 0.5 * math.log(2.0)) - log_gamma)

    def make(xp):
        def log_sums(x):
            largest = xp.max(x, axis=0)
            return largest + xp.log(xp.sum(xp.exp(x - largest), axis=0))

        def function(parameters):
            alphas, means, icf = parameters
            logs, below = icf[:, :d], icf[:, d:]
            diagonal, sums = xp.exp(logs), xp.sum(logs, axis=1)
            factors = xp.concatenate((diagonal, below, xp.zeros((k, 1))), axis=1)[:, index]
            z = (data - means[:, None, :]) @ xp.swapaxes(factors, 1, 2)
            inner = (alphas + sums)[:, None] - 0.5 * xp.sum(z * z, axis=2)
            prior = 0.5 * gamma**2 * (xp.sum(diagonal * diagonal) + xp.sum(below * below)) - m * xp.sum(sums)
            return constant + xp.sum(log_sums(inner)) - points * log_sums(alphas) + prior

        return function

    def gradient(parameters):
        alphas, means, icf = parameters
        diagonal, below = np.exp(icf[:, :d]), icf[:, d:]
        q = np.concatenate((diagonal, below, np.zeros((k, 1))), axis=1)[:, index]
        x = data - means[:, None, :]
        z = x @ q.swapaxes(1, 2)
        p = softmax((alphas + icf[:, :d].sum(axis=1))[:, None] - 0.5 * (z * z).sum(axis=2), 0)
        weights, pz = p.sum(axis=1), p[:, :, None] * z
        q_bar = -pz.swapaxes(1, 2) @ x
        logs_bar = diagonal * q_bar[:, np.arange(d), np.arange(d)] + weights[:, None] + gamma**2 * diagonal**2 - m
        return (
            weights - points * softmax(alphas, 0),
            (pz.sum(axis=1)[:, None, :] @ q)[:, 0, :],
            np.concatenate((logs_bar, q_bar[:, rows, columns] + gamma**2 * below), axis=1),
        )

    def tree():
        return rng.normal(size=k), rng.normal(size=(k, d)), 0.3 * rng.normal(size=(k, d + strict))

    return Problem(f"mixture-{d}-{k}-{points}", make, tree(), tree(), gradient)
