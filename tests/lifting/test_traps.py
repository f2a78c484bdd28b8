"""What would lose a derivative in lifted code without a word, and is an error instead."""

import fractions
import math
import struct

import numpy as np
import pytest

import mmad
from mmad.errors import UnsupportedError


def from_float(x):
    """What mpmath does with a float: digits by frexp and int, and NaN where anything fails."""
    if not isinstance(x, float):
        raise TypeError
    try:
        m, e = math.frexp(x)
        m = int(m * 2**53)
    except:  # noqa: E722
        return float("nan")
    return math.ldexp(float(m), e - 53)


def swallowed(x):
    try:
        return struct.unpack("d", struct.pack("d", x))[0]
    except Exception:
        return 1.0


OPERATORS = [mmad.grad, lambda f: lambda x: mmad.jvp(f, (x,), (1.0,)), lambda f: lambda x: mmad.vjp(f, x)]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize(
    "f",
    [
        from_float,
        swallowed,
        lambda x: int(x * 2.0**60) / 2.0**60,
        lambda x: float(fractions.Fraction(x)),
        lambda x: float.fromhex(float.hex(x)),
        lambda x: float("%.9f" % x),  # noqa: UP031
        lambda x: struct.unpack("d", struct.pack("d", x))[0],
        lambda x: math.gcd(x, 2),
    ],
)
def test_no_derivative_is_lost_silently(f, operator):
    with pytest.raises((TypeError, AttributeError, struct.error)):
        operator(mmad.lift(f))(1.375)


def test_the_digits_of_mpmath():
    with pytest.raises(TypeError, match="swallowed"):
        mmad.grad(mmad.lift(from_float))(1.375)
    assert mmad.lift(from_float)(1.375) == 1.375


def bisected(p):
    low, high = 0.0, p + 1.0
    while high - low > 1e-12:
        middle = (low + high) / 2
        if middle**3 > p:
            high = middle
        else:
            low = middle
    return middle


def halved(p, steps=50):
    a, b = 0.0, p + 1.0
    for _ in range(steps):
        c = a + 0.5 * (b - a)
        if p - c * c * c < 0:
            b = c
        elif c > -1:
            a = c
    return 0.5 * (a + b)


def stepped(p):
    x, step = 1.5, 1.0
    while step > 1e-13:
        step /= 2
        value = x**3
        if value > p:
            x -= step
        else:
            x = x + step
    return x


def stepped_by_sign(p):
    """Kepler's equation, where p is the mean anomaly: a search that divides its steps."""
    x, d = math.pi / 2, math.pi / 4
    for _ in range(40):
        s = math.copysign(1.0, p - (x - 0.1 * math.sin(x)))
        x += d * s
        d = 0.5 * d
    return x


def stepped_by_condition(p):
    x, d = 1.5, 1.0
    for _ in range(40):
        d *= 0.5
        x += d if x * x * x < p else -d
    return x


def stepped_by_numpy(p):
    x, d = 1.5, 1.0
    for _ in range(40):
        d *= 0.5
        x -= np.sign(x**3 - p) * d
    return x


def weighted(p):
    """No searches, with weights that are divided: signs of what does not depend on the sum, steps of an integrator."""
    total, w, t, h = 0.0, 1.0, 0.0, 0.1
    for k in range(6):
        z = math.sin(k * p)
        w /= 2
        total += np.sign(z) * w * z + (w if z > 0.2 else -w) * p
        if z > 0.1:
            total += w * z
        else:
            total -= w * z
    while t < 1.0:
        if h * math.exp(total) < 0.05:
            t, total = t + h, total - h * total
        else:
            h /= 2
    return total


def newton(p):
    low, high, x = 0.0, p + 1.0, 1.0
    for _ in range(60):
        if x**3 > p:
            high = x
        else:
            low = x
        x = x - (x**3 - p) / (3 * x * x)
        if not low <= x <= high:
            x = (low + high) / 2
    return x


def maximum(p):
    best, other = 0.0, 0.0
    for k in range(3):
        value = math.sin(k * p)
        if value > best:
            best = value
        else:
            other = value
    return best + 2 * other


@pytest.mark.parametrize("f", [bisected, halved, stepped, stepped_by_sign, stepped_by_condition, stepped_by_numpy])
def test_bisection_is_an_error(f):
    lifted = mmad.lift(f)
    assert lifted(2.0) == f(2.0)
    for operator in (mmad.grad, lambda f: lambda x: mmad.jvp(f, (x,), (1.0,))):
        with pytest.raises(UnsupportedError, match=r"test_traps.py:\d+: this loop is a search by bisection"):
            operator(lifted)(2.0)


def test_the_remedy_for_bisection():
    def root(p):
        x = bisected(mmad.concrete(p))
        return x - (x**3 - p) / (3 * x**2)

    outer = lambda p: 2.0 * bisected(p)
    lifted = mmad.lift(outer, replace={bisected: root})
    np.testing.assert_allclose(mmad.grad(lifted)(2.0), 2.0 / 3.0 * 2.0 ** (-2 / 3), rtol=1e-10)


@pytest.mark.parametrize("f", [newton, maximum, weighted])
def test_other_loops_are_none(f):
    h = 1e-5
    np.testing.assert_allclose(mmad.grad(mmad.lift(f))(2.0), (f(2.0 + h) - f(2.0 - h)) / (2 * h), rtol=1e-6)


def test_an_error_names_compiled_code():
    def f(x):
        return math.sin(x) + struct.pack("d", x)[0]

    with pytest.raises((TypeError, struct.error)) as caught:
        mmad.grad(mmad.lift(f))(1.0)
    notes = "".join(getattr(caught.value, "__notes__", ()))
    assert "mmad.lift: struct.pack in " in notes
    assert "replace=" in notes


def test_a_plain_array_that_others_have_is_not_filled():
    shared = np.zeros(2)

    def f(x):
        a = np.asarray(shared)
        a[0] = x
        return a.sum()

    with pytest.raises((TypeError, ValueError)):
        mmad.grad(mmad.lift(f))(1.0)
    assert shared[0] == 0.0


def test_round_to_digits_is_an_error():
    f = lambda x: round(3 * x, 2) + round(x)
    assert mmad.lift(f)(1.234) == f(1.234)
    with pytest.raises(TypeError, match=r"replace=.round"):
        mmad.grad(mmad.lift(f))(1.234)
    shown = mmad.lift(f, replace={round: lambda x, ndigits=None: x})
    assert mmad.grad(shown)(1.234) == 4.0


def test_operators_of_float_by_name():
    table = {"mul": float.__mul__, "rsub": float.__rsub__, "pow": float.__pow__}

    def f(x):
        return table["mul"](x, 3.0) + table["rsub"](x, 1.0) + table["pow"](2.0, x)

    np.testing.assert_allclose(mmad.grad(mmad.lift(f))(1.5), 2.0 + math.log(2) * 2**1.5, rtol=1e-14)


@pytest.mark.parametrize("name", ["round", "around"])
def test_rounding_arrays_to_digits_is_an_error(name):
    original = getattr(np, name)
    f = lambda x: getattr(np, name)([3 * x, 1.0], 2).sum() + original(x) + original(1.27, decimals=1)
    assert mmad.lift(f)(1.234) == f(1.234)
    with pytest.raises(TypeError, match=rf"replace=.np.{name}"):
        mmad.grad(mmad.lift(f))(1.234)
    shown = mmad.lift(f, replace={original: lambda x, decimals=0: np.asarray(x)})
    assert mmad.grad(shown)(1.234) == 4.0
    assert mmad.grad(mmad.lift(lambda x: x * original(x)))(1.234) == 1.0
