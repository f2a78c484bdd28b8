"""A zero that arithmetic made, times an infinite derivative: NaN in every mode and sweep, eager and replayed."""

import numpy as np
import pytest
from zero_cases import CASES, GRADIENTS, HESSIANS, basis, by_forward, total

import mmad

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")


def regular(x):
    """Points near x, in the domain of all functions here, at which they have derivatives."""
    return np.abs(x) * 0.25 + 0.3 if np.ndim(x) else abs(x) * 0.25 + 0.3


def replayed(make):
    """A compiled derivative that was recorded elsewhere, and has been at other points since."""

    def gradient(f):
        g = make(f)

        def at(x):
            g(regular(x))
            first = g(x)
            np.testing.assert_array_equal(g(x), first)
            away = g(regular(x) * 1.01)
            assert np.isfinite(away).all()
            np.testing.assert_array_equal(g(x), first)
            np.testing.assert_array_equal(g(regular(x) * 1.01), away)
            return g(x)

        return at

    return gradient


def in_lanes(f):
    def gradient(x):
        if np.ndim(x) == 0:
            return mmad.vmap(lambda v: mmad.jvp(f, (x,), (v,))[1])(np.ones(2))[1]
        return mmad.vmap(lambda v: mmad.jvp(f, (x,), (v,))[1])(basis(x))

    return gradient


def of_samples(f):
    return lambda x: mmad.vmap(mmad.grad(f))(np.stack([regular(x), x]))[1]


def by_linear_map(f):
    def gradient(x):
        push = mmad.linearize(f, x)[1]
        return push(1.0) if np.ndim(x) == 0 else np.array([push(v) for v in basis(x)])

    return gradient


MODES = {
    **GRADIENTS,
    "linearize": by_linear_map,
    "vmap of jvp": in_lanes,
    "vmap of grad": of_samples,
    "replayed": replayed(GRADIENTS["compiled"]),
    "replayed jacobian": replayed(GRADIENTS["compiled jacobian"]),
    "replayed jacfwd": replayed(GRADIENTS["compiled jacfwd"]),
    "replayed jvp": replayed(lambda f: mmad.compile(by_forward(f))),
    "replayed vmap": replayed(lambda f: mmad.compile(of_samples(f))),
    "planned grad": replayed(lambda f: mmad.grad(f, evaluations=1000)),
    "planned jacobian": replayed(lambda f: mmad.jacobian(f, evaluations=1000)),
    "planned product": replayed(
        lambda f: (lambda g: lambda x: g(x, np.ones(np.shape(x))[()])[1])(mmad.value_grad_hvp(f, evaluations=1000))
    ),
}

#: functions and points at which they have a derivative or two one-sided ones, lost between two steps: by the first
#: letter of which of the two comes first, infinity or zero
LOST = {
    "cbrt cubed": (lambda x: np.cbrt(x) ** 3, 0.0),
    "sqrt times sqrt": (lambda x: np.sqrt(x) * np.sqrt(x), 0.0),
    "cos of arccos": (lambda x: np.cos(np.arccos(x)), 1.0),
    "squared angle of a quaternion": (lambda x: (2 * np.arccos(x)) ** 2, 1.0),
    "power of a root": (lambda x: (x**0.5) ** 4, 0.0),
    "exp of log": (lambda x: np.exp(2 * np.log(x)), 0.0),
    "sqrt of a square": (lambda x: np.sqrt(x**2), 0.0),
    "cbrt of a cube": (lambda x: np.cbrt(x**3), 0.0),
    "arccos of cos": (lambda x: np.arccos(np.cos(x)), 0.0),
    "root of a product": (lambda x: (x * x) ** 0.5, 0.0),
    "half the log of a square": (lambda x: np.exp(np.log(x * x) / 2), 0.0),
    "arcsin": (lambda x: np.arcsin(1 - x * x), 0.0),
    "log1p": (lambda x: np.log1p(-np.cos(x)), 0.0),
    "both ways": (lambda x: np.sqrt(x**2) + np.cbrt(x) ** 3, 0.0),
    "difference": (lambda x: np.sqrt(x) - np.sqrt(x), 0.0),
    "times zero": (lambda x: np.sqrt(x) * 0.0 + x, 0.0),
}


