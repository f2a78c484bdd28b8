"""Rules of the user's own: custom_jvp, custom_vjp, primitive, hook, stop_gradient."""

import gc
import math
import threading
import weakref
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import brentq
from scipy.special import expit

import mmad

X = np.array([0.3, -0.7, 1.1])
V = np.array([0.5, 0.2, -0.4])


# ------------------------------------------------------------------------- one function, declared four ways
def sine_jvp():
    @mmad.custom_jvp
    def sine(x):
        assert isinstance(x, float)
        return math.sin(x)

    @sine.defjvp
    def rule(primals, tangents):
        (x,), (x_dot,) = primals, tangents
        return sine(x), sine(x + math.pi / 2) * x_dot

    return sine


def sine_vjp():
    @mmad.custom_vjp
    def sine(x):
        assert isinstance(x, float)
        return math.sin(x)

    sine.defvjp(lambda x: (sine(x), x), lambda x, y_bar: (sine(x + math.pi / 2) * y_bar,))
    return sine


def sine_primitive_jvp():
    @mmad.primitive(jvp=lambda tangents, y, x: sine(x + math.pi / 2) * tangents[0])
    def sine(x):
        assert isinstance(x, float)
        return math.sin(x)

    return sine


def sine_primitive_vjp():
    @mmad.primitive(vjp=lambda y_bar, y, x: (sine(x + math.pi / 2) * y_bar,))
    def sine(x):
        assert isinstance(x, float)
        return math.sin(x)

    return sine


@pytest.fixture(params=[sine_jvp, sine_vjp, sine_primitive_jvp, sine_primitive_vjp])
def sine(request):
    return request.param()


def test_plain_call_is_the_function(sine):
    assert sine(0.3) == math.sin(0.3)
    assert sine.__name__ == "sine"


def test_every_mode_to_third_order(sine):
    mmad.check_derivatives(lambda x: sine(x * x) * x, (0.7,), order=3)


def test_reverse_and_forward(sine):
    assert mmad.grad(sine)(0.3) == pytest.approx(math.cos(0.3), rel=1e-14)
    assert mmad.jvp(sine, (0.3,), (2.0,))[1] == pytest.approx(2 * math.cos(0.3), rel=1e-14)


def test_hessian_products(sine):
    def f(x):
        return sine(x[0]) * sine(x[1] * x[2])

    def plain(x):
        return np.sin(x[0]) * np.sin(x[1] * x[2])

    assert_allclose(mmad.hvp(f)(X, V), mmad.hvp(plain)(X, V), rtol=1e-13)
    assert_allclose(mmad.hessian(f)(X), mmad.hessian(plain)(X), rtol=1e-13, atol=1e-15)
    assert_allclose(mmad.hessian_operator(f, X) @ V, mmad.hvp(plain)(X, V), rtol=1e-13)


def test_sixfold_nesting(sine):
    d = sine
    for _ in range(4):
        d = mmad.grad(d)
    assert d(0.3) == pytest.approx(math.sin(0.3), rel=1e-12)


def test_in_vmap(sine):
    assert_allclose(mmad.vmap(sine)(X), np.sin(X), rtol=1e-15)
    assert_allclose(mmad.vmap(mmad.grad(sine))(X), np.cos(X), rtol=1e-14)
    assert_allclose(mmad.vmap(mmad.grad(mmad.grad(sine)))(X), -np.sin(X), rtol=1e-14)
    assert_allclose(mmad.vmap(lambda x: mmad.jvp(sine, (x,), (1.0,))[1])(X), np.cos(X), rtol=1e-14)
    assert_allclose(mmad.grad(lambda x: mmad.vmap(sine)(x).sum())(X), np.cos(X), rtol=1e-14)


def test_in_a_loop_with_traced_neighbours(sine):
    def f(x):
        total = 0.0
        for k in range(3):
            total = sine(total + x[k]) * x[k]
        return total

    def plain(x):
        total = 0.0
        for k in range(3):
            total = np.sin(total + x[k]) * x[k]
        return total

    assert_allclose(mmad.grad(f)(X), mmad.grad(plain)(X), rtol=1e-13)


