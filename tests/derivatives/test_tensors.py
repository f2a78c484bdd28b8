"""Derivative tensors: interpolated Taylor coefficients against nested Jacobians and closed forms."""

import itertools
import math
import re

import numpy as np
import pytest

import mmad
from mmad.derivatives.tensors import _terms, choose_strategy, interpolation


def helmholtz(n):
    """The Helmholtz energy of a mixture, Griewank and Walther's example of a dense Hessian."""
    rng = np.random.default_rng(9)
    b, a = rng.uniform(0.1, 0.5, size=n), rng.uniform(0.1, 1.0, size=(n, n))

    def energy(x):
        volume = b @ x
        attraction = (x @ (a @ x)) / (math.sqrt(8.0) * volume)
        logarithm = np.log((1 + (1 + math.sqrt(2)) * volume) / (1 + (1 - math.sqrt(2)) * volume))
        return np.sum(x * np.log(x / (1 - volume))) - attraction * logarithm

    return energy, rng.uniform(0.5, 1.5, size=n) / n


@pytest.mark.parametrize(("n", "order"), [(4, 1), (4, 2), (4, 3), (4, 4), (7, 2), (7, 3), (10, 2), (10, 3)])
def test_against_nested_jacobians(n, order):
    f, x = helmholtz(n)
    got = mmad.derivative_tensor(f, order, "taylor")(x)
    want = mmad.derivative_tensor(f, order, "nested")(x)
    assert got.shape == (n,) * order
    np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-11 * np.abs(want).max())
    for axes in itertools.permutations(range(order)):
        assert np.array_equal(got, got.transpose(axes))


@pytest.mark.parametrize("order", range(1, 7))
def test_product_of_powers_is_exact(order):
    """The derivatives of x0^3 x1^2 x2 are monomials."""
    x, powers = np.array([2.0, -1.0, 3.0]), (3, 2, 1)
    got = mmad.derivative_tensor(lambda y: y[0] ** 3 * y[1] ** 2 * y[2], order, "taylor")(x)
    for at in itertools.product(range(3), repeat=order):
        taken = [at.count(k) for k in range(3)]
        want = math.prod(
            math.perm(p, t) * v ** (p - t) if t <= p else 0.0 for p, t, v in zip(powers, taken, x, strict=True)
        )
        assert got[at] == pytest.approx(want, abs=1e-9)


def test_results_and_arguments_of_any_shape():
    x = np.array([[0.3, 1.2], [0.7, -0.4]])

    def f(y):
        return np.sin(y @ y)[:, :1] * np.exp(y[0])

    got = mmad.derivative_tensor(f, 2, "taylor")(x)
    assert got.shape == (2, 2, 2, 2, 2, 2)
    np.testing.assert_allclose(got, mmad.jacfwd(mmad.jacfwd(f))(x), rtol=1e-11, atol=1e-12)
    assert mmad.derivative_tensor(np.exp, 4)(0.0) == pytest.approx(1.0)
    assert mmad.derivative_tensor(lambda y: (y * y).sum(), 2, "taylor")(np.zeros(0)).shape == (0, 0)
    assert mmad.derivative_tensor(lambda y: (y**3).sum(), 3)(np.ones(2, np.float32)).dtype == np.float32


def test_nesting_and_compiling():
    f, x = helmholtz(3)
    third = mmad.derivative_tensor(f, 3, "taylor")
    np.testing.assert_allclose(
        mmad.jacfwd(mmad.derivative_tensor(f, 2, "taylor"))(x), third(x), rtol=1e-9, atol=1e-10 * np.abs(third(x)).max()
    )
    weights = np.cos(np.arange(9.0)).reshape(3, 3)
    g = mmad.grad(lambda y: (mmad.derivative_tensor(f, 2, "taylor")(y) * weights).sum())
    np.testing.assert_allclose(g(x), np.einsum("ijk,ij->k", third(x), weights), rtol=1e-9)
    np.testing.assert_allclose(mmad.compile(third)(x), third(x), rtol=1e-9, atol=1e-10 * np.abs(third(x)).max())


@pytest.mark.parametrize(("n", "order"), [(1, 3), (3, 2), (4, 4), (10, 3)])
def test_number_of_directions(n, order):
    directions, weights, places = interpolation(n, order)
    assert directions.shape == (math.comb(n + order - 1, order), n)
    assert (directions.sum(axis=1) == order).all()
    assert places.shape == (n**order,)
    assert weights.shape == (len(directions),) * 2


def test_the_decision():
    assert choose_strategy(4, 3, True).strategy == "taylor"
    assert choose_strategy(100, 2, True).strategy == "nested"
    assert choose_strategy(100, 2, False).strategy == "taylor"
    assert choose_strategy(100, 2, True, "taylor").strategy == "taylor"
    plan = mmad.derivative_tensor(np.sum, 2).plan(np.ones(3))
    assert (plan.directions, plan.sweeps) == (6, 3)
    assert "chosen" in plan.explain()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mmad.derivative_tensor(np.sum, 0), ValueError, "at least 1"),
        (lambda: mmad.derivative_tensor(np.sum, 1.5), TypeError, "order"),
        (lambda: mmad.derivative_tensor(np.sum, 2, "best"), ValueError, "strategy"),
        (lambda: mmad.derivative_tensor(np.sum, 2, "taylor")(np.ones(2, int)), TypeError, "int"),
        (lambda: mmad.derivative_tensor(lambda x: (x, x), 2, "taylor")(np.ones(2)), TypeError, "one number or array"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def exponential(x):
    return np.exp(x.sum())


@pytest.mark.parametrize(
    ("n", "order", "error", "words"),
    [
        (3, 20, MemoryError, r"3\*\*20 entries takes about [0-9.e+]+ GB, of which [0-9.]+ GB"),
        (2, 50, MemoryError, r"2\*\*50 entries"),
        (1, 100, ValueError, "100 axes"),
    ],
)
@pytest.mark.parametrize("strategy", ["auto", "taylor", "nested"])
def test_refused_with_its_price(n, order, strategy, error, words):
    T = mmad.derivative_tensor(exponential, order, strategy)
    for call in (T, T.plan):
        with pytest.raises((MemoryError, ValueError)) as found:
            call(np.full(n, 0.1))
        if strategy == "auto":
            assert found.type is error
            assert re.search(words, str(found.value))


def test_refused_where_it_takes_hours():
    words = r"3\*\*14 entries takes about [0-9.e+]+ evaluations of the function, the limit is 1e\+08"
    with pytest.raises(ValueError, match=words):
        mmad.derivative_tensor(exponential, 14, "nested")(np.ones(3))


def test_refused_where_every_result_has_a_tensor():
    with pytest.raises(MemoryError, match="for each of 1000000 results"):
        mmad.derivative_tensor(lambda x: np.outer(np.ones(1000), x[0] * np.ones(1000)), 6)(np.ones(12))


def test_orders_that_take_a_moment():
    """Weights are integers until the end: exact, and found in milliseconds."""
    np.testing.assert_allclose(mmad.derivative_tensor(exponential, 9)(np.zeros(2)), np.ones((2,) * 9), rtol=1e-9)
    np.testing.assert_allclose(mmad.derivative_tensor(np.exp, 20)(0.0), 1.0, rtol=1e-12)


def test_the_terms_of_the_weights_are_counted():
    n, k = 3, 5
    exponents = {e for p in range(1, n + 1) for e in itertools.product(range(1, k + 1), repeat=p) if sum(e) == k}
    want = sum(math.comb(k + len(e) - 1, len(e) - 1) * math.prod(t + 1 for t in e) for e in exponents)
    assert _terms(n, k) == want
