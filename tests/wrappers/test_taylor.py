"""Taylor coefficients: operations against mpmath and nested forward mode, closed forms, programs, nesting, cost."""

import math

import mpmath
import numpy as np
import pytest
from exact_functions import exact_function
from operation_cases import CASES, WITH_PARTIALS, case, inexact

import mmad
from mmad.ops.declare import elementwise
from mmad.tape._instructions import OPERATIONS

ORDER = 8


def nested(f, order):
    """The derivative of a function of one number by nested forward mode: 2^order times the work."""
    if order == 0:
        return f
    return lambda t: mmad.jvp(nested(f, order - 1), (t,), (1.0,))[1]


def by_nesting(f, order):
    """Taylor coefficients at 0 by nested forward mode."""
    return np.stack([np.asarray(nested(f, k)(0.0)) / math.factorial(k) for k in range(order + 1)])


# ------------------------------------------------------------------------------------------------ operations
def exact_coefficients(f, paths, order):
    """Coefficients of f along polynomial paths, in 60 digits."""
    with mpmath.workdps(60):
        exact = [[mpmath.mpf(c) for c in path] for path in paths]

        def along(t):
            return f(*[mpmath.fsum(c * t**k for k, c in enumerate(p)) for p in exact])

        return [float(c) for c in mpmath.taylor(along, 0, order)]


ELEMENTWISE = [pytest.param(n, k, id=f"{n}-{k}") for n in WITH_PARTIALS for k in range(len(OPERATIONS[n].probes))]


@pytest.mark.parametrize("curved", [False, True], ids=["line", "curve"])
@pytest.mark.parametrize(("name", "k"), ELEMENTWISE)
def test_elementwise_against_mpmath(name, k, curved):
    op, operands, _ = case(name, k)
    paths = [[x, 0.3 - 0.2 * i, *[0.1, -0.05] * curved] for i, x in enumerate(operands)]
    directions = [tuple(p[j] for p in paths) for j in range(1, len(paths[0]))]
    want = exact_coefficients(exact_function(name), paths, ORDER)
    got = mmad.taylor(lambda xs: op(*xs), operands, directions[0], ORDER, higher=directions[1:])
    np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-13)
    arrays = tuple(np.full((2, 3), x) for x in operands)
    lanes = [tuple(np.full((2, 3), v) for v in d) for d in directions]
    got = mmad.taylor(lambda xs: op(*xs), arrays, lanes[0], ORDER, higher=lanes[1:])
    np.testing.assert_allclose(
        got, np.broadcast_to(np.reshape(want, (-1, 1, 1)), (ORDER + 1, 2, 3)), rtol=1e-11, atol=1e-13
    )


@pytest.mark.parametrize(("name", "k"), CASES)
def test_operation_against_nested_forward_mode(name, k):
    op, operands, params = case(name, k)
    if name == "det" and abs(np.linalg.det(operands[0])).min() == 0:
        pytest.skip("the third derivative of a determinant needs a regular matrix")
    rng = np.random.default_rng(7)
    moving = [i for i, x in enumerate(operands) if inexact(x)]
    shifts = {i: (rng.normal(size=np.shape(operands[i])), rng.normal(size=np.shape(operands[i]))) for i in moving}

    def along(t):
        return op(
            *[x + t * shifts[i][0] + t * t * shifts[i][1] if i in moving else x for i, x in enumerate(operands)],
            **params,
        )

    got = mmad.taylor(along, 0.0, 1.0, 4)
    np.testing.assert_allclose(got, by_nesting(along, 4), rtol=1e-9, atol=1e-10)


def test_an_operation_declared_outside():
    """sech, declared by its derivative alone, has all Taylor coefficients."""
    tanh = OPERATIONS["tanh"]
    sech = elementwise("test_sech", lambda x: 1 / np.cosh(x), lambda x, out: -(out * tanh(x)), nin=1)
    try:
        want = exact_coefficients(mpmath.sech, [[0.4, 1.0]], 12)
        np.testing.assert_allclose(mmad.taylor(sech, 0.4, 1.0, 12), want, rtol=1e-11)
    finally:
        del OPERATIONS["test_sech"]


# ------------------------------------------------------------------------------------------------ closed forms
def factorials(n):
    return np.array([float(math.factorial(k)) for k in range(n + 1)])