# ------------------------------------------------------------------------------------- external libraries
def solve_plain(a, b):
    """The root of t + a tanh(t) = b, found by SciPy's bracketing iteration."""
    return brentq(lambda t: t + a * math.tanh(t) - b, -50.0, 50.0, xtol=1e-15, rtol=1e-14)


@pytest.fixture(params=["jvp", "vjp"])
def solve(request):
    if request.param == "jvp":
        root = mmad.custom_jvp(solve_plain)

        def rule(primals, tangents):
            (a, b), (a_dot, b_dot) = primals, tangents
            t = root(a, b)
            slope = 1 + a * (1 - np.tanh(t) ** 2)
            return t, (b_dot - a_dot * np.tanh(t)) / slope

        root.defjvp(rule)
        return root
    root = mmad.custom_vjp(solve_plain)

    def forward(a, b):
        t = root(a, b)
        return t, (a, t)

    def backward(residual, t_bar):
        a, t = residual
        w = t_bar / (1 + a * (1 - np.tanh(t) ** 2))
        return -w * np.tanh(t), w

    root.defvjp(forward, backward)
    return root


def test_scipy_inside(solve):
    mmad.check_derivatives(solve, (0.8, 1.7), order=2)
    h = mmad.hessian(lambda p: solve(p[0], p[1]) ** 2)(np.array([0.8, 1.7]))
    assert_allclose(h, h.T, rtol=1e-12)


def test_scipy_inside_of_a_jacobian(solve):
    def f(p):
        return np.array([solve(p[0], p[1]), p[0] * p[1]])

    p = np.array([0.8, 1.7])
    assert_allclose(mmad.jacfwd(f)(p), mmad.jacrev(f)(p), rtol=1e-13)


def test_scipy_function_of_an_array():
    logistic = mmad.primitive(expit, vjp=lambda y_bar, y, x: (y_bar * y * (1 - y),))
    mmad.check_derivatives(lambda x: logistic(x * x), (X,), order=3)
    assert_allclose(mmad.grad(lambda x: logistic(x).sum())(X), expit(X) * (1 - expit(X)), rtol=1e-14)


def test_a_grad_in_the_body():
    @mmad.custom_jvp
    def slope(x):
        return mmad.grad(lambda t: t**3)(x)

    slope.defjvp(lambda primals, tangents: (slope(*primals), 6 * primals[0] * tangents[0]))
    assert mmad.grad(slope)(2.0) == pytest.approx(12.0)
    assert mmad.jvp(slope, (2.0,), (1.0,)) == pytest.approx((12.0, 12.0))


def test_a_grad_in_the_rules():
    def cube(t):
        return t**3

    f = mmad.custom_vjp(lambda x: x**3)
    f.defvjp(lambda x: (x**3, x), lambda x, y_bar: (y_bar * mmad.grad(cube)(x),))
    assert mmad.grad(f)(2.0) == pytest.approx(12.0)
    assert mmad.grad(mmad.grad(f))(2.0) == pytest.approx(12.0)
    assert mmad.hvp(f)(2.0, 1.0) == pytest.approx(12.0)

    g = mmad.custom_jvp(lambda x: x**3)
    g.defjvp(lambda p, t: (p[0] ** 3, mmad.jvp(cube, p, t)[1]))
    assert mmad.grad(g)(2.0) == pytest.approx(12.0)
    assert mmad.grad(mmad.grad(g))(2.0) == pytest.approx(12.0)
    assert mmad.jvp(mmad.grad(g), (2.0,), (1.0,))[1] == pytest.approx(12.0)


def test_arrays_made_in_the_body_are_plain():
    @mmad.custom_jvp
    def f(x):
        out = mmad.numpy.zeros(3)
        assert type(out) is np.ndarray
        out[:] = x
        return out

    f.defjvp(lambda p, t: (f(*p), t[0]))
    assert_array_equal(mmad.grad(lambda x: f(x).sum())(X), np.ones(3))


