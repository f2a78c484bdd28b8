"""Derivatives that are replaced: straight-through estimators, clipped cotangents."""

import pickle

import numpy as np
import pytest

import mmad

X = np.array([0.4, 1.7, -2.6])
rounded = mmad.straight_through(np.round)


def quadratic(x):
    """x round(x)^2, with the derivative round(x)^2 + 2 x round(x)."""
    return (rounded(x) ** 2 * x).sum()


def slope(x):
    return np.round(x) ** 2 + 2 * x * np.round(x)


@pytest.mark.parametrize(
    ("derive", "exact"),
    [
        (lambda f: f(X), (np.round(X) ** 2 * X).sum()),
        (lambda f: mmad.grad(f)(X), slope(X)),
        (lambda f: mmad.value_and_grad(f)(X)[0], (np.round(X) ** 2 * X).sum()),
        (lambda f: mmad.jvp(f, (X,), (np.ones(3),))[1], slope(X).sum()),
        (lambda f: mmad.hessian(f)(X), np.diag(4 * np.round(X) + 2 * X)),
        (lambda f: mmad.hvp(f)(X, X), (4 * np.round(X) + 2 * X) * X),
        (lambda f: mmad.vmap(mmad.grad(f))(np.stack([X, 2 * X])), [slope(X), slope(2 * X)]),
        (lambda f: mmad.record(f, X).pullback()(X + 1, 1.0)[0], slope(X + 1)),
    ],
)
def test_rounding_in_every_mode(derive, exact):
    np.testing.assert_allclose(derive(quadratic), exact, rtol=1e-14)


def test_the_value_is_exactly_that_of_the_function():
    x = np.array([1e-30, 0.1, 1e16 / 3])
    y = mmad.jvp(mmad.straight_through(np.floor), (x,), (x,))[0]
    np.testing.assert_array_equal(y, np.floor(x))
    np.testing.assert_array_equal(mmad.vjp(mmad.straight_through(np.floor), x)[0], np.floor(x))


def test_compiled():
    g = mmad.compile(mmad.grad(quadratic))
    for x in (X, X + 1, -X):
        np.testing.assert_allclose(g(x), slope(x), rtol=1e-14)
    assert (g.stats()["records"], g.stats()["eager"]) == (1, 0)