def test_exponential_to_order_thirty():
    np.testing.assert_allclose(mmad.taylor(np.exp, 0.0, 1.0, 30), 1 / factorials(30), rtol=1e-14)


def test_geometric_series_is_exact():
    assert np.array_equal(mmad.taylor(lambda x: 1 / (1 - x), 0.0, 1.0, 30), np.ones(31))


def test_sine_and_cosine_to_order_thirty():
    k = np.arange(31)
    got = mmad.taylor(np.sin, 0.0, 1.0, 30) * factorials(30)
    np.testing.assert_allclose(got, np.array([0.0, 1.0, 0.0, -1.0])[k % 4], rtol=1e-13)
    got = mmad.taylor(np.cos, 0.0, 1.0, 30) * factorials(30)
    np.testing.assert_allclose(got, np.array([1.0, 0.0, -1.0, 0.0])[k % 4], rtol=1e-13)


def test_binomial_series():
    for r in (0.5, -0.5, 2.5, -3.0, 1 / 3):
        want = [float(mpmath.binomial(r, k)) for k in range(31)]
        np.testing.assert_allclose(mmad.taylor(lambda x, r=r: (1 + x) ** r, 0.0, 1.0, 30), want, rtol=1e-12, atol=1e-18)


def test_bernoulli_numbers():
    """t / (e^t - 1), by a quotient of series without their common factor."""

    def f(t):
        return 1 / sum(t**k / math.factorial(k + 1) for k in range(21))

    want = [float(mpmath.bernoulli(k)) / math.factorial(k) for k in range(19)]
    np.testing.assert_allclose(mmad.taylor(f, 0.0, 1.0, 18), want, rtol=1e-9, atol=1e-17)


@pytest.mark.parametrize("n", [2, 3, 7, 8, 9, 12])
def test_integer_powers_are_exact_at_zero(n):
    assert np.array_equal(mmad.taylor(lambda x: x ** min(n, 8) * x ** max(n - 8, 0), 0.0, 1.0, 14), np.eye(15)[n])
    assert np.array_equal(mmad.taylor(lambda x: np.power(x, float(min(n, 8))), 0.0, 1.0, 14), np.eye(15)[min(n, 8)])


def test_large_integer_power_at_zero():
    assert np.array_equal(mmad.taylor(lambda x: x**11, 0.0, 1.0, 12), np.eye(13)[11])
    assert np.array_equal(
        mmad.taylor(lambda x: x ** np.array([9.0, 2.0]), np.zeros(2), np.ones(2), 10), np.eye(11)[[9, 2]].T
    )


def test_a_solution_of_a_differential_equation():
    """The coefficients of x' = x^2 from those of the right side, one more at a time: 1 / (1 - t)."""
    x = [1.0]
    for k in range(10):
        rest = x[2:]
        c = mmad.taylor(lambda y: y * y, x[0], x[1] if k else 0.0, k, higher=rest)
        x.append(c[k] / (k + 1))
    np.testing.assert_allclose(x, np.ones(11), rtol=1e-14)


# ------------------------------------------------------------------------------------------------ the language
X, W = np.array([0.5, 1.5, 2.0]), np.array([1.0, -0.5, 0.3])


def filled(x):
    y = np.zeros_like(x)
    for i in range(len(x)):
        y[i] = np.sin(x[i]) * x[i - 1] if x[i] > 1 else x[i] ** 3
    y[1:] *= x[:-1]
    return y @ y


def with_views(x):
    y = x * 1.0
    v = y[1:]
    y[1] = x[0] * x[2]
    v *= np.exp(x[:2])
    y.sort()
    return y.reshape(3, 1) @ y.reshape(1, 3)


def shared(x):
    buffer = np.zeros(4, like=x)
    buffer[:3] += x
    buffer[::2] *= 2.0
    np.add.at(buffer, [0, 0, 3], x)
    return buffer / (1 + buffer.sum() ** 2)


def solved(x):
    m = np.outer(x, x) + 3 * np.eye(3)
    values, vectors = np.linalg.eigh(m + np.diag([0.0, 1.0, 3.0]))
    return np.linalg.solve(m, np.stack([x, x * x], axis=1)).sum() + values @ x + (vectors**2)[0, 0] + np.linalg.det(m)


