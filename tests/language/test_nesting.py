"""Derivatives of programs that take derivatives: any mix of modes, any depth."""

import itertools

import numpy as np
import pytest
from helpers import ATOL, check, derivative

import mmad

PAIRS = list(itertools.product(["fwd", "rev"], repeat=2))
TRIPLES = list(itertools.product(["fwd", "rev"], repeat=3))


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_perturbation_confusion(outer, inner):
    def f(x):
        return x * derivative(inner, lambda y: x + y)(1.0)

    assert derivative(outer, f)(1.0) == 1.0


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_inner_derivative_depends_on_the_outer_variable(outer, inner):
    def f(x):
        return x * derivative(inner, lambda y: x * y * y)(3.0)

    assert derivative(outer, f)(4.0) == 48.0  # f = 6 x^2


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_inner_point_is_the_outer_variable(outer, inner):
    def f(x):
        return derivative(inner, lambda y: np.sin(y) * x)(x * x)

    x = 0.7  # f = x cos(x^2)
    want = np.cos(x * x) - 2 * x * x * np.sin(x * x)
    np.testing.assert_allclose(derivative(outer, f)(x), want, rtol=1e-14)


@pytest.mark.parametrize("modes", TRIPLES)
def test_third_derivative(modes):
    f = np.sin
    for name in modes:
        f = derivative(name, f)
    np.testing.assert_allclose(f(0.9), -np.cos(0.9), rtol=1e-14)


@pytest.mark.parametrize("modes", TRIPLES)
def test_three_levels_of_closures(modes):
    a, b, c = modes

    def f(x):
        def g(y):
            def h(z):
                return x**3 * y**2 * z**2 + z * x

            return derivative(c, h)(y) * y

        return derivative(b, g)(x) * x

    # h'(y) y = 2 x^3 y^4 + x y; its y-derivative at x, times x: 8 x^7 + x^2
    np.testing.assert_allclose(derivative(a, f)(1.1), 56 * 1.1**6 + 2 * 1.1, rtol=1e-13)


@pytest.mark.parametrize("name", ["fwd", "rev"])
def test_sixth_derivative_of_a_program_with_branches(name):
    def f(x):
        y = x
        for k in range(3):
            y = y * x if k % 2 == 0 else y * x * x
        return y * 2.0  # 2 x^5

    d = f
    for order, want in enumerate([2.0, 10.0, 40.0, 120.0, 240.0, 240.0, 0.0]):
        np.testing.assert_allclose(d(1.0), want, rtol=1e-12, err_msg=str(order))
        d = derivative(name, d)


def test_alternating_modes_to_order_eight():
    f = np.exp
    for order in range(8):
        f = derivative(("fwd", "rev")[order % 2], f)
    assert f(1.0) == np.exp(1.0)


def test_gradient_inside_the_program_of_every_mode(mode):
    x = np.array([0.7, 1.3, 0.4])

    def f(x):
        g = mmad.grad(lambda y: (y**3).sum() * x[0] + np.sin(y[1] * x[2]))(x * 2.0)
        return (g * x).sum()

    def program(m, x):
        return 12 * x[0] * sum(t**3 for t in x) + x[2] * x[1] * m.cos(2 * x[1] * x[2])

    check(mode, f, x, program)


def test_jvp_hvp_and_hessian_inside_the_program(mode):
    x = np.array([0.7, 1.3, 0.4])

    def f(x):
        cubic = lambda y: (y**3).sum() * x[1]
        value, slope = mmad.jvp(cubic, (x,), (x * x,))
        curved = mmad.hvp(cubic)(x, np.ones(3))
        return value * slope + curved.sum() + np.trace(mmad.hessian(cubic)(x)) * x[2]

    def program(m, x):
        value, slope = sum(t**3 for t in x) * x[1], 3 * sum(t**4 for t in x) * x[1]
        trace = 6 * sum(x) * x[1]
        return value * slope + trace + trace * x[2]

    check(mode, f, x, program, rtol=1e-10)


