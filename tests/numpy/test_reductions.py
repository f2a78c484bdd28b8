"""Reductions and running reductions."""

import numpy as np
import pytest
from derivatives import ASPECTS, Case, complex_, positive, spaced

import mmad

A, V = spaced(2, 3, 4), spaced(7)
ZEROS = np.array([[0.0, 2.0, -1.5, 3.0], [0.0, 0.0, 1.2, 0.7], [1.1, -0.4, 2.2, 0.9]])
MASK = np.array([[True, False, True, True], [True, True, False, True], [False, True, True, True]])
HOLES = np.array([[1.0, np.nan, 0.4, -2.0], [0.3, 1.7, np.nan, np.nan], [2.0, 0.1, -0.7, 1.4]])

CASES = [
    Case("sum", lambda x: np.sum(x), A),
    Case("sum-axis", lambda x: np.sum(x, axis=-1), A),
    Case("sum-axes-keepdims", lambda x: np.sum(x, axis=(0, -1), keepdims=True), A),
    Case("sum-where-initial", lambda x: np.sum(x, axis=1, where=MASK, initial=2.5), A),
    Case("sum-method", lambda x: x.sum(0), A),
    Case("sum-complex", lambda z: np.sum(z, axis=0), complex_(2, 3)),
    Case("sum-no-axes", lambda x: np.sum(x, axis=()), A),
    Case("prod", lambda x: np.prod(x), V),
    Case("prod-axis", lambda x: np.prod(x, axis=-2), A),
    Case("prod-axes", lambda x: np.prod(x, axis=(2, 0)), A),
    Case("prod-axes-keepdims", lambda x: np.prod(x, axis=(0, 2), keepdims=True), A),
    Case("prod-where-initial", lambda x: np.prod(x, axis=1, where=MASK, initial=2.5), A),
    Case("prod-method", lambda x: x.prod(), V),
    Case("prod-zeros", lambda x: np.prod(x, axis=1), ZEROS),
    Case("prod-complex", lambda z: np.prod(z, axis=1), complex_(2, 3)),
    Case("mean", lambda x: np.mean(x), A),
    Case("mean-axes", lambda x: np.mean(x, axis=(-1, 0)), A),
    Case("mean-where", lambda x: np.mean(x, axis=-1, where=MASK, keepdims=True), A),
    Case("mean-method", lambda x: x.mean(axis=1), A),
    Case("mean-complex", lambda z: np.mean(z, axis=1), complex_(2, 3)),
    Case("var", lambda x: np.var(x), A),
    Case("var-axes-ddof", lambda x: np.var(x, axis=(0, 2), ddof=1, keepdims=True), A),
    Case("var-correction", lambda x: np.var(x, axis=1, correction=1), A),
    Case("var-mean", lambda x: np.var(x, axis=-1, mean=np.mean(x, axis=-1, keepdims=True)), A),
    Case("var-where", lambda x: np.var(x, axis=2, where=MASK), A),
    Case("var-method", lambda x: x.var(0), A),
    Case("var-complex", lambda z: np.var(z, axis=1), complex_(2, 3)),
    Case("std", lambda x: np.std(x), V),
    Case("std-axis", lambda x: np.std(x, axis=-2, ddof=1), A),
    Case("std-method", lambda x: x.std(), A),
    Case("std-complex", lambda z: np.std(z), complex_(2, 3)),
    Case("max", lambda x: np.max(x), A),
    Case("max-axis", lambda x: np.max(x, axis=-1) ** 2, A),
    Case("max-axes-keepdims", lambda x: np.max(x, axis=(0, 2), keepdims=True), A),
    Case("max-where", lambda x: np.max(x, axis=1, where=MASK, initial=-9.0), A),
    Case("max-initial", lambda x: np.amax(x, axis=1, initial=0.01), A),
    Case("min", lambda x: np.amin(x) ** 2, V),
    Case("min-axis", lambda x: np.min(x, axis=1), A),
    Case("min-where", lambda x: np.min(x, axis=1, where=MASK, initial=9.0), A),
    Case("max-min-methods", lambda x: x.max(axis=0) * x.min(axis=0), A),
    Case("ptp", lambda x: np.ptp(x, axis=-1) ** 2, A),
    Case("average", lambda x: np.average(x, axis=1), A),
    Case("average-weights", lambda x, w: np.average(x, axis=0, weights=w), spaced(3, 4), positive(3, 4)),
    Case("average-weights-1d", lambda x, w: np.average(x, axis=1, weights=w, keepdims=True), A, positive(3)),
    Case("average-returned", lambda x, w: np.average(x, axis=-1, weights=w, returned=True), A, positive(4)),
    Case("nansum", lambda x: np.nansum(x + HOLES, axis=1), spaced(3, 4)),
    Case("nanprod", lambda x: np.nanprod(x + HOLES, axis=1), spaced(3, 4)),
    Case("nanmean", lambda x: np.nanmean(x + HOLES, axis=0), spaced(3, 4)),
    Case("nanvar", lambda x: np.nanvar(x + HOLES, axis=1, ddof=1), spaced(3, 4)),
    Case("nanstd", lambda x: np.nanstd(x + HOLES), spaced(3, 4)),
    Case("nanmax", lambda x: np.nanmax(x + HOLES, axis=1), spaced(3, 4)),
    Case("nanmin", lambda x: np.nanmin(x + HOLES), spaced(3, 4)),
    Case("nancumsum", lambda x: np.nancumsum(x + HOLES, axis=1), spaced(3, 4)),
    Case("nancumprod", lambda x: np.nancumprod(x + HOLES, axis=0), spaced(3, 4)),
    Case("cumsum", lambda x: np.cumsum(x), A),
    Case("cumsum-axis", lambda x: np.cumsum(x, axis=-2), A),
    Case("cumsum-method", lambda x: x.cumsum(axis=2), A),
    Case("cumsum-complex", lambda z: np.cumsum(z, axis=1), complex_(2, 3)),
    Case("cumprod", lambda x: np.cumprod(x), V),
    Case("cumprod-long", lambda x: np.cumprod(x), spaced(21, low=-1.6, high=1.9)),
    Case("cumprod-axis", lambda x: np.cumprod(x, axis=1), A),
    Case("cumprod-method", lambda x: x.cumprod(axis=-1), A),
    Case("cumprod-zeros", lambda x: np.cumprod(x, axis=1), ZEROS),
    Case("cumprod-complex", lambda z: np.cumprod(z, axis=0), complex_(3, 2)),
    Case("scalar", lambda x: np.sum(x) * np.prod(x) + np.mean(x) + np.max(x) * np.min(x), 1.3),
]
if hasattr(np, "cumulative_sum"):
    CASES += [
        Case("cumulative_sum", lambda x: np.cumulative_sum(x, axis=1, include_initial=True), A),
        Case("cumulative_prod", lambda x: np.cumulative_prod(x), V),
    ]


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivatives(case, aspect):
    case.check(aspect)


