"""reduce, accumulate, outer, at and reduceat of ufuncs."""

import numpy as np
import pytest
from derivatives import ASPECTS, Case, positive, spaced

import mmad

A, V, P = spaced(2, 3, 4), spaced(7), positive(2, 3, 4)
REDUCED = (
    np.add,
    np.multiply,
    np.maximum,
    np.minimum,
    np.fmax,
    np.fmin,
    np.logaddexp,
    np.logaddexp2,
    np.hypot,
    np.subtract,
    np.divide,
)


def _at(ufunc, index, *operand):
    def f(x, *values):
        y = x * x
        ufunc.at(y, index, *(values or operand))
        return y

    return f


CASES = [
    *[Case(f"{u.__name__}.reduce", lambda x, u=u: u.reduce(x), P, ulps=16) for u in REDUCED],
    *[
        Case(f"{u.__name__}.reduce-axis", lambda x, u=u: u.reduce(x, axis=-2, keepdims=True), P, ulps=16)
        for u in REDUCED
    ],
    *[Case(f"{u.__name__}.reduce-all", lambda x, u=u: u.reduce(x, axis=None), P, ulps=16) for u in REDUCED[:9]],
    *[
        Case(f"{u.__name__}.reduce-initial", lambda x, u=u: u.reduce(x, axis=1, initial=1.5), P, ulps=16)
        for u in REDUCED
    ],
    *[Case(f"{u.__name__}.accumulate", lambda x, u=u: u.accumulate(x), P, ulps=16) for u in REDUCED],
    *[Case(f"{u.__name__}.accumulate-axis", lambda x, u=u: u.accumulate(x, axis=-1) * x, P, ulps=16) for u in REDUCED],
    *[
        Case(f"{u.__name__}.reduceat", lambda x, u=u: u.reduceat(x, [0, 3, 1, 2], axis=2), P, ulps=16)
        for u in (np.add, np.multiply, np.maximum, np.logaddexp)
    ],
    *[
        Case(
            f"{u.__name__}.outer",
            lambda x, y, u=u: u.outer(x, y),
            np.array([[0.4, 0.8, 1.2], [1.6, 2.0, 2.4]]),
            np.array([-0.6, 1.4, 0.6, 2.2]),
        )
        for u in (np.add, np.multiply, np.divide, np.maximum, np.power, np.arctan2)
    ],
    Case("multiply.outer-scalar", lambda x: np.multiply.outer(x, 3.0) * np.multiply.outer(2.0, x), V),
    Case("add.at", _at(np.add, [0, 0, 5]), V, spaced(3, seed=2)),
    Case("add.at-2d", _at(np.add, ([0, 1, 1], [2, 0, 0])), spaced(2, 3), spaced(3, seed=2)),
    Case("add.at-rows", _at(np.add, [1, 1, 0]), spaced(2, 3), spaced(3, seed=2)),
    Case("subtract.at", _at(np.subtract, [0, 0, 5]), V, spaced(3, seed=2)),
    Case("multiply.at", _at(np.multiply, [0, 0, 5]), V, spaced(3, seed=2)),
    Case("maximum.at", _at(np.maximum, [0, 0, 5]), V, positive(3)),
    Case("negative.at", _at(np.negative, [0, 0, 5]), V),
    Case("add.reduce-where", lambda x: np.add.reduce(x, axis=1, where=np.arange(4) > 1), A),
    Case("multiply.reduce-axes", lambda x: np.multiply.reduce(x, axis=(0, 2)), A),
    Case("hypot.reduce-axes", lambda x: np.hypot.reduce(x, axis=(0, 2)), A),
]


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivatives(case, aspect):
    case.check(aspect)


def test_running_maximum_shares_ties_as_the_maximum_does():
    x = np.array([1.0, 1.0, 0.0, 1.0, 2.0, 2.0])
    for k in range(6):
        running = mmad.grad(lambda x, k=k: np.maximum.accumulate(x)[k])(x)
        want = np.zeros(6)
        want[: k + 1] = mmad.grad(np.max)(x[: k + 1])
        np.testing.assert_allclose(running, want, rtol=1e-15)


def test_logaddexp_reduce_of_large_numbers():
    x = np.array([1000.0, 1001.0, -5.0])
    y, dot = mmad.jvp(np.logaddexp.reduce, (x,), (np.array([1.0, 0.0, 0.0]),))
    np.testing.assert_allclose(y, np.logaddexp.reduce(x), rtol=1e-15)
    np.testing.assert_allclose(dot, 1 / (1 + np.e), rtol=1e-14)
    g = mmad.grad(np.logaddexp.reduce)(np.array([0.0, -np.inf]))
    np.testing.assert_array_equal(g, [1.0, 0.0])


def test_reduce_into_out():
    def f(x):
        out = np.zeros_like(x[0])
        assert np.add.reduce(x, out=out) is out
        return (out**2).sum()

    x = spaced(2, 3)
    np.testing.assert_allclose(mmad.grad(f)(x), 2 * x.sum(0) * np.ones((2, 1)))


def test_truth_reductions_are_plain():
    def f(x):
        assert np.logical_and.reduce(x > 0) is np.False_
        assert np.logical_or.reduce(x, axis=None) is np.True_
        return x.sum()

    mmad.grad(f)(np.array([1.0, -1.0]))