def test_vjp_and_linearize_inside_the_program(mode):
    x = np.array([0.7, 1.3, 0.4])

    def f(x):
        y, pullback = mmad.vjp(lambda t: np.sin(t) * x[::-1], x)
        (back,) = pullback(x)
        _, push = mmad.linearize(lambda t: t * t * x[0], x)
        return (y * back).sum() + push(x).sum() + push(np.ones(3))[1]

    def program(m, x):
        head = sum(m.sin(t) * s * m.cos(t) * s * t for t, s in zip(x, x[::-1], strict=True))
        return head + 2 * x[0] * sum(t * t for t in x) + 2 * x[0] * x[1]

    check(mode, f, x, program)


def test_newton_step_is_differentiated(mode):
    def f(a):
        x = 1.5
        energy = lambda t: t**4 / 4 - a * t
        for _ in range(8):
            x = x - mmad.grad(energy)(x) / mmad.grad(mmad.grad(energy))(x)
        return x * a

    check(mode, f, 2.3, lambda m, x: m.cbrt(x[0]) * x[0], rtol=1e-9)


@pytest.mark.parametrize("name", ["fwd", "rev"])
def test_mutation_inside_and_outside(name):
    def f(x):
        y = np.zeros_like(x)
        for i in range(3):
            y[i] = x[i] * (y[i - 1] if i else 1.0)

        def g(t):
            z = y * t
            z[0] *= t
            return z.sum()

        y[1] += derivative(name, g)(2.0)
        return (y * x).sum()

    x, v = np.array([0.7, 1.3, 0.4]), np.array([0.3, -0.5, 0.8])

    # y = (a, ab, abc); g(t) = a t^2 + (ab + abc) t; g'(2) = 4a + ab + abc
    def plain(x):
        a, b, c = x
        return a * a + (2 * a * b + 4 * a + a * b * c) * b + a * b * c * c

    want = [plain(x + 1e-30j * e).imag / 1e-30 for e in np.eye(3)]
    np.testing.assert_allclose(mmad.grad(f)(x), want, rtol=1e-13)
    np.testing.assert_allclose(mmad.jvp(f, (x,), (v,))[1], np.dot(want, v), rtol=1e-13)


@pytest.mark.parametrize("name", ["fwd", "rev"])
def test_the_outer_variable_is_constant_for_the_inner_derivative(name):
    def f(x):
        return derivative(name, lambda y: x * x)(x) + derivative(name, lambda y: 3.0)(x) + x

    assert derivative("rev", f)(2.0) == 1.0
    assert derivative("fwd", f)(2.0) == 1.0


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_a_derivative_without_the_outer_variable_is_a_plain_number(outer, inner):
    def f(x):
        slope = derivative(inner, lambda y: y * y * y)(2.0)
        return x * float(slope) * np.sin(float(slope))

    np.testing.assert_allclose(derivative(outer, f)(1.0), 12 * np.sin(12.0), rtol=1e-15)


@pytest.mark.parametrize(("outer", "inner"), PAIRS)
def test_an_outer_array_written_by_the_inner_program(outer, inner):
    def f(x):
        box = [x * 1.0]

        def g(t):
            box[0] = box[0] * x  # the outer value, rebound while the inner derivative runs
            return t * t * box[0]

        return derivative(inner, g)(3.0) * box[0]

    # box = x^2; g' = 6 x^2; f = 6 x^4
    np.testing.assert_allclose(derivative(outer, f)(1.5), 24 * 1.5**3, rtol=1e-14)


def test_stop_gradient_at_one_level_only(first):
    def f(x):
        return x * mmad.stop_gradient(x * x)

    np.testing.assert_allclose(derivative(first, f)(3.0), 9.0, atol=ATOL)
    np.testing.assert_allclose(derivative("rev", derivative(first, f))(3.0), 0.0, atol=ATOL)
