"""Planned gradients and Hessian-vector products: each strategy gives what was worked out by hand, everywhere."""

import inspect
import subprocess
import sys
from collections import namedtuple

import numpy as np
import pytest

import mmad
from mmad.planner.decision.task import DENSE

Pair = namedtuple("Pair", "left right")
GRADIENTS, PRODUCTS = ["auto", *DENSE["grad"]], ["auto", *DENSE["hvp"]]


def cubic(x):
    return (x**3).sum() + x[0] * x[-1]


def cubic_gradient(x):
    g = 3.0 * x**2
    g[0] += x[-1]
    g[-1] += x[0]
    return g


def cubic_product(x, v):
    h = 6.0 * x * v
    h[0] += v[-1]
    h[-1] += v[0]
    return h


def at(n):
    return np.random.default_rng(n).normal(size=n)


def close(got, want, tolerance=1e-13):
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)


# ------------------------------------------------------------------------------------------------ every strategy
@pytest.mark.parametrize("mode", ["auto", "eager", "compiled"])
@pytest.mark.parametrize("strategy", GRADIENTS)
@pytest.mark.parametrize("n", [2, 5, 130])
def test_gradients(n, strategy, mode):
    g = mmad.grad(cubic, strategy=strategy, mode=mode, evaluations=3)
    for x in (at(n), -2.0 * at(n)):
        for _ in range(2):
            close(g(x), cubic_gradient(x))
    assert strategy in ("auto", g.plan(x).strategy)
    assert mode in ("auto", g.plan(x).mode)


@pytest.mark.parametrize("mode", ["auto", "eager", "compiled"])
@pytest.mark.parametrize("strategy", PRODUCTS)
@pytest.mark.parametrize("n", [2, 5, 130])
def test_products(n, strategy, mode):
    h = mmad.hvp(cubic, strategy=strategy, mode=mode, evaluations=3)
    for x, v in ((at(n), at(n)[::-1]), (-at(n), np.ones(n))):
        for _ in range(2):
            close(h(x, v), cubic_product(x, v))
    assert strategy in ("auto", h.plan(x, v).strategy)
    assert mode in ("auto", h.plan(x, v).mode)


@pytest.mark.parametrize("evaluations", [None, 100])
@pytest.mark.parametrize("strategy", PRODUCTS)
def test_products_of_trees(strategy, evaluations):
    def f(p, k, s):
        return (p.left**2 * p.right[0]).sum() * s**k

    p, v = Pair(at(4), at(3)), Pair(at(5)[:4], at(6)[:3])
    h = mmad.hvp(f, strategy=strategy, evaluations=evaluations, memory="1GB")
    got = h(p, 2, 3.0, v)
    assert isinstance(got, Pair)
    close(got.left, 9.0 * 2.0 * (p.right[0] * v.left + p.left * v.right[0]))
    close(got.right, [9.0 * 2.0 * p.left @ v.left, 0.0, 0.0])
    both = mmad.hvp(f, argnums=(0, 2), strategy=strategy, evaluations=evaluations, mode="eager")
    gp, gs = both(p, 2, 3.0, (v, 0.5))
    assert type(gs) is float
    close(
        gs,
        0.5 * 2.0 * (p.left**2 * p.right[0]).sum()
        + 6.0 * ((2 * p.left * p.right[0]) @ v.left + p.left @ p.left * v.right[0]),
    )
    close(gp.left, got.left + 0.5 * 6.0 * 2.0 * p.left * p.right[0])


@pytest.mark.parametrize("strategy", GRADIENTS)
def test_gradients_of_trees(strategy):
    g = mmad.grad(lambda p, s: (p["a"] ** 2).sum() * s, argnums=(0, 1), strategy=strategy, evaluations=5)
    by_p, by_s = g({"a": at(3), "name": "three"}, 2.0)
    close(by_p["a"], 4.0 * at(3))
    assert by_p["name"] == "three"
    assert type(by_s) is float
    close(by_s, at(3) @ at(3))