# ------------------------------------------------------------------------------------------ rules that lie
def test_the_rule_is_used_not_the_body():
    f = mmad.custom_jvp(lambda x: x * x)
    f.defjvp(lambda p, t: (p[0] ** 2, 100.0 * t[0]))
    assert mmad.grad(f)(3.0) == 100.0
    assert mmad.jvp(f, (3.0,), (1.0,))[1] == 100.0
    g = mmad.custom_vjp(lambda x: x * x)
    g.defvjp(lambda x: (x * x, None), lambda _, y_bar: (100.0 * y_bar,))
    assert mmad.grad(g)(3.0) == 100.0
    assert mmad.jvp(g, (3.0,), (1.0,))[1] == 100.0


def test_clipped_cotangent():
    clip = mmad.custom_vjp(lambda x: x)
    clip.defvjp(lambda x: (x, None), lambda _, g: (np.clip(g, -1.0, 1.0),))
    assert_array_equal(mmad.grad(lambda x: (clip(x) ** 2).sum())(X * 10), np.clip(20 * X, -1, 1))


# --------------------------------------------------------------------------------- trees, kinds, arguments
class Pair(NamedTuple):
    left: object
    right: object


@pytest.fixture(params=["jvp", "vjp"])
def tree_function(request):
    def body(p, scale, label=None):
        return {"sum": p["a"].sum() * scale, "parts": Pair(p["b"] * p["a"], scale**2), "n": 3, "label": label}

    if request.param == "jvp":
        f = mmad.custom_jvp(body)

        def rule(primals, tangents):
            (p, s, label), (p_dot, s_dot, _) = primals, tangents
            y = f(p, s, label)
            y_dot = {
                "sum": p_dot["a"].sum() * s + p["a"].sum() * s_dot,
                "parts": Pair(p_dot["b"] * p["a"] + p["b"] * p_dot["a"], 2 * s * s_dot),
                "n": 0,
                "label": None,
            }
            return y, y_dot

        f.defjvp(rule)
    else:
        f = mmad.custom_vjp(body)

        def backward(residual, ct):
            p, s = residual
            left, right = ct["parts"]
            a_bar = ct["sum"] * s * np.ones_like(p["a"]) + left * p["b"]
            return {"a": a_bar, "b": (left * p["a"]).sum()}, ct["sum"] * p["a"].sum() + 2 * s * right, None

        f.defvjp(lambda p, s, label: (f(p, s, label), (p, s)), backward)
    return f, body


def objective(f, p, s):
    y = f(p, s, label="x")
    assert y["n"] == 3
    assert y["label"] == "x"
    return y["sum"] * y["parts"].right + (y["parts"].left ** 2).sum()


def test_trees(tree_function):
    f, body = tree_function
    p, s = {"a": X, "b": 1.5}, 0.7
    got = mmad.value_and_grad(lambda p, s: objective(f, p, s), (0, 1))(p, s)
    want = mmad.value_and_grad(lambda p, s: objective(body, p, s), (0, 1))(p, s)
    assert got[0] == pytest.approx(want[0], rel=1e-14)
    assert_allclose(got[1][0]["a"], want[1][0]["a"], rtol=1e-13)
    assert got[1][0]["b"] == pytest.approx(want[1][0]["b"], rel=1e-13)
    assert got[1][1] == pytest.approx(want[1][1], rel=1e-13)
    mmad.check_derivatives(lambda p, s: objective(f, p, s), (p, s), order=2)
    mmad.check_derivatives(f, (p, s), order=2)


def test_only_one_argument_is_traced(tree_function):
    f, body = tree_function
    p = {"a": X, "b": 1.5}
    got = mmad.grad(lambda s: objective(f, p, s))(0.7)
    assert got == pytest.approx(mmad.grad(lambda s: objective(body, p, s))(0.7), rel=1e-13)


def test_mixed_precision_results():
    def body(x, y):
        return x * 2, y * y

    f = mmad.custom_jvp(body)
    f.defjvp(lambda p, t: (f(*p), (t[0] * 2, 2 * p[1] * t[1])))
    x, y = X.astype(np.float32), np.array([1.0 + 2j, 0.5])
    (a, b), pullback = mmad.vjp(f, x, y)
    assert a.dtype == np.float32
    assert b.dtype == np.complex128
    x_bar, y_bar = pullback((np.ones(3, np.float32), np.array([1.0, 1j])))
    assert x_bar.dtype == np.float32
    assert_array_equal(x_bar, 2 * np.ones(3))
    assert_allclose(y_bar, np.conj(2 * y) * np.array([1.0, 1j]), rtol=1e-15)


