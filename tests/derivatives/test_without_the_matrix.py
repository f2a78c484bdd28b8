"""Diagonals, traces and products of derivative matrices, auxiliary data, and `compile` as a decorator."""

import numpy as np
import pytest

import mmad


def f(x):
    return (np.sin(x[1:]) * x[:-1] ** 2).sum()


def dense(x):
    return (np.exp(x * 0.1).sum()) ** 2 + (x**3).sum()


@pytest.mark.parametrize("n", [1, 3, 70, 130])
@pytest.mark.parametrize("g", [f, dense])
def test_diagonals_and_laplacians_are_those_of_the_hessian(g, n):
    x = np.random.default_rng(n).normal(size=n)
    H = mmad.jacfwd(mmad.grad(g))(x)
    np.testing.assert_allclose(mmad.hessian_diagonal(g)(x), np.diag(H), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(mmad.laplacian(g)(x), np.trace(H), rtol=1e-10)
    np.testing.assert_allclose(mmad.divergence(mmad.grad(g))(x), np.trace(H), rtol=1e-10)


def test_they_are_differentiated_and_compiled():
    x = np.array([0.5, -1.0, 2.0])
    g = mmad.laplacian(lambda x: (x**4).sum())
    np.testing.assert_allclose(mmad.grad(g)(x), 24 * x, rtol=1e-12)
    np.testing.assert_allclose(mmad.jvp(g, (x,), (np.ones(3),))[1], 24 * x.sum(), rtol=1e-12)
    c = mmad.compile(g)
    np.testing.assert_allclose([c(x), c(x + 1)], [g(x), g(x + 1)], rtol=1e-12)
    np.testing.assert_allclose(mmad.vmap(g)(np.stack([x, x + 1])), [g(x), g(x + 1)], rtol=1e-12)


def test_trees_numbers_and_further_arguments():
    d = mmad.hessian_diagonal(lambda p, k: k * (p["w"] ** 3).sum() * p["b"] ** 2)
    p = {"w": np.array([[1.0, 2.0]]), "b": 3.0}
    for k in (2.0, 5.0):
        found = d(p, k)
        np.testing.assert_allclose(found["w"], 6 * k * 9 * p["w"])
        assert found["b"] == pytest.approx(2 * k * 9.0)
    assert mmad.hessian_diagonal(lambda x: x**4)(2.0) == pytest.approx(48.0)


def test_a_closed_over_value_is_read_again():
    held = [1.0]
    d, x = mmad.hessian_diagonal(lambda x: held[0] * (x**2).sum()), np.ones(100)
    assert d(x)[0] == 2.0
    held[0] = 3.0
    assert d(x)[0] == 6.0


def test_curl():
    x = np.array([0.3, 0.5, -0.2])
    field = lambda x: np.array([x[1] * x[2], x[0] ** 2, np.sin(x[1])])
    np.testing.assert_allclose(mmad.curl(field)(x), [np.cos(x[1]), x[1], 2 * x[0] - x[2]])
    assert mmad.curl(lambda x: np.array([-x[1], x[0]]))(x[:2]) == 2.0
    np.testing.assert_allclose(mmad.divergence(mmad.curl(field))(x), 0.0, atol=1e-15)
    with pytest.raises(ValueError, match="3 components"):
        mmad.curl(lambda x: x[:2])(x)
    with pytest.raises(ValueError, match="1 components at a point of 3"):
        mmad.divergence(lambda x: x.sum())(x)


@pytest.mark.parametrize("transform", [lambda g: g, mmad.compile], ids=["eager", "compiled"])
def test_gauss_newton_products(transform):
    rng = np.random.default_rng(0)
    A, x, v = rng.normal(size=(5, 3)), rng.normal(size=3), rng.normal(size=3)
    model = lambda x: np.tanh(A @ x)
    J = mmad.jacrev(model)(x)
    np.testing.assert_allclose(transform(mmad.gauss_newton_product(model))(x, v), J.T @ (J @ v), rtol=1e-12)
    loss = lambda y: (y**4).sum()
    H = np.diag(12 * model(x) ** 2)
    np.testing.assert_allclose(transform(mmad.gauss_newton_product(model, loss))(x, v), J.T @ (H @ (J @ v)), rtol=1e-12)
    np.testing.assert_allclose(mmad.vhp(f)(x, v), mmad.hvp(f)(x, v))


def test_auxiliary_data_of_every_operator():
    g = lambda x: ((x**3).sum(), {"x": x * 2.0, "name": "a"})
    x, v = np.array([1.0, 2.0]), np.array([1.0, 0.5])
    y, y_dot, aux = mmad.jvp(g, (x,), (v,), has_aux=True)
    assert (y, y_dot, aux["name"]) == (9.0, 9.0, "a")
    np.testing.assert_array_equal(aux["x"], 2 * x)
    y, push, aux = mmad.linearize(g, x, has_aux=True)
    assert (y, push(v)) == (9.0, 9.0)
    np.testing.assert_array_equal(aux["x"], 2 * x)
    for operator, expected in ((mmad.jacobian, 3 * x**2), (mmad.hessian, np.diag(6 * x))):
        found, aux = operator(g, has_aux=True)(x)
        np.testing.assert_allclose(found, expected)
        np.testing.assert_array_equal(aux["x"], 2 * x)
        with pytest.raises(TypeError, match="must return"):
            operator(f, has_aux=True)(x)
    with pytest.raises(TypeError, match="must return"):
        mmad.jvp(f, (x,), (v,), has_aux=True)


def test_compile_is_a_decorator_with_options():
    @mmad.compile(memory="10MB", check=True)
    def double(x):
        return 2.0 * x

    assert [double(float(k)) for k in range(4)] == [0.0, 2.0, 4.0, 6.0]
    assert double.stats()["records"] == 1
