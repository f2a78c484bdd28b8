"""Arrays without axes are computed with as numbers, as NumPy does."""

import numpy as np
import pytest

import mmad

PROGRAMS = {
    "a constant of asarray": lambda x: np.sin(x[0] * np.asarray(2.0) + np.asarray(0.5)),
    "integers of asarray": lambda x: x[0] ** np.asarray(3) / (np.asarray(2) + x[1]),
    "a NumPy number": lambda x: np.float64(1.5) * x[0] - x[1] * np.float64(0.5),
    "an array of an element": lambda x: np.exp(np.array(x[0])) * np.asarray(x[1]) ** 2,
    "an array of a sum": lambda x: np.arctan2(np.asarray(x.sum()), 1.25),
    "remainders of an array": lambda x: np.fmod(np.array(x[1]), 0.5) + np.hypot(np.array(x[0]), x[1]),
    "a view": lambda x: np.cos(x[0:1].reshape(())) / x[1:2].reshape(()),
    "an element of an ellipsis": lambda x: np.log(x[1, ...]) * np.hypot(x[0, ...], 2.0),
    "a power": lambda x: np.power(x[0], np.array(2.5)) + np.array(1.5) ** x[1],
    "a choice": lambda x: np.where(np.asarray(x[0]) > 0.1, np.asarray(x[0]) * x[1], np.asarray(x[1])),
}
X = np.array([0.7, 1.3])


@pytest.fixture(params=PROGRAMS.values(), ids=list(PROGRAMS))
def program(request):
    return request.param


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_values_and_derivatives(program, dtype):
    x = X.astype(dtype)
    y, pull = mmad.vjp(program, x)
    want = program(x)
    assert np.asarray(y).dtype == np.asarray(want).dtype
    np.testing.assert_allclose(y, want, rtol=4 * np.finfo(dtype).eps)
    steps = 1e-6 * np.eye(2)
    slopes = [(program(X + d) - program(X - d)) / 2e-6 for d in steps]
    tolerance = 1e-8 if dtype is np.float64 else 1e-5
    (g,) = pull(1.0)
    assert g.dtype == dtype
    np.testing.assert_allclose(g, slopes, rtol=tolerance)
    tangents = [mmad.jvp(program, (x,), (d,))[1] for d in np.eye(2, dtype=dtype)]
    np.testing.assert_allclose(tangents, slopes, rtol=tolerance)
    compiled = mmad.compile(mmad.grad(program))
    for point in (x, x * dtype(1.25)):
        np.testing.assert_allclose(compiled(point), mmad.grad(program)(point), rtol=8 * np.finfo(dtype).eps)


def test_second_derivatives(program):
    v = np.array([0.3, -0.8])
    differences = (mmad.grad(program)(X + 1e-6 * v) - mmad.grad(program)(X - 1e-6 * v)) / 2e-6
    np.testing.assert_allclose(mmad.hvp(program)(X, v), differences, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(mmad.hessian(program)(X) @ v, differences, rtol=1e-7, atol=1e-9)


def test_the_constant_is_that_of_the_call():
    c = np.array(2.0)

    def f(x):
        y = x * c
        c[...] = 5.0
        return y * y

    assert mmad.grad(f)(3.0) == 2 * 3.0 * 2.0**2


def test_they_are_scalar_instructions(program):
    tape = mmad.record(lambda x: program(x), X)
    names = {tape.node(k)[0] for k in range(len(tape)) if not tape.is_array(k)}
    assert names, tape
    operations = [k for k in range(len(tape)) if tape.record_of(k) is not None and not tape.is_array(k)]
    assert all(tape.node(k)[0] in ("sum", "select") for k in operations), [tape.node(k)[0] for k in operations]
