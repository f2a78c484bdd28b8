"""Fractions, decimals, numbers of mpmath and with uncertainties, against closed forms in their own arithmetic."""

import decimal
import fractions
import math

import mpmath
import numpy as np
import pytest

import mmad

Fraction, Decimal = fractions.Fraction, decimal.Decimal
POINTS = [Fraction(1, 3), Decimal("0.3"), mpmath.mpf(1) / 3]


def quadratic(x):
    return x**2 + 3 * x + 1


def rational(x):
    """(x - 2) / (x^2 + 1), with the derivative (1 + 4 x - x^2) / (x^2 + 1)^2."""
    y = x * x
    return (x - 2) / (1 + y)


def rational_slope(x):
    return (1 + 4 * x - x * x) / (x * x + 1) ** 2


@pytest.mark.parametrize("x", POINTS, ids=lambda x: type(x).__name__)
def test_every_operator(x):
    slope = 2 * x + 3
    two = type(x)(2)
    for found, exact in [
        (mmad.grad(quadratic)(x), slope),
        (mmad.value_and_grad(quadratic)(x), (quadratic(x), slope)),
        (mmad.jvp(quadratic, (x,), (2,)), (quadratic(x), 2 * slope)),
        (mmad.vjp(quadratic, x)[1](2), (2 * slope,)),
        (mmad.derivative(quadratic)(x), slope),
        (mmad.derivative(quadratic, 2)(x), two),
        (mmad.hvp(quadratic)(x, 3), 3 * two),
        (mmad.value_grad_hvp(quadratic)(x, x), (quadratic(x), slope, 2 * x)),
        (mmad.hessian(quadratic)(x), two),
        (mmad.jacobian(quadratic)(x), slope),
        (mmad.grad(mmad.grad(quadratic))(x), two),
        (mmad.grad(lambda x: mmad.jvp(quadratic, (x,), (x,))[1])(x), 4 * x + 3),
    ]:
        assert found == exact
        for v, w in zip(np.atleast_1d(np.array(found, object)), np.atleast_1d(np.array(exact, object)), strict=True):
            assert type(v) is type(w) is type(x)


def test_exact():
    assert mmad.grad(quadratic)(Fraction(1, 3)) == Fraction(11, 3)
    x = Fraction(2, 7)
    for derive in (mmad.grad, mmad.derivative, mmad.jacobian):
        assert derive(rational)(x) == rational_slope(x)
        assert derive(lambda x: x / 3 - 2 / x + 5 % x + x % 2 + abs(-x))(x) == Fraction(1, 3) + 2 / x**2 - 17 + 1 + 1
        assert derive(lambda x: x**-3 + x**1 + x**0)(x) == -3 * x**-4 + 1
    assert mmad.derivative(lambda x: x**7, 7)(x) == math.factorial(7)


def test_branches_and_loops():
    def f(x):
        y = x
        for _ in range(3):
            y = y * x if y < 1 else y / 2
        return max(y, x)

    x = Fraction(3, 2)
    assert mmad.grad(f)(x) == mmad.derivative(f)(x) == 1  # x wins
    x = Fraction(1, 2)
    assert mmad.grad(f)(x) == 1
    assert mmad.grad(lambda x: x if int(x) == 0 and round(x, 1) else 2 * x)(x) == 1


def test_several_arguments_and_trees():
    a, b = Fraction(1, 2), Fraction(3, 5)
    assert mmad.grad(lambda a, b: a * b * b, (0, 1))(a, b) == (b * b, 2 * a * b)
    assert mmad.grad(lambda t: t["a"] * sum(t["b"]))({"a": a, "b": [b, b, None][:2]}) == {"a": 2 * b, "b": [a, a]}
    assert mmad.hessian(lambda t: t[0] * t[1] ** 2)([a, b]) == [[0, 2 * b], [2 * b, 2 * a]]
    assert mmad.jacobian(lambda t: (t[0] * t[1], t[1]))([a, b]) == ([b, a], [0, 1])
    assert mmad.grad(lambda x, n: x**n)(a, 3) == 3 * a**2
    assert mmad.grad(lambda x: x * mmad.stop_gradient(x))(a) == a
    assert mmad.grad(lambda x: Fraction(3))(a) == 0
    assert mmad.grad(lambda x: (x * x, x), has_aux=True)(a) == (2 * a, a)


FUNCTIONS = {
    "sqrt": mpmath.sqrt, "cbrt": mpmath.cbrt, "exp": mpmath.exp, "expm1": mpmath.expm1, "log": mpmath.log,
    "log1p": mpmath.log1p, "log10": mpmath.log10, "sin": mpmath.sin, "cos": mpmath.cos, "tan": mpmath.tan,
    "arcsin": mpmath.asin, "arccos": mpmath.acos, "arctan": mpmath.atan, "sinh": mpmath.sinh, "cosh": mpmath.cosh,
    "tanh": mpmath.tanh, "arcsinh": mpmath.asinh, "arctanh": mpmath.atanh, "arccosh": mpmath.acosh,
}  # fmt: skip


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_in_fifty_digits(name):
    with mpmath.workdps(50):
        x = mpmath.mpf("1.3" if name == "arccosh" else "0.37")
        f, exact = getattr(np, name), FUNCTIONS[name]
        first, second = (mpmath.diff(exact, x, n, h=mpmath.mpf(10) ** -12) for n in (1, 2))
        for found in (mmad.grad(f)(x), mmad.derivative(f)(x)):
            assert mpmath.almosteq(found, first, mpmath.mpf(10) ** -20)
        for found in (mmad.hvp(f)(x, 1), mmad.derivative(f, 2)(x), mmad.hessian(f)(x)):
            assert mpmath.almosteq(found, second, mpmath.mpf(10) ** -10)
        assert f is not exact
        assert mmad.value_and_grad(f)(x)[0] == exact(x)