def reductions(x):
    return np.prod(x) + np.cumprod(x)[1] + np.max(x * x) + np.linalg.norm(x) + np.std(x) + np.mean(np.sinc(x))


def branches(x):
    total = 0.0
    while total < 3:
        total = total + np.where(x > 1, np.log(x), x).sum() + np.maximum(x, 1.0).sum()
    return {"total": total, "parts": (x.max(), [total * total])}


@pytest.mark.parametrize("f", [filled, with_views, shared, solved, reductions, branches], ids=lambda f: f.__name__)
def test_programs(f):
    got = mmad.taylor(f, X, W, 4)
    flat = mmad.tracing.tree.flatten
    for c, k in ((c, k) for c in range(len(flat(got)[0])) for k in range(5)):
        want = nested(lambda t, c=c: flat(f(X + t * W))[0][c], k)(0.0)
        np.testing.assert_allclose(flat(got)[0][c][k] * math.factorial(k), want, rtol=1e-10, atol=1e-10)


def test_the_argument_is_left_alone():
    x, v = X.copy(), W.copy()

    def f(x):
        x *= 2
        return x

    assert np.array_equal(mmad.taylor(f, x, v, 2), np.stack([2 * X, 2 * W, 0 * X]))
    assert np.array_equal(x, X)
    assert np.array_equal(v, W)


def test_trees():
    got = mmad.taylor(lambda p: {"y": p["a"] * p["b"], "n": None}, {"a": 2.0, "b": X}, {"a": 1.0, "b": W}, 2)
    np.testing.assert_array_equal(got["y"], [2 * X, X + 2 * W, W])
    assert got["n"] is None


def test_constant_results():
    got = mmad.taylor(lambda x: (3.0, np.ones(2), x), 1.0, 1.0, 2)
    assert [c.tolist() for c in got] == [[3, 0, 0], [[1, 1], [0, 0], [0, 0]], [1, 1, 0]]


def test_zero_times_infinity():
    with np.errstate(divide="ignore"):
        got = mmad.taylor(lambda x: np.where(x > 0, np.log(x), 0.0), np.array([0.0, 1.0]), np.ones(2), 3)
    np.testing.assert_allclose(got, [[0, 0], [0, 1], [0, -0.5], [0, 1 / 3]])


def test_single_precision():
    got = mmad.taylor(lambda x: np.exp(x) * 2.0, np.zeros(2, np.float32), np.ones(2, np.float32), 3)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got[:, 0], 2 / factorials(3), rtol=1e-6)
    assert mmad.taylor(np.exp, np.float32(0.0), np.float32(1.0), 2).dtype == np.float32


def test_holomorphic():
    z = 0.3 + 0.4j
    want = exact = np.array([complex(c) for c in mpmath.taylor(lambda s: mpmath.exp(s) / s, mpmath.mpc(z), 6)])
    np.testing.assert_allclose(mmad.taylor(lambda s: np.exp(s) / s, z, 1.0 + 0j, 6), exact, rtol=1e-12)
    np.testing.assert_allclose(mmad.derivative(lambda s: np.exp(s) / s, 3)(z), 6 * want[3], rtol=1e-12)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (1,)])
def test_small_shapes(shape):
    got = mmad.taylor(lambda x: np.exp(x) * x, np.ones(shape), np.ones(shape), 3)
    assert got.shape == (4, *shape)
    assert mmad.taylor(lambda x: (x * x).sum(), np.ones(shape), np.ones(shape), 2).shape == (3,)


def test_order_zero_and_one():
    assert mmad.taylor(np.sin, 0.5, 1.0, 0).tolist() == [np.sin(0.5)]
    assert mmad.taylor(np.sin, 0.5, 2.0, 1).tolist() == [np.sin(0.5), 2 * np.cos(0.5)]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((1, 1.0, 2), TypeError, "argument 0 is the int 1"),
        ((1.0, 1.0, -1), ValueError, "must not be negative"),
        ((1.0, 1.0, 1.5), TypeError, "order must be an int"),
        ((1.0, 1.0, True), TypeError, "order must be an int"),
        ((1.0, np.ones(2), 2), ValueError, "the tangent has shape"),
        ((np.ones(2), (1.0, 2.0), 2), ValueError, "must have the structure"),
        ((1.0, 1j, 2), TypeError, "complex"),
    ],
)
def test_errors(arguments, error, words):
    with pytest.raises(error, match=words):
        mmad.taylor(np.sin, *arguments)


