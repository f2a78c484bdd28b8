"""`forward`: forward mode inside of a reverse sweep, against derivatives worked out by hand."""

import copy
import pickle

import numpy as np
import pytest

import mmad

X, V = np.array([4.0, 1.5, 0.5]), np.array([1.0, -2.0, 0.7])


def root(x):
    """The square root, by Newton's method."""
    y = x
    while abs(y * y - x) > 1e-14 * x:
        y = (y + x / y) / 2
    return y


def loss(x):
    return np.sum(x**2) * mmad.forward(root)(x[0])


def gradient(x):
    """2 x s + e_0 |x|^2 / (2 s), with s the square root of x_0."""
    g = 2 * x * np.sqrt(x[0])
    g[0] += x @ x / (2 * np.sqrt(x[0]))
    return g


def hessian(x):
    h = 2 * np.sqrt(x[0]) * np.eye(len(x))
    h[0] += x / np.sqrt(x[0])
    h[:, 0] += x / np.sqrt(x[0])
    h[0, 0] -= x @ x / (4 * x[0] ** 1.5)
    return h


@pytest.mark.parametrize(
    ("derive", "exact"),
    [
        (lambda f: mmad.grad(f)(X), gradient(X)),
        (lambda f: mmad.jvp(f, (X,), (V,))[1], gradient(X) @ V),
        (lambda f: mmad.linearize(f, X)[1](V), gradient(X) @ V),
        (lambda f: mmad.jacrev(f)(X), gradient(X)),
        (lambda f: mmad.jacfwd(f)(X), gradient(X)),
        (lambda f: mmad.hessian(f)(X), hessian(X)),
        (lambda f: mmad.hvp(f)(X, V), hessian(X) @ V),
        (lambda f: mmad.grad(lambda x: mmad.grad(f)(x) @ V)(X), hessian(X) @ V),
        (lambda f: mmad.grad(lambda x: mmad.jvp(f, (x,), (V,))[1])(X), hessian(X) @ V),
        (lambda f: mmad.jacrev(mmad.grad(f))(X), hessian(X)),
        (lambda f: mmad.taylor(f, X, V, 2)[1:], [gradient(X) @ V, V @ hessian(X) @ V / 2]),
        (lambda f: mmad.vmap(mmad.grad(f))(np.stack([X, 2 * X])), [gradient(X), gradient(2 * X)]),
        (lambda f: mmad.record(f, X).pullback()(X, 1.0)[0], gradient(X)),
        (lambda f: mmad.grad(mmad.checkpoint(f))(X), gradient(X)),
        (lambda f: mmad.grad(mmad.forward(f))(X), gradient(X)),
        (lambda f: mmad.hessian(mmad.forward(f))(X), hessian(X)),
    ],
)
def test_every_mode(derive, exact):
    np.testing.assert_allclose(derive(loss), exact, rtol=1e-11)


@pytest.mark.parametrize(("transform", "exact"), [(mmad.grad, gradient), (mmad.hessian, hessian)])
def test_compiled_at_other_points(transform, exact):
    derivative = mmad.compile(transform(loss))
    for x in (X, X + 0.01, 30 * X):  # the last with more of Newton's steps
        np.testing.assert_allclose(derivative(x), exact(x), rtol=1e-11)
    assert derivative.stats()["eager"] == 0


def test_compiled_programs_run_without_python():
    calls = []

    def cube(x):
        calls.append(1)
        return x * x * x

    g = mmad.record(lambda x: mmad.forward(cube)(x) * x, 2.0).pullback().compile()
    before = len(calls)
    assert g(3.0, 1.0) == (4 * 3.0**3,)
    assert len(calls) == before


def test_the_derivative_is_forward():
    """The function meets dual numbers, once, and the tape does not grow with its length."""
    kinds = []

    def chain(x):
        kinds.append(isinstance(x, mmad.Dual))
        for _ in range(100):
            x = np.sin(x)
        return x

    part = mmad.forward(chain)
    mmad.grad(part)(0.3)
    assert kinds == [True]
    kinds.clear()
    mmad.grad(lambda x: part(x).sum())(np.array([0.3, 0.4]))
    assert kinds == [True]


def test_nothing_recorded_inside():
    long = mmad.forward(lambda x: sum(np.sin(k * x) for k in range(100)))
    lengths = []

    def f(x):
        y = long(x)
        lengths.append(y.node - x.node)
        return y

    exact = sum(k * np.cos(0.3 * k) for k in range(100))
    np.testing.assert_allclose(mmad.grad(f)(0.3), exact, rtol=1e-12)
    assert lengths == [1]


