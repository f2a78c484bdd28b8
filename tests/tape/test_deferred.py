"""Recordings for programs leave large arrays without values; what Python looks at has them."""

import warnings

import numpy as np
import pytest

import mmad
from mmad.tape import _deferred

N = 5000
DEFERRED = 32  # NODE_DEFERRED of `_node.h`


@pytest.fixture
def x():
    return np.random.default_rng(5).uniform(0.5, 1.5, N)


def deferred(tape):
    """How many instructions have no value."""
    return sum(bool(tape.flags(k) & DEFERRED) for k in range(len(tape)))


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def log_sum_exp(x):
    m = x.max()
    return m + np.log(np.sum(np.exp(x - m)))


def branches_on_a_sum(x):
    return np.sum(x**2) if np.sum(np.sin(x)) > 0 else np.sum(x)


def written(x):
    y = np.exp(x)
    y[10:20] = 0.0
    y[3] = np.sum(x * x)
    y[y > 2] *= 0.5
    return np.sum(np.log1p(y))


def view_of_written(x):
    y = np.sin(x)
    v = y[::2]
    y[0] = 7.0
    return np.sum(v * v)


def index_from_values(x):
    y = x * x
    return y[np.argmax(y)] * y[int(np.sum(y)) % N]


def sorted_by_values(x):
    return np.sum(np.sort(np.cos(x))[:10])


def through_numbers(x):
    s = np.sum(x) / N
    r = np.sqrt(np.sum((x - s) ** 2) / N)
    return np.sum(np.tanh((x - s) / r))


def matrices(x):
    m = x[:4900].reshape(70, 70)
    return np.sum((m @ m.T)[3:, :] @ m) + np.einsum("ij,ij", m, m)


def joined(x):
    y = np.concatenate([x, np.where(x > 1, x, x * x)])
    return np.sum(y[np.arange(0, 2 * N, 7)] ** 3)


def single_precision(x):
    return np.sum(x.astype(np.float32) * np.float32(2))


def inner_gradient(x):
    return np.sum(mmad.grad(lambda y: np.sum(y**3))(x) * x)


def loops(x):
    y, k = x, 0
    while np.sum(y) > 100:
        y = y * 0.5
        k += 1
    return np.sum(y) * k


FUNCTIONS = [
    rosenbrock, log_sum_exp, branches_on_a_sum, written, view_of_written, index_from_values, sorted_by_values,
    through_numbers, matrices, joined, single_precision, inner_gradient, loops,
]  # fmt: skip


@pytest.mark.parametrize("f", FUNCTIONS, ids=lambda f: f.__name__)
def test_agrees_with_eager(f, x):
    v = np.cos(np.arange(N))
    tolerance = 1e-5 if f is single_precision else 1e-12
    for derivative, args in ((mmad.value_and_grad(f), (x,)), (mmad.hvp(f), (x, v))):
        replayed = mmad.compile(derivative)
        for scale in (1.0, 1.1, 1.0):
            at = (args[0] * scale, *args[1:])
            got, want = replayed(*at), derivative(*at)
            got, want = (got, want) if isinstance(got, tuple) else ((got,), (want,))
            for g, w in zip(got, want, strict=True):
                np.testing.assert_allclose(g, w, rtol=tolerance, atol=tolerance * np.abs(w).max())


@pytest.mark.parametrize("f", [rosenbrock, log_sum_exp, through_numbers, matrices, joined], ids=lambda f: f.__name__)
def test_nothing_is_computed_that_nobody_looks_at(f, x):
    tape = mmad.record(mmad.value_and_grad(f), x, live=True)
    arrays = [k for k in range(len(tape)) if tape.is_array(k) and tape.record_of(k).shape]
    large = [k for k in arrays if tape.node(k)[0] not in ("input", "const", "window")]  # a view costs nothing
    assert len(large) > 5
    assert [tape.node(k)[0] for k in large if not tape.flags(k) & DEFERRED] == []


def test_a_look_computes_what_leads_there_and_no_more(x):
    seen = []

    def f(x):
        y, z = np.exp(x), np.sin(x)
        seen.append(mmad.concrete(y[3] if False else np.sum(y * y)))
        return np.sum(z)

    tape = mmad.record(f, x, live=True)
    assert seen == [pytest.approx(np.sum(np.exp(x) ** 2), rel=1e-14)]
    names = [tape.node(k)[0] for k in range(len(tape)) if tape.flags(k) & DEFERRED]
    assert names == ["sin", "sum"]


def test_other_recordings_have_their_values(x):
    assert deferred(mmad.record(mmad.grad(rosenbrock), x)) == 0


def test_small_arrays_have_their_values():
    before = _deferred.set_large(4096)  # as it is without --deferred
    try:
        assert deferred(mmad.record(mmad.grad(rosenbrock), np.ones(4000), live=True)) == 0
        assert deferred(mmad.record(mmad.grad(rosenbrock), np.ones(5000), live=True)) > 0
    finally:
        _deferred.set_large(before)


def test_shapes_and_dtypes_are_those_of_numpy(x):
    found = []

    def f(x):
        m = x[:4900].reshape(70, 70)
        for y in (
            x > 1, np.sum(m, axis=0), np.sum(m, axis=1, keepdims=True), m @ m, m @ m[0], m.astype(np.float32),
            m.astype(np.float32) * 2, np.stack([m, m]), m[:, None] * m, m[[1, 2, 2]], np.max(m, axis=1),
            np.where(m > 1, m, 0), np.einsum("ij,kj->ik", m, m), m + 1j * m, np.floor(m), np.sign(m),
        ):  # fmt: skip
            found.append((y.shape, y.dtype))
        return np.sum(x)

    mmad.record(f, x, live=True)
    traced, found = found, []
    f(x)
    assert traced == found


