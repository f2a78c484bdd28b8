"""The derivative operators as a caller meets them: arguments, results, types, errors."""

import cmath
import collections
import copy
import dataclasses
import gc
import math
import sys
import threading
import weakref
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mmad

X = np.array([0.3, -0.7, 1.1])
V = np.array([0.5, 0.2, -0.4])


def energy(x):
    return (np.sin(x) * x).sum()


def slope(x):
    return np.cos(x) * x + np.sin(x)


def curvature(x):
    return np.diag(2 * np.cos(x) - np.sin(x) * x)


# -------------------------------------------------------------------------------------------------- argnums
def product(a, b, c=2.0):
    return a * b**2 * c**3


GRADIENT = (3.0**2 * 8, 2.0 * 2 * 3 * 8, 2.0 * 9 * 3 * 4)


@pytest.mark.parametrize(
    ("argnums", "want"),
    [
        (0, GRADIENT[0]),
        (1, GRADIENT[1]),
        (-1, GRADIENT[2]),
        (-3, GRADIENT[0]),
        ((0,), GRADIENT[:1]),
        ((0, 2), (GRADIENT[0], GRADIENT[2])),
        ((2, 0), (GRADIENT[2], GRADIENT[0])),
        ((-1, 1), (GRADIENT[2], GRADIENT[1])),
        ([0, 1], GRADIENT[:2]),
        (np.int64(1), GRADIENT[1]),
    ],
)
def test_argnums(argnums, want):
    got = mmad.grad(product, argnums)(2.0, 3.0, 2.0)
    assert type(got) is type(want)
    assert got == pytest.approx(want, rel=1e-14)
    assert mmad.value_and_grad(product, argnums)(2.0, 3.0, 2.0)[1] == pytest.approx(want, rel=1e-14)
    for jacobian in (mmad.jacobian, mmad.jacfwd, mmad.jacrev):
        assert jacobian(product, argnums)(2.0, 3.0, 2.0) == pytest.approx(want, rel=1e-14)


def test_argnums_of_second_order():
    want = {(0, 0): 0.0, (0, 1): 48.0, (1, 0): 48.0, (1, 1): 32.0}
    h = mmad.hessian(product, (0, 1))(2.0, 3.0)
    assert {(i, j): h[i][j] for i in (0, 1) for j in (0, 1)} == pytest.approx(want)
    assert mmad.hessian(product, 1)(2.0, 3.0) == pytest.approx(32.0)
    assert mmad.hvp(product, 1)(2.0, 3.0, 0.5) == pytest.approx(16.0)
    assert mmad.hvp(product, (0, 1))(2.0, 3.0, (1.0, 0.5)) == pytest.approx((24.0, 64.0))
    assert mmad.value_grad_hvp(product, (1,))(2.0, 3.0, (0.5,)) == (144.0, (96.0,), (16.0,))


@pytest.mark.parametrize("argnums", [3, -4, (0, 3)])
def test_argnums_out_of_range(argnums):
    with pytest.raises(TypeError, match=r"grad of product \(test_api.py:\d+\): argnums=.*3 positional arguments"):
        mmad.grad(product, argnums)(2.0, 3.0, 2.0)


def test_argnums_errors():
    with pytest.raises(TypeError, match="must be an int"):
        mmad.grad(product, "a")(2.0, 3.0)
    with pytest.raises(TypeError, match="must be an int"):
        mmad.grad(product, 1.0)(2.0, 3.0)
    with pytest.raises(ValueError, match="twice"):
        mmad.grad(product, (0, 0))(2.0, 3.0)
    with pytest.raises(ValueError, match="twice"):
        mmad.grad(product, (0, -2))(2.0, 3.0)


def test_keyword_arguments():
    assert mmad.grad(product)(2.0, b=3.0) == pytest.approx(72.0)
    assert mmad.grad(product)(2.0, b=3.0, c=1.0) == pytest.approx(9.0)
    assert mmad.hessian(product)(2.0, b=3.0) == 0.0
    assert mmad.jacobian(product)(2.0, b=3.0) == pytest.approx(72.0)
    with pytest.raises(TypeError, match="positional"):
        mmad.grad(product)(a=2.0, b=3.0)
    with pytest.raises(TypeError, match="unexpected keyword"):
        mmad.grad(product)(2.0, d=3.0)


