"""Lifted functions under `vmap`, alone and with derivatives."""

import math

import numpy as np

import mmad


def area(a, b, c):
    s = (a + b + c) / 2
    return math.sqrt(s * (s - a) * (s - b) * (s - c))


def bent(x):
    y = float(x)
    if y > 1:
        return math.exp(-y) * math.hypot(y, 2.0)
    return math.sin(y)


SIDES = np.array([[3.0, 4.0, 5.0], [2.0, 2.5, 3.0], [1.0, 1.0, 1.0]])
lifted_area, lifted_bent = mmad.lift(area), mmad.lift(bent)


def test_a_function_of_several_numbers():
    columns = tuple(SIDES.T)
    np.testing.assert_allclose(mmad.vmap(lifted_area)(*columns), [area(*row) for row in SIDES], rtol=1e-14)
    for k in range(3):
        differences = [
            (area(*(row + d)) - area(*(row - d))) / 2e-6 for row, d in ((row, 1e-6 * np.eye(3)[k]) for row in SIDES)
        ]
        np.testing.assert_allclose(mmad.vmap(mmad.grad(lifted_area, k))(*columns), differences, rtol=1e-8, atol=1e-8)
    hessians = mmad.vmap(mmad.hessian(lambda p: lifted_area(p[0], p[1], p[2])))(SIDES)
    np.testing.assert_allclose(hessians[1], mmad.hessian(lambda p: lifted_area(*p))(SIDES[1]), rtol=1e-10, atol=1e-12)


def test_samples_that_take_other_branches():
    x = np.array([0.5, 2.0, -1.0, 1.5])
    np.testing.assert_allclose(mmad.vmap(lifted_bent)(x), [bent(v) for v in x], rtol=1e-14)
    slopes = [(bent(v + 1e-6) - bent(v - 1e-6)) / 2e-6 for v in x]
    np.testing.assert_allclose(mmad.vmap(mmad.grad(lifted_bent))(x), slopes, rtol=1e-8)
    np.testing.assert_allclose(mmad.grad(lambda x: mmad.vmap(lifted_bent)(x).sum())(x), slopes, rtol=1e-8)