def test_complex_function():
    f = mmad.custom_vjp(lambda z: np.exp(z))
    f.defvjp(lambda z: (f(z), f(z)), lambda y, ct: (ct * np.conj(y),))
    z = np.array([0.3 + 0.4j, -1.0 + 0.2j])
    mmad.check_derivatives(f, (z,), order=2)
    mmad.check_derivatives(lambda z: (abs(f(z)) ** 2).sum(), (z,), order=2)


def test_integer_results_are_not_traced():
    @mmad.custom_jvp
    def f(x):
        return x * 2, 7, np.array([1, 2])

    f.defjvp(lambda p, t: (f(*p), (2 * t[0], 0, None)))

    def g(x):
        y, n, k = f(x)
        assert n == 7
        assert type(n) is int
        assert_array_equal(k, [1, 2])
        return y * n

    assert mmad.grad(g)(1.5) == 14.0
    assert mmad.jvp(g, (1.5,), (1.0,)) == (21.0, 14.0)


def test_integer_and_array_arguments():
    @mmad.custom_jvp
    def f(x, k, index):
        assert type(k) is int
        return x[index] ** k

    @f.defjvp
    def rule(primals, tangents):
        x, k, index = primals
        return f(x, k, index), k * x[index] ** (k - 1) * tangents[0][index]

    index = np.array([2, 0])
    got = mmad.grad(lambda x: f(x, 3, index).sum())(X)
    assert_allclose(got, [3 * X[0] ** 2, 0, 3 * X[2] ** 2], rtol=1e-14)


def test_keyword_arguments_and_defaults():
    @mmad.custom_vjp
    def f(x, y=2.0, *, z=1):
        return x * y

    f.defvjp(lambda x, y: (x * y, (x, y)), lambda r, g: (g * r[1], g * r[0]))
    assert mmad.grad(f)(3.0) == 2.0
    with pytest.raises(TypeError, match="keyword-only argument z"):
        mmad.grad(lambda x: f(x, z=2))(3.0)

    @mmad.custom_vjp
    def h(x, y=2.0):
        return x * y

    h.defvjp(lambda x, y: (x * y, (x, y)), lambda r, g: (g * r[1], g * r[0]))
    assert mmad.grad(h)(3.0) == 2.0
    assert mmad.grad(lambda x: h(y=x, x=5.0))(3.0) == 5.0


def test_nondiff_argnums():
    @mmad.custom_jvp
    def plain(f, x):
        return f(x)

    apply = mmad.custom_jvp(lambda f, x, n: f(x) * n, nondiff_argnums=(0, -1))

    @apply.defjvp
    def rule(f, n, primals, tangents):
        y, y_dot = mmad.jvp(f, primals, tangents)
        return y * n, y_dot * n

    assert mmad.grad(lambda x: apply(np.sin, x, 3))(0.3) == pytest.approx(3 * math.cos(0.3))
    assert mmad.grad(mmad.grad(lambda x: apply(np.sin, x, 3)))(0.3) == pytest.approx(-3 * math.sin(0.3))

    weighted = mmad.custom_vjp(lambda n, x: x**n, nondiff_argnums=0)
    weighted.defvjp(lambda n, x: (x**n, x), lambda n, x, g: (g * n * x ** (n - 1),))
    assert mmad.grad(lambda x: weighted(3, x))(2.0) == 12.0
    with pytest.raises(TypeError, match="nondiff_argnums"):
        mmad.grad(lambda x: weighted(x, x))(2.0)