@pytest.mark.parametrize("strategy", PRODUCTS)
def test_numbers_and_single_precision(strategy):
    for evaluations in (1, 100):
        got = mmad.hvp(lambda x: x**3, strategy=strategy, evaluations=evaluations)(2.0, 0.5)
        assert type(got) is float
        assert got == 6.0
    x = at(5).astype(np.float32)
    got = mmad.hvp(cubic, strategy=strategy, mode="eager")(x, np.ones(5, np.float32))
    assert got.dtype == np.float32
    close(got, cubic_product(x, np.ones(5, np.float32)), 1e-5)


def test_products_inside_other_derivatives():
    x, v = at(4), np.ones(4)
    h = mmad.hvp(lambda x: (x**4).sum(), evaluations=50)
    close(mmad.jacobian(lambda x: h(x, v))(x), np.diag(24.0 * x))
    close(mmad.jacobian(lambda v: h(x, v))(v), np.diag(12.0 * x**2))
    g = mmad.grad(lambda x: (x**4).sum(), strategy="forward", evaluations=50)
    close(mmad.jacobian(g)(x), np.diag(12.0 * x**2))
    compiled = mmad.compile(lambda x, v: h(x, v))
    for _ in range(3):
        close(compiled(x, v), 12.0 * x**2)


def test_another_branch():
    def f(x):
        return (x**3).sum() if x[0] > 0 else (np.cos(x)).sum()

    h, g = mmad.hvp(f, evaluations=100), mmad.grad(f, evaluations=100)
    for sign in (1.0, -1.0, 1.0, -1.0):
        x = sign * (0.5 + np.abs(at(6)))
        close(h(x, x), 6.0 * x * x if sign > 0 else -np.cos(x) * x)
        close(g(x), 3.0 * x**2 if sign > 0 else -np.sin(x))


# ------------------------------------------------------------------------------------------------ what is said
def test_plans_of_unplanned_functions():
    g, h = mmad.grad(cubic), mmad.hvp(cubic)
    assert g.plan(at(50)).strategy == "reverse"
    assert h.plan(at(50), at(50)).strategy in DENSE["hvp"]
    assert "no pattern" in str(g.plan(at(50)))
    found = h.compare(at(9), at(9), rounds=1)
    assert {m.strategy for m in found.measurements} == set(DENSE["hvp"])
    assert max(m.error for m in found.measurements) < 1e-12
    assert {m.mode for m in g.compare(at(9), rounds=1).measurements} == {"eager", "compiled"}


def test_many_evaluations_are_compiled():
    assert mmad.grad(cubic, evaluations=10_000).plan(at(100)).mode == "compiled"
    assert mmad.hvp(cubic, evaluations=10_000).plan(at(100), at(100)).mode == "compiled"
    assert mmad.grad(cubic, evaluations=1).plan(at(100)).mode == "eager"


# ------------------------------------------------------------------------------------------------ what is wrong
@pytest.mark.parametrize("make", [mmad.grad, mmad.hvp])
def test_bad_options(make):
    with pytest.raises(ValueError, match="strategy must be one of"):
        make(cubic, strategy="columns")
    with pytest.raises(ValueError, match="evaluations must be a positive int"):
        make(cubic, evaluations=0)
    with pytest.raises(ValueError, match="memory must be"):
        make(cubic, memory="much")
    with pytest.raises(ValueError, match="mode must be"):
        make(cubic, mode="fast")
    with pytest.raises(TypeError, match="takes a function"):
        make(3.0, evaluations=5)


