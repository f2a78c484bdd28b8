"""`compile`: replays equal the function, guards, captured values, signatures, life in threads and processes."""

import os
import random
import threading
import warnings

import numpy as np
import pytest
from processes import python_in

import mmad
from mmad.tracing.tree import flatten

K = 2.0
SWITCH = True


def rosenbrock(x):
    return (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2).sum()


def filling(x):
    y = mmad.numpy.zeros(len(x))
    for k in range(len(x)):
        y[k] = np.sin(x[k]) * x[k - 1]
    y[1:] *= y[:-1]
    y[[0, 2]] += x[0]
    return (y * y).sum()


def branching(x):
    total = 0.0
    for v in x:
        total = total + (v * v if v > 0 else -3.0 * v)
        if total > 10:
            break
    return total


def mixed(x):
    w = np.where(x > 0, np.log(np.abs(x) + 1.0), x**2)
    return np.max(w) + (w.reshape(-1, 1) @ w.reshape(1, -1)).trace() + float(np.argmax(mmad.concrete(x)))


X = np.array([0.7, -1.3, 2.1, 0.4])
FUNCTIONS = [rosenbrock, filling, branching]
DERIVATIVES = {
    "value": lambda f: f,
    "grad": mmad.grad,
    "value_and_grad": mmad.value_and_grad,
    "hessian": mmad.hessian,
    "jacfwd": mmad.jacfwd,
    "derivative along a line": lambda f: lambda x: mmad.jvp(f, (x,), (np.ones_like(x),))[1],
    "product": lambda f: lambda x: mmad.hvp(f)(x, np.arange(1.0, 1.0 + len(x))),
}


def leaves(tree):
    return [np.asarray(v) for v in (tree if isinstance(tree, tuple) else (tree,))]


@pytest.mark.parametrize("f", FUNCTIONS)
@pytest.mark.parametrize("derivative", DERIVATIVES.values(), ids=DERIVATIVES)
def test_replays_equal_the_function(f, derivative):
    plain, compiled = derivative(f), mmad.compile(derivative(f))
    rng = np.random.default_rng(3)
    for x in [X, *rng.normal(size=(6, 4)), X, *(5 * rng.normal(size=(6, 4)))]:
        for got, want in zip(leaves(compiled(x)), leaves(plain(x)), strict=True):
            assert got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-13)
    assert compiled.stats()["calls"] == 14
    if f is not branching:
        assert compiled.stats()["records"] == 1


def test_34_captured_array_is_read_live():
    c = np.array([2.0, 3.0])
    g = mmad.compile(mmad.grad(lambda x: (x * c).sum()))
    np.testing.assert_array_equal(g(np.ones(2)), [2.0, 3.0])
    c[0] = 100.0
    np.testing.assert_array_equal(g(np.ones(2)), [100.0, 3.0])
    assert g.stats()["records"] == 1


def test_35_branch_flip():
    g = mmad.compile(mmad.grad(lambda x: 2 * x if x > 0 else 3 * x))
    assert [g(1.0), g(-1.0), g(1.0), g(-2.0)] == [2.0, 3.0, 2.0, 3.0]
    assert g.stats()["records"] == 2


def test_36_shape_dtype_and_order_change():
    def f(x):
        return (x**3).sum()

    g = mmad.compile(mmad.grad(f))
    cube = np.arange(6.0).reshape(2, 3)
    for x in (
        np.ones(3),
        np.ones(4),
        np.ones(3, np.float32),
        cube,
        np.asfortranarray(cube),
        cube[:, ::-1],
        cube.T,
        cube.astype(">f8"),
        np.broadcast_to(2.0, 3),
    ):
        got = g(x)
        assert got.shape == x.shape
        assert got.dtype == np.dtype(x.dtype).newbyteorder("=")
        np.testing.assert_allclose(got, 3 * np.asarray(x) ** 2)