def test_methods():
    class Model:
        def __init__(self, w):
            self.w = w

        @mmad.custom_jvp
        def predict(self, x):
            return math.tanh(self.w * x)

        @predict.defjvp
        def rule(primals, tangents):  # noqa: N805
            (model, x), (model_dot, x_dot) = primals, tangents
            y = Model.predict(model, x)
            return y, (1 - y**2) * (model.w * x_dot + model_dot.w * x)

    assert mmad.grad(lambda w: Model(w).predict(0.5))(0.8) == pytest.approx(0.5 * (1 - math.tanh(0.4) ** 2))
    assert mmad.grad(Model(0.8).predict)(0.5) == pytest.approx(0.8 * (1 - math.tanh(0.4) ** 2))


def test_defjvps():
    f = mmad.custom_jvp(lambda x, y, n: x * y * n)
    f.defjvps(lambda d, out, x, y, n: d * y * n, lambda d, out, x, y, n: x * d * n, None)
    assert mmad.grad(f, (0, 1))(2.0, 3.0, 5) == (15.0, 10.0)
    g = mmad.custom_jvp(lambda x: x)
    g.defjvps(None, None)
    with pytest.raises(TypeError, match="2 rules"):
        mmad.grad(g)(1.0)


def test_none_is_a_zero_cotangent():
    f = mmad.custom_vjp(lambda x, y: x * y)
    f.defvjp(lambda x, y: (x * y, y), lambda y, g: (g * y, None))
    assert mmad.grad(f, (0, 1))(2.0, 3.0) == (3.0, 0.0)
    assert mmad.jvp(f, (2.0, 3.0), (0.0, 1.0)) == (6.0, 0.0)


# ------------------------------------------------------------------------------------------------- economy
def test_the_body_runs_once_for_a_gradient():
    calls = []

    @mmad.custom_vjp
    def f(x):
        calls.append("body")
        return x * 2

    def forward(x):
        calls.append("forward")
        return x * 2, x

    def backward(x, g):
        calls.append("backward")
        return (2 * g,)

    f.defvjp(forward, backward)
    mmad.grad(lambda x: f(x).sum())(X)
    assert calls == ["forward", "backward"]
    calls.clear()
    _, pullback = mmad.vjp(f, X)
    pullback(V)
    pullback(V)
    assert calls == ["forward", "backward", "backward"]


def test_nothing_outlives_the_function():
    from mmad.tape._instructions import OPERATIONS

    def differentiate():
        f = mmad.custom_vjp(lambda x: x * 2)
        f.defvjp(lambda x: (x * 2, None), lambda _, g: (2 * g,))
        mmad.grad(lambda x: f(x).sum())(X)
        return weakref.ref(f)

    before = set(OPERATIONS)
    alive = differentiate()
    assert set(OPERATIONS) == before
    gc.collect()
    assert alive() is None


def test_results_are_safe_from_the_library_that_made_them():
    buffer = np.zeros(3)

    @mmad.primitive(vjp=lambda y_bar, y, x: (2 * x * y_bar,))
    def square(x):
        np.multiply(x, x, out=buffer)  # a library that hands out the same buffer every time
        return buffer

    def f(x):
        y = square(x)
        z = square(2 * x)
        y[0] = 0.0
        return (y * z).sum()

    def plain(x):
        y, z = x**2, 4 * x**2
        return (y[1:] * z[1:]).sum()

    assert_allclose(mmad.grad(f)(X), mmad.grad(plain)(X), rtol=1e-14)


def test_a_body_that_changes_its_argument_is_an_error():
    def body(x):
        x *= 2
        return x.sum()

    f = mmad.custom_jvp(body)
    f.defjvp(lambda p, t: (0.0, 2 * t[0].sum()))
    with pytest.raises(ValueError, match="in place"):
        mmad.grad(lambda x: f(x))(X.copy())


def test_a_rule_may_change_its_cotangent():
    f = mmad.custom_vjp(lambda x: x * 3)

    def backward(_, g):
        g *= 3
        return (g,)

    f.defvjp(lambda x: (x * 3, None), backward)
    _, pullback = mmad.vjp(lambda x: f(x) + x, X)
    ct = V.copy()
    assert_allclose(pullback(ct)[0], 4 * V, rtol=1e-15)
    assert_array_equal(ct, V)


