"""reduce, accumulate, outer, at and reduceat of ufuncs."""

import numpy as np
import pytest
from checker import ASPECTS, Case, positive, spaced

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
    with pytest.raises(TypeError, match=r"frexp|spacing"):
        mmad.grad(lambda x: np.spacing.at(x, [0]))(np.ones(2))
