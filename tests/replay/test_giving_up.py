"""Compiled functions that take ever new ways: they run as they are, soon, and the user is told which line it is."""

import functools
import inspect
import warnings

import numpy as np
import pytest

import mmad
from mmad.replay.compiled import AT_ONCE, UNPAID

N = 30


def masked(x):
    y = np.sin(x)
    positive = x[x > 0]  # ever another mask
    return (positive**2).sum() + (x * y).sum()


def masked_gradient(x):
    return np.where(x > 0, 2.0 * x, 0.0) + np.sin(x) + x * np.cos(x)


def masked_product(x, v):
    return (np.where(x > 0, 2.0, 0.0) + 2.0 * np.cos(x) - x * np.sin(x)) * v


def branching(x):
    total = 0.0
    for v in x:
        total = total + (v * v if v > 0 else -3.0 * v)  # ever another branch
    return total


def branching_gradient(x):
    return np.where(x > 0, 2.0 * x, -3.0)


def branching_product(x, v):
    return np.where(x > 0, 2.0, 0.0) * v


FUNCTIONS = {
    "mask": (masked, masked_gradient, masked_product, "ever another mask"),
    "branch": (branching, branching_gradient, branching_product, "ever another branch"),
}
WAYS = {
    "compiled": lambda operator, f: mmad.compile(operator(f)),
    "planned": lambda operator, f: operator(f, evaluations=10_000, mode="compiled"),
}


def repeated(call, times, says="ever new ways through its branches"):
    """Call again and again; one warning says so."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(times):
            call()
    (warning,) = said
    assert says in str(warning.message)


def replay_of(call):
    (found,) = (
        [call]
        if hasattr(call, "stats")
        else [e.replay for e in call.entries if e.replay is not None and e.replay.stats()["calls"]]
    )
    return found


@pytest.mark.parametrize("how", WAYS)
@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize("operator", [mmad.grad, mmad.hvp, mmad.value_and_grad, mmad.value_grad_hvp])
def test_ever_new_ways(f, how, operator):
    f, gradient, product, mark = FUNCTIONS[f]
    call, rng = WAYS[how](operator, f), np.random.default_rng(1)
    second = operator in (mmad.hvp, mmad.value_grad_hvp)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(100):
            x, v = rng.normal(size=(2, N))
            got = call(x, v) if second else call(x)
            here = inspect.currentframe().f_lineno - 1
            got = got[-1] if isinstance(got, tuple) else got
            np.testing.assert_allclose(got, product(x, v) if second else gradient(x), rtol=1e-12, atol=1e-12)
    stats = replay_of(call).stats()
    assert (stats["records"], stats["replays"]) == (AT_ONCE, 0)
    assert stats["eager"] == stats["calls"] - AT_ONCE
    assert stats["guard_failures"] < 2 * AT_ONCE * (AT_ONCE + UNPAID)  # later calls do not try
    (warning,) = said
    lines, first = inspect.getsourcelines(f)
    line = first + next(k for k, text in enumerate(lines) if mark in text)
    assert f"(test_giving_up.py:{line})" in str(warning.message)
    assert f"{f.__name__} (test_giving_up.py:{first})" in str(warning.message)
    assert (warning.filename, warning.lineno) == (__file__, here)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("how", WAYS)
def test_matrices_of_ever_new_ways(how, sparse):
    rng = np.random.default_rng(2)
    H = WAYS[how](functools.partial(mmad.hessian, sparse=sparse), masked)

    def call():
        x = rng.normal(size=N)
        got = H(x).toarray() if sparse else H(x)
        np.testing.assert_allclose(got, np.diag(masked_product(x, np.ones(N))), rtol=1e-12, atol=1e-12)

    repeated(call, 50)
    assert replay_of(H).stats()["records"] == AT_ONCE


def test_each_signature_by_itself():
    g, rng = mmad.compile(mmad.grad(masked)), np.random.default_rng(3)
    repeated(lambda: g(rng.normal(size=N)), 100)
    before = g.stats()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(100):
            x = rng.normal(size=3)
            x = np.abs(x)  # of this length they all go one way
            np.testing.assert_allclose(g(x), masked_gradient(x), rtol=1e-12)
    assert g.stats()["replays"] - before["replays"] == 99


def three_signs(x):
    return sum((v * v if v > 0 else -3.0 * v) for v in x)


def test_ways_that_come_back_are_recorded():
    """Eight ways: those beyond the first few wait until calls have paid for them."""
    g, rng = mmad.compile(mmad.grad(three_signs)), np.random.default_rng(4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(6000):
            x = rng.normal(size=3)
            np.testing.assert_allclose(g(x), branching_gradient(x), rtol=1e-12)
    assert g.stats()["variants"] == 8
    assert g.stats()["replays"] > 3000


def test_contents_of_captured_arrays():
    w = np.ones(4)

    def f(x):
        return (x * x).sum() * w.sum()

    g = mmad.compile(mmad.grad(f))

    def call():
        w[0] += 1.0
        np.testing.assert_allclose(g(np.ones(4)), 2.0 * w.sum())

    repeated(call, 50, "contents of a captured array; make it an argument")
    assert g.stats()["records"] == AT_ONCE


def test_errors_while_looking_for_the_line():
    """What the function raises is raised by the call, not by the search for its line."""
    calls = 0

    def f(x):
        if calls > 5 and x.sum() > 100:
            raise ValueError("too large")
        return (x[x > 0] ** 2).sum()

    g, rng = mmad.compile(mmad.grad(f)), np.random.default_rng(5)
    repeated(lambda: g(rng.normal(size=N)), 60)
    calls = 10
    with pytest.raises(ValueError, match="too large"):
        g(np.full(N, 50.0))