def test_empty():
    x = np.zeros((3, 0))
    for u in (np.add, np.multiply, np.hypot, np.logaddexp):
        y, dot = mmad.jvp(lambda x, u=u: u.reduce(x, axis=1), (x,), (x,))
        np.testing.assert_array_equal(y, u.reduce(x, axis=1))
        np.testing.assert_array_equal(dot, np.zeros(3))
    with pytest.raises(ValueError, match="identity"):
        mmad.grad(lambda x: np.maximum.reduce(x, axis=1).sum())(x)
    with pytest.raises(ValueError, match="reorderable"):
        mmad.grad(lambda x: np.subtract.reduce(x, axis=None))(spaced(2, 3))


def test_unsupported_method_names_itself():
    with pytest.raises(TypeError, match=r"divmod.outer"):
        mmad.grad(lambda x: np.divmod.outer(x, x))(np.ones(2))


# --- what NumPy's identities and dtypes change ------------------------------------------------------------
@pytest.mark.parametrize("ufunc", [np.hypot, np.logaddexp, np.add, np.multiply, np.subtract, np.fmax])
@pytest.mark.parametrize("options", [{}, {"initial": None}, {"initial": 2.5}, {"keepdims": True}])
def test_reduction_of_one_element(ufunc, options):
    """The identity is applied to it: the hypotenuse of one number is its magnitude."""
    x = np.array([-2.0])
    y, (g,) = (
        mmad.vjp(lambda x: ufunc.reduce(x, **options), x)[0],
        mmad.vjp(lambda x: ufunc.reduce(x, **options), x)[1](np.ones_like(ufunc.reduce(x, **options))),
    )
    np.testing.assert_array_equal(y, ufunc.reduce(x, **options))
    h = 1e-6
    slope = (ufunc.reduce(x + h, **options) - ufunc.reduce(x - h, **options)) / (2 * h)
    np.testing.assert_allclose(g, np.reshape(slope, 1), atol=1e-8)
    np.testing.assert_allclose(mmad.jvp(lambda x: ufunc.reduce(x, **options), (x,), (np.ones(1),))[1], slope, atol=1e-8)


@pytest.mark.parametrize("ufunc", [np.hypot, np.logaddexp, np.add, np.multiply, np.maximum, np.fmin, np.divide])
@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3)])
@pytest.mark.parametrize("initial", [2.0, "traced"])
def test_reduction_of_an_empty_axis_from_an_initial_value(ufunc, shape, initial):
    axis = len(shape) - 2

    def f(t):
        x = mmad.numpy.zeros(shape) * t
        return ufunc.reduce(x, axis=axis, initial=t if initial == "traced" else initial)

    want = ufunc.reduce(np.zeros(shape), axis=axis, initial=2.0)
    y, y_dot = mmad.jvp(f, (2.0,), (1.0,))
    np.testing.assert_array_equal(y, want)
    np.testing.assert_array_equal(y_dot, np.full(want.shape, float(initial == "traced")))
    assert mmad.grad(lambda t: f(t).sum())(2.0) == want.size * (initial == "traced")


def test_an_initial_value_counts_once():
    x = P[0]
    for ufunc in (np.hypot, np.logaddexp2):
        y, y_dot = mmad.jvp(lambda x, u=ufunc: u.reduce(x, axis=(0, 1), initial=1.5), (x,), (np.ones_like(x),))
        np.testing.assert_allclose(y, ufunc.reduce(x, axis=(0, 1), initial=1.5), rtol=1e-14)
        h = 1e-6
        ahead, behind = (ufunc.reduce(x + s, axis=(0, 1), initial=1.5) for s in (h, -h))
        np.testing.assert_allclose(y_dot, (ahead - behind) / (2 * h), rtol=1e-7)


@pytest.mark.parametrize("ufunc", [np.logical_and, np.logical_or, np.logical_xor])
@pytest.mark.parametrize("wrap", [mmad.grad, mmad.hessian, lambda f: mmad.compile(mmad.grad(f)), mmad.jacfwd])
def test_logic_gives_truth_values(ufunc, wrap):
    x, seen = np.array([2.0, 0.0, 3.0]), []

    def f(x):
        for got, want in (
            (ufunc.accumulate(x), ufunc.accumulate([2.0, 0.0, 3.0])),
            (ufunc.reduce(x), ufunc.reduce([2.0, 0.0, 3.0])),
            (ufunc.reduce(x[:1]), ufunc.reduce([2.0])),
            (ufunc.reduceat(x, [0, 1]), ufunc.reduceat([2.0, 0.0, 3.0], [0, 1])),
        ):
            assert got.dtype == bool
            seen.append((np.array(mmad.concrete(got)), want))
        return np.where(ufunc.accumulate(x), x * x, x).sum()

    wrap(f)(x)
    for got, want in seen:
        np.testing.assert_array_equal(got, want)


def test_comparisons_do_not_reduce_numbers():
    with pytest.raises(TypeError, match="truth values"):
        mmad.grad(lambda x: np.less.accumulate(x).sum())(np.ones(3))
    with pytest.raises(TypeError, match="truth values"):
        mmad.grad(lambda x: np.equal.reduce(x) * x.sum())(np.ones(3))


def test_segments_have_no_identity():
    x = np.array([-2.0, -3.0, 4.0])
    np.testing.assert_array_equal(
        mmad.jvp(lambda x: np.hypot.reduceat(x, [0, 1]), (x,), (x,))[0], np.hypot.reduceat(x, [0, 1])
    )