def test_threads(sine):
    wrong = []

    def work(k):
        for i in range(50):
            x = 0.01 * (k + i)
            if not math.isclose(mmad.grad(mmad.grad(sine))(x), -math.sin(x), rel_tol=1e-12, abs_tol=1e-15):
                wrong.append(x)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert not wrong


# -------------------------------------------------------------------------------------------------- errors
def test_without_a_rule():
    f = mmad.custom_jvp(lambda x: x)
    assert f(2.0) == 2.0
    with pytest.raises(TypeError, match=r"defjvp"):
        mmad.grad(f)(2.0)
    with pytest.raises(TypeError, match=r"defvjp"):
        mmad.grad(mmad.custom_vjp(lambda x: x))(2.0)
    with pytest.raises(TypeError, match=r"jvp=, vjp="):
        mmad.grad(mmad.primitive(math.sin))(2.0)
    with pytest.raises(TypeError, match="takes a function"):
        mmad.custom_jvp(3)


def test_wrong_shapes_and_structures():
    def named(x):
        return x * 2

    f = mmad.custom_vjp(named)
    f.defvjp(lambda x: (x * 2, None), lambda _, g: (g[:2],))
    with pytest.raises(ValueError, match=r"named.*\(2,\).*\(3,\)"):
        mmad.grad(lambda x: f(x).sum())(X)
    f.defvjp(lambda x: (x * 2, None), lambda _, g: g)
    with pytest.raises(TypeError, match="named must return a tuple"):
        mmad.grad(lambda x: f(x).sum())(X)
    f.defvjp(lambda x: x * 2, lambda _, g: (g,))
    with pytest.raises(TypeError, match="forward rule of named"):
        mmad.grad(lambda x: f(x).sum())(X)
    g = mmad.custom_jvp(named)
    g.defjvp(lambda p, t: (p[0], t[0][:2]))
    with pytest.raises(ValueError, match=r"named.*\(2,\).*\(3,\)"):
        mmad.jvp(g, (X,), (V,))
    g.defjvp(lambda p, t: t[0])
    with pytest.raises(TypeError, match="named must return"):
        mmad.jvp(g, (X,), (V,))
    g.defjvp(lambda p, t: (p[0], t[0] * 1j))
    with pytest.raises(TypeError, match="complex"):
        mmad.jvp(g, (X,), (V,))


def test_forward_mode_of_a_backward_rule_that_is_not_numpy_code():
    f = mmad.custom_vjp(lambda x: 2 * x)
    f.defvjp(lambda x: (2 * x, None), lambda _, g: (2 * float(g),))
    assert mmad.grad(f)(1.0) == 2.0
    with pytest.raises(TypeError) as e:
        mmad.jvp(f, (1.0,), (1.0,))
    assert any("forward mode of" in note and "mmad.primitive" in note for note in e.value.__notes__)


def test_nested_derivative_of_a_rule_around_plain_code():
    def body(x):
        return math.sin(x)

    f = mmad.custom_vjp(body)
    f.defvjp(lambda x: (body(x), math.cos(x)), lambda c, g: (c * g,))
    assert mmad.grad(f)(0.3) == pytest.approx(math.cos(0.3))
    with pytest.raises(TypeError) as e:
        mmad.grad(mmad.grad(f))(0.3)
    assert any("call body itself" in note for note in e.value.__notes__)


def test_a_closure_over_a_traced_value_is_an_error():
    def outer(x):
        f = mmad.custom_jvp(lambda y: x * y)
        f.defjvp(lambda p, t: (x * p[0], x * t[0]))
        return f(2 * x)

    with pytest.raises(TypeError, match="uses a traced value from outside"):
        mmad.grad(outer)(1.0)


def test_an_exception_in_a_rule_leaves_nothing_behind(sine):
    f = mmad.custom_vjp(lambda x: x)

    def backward(_, g):
        raise RuntimeError("no")

    f.defvjp(lambda x: (x, None), backward)
    with pytest.raises(RuntimeError, match="no"):
        mmad.grad(f)(1.0)
    assert mmad.grad(lambda x: x * x)(3.0) == 6.0
    assert type(mmad.numpy.zeros(2)) is np.ndarray