def test_losing_track_is_an_error():
    with pytest.raises(TypeError, match="would lose its derivative"):
        mmad.taylor(math.sin, 1.0, 1.0, 2)


# ------------------------------------------------------------------------------------------------ nesting
def product_of_all(x):
    return np.sin(x[0]) * np.exp(x[1] * x[2]) / (1 + x @ x)


def coefficient(f, k):
    return lambda x: mmad.taylor(f, x, W, 4)[k]


@pytest.mark.parametrize("f", [product_of_all, filled], ids=lambda f: f.__name__)
@pytest.mark.parametrize("k", [0, 1, 3])
def test_derivatives_of_a_coefficient(f, k):
    """The coefficient of order k as a function of x is a derivative itself; so are its own derivatives."""

    def other(x):
        return nested(lambda t: f(x + t * W), k)(0.0) / math.factorial(k)

    g = coefficient(f, k)
    np.testing.assert_allclose(mmad.grad(g)(X), mmad.grad(other)(X), rtol=1e-9)
    np.testing.assert_allclose(mmad.jvp(g, (X,), (W,))[1], mmad.jvp(other, (X,), (W,))[1], rtol=1e-9)
    np.testing.assert_allclose(mmad.hvp(g)(X, W), mmad.hvp(other)(X, W), rtol=1e-9)
    np.testing.assert_allclose(mmad.hessian(g)(X), mmad.hessian(other)(X), rtol=1e-9)
    np.testing.assert_allclose(mmad.vmap(g)(np.stack([X, 2 * X])), [g(X), g(2 * X)], rtol=1e-12)


@pytest.mark.parametrize("f", [product_of_all, filled], ids=lambda f: f.__name__)
def test_coefficients_of_a_derivative(f):
    """The path's derivative of a gradient is the gradient's derivative along the path."""
    for d in (
        mmad.grad(f),
        mmad.jacfwd(f),
        mmad.hessian(f),
        lambda x: mmad.hvp(f)(x, W),
        lambda x: mmad.vjp(f, x)[1](x[0])[0],
    ):
        np.testing.assert_allclose(
            mmad.taylor(d, X, W, 3), by_nesting(lambda t, d=d: d(X + t * W), 3), rtol=1e-9, atol=1e-10
        )


def test_taylor_of_linearize():
    def f(x):
        return mmad.linearize(product_of_all, x)[1](x * W)

    np.testing.assert_allclose(mmad.taylor(f, X, W, 3), by_nesting(lambda t: f(X + t * W), 3), rtol=1e-9)


def test_taylor_of_taylor():
    def inner(s):
        return mmad.taylor(lambda t: np.sin(s * t + s), 0.2, 1.0, 3)[2]

    got = mmad.taylor(inner, 0.7, 1.0, 3)
    np.testing.assert_allclose(got, [nested(inner, k)(0.7) / math.factorial(k) for k in range(4)], rtol=1e-11)
    with mpmath.workdps(40):
        exact = mpmath.taylor(lambda s: -(s**2) * mpmath.sin(s * mpmath.mpf(0.2) + s) / 2, mpmath.mpf(0.7), 3)
    np.testing.assert_allclose(got, [float(c) for c in exact], rtol=1e-12)


def test_no_perturbation_confusion():
    assert mmad.taylor(lambda x: x * mmad.taylor(lambda y: x + y, 1.0, 1.0, 1)[1], 1.0, 1.0, 1).tolist() == [1, 1]
    assert mmad.grad(lambda x: x * mmad.taylor(lambda y: x * y, 1.0, 1.0, 2)[1])(4.0) == 8
    assert mmad.taylor(lambda x: x * mmad.grad(lambda y: x * y)(1.0), 4.0, 1.0, 2).tolist() == [16, 8, 1]
    assert mmad.taylor(lambda x: x * mmad.derivative(lambda y: x * y * y, 2)(1.0), 4.0, 1.0, 2).tolist() == [32, 16, 2]


def test_closure_over_an_outer_value():
    def f(a):
        return mmad.taylor(lambda t: np.exp(a * t), 0.0, 1.0, 3)[3]  # a^3 / 6

    assert mmad.grad(f)(2.0) == pytest.approx(2.0)
    assert mmad.derivative(f, 2)(2.0) == pytest.approx(2.0)


