"""Shapes and dtypes of what creation functions make of traced values are NumPy's."""

import re

import numpy as np
import pytest

import mmad

X = np.array([1.0, 4.0, 2.0])
DTYPES = [np.float16, np.float32, np.float64, np.longdouble]
COMPLEX = [np.complex64, np.complex128, np.clongdouble]
MAKERS = {
    "full_like": lambda x: np.full_like(x, x[1]),
    "full_like dtype": lambda x: np.full_like(x, x[1], dtype=np.float64),
    "full_like shape": lambda x: np.full_like(x, x[1], shape=(2, 2)),
    "full_like of a plain array": lambda x: mmad.numpy.full_like(np.ones(3, np.float32), x[1]),
    "full_like of integers": lambda x: mmad.numpy.full_like(np.ones(3, int), x[1]) * x[0],
    "full_like of a traced array": lambda x: np.full_like(x, 2.0) * x,
    "linspace": lambda x: np.linspace(x[0], x[1], 5),
    "linspace from a float": lambda x: np.linspace(0.0, x[1], 5),
    "linspace dtype": lambda x: np.linspace(x[0], x[1], 5, dtype=np.float32),
    "linspace of arrays": lambda x: np.linspace(x[:2], x[1:], 4),
    "sort_complex": lambda x: np.sort_complex(x),
    "ndmin": lambda x: np.array(x, ndmin=3, like=x),
    "full": lambda x: np.full(2, x[1], like=x),
    "full of an array": lambda x: np.full((2, 3), x, like=x) * x[0],
    "full of numbers": lambda x: np.full((3, 2), [x[0], x[1]], like=x),
    "full dtype": lambda x: np.full(2, x[1], np.float64, like=x),
    "full of integers": lambda x: np.full(2, x[1], int, like=x) * x[0],
    "full of a plain number": lambda x: np.full(2, 3.0, like=x) * x[0],
    "array of a number and an integer": lambda x: np.array([x[0], 1], like=x),
    "array of a number and a truth value": lambda x: np.array([x[0], True], like=x),
    "array of numbers": lambda x: np.array([x[0], x[1]], like=x),
    "array of a number and a complex one": lambda x: np.array([x[0], np.complex64(1j)], like=x),
    "ndmin of a list": lambda x: np.array([x[0], x[1]], ndmin=2, like=x),
}


def check_kind(make, x, rtol):
    """Shape, dtype and value of what a function makes of a traced array are those of what it makes of a plain one."""
    expected, seen = make(x), []

    def f(x):
        y = make(x)
        seen.append((y.shape, y.dtype))
        return abs(y).sum() * 1.0

    for operator in (mmad.grad, lambda f: lambda x: mmad.jvp(f, (x,), (x,)), mmad.compile):
        operator(f)(x)
        assert seen[-1] == (expected.shape, expected.dtype)
    np.testing.assert_allclose(float(mmad.compile(f)(x)), float(abs(expected).sum()), rtol=rtol)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
def test_shape_and_dtype(make, dtype):
    check_kind(make, X.astype(dtype), rtol=1e-3)


@pytest.mark.parametrize("dtype", COMPLEX)
@pytest.mark.parametrize("name", [n for n in MAKERS if not re.search("float|dtype|integers|plain array", n)])
def test_complex(name, dtype):
    check_kind(MAKERS[name], (X * (1 + 1j)).astype(dtype), rtol=1e-5)


def test_integers_and_truth_values_stay_plain():
    def f(x):
        mask = np.array([x[0] > 0, x[1] > 0], like=x)
        where = np.array([np.argmax(x), 0], like=x)
        assert mask.dtype == bool
        assert where.dtype == int
        return (x[mask] ** 2).sum() + (x[where] * 3.0).sum()

    compiled = mmad.compile(mmad.grad(f))
    for x, want in (([1.0, 2.0], [5.0, 7.0]), ([1.0, -2.0], [8.0, 0.0]), ([-1.0, 2.0], [3.0, 7.0])):
        np.testing.assert_array_equal(mmad.grad(f)(np.array(x)), want)
        np.testing.assert_array_equal(compiled(np.array(x)), want)


@pytest.mark.parametrize("make", [np.array, np.asarray, lambda v: np.array(v, ndmin=0)])
def test_a_number_in_an_object_array_of_no_dimensions(make):
    def f(x):
        return x[0] * make(x[1]) + make(x[0]) * x[0] ** 2

    x = np.array([2.0, 3.0])
    np.testing.assert_allclose(mmad.grad(f)(x), [15.0, 2.0])
    np.testing.assert_allclose(mmad.jacfwd(f)(x), [15.0, 2.0])
    np.testing.assert_allclose(mmad.hessian(f)(x), [[12.0, 1.0], [1.0, 0.0]])
    np.testing.assert_allclose(mmad.hvp(f)(x, np.ones(2)), [13.0, 1.0])
    np.testing.assert_allclose(mmad.compile(mmad.grad(f))(x), [15.0, 2.0])
    np.testing.assert_allclose(mmad.vmap(f)(np.stack([x, x])), [14.0, 14.0])


def test_complex_numbers_are_not_put_into_object_arrays():
    z = np.array([1.0 + 1j, 2.0])
    for operator in (mmad.grad, lambda f: lambda z: mmad.jvp(f, (z,), (z,))):
        with pytest.raises(TypeError, match="conjugates"):
            operator(lambda z: abs(np.linalg.norm(np.array([z[0], 1.0]))))(z)
        operator(lambda z: np.linalg.norm(np.array([z[0], 1.0], like=z)))(z)
    value = mmad.jvp(lambda z: np.linalg.norm(np.array([z[0], 1.0], like=z)), (z,), (z,))[0]
    np.testing.assert_allclose(value, np.sqrt(3.0), rtol=1e-15)