@pytest.mark.parametrize("n", [1, 2, 8, 9, 16, 17, 100])
@pytest.mark.parametrize("zeros", [0, 1, 2])
def test_products_of_any_length_with_zeros(n, zeros):
    x = np.random.default_rng(n).uniform(0.5, 1.5, n)
    x[:zeros] = 0.0
    others = np.array([np.prod(np.delete(x, i)) for i in range(n)])
    np.testing.assert_allclose(mmad.grad(np.prod)(x), others, rtol=1e-13)
    last = np.zeros(n)
    last[-1] = 1.0
    np.testing.assert_allclose(mmad.grad(lambda x: np.cumprod(x) @ last)(x), others, rtol=1e-13)


def test_hessian_of_a_product_with_a_zero():
    np.testing.assert_array_equal(mmad.hessian(np.prod)(np.array([0.0, 3.0, 2.0])), [[0, 2, 3], [2, 0, 0], [3, 0, 0]])


def test_third_derivative_of_a_product_is_exact():
    def third(x):
        e = np.eye(4)
        return mmad.jvp(lambda y: mmad.hvp(np.prod)(y, e[1]), (x,), (e[0],))[1]

    np.testing.assert_array_equal(third(np.array([0.0, 0.0, 3.0, 5.0])), [0, 0, 5, 3])


@pytest.mark.parametrize("f", [np.max, np.min, lambda x: x.max(), lambda x: np.maximum.reduce(x)])
def test_ties_share_equally(f):
    np.testing.assert_array_equal(mmad.grad(f)(np.array([1.0, 1.0, 1.0, 1.0])), [0.25] * 4)
    v = np.array([1.0, 2.0, 3.0, 6.0])
    assert mmad.jvp(f, (np.ones(4),), (v,))[1] == 3.0
    np.testing.assert_array_equal(mmad.hvp(f)(np.ones(4), v), np.zeros(4))