@pytest.mark.parametrize("kind", ["number", "array"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", LOST)
def test_zero_that_arithmetic_made_is_not_silent(name, mode, kind):
    f, at = LOST[name]
    got = MODES[mode](total(f))(at if kind == "number" else np.full(3, at))
    np.testing.assert_array_equal(got, np.full(np.shape(got), np.nan))


#: a value that is infinite at a pole, and then forgotten: nothing has overflowed
POLES = {
    "reciprocals": lambda x: 1 / (1 + 1 / x),
    "np.reciprocal": lambda x: np.reciprocal(1 + np.reciprocal(x)),
    "power": lambda x: 1 / (1 + x**-1.0),
    "arctan": lambda x: np.arctan(1 / x),
    "logistic of log": lambda x: 1 / (1 + np.exp(-np.log(x))),
    "tanh of arctanh": lambda x: np.tanh(np.arctanh(1 - x)),
    "root of a quotient": lambda x: np.sqrt(1 / (1 + 1 / x)),
}


@pytest.mark.parametrize("kind", ["number", "array"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", POLES)
def test_poles_are_not_overflow(name, mode, kind):
    f = POLES[name]
    got = MODES[mode](total(f))(0.0 if kind == "number" else np.zeros(3))
    np.testing.assert_array_equal(got, np.full(np.shape(got), np.nan))


@pytest.mark.parametrize("mode", [m for m in MODES if m != "planned product"])
@pytest.mark.parametrize("name", POLES)
def test_poles_behind_a_branch(name, mode):
    got = MODES[mode](lambda x: np.where(x > 0.1, POLES[name](x), 2 * x).sum())(np.zeros(3))
    np.testing.assert_array_equal(got, np.full(3, 2.0))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", ["number", "array"])
@pytest.mark.parametrize("f", [lambda x: 3 / x, np.sqrt, np.cbrt, np.reciprocal, lambda x: 2 - x**-2.0, np.log])
def test_infinite_derivatives_remain(f, mode, kind):
    got = MODES[mode](total(f))(0.0 if kind == "number" else np.zeros(3))
    assert np.isinf(got).all()


def test_operands_are_told_apart():
    """The tangent of a numerator that is constant says nothing of the denominator's."""
    for x in (0.0, np.zeros(2)):
        direction = np.ones(np.shape(x)) if np.ndim(x) else 1.0
        np.testing.assert_array_equal(mmad.linearize(lambda x: 1 / x, x)[1](direction), np.full(np.shape(x), -np.inf))
    got = mmad.jacfwd(lambda x: x[0] / x[1])(np.array([1.0, 0.0]))
    np.testing.assert_array_equal(got, [np.inf, -np.inf])


@pytest.mark.parametrize("kind", ["number", "array"])
@pytest.mark.parametrize("mode", [m for m in MODES if m not in GRADIENTS and m != "planned product"])
@pytest.mark.parametrize("name", [n for n, case in CASES.items() if abs(case[1]) < 1])
def test_structural_zeros_remain(name, mode, kind):
    f, at, want, _ = CASES[name]
    got = MODES[mode](total(f))(at if kind == "number" else np.full(3, at))
    np.testing.assert_array_equal(got, np.full(np.shape(got), want))


@pytest.mark.parametrize("mode", HESSIANS)
@pytest.mark.parametrize("name", LOST)
def test_second_derivative_is_not_silent(name, mode):
    f, at = LOST[name]
    got = HESSIANS[mode](lambda x: f(x).sum())(np.full(2, at))
    assert not np.isfinite(np.diagonal(got)).any()


MIXED = {
    "where": lambda y: np.where(np.array([True, False, True]), y, 0.0).sum(),
    "index": lambda y: y[0] + y[[2, 2]].sum(),
    "mask": lambda y: y[np.array([True, False, True])].sum(),
    "slice": lambda y: y[::2].sum(),
    "written over": lambda y: np.concatenate([y[:1], y[2:]]).sum(),
    "maximum": lambda y: np.maximum(y, np.array([-1.0, 1.0, -1.0])).sum(),
}


@pytest.mark.parametrize("f", [lambda x: np.cbrt(x) ** 3, lambda x: np.sqrt(x**2)], ids=["back", "forth"])
@pytest.mark.parametrize("mode", [m for m in MODES if m != "planned product"])
@pytest.mark.parametrize("choice", MIXED)
def test_only_the_elements_that_count_are_lost(choice, mode, f):
    """Of three elements at a singular point the middle one is left out."""
    got = MODES[mode](lambda x: MIXED[choice](f(x)))(np.zeros(3))
    np.testing.assert_array_equal(got, [np.nan, 0.0, np.nan])
    if "replayed" not in mode and "planned" not in mode:
        plain = MODES[mode](lambda x: MIXED[choice](f(x)))(np.array([1.0, 0.0, 8.0]))
        np.testing.assert_allclose(plain, GRADIENTS["reverse"](MIXED[choice])(np.array([1.0, 0.0, 8.0])), rtol=1e-15)


@pytest.mark.parametrize("jacobian", [mmad.jacrev, mmad.jacfwd, mmad.jacobian], ids=["rev", "fwd", "auto"])
def test_rows_of_a_jacobian_are_lost_alone(jacobian):
    for f in (lambda x: np.cbrt(x) ** 3, lambda x: np.cbrt(x**3)):
        got = jacobian(f)(np.array([0.0, 1.0, 8.0]))
        np.testing.assert_allclose(got, np.diag([np.nan, 1.0, 1.0]), rtol=1e-15)


@pytest.mark.parametrize("jacobian", [mmad.jacrev, mmad.jacfwd, mmad.jacobian], ids=["rev", "fwd", "auto"])
def test_seeds_of_zero_are_structural(jacobian):
    """The infinite slope of one element leaves the derivatives by the others alone."""
    got = jacobian(np.sqrt)(np.array([0.0, 4.0]))
    np.testing.assert_array_equal(got, [[np.inf, 0.0], [0.0, 0.25]])
    np.testing.assert_array_equal(mmad.jvp(np.sqrt, (np.array([0.0, 4.0]),), (np.array([0.0, 1.0]),))[1], [0.0, 0.25])
    assert mmad.jvp(lambda x, y: np.sqrt(x) * y, (0.0, 3.0), (0.0, 1.0))[1] == 0.0


def test_scalars_in_a_loop():
    def f(x):
        total = 0.0
        for k in range(3):
            total = total + np.where(x[k] > -1, np.sqrt(x[k]) * np.sqrt(x[k]), 0.0) * k
        return total

    for gradient in (mmad.grad, by_forward):
        np.testing.assert_array_equal(gradient(f)(np.array([0.0, 1.0, 0.0])), [np.nan, 1.0, np.nan])


def test_one_recording_for_the_poles():
    """A program that meets a pole is recorded once more, whatever else comes; away from poles the first one runs."""
    g = mmad.compile(mmad.grad(lambda x: np.where(x > 0, np.sqrt(x), 0.0).sum()))
    points = np.array([[1.0, 4.0], [0.0, 4.0], [0.0, 1.0], [4.0, 1.0], [1.0, 0.0]])
    for _ in range(20):
        for x in points:
            np.testing.assert_array_equal(g(x), np.where(x > 0, 0.5 / np.sqrt(np.where(x > 0, x, 1.0)), 0.0))
    assert g.stats()["records"] == 2
    assert g.stats()["eager"] <= 1


def test_no_second_recording_without_derivatives():
    f = mmad.compile(lambda x: np.where(x == 0, 1.0, 1 / x).sum())
    for x in (np.ones(2), np.zeros(2), np.ones(2)):
        assert f(x) == 2.0
    assert f.stats()["records"] == 1


def test_poles_in_other_threads():
    """The flag of a division by zero is that of a thread."""
    mmad.set_num_threads(2)
    try:
        g = mmad.compile(mmad.grad(lambda x: (np.cbrt(x) ** 3).sum()))
        x = np.linspace(1.0, 2.0, 2_000_000)
        np.testing.assert_allclose(g(x), 1.0, rtol=1e-12)
        x[-1] = 0.0
        for _ in range(3):
            got = g(x)
            assert np.isnan(got[-1])
            np.testing.assert_allclose(got[:-1], 1.0, rtol=1e-12)
    finally:
        mmad.set_num_threads(1)


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.complex128, np.longdouble])
@pytest.mark.parametrize("compiled", [False, True])
def test_other_precisions(dtype, compiled):
    if np.dtype(dtype).kind == "c":

        def f(x):
            return (np.sqrt(x) * np.sqrt(x)).real.sum()
    else:

        def f(x):
            return (np.cbrt(x) ** 3).sum()

    g = mmad.compile(mmad.grad(f)) if compiled else mmad.grad(f)
    assert np.isfinite(g(np.ones(2, dtype))).all()
    for _ in range(3):
        np.testing.assert_array_equal(np.isnan(g(np.array([0, 1], dtype))), [True, False])


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize(
    "f", [lambda x: x**1, lambda x: x**x, lambda x: 2.0**x, lambda x: x**3 / 6, np.hypot, np.arctan2]
)
def test_no_pole_is_seen_where_there_is_none(f, order):
    """A program that has divided by zero on its way, without need, would be recorded a second time."""
    if isinstance(f, np.ufunc):
        ufunc = f
        f = lambda x: ufunc(x, x * 0.5)
    derivative = mmad.grad(f)
    for _ in range(order - 1):
        derivative = mmad.grad(derivative)
    for x in (1.0, 2.0):
        g = mmad.compile(derivative)
        assert np.isfinite(g(x))
        assert g.stats()["records"] == 1


def test_a_function_that_raises_leaves_no_doubt_behind():
    from mmad.wrappers._dual import doubtful, new_level

    def f(x):
        np.sqrt(x)
        raise KeyError("mine")

    start = new_level()
    with pytest.raises(KeyError, match="mine"):
        mmad.jvp(f, (0.0,), (1.0,))
    assert not any(doubtful(level) for level in range(start, new_level()))