# --------------------------------------------------------------------------------------------------- others
def test_stop_gradient():
    assert mmad.grad(lambda x: x * mmad.stop_gradient(x))(3.0) == 3.0
    assert mmad.jvp(lambda x: x * mmad.stop_gradient(x), (3.0,), (1.0,)) == (9.0, 3.0)
    assert mmad.hvp(lambda x: x**2 * mmad.stop_gradient(x**3))(2.0, 1.0) == 16.0

    def f(p):
        q = mmad.stop_gradient(p)
        return (p["a"] * q["a"]).sum() * q["b"][0] * p["b"][0]

    g = mmad.grad(f)({"a": X, "b": [2.0, "label"]})
    assert_allclose(g["a"], 4 * X, rtol=1e-15)
    assert g["b"] == [pytest.approx(2 * (X @ X)), "label"]
    plain = {"a": X, "b": 3}
    assert mmad.stop_gradient(plain)["a"] is X


def test_hook():
    seen = []
    g = mmad.grad(lambda x: mmad.hook(seen.append, x * x) * 3)(2.0)
    assert g == 12.0
    assert seen == [3.0]
    g = mmad.grad(lambda x: (mmad.hook(lambda c: np.minimum(c, 0.5), x) ** 2).sum())(X)
    assert_allclose(g, np.minimum(2 * X, 0.5), rtol=1e-15)
    assert mmad.jvp(lambda x: mmad.hook(seen.append, x) ** 2, (3.0,), (1.0,)) == (9.0, 6.0)
    assert mmad.hook(print, 2.0) == 2.0


# ------------------------------------------------------------------------------------------ tapes and lanes
def exponential():
    """exp by way of math.exp, one element at a time, with a backward rule."""

    @mmad.custom_vjp
    def exp(x):
        return np.array([math.exp(v) for v in x])

    def forward(x):
        y = exp(x)
        return y, y

    exp.defvjp(forward, lambda y, g: (g * y,))
    return exp


def test_many_lanes():
    exp, x = exponential(), np.linspace(0.0, 1.0, 300).reshape(100, 3)
    assert_allclose(mmad.vmap(exp)(x), np.exp(x), rtol=1e-15)
    got = mmad.vmap(mmad.grad(lambda r: (exp(r) * r).sum()))(x)
    assert_allclose(got, np.exp(x) * (1 + x), rtol=1e-14)
    got = mmad.vmap(mmad.hessian(lambda r: (exp(r) * r).sum()))(x)
    assert_allclose(got, [np.diag(np.exp(r) * (2 + r)) for r in x], rtol=1e-14, atol=1e-16)
    got = mmad.vmap(lambda r: mmad.jvp(lambda t: mmad.jvp(exp, (t,), (V,))[1], (r,), (V,))[1])(x)
    assert_allclose(got, np.exp(x) * V**2, rtol=1e-14)
    assert mmad.vmap(mmad.vmap(exp))(x.reshape(2, 50, 3)).shape == (2, 50, 3)


def test_a_recorded_program_runs_the_function_again():
    exp, calls = exponential(), []

    @mmad.primitive(vjp=lambda y_bar, y, x: (3 * y_bar,))
    def triple(x):
        calls.append(1)
        return 3 * x

    tape = mmad.record(lambda x: (exp(x) * triple(x)).sum(), X)
    assert len(calls) == 1
    for k in range(1, 100):
        assert tape(X * k / 50) == pytest.approx((np.exp(X * k / 50) * 3 * X * k / 50).sum(), rel=1e-14)
    assert len(calls) == 100
    assert "triple" in str(tape)


def test_a_recorded_program_notices_another_integer_result():
    @mmad.custom_jvp
    def iterate(x):
        n = 0
        while x > 1:
            x, n = x / 2, n + 1
        return x, n

    iterate.defjvp(lambda p, t: (iterate(*p), (t[0] / 2 ** iterate(*p)[1], 0)))

    def f(x):
        y, n = iterate(x)
        return y * n

    assert mmad.grad(f)(5.0) == 3 / 8
    assert_array_equal(mmad.vmap(f)(np.array([0.5, 3.0, 5.0])), [0.0, 1.5, 5.0 / 8 * 3])
    tape = mmad.record(f, 5.0)
    assert tape(6.0) == 6.0 / 8 * 3
    with pytest.raises(mmad.GuardError, match="iterate"):
        tape(3.0)


