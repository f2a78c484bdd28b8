"""The transforms' identities, and any nesting of them to third order on closed forms."""

import itertools

import numpy as np
import pytest
import reference

import mmad
from mmad.tracing import tree

RNG = np.random.default_rng(20)
X, V = RNG.normal(size=4), RNG.normal(size=4)
M, N = RNG.normal(size=(3, 4)), RNG.normal(size=(3, 4))


def elementwise(x, m):
    return np.sin(x) * np.exp(-(x**2)) + np.tanh(m).sum(axis=0)


def products(x, m):
    return m @ x * (x @ x), (m * x).T @ m


def loop(x, m):
    y = np.zeros_like(x)
    for i in range(4):
        y[i] = np.sin(x[i]) * x[i - 1] if x[i] > 0 else x[i] ** 2 * m[0, i]
    return y


def writes(x, m):
    y = m + 0.5 * x
    y[1:, ::2] *= x[::2]
    v = y.T
    v[0] = x[1:]
    y[[0, 2], [3, 3]] += x[0]
    np.sin(y, out=y)
    y[y > 0.5] = 0.25
    return y.sum(axis=1), y[0, 0] * x


def selections(x, m):
    return np.where(x > 0, np.log(np.abs(x)), x**2), np.maximum(m[0], x).max(), np.sort(m, axis=1)[:, 1]


def scalars(x, m):
    t = x[0]
    for k in range(5):
        t = np.sin(t) * m[1, k % 4] + 1.0 / (1.0 + t * t)
    return t, {"again": t * t}


def inner(x, m):
    return mmad.grad(lambda y: np.sum(np.sin(y * x) * m[0]))(x * 2.0), mmad.jvp(np.tanh, (x,), (m[1],))[1]


FUNCTIONS = [elementwise, products, loop, writes, selections, scalars, inner]


def leaves(*args):
    return [x for a in args for x in tree.flatten(a)[0]]


def dot(a, b):
    """The inner product of two trees."""
    return sum(np.sum(np.asarray(p) * q) for p, q in zip(leaves(a), leaves(b), strict=True))


def like(y, seed=5):
    """A random tree of the structure of y."""
    rng = np.random.default_rng(seed)
    found, structure = tree.flatten(y)
    values = [rng.normal(size=np.shape(v)) if np.shape(v) else float(rng.normal()) for v in found]
    return tree.unflatten(structure, values)


def same(a, b, rtol=1e-12):
    for p, q in zip(leaves(a), leaves(b), strict=True):
        assert np.shape(p) == np.shape(q)
        np.testing.assert_allclose(p, q, rtol=rtol, atol=rtol * (1 + np.abs(q).max(initial=0)))


def run(tape, *args):
    """Validate, evaluate, and hold against the reference interpreter."""
    mmad.validate(tape)
    y = tape(*args)
    same(reference.run(tape, [np.copy(v) if isinstance(v, np.ndarray) else v for v in leaves(*args)]), leaves(y))
    return y


@pytest.fixture(params=FUNCTIONS, ids=lambda f: f.__name__)
def f(request):
    return request.param


def test_pushforward_is_jvp(f):
    same(run(mmad.record(f, X, M).pushforward(), X, M, V, N), mmad.jvp(f, (X, M), (V, N)))


def test_pullback_is_vjp(f):
    y, pullback = mmad.vjp(f, X, M)
    y_bar = like(y)
    same(run(mmad.record(f, X, M).pullback(), X, M, y_bar), pullback(y_bar))


def test_linearize_here_and_elsewhere(f):
    tape = mmad.record(f, X, M)
    same(run(tape.linearize(), V, N), mmad.jvp(f, (X, M), (V, N))[1])
    x, m = X + 1e-3 * V, M + 1e-3 * N
    same(run(tape.linearize(x, m), V, N), mmad.jvp(f, (x, m), (V, N))[1])


def test_adjoint_identity(f):
    linear = mmad.record(f, X, M).linearize()
    y_dot = run(linear, V, N)
    y_bar = like(y_dot)
    x_bar = run(linear.transpose(), y_bar)
    assert dot(y_bar, y_dot) == pytest.approx(dot(x_bar, (V, N)), rel=1e-12)


def test_transpose_twice_is_the_same_map(f):
    linear = mmad.record(f, X, M).linearize()
    twice = linear.transpose().transpose()
    same(run(twice, (V, N))[0], linear(V, N))


def test_pullback_is_linearize_then_transpose(f):
    tape = mmad.record(f, X, M)
    y_bar = like(tape(X, M))
    same(tape.linearize().transpose()(y_bar), tape.pullback()(X, M, y_bar))


