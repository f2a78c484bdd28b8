"""What derivatives keep and leave behind: recordings used again, exceptions, threads, memory."""

import copy
import gc
import sys
import threading
import weakref

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mmad
from tests.support.energy import V, X, curvature, energy, slope


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
    with pytest.raises(mmad.TraceError, match=r"grad of leaky \(test_lifetime.py"):
        kept[0] + 1
