"""vmap: against a loop over the samples, alone and composed with every derivative."""

import dataclasses
import itertools
import warnings
from typing import NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mmad

RNG = np.random.default_rng(3)
X = RNG.uniform(0.4, 1.6, (4, 3))
D = RNG.normal(size=(4, 3))


def loop(f, *columns):
    """The reference: f of each row, stacked."""
    return np.stack([f(*row) for row in zip(*columns, strict=True)])


def scalar(x):
    return (np.sin(x) * x**2).sum() + x[0] * x[1] * x[2]


def vector(x):
    return np.sin(x) * x[::-1] ** 2


def filling(x):
    y = np.zeros_like(x)
    for i in range(3):
        y[i] = x[i] ** 2 * x[i - 1]
    y[1:] *= 2
    return y.sum()


def branching(x):
    return x[0] ** 2 if x[0] > 1 else (x**3).sum()


def iterating(x):
    t = x[0]
    while t < 3:
        t = t * (1 + x[1] ** 2)
    return t


def matrices(x):
    a = np.outer(x, x) + np.eye(3)
    return np.linalg.solve(a, x) @ x


SCALARS = [scalar, filling, branching, iterating, matrices]

COMPOSED = {
    "value": lambda f: f,
    "grad": mmad.grad,
    "value_and_grad": lambda f: lambda x: mmad.value_and_grad(f)(x)[1] * mmad.value_and_grad(f)(x)[0],
    "hessian": mmad.hessian,
    "reverse over reverse": lambda f: mmad.hessian(f, strategy="reverse-over-reverse"),
    "jacfwd": mmad.jacfwd,
    "jacrev": mmad.jacrev,
}
PRODUCTS = {
    "hvp": lambda f: mmad.hvp(f),
    "jvp": lambda f: lambda x, d: mmad.jvp(f, (x,), (d,))[1],
    "jvp of grad": lambda f: lambda x, d: mmad.jvp(mmad.grad(f), (x,), (d,))[1],
    "grad of jvp": lambda f: lambda x, d: mmad.grad(lambda t: mmad.jvp(f, (t,), (d,))[1])(x),
    "jvp of jvp": lambda f: lambda x, d: mmad.jvp(lambda t: mmad.jvp(f, (t,), (d,))[1], (x,), (d,))[1],
    "linearize": lambda f: lambda x, d: mmad.linearize(f, x)[1](d),
    "third": lambda f: lambda x, d: mmad.jvp(lambda t: mmad.hvp(f)(t, d), (x,), (d,))[1],
}