def test_batches_of_directions():
    v = np.random.default_rng(0).normal(size=(5, 3))
    got = mmad.vmap(lambda d: mmad.taylor(filled, X, d, 3))(v)
    np.testing.assert_allclose(got, [mmad.taylor(filled, X, d, 3) for d in v], rtol=1e-12)


def test_compiled():
    g = mmad.compile(lambda x, v: mmad.taylor(filled, x, v, 4))
    for x in (X, X * 1.1, X[::-1].copy(), X):
        np.testing.assert_allclose(g(x, W), mmad.taylor(filled, x, W, 4), rtol=1e-12)
    g = mmad.compile(mmad.grad(coefficient(product_of_all, 3)))
    for x in (X, 2 * X):
        np.testing.assert_allclose(g(x), mmad.grad(coefficient(product_of_all, 3))(x), rtol=1e-11)
    g = mmad.compile(lambda x: mmad.taylor(lambda y: y**2.5 / np.tanh(y), x, 1.0, 5))
    for x in (0.7, 1.3):
        np.testing.assert_allclose(g(x), mmad.taylor(lambda y: y**2.5 / np.tanh(y), x, 1.0, 5), rtol=1e-12)


# ------------------------------------------------------------------------------------------------ custom rules
@mmad.custom_jvp
def sine(x):
    return mmad.primitive(np.sin)(x)


@sine.defjvp
def _sine_jvp(primals, tangents):
    (x,), (x_dot,) = primals, tangents
    return sine(x), sine(x + np.pi / 2) * x_dot


@mmad.custom_vjp
def cubed(x):
    return x**3


cubed.defvjp(lambda x: (x**3, x), lambda x, ct: (3 * x * x * ct,))

logarithm = mmad.primitive(np.log, jvp=lambda dots, y, x: dots[0] * np.exp(-y), name="logarithm")


@pytest.mark.parametrize(("own", "plain"), [(sine, np.sin), (cubed, lambda x: x**3), (logarithm, np.log)])
def test_custom_rules(own, plain):
    for x, v in ((0.7, 1.0), (X, W)):
        np.testing.assert_allclose(
            mmad.taylor(lambda s: own(s * s) * s, x, v, 5), mmad.taylor(lambda s: plain(s * s) * s, x, v, 5), rtol=1e-10
        )


def test_a_missing_rule():
    blind = mmad.primitive(lambda x: 2 * x, name="blind")
    with pytest.raises(mmad.UnsupportedError, match="blind has no derivative"):
        mmad.taylor(blind, 1.0, 1.0, 2)


# ------------------------------------------------------------------------------------------------ cost
def instructions(op, operands, order):
    """How many instructions the last coefficient takes, from the recording."""

    def last(*xs):
        return mmad.taylor(lambda ys: op(*ys), xs, (1.0,) * len(xs), order)[-1]

    return len(mmad.record(last, *operands))


@pytest.mark.parametrize("name", WITH_PARTIALS)
def test_the_cost_is_quadratic(name):
    """Twice the order, at most four times the instructions; a cubic cost would near eight, nesting a power of two."""
    op, operands, _ = case(name, 0)
    counts = [instructions(op, operands, d) for d in (12, 24, 48)]
    assert counts[2] - counts[1] <= 4.2 * (counts[1] - counts[0]) + 10
    assert counts[2] <= 20 * 48**2


# ------------------------------------------------------------------------------------------------ derivative
@pytest.mark.parametrize("order", range(6))
def test_derivative(order):
    def f(x):
        return np.exp(-x) * np.sin(2 * x)

    with mpmath.workdps(40):
        want = float(mpmath.diff(lambda x: mpmath.exp(-x) * mpmath.sin(2 * x), mpmath.mpf(0.3), order))
    assert mmad.derivative(f, order)(0.3) == pytest.approx(want, rel=1e-12)
    assert mmad.derivative(mmad.derivative(f, order), 2)(0.3) == pytest.approx(
        mmad.derivative(f, order + 2)(0.3), rel=1e-11
    )
    assert mmad.grad(mmad.derivative(f, order))(0.3) == pytest.approx(mmad.derivative(f, order + 1)(0.3), rel=1e-11)