def test_keyword_arguments_of_products():
    assert mmad.hvp(lambda x, p=2: (x**p).sum())(X, V, p=3) == pytest.approx(6 * X * V)
    assert mmad.value_grad_hvp(lambda x, p=2: (x**p).sum())(X, V, p=3)[1] == pytest.approx(3 * X**2)


# -------------------------------------------------------------------------------------------------- has_aux
def test_has_aux():
    def f(x):
        return (x**2).sum(), {"mean": x.mean(), "n": 3, "s": "text", "x": x}

    g, aux = mmad.grad(f, has_aux=True)(X)
    assert_allclose(g, 2 * X, rtol=1e-15)
    assert aux["mean"] == pytest.approx(X.mean())
    assert isinstance(aux["mean"], float)
    assert type(aux["x"]) is np.ndarray
    assert (aux["n"], aux["s"]) == (3, "text")
    (value, aux), g = mmad.value_and_grad(f, has_aux=True)(X)
    assert value == pytest.approx(X @ X)
    assert_array_equal(aux["x"], X)
    y, pullback, aux = mmad.vjp(f, X, has_aux=True)
    assert y == pytest.approx(X @ X)
    assert_allclose(pullback(2.0)[0], 4 * X, rtol=1e-15)
    assert type(aux["x"]) is np.ndarray


def test_has_aux_nests():
    def outer(x):
        g, aux = mmad.grad(lambda t: (t**3, t**2), has_aux=True)(x)
        return g * aux

    assert mmad.grad(outer)(2.0) == pytest.approx(12 * 2.0**3)


def test_has_aux_errors():
    with pytest.raises(TypeError, match="auxiliary"):
        mmad.grad(lambda x: x, has_aux=True)(1.0)
    with pytest.raises(TypeError, match="one real number"):
        mmad.grad(lambda x: (x, 1))(1.0)


# ---------------------------------------------------------------------------------------------------- trees
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