def test_two_operands_and_variable_powers():
    with mpmath.workdps(40):
        x, y = mpmath.mpf("0.7"), mpmath.mpf("1.9")
        r2 = x * x + y * y
        tiny = mpmath.mpf(10) ** -36
        for f, exact in [
            (np.arctan2, (y / r2, -x / r2)),
            (np.hypot, (x / mpmath.sqrt(r2), y / mpmath.sqrt(r2))),
            (lambda x, y: x**y, (y * x ** (y - 1), x**y * mpmath.log(x))),
            (lambda x, y: 2**x * y, (2**x * y * mpmath.log(2), 2**x)),
        ]:
            found = mmad.grad(f, (0, 1))(x, y)
            assert all(mpmath.almosteq(v, w, tiny) for v, w in zip(found, exact, strict=True))


def test_decimals():
    with decimal.localcontext() as context:
        context.prec = 40
        x = Decimal("1.7")
        tiny = Decimal("1e-38")
        assert abs(mmad.grad(lambda x: x.ln() * x.exp())(x) - (x.exp() / x + x.ln() * x.exp())) < tiny * 100
        assert abs(mmad.derivative(np.sqrt)(x) - 1 / (2 * x.sqrt())) < tiny
        assert abs(mmad.grad(np.log10)(x) - 1 / (x * Decimal(10).ln())) < tiny


def test_complex_numbers_of_mpmath():
    z = mpmath.mpc(1, 2)
    assert mmad.jvp(lambda z: z**2, (z,), (1,))[1] == 2 * z
    assert mmad.grad(lambda z: (z * z.conjugate()).real)(z) == 2 * z  # df/dx + i df/dy
    assert mmad.grad(lambda z: (z * z).imag)(z) == mpmath.mpc(4, 2)
    assert mpmath.almosteq(mmad.grad(abs)(z), z / abs(z))
    x = mpmath.mpf(2)
    assert mmad.grad(lambda x: (x * mpmath.mpc(1, 3)).imag)(x) == 3


def test_rules_of_the_users_own():
    zeta = mmad.primitive(mpmath.zeta, jvp=lambda tangents, y, s: tangents[0] * slope(s))
    slope = mmad.primitive(lambda s: mpmath.zeta(s, 1, 1), jvp=lambda tangents, y, s: tangents[0] * curvature(s))
    curvature = mmad.primitive(lambda s: mpmath.zeta(s, 1, 2), jvp=lambda tangents, y, s: tangents[0] * 0)
    s = mpmath.mpf(3)
    assert mpmath.almosteq(mmad.grad(lambda s: zeta(2 * s))(s), 2 * mpmath.zeta(6, 1, 1))
    assert mpmath.almosteq(mmad.hessian(zeta)(s), mpmath.zeta(3, 1, 2))


def test_uncertainties():
    uncertainties = pytest.importorskip("uncertainties")
    umath = pytest.importorskip("uncertainties.umath")
    x = uncertainties.ufloat(1 / 3, 0.01)
    for found in (mmad.grad(quadratic)(x), mmad.derivative(quadratic)(x), mmad.jacobian(quadratic)(x)):
        assert found.nominal_value == pytest.approx(11 / 3, rel=1e-15)
        assert found.std_dev == pytest.approx(0.02, rel=1e-12)
        assert (found - 2 * x - 3).std_dev == pytest.approx(0, abs=1e-15)  # correlated with x
    found = mmad.grad(lambda x: np.sin(x) * np.exp(x))(x)
    exact = umath.exp(x) * (umath.sin(x) + umath.cos(x))
    assert found.nominal_value == pytest.approx(exact.nominal_value, rel=1e-14)
    assert found.std_dev == pytest.approx(exact.std_dev, rel=1e-12)


def test_errors():
    x = Fraction(1, 3)
    with pytest.raises(mmad.UnsupportedError, match=r"np\.sin has no value in the numbers of type Fraction"):
        mmad.grad(np.sin)(x)
    with pytest.raises(mmad.UnsupportedError, match=r"np\.floor of traced numbers of type Fraction"):
        mmad.grad(np.floor)(x)
    with pytest.raises(TypeError, match=r"float\(\) of a traced Fraction would lose its derivative"):
        mmad.grad(math.sin)(x)
    with pytest.raises(TypeError, match="a function of mpmath of a traced mpf would lose"):
        mmad.grad(mpmath.sin)(mpmath.mpf(1))
    with pytest.raises(TypeError, match=r"\.numerator of a traced Fraction"):
        mmad.grad(lambda x: x.numerator)(x)
    with pytest.raises(TypeError, match="must return one real number"):
        mmad.grad(lambda x: (x, x))(x)
    with pytest.raises(TypeError, match="an array beside numbers"):
        mmad.grad(lambda t: t[0] * t[1].sum())([x, np.ones(2)])
    for derive in (lambda: mmad.taylor(quadratic, x, x, 2), lambda: mmad.record(quadratic, x)):
        with pytest.raises(TypeError, match=r"of type Fraction.*eagerly; pass a float"):
            derive()
    assert mmad.grad(lambda x: x * mmad.concrete(x))(x) == x
