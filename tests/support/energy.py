"""A small function of a vector, a point, a direction, and its derivatives by hand."""

import numpy as np

X = np.array([0.3, -0.7, 1.1])
V = np.array([0.5, 0.2, -0.4])


def energy(x):
    return (np.sin(x) * x).sum()


def slope(x):
    return np.cos(x) * x + np.sin(x)


def curvature(x):
    return np.diag(2 * np.cos(x) - np.sin(x) * x)
