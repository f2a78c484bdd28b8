"""Derivatives with respect to arguments by name."""

import pickle

import numpy as np
import pickled_functions
import pytest

import mmad

X, W = np.array([0.5, -1.0, 2.0]), np.array([1.0, 0.3, -0.7])


def loss(x, w, *, rate=2.0, shift):
    return (rate**2 * np.sin(x * w) + shift * w).sum()


def slope(f, x):
    """Central differences of a function of one array or number."""
    x = np.asarray(x, float)
    found = [
        (f(x + d.reshape(x.shape)) - f(x - d.reshape(x.shape))) / 2e-6
        for d in 1e-6 * np.eye(x.size).reshape(-1, x.size)
    ]
    return np.reshape(found, x.shape)


def test_by_keyword_by_position_and_by_default():
    want = slope(lambda w: loss(X, w, shift=0.2), W)
    for call in (lambda g: g(X, W, shift=0.2), lambda g: g(X, w=W, shift=0.2), lambda g: g(x=X, w=W, shift=0.2)):
        np.testing.assert_allclose(call(mmad.grad(loss, argnums="w")), want, rtol=1e-7)
    rate = mmad.grad(loss, argnums="rate")
    np.testing.assert_allclose(rate(X, W, shift=0.2), slope(lambda r: loss(X, W, rate=r, shift=0.2), 2.0), rtol=1e-7)
    np.testing.assert_allclose(
        rate(X, W, rate=3.0, shift=0.2), slope(lambda r: loss(X, W, rate=r, shift=0.2), 3.0), rtol=1e-7
    )


def test_names_and_positions_together():
    got = mmad.grad(loss, argnums=("shift", 0))(X, W, shift=0.2)
    assert isinstance(got, tuple)
    np.testing.assert_allclose(got[0], W.sum())
    np.testing.assert_allclose(got[1], mmad.grad(loss)(X, W, shift=0.2))


@pytest.mark.parametrize("operator", [mmad.jacobian, mmad.jacfwd, mmad.jacrev])
def test_jacobians(operator):
    def f(x, w):
        return np.outer(x, w**2)

    np.testing.assert_allclose(operator(f, argnums="w")(X, w=W), operator(f, argnums=1)(X, W))


def test_products_and_hessians():
    v = np.array([0.1, 0.2, -0.4])
    H = mmad.hessian(loss, argnums=1)(X, W, shift=0.2)
    np.testing.assert_allclose(mmad.hessian(loss, argnums="w")(X, w=W, shift=0.2), H)
    for operator in (mmad.hvp, mmad.vhp):
        np.testing.assert_allclose(operator(loss, argnums="w")(X, v, w=W, shift=0.2), H @ v)
        np.testing.assert_allclose(operator(loss, argnums="w")(X, W, v, shift=0.2), H @ v)
    value, gradient, product = mmad.value_grad_hvp(loss, argnums="w")(X, v, w=W, shift=0.2)
    assert value == loss(X, W, shift=0.2)
    np.testing.assert_allclose(gradient, mmad.grad(loss, argnums=1)(X, W, shift=0.2))
    np.testing.assert_allclose(product, H @ v)


def test_plans_auxiliary_data_compiled_and_pickled():
    g = mmad.grad(loss, argnums="w", evaluations=1000)
    want = mmad.grad(loss, argnums=1)(X, W, shift=0.2)
    np.testing.assert_allclose(g(X, w=W, shift=0.2), want)
    assert g.plan(X, w=W, shift=0.2).strategy
    assert mmad.grad(loss, argnums="w").plan(X, w=W, shift=0.2).strategy
    (value, aux), got = mmad.value_and_grad(lambda x, w: (x @ w, "extra"), argnums="w", has_aux=True)(X, w=W)
    assert (value, aux) == (X @ W, "extra")
    np.testing.assert_array_equal(got, X)
    compiled = mmad.compile(mmad.grad(loss, argnums="w"))
    for scale in (1.0, 1.5, 2.0):
        np.testing.assert_allclose(compiled(X, w=scale * W, shift=0.2), mmad.grad(loss, 1)(X, scale * W, shift=0.2))
    again = pickle.loads(pickle.dumps(mmad.grad(pickled_functions.scaled, argnums="factor")))
    np.testing.assert_allclose(again(2.0, factor=3.0), mmad.grad(pickled_functions.scaled, argnums=1)(2.0, 3.0))


def test_errors_name_the_parameter():
    with pytest.raises(TypeError, match="no parameter 'rat'"):
        mmad.grad(loss, argnums="rat")
    with pytest.raises(TypeError, match="'shift' has not been given"):
        mmad.grad(loss, argnums="shift")(X, W)
    with pytest.raises(ValueError, match="twice"):
        mmad.grad(loss, argnums=("w", 1))(X, W, shift=0.2)
    with pytest.raises(ValueError, match="twice"):
        mmad.grad(loss, argnums=("shift", "shift"))(X, W, shift=0.2)
