"""Derivatives with respect to trees: containers, objects and their leaves."""

import collections
import dataclasses
import math
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mmad
from tests.support.energy import V, X


class Pair(NamedTuple):
    left: object
    right: object


@dataclasses.dataclass
class Data:
    w: object
    b: object
    name: str = "data"
    size: int = 3


@dataclasses.dataclass(frozen=True)
class Frozen:
    w: object
    b: object


class Plain:
    def __init__(self, w, b):
        self.w, self.b, self.name, self.size = w, b, "plain", 3

    def __call__(self, x):
        return self.w * x + self.b


@mmad.register
class Registered:
    def __init__(self, w, b):
        self.w, self.b = w, b


class Own:
    """Registered with functions of its own."""

    def __init__(self, w, b):
        self.secret = [w, b]


mmad.register(Own, lambda o: (o.secret, None), lambda _, children: Own(*children))

CONTAINERS = {
    "dict": (lambda w, b: {"w": w, "b": b}, lambda t: (t["w"], t["b"])),
    "ordered dict": (lambda w, b: collections.OrderedDict(w=w, b=b), lambda t: (t["w"], t["b"])),
    "list": (lambda w, b: [w, b], tuple),
    "tuple": (lambda w, b: (w, b), tuple),
    "namedtuple": (Pair, tuple),
    "nested": (lambda w, b: {"a": [(w,), None], "c": Pair("text", b)}, lambda t: (t["a"][0][0], t["c"].right)),
    "dataclass": (Data, lambda t: (t.w, t.b)),
    "frozen dataclass": (Frozen, lambda t: (t.w, t.b)),
    "user class": (Plain, lambda t: (t.w, t.b)),
    "registered class": (Registered, lambda t: (t.w, t.b)),
    "own functions": (Own, lambda t: tuple(t.secret)),
    "object in dict": (lambda w, b: {"m": Plain(w, b)}, lambda t: (t["m"].w, t["m"].b)),
}


@pytest.fixture(params=CONTAINERS)
def container(request):
    return CONTAINERS[request.param]


def fit(w, b):
    return (w**3 * b).sum() + b**2


def test_gradient_of_a_tree(container):
    build, read = container
    t = build(X.copy(), 1.5)
    g = mmad.grad(lambda t: fit(*read(t)))(t)
    assert type(g) is type(t)
    w, b = read(g)
    assert_allclose(w, 3 * X**2 * 1.5, rtol=1e-14)
    assert b == pytest.approx((X**3).sum() + 3.0, rel=1e-14)
    assert type(b) is float
    assert_array_equal(read(t)[0], X)


def test_products_of_a_tree(container):
    build, read = container
    t, d = build(X, 1.5), build(V, 0.5)

    def f(t):
        return fit(*read(t))

    w, b = read(mmad.hvp(f)(t, d))
    assert_allclose(w, 6 * X * 1.5 * V + 3 * X**2 * 0.5, rtol=1e-13)
    assert b == pytest.approx((3 * X**2 * V).sum() + 2 * 0.5, rel=1e-13)
    _, dot = mmad.jvp(f, (t,), (d,))
    assert dot == pytest.approx((3 * X**2 * 1.5 * V).sum() + 0.5 * ((X**3).sum() + 3.0), rel=1e-13)
    _, f_jvp = mmad.linearize(f, t)
    assert f_jvp(d) == pytest.approx(dot, rel=1e-14)
    y, pullback = mmad.vjp(lambda t: build(*[2 * v for v in read(t)]), t)
    assert_allclose(read(y)[0], 2 * X, rtol=1e-15)
    assert_allclose(read(pullback(d)[0])[0], 2 * V, rtol=1e-15)


def test_static_leaves_are_carried_along():
    g = mmad.grad(lambda p: (p["x"] ** 2).sum() if p["mode"] == "square" else 0.0)(
        {"x": X, "mode": "square", "no": None}
    )
    assert g["mode"] == "square"
    assert g["no"] is None
    assert_allclose(g["x"], 2 * X, rtol=1e-15)
    g = mmad.grad(lambda d: (d.w**2).sum() * d.size)(Data(X, 1.0))
    assert (g.name, g.size, g.b) == ("data", 3, 0.0)
    assert_allclose(g.w, 6 * X, rtol=1e-15)


@pytest.mark.parametrize("leaf", [3, True, np.int64(3), np.arange(3), np.array([True])])
def test_integer_leaves_are_an_error(leaf):
    with pytest.raises(TypeError, match=r"grad: argument 0.*\['k'\]\[1\].*floating"):
        mmad.grad(lambda p: p["x"])({"x": 1.0, "k": [2.0, leaf]})
    with pytest.raises(TypeError, match="argument 1"):
        mmad.grad(lambda x, y: x, argnums=1)(1.0, leaf)
    with pytest.raises(TypeError, match="floating"):
        mmad.jvp(lambda x: x, (leaf,), (leaf,))
    with pytest.raises(TypeError, match="argument 0"):
        mmad.jacobian(lambda x: x)(leaf)


def test_other_leaves_are_an_error():
    with pytest.raises(TypeError, match=r"type object.*mmad\.register"):
        mmad.grad(lambda x: x)(object())
    with pytest.raises(TypeError, match="function"):
        mmad.grad(lambda p: p[0])([1.0, math.sin])


def test_empty_trees():
    assert mmad.grad(lambda x, p: x, (0, 1))(2.0, {}) == (1.0, {})
    assert mmad.grad(lambda x, p: x, (0, 1))(2.0, [None, "a"]) == (1.0, [None, "a"])


def test_jacobian_of_trees():
    def f(p):
        return {"y": p["a"] * p["b"], "z": (p["b"] ** 2, "text")}

    p = {"a": X, "b": 2.0}
    for jacobian in (mmad.jacobian, mmad.jacfwd, mmad.jacrev):
        j = jacobian(f)(p)
        assert_allclose(j["y"]["a"], 2 * np.eye(3), rtol=1e-15)
        assert_allclose(j["y"]["b"], X, rtol=1e-15)
        assert_array_equal(j["z"][0]["a"], np.zeros(3))
        assert j["z"][0]["b"] == 4.0
        assert j["z"][1] == "text"


def test_hessian_of_trees():
    h = mmad.hessian(lambda p: (p["a"] ** 2).sum() * p["b"])({"a": X, "b": 2.0})
    assert_allclose(h["a"]["a"], 4 * np.eye(3), rtol=1e-14)
    assert_allclose(h["a"]["b"], 2 * X, rtol=1e-14)
    assert_allclose(h["b"]["a"], 2 * X, rtol=1e-14)
    assert h["b"]["b"] == 0.0
