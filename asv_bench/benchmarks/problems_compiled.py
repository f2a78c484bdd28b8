"""Problems for compiled functions: many scalar operations, and long vectors."""

import numpy as np

from .problems import Problem

__all__ = ["determinant", "log_sum_exp"]


def determinant(size=8):
    """The determinant by expansion in minors along the first row, over plain numbers."""

    def minors(rows):
        if len(rows) == 1:
            return rows[0][0]
        total = 0.0
        for j, pivot in enumerate(rows[0]):
            term = pivot * minors([row[:j] + row[j + 1 :] for row in rows[1:]])
            total = total - term if j % 2 else total + term
        return total

    def make(_):
        return lambda x: minors([[x[size * i + j] for j in range(size)] for i in range(size)])

    def gradient(x):
        matrix = np.reshape(x, (size, size))
        return tuple((np.linalg.det(matrix) * np.linalg.inv(matrix).T).ravel())  # Jacobi's formula

    rng = np.random.default_rng(4)
    point, direction = (tuple(map(float, rng.normal(size=size * size))) for _ in range(2))
    return Problem(f"determinant-{size}", make, point, direction, gradient)


def log_sum_exp(n):
    """The logarithm of a sum of exponentials, shifted by the largest element."""

    def make(xp):
        def function(x):
            largest = xp.max(x)
            return largest + xp.log(xp.sum(xp.exp(x - largest)))

        return function

    def gradient(x):
        e = np.exp(x - np.max(x.real))
        return e / e.sum()

    rng = np.random.default_rng(5)
    return Problem(f"log-sum-exp-{n}", make, rng.normal(size=n), rng.normal(size=n), gradient)
