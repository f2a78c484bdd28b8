"""Reverse sweeps recorded under `compile`: those that nothing sweeps again, and those inside other derivatives."""

import numpy as np
import pytest

import mmad


def chain(x):
    y = np.tanh(x[:3] * x[1:4]) / (1.0 + np.exp(-x[1:4]))
    return np.sum(y * np.log(1.0 + x[2:5] ** 2)) - np.sum(np.concatenate((y, x)) ** 2)


def complex_step(f, x, h=1e-30):
    """Gradient of an analytic function, without an AD tool."""
    return np.array([f(x + 1j * h * e).imag / h for e in np.eye(len(x))])


X = np.array([0.3, -0.7, 1.1, 0.4, -0.2])


def test_gradient():
    assert mmad.compile(mmad.grad(chain))(X) == pytest.approx(complex_step(chain, X), rel=1e-13, abs=1e-14)


def test_gradient_and_eager_are_equal_bit_by_bit():
    g = mmad.compile(mmad.grad(chain))
    first, again = g(X), g(X)
    np.testing.assert_array_equal(first, again)
    assert first == pytest.approx(mmad.grad(chain)(X), rel=1e-14, abs=1e-15)


def test_gradient_of_a_norm_of_a_gradient():
    # The inner sweep is recorded inside another derivative, which sweeps it.
    def outer(x):
        return np.sum(mmad.grad(chain)(x) ** 2)

    got = mmad.compile(mmad.grad(outer))(X)
    assert got == pytest.approx(2 * mmad.hvp(chain)(X, mmad.grad(chain)(X)), rel=1e-12)


def test_two_gradients_of_one_call():
    def both(x):
        g = mmad.grad(chain)(x)
        return g, mmad.grad(lambda y: np.sum(y * g) * chain(y))(x)

    first, second = mmad.compile(both)(X)
    g = mmad.grad(chain)(X)
    assert first == pytest.approx(g, rel=1e-13)
    assert second == pytest.approx(g * chain(X) + np.sum(X * g) * g, rel=1e-12)


def test_a_pullback_used_twice():
    def twice(x):
        _, pull = mmad.vjp(lambda y: np.sin(y) * y[::-1], x)
        return pull(np.ones(5))[0], pull(x * x)[0]

    for got, want in zip(mmad.compile(twice)(X), twice(X), strict=True):
        assert got == pytest.approx(want, rel=1e-13)


def test_rules_that_record_inside_the_sweep():
    @mmad.custom_jvp
    def cube(x):
        return x**3

    cube.defjvp(lambda primals, tangents: (cube(primals[0]), 3.0 * primals[0] ** 2 * tangents[0]))

    def f(x):
        return np.sum(mmad.checkpoint(lambda y: np.tanh(cube(y)) * y)(x) * np.cumsum(x))

    assert mmad.compile(mmad.grad(f))(X) == pytest.approx(
        complex_step(lambda x: np.sum(np.tanh(x**3) * x * np.cumsum(x)), X), rel=1e-13, abs=1e-14
    )


def test_second_derivatives():
    v = np.array([1.0, -2.0, 0.5, 0.0, 3.0])
    assert mmad.compile(mmad.hvp(chain))(X, v) == pytest.approx(mmad.hessian(chain)(X) @ v, rel=1e-12)
    assert mmad.compile(mmad.hessian(chain))(X) == pytest.approx(mmad.hessian(chain)(X), rel=1e-12, abs=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numbers_among_arrays(dtype):
    def f(x, s):
        return np.sum((x - np.log(np.sum(np.exp(x)) + s)) * s / (2.0 - x))

    x = X.astype(dtype)
    got = mmad.compile(mmad.grad(f, argnums=(0, 1)))(x, 0.7)
    want = mmad.grad(f, argnums=(0, 1))(x, 0.7)
    assert got[0].dtype == dtype
    assert got[0] == pytest.approx(want[0], rel=1e-5 if dtype == np.float32 else 1e-13)
    assert got[1] == pytest.approx(want[1], rel=1e-5 if dtype == np.float32 else 1e-13)
