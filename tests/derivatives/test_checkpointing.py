"""Checkpoints: exact in every mode and nesting, not recorded inside; loops with the fewest steps run again."""

import functools
from math import comb

import numpy as np
import pytest

import mmad
from mmad.derivatives.revolve import evaluations, reversal, snapshots_for, stored_first

X, W = np.array([0.5, 1.5, 2.0]), np.array([1.0, -0.5, 0.3])


def inner(x):
    y = np.zeros_like(x)
    for i in range(len(x)):
        y[i] = np.sin(x[i]) * x[i - 1] if x[i] > 1 else x[i] ** 3
    y[1:] *= x[:-1]
    return y


def outer(part):
    return lambda x: (part(part(np.tanh(x)) + x) ** 2).sum()


PLAIN, KEPT = outer(inner), outer(mmad.checkpoint(inner))


@pytest.mark.parametrize(
    "derive",
    [
        lambda f: f(X),
        lambda f: mmad.grad(f)(X),
        lambda f: mmad.jvp(f, (X,), (W,))[1],
        lambda f: mmad.hvp(f)(X, W),
        lambda f: mmad.hessian(f)(X),
        lambda f: mmad.grad(lambda x: mmad.grad(f)(x) @ W)(X),
        lambda f: mmad.jacrev(mmad.grad(f))(X),
        lambda f: mmad.grad(lambda x: mmad.jvp(f, (x,), (W,))[1])(X),
        lambda f: mmad.grad(lambda x: mmad.hvp(f)(x, W) @ W)(X),
        lambda f: mmad.taylor(f, X, W, 3),
        lambda f: mmad.grad(lambda x: mmad.taylor(f, x, W, 3)[3])(X),
        lambda f: mmad.taylor(mmad.grad(f), X, W, 2),
        lambda f: mmad.vmap(mmad.grad(f))(np.stack([X, 2 * X])),
        lambda f: mmad.linearize(f, X)[1](W),
        lambda f: mmad.compile(mmad.grad(f))(X),
        lambda f: mmad.compile(f)(X),
    ],
)
def test_every_mode(derive):
    np.testing.assert_allclose(derive(KEPT), derive(PLAIN), rtol=1e-11)


def test_compiled_at_other_points():
    g = mmad.compile(mmad.grad(KEPT))
    for x in (X, 1.1 * X, X[::-1].copy()):
        np.testing.assert_allclose(g(x), mmad.grad(PLAIN)(x), rtol=1e-12)


def test_nothing_is_recorded_inside():
    def f(part):
        return len(mmad.record(lambda x: part(x), X))

    def long(x):
        for _ in range(50):
            x = np.sin(x)
        return x

    assert f(long) > 50
    assert f(mmad.checkpoint(long)) <= 4


def test_how_often_it_runs():
    calls = []

    @mmad.checkpoint
    def f(x):
        calls.append(1)
        return x * x

    assert f(2.0) == 4.0
    assert len(calls) == 1
    assert mmad.grad(f)(3.0) == 6.0
    assert len(calls) == 3
    assert mmad.jvp(f, (3.0,), (1.0,)) == (9.0, 6.0)
    assert len(calls) == 4


def test_closure_over_a_traced_value():
    def f(part):
        def outside(x):
            scale = np.exp(x[0])
            table = {"shift": x[1:], "names": ("a", None)}

            def helper(t, power=scale):
                return t * scale + table["shift"].sum() * power

            return mmad.checkpoint(lambda t: helper(t) * scale)(x).sum() if part else (helper(x) * scale).sum()

        return outside

    np.testing.assert_allclose(mmad.grad(f(True))(X), mmad.grad(f(False))(X), rtol=1e-13)
    np.testing.assert_allclose(mmad.hessian(f(True))(X), mmad.hessian(f(False))(X), rtol=1e-12)


def test_a_recursive_closure():
    def f(x):
        def power(t, n):
            return t * x if n == 0 else power(t * x, n - 1)

        return mmad.checkpoint(power)(x, 3)

    assert mmad.grad(f)(2.0) == 5 * 2.0**4


def test_partial_and_bound_arguments():
    class Layer:
        def __init__(self, w):
            self.w, self.name = w, "layer"

        def __call__(self, x):
            return self.w * x

        def forward(self, x):
            return self.w * x * x

    assert mmad.grad(lambda w: mmad.checkpoint(Layer(w).forward)(3.0))(2.0) == 9.0
    assert mmad.grad(lambda w: mmad.checkpoint(Layer(w))(3.0))(2.0) == 3.0
    assert mmad.grad(lambda w: mmad.checkpoint(functools.partial(lambda a, x: a * x, w))(3.0))(2.0) == 3.0


