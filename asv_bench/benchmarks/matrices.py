"""Problems of linear algebra: a Kalman filter, small matrices in a loop, and the likelihood of a Gaussian process."""

import numpy as np

from .problems import COMPLEX_STEP, Problem, repeated

__all__ = ["gaussian_process", "kalman_filter"]


def kalman_filter(steps=200):
    """Minus the log-likelihood of positions seen with noise: state of four numbers, two of them seen at each step.

    The parameters are the logarithms of the variances of the motion and of the observations.
    """
    motion, seen = np.eye(4) + 0.1 * np.eye(4, k=2), np.eye(2, 4)
    observations = 0.3 * np.cumsum(np.random.default_rng(0).normal(size=(steps, 2)), axis=0)

    def make(xp):
        def function(parameters):
            q, r = xp.exp(parameters[0]) * np.eye(4), xp.exp(parameters[1]) * np.eye(2)

            def step(state, observed):
                x, p, total = state
                x, p = motion @ x, motion @ p @ motion.T + q
                s = seen @ p @ seen.T + r
                e = observed - seen @ x
                k = p @ seen.T @ xp.linalg.inv(s)
                total = total + e @ xp.linalg.solve(s, e) + xp.log(xp.linalg.det(s))
                return x + k @ e, p - k @ seen @ p, total

            return 0.5 * repeated(xp, step, (np.zeros(4), np.eye(4), 0.0), observations)[2]

        return function

    def gradient(parameters):
        columns = np.eye(2) * 1j * COMPLEX_STEP
        return np.array([np.imag(make(np)(parameters + c)) / COMPLEX_STEP for c in columns])

    return Problem(f"kalman-{steps}", make, np.array([-1.0, -1.0]), np.array([0.5, -1.0]), gradient)


def gaussian_process(n=200):
    """Minus the log-likelihood of a Gaussian process with a squared exponential kernel, by Cholesky factors.

    The parameters are the logarithms of variance, inverse squared length and noise.
    """
    rng = np.random.default_rng(1)
    at = np.sort(rng.uniform(-3.0, 3.0, n))
    y, squares = np.sin(at) + 0.1 * rng.normal(size=n), (at[:, None] - at) ** 2

    def make(xp):
        def function(parameters):
            kernel = xp.exp(parameters[0] - 0.5 * squares * xp.exp(parameters[1]))
            factor = xp.linalg.cholesky(kernel + xp.exp(parameters[2]) * np.eye(n))
            z = xp.linalg.solve(factor, y)
            return 0.5 * (z @ z) + xp.log(xp.diagonal(factor)).sum()

        return function

    def gradient(parameters):
        kernel = np.exp(parameters[0] - 0.5 * squares * np.exp(parameters[1]))
        inverse = np.linalg.inv(kernel + np.exp(parameters[2]) * np.eye(n))
        alpha = inverse @ y
        bar = 0.5 * (inverse - np.outer(alpha, alpha))
        length = -0.5 * squares * np.exp(parameters[1]) * kernel
        return np.array([(bar * kernel).sum(), (bar * length).sum(), np.trace(bar) * np.exp(parameters[2])])

    return Problem(f"gaussian-process-{n}", make, np.array([0.0, 0.0, -2.0]), np.array([1.0, -0.5, 0.25]), gradient)