def test_37_captured_numbers():
    global K
    k = 2.0
    local, world = mmad.compile(mmad.grad(lambda x: k * x)), mmad.compile(mmad.grad(lambda x: K * x))
    assert (local(1.0), world(1.0)) == (2.0, 2.0)
    k, K = 3.0, 5.0
    try:
        assert (local(1.0), world(1.0)) == (3.0, 5.0)
    finally:
        K = 2.0
    assert world(1.0) == 2.0


def helper(x):
    return x * x if SWITCH else x


def test_captured_numbers_of_functions_called():
    global SWITCH
    g = mmad.compile(mmad.grad(lambda x: helper(x)))
    assert g(3.0) == 6.0
    SWITCH = False
    try:
        assert g(3.0) == 1.0
    finally:
        SWITCH = True


def test_38_random_numbers():
    rng = np.random.default_rng(0)
    f = mmad.compile(lambda x: x * rng.normal(), check=True)
    with pytest.raises(mmad.TraceError, match="random"):
        f(1.0)  # the recording and the run beside it already differ


def test_checked_calls_pass():
    f = mmad.compile(mmad.grad(rosenbrock), check=True)
    for _ in range(5):
        np.testing.assert_allclose(f(X), mmad.grad(rosenbrock)(X), rtol=1e-14)


def test_static_arguments_structures_and_keywords():
    def f(p, n, mode="a", *, scale=1.0):
        out = p["w"] ** n * scale
        return (out if mode == "a" else -out).sum()

    g, h = mmad.compile(mmad.grad(f)), mmad.grad(f)
    p = {"w": X, "name": None}
    for args, kw in [((p, 2), {}), ((p, 3), {}), ((p, 2, "b"), {}), ((p, 2), {"scale": 2.0}), ((p, 2), {"scale": 3.0})]:
        got, want = g(*args, **kw), h(*args, **kw)
        assert got.keys() == want.keys()
        np.testing.assert_allclose(got["w"], want["w"])
    assert g.stats()["records"] == 4  # the last two differ in a float only


def test_integer_and_mask_arrays_are_part_of_the_signature():
    f = mmad.compile(mmad.grad(lambda x, k: x[k].sum()))
    for k in (np.array([0, 1]), np.array([2, 2]), np.array([True, False, True, False])):
        np.testing.assert_array_equal(f(X, k), mmad.grad(lambda x, k=k: x[k].sum())(X))


def test_kinds_of_results():
    f = mmad.compile(lambda x: (x * 2, "text", None, 3, x > 0))
    for x, kind in ((1.5, float), (np.float64(1.5), np.float64)):
        for _ in range(2):
            y, text, nothing, three, positive = f(x)
            assert type(y) is kind
            assert (y, text, nothing, three, bool(positive)) == (3.0, "text", None, 3, True)


def test_results_belong_to_the_caller():
    f = mmad.compile(lambda x: (x, x[:2], x * 1.0))
    x = X.copy()
    for _ in range(3):
        for y in f(x):
            y[:] = -1.0
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(f(x)[2], X)


def test_arguments_are_not_written_to():
    def f(x):
        x *= 2.0
        x[0] = 7.0
        return x.sum()

    g, x = mmad.compile(mmad.grad(f)), X.copy()
    for _ in range(3):
        np.testing.assert_array_equal(g(x), [0.0, 2.0, 2.0, 2.0])
    np.testing.assert_array_equal(x, X)