@pytest.mark.parametrize("f", SCALARS)
@pytest.mark.parametrize("transform", COMPOSED.values(), ids=COMPOSED)
def test_derivatives_mapped(f, transform):
    assert_allclose(mmad.vmap(transform(f))(X), loop(transform(f), X), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("f", SCALARS)
@pytest.mark.parametrize("transform", PRODUCTS.values(), ids=PRODUCTS)
def test_products_mapped(f, transform):
    assert_allclose(mmad.vmap(transform(f))(X, D), loop(transform(f), X, D), rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("transform", [mmad.jacobian, mmad.jacfwd, mmad.jacrev])
def test_jacobians_mapped(transform):
    assert_allclose(mmad.vmap(transform(vector))(X), loop(transform(vector), X), rtol=1e-13, atol=1e-15)


def test_vjp_mapped():
    def pulled(x, d):
        return mmad.vjp(vector, x)[1](d)[0]

    assert_allclose(mmad.vmap(pulled)(X, D), loop(pulled, X, D), rtol=1e-13)


@pytest.mark.parametrize("f", SCALARS)
def test_mapped_differentiated(f):
    mapped = mmad.vmap(f)

    def total(x):
        return (mapped(x) ** 2).sum()

    def by_hand(x):
        return sum(f(x[i]) ** 2 for i in range(4))

    assert_allclose(mmad.grad(total)(X), mmad.grad(by_hand)(X), rtol=1e-12)
    assert_allclose(mmad.jvp(mapped, (X,), (D,))[1], loop(lambda x, d: mmad.jvp(f, (x,), (d,))[1], X, D), rtol=1e-12)
    assert_allclose(mmad.hvp(total)(X, D), mmad.hvp(by_hand)(X, D), rtol=1e-11)
    assert_allclose(mmad.hessian(total)(X), mmad.hessian(by_hand)(X), rtol=1e-11, atol=1e-12)


def test_mapped_gradient_differentiated():
    def total(x):
        return (mmad.vmap(mmad.grad(scalar))(x) ** 2).sum()

    def by_hand(x):
        return sum((mmad.grad(scalar)(x[i]) ** 2).sum() for i in range(4))

    assert_allclose(mmad.grad(total)(X), mmad.grad(by_hand)(X), rtol=1e-12)
    assert_allclose(mmad.jvp(total, (X,), (D,))[1], (mmad.grad(by_hand)(X) * D).sum(), rtol=1e-12)


@pytest.mark.parametrize("transform", [mmad.jacfwd, mmad.jacrev])
def test_jacobian_of_mapped(transform):
    want = np.zeros((4, 3, 4, 3))
    for i in range(4):
        want[i, :, i, :] = mmad.jacfwd(vector)(X[i])
    assert_allclose(transform(mmad.vmap(vector))(X), want, rtol=1e-13, atol=1e-15)


def test_nested():
    a, b = X[:, 0], D[:3, 0]
    outer = mmad.vmap(mmad.vmap(lambda s, t: np.sin(s) * t, in_axes=(None, 0)), in_axes=(0, None))
    assert_allclose(outer(a, b), np.sin(a)[:, None] * b, rtol=1e-15)
    slope = mmad.vmap(mmad.vmap(mmad.grad(lambda s, t: np.sin(s * t)), (None, 0)), (0, None))
    assert_allclose(slope(a, b), np.cos(a[:, None] * b) * b, rtol=1e-14)


def test_nested_branches():
    def f(s, t):
        return s * t if t > 0 else s**2

    a, b = X[:, 0], D[:3, 0]
    outer = mmad.vmap(mmad.vmap(f, in_axes=(None, 0)), in_axes=(0, None))
    assert_allclose(outer(a, b), np.where(b > 0, a[:, None] * b, a[:, None] ** 2), rtol=1e-15)
    g = mmad.vmap(mmad.vmap(mmad.grad(f), in_axes=(None, 0)), in_axes=(0, None))
    assert_allclose(g(a, b), np.where(b > 0, b, 2 * a[:, None]), rtol=1e-15)


# ------------------------------------------------------------------------------------------------- one run
def test_the_function_runs_once_unless_samples_branch_differently():
    runs = []

    def f(x):
        runs.append(1)
        return (x * 2).sum() if x[0] > 0 else x.sum()

    mmad.vmap(f)(X)
    assert len(runs) == 1
    runs.clear()
    got = mmad.vmap(f)(X * np.array([[1.0], [-1.0], [1.0], [-1.0]]))
    assert_allclose(got, X.sum(1) * [2, -1, 2, -1], rtol=1e-15)
    assert len(runs) == 1 + 4


def test_a_branch_on_an_integer_of_the_sample():
    x = np.array([0.2, 1.7, 2.9])
    assert_allclose(mmad.vmap(lambda t: t * int(t))(x), x * [0, 1, 2], rtol=1e-15)
    k = np.array([2, 0, 1])
    assert_allclose(mmad.vmap(lambda row, i: row[i])(X[:3], k), X[[0, 1, 2], k], rtol=1e-15)


# ---------------------------------------------------------------------------------------------------- axes
@pytest.mark.parametrize("axis", [0, 1, 2, -1, -2, -3])
@pytest.mark.parametrize("out", [0, 1, 2, -1, -3])
def test_axes(axis, out):
    a = RNG.normal(size=(2, 3, 4))
    got = mmad.vmap(lambda m: m * 2, axis, out)(a)
    assert_array_equal(got, np.moveaxis(a * 2, axis, out))
    g = mmad.grad(lambda a: (mmad.vmap(lambda m: m**2, axis, out)(a) * np.moveaxis(a, axis, out)).sum())(a)
    assert_allclose(g, 3 * a**2, rtol=1e-14)


def test_shared_arguments_and_results():
    w = RNG.normal(size=3)
    got = mmad.vmap(lambda w, x: (w @ x, w * 2), in_axes=(None, 0), out_axes=(0, None))(w, X)
    assert (np.abs(got[0] - X @ w) <= 4 * np.finfo(float).eps * (np.abs(X) @ np.abs(w))).all()
    assert_array_equal(got[1], w * 2)
    got = mmad.vmap(lambda w, x: w * 2, in_axes=(None, 0), out_axes=1)(w, X)
    assert_array_equal(got, np.stack([w * 2] * 4, 1))
    assert_array_equal(mmad.vmap(lambda x: 3.0)(X), [3.0] * 4)


def test_keyword_arguments_are_mapped():
    assert_allclose(mmad.vmap(lambda x, *, y: x @ y)(X, y=D), (X * D).sum(1), rtol=1e-14)


@dataclasses.dataclass
class Point:
    x: object
    name: str


class Pair(NamedTuple):
    a: object
    b: object


def test_trees():
    def f(p, q, r):
        return {"sum": p.x + q[0].sum(), "pair": Pair(q[1]["w"] * p.x, None), "text": p.name, "r": r.a}

    got = mmad.vmap(f)(Point(X[:, 0], "n"), (X, {"w": D[:, 0]}), Pair(D, D[:, 1]))
    assert_allclose(got["sum"], X[:, 0] + X.sum(1), rtol=1e-15)
    assert_allclose(got["pair"].a, D[:, 0] * X[:, 0], rtol=1e-15)
    assert got["pair"].b is None
    assert got["text"] == "n"
    assert_array_equal(got["r"], D)


def test_trees_of_axes():
    got = mmad.vmap(lambda t, k: t["a"] @ t["b"] * k, in_axes=({"a": 1, "b": None}, None))({"a": X.T, "b": D[0]}, 2.0)
    assert_allclose(got, 2 * X @ D[0], rtol=1e-15)
    got = mmad.vmap(lambda t: t[0] @ t[1], in_axes=((0, 1),))((X, D.T))
    assert_allclose(got, (X * D).sum(1), rtol=1e-15)
    out = mmad.vmap(lambda x: {"a": x, "b": x * 2}, out_axes={"a": 0, "b": 1})(X)
    assert_array_equal(out["a"], X)
    assert_array_equal(out["b"], 2 * X.T)


def test_results_built_from_samples():
    got = mmad.vmap(lambda x: np.array([x[0] * x[1], x[2]]))(X)
    assert_allclose(got, np.stack([X[:, 0] * X[:, 1], X[:, 2]], 1), rtol=1e-15)
    got = mmad.vmap(lambda x: [x[0], x[1]])(X)
    assert_array_equal(got[1], X[:, 1])


def test_gradient_per_sample():
    w, y = RNG.normal(size=(3, 2)), RNG.normal(size=(4, 2))

    def loss(p, x, y):
        return ((np.tanh(x @ p["w"]) + p["b"] - y) ** 2).sum()

    p = {"w": w, "b": 0.1}
    got = mmad.vmap(mmad.grad(loss), in_axes=(None, 0, 0))(p, X, y)
    for i, name in itertools.product(range(4), ("w", "b")):
        assert_allclose(got[name][i], mmad.grad(loss)(p, X[i], y[i])[name], rtol=1e-13)


def test_types_and_dtypes():
    x = X.astype(np.float32)
    assert mmad.vmap(lambda r: r * 2.0)(x).dtype == np.float32
    assert mmad.vmap(mmad.grad(lambda r: (r**2).sum()))(x).dtype == np.float32
    z = X + 1j * D
    assert_allclose(mmad.vmap(mmad.grad(lambda r: (abs(r) ** 2).sum()))(z), 2 * z, rtol=1e-14)
    assert mmad.vmap(int)(np.array([1.5, 2.2])).tolist() == [1, 2]


def test_read_only_strided_and_broadcast_arguments():
    a = np.broadcast_to(X[0], (4, 3))
    assert_array_equal(mmad.vmap(lambda r: r + 1)(a), a + 1)
    assert_array_equal(mmad.vmap(lambda r: r + 1)(X[::-2]), X[::-2] + 1)
    assert_array_equal(mmad.vmap(lambda r: r + 1)(np.asfortranarray(X)), X + 1)


def test_the_callers_array_is_not_changed():
    a = X.copy()

    def f(r):
        r *= 2
        r[0] = 0.0
        return r.sum()

    want = 2 * X[:, 1:].sum(1)
    assert_allclose(mmad.vmap(f)(a), want, rtol=1e-15)
    assert_array_equal(a, X)
    assert_allclose(mmad.grad(lambda a: (mmad.vmap(f)(a) * a[:, 0]).sum())(a)[:, 0], want, rtol=1e-15)


def test_sizes_zero_and_one():
    assert mmad.vmap(lambda r: (r * 2).sum())(np.zeros((0, 3))).shape == (0,)
    assert mmad.vmap(mmad.grad(lambda r: (r**2).sum()))(np.zeros((0, 3))).shape == (0, 3)
    assert_allclose(mmad.vmap(branching)(X[:1]), [branching(X[0])], rtol=1e-15)
    assert mmad.vmap(lambda r: r * 2)(np.zeros((3, 0))).shape == (3, 0)


def test_auxiliary_results():
    got, aux = mmad.vmap(mmad.grad(lambda r: ((r**2).sum(), {"norm": np.sqrt((r**2).sum()), "n": 3}), has_aux=True))(X)
    assert_allclose(got, 2 * X, rtol=1e-15)
    assert_allclose(aux["norm"], np.linalg.norm(X, axis=1), rtol=1e-14)
    assert_array_equal(aux["n"], [3] * 4)


# -------------------------------------------------------------------------------------------------- errors
def test_errors_name_the_argument_and_the_sizes():
    with pytest.raises(ValueError, match=r"4 in argument 0, 3 in argument 1\['w'\]"):
        mmad.vmap(lambda x, t: x)(X, {"w": X[:3]})
    with pytest.raises(ValueError, match=r"argument 1 is a single number"):
        mmad.vmap(lambda x, t: x)(X, 2.0)
    with pytest.raises(ValueError, match=r"argument 0 has shape \(4, 3\), which has no axis 2"):
        mmad.vmap(lambda x: x, 2)(X)
    with pytest.raises(ValueError, match="nothing to map over"):
        mmad.vmap(lambda x: x, None)(X)
    with pytest.raises(ValueError, match="in_axes has 1 entries, but there are 2"):
        mmad.vmap(lambda x, y: x, (0,))(X, X)
    with pytest.raises(ValueError, match="out_axes is None"):
        mmad.vmap(lambda x: x, 0, None)(X)
    with pytest.raises(ValueError, match="out_axes is 5"):
        mmad.vmap(lambda x: x, 0, 5)(X)
    with pytest.raises(ValueError, match="does not fit"):
        mmad.vmap(lambda x: x["a"], ({"b": 0},))({"a": X})
    with pytest.raises(TypeError, match="int or None"):
        mmad.vmap(lambda x: x["a"], ({"a": 0.5},))({"a": X})
    with pytest.raises(TypeError, match="takes a function"):
        mmad.vmap(3)
    with pytest.raises(ValueError, match="different shapes"):
        mmad.vmap(lambda x: x if x[0] > 1 else x[:2])(X)


def test_an_exception_leaves_nothing_behind():
    with pytest.raises(ZeroDivisionError):
        mmad.vmap(lambda x: 1 // 0)(X)
    assert type(mmad.numpy.zeros(2)) is np.ndarray


# Lanes of one factor, one matrix as the other: which are one product of matrices.
LANES = {
    "vectors times a matrix": (lambda x: x @ SQUARE, (4, 3)),
    "a matrix times vectors": (lambda x: SQUARE @ x, (4, 3)),
    "matrices times a matrix": (lambda x: x @ SQUARE, (4, 2, 3)),
    "stacks times a matrix": (lambda x: x @ SQUARE, (4, 2, 5, 3)),
    "a matrix times columns": (lambda x: SQUARE @ x, (4, 3, 1)),
    "a matrix times matrices": (lambda x: SQUARE @ x, (4, 3, 2)),
    "a matrix times stacks of columns": (lambda x: SQUARE @ x, (4, 2, 3, 1)),
    "no lanes": (lambda x: x @ SQUARE, (0, 3)),
    "no rows": (lambda x: x @ SQUARE, (4, 0, 3)),
    "no columns": (lambda x: x @ np.ones((3, 0)), (4, 2, 3)),
    "nothing to sum": (lambda x: x @ np.ones((0, 2)), (4, 5, 0)),
}
SQUARE = np.arange(9.0).reshape(3, 3) / 7


@pytest.mark.parametrize("name", LANES)
def test_products_with_one_matrix_for_all_lanes(name):
    f, shape = LANES[name]
    x = np.random.default_rng(1).normal(size=shape)
    want = [f(lane) for lane in x]
    got = mmad.vmap(f)(x)
    assert got.shape == (len(x), *f(np.zeros(shape[1:])).shape)
    if want:
        np.testing.assert_allclose(got, want, rtol=1e-13, atol=1e-14)


def test_a_number_a_lane_is_no_factor_of_a_matrix():
    with pytest.raises(ValueError, match="matmul"):
        mmad.vmap(lambda s: s @ SQUARE)(np.ones(3))


# ------------------------------------------------------------------------------------------------ lanes that part
def swallowed(x):
    try:
        return x * 2 if x > 0 else x * 3
    except Exception:
        return x * 0


def swallowed_bare(x):
    try:
        return x * 2 if x > 0 else x * 3
    except:  # noqa: E722
        return x * 0


@pytest.mark.parametrize("f", [swallowed, swallowed_bare])
def test_except_does_not_take_a_branch_that_lanes_part_at(f):
    x = np.array([1.0, -1.0])
    np.testing.assert_array_equal(mmad.vmap(f)(x), [2.0, -3.0])
    np.testing.assert_array_equal(mmad.vmap(mmad.grad(f))(x), [2.0, 3.0])
    np.testing.assert_array_equal(mmad.jacobian(mmad.vmap(f))(x), [[2.0, 0.0], [0.0, 3.0]])
    np.testing.assert_array_equal(mmad.vmap(lambda y: mmad.vmap(lambda x: x * f(y))(x))(x), [[2.0, -2.0], [-3.0, 3.0]])
    np.testing.assert_array_equal(mmad.compile(mmad.vmap(f))(x), [2.0, -3.0])


def test_an_error_of_one_sample_is_that_sample_s_alone():
    def factor(a):
        try:
            return np.linalg.cholesky(a)
        except np.linalg.LinAlgError:
            return np.linalg.cholesky(a + 5.0 * np.eye(2))

    a = np.stack([np.eye(2), -np.eye(2)])
    np.testing.assert_array_equal(mmad.vmap(factor)(a), [np.eye(2), 2.0 * np.eye(2)])


def recorded(x):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        y = np.log(x)
    return x * 5.0 if seen else y


def counted(x):
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        y = np.log(x) + np.sqrt(x - 1.5)
    return len(seen) * x if seen else y


def called(x):
    seen = []
    before = np.seterrcall(lambda kind, _: seen.append(kind))
    try:
        with np.errstate(all="call"):
            y = np.log(x)
    finally:
        np.seterrcall(before)
    return x * 5.0 if seen else y


def shown(x):
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda *args, **_: seen.append(args)
        y = np.log(x)
    return x * 5.0 if seen else y


@pytest.mark.parametrize("f", [recorded, counted, called, shown])
def test_a_warning_of_one_sample_is_that_sample_s_alone(f):
    x = np.array([1.0, -1.0, 2.0, 0.0])
    rows = np.stack([x, x[::-1]])
    value, slope = np.array([f(t) for t in x]), np.array([mmad.grad(f)(t) for t in x])
    assert_array_equal(mmad.vmap(f)(x), value)
    assert_array_equal(mmad.vmap(mmad.vmap(f))(rows), [value, value[::-1]])
    assert_array_equal(mmad.vmap(lambda t: t * mmad.vmap(f)(x))(x), np.outer(x, value))
    assert_array_equal(mmad.vmap(mmad.grad(f))(x), slope)
    assert_array_equal(mmad.grad(lambda x: mmad.vmap(f)(x).sum())(x), slope)
    assert_array_equal(mmad.jvp(mmad.vmap(f), (x,), (np.ones(4),))[1], slope)
    assert_array_equal(mmad.jacobian(mmad.vmap(f))(x), np.diag(slope))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "compile of ")  # "runs eagerly"
        together = mmad.compile(mmad.vmap(f))
        for _ in range(2):
            assert_array_equal(together(np.array([1.0, 2.0])), value[[0, 2]])
            assert_array_equal(together(x[:2]), value[:2])


def test_warnings_that_the_caller_collects_part_no_samples():
    runs = []

    def f(x):
        runs.append(1)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            return np.log(x)

    with warnings.catch_warnings(record=True) as seen, np.errstate(all="warn"):
        mmad.vmap(f)(np.array([1.0, -1.0]))
    assert len(runs) == 1
    assert len(seen) == 1


def test_an_error_that_the_function_raises_is_its_own():
    def positive(x):
        if x < 0:
            raise ValueError("negative")
        return x

    with pytest.raises(ValueError, match="negative"):
        mmad.vmap(positive)(np.array([1.0, -1.0]))
    with pytest.raises(ValueError, match="negative"):
        mmad.vmap(positive)(np.array([-1.0, -1.0]))


TEXTS = {
    "of an integer": lambda x: len(str(np.argmax(x))),
    "of integers": lambda x: len(str(np.argsort(x))),
    "of a number": lambda x: len(str(np.sign(x[1]))),
    "f-string": lambda x: len(f"{np.sign(x[1])}"),
    "with digits": lambda x: len(f"{x[1]:.2f}"),
    "percent": lambda x: len("%s" % np.argmax(x)),  # noqa: UP031
    "key": lambda x: {"0": 2.0, "1": 3.0, "2": 5.0}[str(np.argmax(x))],
}


@pytest.mark.parametrize("name", TEXTS)
def test_text_of_lanes_is_that_of_each(name):
    def f(x):
        return (x**2).sum() * TEXTS[name](x)

    points = np.array([[0.3, 0.7, 1.2], [0.5, -0.2, 0.1], [-1.1, 0.4, 0.9]])
    compiled = mmad.compile(mmad.vmap(mmad.grad(f)))
    for lanes in (points, points[:1], -points, np.stack([points[0], points[0]])):
        want = [2 * x * TEXTS[name](x) for x in lanes]
        np.testing.assert_allclose(mmad.vmap(f)(lanes), [f(x) for x in lanes])
        np.testing.assert_allclose(mmad.vmap(mmad.grad(f))(lanes), want)
        np.testing.assert_allclose(compiled(lanes), want)
        np.testing.assert_allclose(mmad.grad(lambda x: mmad.vmap(f)(x).sum())(lanes), want)