def test_bad_calls():
    with pytest.raises(TypeError, match="one real number"):
        mmad.grad(lambda x: x, evaluations=5)(at(3))
    with pytest.raises(TypeError, match="one real number"):
        mmad.hvp(lambda x: x, evaluations=5)(at(3), at(3))
    with pytest.raises(ValueError, match="has shape"):
        mmad.hvp(cubic, evaluations=5)(at(3), at(4))
    with pytest.raises(TypeError, match=r"h\(x, v\)"):
        mmad.hvp(cubic, evaluations=5)(at(3))
    with pytest.raises(TypeError, match="the vector is a tuple"):
        mmad.hvp(lambda x, y: x @ y, argnums=(0, 1), evaluations=5)(at(3), at(3), at(3))
    with pytest.raises(TypeError, match="has_aux=True the function must return"):
        mmad.grad(lambda x: x @ x, has_aux=True, evaluations=5)(at(3))
    with pytest.raises(MemoryError, match=r"no strategy fits into 100 bytes.*mmad\.checkpoint"):
        mmad.grad(cubic, memory=100)(at(50))


def test_checkpoints_fit_where_all_values_do_not():
    def several(y):
        for _ in range(10):
            y = np.sin(y) * 1.1
        return y

    def f(step):
        def run(x):
            for _ in range(5):
                x = step(x)
            return x.sum()

        return run

    x = at(3000)
    with pytest.raises(MemoryError, match=r"mmad\.checkpoint"):
        mmad.grad(f(several), memory="4MB", mode="eager")(x)
    g = mmad.grad(f(mmad.checkpoint(several)), memory="4MB", mode="eager")
    assert g.plan(x).chosen.bytes < 4e6
    np.testing.assert_allclose(g(x), mmad.grad(f(several))(x), rtol=1e-14)


def rolling(x):
    """Layers that need their neighbours, so that each is an array that waits for the reverse sweep."""
    for _ in range(50):
        x = np.tanh(x + 0.1 * np.roll(x, 1))
    return np.sum(x * x)


def test_values_are_computed_again_where_they_do_not_fit():
    x = np.linspace(0.0, 1.0, 10_000)
    g = mmad.grad(rolling, memory="2MB")
    want = mmad.grad(rolling)(x)
    for _ in range(2):
        np.testing.assert_allclose(g(x), want, rtol=1e-10)
    plan = g.plan(x)
    assert (plan.strategy, plan.mode) == ("reverse", "compiled")
    assert plan.reason.startswith("eagerly, nothing fits into 2000000 bytes")
    assert plan.chosen.bytes <= 2_000_000
    assert mmad.grad(rolling, memory="1GB").plan(x).mode == "eager"
    with pytest.raises(MemoryError):
        mmad.grad(rolling, memory="300kB")(x)


def test_products_are_computed_again_where_they_do_not_fit():
    x = np.linspace(0.0, 1.0, 10_000)
    h = mmad.hvp(rolling, memory="3MB")
    np.testing.assert_allclose(h(x, np.cos(x)), mmad.hvp(rolling)(x, np.cos(x)), rtol=1e-9)
    assert h.plan(x, np.cos(x)).mode == "compiled"


CAPPED = """
import re, sys
import numpy as np, mmad
{function}
def peak():
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", open("/proc/self/status").read())[1]) / 1000
gradient = mmad.grad(rolling, memory="30MB") if sys.argv[1] == "capped" else mmad.grad(rolling)
gradient(np.ones(500))
before = peak()
gradient(np.linspace(0.0, 1.0, 200_000))
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_peak_memory_of_the_process():
    """50 layers of 1.6 MB: some 300 MB eagerly; within 30 MB the first call and the planning take no more, either."""
    peak = {}
    for how in ("capped", "eager"):
        script = CAPPED.format(function=inspect.getsource(rolling))
        run = subprocess.run([sys.executable, "-c", script, how], capture_output=True, text=True, check=True)
        peak[how] = float(run.stdout)
    assert peak["eager"] > 150
    assert peak["capped"] < 45


def test_functions_that_write_into_arrays_of_their_own():
    def f(x):
        i, s = np.array([0, 1]), 0.0
        for _ in range(5):
            s = s + np.sum(np.sin(x)[i])
            i += 1
        return s

    x = np.linspace(0.0, 1.0, 10_000)
    np.testing.assert_allclose(mmad.grad(f, memory="100MB")(x), mmad.grad(f)(x), rtol=1e-14)
