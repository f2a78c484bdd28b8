"""Sorting, positions, comparisons, order statistics."""

import numpy as np
import pytest
from derivatives import ASPECTS, Case, complex_, spaced

import mmad

A, V = spaced(2, 3, 4), spaced(7)
HOLES = np.array([[1.0, np.nan, 0.4, -2.0], [0.3, 1.7, np.nan, np.nan], [2.0, 0.1, -0.7, 1.4]])


def _sorted_in_place(x):
    y = x * 2
    assert y.sort(axis=1) is None
    return y**2


CASES = [
    Case("sort", lambda x: np.sort(x) ** 2, V),
    Case("sort-axis", lambda x: np.sort(x, axis=-2) ** 2, A),
    Case("sort-flat", lambda x: np.sort(x, axis=None, kind="stable") ** 2, A),
    Case("sort-in-place", _sorted_in_place, A),
    Case("sort-complex", lambda z: np.sort(z, axis=0) ** 2, complex_(3, 2)),
    Case("take-by-argsort", lambda x: np.take_along_axis(x, np.argsort(x, axis=0), axis=0) ** 2, A),
    Case("partition", lambda x: np.partition(x, 3)[:3].sum() * np.partition(x, 3)[3], V),
    Case("median-odd", lambda x: np.median(x) ** 2, V),
    Case("median-even", lambda x: np.median(x, axis=-1) ** 2, A),
    Case("median-axes", lambda x: np.median(x, axis=(0, 2), keepdims=True) ** 2, A),
    Case("median-all", lambda x: np.median(x, keepdims=True) ** 2, A),
    Case("quantile", lambda x: np.quantile(x, 0.3) ** 2, V),
    Case("quantile-many", lambda x: np.quantile(x, [0.0, 0.37, 0.81, 1.0], axis=1) ** 2, A),
    Case("quantile-keepdims", lambda x: np.quantile(x, [[0.2, 0.9]], axis=(0, -1), keepdims=True) ** 2, A),
    Case("quantile-lower", lambda x: np.quantile(x, 0.3, method="lower") ** 2, V),
    Case("quantile-midpoint", lambda x: np.quantile(x, [0.3, 0.5], axis=-1, method="midpoint") ** 2, A),
    Case("percentile", lambda x: np.percentile(x, [12.5, 60], axis=0) ** 2, A),
    Case("nanmedian", lambda x: np.nanmedian(x + HOLES, axis=1) ** 2, spaced(3, 4)),
    Case("maximum-by-argmax", lambda x: x[np.argmax(x, axis=0), np.arange(4)] ** 2, spaced(3, 4)),
]


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivatives(case, aspect):
    case.check(aspect)


@pytest.mark.parametrize("mode", ["rev", "fwd", "batch"])
def test_positions_are_those_of_numpy(mode):
    x = np.round(spaced(3, 5) * 2) / 2

    def f(x):
        c = np.round(mmad.concrete(x) * 2) / 2 if mode != "batch" else np.round(spaced(3, 5) * 2) / 2
        y = x + (c - mmad.concrete(x)) if mode != "batch" else x
        for axis in (None, 0, -1):
            np.testing.assert_array_equal(np.argmax(y, axis=axis), np.argmax(c, axis=axis))
            np.testing.assert_array_equal(y.argmin(axis=axis, keepdims=True), c.argmin(axis=axis, keepdims=True))
            np.testing.assert_array_equal(y.argsort(axis=axis), np.argsort(c, axis=axis, kind="stable"))
        np.testing.assert_array_equal(np.nonzero(y > 0), np.nonzero(c > 0))
        np.testing.assert_array_equal(np.nonzero(y), np.nonzero(c))
        np.testing.assert_array_equal(np.flatnonzero(y), np.flatnonzero(c))
        np.testing.assert_array_equal(np.argwhere(y), np.argwhere(c))
        np.testing.assert_array_equal(
            np.searchsorted([-1.0, 0.0, 1.0], y, side="right"), np.searchsorted([-1.0, 0.0, 1.0], c, side="right")
        )
        np.testing.assert_array_equal(np.sort(y[0]).searchsorted(0.25), np.sort(c[0]).searchsorted(0.25))
        np.testing.assert_array_equal(np.digitize(y, [1.0, 0.0, -1.0]), np.digitize(c, [1.0, 0.0, -1.0]))
        np.testing.assert_array_equal(np.digitize(y, [-1.0, 0.0], right=True), np.digitize(c, [-1.0, 0.0], right=True))
        np.testing.assert_array_equal(
            np.sort(mmad.concrete(y.argpartition(2, axis=1)), axis=1), np.sort(c.argpartition(2, axis=1), axis=1)
        )
        return (y * y).sum()

    if mode == "rev":
        np.testing.assert_allclose(mmad.grad(f)(x), 2 * x)
    elif mode == "fwd":
        np.testing.assert_allclose(mmad.jvp(f, (x,), (x,))[1], 2 * (x * x).sum())
    else:
        np.testing.assert_allclose(mmad.jacfwd(f)(x), 2 * x)


