"""Operators of functions with complex arguments, or complex results of real arguments."""

import numpy as np
import pytest

import mmad

X = np.array([0.3, -1.2, 0.8])
Z = np.array([1.0 + 2.0j, 0.5 - 1.0j])


def waves(x):
    return np.exp(1j * x) * x[0] + (1.0 + 2.0j) * x[::-1] ** 2


def real_and_imaginary(f, x):
    return mmad.jacfwd(lambda x: f(x).real)(x) + 1j * mmad.jacfwd(lambda x: f(x).imag)(x)


JACOBIANS = {
    "jacobian": mmad.jacobian,
    "jacfwd": mmad.jacfwd,
    "jacrev": mmad.jacrev,
    "evaluations": lambda f: mmad.jacobian(f, evaluations=1000),
    "reverse": lambda f: mmad.jacobian(f, strategy="reverse"),
    "compile": lambda f: mmad.compile(mmad.jacobian(f)),
    "compile jacrev": lambda f: mmad.compile(mmad.jacrev(f)),
}


@pytest.mark.parametrize("kind", JACOBIANS)
@pytest.mark.parametrize("f", [waves, lambda x: waves(x)[:2], lambda x: waves(x).sum(), lambda x: waves(x)[None, 1:]])
def test_jacobian_of_complex_results(kind, f):
    want = real_and_imaginary(f, X)
    J = JACOBIANS[kind](f)
    for _ in range(2):
        got = J(X)
        assert got.dtype == complex
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("kind", JACOBIANS)
def test_larger_jacobian_of_complex_results(kind):
    x = np.linspace(-1.0, 1.0, 80)
    np.testing.assert_allclose(JACOBIANS[kind](waves)(x), real_and_imaginary(waves, x), rtol=1e-13, atol=1e-14)


def test_jacobian_of_a_complex_number_and_of_trees():
    assert mmad.jacobian(lambda t: np.exp(1j * t))(0.5) == pytest.approx(1j * np.exp(0.5j))
    J = mmad.jacobian(lambda p: {"z": p[0] * 1j, "r": p[0] * p[1]})((X, 2.0))
    np.testing.assert_array_equal(J["z"][0], 1j * np.eye(3))
    np.testing.assert_array_equal(J["z"][1], np.zeros(3))
    np.testing.assert_array_equal(J["r"][1], X)
    assert J["r"][0].dtype == float
    single = mmad.jacobian(lambda x: x * np.complex64(1j))(X.astype(np.float32))
    assert single.dtype == np.complex64


def test_derivatives_of_such_jacobians():
    def f(x):
        J = mmad.jacobian(waves)(x)
        return (J.real**2 + J.imag).sum()

    g, h = mmad.grad(f)(X), 1e-6
    e = np.eye(3) * h
    np.testing.assert_allclose(g, [(f(X + d) - f(X - d)) / (2 * h) for d in e], rtol=1e-7)


def test_what_is_not_there_is_refused():
    for make in (
        lambda: mmad.jacobian(waves, sparse=True)(X),
        lambda: mmad.jacobian(waves, factored=True)(X),
        lambda: mmad.jacobian(waves).plan(X),
        lambda: mmad.jacobian(lambda z: z * z)(Z),
        lambda: mmad.grad(lambda x: waves(x).sum())(X),
    ):
        with pytest.raises(TypeError, match="complex"):
            make()


def energy(z):
    return (abs(z) ** 4).sum() + (z[0] * np.conj(z[1])).imag


OPTIONS = [{"evaluations": 1}, {"evaluations": 1000}, {"mode": "eager"}, {"mode": "compiled"}, {"strategy": "reverse"}]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_gradients_by_complex_arguments(options):
    g, both = mmad.grad(energy, **options), mmad.value_and_grad(energy, **options)
    for k in range(5):
        z = Z * (1.0 + 0.1j * k)
        want = mmad.grad(energy)(z)
        np.testing.assert_allclose(g(z), want, rtol=1e-14)
        value, gradient = both(z)
        assert value == pytest.approx(energy(z), rel=1e-14)
        np.testing.assert_allclose(gradient, want, rtol=1e-14)


def test_gradients_by_complex_arguments_with_real_ones_beside():
    def f(x, z):
        return (x * abs(z) ** 2).sum()

    x, z = np.array([1.0, 2.0]), Z
    for got, want in zip(mmad.grad(f, (0, 1), evaluations=100)(x, z), mmad.grad(f, (0, 1))(x, z), strict=True):
        np.testing.assert_allclose(got, want)
    np.testing.assert_allclose(mmad.grad(f, evaluations=100)(x, z), abs(z) ** 2)
    g, aux = mmad.grad(lambda z: (energy(z), z.sum()), has_aux=True, evaluations=100)(Z)
    np.testing.assert_allclose(g, mmad.grad(energy)(Z))
    assert aux == Z.sum()


def test_derivative_at_every_element():
    x = np.array([[0.3, -1.2, 0.8], [20.0, 0.0, 1.0]])
    np.testing.assert_allclose(mmad.derivative(np.tanh)(x), 1 / np.cosh(x) ** 2, rtol=1e-14)
    np.testing.assert_allclose(mmad.derivative(np.tanh, 2)(x), -2 * np.tanh(x) / np.cosh(x) ** 2, rtol=1e-13)
    np.testing.assert_array_equal(mmad.derivative(np.square, 0)(x), x * x)
    np.testing.assert_allclose(mmad.derivative(lambda t: {"a": t**3, "b": (t, t * t)})(x)["b"][1], 2 * x)
    rows = mmad.derivative(lambda t: np.array([1.0, 3.0]) * t**2)(x)
    np.testing.assert_allclose(rows, 2 * x[..., None] * np.array([1.0, 3.0]))
    np.testing.assert_allclose(mmad.derivative(lambda t: t * t if t > 0 else -t)(x), np.where(x > 0, 2 * x, -1.0))
    np.testing.assert_allclose(mmad.derivative(lambda t, a: a * t**2, 1)(x, 3.0), 6 * x)
    assert mmad.derivative(np.sin)(x.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(mmad.grad(lambda x: mmad.derivative(np.sin)(x).sum())(x[0]), -np.sin(x[0]))
    np.testing.assert_allclose(mmad.compile(mmad.derivative(np.sin))(x), np.cos(x), rtol=1e-15)