def test_trees_integers_and_keywords():
    @mmad.checkpoint
    def f(p, *, n, index, mode="sum"):
        y = p["a"][index] ** n * p["b"]
        return {"y": y, "n": n + 1, "mode": mode}

    def loss(p):
        r = f(p, n=3, index=np.array([0, 0, 1]))
        assert r["n"] == 4
        assert r["mode"] == "sum"
        return r["y"].sum()

    g = mmad.grad(loss)({"a": np.array([1.0, 2.0]), "b": 2.0})
    np.testing.assert_allclose(g["a"], [12.0, 24.0])
    assert g["b"] == 10.0


def test_several_dtypes():
    f = mmad.checkpoint(lambda x: np.exp(x) * 2.0)
    g = mmad.grad(lambda x: f(x).sum())(np.zeros(2, np.float32))
    assert g.dtype == np.float32
    assert mmad.grad(lambda z: abs(mmad.checkpoint(np.square)(z)))(1 + 2j) == pytest.approx(
        mmad.grad(lambda z: abs(z * z))(1 + 2j)
    )


def test_another_result_the_second_time_is_an_error():
    rng = np.random.default_rng(0)
    with pytest.raises(mmad.TraceError, match="gave another result"):
        mmad.grad(lambda x: mmad.checkpoint(lambda t: t * rng.normal())(x))(1.0)


def test_writing_into_an_argument_is_an_error():
    def f(x):
        x *= 2
        return x

    with pytest.raises(ValueError, match="changed one of its arguments"):
        mmad.grad(lambda x: mmad.checkpoint(f)(x * 1.0).sum())(X)


def test_a_traced_value_in_a_global_is_an_error():
    held = []

    def f(x):
        return x * holder()

    def holder():
        return globals()["_held"]

    def loss(x):
        globals()["_held"] = x
        return mmad.checkpoint(f)(x)

    try:
        with pytest.raises(TypeError, match="traced value"):
            mmad.grad(loss)(2.0)
    finally:
        globals().pop("_held", None)
    assert not held


# ------------------------------------------------------------------------------------------------ the schedule
@functools.cache
def least(n, s):
    """The fewest steps to reverse n steps with s snapshots, by trying every place for the next one."""
    if n <= 1:
        return 0
    if s == 1:
        return n * (n - 1) // 2
    return min(m + least(n - m, s - 1) + least(m, s) for m in range(1, n))


def test_the_formula_is_the_minimum():
    for s in range(1, 7):
        for n in range(1, 60):
            assert evaluations(n, s) == least(n, s)


@pytest.mark.parametrize("s", [1, 2, 3, 5, 10])
def test_the_schedule(s):
    for n in [*range(1, 41), 100, 333]:
        stored = set(stored_first(n, s))
        at, order, most = n - 1, [], len(stored)
        steps = n - 1  # the first run, up to the last step, which is reversed
        for action, i, j in reversal(n, s, sorted(stored)):
            if action == "load":
                assert i in stored
                at = i
            elif action == "advance":
                assert at == i
                steps += j - i
                at = j
            elif action == "store":
                assert at == i
                stored.add(i)
            elif action == "reverse":
                assert at == i
                order.append(i)
            else:
                stored.remove(i)
            most = max(most, len(stored))
        assert order == list(range(n - 1, -1, -1))
        assert most <= s
        assert not stored
        assert steps == evaluations(n, s)


def test_default_number_of_snapshots():
    for n in (1, 2, 10, 1000, 10**6):
        s = snapshots_for(n)
        assert comb(s + 2, 2) >= n
        assert s == 1 or comb(s + 1, 2) < n


# ------------------------------------------------------------------------------------------------ loops
def pendulum(state):
    x, v, i = state
    return x + 0.05 * v, v - 0.05 * np.sin(x) - 0.001 * i * v, i + 1


def by_recording(f):
    def loop(state, n):
        for _ in range(n):
            state = f(state)
        return state

    return loop


@pytest.mark.parametrize("s", [None, 1, 2, 3, 7, 100])
@pytest.mark.parametrize("n", [0, 1, 2, 13, 40])
def test_loops(n, s):
    def value(loop):
        return lambda x, v: (lambda r: r[0] ** 2 + r[1])(loop((x, v, 0)))

    kept = value(lambda state: mmad.checkpointed_loop(pendulum, state, n, snapshots=s))
    plain = value(lambda state: by_recording(pendulum)(state, n))
    assert kept(0.3, 0.1) == plain(0.3, 0.1)
    np.testing.assert_allclose(mmad.grad(kept, (0, 1))(0.3, 0.1), mmad.grad(plain, (0, 1))(0.3, 0.1), rtol=1e-12)


