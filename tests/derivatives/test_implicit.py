"""Roots, fixed points, minima and linear systems by the equations that they solve."""

import functools
import math

import numpy as np
import pytest

import mmad
from mmad import implicit

ORDERS = {
    "reverse": lambda f, x: (mmad.grad(f)(x), mmad.grad(mmad.grad(f))(x)),
    "forward": lambda f, x: (
        mmad.jvp(f, (x,), (1.0,))[1],
        mmad.jvp(lambda t: mmad.jvp(f, (t,), (1.0,))[1], (x,), (1.0,))[1],
    ),
    "compiled": lambda f, x: (
        [g := mmad.compile(mmad.grad(f)), g(x * 1.1), g(x)][-1],
        [h := mmad.compile(mmad.hvp(f)), h(x * 1.1, 1.0), h(x, 1.0)][-1],
    ),
    "mapped": lambda f, x: (
        mmad.vmap(mmad.grad(f))(np.array([x, 2.0 * x]))[0],
        mmad.vmap(mmad.grad(mmad.grad(f)))(np.array([x, 2.0 * x]))[0],
    ),
    "reverse over forward": lambda f, x: (
        mmad.grad(f)(x),
        mmad.grad(lambda t: mmad.jvp(f, (t,), (1.0,))[1])(x),
    ),
}


class Model:
    """An object that holds a parameter."""

    def __init__(self, p):
        self.p = p

    def residual(self, x):
        return x * x - self.p


def residual_of(x, p):
    return x * x - p


def solver_of(residual):
    """Bisection on plain numbers."""

    def solve(*args):
        low, high = 0.0, 100.0
        for _ in range(120):
            middle = (low + high) / 2.0
            low, high = (low, middle) if residual(middle, *args) > 0 else (middle, high)
        return high

    return solve


SQUARE_ROOTS = {
    "argument": lambda p: implicit.root(residual_of, math.sqrt, p),
    "closure": lambda p: implicit.root(lambda x: x * x - p, lambda: math.sqrt(p)),
    "default": lambda p: implicit.root(lambda x, q=p: x * x - q, lambda q=p: math.sqrt(q)),
    "partial": lambda p: implicit.root(
        functools.partial(residual_of, p=p), solver_of(functools.partial(residual_of, p=p))
    ),
    "method": lambda p: implicit.root(Model(p).residual, solver_of(Model(p).residual)),
    "nested function": lambda p: implicit.root(
        (lambda g: lambda x: g(x) - p)(lambda x: x * x), solver_of((lambda g: lambda x: g(x) - p)(lambda x: x * x))
    ),
    "container": lambda p: implicit.root(lambda x, d: x * x - d["p"][0], lambda d: math.sqrt(d["p"][0]), {"p": [p, 1]}),
    "fixed point": lambda p: implicit.fixed_point(lambda x, p: (x + p / x) / 2.0, math.sqrt, p),
    "minimum": lambda p: implicit.minimum(lambda x, p: x**3 / 3.0 - p * x, math.sqrt, p),
}


@pytest.mark.parametrize("way", ORDERS)
@pytest.mark.parametrize("name", SQUARE_ROOTS)
def test_square_root(name, way):
    first, second = ORDERS[way](SQUARE_ROOTS[name], 4.0)
    np.testing.assert_allclose([first, second], [0.25, -1 / 32], rtol=1e-12)


def test_a_solver_outside_of_a_derivative_is_called_as_it_is():
    assert implicit.root(residual_of, math.sqrt, 9.0) == 3.0


def test_trees_of_parameters_and_solutions():
    A = np.array([[3.0, 1.0], [0.5, 2.0]])

    def solution(p):
        return {"u": np.linalg.solve(A * p["s"], p["b"]), "v": (p["s"] ** 2, p["b"].sum())}

    def by_equation(p):
        return implicit.root(
            lambda x, p: {"u": A @ x["u"] * p["s"] - p["b"], "v": (x["v"][0] - p["s"] ** 2, x["v"][1] - p["b"].sum())},
            solution,
            p,
        )

    def loss(f):
        return lambda p: (f(p)["u"] ** 3).sum() + f(p)["v"][0] * f(p)["v"][1]

    p = {"s": 2.0, "b": np.array([1.0, -0.4])}
    d = {"s": 0.3, "b": np.array([0.2, 0.7])}
    for operator in (lambda f: mmad.grad(f)(p), lambda f: mmad.hvp(f)(p, d), lambda f: mmad.jvp(f, (p,), (d,))):
        got, want = operator(loss(by_equation)), operator(loss(solution))
        for a, b in zip(np.hstack(_flat(got)), np.hstack(_flat(want)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11)


def _flat(x):
    return [x["s"], x["b"]] if isinstance(x, dict) else list(x)


@pytest.mark.parametrize("count", [4, 301])
@pytest.mark.parametrize("symmetric", [True, False])
def test_linear_systems_dense_and_by_products(count, symmetric):
    b = np.cos(np.arange(count))

    def matrix(p):
        upper = np.diag(np.ones(count - 1), 1)
        return p * np.eye(count) * 4.0 + upper * (1.0 if symmetric else p) + upper.T

    def product(p):
        up = 1.0 if symmetric else p
        return lambda x: 4.0 * p * x + np.concatenate([up * x[1:], [0.0]]) + np.concatenate([[0.0], x[:-1]])

    def f(p):
        return (implicit.linear_solve(product(p), b * p, symmetric=symmetric) ** 2).sum()

    x = np.linalg.solve(matrix(1.3), b * 1.3)
    slope = np.linalg.solve(matrix(1.3), b - (matrix(2.3) - matrix(1.3)) @ x)
    bend = np.linalg.solve(matrix(1.3), -2.0 * (matrix(2.3) - matrix(1.3)) @ slope)
    np.testing.assert_allclose(mmad.grad(f)(1.3), 2 * x @ slope, rtol=1e-9)
    np.testing.assert_allclose(mmad.jvp(f, (1.3,), (1.0,))[1], 2 * x @ slope, rtol=1e-9)
    np.testing.assert_allclose(mmad.hvp(f)(1.3, 1.0), 2 * slope @ slope + 2 * x @ bend, rtol=1e-8)


def test_a_complex_system():
    f = lambda z: implicit.linear_solve(lambda x: z * x, 1.0 + 0.0j)
    np.testing.assert_allclose(mmad.jvp(f, (2 + 1j,), (1.0 + 0j,))[1], -1 / (2 + 1j) ** 2)


def test_a_double_root_has_no_derivative():
    with pytest.raises(np.linalg.LinAlgError):
        mmad.grad(lambda p: implicit.root(lambda x, p: (x - p) ** 2, float, p))(2.0)


def test_a_solver_of_linear_systems_of_the_users_own():
    calls = []

    def solver(matvec, b):
        calls.append(1)
        return b / matvec(np.ones(1))

    f = lambda p: implicit.root(residual_of, math.sqrt, p, linear_solver=solver)
    np.testing.assert_allclose([mmad.grad(f)(4.0), len(calls)], [0.25, 1])