def test_scratch_array_written_between_uses_runs_eagerly():
    def f(x):
        w, total = np.zeros(4), 0.0
        for k in range(3):
            w[:] = k
            total = total + (x * w).sum()
        return total

    g = mmad.compile(mmad.grad(f))
    with pytest.warns(RuntimeWarning, match="eagerly"):
        np.testing.assert_array_equal(g(X), np.full(4, 3.0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(g(X), np.full(4, 3.0))
    assert g.stats()["eager"] == 2


def test_too_many_ways_run_eagerly(monkeypatch):
    monkeypatch.setattr(mmad.replay.compiled, "AT_ONCE", 1000)
    g = mmad.compile(mmad.grad(lambda x: sum((x for _ in range(int(x))), 0.0 * x)))
    for k in range(1, 65):
        assert g(k + 0.5) == k
    with pytest.warns(RuntimeWarning, match="eagerly"):
        assert g(65.5) == 65
    assert g(66.5) == 66
    assert g.stats()["variants"] == 64


def test_inside_another_derivative_the_function_is_traced():
    g = mmad.compile(mmad.grad(lambda x: x**3))
    assert mmad.grad(g)(2.0) == pytest.approx(12.0)
    assert mmad.jvp(g, (2.0,), (1.0,))[1] == pytest.approx(12.0)
    np.testing.assert_allclose(mmad.vmap(g)(np.array([1.0, 2.0])), [3.0, 12.0])


def test_the_where_rule_holds():
    g = mmad.compile(mmad.grad(lambda x: np.where(x > 0, np.log(x), 0.0).sum()))
    with np.errstate(all="ignore"):
        for _ in range(2):
            np.testing.assert_array_equal(g(np.array([2.0, 0.0, -1.0])), [0.5, 0.0, 0.0])


def test_errors_and_recovery():
    def f(x):
        if x > 10:
            raise ValueError("too large")
        return x * x

    g = mmad.compile(mmad.grad(f))
    assert g(3.0) == 6.0
    with pytest.raises(ValueError, match="too large"):
        g(11.0)
    assert g(4.0) == 8.0
    with pytest.raises(TypeError, match="takes a function"):
        mmad.compile(3.0)


def test_50_threads_share_a_program():
    g = mmad.compile(mmad.value_and_grad(filling))
    rng = np.random.default_rng(1)
    points = rng.normal(size=(8, 50, 4))
    g(points[0, 0])
    serial = [[g(x) for x in row] for row in points]
    found = [None] * 8

    def work(k):
        found[k] = [g(x) for x in points[k]]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for row, want in zip(found, serial, strict=True):
        for (v, d), (w, e) in zip(row, want, strict=True):
            assert v == w
            np.testing.assert_array_equal(d, e)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_54_fork(tmp_path):
    result = python_in(
        tmp_path,
        """
import os, numpy as np, mmad
g = mmad.compile(mmad.grad(lambda x: (x**3).sum()))
x = np.arange(3.0)
g(x)
child = os.fork()
if child == 0:
    os._exit(0 if (g(x + 1) == 3 * (x + 1)**2).all() else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), g(x).tolist())
""",
    )
    assert result.stdout.split() == ["0", "[0.0,", "3.0,", "12.0]"]


@pytest.mark.parametrize("seed", range(40))
def test_random_scalar_programs(seed):
    """Straight-line and branching programs of scalar operations, at many points, against eager evaluation."""
    rng = random.Random(seed)
    names = [
        rng.choice(
            [
                "add",
                "subtract",
                "multiply",
                "divide",
                "maximum",
                "hypot",
                "arctan2",
                "logaddexp",
                "sin",
                "tanh",
                "exp",
                "square",
                "branch",
            ]
        )
        for _ in range(25)
    ]
    picks = [(rng.random(), rng.random(), rng.uniform(-1, 1)) for _ in names]

    def f(x):
        values = [x[0], x[1], x[2]]
        for name, (i, j, c) in zip(names, picks, strict=True):
            a, b = values[int(i * len(values))], values[int(j * len(values))]
            if name == "branch":
                values.append(a * 0.5 if a > c else b - 1.0)
            elif name == "exp":
                values.append(np.exp(np.tanh(a)))
            elif name in ("sin", "tanh", "square"):
                values.append(getattr(np, name)(a) if name != "square" else np.square(np.tanh(a)))
            elif name == "divide":
                values.append(a / (1.5 + np.cos(b)))
            else:
                values.append(np.tanh(getattr(np, name)(a, b)))
        return values[-1] + values[-2] * values[-3]

    gradient, product = mmad.compile(mmad.value_and_grad(f)), mmad.compile(mmad.hvp(f))
    points = np.random.default_rng(seed).normal(size=(8, 3))
    v = np.array([1.0, -0.5, 2.0])
    for x in points:
        value, g = gradient(x)
        want, h = mmad.value_and_grad(f)(x)
        assert value == pytest.approx(want, rel=1e-14, abs=1e-14)
        np.testing.assert_allclose(g, h, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(product(x, v), mmad.hvp(f)(x, v), rtol=1e-11, atol=1e-12)


# ------------------------------------------------------------------------------------------------ kinds of results
@pytest.mark.parametrize("x", [1.5, np.float64(1.5), np.float32(1.5)], ids=lambda x: type(x).__name__)
def test_derivatives_of_numbers_are_of_the_arguments_kind(x):
    """As without compiling, also where NumPy's own numbers have been added up on the way."""

    def f(x):
        return (np.arange(3.0) * x).sum() * x

    for derivative in (
        mmad.grad(f),
        mmad.hessian(f),
        lambda x: mmad.hvp(f)(x, x),
        lambda x: mmad.grad(mmad.grad(f))(x),
    ):
        compiled = mmad.compile(derivative)
        for _ in range(2):
            got, want = compiled(x), derivative(x)
            assert type(got) is type(want)
            assert got == pytest.approx(want, rel=1e-6)


@pytest.mark.parametrize(
    "f", [lambda x: x.astype(int).sum(), lambda x: np.argmax(x), lambda x: x.sum() > 0], ids=["sum", "argmax", "truth"]
)
def test_results_without_derivatives_have_a_zero_gradient(f):
    x = np.array([1.2, 3.4, 2.0])
    value, gradient = mmad.value_and_grad(f)(x)
    compiled = mmad.compile(mmad.value_and_grad(f))
    for _ in range(2):
        got, g = compiled(x)
        assert got == value
        np.testing.assert_array_equal(g, gradient)
        np.testing.assert_array_equal(g, 0.0)


@pytest.mark.parametrize("kind", [np.float16, np.float32, np.float64, np.longdouble, np.complex64, np.complex128])
@pytest.mark.parametrize("f", [lambda x: np.sin(x) * x, lambda x: x * np.ones(2, np.float32), lambda x: (x, x + 1)])
def test_numbers_of_numpy_are_no_configuration(kind, f):
    """One recording for all values, whatever the precision; results are of NumPy's kinds."""
    g = mmad.compile(f)
    for value in (0.5, 0.75, 1.25):
        for got, want in zip(flatten(g(kind(value)))[0], flatten(f(kind(value)))[0], strict=True):
            assert type(got) is type(want)
            assert got.dtype == want.dtype
            np.testing.assert_allclose(got, want, rtol=4 * float(np.finfo(kind).eps))
    assert g.stats()["records"] == 1


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_derivatives_by_numbers_of_numpy_are_recorded_once(kind):
    def f(x, k):
        return np.tanh(x * k) ** 2

    g = mmad.compile(mmad.grad(f))
    for x, k in ((0.5, 1.0), (0.25, 2.0), (1.0, 0.5)):
        got, want = g(kind(x), kind(k)), mmad.grad(f)(kind(x), kind(k))
        assert type(got) is type(want)
        np.testing.assert_allclose(got, want, rtol=4 * float(np.finfo(kind).eps))
    assert g.stats()["records"] == 1
    assert g.programs()[0](kind(0.5), kind(1.0)) == g(kind(0.5), kind(1.0))


def test_sums_of_float32_are_numbers():
    x = np.linspace(0, 1, 5, dtype=np.float32)
    for f in (lambda x: x.sum(), lambda x: x @ x, lambda x: x[1], lambda x: np.sum(x, keepdims=True).reshape(())):
        g = mmad.compile(f)
        for _ in range(2):
            assert type(g(x)) is type(f(x))
            assert g(x) == f(x)
