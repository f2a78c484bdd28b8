"""`mmad.minimize`: SciPy's optimisers on trees, with derivatives, bounds and constraints."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy import optimize

import mmad


def rosen(x):
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


METHODS = (
    "BFGS", "CG", "L-BFGS-B", "TNC", "SLSQP", "Newton-CG", "trust-ncg", "trust-krylov", "trust-exact", "dogleg",
    "trust-constr", "Nelder-Mead", "Powell", "COBYLA",
)  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
def test_every_method(method):
    res = mmad.minimize(lambda x: ((x - 1.0) ** 4 + (x - 1.0) ** 2).sum(), np.array([2.0, 0.5]), method=method)
    assert res.success
    np.testing.assert_allclose(res.x, 1.0, atol=1e-3)


@pytest.mark.parametrize("method", [None, "L-BFGS-B", "trust-ncg"])
def test_scipy_finds_the_same_with_derivatives_by_hand(method):
    x0 = np.full(6, -1.2)
    hand = {"jac": optimize.rosen_der, "hessp": optimize.rosen_hess_prod if method == "trust-ncg" else None}
    expected = optimize.minimize(optimize.rosen, x0, method=method, **hand)
    found = mmad.minimize(rosen, x0, method=method)
    assert abs(found.nfev - expected.nfev) <= 3  # roundings
    np.testing.assert_allclose(found.x, expected.x, atol=1e-4)


class Model(NamedTuple):
    weights: np.ndarray
    bias: float


def test_trees_come_back_in_their_structure():
    def loss(p):
        model, z = p["model"], p["z"]
        return ((model.weights - 2.0) ** 2).sum() + (model.bias + 1.0) ** 2 + abs(z - (1 + 2j)) ** 2

    start = {"model": Model(np.zeros((2, 3), np.float32), 0), "z": 0j, "name": "a"}
    seen = []
    res = mmad.minimize(loss, start, method="BFGS", callback=seen.append)
    assert isinstance(res.x["model"], Model)
    assert res.x["name"] == "a"
    assert res.x["model"].weights.shape == (2, 3)
    np.testing.assert_allclose(res.x["model"].weights, 2.0, atol=1e-5)
    np.testing.assert_allclose([res.x["model"].bias, res.x["z"].real, res.x["z"].imag], [-1.0, 1.0, 2.0], atol=1e-5)
    assert isinstance(seen[-1]["model"], Model)


def test_matrices_numbers_and_lists_are_starting_points():
    target = np.arange(6.0).reshape(2, 3)
    np.testing.assert_allclose(
        mmad.minimize(lambda x: ((x - target) ** 2).sum(), np.zeros((2, 3))).x, target, atol=1e-5
    )
    number = mmad.minimize(lambda x: (x - 3.0) ** 2, 0.0).x
    assert isinstance(number, float)
    assert number == pytest.approx(3.0, abs=1e-6)
    listed = mmad.minimize(rosen, [0, 0])
    np.testing.assert_allclose(listed.x, 1.0, atol=1e-4)


def test_callbacks_are_called_as_scipy_calls_them():
    seen = []

    def callback(intermediate_result):
        seen.append((intermediate_result.x["a"], intermediate_result.fun))

    mmad.minimize(lambda p: (p["a"] - 1.0) ** 2, {"a": 0.0}, method="BFGS", callback=callback)
    assert seen[-1][0] == pytest.approx(1.0)


def test_bounds():
    res = mmad.minimize(lambda p: p["a"] + (p["b"] ** 2).sum(), {"a": 1.0, "b": np.ones(2)}, method="L-BFGS-B",
                        bounds=({"a": -2.0, "b": np.array([0.5, -1.0])}, np.inf))  # fmt: skip
    assert res.x["a"] == -2.0
    np.testing.assert_allclose(res.x["b"], [0.5, 0.0], atol=1e-6)
    table = mmad.minimize(lambda x: (x**2).sum(), np.ones((2, 2)), bounds=optimize.Bounds(np.full((2, 2), 0.5), 2.0))
    np.testing.assert_array_equal(table.x, np.full((2, 2), 0.5))
    with pytest.raises(ValueError, match="structure must be that of the starting point"):
        mmad.minimize(lambda p: p["a"], {"a": 1.0}, bounds=({"b": 1.0}, 2.0))


@pytest.mark.parametrize("method", ["SLSQP", "trust-constr"])
@pytest.mark.parametrize(
    "make",
    [
        lambda f: optimize.NonlinearConstraint(f, 1.0, np.inf),
        lambda f: {"type": "ineq", "fun": lambda p: f(p) - 1.0},
        lambda f: [mmad.constraint(f, 1.0)],
    ],
    ids=["scipy", "dict", "mmad"],
)
def test_constraints_of_trees(method, make):
    constraints = make(lambda p: p["a"] * p["b"])
    res = mmad.minimize(
        lambda p: p["a"] ** 2 + p["b"] ** 2, {"a": 2.0, "b": 1.5}, method=method, constraints=constraints
    )
    np.testing.assert_allclose([res.x["a"], res.x["b"]], 1.0, atol=2e-3)


def test_derivatives_of_constraints_that_the_caller_has_are_used():
    called = []

    def jac(x):
        called.append(x)
        return np.array([[x[1], x[0]]])

    c = optimize.NonlinearConstraint(lambda x: x[0] * x[1], 1.0, np.inf, jac=jac)
    mmad.minimize(lambda x: x @ x, np.array([2.0, 1.5]), method="SLSQP", constraints=c)
    assert called


def test_fewer_evaluations_than_differences():
    calls = []

    def counted(x):
        calls.append(1)
        return rosen(x)

    x0 = np.array([-1.2, 1.0])
    res = mmad.minimize(counted, x0, method="BFGS", mode="eager")
    ours, calls[:] = len(calls), []
    optimize.minimize(counted, x0, method="BFGS")
    assert ours == res.nfev
    assert 2 * ours < len(calls)


def test_further_arguments():
    res = mmad.minimize(lambda x, a, b: ((x - a) ** b).sum(), np.zeros(2), (np.array([1.0, 2.0]), 2))
    np.testing.assert_allclose(res.x, [1.0, 2.0], atol=1e-5)


def test_a_traced_starting_point_is_refused():
    with pytest.raises(TypeError, match="implicitly"):
        mmad.grad(lambda a: mmad.minimize(lambda x: (x - 1.0) ** 2, a).x)(2.0)