def test_batch_is_a_loop(f):
    tape = mmad.record(f, X, M)
    xs, ms = np.stack([X, X + 1e-4 * V, X - 1e-4 * V]), np.stack([M, M + 1e-4 * N, M])
    want = [tree.flatten(f(x.copy(), m))[0] for x, m in zip(xs, ms, strict=True)]
    got = leaves(run(tape.batch(3), xs, ms))
    same(got, [np.stack([np.asarray(v) for v in column]) for column in zip(*want, strict=True)])


def test_batch_of_linear_map_is_the_jacobian():
    tape = mmad.record(lambda x: elementwise(x, M), X)
    got = run(tape.linearize().batch(4), np.eye(4)).T
    same(got, mmad.jacobian(elementwise)(X, M))


def test_batch_of_a_derivative_and_derivative_of_a_batch(f):
    tape = mmad.record(f, X, M)
    y_bar = like(tape(X, M))
    xs, ms = np.stack([X, X + 1e-4 * V]), np.stack([M, M])
    bars = tree.unflatten(tree.flatten(y_bar)[1], [np.stack([np.asarray(v)] * 2) for v in leaves(y_bar)])
    same(run(tape.pullback().batch(2), xs, ms, bars), run(tape.batch(2).pullback(), xs, ms, bars))
    dots = np.stack([V, X]), np.stack([N, M])
    same(run(tape.pushforward().batch(2), xs, ms, *dots), run(tape.batch(2).pushforward(), xs, ms, *dots))


def test_batch_refuses_lanes_that_part():
    tape = mmad.record(lambda x: x * x if x > 0 else x, 1.0)
    with pytest.raises(mmad.GuardError):
        tape.batch(2)(np.array([1.0, -1.0]))


def test_hessian_vector_products_in_all_orders(f):
    def g(x):
        return sum(np.sum(np.sin(v)) for v in tree.flatten(f(x, M))[0])

    want = mmad.hvp(g)(X, V)
    tape = mmad.record(g, X)
    gradient = tape.pullback()
    same(run(gradient.pushforward(), X, 1.0, V, 0.0)[1][0], want)
    same(run(gradient.linearize(X, 1.0), V, 0.0)[0], want)
    same(run(gradient.linearize(X, 1.0).transpose(), (V,))[0], want)
    same(run(gradient.pullback(), X, 1.0, (V,))[0], want)
    same(run(tape.pushforward().pullback(), X, V, (0.0, 1.0))[0], want)
    same(run(tape.pushforward().pushforward(), X, V, V, np.zeros(4))[1][1], V @ want)


CLOSED = {  # function, and its first to third derivatives
    "sin": (np.sin, (np.cos, lambda x: -np.sin(x), lambda x: -np.cos(x))),
    "exp": (lambda x: np.exp(2 * x), tuple(lambda x, k=k: 2.0**k * np.exp(2 * x) for k in (1, 2, 3))),
    "power": (lambda x: x**5, (lambda x: 5 * x**4, lambda x: 20 * x**3, lambda x: 60 * x**2)),
    "reciprocal": (lambda x: 1 / x, (lambda x: -1 / x**2, lambda x: 2 / x**3, lambda x: -6 / x**4)),
}


STEPS = ("push", "pull", "batched")
ORDERS = [
    (*before, last)
    for r in range(3)
    for before in itertools.product(STEPS, repeat=r)
    for last in (*STEPS, "linear", "transposed")
]


@pytest.mark.parametrize("name", CLOSED)
@pytest.mark.parametrize("steps", ORDERS, ids="-".join)
def test_nesting_to_third_order(name, steps):
    f, derivatives = CLOSED[name]
    at = 1.3
    tape = mmad.record(f, at)
    for step in steps:  # each step replaces the tape of g by one of g'
        if step == "push":
            tangent = tape.pushforward()
            tape = mmad.record(lambda x, t=tangent: t(x, 1.0)[1], at)
        elif step == "pull":
            gradient = tape.pullback()
            tape = mmad.record(lambda x, t=gradient: t(x, 1.0)[0], at)
        elif step == "batched":
            lanes, weights = tape.pullback().batch(2), np.array([0.25, 0.75])
            tape = mmad.record(lambda x, t=lanes, w=weights: np.sum(t(mmad.numpy.array([x, x]), w)[0]), at)
        mmad.validate(tape)
    if steps[-1] == "linear":
        got = run(tape.linearize(at), 1.0)
    elif steps[-1] == "transposed":
        got = run(tape.linearize(at).transpose(), 1.0)[0]
    else:
        got = run(tape, at)
    assert got == pytest.approx(derivatives[len(steps) - 1](at), rel=1e-13)


