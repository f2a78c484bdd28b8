"""The determinant of an n x n matrix by expansion in minors along the first row, over plain numbers: n! operations."""

import numpy as np

from mmad.bench.problem import ModelProblem

__all__ = ["PROBLEM"]


def minors(rows):
    """Return the determinant of a matrix given as a list of rows."""
    if len(rows) == 1:
        return rows[0][0]
    total = 0.0
    for j, pivot in enumerate(rows[0]):
        term = pivot * minors([row[:j] + row[j + 1 :] for row in rows[1:]])
        total = total - term if j % 2 else total + term
    return total


def make(xp, n):
    return lambda x: minors([[x[n * i + j] for j in range(n)] for i in range(n)])


def gradient(x, n):
    matrix = np.reshape(x, (n, n))
    return tuple((np.linalg.det(matrix) * np.linalg.inv(matrix).T).ravel())  # Jacobi's formula


PROBLEM = ModelProblem(
    name="determinant",
    title="determinant by minors, over numbers",
    make=make,
    draw=lambda n, rng: tuple(map(float, rng.normal(size=n * n))),
    sizes=(5, 6, 7, 8),
    products=("gradient",),
    source="CppAD: det_by_minor; cmpad: det_by_minor",
    gradient=gradient,
    tags=frozenset({"scalars", "complex"}),
    smallest=4,
)