def test_shapes_that_do_not_fit_are_numpys_errors(x):
    with pytest.raises(ValueError, match="could not be broadcast together"):
        mmad.compile(lambda x: np.sum(x * x[1:]))(x)
    with pytest.raises(ValueError, match="mismatch in its core dimension"):
        mmad.compile(lambda x: np.sum(x[:4900].reshape(70, 70) @ x[:71]))(x)
    with pytest.raises(IndexError, match="out of bounds"):
        mmad.compile(lambda x: np.sum(x[[N]]))(x)
    with pytest.raises(ValueError, match="dimensions"):
        mmad.compile(lambda x: np.sum(np.concatenate([x.reshape(2, -1), x.reshape(4, -1)])))(x)


def test_arguments_are_not_written_to(x):
    before = x.copy()

    def f(x):
        x[:] = x * 2
        x[0] = 5.0
        return np.sum(x * x)

    mmad.compile(mmad.grad(f))(x)
    assert (x == before).all()


def test_arguments_in_another_order_of_memory():
    a = np.asfortranarray(np.random.default_rng(0).normal(size=(80, 70)))
    b = np.random.default_rng(0).normal(size=(160, 140))[::2, ::2]
    for m in (a, b):
        np.testing.assert_allclose(
            mmad.compile(mmad.grad(lambda m: np.sum(m[3] ** 2 * m)))(m), mmad.grad(lambda m: np.sum(m[3] ** 2 * m))(m)
        )


def test_no_warnings_from_values_that_were_not_asked_for():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        g = mmad.compile(mmad.grad(lambda x: np.sum(np.log(x))))
        assert np.isinf(g(np.zeros(N))).all()


def test_long_chains_are_computed_without_recursion():
    def f(x):
        y = x
        for _ in range(20_000):
            y = y * 1.0001
        return np.sum(y) if np.sum(y) > 0 else 0.0

    n = 8
    before = _deferred.set_large(0)
    try:
        got = mmad.compile(f)(np.ones(n))
    finally:
        _deferred.set_large(before)
    assert got == pytest.approx(n * 1.0001**20_000, rel=1e-9)


def write_too_long(y, x):
    y[0:3] = x[:5]


def write_too_short(y, x):
    y[:4000] = x[:3]


def write_a_column(y, x):
    y[:4900].reshape(70, 70)[:, 0] = x[:3]


def write_by_index(y, x):
    y[[1, 2]] = x[:5]


def write_out_of_bounds(y, x):
    y[[1, N]] = x[:2]


def write_constants(y, x):
    y[0:3] = np.ones(5)


WRONG = [write_too_long, write_too_short, write_a_column, write_by_index, write_out_of_bounds, write_constants]


@pytest.mark.parametrize("write", WRONG, ids=lambda f: f.__name__)
def test_writes_that_do_not_fit_are_errors_where_they_are(write, x):
    def f(x):
        y = np.sin(x)
        try:
            write(y, x)
        except (ValueError, IndexError):
            y = 2 * y
        return np.sum(y)

    assert mmad.compile(f)(x) == pytest.approx(f(x), rel=1e-13)
    assert f(x) == pytest.approx(2 * np.sum(np.sin(x)), rel=1e-13)


def test_written_constants_of_other_dtypes(x):
    def f(x):
        y = np.sin(x)
        y[0:2] = [1, 2]
        y[2:4] = np.array([True, False])
        y[[5, 6]] = np.array([3, 4], np.int32)
        return np.sum(y * y)

    np.testing.assert_allclose(mmad.compile(f)(x), f(x), rtol=1e-13)
    np.testing.assert_allclose(mmad.compile(mmad.grad(f))(x), mmad.grad(f)(x), rtol=1e-13)


def test_captured_arrays_that_change_before_a_look(x):
    def f(x):
        mask = np.zeros(N)
        mask[:10] = 1
        y = x * mask
        mask[:] = 0
        return np.sum(y * y) if np.sum(y * y) > 0 else 1.0

    with pytest.warns(RuntimeWarning, match="writes into an array"):
        assert mmad.compile(f)(x) == f(x)


def test_index_arrays_that_change(x):
    def f(x):
        i = np.zeros(50_000, int)
        y = x * 2
        y[i] = x[0] * 3
        i[:] = 1
        y[i] = 7
        return np.sum(y * x)

    with pytest.warns(RuntimeWarning, match="writes into an array"):
        assert mmad.compile(f)(x) == f(x)


def test_integers_are_computed_where_they_are():
    def f(x):
        n = (x > 0).astype(int)
        try:
            n = n**-n
        except ValueError:
            n = n + 5
        return np.sum(x * n)

    x = np.linspace(-1.0, 1.0, N)
    assert mmad.compile(f)(x) == pytest.approx(f(x), rel=1e-13)


def test_a_leaked_value_that_was_never_computed(x):
    leaked = []

    def f(x):
        leaked.append(x * 2)
        return np.sum(x)

    mmad.compile(f)(x)
    with pytest.raises(mmad.TraceError, match="used after that call has ended"):
        mmad.concrete(leaked[0])
