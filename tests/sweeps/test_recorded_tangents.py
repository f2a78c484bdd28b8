"""Tangents that are recorded, as `compile` does for Jacobians and Hessians: of numbers, in C."""

import numpy as np
import pytest

import mmad
from mmad.transforms.tape import record

FUNCTIONS = {
    "arithmetic": lambda x, y: (x * y - y / x + 3.0 * x - 2.0) * (x - y),
    "functions": lambda x, y: np.sin(x) * np.exp(y) + np.tanh(x * y) / np.cosh(y),
    "powers": lambda x, y: x**y + y**3 + x**0.5 + np.sqrt(x * y),
    "choices": lambda x, y: np.maximum(x, y) + np.where(x > y, x * y, y) + abs(x - y),
    "norms": lambda x, y: np.hypot(x, y) ** 2 + np.hypot(x, y) * y,
    "one number twice": lambda x, y: x * x + (y + y) * (y - 2.0 * y),
    "logarithms": lambda x, y: np.log(x) * np.log1p(y) + np.logaddexp(x, y) + np.arctan2(x, y),
    "of one only": lambda x, y: np.expm1(y) + 0.0 * y,
}


def pushed(f, x, direction):
    """The product of the Jacobian with a direction, from a recording of the function."""
    return mmad.linearize(f, *x)[1](*direction)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.0, 1.0), (0.7, -1.3)])
def test_tangents_of_numbers(name, direction):
    f = FUNCTIONS[name]

    def first(x, y):
        return pushed(f, (x, y), direction)

    def second(x, y):
        return pushed(mmad.grad(f, (0, 1)), (x, y), direction)

    def third(x, y):
        return pushed(first, (x, y), (1.0, 2.0))

    programs = [mmad.compile(g) for g in (first, second, third)]
    for point in ((1.3, 0.4), (0.2, 2.5), (1.7, 1.1)):
        for g, program in zip((first, second, third), programs, strict=True):
            np.testing.assert_allclose(program(*point), g(*point), rtol=1e-13, atol=1e-14)
        want = mmad.jvp(mmad.grad(f, (0, 1)), point, direction)[1]  # dual numbers
        np.testing.assert_allclose(programs[1](*point), want, rtol=1e-13, atol=1e-14)


def test_a_tangent_that_depends_on_the_argument():
    program = mmad.compile(lambda x, y: pushed(lambda x: np.sin(x * y) * x, (x,), (x * y,)))
    for x, y in ((1.3, 0.4), (0.2, 2.5)):
        want = (np.sin(x * y) + x * y * np.cos(x * y)) * x * y
        np.testing.assert_allclose(program(x, y), want, rtol=1e-14)


def test_zeros_of_a_direction_are_structural():
    def f(x):
        return np.sqrt(x[0]) * x[1] + x[1] ** 2

    program = mmad.compile(lambda x: pushed(f, (x,), (np.array([0.0, 1.0]),)))
    for x in (np.array([0.0, 3.0]), np.array([4.0, 3.0])):
        np.testing.assert_allclose(program(x), np.sqrt(x[0]) + 2 * x[1])


def chained(x):
    """A sum over neighbours, number by number."""
    total = 0.0
    for i in range(len(x) - 1):
        r = x[i + 1] - x[i] * x[i]
        total = total + r * r
    return total


def test_elements_that_a_direction_leaves_alone_are_not_swept():
    def length(direction):
        x = np.linspace(0.1, 1.0, 200)
        return len(record(lambda x: pushed(mmad.grad(chained), (x,), (direction,)), x, live=True))

    none = length(np.zeros(200))
    one, full = length(np.eye(200)[3]) - none, length(np.ones(200)) - none
    assert 0 < one < 100
    assert full > 1000


def test_sparse_hessian_of_a_loop_over_numbers():
    H = mmad.compile(mmad.hessian(chained, sparse=True))
    for x in np.random.default_rng(0).normal(size=(3, 150)):
        np.testing.assert_allclose(H(x).toarray(), mmad.jacfwd(mmad.grad(chained))(x), rtol=1e-13, atol=1e-14)
    assert H.stats()["records"] == 1
