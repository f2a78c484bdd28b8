"""Defects of recorded derivatives that running the suite compiled has brought up."""

import numpy as np
import pytest

import mmad
from mmad.compiler import PASSES


@pytest.mark.parametrize("operator", [mmad.jacrev, mmad.jacobian], ids=["jacrev", "jacobian"])
def test_a_recorded_batch_of_cotangents_reaches_every_window(operator):
    """Plain lanes that had been accumulated lost what was added to a view of them later."""

    def f(x):
        return np.fmax.accumulate(x, axis=1)

    x = np.array([[0.3, -1.0, 2.0], [1.0, 3.0, 0.5]])
    want = mmad.jacfwd(f)(x)
    np.testing.assert_array_equal(operator(f)(x), want)
    np.testing.assert_array_equal(mmad.record(operator(f), x)(x), want)
    for passes in (PASSES, ()):
        np.testing.assert_array_equal(mmad.compile(operator(f), passes=passes)(x), want)


def test_second_derivatives_through_written_lanes():
    def f(x):
        y = x * x
        y[1:] += y[:-1] * x[1:]
        return y

    x = np.array([0.5, -1.5, 2.0])
    want = mmad.jacfwd(mmad.jacfwd(f))(x)
    np.testing.assert_allclose(mmad.jacrev(mmad.jacrev(f))(x), want, rtol=1e-15)
    np.testing.assert_allclose(mmad.jacfwd(mmad.jacrev(f))(x), want, rtol=1e-15)
    np.testing.assert_allclose(mmad.compile(mmad.jacrev(mmad.jacrev(f)))(x), want, rtol=1e-15)


def test_single_precision_elements_times_double_ones():
    """The cotangent of a number from a 0-d float32 one ran out of stack."""

    def f(x, u):
        y = x * 1.0
        np.multiply.at(y, [0, 0, 2], u)
        return (y * np.array([1.0, 2.0, 3.0])).sum()

    x, u = np.array([1.0, 2.0, 3.0], np.float32), np.array([0.5, 3.0, 2.0], np.float32)
    want = mmad.grad(f, argnums=(0, 1))(x.astype(float), u.astype(float))
    for g in (mmad.grad(f, argnums=(0, 1)), mmad.compile(mmad.grad(f, argnums=(0, 1)))):
        for got, w, arg in zip(g(x, u), want, (x, u), strict=True):
            assert got.dtype == arg.dtype
            np.testing.assert_allclose(got, w, rtol=1e-6)


def test_a_number_looked_at_may_come_out_with_another_rounding():
    def f(x):
        y = np.hypot.reduce(x)
        return y * mmad.concrete(y)

    for k in range(40):
        x = np.linspace(0.1, 1.0 + 0.1 * k, 7)
        np.testing.assert_allclose(mmad.compile(mmad.grad(f))(x), mmad.grad(f)(x), rtol=1e-14)


def test_functions_without_a_module_are_compiled():
    names = {}
    exec("def f(x):\n    return x * x", names)
    names["f"].__module__ = None
    assert mmad.compile(names["f"])(3.0) == 9.0