def test_comparisons_are_plain():
    x = np.array([1.0, np.nan, np.inf])

    def f(y):
        assert np.isclose(y, x + 1e-12).tolist() == [True, False, True]
        assert np.isclose(y, x, equal_nan=True).tolist() == [True, True, True]
        assert np.isclose(y, [np.inf, 1.0, 2.0]).tolist() == [False, False, False]
        assert np.allclose(y, x) is False
        assert np.allclose(y[:1], 1.0) is True
        assert np.array_equal(y[:1], [1.0]) is True
        assert np.array_equal(y, y, equal_nan=True) is True
        assert np.array_equal(y, x) is False
        assert np.array_equal(y, x[:2]) is False
        assert np.array_equiv(y[:1], [[1.0], [1.0]]) is True
        return y[0]

    mmad.grad(f)(x)
    mmad.jvp(f, (x,), (x,))


def test_ties_are_stable():
    w = np.array([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(mmad.grad(lambda x: (np.sort(x) * w).sum())(np.ones(3)), w)
    np.testing.assert_array_equal(mmad.grad(np.median)(np.ones(3)), [0, 1, 0])
    np.testing.assert_array_equal(mmad.grad(np.median)(np.ones(4)), [0, 0.5, 0.5, 0])
    for n in (40, 400):
        k = np.arange(float(n))
        np.testing.assert_array_equal(mmad.grad(lambda x, k=k: (np.sort(x) * k).sum())(np.ones(n)), k)
        x = np.random.default_rng(n).normal(size=(3, n))
        np.testing.assert_array_equal(mmad.jvp(np.sort, (x,), (x,))[1], np.sort(x))
        x[1, n // 2] = np.nan
        np.testing.assert_array_equal(mmad.jvp(np.sort, (x,), (x,))[1], np.sort(x))


def test_median_of_nan_is_nan():
    x = np.array([[1.0, np.nan, 2.0], [3.0, 1.0, 2.0]])
    y, _ = mmad.jvp(lambda x: np.median(x, axis=1), (x,), (x,))
    np.testing.assert_array_equal(y, [np.nan, 2.0])
    np.testing.assert_array_equal(mmad.grad(lambda x: np.median(x, axis=1)[1])(x), [[0, 0, 0], [0, 0, 1]])


def test_empty():
    assert mmad.grad(lambda x: np.sort(x, axis=1).sum())(np.zeros((3, 0))).shape == (3, 0)
    assert mmad.grad(lambda x: np.median(x, axis=1).sum())(np.zeros((0, 3))).shape == (0, 3)
    with pytest.raises(ValueError, match="empty sequence"):
        mmad.grad(lambda x: x[np.argmax(x)])(np.zeros(0))


@pytest.mark.parametrize("invert", [False, True])
def test_isin(invert):
    def f(x):
        signs = np.sign(x)
        number = np.isin(signs[0], [1.0, 0.0], invert=invert)
        return (x**2 * np.isin(signs, [[1.0], [3.0]], invert=invert)).sum() + x[0] * number + x[1] * np.isin(2.0, x)

    compiled = mmad.compile(mmad.grad(f))
    for x in (np.array([1.5, -0.5, 2.0]), np.array([-1.0, 3.0, -2.0])):
        np.testing.assert_allclose(mmad.compile(f)(x), f(x))
        one = np.isin(np.sign(x), 1.0, invert=invert)
        want = 2 * x * one + np.array([one[0], np.isin(2.0, x), 0.0])
        for gradient in (mmad.grad(f), compiled, mmad.jacfwd(f)):
            np.testing.assert_allclose(gradient(x), want)