def test_blocks_of_directions():
    """More numbers than go together in one run."""
    x, w = np.linspace(0.1, 2.0, 150), np.cos(np.arange(150.0))
    found = mmad.grad(lambda x: mmad.forward(lambda x: np.cumsum(np.log(x)))(x) @ w)(x)
    np.testing.assert_allclose(found, np.cumsum(w[::-1])[::-1] / x, rtol=1e-12)


def test_several_arguments_and_trees():
    def f(a, b, *, scale=2.0, name="text"):
        return {"product": a["m"] @ b * scale, "rest": [b.sum(), None, name]}

    def total(a, b, c):
        y = mmad.forward(f)(a, b, scale=c)
        return y["product"].sum() * y["rest"][0]

    m, b, c = np.arange(6.0).reshape(2, 3), np.array([1.0, 2.0, 3.0]), 1.5
    ga, gb, gc = mmad.grad(total, (0, 1, 2))({"m": m, "n": None}, b, c)
    ones = np.ones(2)
    np.testing.assert_allclose(ga["m"], c * b.sum() * np.outer(ones, b))
    np.testing.assert_allclose(gb, c * b.sum() * m.T @ ones + c * (m @ b).sum())
    np.testing.assert_allclose(gc, (m @ b).sum() * b.sum())


def test_values_that_it_closes_over():
    def f(x):
        return mmad.forward(lambda t: np.sin(t * x[0]) * x[1])(x[1])

    x = np.array([0.3, 0.7])
    s, c = np.sin(x[0] * x[1]), np.cos(x[0] * x[1])
    np.testing.assert_allclose(mmad.grad(f)(x), [x[1] ** 2 * c, s + x[0] * x[1] * c], rtol=1e-14)


def test_complex():
    """f(z) = sum |z|^2 z_k times conj(weights), real part; the gradient is df/dx + i df/dy, by complex differences."""
    z, w = np.array([1 + 2j, 3 - 1j]), np.array([0.5 - 1j, 2.0 + 0.3j])

    def f(z):
        cubes, mean = mmad.forward(lambda z: (np.abs(z) ** 2 * z, z.mean().real))(z)
        return np.real(np.conj(w) * cubes).sum() * mean

    def plain(z):
        return np.real(np.conj(w) * (np.abs(z) ** 2 * z)).sum() * z.mean().real

    h = 1e-6
    unit = np.eye(2)
    exact = [
        (plain(z + h * e) - plain(z - h * e)) / (2 * h) + 1j * (plain(z + 1j * h * e) - plain(z - 1j * h * e)) / (2 * h)
        for e in unit
    ]
    np.testing.assert_allclose(mmad.grad(f)(z), exact, rtol=1e-8)
    np.testing.assert_allclose(mmad.compile(mmad.grad(f))(z), exact, rtol=1e-8)
    number = mmad.grad(lambda z: abs(mmad.forward(lambda z: z * z)(z)))(3 + 4j)  # |z^2| = |z|^2, gradient 2 z
    assert number == pytest.approx(6 + 8j, rel=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 3])
def test_dtypes_and_sizes(dtype, n):
    x = np.linspace(0.5, 1.0, n).astype(dtype)
    g = mmad.grad(lambda x: mmad.forward(np.exp)(x).sum())(x)
    assert (g.dtype, g.shape) == (dtype, (n,))
    np.testing.assert_allclose(g, np.exp(x), rtol=4 * np.finfo(dtype).eps)


def test_elements_that_are_not_used():
    """A zero cotangent wins over an infinite tangent, as in a reverse sweep."""
    f = mmad.forward(np.sqrt)
    x = np.array([0.0, 4.0])
    np.testing.assert_array_equal(mmad.grad(lambda x: f(x)[1])(x), [0.0, 0.25])
    np.testing.assert_array_equal(mmad.compile(mmad.grad(lambda x: f(x)[1]))(x), [0.0, 0.25])
    np.testing.assert_array_equal(mmad.jacobian(f)(x), [[np.inf, 0.0], [0.0, 0.25]])


def test_a_constant_result():
    assert mmad.grad(lambda x: mmad.forward(lambda x: 3.0)(x) * x)(2.0) == 3.0


def test_plain_calls_methods_pickles():
    assert mmad.forward(root)(4.0) == root(4.0)
    assert mmad.jvp(mmad.forward(root), (4.0,), (1.0,)) == pytest.approx((2.0, 0.25))

    class Model:
        @mmad.forward
        def energy(self, x):
            return np.tanh(x)

    assert mmad.grad(lambda x: Model().energy(x))(0.5) == pytest.approx(1 / np.cosh(0.5) ** 2)
    for part in (copy.deepcopy(mmad.forward(root)), pickle.loads(pickle.dumps(mmad.forward(root)))):
        assert mmad.grad(part)(4.0) == pytest.approx(0.25)


def test_what_is_not_a_function():
    with pytest.raises(TypeError, match=r"mmad.forward takes a function, not float"):
        mmad.forward(3.0)