@pytest.mark.parametrize("name", CLOSED)
def test_transforms_of_transforms_of_transforms(name):
    f, (_, second, third) = CLOSED[name]
    x = 1.3
    tape = mmad.record(f, x)
    thrice = tape.pushforward().pushforward().pushforward()
    assert run(thrice, x, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0)[1][1][1] == pytest.approx(third(x), rel=1e-13)
    gradient = tape.pullback()
    hvp = gradient.pushforward()  # (x, y_bar, x_dot, y_bar_dot) -> ((g,), (hv,))
    assert run(hvp, x, 1.0, 1.0, 0.0)[1][0] == pytest.approx(second(x), rel=1e-13)
    bars = run(hvp.pullback(), x, 1.0, 1.0, 0.0, ((0.0,), (1.0,)))
    assert bars[0] == pytest.approx(third(x), rel=1e-13)
    assert bars[2] == pytest.approx(second(x), rel=1e-13)
    dots = run(hvp.pushforward(), x, 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0)[1]
    assert dots[1][0] == pytest.approx(third(x), rel=1e-13)
    bars = run(gradient.pullback().pullback(), x, 1.0, (1.0,), (1.0, 0.0))
    assert bars[0] == pytest.approx(third(x), rel=1e-13)


# ------------------------------------------------------------------------------------------------ edges
def test_outputs_that_are_inputs_constants_and_repeated():
    tape = mmad.record(lambda x: (x, 2.5, x * 2, x, None), X)
    y_bar = (V, 1.0, V, X, None)
    same(run(tape.pullback(), X, y_bar), (3 * V + X,))
    _, y_dot = tape.pushforward()(X, V)
    assert y_dot[1] == 0.0
    assert y_dot[4] is None
    same((y_dot[0], y_dot[2], y_dot[3]), (V, 2 * V, V))
    same(run(tape.linearize().transpose(), y_bar), (3 * V + X,))


def test_unused_arguments_have_zero_cotangents():
    tape = mmad.record(lambda x, y: x * 2.0, 1.0, X)
    x_bar, unused = run(tape.pullback(), 1.0, X, 1.0)
    assert x_bar == 2.0
    np.testing.assert_array_equal(unused, np.zeros(4))


def test_static_arguments_pass_through():
    tape = mmad.record(lambda p: p["x"] * len(p["name"]), {"x": 2.0, "name": "abc"})
    assert tape.pullback()({"x": 2.0, "name": "abc"}, 1.0) == ({"name": "abc", "x": 3.0},)


def test_integers_and_truth_values_among_the_results():
    tape = mmad.record(lambda x: (np.argmax(x), x > 0, x * x), X)
    (k, mask, _), dots = run(tape.pushforward(), X, V)
    assert k == np.argmax(X)
    np.testing.assert_array_equal(mask, X > 0)
    same(dots, (0.0, np.zeros(4), 2 * X * V))
    same(tape.pullback()(X, (1.0, np.ones(4), V)), (2 * X * V,))


def test_float32_and_complex():
    x = X.astype(np.float32)
    tape = mmad.record(lambda x: np.sin(x) * 2.0, x)
    assert run(tape.pullback(), x, np.ones(4, np.float32))[0].dtype == np.float32
    z = X + 1j * V
    tape = mmad.record(lambda z: (abs(z) ** 2).sum(), z)
    same(run(tape.pullback(), z, 1.0)[0], 2 * z)


NONLINEAR = [
    np.sin,
    lambda x: x * x,
    lambda x: x + 1.0,
    lambda x: np.maximum(x, 0.0),
    lambda x: 3.0 * np.abs(x),
    lambda x: x.prod(),
    lambda x: (x, np.ones(4)),
    lambda x: x if x[0] > 0 else 2 * x,
]
LINEAR = [
    lambda x: 2 * x,
    lambda x: M @ x,
    lambda x: x[::-1] - x,
    lambda x: np.cumsum(x) / 3.0,
    lambda x: np.concatenate([x, np.zeros(2)]),
    lambda x: np.where(V > 0, x, 0.0),
    lambda x: np.add(x, np.roll(x, 1)) * V,
    lambda x: x[[0, 0, 1]],
]


@pytest.mark.parametrize("g", NONLINEAR)
def test_only_linear_tapes_are_transposed(g):
    with pytest.raises(ValueError, match="not linear"):
        mmad.record(g, X).transpose()


@pytest.mark.parametrize("g", LINEAR)
def test_linear_functions_are_transposed(g):
    tape = mmad.record(g, X).transpose()
    y_bar = like(g(X))
    same(run(tape, y_bar), mmad.vjp(g, X)[1](y_bar))


def test_zero_cotangents_meet_infinite_partials():
    def g(x):
        return np.where(x > 0, np.sqrt(np.where(x > 0, x, 0.0)), 0.0).sum()

    x = np.array([0.0, 4.0])
    tape = mmad.record(g, x)
    same(run(tape.pullback(), x, 1.0)[0], np.array([0.0, 0.25]))
    same(tape.linearize().transpose()(1.0)[0], np.array([0.0, 0.25]))


def test_the_number_of_lanes_is_checked():
    with pytest.raises(ValueError, match="positive integer"):
        mmad.record(np.sin, 1.0).batch(0)