def test_surrogate():
    sign = mmad.straight_through(np.sign, lambda x: np.clip(x, -1.0, 1.0))
    np.testing.assert_array_equal(sign(X), np.sign(X))
    np.testing.assert_array_equal(mmad.grad(lambda x: sign(x).sum())(X), [1.0, 0.0, 0.0])
    two = mmad.straight_through(lambda x, y: (np.round(x), y), lambda x, y: (x * y, y))
    assert mmad.grad(lambda x, y: two(x, y)[0], (0, 1))(1.6, 3.0) == (3.0, 1.6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_thresholds_become_floats(dtype):
    step = mmad.straight_through(lambda x: x > 0)
    x = X.astype(dtype)
    for y in (step(x), mmad.vjp(step, x)[0]):
        assert y.dtype == dtype
        np.testing.assert_array_equal(y, [1, 1, 0])
    g = mmad.grad(lambda x: (step(x) * x).sum())(x)
    assert g.dtype == dtype
    np.testing.assert_array_equal(g, x + np.array([1, 1, 0], dtype))
    assert type(step(1.5)) is float
    assert mmad.grad(lambda x: step(x) * x)(1.5) == 2.5


def test_what_straight_through_refuses():
    with pytest.raises(ValueError, match=r"shape \(\).*\(3,\)"):
        mmad.grad(mmad.straight_through(np.sum))(X)
    with pytest.raises(ValueError, match="give a surrogate"):
        mmad.straight_through(lambda x: (x, x))(X)
    with pytest.raises(TypeError, match="takes functions, not float"):
        mmad.straight_through(np.round, 2.0)
    with pytest.raises(TypeError, match="by position"):
        mmad.straight_through(lambda *, x: x)(x=1.0)


def test_pickles():
    again = pickle.loads(pickle.dumps(mmad.straight_through(np.round)))
    assert mmad.grad(again)(1.7) == 1.0


# ------------------------------------------------------------------------------------------------ clipping
def by_value(x):
    return (mmad.clip_gradient(x, -1.0, 2.0) ** 2 * 2).sum()


def by_norm(x):
    return (mmad.clip_gradient(x, norm=1.5) ** 2 * 2).sum()


def clipped(x):
    return np.clip(4 * x, -1.0, 2.0)


def shortened(x):
    return 4 * x * min(1.0, 1.5 / np.linalg.norm(4 * x))


@pytest.mark.parametrize(("f", "exact"), [(by_value, clipped), (by_norm, shortened)])
@pytest.mark.parametrize("scale", [1.0, 0.01, -3.0])
def test_cotangents_are_clipped(f, exact, scale):
    x = scale * X
    np.testing.assert_allclose(mmad.grad(f)(x), exact(x), rtol=1e-14)
    np.testing.assert_allclose(mmad.vmap(mmad.grad(f))(x[None]), [exact(x)], rtol=1e-14)
    assert f(x) == pytest.approx(2 * (x**2).sum())


@pytest.mark.parametrize(("f", "exact"), [(by_value, clipped), (by_norm, shortened)])
def test_clipping_compiled(f, exact):
    g = mmad.compile(mmad.grad(f))
    for x in (X, 0.01 * X, -3 * X):
        np.testing.assert_allclose(g(x), exact(x), rtol=1e-14)
    assert (g.stats()["records"], g.stats()["eager"]) == (1, 0)


def test_forward_mode_does_not_clip():
    for f in (by_value, by_norm):
        assert mmad.jvp(f, (X,), (X,))[1] == pytest.approx(4 * X @ X)


def test_second_order():
    """The derivative of the clipped gradient, as a function of x."""
    np.testing.assert_allclose(mmad.hessian(by_value)(X), np.diag(4.0 * (np.abs(clipped(X) - 4 * X) == 0)), atol=1e-14)
    n = np.linalg.norm(X)
    exact = 1.5 * (np.eye(3) / n - np.outer(X, X) / n**3)
    np.testing.assert_allclose(mmad.hessian(by_norm)(X), exact, rtol=1e-13)


def test_one_norm_for_a_tree():
    x = {"a": np.array([3.0, 0.0]), "b": 4.0, "c": None, "d": np.array([1 + 2j])}

    def f(x):
        x = mmad.clip_gradient(x, norm=0.5)
        return (x["a"] ** 2).sum() / 2 + x["b"] ** 2 / 2 + (np.abs(x["d"]) ** 2).sum() / 2

    factor = 0.5 / np.sqrt(9 + 16 + 5)
    for g in (mmad.grad(f)(x), mmad.compile(mmad.grad(f))(x)):
        np.testing.assert_allclose(g["a"], factor * x["a"], rtol=1e-14)
        np.testing.assert_allclose(g["b"], factor * x["b"], rtol=1e-14)
        np.testing.assert_allclose(g["d"], factor * x["d"], rtol=1e-14)
        assert g["c"] is None


@pytest.mark.parametrize("size", [1e200, 1e-200, 0.0, np.nan])
def test_extreme_cotangents(size):
    g = mmad.grad(lambda x: size * mmad.clip_gradient(x, norm=2.0).sum())(X)
    exact = np.full(3, 2 / np.sqrt(3)) if size > 1 else np.full(3, size)
    np.testing.assert_allclose(g, exact, rtol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1])
def test_clipped_dtypes_and_sizes(dtype, n):
    x = np.full(n, 3.0, dtype)
    for f in (by_value, by_norm):
        g = mmad.grad(f)(x)
        assert (g.dtype, g.shape) == (dtype, (n,))


def test_one_bound():
    assert mmad.grad(lambda x: 5 * mmad.clip_gradient(x, high=2.0))(1.0) == 2.0
    assert mmad.grad(lambda x: -5 * mmad.clip_gradient(x, low=-2.0))(1.0) == -2.0


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({}, TypeError, "either bounds"),
        ({"low": 0.0, "norm": 1.0}, TypeError, "either bounds"),
        ({"low": 2.0, "high": 1.0}, ValueError, "low must not exceed high"),
        ({"norm": 0.0}, ValueError, "norm must be positive"),
        ({"norm": np.nan}, ValueError, "norm must be positive"),
    ],
)
def test_what_clip_gradient_refuses(given, error, message):
    with pytest.raises(error, match=message):
        mmad.clip_gradient(X, **given)


def test_complex_numbers_have_no_bounds():
    with pytest.raises(TypeError, match="complex numbers have no order"):
        mmad.grad(lambda z: np.abs(mmad.clip_gradient(z, -1.0, 1.0)))(1 + 2j)


def test_hooks_are_not_called_by_programs_for_the_value():
    seen = []

    def doubled(bar):
        seen.append(1)
        return 2 * bar

    g = mmad.record(lambda x: mmad.hook(doubled, x * x) * 3, 2.0).pullback().compile()
    before = len(seen)
    assert g(3.0, 1.0) == (36.0,)
    assert len(seen) == before
