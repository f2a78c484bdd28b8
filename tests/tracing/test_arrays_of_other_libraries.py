"""Arguments that are arrays of other libraries: they become NumPy's, and so do derivatives."""

import numpy as np
import pytest

import mmad


class OnlyDLPack:
    """An array that hands its memory over, and nothing else."""

    def __init__(self, values):
        self._memory = np.array(values, dtype=float)

    def __dlpack__(self, **options):
        return self._memory.__dlpack__(**options)

    def __dlpack_device__(self):
        return self._memory.__dlpack_device__()


class OnlyArray:
    """An array that NumPy converts, as those of files are."""

    def __init__(self, values):
        self._read = lambda: np.array(values, dtype=float)

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._read(), dtype)


def of_jax(values):
    return pytest.importorskip("jax.numpy").asarray(values)


def of_torch(values):
    return pytest.importorskip("torch").tensor(values, dtype=pytest.importorskip("torch").float64)


@pytest.fixture(params=[OnlyDLPack, OnlyArray, of_jax, of_torch])
def other(request):
    return request.param


def f(x):
    return (np.sin(x) * x).sum()


X, V = np.array([0.5, 1.5, -2.0]), np.array([1.0, 0.25, -0.5])


def test_derivatives_are_those_of_the_same_numpy_array(other):
    x, v = other(X), other(V)
    exact = X.astype(np.asarray(x).dtype) if hasattr(x, "__array__") else X
    for got, want in (
        (mmad.grad(f)(x), mmad.grad(f)(exact)),
        (mmad.jvp(np.sin, (x,), (v,))[1], mmad.jvp(np.sin, (exact,), (V.astype(exact.dtype),))[1]),
        (mmad.hvp(f)(x, v), mmad.hvp(f)(exact, V.astype(exact.dtype))),
        (mmad.hessian(f)(x), mmad.hessian(f)(exact)),
        (mmad.jacobian(np.sin)(x), mmad.jacobian(np.sin)(exact)),
        (mmad.grad(lambda p: f(p["w"]) * p["b"])({"w": x, "b": 2.0})["w"], 2.0 * mmad.grad(f)(exact)),
        (mmad.vmap(np.sin)(x), np.sin(exact)),
    ):
        assert type(got) is np.ndarray
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got, want, rtol=1e-12 if want.dtype == float else 1e-6)


def test_a_compiled_function_takes_new_ones(other):
    compiled = mmad.compile(mmad.grad(f))
    for scale in (1.0, 2.0, -0.5, 3.0):
        want = mmad.grad(f)(scale * X)
        np.testing.assert_allclose(compiled(other(scale * X)), want, rtol=1e-5)
        np.testing.assert_allclose(compiled(scale * X), want, rtol=1e-14)


def test_the_argument_is_not_written_to():
    x = OnlyDLPack(X)

    def g(x):
        x *= 2.0
        return (x**2).sum()

    np.testing.assert_array_equal(mmad.grad(g)(x), 8 * X)
    np.testing.assert_array_equal(x._memory, X)


def test_a_class_with_numbers_of_its_own_is_a_tree_still():
    class Model:
        def __init__(self, w):
            self.w = w

        def __array__(self, dtype=None, copy=None):
            return np.asarray(self.w, dtype)

    g = mmad.grad(lambda m: (m.w**2).sum())(Model(X))
    assert isinstance(g, Model)
    np.testing.assert_array_equal(g.w, 2 * X)