def test_transforms_of_a_recorded_program():
    exp = exponential()
    tape = mmad.record(lambda x: exp(x) * x, X)
    want = np.exp(X) * (1 + X)
    assert_allclose(tape.pushforward()(X, V), [np.exp(X) * X, want * V], rtol=1e-14)
    at = X / 2
    assert_allclose(tape.linearize(at)(V), np.exp(at) * (1 + at) * V, rtol=1e-14)
    pullback = tape.pullback()
    (x_bar,) = pullback(at, V)
    assert_allclose(x_bar, np.exp(at) * (1 + at) * V, rtol=1e-14)
    _, (bar_dot,) = pullback.pushforward()(at, V, V, np.zeros(3))
    assert_allclose(bar_dot, np.exp(at) * (2 + at) * V * V, rtol=1e-14)
    lanes = np.stack([X, at])
    assert_allclose(tape.batch(2)(lanes), np.exp(lanes) * lanes, rtol=1e-14)


def test_several_numbers_of_several_numbers():
    """The cotangent of each number is what the rule gave, not that times the length of the packed result."""
    pair = mmad.primitive(lambda x, y: (x * y, x), vjp=lambda ct, r, x, y: (ct[0] * y + ct[1], ct[0] * x))

    def f(x, y):
        p, q = pair(x, y)
        return p * p + q

    assert mmad.grad(f, (0, 1))(2.0, 3.0) == (37.0, 24.0)
    assert mmad.compile(mmad.grad(f, (0, 1)))(2.0, 3.0) == (37.0, 24.0)


# ------------------------------------------------------------------------------------- arguments of wrapped functions
def test_rules_of_a_primitive_get_the_arguments_that_were_given():
    seen = []

    def pull(y_bar, y, x, *rest):
        seen.append(rest)
        return (2 * y_bar * x, *[None] * len(rest))

    def square(x, scale=1, power=2, shift=0.0):
        return x**power * scale + shift

    f = mmad.primitive(square, vjp=pull)
    for call, rest in [
        (lambda x: f(x), ()),
        (lambda x: f(x, 1), (1,)),
        (lambda x: f(x, power=2), (1, 2)),
        (lambda x: f(x=x), ()),
        (lambda x: f(x, 1, shift=3), (1, 2, 3)),
    ]:
        assert mmad.grad(call)(3.0) == 6.0
        assert seen.pop() == rest
    assert_array_equal(mmad.vjp(mmad.primitive(np.flip, vjp=lambda y_bar, y, x: (y_bar[::-1],)), X)[1](V)[0], V[::-1])


@pytest.mark.parametrize("given", ["jvp", "vjp"])
def test_a_rule_that_is_needed_to_derive_itself_is_named(given):
    if given == "jvp":
        total = mmad.primitive(np.cumsum, jvp=lambda tangents, y, x: total(tangents[0]))
        assert_array_equal(mmad.jvp(total, (X,), (V,))[1], np.cumsum(V))
        with pytest.raises(mmad.UnsupportedError, match=r"its vjp rule cannot be derived.* applies cumsum itself"):
            mmad.vjp(total, X)[1](V)
    else:
        mirrored = mmad.primitive(np.negative, vjp=lambda y_bar, y, x: (mirrored(y_bar),), name="minus")
        assert_array_equal(mmad.vjp(mirrored, X)[1](V)[0], -V)


def test_both_rules_may_apply_the_function_itself():
    total = mmad.primitive(
        np.cumsum, jvp=lambda tangents, y, x: total(tangents[0]), vjp=lambda ct, y, x: (total(ct[::-1])[::-1],)
    )
    assert_array_equal(mmad.jacfwd(total)(X), np.tri(3))
    assert_array_equal(mmad.jacrev(total)(X), np.tri(3))