def test_spread_of_a_constant_has_derivative_zero():
    np.testing.assert_array_equal(mmad.grad(np.std)(np.ones(3)), np.zeros(3))
    np.testing.assert_array_equal(mmad.hvp(np.std)(np.ones(3), np.arange(3.0)), np.full(3, np.nan))  # there is none
    rows = np.array([[1.0, 1.0], [1.0, 3.0]])
    np.testing.assert_array_equal(mmad.grad(lambda x: np.std(x, axis=1).sum())(rows), [[0, 0], [-0.5, 0.5]])


def test_infinity_elsewhere_does_not_reach_the_maximum():
    with np.errstate(divide="ignore"):
        g = mmad.grad(lambda x: np.max(np.log(x)))(np.array([0.0, 2.0]))
    np.testing.assert_array_equal(g, [0.0, 0.5])


def test_nan_wins_and_takes_the_derivative():
    np.testing.assert_array_equal(mmad.grad(np.max)(np.array([1.0, np.nan, 3.0])), [0.0, 1.0, 0.0])


EMPTY = np.zeros((0, 3))


@pytest.mark.parametrize("f", [np.sum, np.prod, np.cumsum, np.cumprod, np.nansum], ids=lambda f: f.__name__)
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_empty(f, axis):
    g = mmad.grad(lambda x: f(x, axis=axis).sum() + 0.0 * x.sum())(EMPTY)
    assert g.shape == (0, 3)
    y, dot = mmad.jvp(lambda x: f(x, axis=axis), (EMPTY,), (EMPTY,))
    np.testing.assert_array_equal(y, f(EMPTY, axis=axis))
    assert np.shape(dot) == np.shape(y)
    np.testing.assert_array_equal(dot, np.zeros(np.shape(y)))


def test_maximum_of_nothing():
    with pytest.raises(ValueError, match="zero-size"):
        mmad.grad(np.max)(np.zeros(0))
    assert mmad.grad(lambda x: np.max(x, initial=1.0) + x.sum())(np.zeros(0)).shape == (0,)
    assert mmad.grad(lambda x: np.max(x, axis=1).sum())(EMPTY).shape == (0, 3)


@pytest.mark.parametrize(
    "f",
    [np.sum, np.prod, np.mean, np.std, np.max, np.ptp, np.median, np.sort, np.cumsum, np.cumprod, np.average],
    ids=lambda f: f.__name__,
)
def test_one_element(f):
    assert mmad.grad(lambda x: f(x, axis=None).sum())(np.array([1.5])).shape == (1,)
    assert mmad.jvp(f, (np.array([[1.5]]),), (np.array([[1.0]]),))[0] == f(np.array([[1.5]]))


@pytest.mark.parametrize("f", [np.mean, np.var, np.std], ids=lambda f: f.__name__)
def test_half_precision_is_summed_in_single(f):
    x = np.linspace(0, 1, 3001).astype(np.float16)
    y, _ = mmad.jvp(f, (x,), (x,))
    assert np.result_type(y) == np.float16
    assert y == f(x)


def test_dtype():
    x = spaced(5).astype(np.float32)
    y, dot = mmad.jvp(lambda x: np.sum(x, dtype=np.float64), (x,), (x,))
    assert np.result_type(y) == np.result_type(dot) == np.float64
    assert mmad.grad(lambda x: np.mean(x, dtype=np.float64))(x).dtype == np.float32


@pytest.mark.parametrize("f", [np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.cumsum, np.cumprod])
def test_out(f):
    x = spaced(3, 4)

    def into(x):
        out = np.zeros_like(f(x, axis=0))
        r = f(x, axis=0, out=out)
        assert r is out
        return (out**2).sum()

    np.testing.assert_allclose(mmad.grad(into)(x), mmad.grad(lambda x: (f(x, axis=0) ** 2).sum())(x), rtol=1e-14)


def test_truth_values_are_plain():
    def f(x):
        assert np.any(x > 0) is np.True_
        assert x.all() is np.True_
        assert (x > 0).all(axis=0).tolist() == [True, False]
        assert np.any(x, axis=1, keepdims=True).tolist() == [[True], [True]]
        assert np.count_nonzero(x) == 4
        assert np.count_nonzero(x, axis=0).tolist() == [2, 2]
        assert np.all(x > 0, where=[[True, False]])
        return x.sum()

    x = np.array([[1.0, 2.0], [3.0, -4.0]])
    np.testing.assert_array_equal(mmad.grad(f)(x), np.ones((2, 2)))
    mmad.jvp(f, (x,), (x,))