def test_loop_in_every_mode():
    def rotated(x):
        y = np.roll(x, 1)
        y[0] += 0.1 * np.sin(x[1])
        return y * (1 + 0.1 * x)

    def kept(x):
        return (mmad.checkpointed_loop(rotated, x, 9, snapshots=3) ** 2).sum()

    def plain(x):
        return (by_recording(rotated)(x, 9) ** 2).sum()

    x = 0.3 * X
    for derive in (
        lambda f: mmad.jvp(f, (x,), (W,))[1],
        lambda f: mmad.hvp(f)(x, W),
        lambda f: mmad.hessian(f)(x),
        lambda f: mmad.grad(lambda y: mmad.grad(f)(y) @ W)(x),
        lambda f: mmad.taylor(f, x, W, 3),
        lambda f: mmad.grad(lambda y: mmad.taylor(f, y, W, 2)[2])(x),
        lambda f: mmad.compile(mmad.grad(f))(x),
    ):
        np.testing.assert_allclose(derive(kept), derive(plain), rtol=1e-10)


def test_loop_over_a_closure():
    def f(loop):
        return lambda p: loop(lambda x: x + 0.1 * p[0] * np.sin(p[1] * x), p[2])

    kept = f(lambda step, x: mmad.checkpointed_loop(step, x, 30, snapshots=4))
    plain = f(lambda step, x: by_recording(step)(x, 30))
    np.testing.assert_allclose(mmad.grad(kept)(X), mmad.grad(plain)(X), rtol=1e-12)
    np.testing.assert_allclose(mmad.hessian(kept)(X), mmad.hessian(plain)(X), rtol=1e-11)


@pytest.mark.parametrize(("n", "s"), [(10, 1), (10, 3), (50, 4), (56, 3), (57, 3), (200, 10)])
def test_steps_run(n, s):
    """The first run of n steps, the fewest more, and the n that are recorded."""
    calls = []

    def step(x):
        calls.append(1)
        return x * 1.01

    mmad.grad(lambda x: mmad.checkpointed_loop(step, x, n, snapshots=s, block=1))(1.0)
    assert len(calls) == evaluations(n, s) + 1 + n


@pytest.mark.parametrize("block", [1, 2, 5, 64, None])
def test_blocks(block):
    def f(x):
        return mmad.checkpointed_loop(lambda t: t + 0.01 * np.sin(t) * x, x, 301, snapshots=3, block=block)

    def plain(x):
        return by_recording(lambda t: t + 0.01 * np.sin(t) * x)(x, 301)

    assert mmad.grad(f)(0.7) == pytest.approx(mmad.grad(plain)(0.7), rel=1e-12)


def test_the_recording_is_short(monkeypatch):
    """No tape is longer than a block: what bounds the memory."""
    lengths = []
    sweep = mmad.tracing.trace.reverse_sweep

    def watched(tape, *rest):
        lengths.append(len(tape))
        return sweep(tape, *rest)

    monkeypatch.setattr(mmad.tracing.trace, "reverse_sweep", watched)
    mmad.grad(lambda x: mmad.checkpointed_loop(lambda t: t * 1.01, x, 1000, block=10))(1.0)
    assert max(lengths) < 30
    assert len(lengths) == 101


def test_a_pullback_used_twice():
    _, pullback = mmad.vjp(lambda x: mmad.checkpointed_loop(lambda t: t * t, x, 3, snapshots=1), 1.1)
    assert pullback(1.0)[0] == pytest.approx(8 * 1.1**7)
    assert pullback(2.0)[0] == pytest.approx(16 * 1.1**7)


@pytest.mark.parametrize(
    ("n", "s", "error"), [(-1, None, ValueError), (2.0, None, TypeError), (3, 0, ValueError), (3, 1.5, TypeError)]
)
def test_loop_errors(n, s, error):
    with pytest.raises(error, match="checkpointed_loop"):
        mmad.checkpointed_loop(np.sin, 1.0, n, snapshots=s)


def test_a_step_that_changes_the_structure():
    with pytest.raises(ValueError, match="structure of its argument"):
        mmad.grad(lambda x: mmad.checkpointed_loop(lambda t: (t, t), x, 1)[0])(1.0)