# ---------------------------------------------------------------------------------------- values and kinds
KINDS = {
    "float": (1.5, float),
    "np.float64": (np.float64(1.5), np.float64),
    "np.float32": (np.float32(1.5), np.float32),
    "0-d": (np.array(1.5), np.ndarray),
    "0-d float32": (np.array(1.5, np.float32), np.ndarray),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_numbers(name):
    x, kind = KINDS[name]
    value, g = mmad.value_and_grad(lambda x: x * x)(x)
    assert type(g) is kind
    assert np.result_type(g) == np.result_type(x)
    assert np.shape(g) == ()
    assert g == 3.0
    assert value == 2.25
    assert np.result_type(value) == np.result_type(x)
    if kind is float:
        assert type(value) is float
    hv = mmad.hvp(lambda x: x * x * x)(x, x)
    assert type(hv) is kind
    assert hv == 6 * 1.5**2
    assert type(mmad.vjp(lambda x: x * x, x)[1](x)[0]) is kind
    h = mmad.hessian(lambda x: x * x * x)(x)
    assert type(h) is kind
    assert h == 9.0


@pytest.mark.parametrize("name", KINDS)
def test_kinds_of_tangents(name):
    x, _ = KINDS[name]
    y, y_dot = mmad.jvp(lambda x: x * x, (x,), (x,))
    assert (y, y_dot) == (2.25, 4.5)
    assert np.result_type(y) == np.result_type(y_dot) == np.result_type(x)
    y, f_jvp = mmad.linearize(lambda x: x * x, x)
    assert f_jvp(x) == 4.5
    assert np.result_type(y) == np.result_type(f_jvp(x)) == np.result_type(x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
def test_dtypes_of_arrays(dtype):
    x = X.astype(dtype)

    def f(x):
        return (abs(x) ** 2).sum()

    for got in (mmad.grad(f)(x), mmad.hvp(f)(x, x), mmad.vjp(np.sin, x)[1](x)[0], mmad.jvp(np.sin, (x,), (x,))[1]):
        assert type(got) is np.ndarray
        assert got.dtype == dtype
        assert got.shape == (3,)


def test_results_are_writeable_and_the_callers_own():
    for f in (lambda x: x.sum(), lambda x: (x * 2).sum(), lambda x: x[0] * 1.0):
        g = mmad.grad(f)(X)
        g += 1
        assert_array_equal(mmad.grad(f)(X), g - 1)
    y, pullback = mmad.vjp(lambda x: x, X)
    ct = V.copy()
    (g,) = pullback(ct)
    g *= 100
    assert_array_equal(ct, V)
    y *= 100
    assert_array_equal(X, [0.3, -0.7, 1.1])
    y, dot = mmad.jvp(lambda x: x, (X,), (ct,))
    dot *= 100
    y *= 100
    assert_array_equal(ct, V)
    assert_array_equal(X, [0.3, -0.7, 1.1])
    _, f_jvp = mmad.linearize(lambda x: x, X)
    dot = f_jvp(ct)
    dot *= 100
    assert_array_equal(ct, V)


def test_values_are_numpys():
    value, _ = mmad.value_and_grad(energy)(X)
    assert value == energy(X)
    y, _ = mmad.vjp(lambda x: np.sin(x) * x, X)
    assert_array_equal(y, np.sin(X) * X)


def test_degenerate_outputs():
    assert mmad.grad(lambda x: 3.0)(1.0) == 0.0
    assert mmad.grad(lambda x: 3)(1.0) == 0.0
    assert_array_equal(mmad.grad(lambda x: 3.0)(X), np.zeros(3))
    assert mmad.value_and_grad(lambda x: x)(2.0) == (2.0, 1.0)
    assert mmad.jvp(lambda x: 3.0, (1.0,), (1.0,)) == (3.0, 0.0)
    assert mmad.hessian(lambda x: 3.0)(1.0) == 0.0
    for jacobian in (mmad.jacfwd, mmad.jacrev):
        assert_array_equal(jacobian(lambda x: x)(X), np.eye(3))
        assert_array_equal(jacobian(lambda x: np.ones(2))(X), np.zeros((2, 3)))
        a, b = jacobian(lambda x: (x, x))(X)
        assert_array_equal(a, np.eye(3))
        assert_array_equal(b, np.eye(3))
        assert jacobian(lambda x: x * 2)(np.zeros(0)).shape == (0, 0)
        assert jacobian(lambda x: x.sum())(np.zeros((0, 3))).shape == (0, 3)
        assert jacobian(lambda x: x[:0])(X).shape == (0, 3)
    _, pullback = mmad.vjp(lambda x: (x, x), X)
    assert_array_equal(pullback((V, V))[0], 2 * V)
    assert mmad.grad(lambda a, b: (a * b).sum(), (0, 1))(X, X)[0] is not X
    ga, gb = mmad.grad(lambda a, b: (a * b).sum(), (0, 1))(X, X)
    assert_array_equal(ga, X)
    assert_array_equal(gb, X)


# -------------------------------------------------------------------------------- recorded once, used often
def test_vjp_called_again():
    _, pullback = mmad.vjp(lambda x, s: np.sin(x) * s, X, 2.0)
    for _ in range(3):
        g, s = pullback(V)
        assert_allclose(g, 2 * np.cos(X) * V, rtol=1e-14)
        assert s == pytest.approx(np.sin(X) @ V)
    assert_allclose(pullback(2 * V)[0], 4 * np.cos(X) * V, rtol=1e-14)


def test_linearize_many_times():
    calls = []

    def f(x):
        calls.append(1)
        y = np.zeros_like(x)
        y[:] = np.exp(x)
        y[0] = x[1] * x[2]
        return y

    j = mmad.jacobian(f)(X)
    calls.clear()
    _, f_jvp = mmad.linearize(f, X)
    for k in range(20):
        assert_allclose(f_jvp(V * k), j @ V * k, rtol=1e-13, atol=1e-15)
    assert len(calls) == 1


def test_the_caller_may_change_x_after_recording():
    x, s = X.copy(), np.array(2.0)
    _, pullback = mmad.vjp(lambda t, s: np.sin(t) * t * s, x, s)
    _, f_jvp = mmad.linearize(lambda t, s: np.sin(t) * t * s, x, s)
    x[:], s[()] = np.nan, np.nan
    assert_allclose(pullback(V)[0], 2 * slope(X) * V, rtol=1e-14)
    assert_allclose(f_jvp(V, np.array(0.0)), 2 * slope(X) * V, rtol=1e-14)


def test_the_callers_arrays_never_change():
    def f(x):
        x *= 2
        x[0] = x[1] * x[2]
        np.sin(x, out=x)
        return x.sum()

    x, v = X.copy(), V.copy()
    mmad.grad(f)(x)
    mmad.jvp(f, (x,), (v,))
    mmad.hvp(f)(x, v)
    mmad.hessian(f)(x)
    mmad.jacfwd(f)(x)
    mmad.jacrev(f)(x)
    mmad.linearize(f, x)[1](v)
    mmad.vjp(f, x)[1](1.0)
    mmad.vmap(f)(x[None])
    assert_array_equal(x, X)
    assert_array_equal(v, V)


def test_a_list_argument_keeps_its_elements():
    p = [X.copy(), {"b": 1.0}]
    before = copy.deepcopy(p)

    def f(p):
        p[1]["b"] = p[1]["b"] * 2
        p.append(3)
        return p[0].sum() * p[1]["b"]

    g = mmad.grad(f)(p)
    assert g[1]["b"] == pytest.approx(2 * X.sum())
    assert len(p) == 2
    assert p[1] == before[1]


# ------------------------------------------------------------------------------------------------- complex
def test_complex_gradients():
    z = 0.3 + 0.7j
    assert mmad.grad(lambda z: abs(z) ** 2)(z) == pytest.approx(2 * z)
    assert type(mmad.grad(lambda z: abs(z) ** 2)(z)) is complex
    assert mmad.grad(lambda z: (z**3).real)(z) == pytest.approx((3 * z**2).conjugate())
    assert mmad.grad(lambda z: np.exp(z).imag)(z) == pytest.approx((-1j * cmath.exp(z)).conjugate())
    _, dot = mmad.jvp(lambda z: z**3, (z,), (1j,))
    assert dot == pytest.approx(3j * z**2)
    zs = np.array([0.3 + 0.7j, -1.0 + 0.2j])
    assert_allclose(mmad.grad(lambda z: (abs(z) ** 2).sum())(zs), 2 * zs, rtol=1e-14)
    assert_allclose(mmad.vjp(np.sin, zs)[1](np.ones(2))[0], np.conj(np.cos(zs)), rtol=1e-14)


def test_complex_hvp():
    z, v = np.array([0.3 + 0.7j]), np.array([0.5 - 0.1j])
    got = mmad.hvp(lambda z: (z**3).real.sum())(z, v)
    assert_allclose(got, np.conj(6 * z * v), rtol=1e-14)


def test_real_input_through_complex_numbers():
    assert mmad.grad(lambda x: abs(np.exp(1j * x) + x) ** 2)(0.4) == pytest.approx(
        2 * (0.4 + math.cos(0.4) - 0.4 * math.sin(0.4)), rel=1e-13
    )


def test_complex_errors():
    with pytest.raises(TypeError, match="complex"):
        mmad.grad(lambda z: z * 2)(1 + 1j)
    for jacobian in (mmad.jacobian, mmad.jacfwd, mmad.jacrev):
        with pytest.raises(TypeError, match="complex"):
            jacobian(lambda z: z * 2)(np.array([1 + 1j]))
    with pytest.raises(TypeError, match="complex"):
        mmad.vjp(np.sin, X)[1](V * 1j)
    with pytest.raises(TypeError, match="complex"):
        mmad.jvp(np.sin, (X,), (V * 1j,))


# -------------------------------------------------------------------------------------------------- errors
def vector(x):
    return x * 2


ERRORS = {
    "array result": (
        lambda: mmad.grad(vector)(X),
        TypeError,
        r"grad of vector \(test_api.py:\d+\).*shape \(3,\).*jacobian",
    ),
    "one element": (lambda: mmad.grad(lambda x: x[:1])(X), TypeError, r"shape \(1,\).*y\[0\]"),
    "none": (lambda: mmad.grad(lambda x: None)(1.0), TypeError, "it returned None"),
    "text": (lambda: mmad.grad(lambda x: "a")(1.0), TypeError, "it returned 'a'"),
    "dict": (lambda: mmad.grad(lambda x: {"a": x, "b": x})(1.0), TypeError, "container of 2"),
    "not a function": (lambda: mmad.grad(3), TypeError, "takes a function, not int"),
    "tangent shape": (lambda: mmad.jvp(vector, (X,), (V[:2],)), ValueError, r"\(2,\), the value \(3,\)"),
    "tangent count": (lambda: mmad.jvp(vector, (X,), (V, V)), ValueError, "1 primals but 2 tangents"),
    "tangent tuple": (lambda: mmad.jvp(vector, X, V), TypeError, "tuples"),
    "tangent structure": (lambda: mmad.jvp(lambda p: p[0], ([X, X],), ([V],)), ValueError, "2 leaves.*1 leaves"),
    "tangent type": (lambda: mmad.jvp(lambda x: x, (1.0,), ("a",)), TypeError, "numeric"),
    "cotangent shape": (lambda: mmad.vjp(vector, X)[1](V[:2]), ValueError, r"\(2,\).*\(3,\)"),
    "cotangent structure": (lambda: mmad.vjp(lambda x: (x, x), X)[1](V), ValueError, "2 leaves; it has 1"),
    "linear map": (lambda: mmad.linearize(vector, X)[1](V[:2]), ValueError, r"\(2,\)"),
    "linear map count": (lambda: mmad.linearize(vector, X)[1](V, V), ValueError, "1 primals but 2 tangents"),
    "vector shape": (lambda: mmad.hvp(energy)(X, V[:2]), ValueError, r"\(2,\)"),
    "no vector": (lambda: mmad.hvp(energy)(X), TypeError, r"h\(x, v\)"),
    "vectors": (lambda: mmad.hvp(product, (0, 1))(1.0, 2.0, 3.0), TypeError, "tuple of 2"),
    "strategy": (lambda: mmad.jacobian(vector, strategy="x"), ValueError, "auto, forward, reverse"),
    "hessian strategy": (lambda: mmad.hessian(energy, strategy="x"), ValueError, "forward-over-reverse"),
    "hessian of a vector": (lambda: mmad.hessian(vector)(X), TypeError, "one real number"),
    "no arguments": (lambda: mmad.grad(lambda: 1.0)(), TypeError, "0 positional arguments"),
    "order": (lambda: mmad.derivative(np.sin, -1), ValueError, "must not be negative"),
    "order type": (lambda: mmad.derivative(np.sin, 1.5), TypeError, "must be an int"),
    "float": (lambda: mmad.grad(lambda x: math.sin(x))(1.0), TypeError, "np.sin, not math.sin"),
    "plain array": (lambda: mmad.grad(lambda x: fill(np.zeros(3), x))(1.0), TypeError, "mmad.numpy.zeros"),
}


def fill(y, x):
    y[0] = x
    return y.sum()


@pytest.mark.parametrize("name", ERRORS)
def test_errors_say_what_to_do(name):
    call, kind, message = ERRORS[name]
    with pytest.raises(kind, match=message):
        call()


def test_an_integer_valued_result_has_a_zero_gradient():
    assert_array_equal(mmad.grad(lambda x: x.astype(int).sum())(X), np.zeros(3))


# ------------------------------------------------------------------------------------------- strategies
def test_strategies_agree():
    def f(x):
        return np.concatenate([np.sin(x), [x[0] * x[1]]])

    want = np.vstack([np.diag(np.cos(X)), [X[1], X[0], 0.0]])
    for strategy in ("auto", "forward", "reverse"):
        assert_allclose(mmad.jacobian(f, strategy=strategy)(X), want, rtol=1e-14, atol=1e-16)
    for strategy in ("auto", "forward-over-reverse", "reverse-over-reverse"):
        assert_allclose(mmad.hessian(energy, strategy=strategy)(X), curvature(X), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("n", [1, 63, 64, 65, 130])
def test_many_directions(n):
    x = np.linspace(0.1, 1.0, n)

    def f(x):
        return np.sin(x) * np.sum(x)

    want = np.diag(np.cos(x) * x.sum()) + np.sin(x)[:, None]
    assert_allclose(mmad.jacfwd(f)(x), want, rtol=1e-13)
    assert_allclose(mmad.jacrev(f)(x), want, rtol=1e-13)
    assert_allclose(mmad.hessian(energy)(x), curvature(x), rtol=1e-12, atol=1e-15)


def test_shapes_of_jacobians():
    a = np.arange(6.0).reshape(2, 3) + 1
    for jacobian in (mmad.jacfwd, mmad.jacrev):
        j = jacobian(lambda a: (a.T @ a)[:, :2])(a)
        assert j.shape == (3, 2, 2, 3)
        want = np.einsum("ki,lj->ijkl", a, np.eye(3))[:, :2] + np.einsum("kj,li->ijkl", a, np.eye(3))[:, :2]
        assert_allclose(j, want, rtol=1e-14)
        assert jacobian(lambda x: x * a)(2.0).shape == (2, 3)
        assert jacobian(lambda a: a.sum())(a).shape == (2, 3)
    assert mmad.hessian(lambda a: (a**2).sum())(a).shape == (2, 3, 2, 3)


def test_derivative():
    assert mmad.derivative(np.sin, 5)(0.3) == pytest.approx(math.cos(0.3), rel=1e-13)
    assert mmad.derivative(lambda x: x**3, 0)(2.0) == 8.0
    got = mmad.derivative(lambda t, a, k=1: {"y": a * t**3 * k, "s": "text"}, 2)(2.0, X, k=2)
    assert_allclose(got["y"], 24 * X, rtol=1e-14)
    assert got["s"] == "text"
    assert mmad.grad(mmad.derivative(lambda x: x**4, 2))(2.0) == pytest.approx(48.0)
    assert mmad.derivative(mmad.grad(lambda x: x**4), 2)(2.0) == pytest.approx(48.0)


def test_names_of_derivative_functions():
    g = mmad.grad(energy)
    assert g.__name__ == "grad_energy"
    assert g.__wrapped__ is energy
    assert "mmad.grad" in g.__doc__


# ------------------------------------------------------------------------------- exceptions, threads, memory
def test_an_exception_leaves_nothing_behind():
    def fails(x):
        x = x * 2
        raise KeyError("mine")

    operators = [
        lambda f: mmad.grad(f)(X),
        lambda f: mmad.jvp(f, (X,), (V,)),
        lambda f: mmad.vjp(f, X),
        lambda f: mmad.linearize(f, X),
        lambda f: mmad.hvp(f)(X, V),
        lambda f: mmad.hessian(f)(X),
        lambda f: mmad.jacrev(f)(X),
        lambda f: mmad.vmap(f)(X),
    ]
    for operator in operators:
        with pytest.raises(KeyError, match="mine"):
            operator(fails)
        assert type(mmad.numpy.zeros(2)) is np.ndarray
        assert mmad.grad(lambda x: x * x)(3.0) == 6.0


def test_an_exception_inside_a_nested_derivative():
    def outer(x):
        try:
            mmad.grad(lambda y: y / np.array([1.0])[3])(x)
        except IndexError:
            return mmad.grad(lambda y: y**3)(x)

    assert mmad.grad(outer)(2.0) == pytest.approx(12.0)


def test_a_generator_left_unfinished():
    def f(x):
        terms = (x * k for k in range(10))
        return next(terms) + next(terms)

    assert mmad.grad(f)(2.0) == 1.0


def test_threads():
    wrong, start = [], threading.Barrier(8)

    def work(k):
        start.wait()
        rng = np.random.default_rng(k)
        for _ in range(30):
            x = rng.normal(size=3)
            if not np.allclose(mmad.grad(energy)(x), slope(x), rtol=1e-12):
                wrong.append("grad")
            if not np.allclose(mmad.hessian(energy)(x), curvature(x), rtol=1e-11, atol=1e-13):
                wrong.append("hessian")
            if mmad.grad(lambda t: t * mmad.grad(lambda s: t * s**2)(t))(x[0]) != pytest.approx(6 * x[0] ** 2):
                wrong.append("nested")

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
        [t.start() for t in threads]
        [t.join() for t in threads]
    finally:
        sys.setswitchinterval(interval)
    assert not wrong


def test_a_thread_started_inside_a_derivative_is_outside_of_it():
    found = []

    def f(x):
        t = threading.Thread(target=lambda: found.append((mmad.grad(lambda y: y**2)(5.0), type(mmad.numpy.zeros(1)))))
        t.start()
        t.join()
        return x**3

    assert mmad.grad(f)(2.0) == pytest.approx(12.0)
    assert found == [(10.0, np.ndarray)]


def test_nothing_is_kept_after_a_call():
    class Big(np.ndarray):
        pass

    x = np.zeros(1000).view(Big)
    alive = weakref.ref(x)
    mmad.grad(lambda t: (t**2).sum())(x)
    mmad.jvp(lambda t: (t**2).sum(), (x,), (x,))
    mmad.hvp(lambda t: (t**2).sum())(x, x)
    del x
    gc.collect()
    assert alive() is None


def test_a_leaked_value_names_its_trace():
    kept = []

    def leaky(x):
        kept.append(x)
        return x * x

    mmad.grad(leaky)(2.0)
    with pytest.raises(mmad.TraceError, match=r"grad of leaky \(test_api.py"):
        kept[0] + 1


def test_public_names():
    assert mmad.__all__ == sorted(mmad.__all__)
    for name in mmad.__all__:
        assert getattr(mmad, name) is not None
        assert name == "numpy" or getattr(mmad, name).__doc__


# --------------------------------------------------------------------------------- operators of operators
def cubic(x):
    return np.sin(x) * x[::-1] ** 2


def third(x):
    """Second derivatives of `cubic`, shape (3, 3, 3), by hand."""
    out = np.zeros((3, 3, 3))
    for i in range(3):
        j = 2 - i
        out[i, i, i] += -np.sin(x[i]) * x[j] ** 2
        out[i, i, j] += np.cos(x[i]) * 2 * x[j]
        out[i, j, i] += np.cos(x[i]) * 2 * x[j]
        out[i, j, j] += 2 * np.sin(x[i])
    out[1] = 0
    out[1, 1, 1] = 2 * np.sin(x[1]) + 4 * x[1] * np.cos(x[1]) - np.sin(x[1]) * x[1] ** 2
    return out


JACOBIANS = {"jacfwd": mmad.jacfwd, "jacrev": mmad.jacrev}


@pytest.mark.parametrize("outer", JACOBIANS)
@pytest.mark.parametrize("inner", JACOBIANS)
def test_jacobians_of_jacobians(outer, inner):
    got = JACOBIANS[outer](JACOBIANS[inner](cubic))(X)
    assert_allclose(got, third(X), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("inner", JACOBIANS)
def test_products_of_jacobians(inner):
    jacobian = JACOBIANS[inner](cubic)
    assert_allclose(mmad.jvp(jacobian, (X,), (V,))[1], third(X) @ V, rtol=1e-13, atol=1e-15)
    w = np.arange(9.0).reshape(3, 3)
    want = np.einsum("ij,ijk->k", w, third(X))
    assert_allclose(mmad.vjp(jacobian, X)[1](w)[0], want, rtol=1e-13)
    assert_allclose(mmad.grad(lambda x: (jacobian(x) * w).sum())(X), want, rtol=1e-13)
    assert_allclose(mmad.linearize(jacobian, X)[1](V), third(X) @ V, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("strategy", ["forward-over-reverse", "reverse-over-reverse"])
def test_derivatives_of_hessians(strategy):
    hessian = mmad.hessian(energy, strategy=strategy)
    slopes = np.zeros((3, 3, 3))
    slopes[range(3), range(3), range(3)] = -3 * np.sin(X) - np.cos(X) * X
    assert_allclose(mmad.jvp(hessian, (X,), (V,))[1], slopes @ V, rtol=1e-12, atol=1e-14)
    assert_allclose(mmad.jacfwd(hessian)(X), slopes, rtol=1e-12, atol=1e-14)
    assert_allclose(mmad.jacrev(hessian)(X), slopes, rtol=1e-12, atol=1e-14)
    want = 2 * np.einsum("ij,ijk->k", curvature(X), slopes)
    assert_allclose(mmad.grad(lambda x: (hessian(x) ** 2).sum())(X), want, rtol=1e-12)


def test_a_gradient_of_constants_inside_a_recorded_program():
    tape = mmad.record(lambda x: mmad.grad(lambda y: x * y * y)(3.0), 2.0)
    assert tape(4.0) == 24.0


@pytest.mark.parametrize("kind", [float, np.float64, np.float32])
def test_tangents_are_of_the_kinds_of_results(kind):
    """A number of NumPy promotes, its tangent does as well."""
    ones = np.ones(2, np.float32)

    def f(x):
        return x * x, x * 2, x * ones, x * np.float32(3)

    values, tangents = mmad.jvp(f, (kind(2.0),), (kind(1.0),))
    for y, dy, want in zip(values, tangents, f(kind(2.0)), strict=True):
        assert type(y) is type(dy) is type(want)
        assert np.result_type(y) == np.result_type(dy) == np.result_type(want)
