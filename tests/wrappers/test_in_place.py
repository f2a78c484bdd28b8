"""Operators in place: what has another name, or is a view, changes with the array; a number is bound anew."""

import numpy as np
import pytest

import mmad

OPERATORS = ["+=", "-=", "*=", "/=", "**=", "//=", "%=", "@="]
X = np.array([[1.3, 2.2, 3.1], [0.4, 0.5, 0.6], [0.7, 0.8, 0.9]])
WEIGHTS = np.arange(1.0, 10.0).reshape(3, 3)


def changing(operator, name):
    """A function that changes an array in place, and reads it by its other name or through a view."""
    body = compile(f"y {operator} c", "<in place>", "exec")

    def f(x):
        y = x * 1.0
        names = {"y": y, "c": np.diag([2.0, 3.0, 4.0]) if operator == "@=" else 2.0}
        other = y[...] if name == "view" else y
        exec(body, names)
        return np.sum(other**2 * WEIGHTS)

    return f


def by_differences(f, x, v, h=1e-6):
    return (f(x + h * v) - f(x - h * v)) / (2 * h)


@pytest.mark.parametrize("name", ["name", "view"])
@pytest.mark.parametrize("operator", OPERATORS)
def test_another_name_changes_too(operator, name):
    f, v = changing(operator, name), np.cos(X)
    want = by_differences(f, X, v)
    assert mmad.jvp(f, (X,), (v,))[0] == pytest.approx(f(X))
    assert mmad.jvp(f, (X,), (v,))[1] == pytest.approx(want, rel=1e-7, abs=1e-7)
    assert np.sum(mmad.grad(f)(X) * v) == pytest.approx(want, rel=1e-7, abs=1e-7)
    assert np.sum(mmad.compile(mmad.grad(f))(X) * v) == pytest.approx(want, rel=1e-7, abs=1e-7)
    assert mmad.vmap(f)(np.stack([X, 2 * X])) == pytest.approx([f(X), f(2 * X)])
    assert mmad.compile(mmad.vmap(f))(np.stack([X, 2 * X])) == pytest.approx([f(X), f(2 * X)])
    second = mmad.hvp(f)(X, v)
    assert second == pytest.approx(by_differences(mmad.grad(f), X, v), rel=1e-6, abs=1e-6)
    assert mmad.taylor(f, X, v, order=2)[1] == pytest.approx(want, rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("operator", ["&=", "|=", "^="])
def test_masks(operator):
    body = compile(f"m {operator} c", "<in place>", "exec")

    def f(x):
        m = x > 0.65
        other = m[...]
        exec(body, {"m": m, "c": x < 2.0})
        return np.sum(np.where(other, x, 0.0) ** 2)

    want = by_differences(f, X, WEIGHTS)
    assert mmad.jvp(f, (X,), (WEIGHTS,))[1] == pytest.approx(want, rel=1e-6)
    assert np.sum(mmad.grad(f)(X) * WEIGHTS) == pytest.approx(want, rel=1e-6)
    assert np.sum(mmad.compile(mmad.grad(f))(X) * WEIGHTS) == pytest.approx(want, rel=1e-6)
    again = mmad.compile(mmad.grad(f))
    again(X)
    assert np.sum(again(2 * X) * WEIGHTS) == pytest.approx(by_differences(f, 2 * X, WEIGHTS), rel=1e-6)
    assert mmad.vmap(f)(np.stack([X, 2 * X])) == pytest.approx([f(X), f(2 * X)])


@pytest.mark.parametrize("operator", [o for o in OPERATORS if o != "@="])
def test_numbers_are_bound_anew(operator):
    body = compile(f"s {operator} 1.5", "<in place>", "exec")

    def f(x):
        s = x[0] * x[1]
        names = {"s": s}
        exec(body, names)
        return s**2 + names["s"] ** 2

    x, v = X[0], np.array([0.3, -0.2, 0.5])
    want = by_differences(f, x, v)
    assert mmad.jvp(f, (x,), (v,))[1] == pytest.approx(want, rel=1e-7, abs=1e-7)
    assert mmad.grad(f)(x) @ v == pytest.approx(want, rel=1e-7, abs=1e-7)
    assert mmad.compile(mmad.grad(f))(x) @ v == pytest.approx(want, rel=1e-7, abs=1e-7)
    assert mmad.vmap(f)(X) == pytest.approx([f(row) for row in X])
    assert mmad.taylor(f, x, v, order=2)[1] == pytest.approx(want, rel=1e-7, abs=1e-7)


def test_what_numpy_refuses():
    def grows(x):
        y = x[0] * 1.0
        y += x
        return np.sum(y)

    def loses(x):
        y = np.round(x).astype(int)
        y += x
        return np.sum(y)

    for f, error in ((grows, ValueError), (loses, TypeError)):
        with pytest.raises(error):
            f(X)
        for call in (lambda g: mmad.grad(g)(X), lambda g: mmad.jvp(g, (X,), (X,)), lambda g: mmad.vmap(g)(X[None])):
            with pytest.raises(error):
                call(f)
