"""Unique elements, sets, bins: ties, NaN, positions, and programs that meet other choices."""

import numpy as np
import pytest

import mmad
import mmad.numpy as mnp

TIED = np.array([1.0, 0.0, 1.0, -2.0, 0.0])


def test_of_equal_elements_the_first_has_the_derivative():
    np.testing.assert_array_equal(mmad.grad(lambda x: np.unique(x) @ [1.0, 2.0, 3.0])(TIED), [3.0, 2.0, 0.0, 1.0, 0.0])


@pytest.mark.parametrize("mode", ["reverse", "forward", "batch"])
def test_positions_and_counts_are_those_of_numpy(mode):
    options = {"return_index": True, "return_inverse": True, "return_counts": True}
    rows = np.array([[1.0, 2.0], [0.0, 5.0], [1.0, 2.0], [1.0, -2.0]])
    holes = np.array([np.nan, 1.0, np.nan, 1.0, 0.0])

    def f(x):
        for plain in (TIED, holes, rows):
            traced = plain + 0.0 * x
            axes = (None, 0, 1) if plain is rows else (None,)
            for axis in axes:
                for equal_nan in (True, False):
                    got = np.unique(traced, axis=axis, equal_nan=equal_nan, **options)
                    want = np.unique(plain, axis=axis, equal_nan=equal_nan, **options)
                    for g, w in zip(got[1:], want[1:], strict=True):
                        np.testing.assert_array_equal(g, w)
                    assert got[0].shape == want[0].shape
        return x * 1.0

    if mode == "reverse":
        assert mmad.grad(f)(2.0) == 1.0
    elif mode == "forward":
        assert mmad.jvp(f, (2.0,), (1.0,))[1] == 1.0
    else:
        np.testing.assert_array_equal(mmad.vmap(f)(np.ones(2)), np.ones(2))


def test_sets_have_the_values_of_numpy():
    x, y = np.array([3.0, 1.0, 2.0, 1.0]), np.array([2.0, 5.0, 3.0, 7.0, 2.0])

    def f(x):
        for function in (np.union1d, np.intersect1d, np.setdiff1d, np.setxor1d):
            np.testing.assert_array_equal(mmad.concrete(function(x, y)), function(mmad.concrete(x), y))
            np.testing.assert_array_equal(mmad.concrete(function(y, x)), function(y, mmad.concrete(x)))
        for found, want in zip(
            np.intersect1d(x, y, return_indices=True),
            np.intersect1d(mmad.concrete(x), y, return_indices=True),
            strict=True,
        ):
            np.testing.assert_array_equal(mmad.concrete(found), want)
        return x.sum()

    mmad.grad(f)(x)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: (np.unique(np.round(x)) ** 2).sum() * x[0],
        lambda x: np.unique(np.round(x), return_counts=True)[1] @ [1.0, 2.0, 3.0][: len(np.unique(np.round(x)))] * x[1],
        lambda x: (np.histogram(x, bins=3, weights=x**2)[0] ** 2).sum(),
        lambda x: np.histogram(x, bins=[0.0, 1.0, 2.0, 3.0])[0] @ [1.0, 2.0, 4.0] * x[2],
        lambda x: (np.setdiff1d(x, x[x > 1.2]) ** 2).sum(),
        lambda x: np.lexsort((x, np.round(x))) @ np.arange(4.0) * x[0],
        lambda x: np.nanargmax(x) * x[0],
        lambda x: (np.trim_zeros(np.where(x > 1.0, x, 0.0)) ** 2).sum(),
        lambda x: (mnp.arange(0.0, x[0], 0.3) * x[1]).sum(),
        lambda x: np.frexp(x)[0] @ np.frexp(x)[1].astype(float),
    ],
)
def test_a_program_that_meets_other_choices_is_recorded_again(f):
    compiled = mmad.compile(mmad.grad(f))
    for x in ([1.2, 0.2, 0.7, 2.4], [1.3, 0.3, 0.6, 2.3], [0.2, 1.4, 2.6, 0.9], [1.2, 1.3, 0.7, 2.4]):
        np.testing.assert_allclose(compiled(np.array(x)), mmad.grad(f)(np.array(x)), rtol=1e-14)


def test_errors_are_those_of_numpy():
    x = np.array([0.3, 0.7, 0.1])
    for f, error, message in (
        (lambda x: np.quantile(x, 1.5), ValueError, "range"),
        (lambda x: np.quantile(x, 0.5, method="no"), ValueError, "not a valid method"),
        (lambda x: np.quantile(x, 0.5, weights=[1, 2, 3]), ValueError, "supports weights"),
        (lambda x: np.histogram(x, bins=[2, 1]), ValueError, "monotonically"),
        (lambda x: np.bincount([0, 1], x), ValueError, "same length"),
        (lambda x: np.geomspace(x[0], 0.0, 3), ValueError, "zero"),
        (lambda x: np.pad(x, 1, mode="no"), ValueError, "not supported"),
        (lambda x: np.pad(x, 1, mode="mean", end_values=1), ValueError, "unsupported keyword"),
        (lambda x: np.nanargmax(x * np.nan), ValueError, "All-NaN"),
        (lambda x: x.tobytes(), AttributeError, "no bytes in memory"),
        (lambda x: x.resize(2), AttributeError, "np.resize"),
    ):
        with pytest.raises(error, match=message):
            mmad.grad(lambda x, f=f: np.sum(f(x)))(x)


def test_generators_draw_what_numpy_draws():
    x = np.arange(24.0).reshape(4, 6)

    def check(x):
        for axis in (0, 1):
            ours, plain = mnp.random.default_rng(5), np.random.default_rng(5)
            values = mmad.concrete(x)
            pairs = [
                (ours.permutation(x, axis=axis), plain.permutation(values, axis=axis)),
                (ours.choice(x, (2, 3), axis=axis), plain.choice(values, (2, 3), axis=axis)),
                (ours.choice(x[0], 3, False), plain.choice(values[0], 3, False)),
                (ours.permuted(x, axis=axis), plain.permuted(values, axis=axis)),
                (ours.permuted(x), plain.permuted(values)),
                (ours.normal(size=3), plain.normal(size=3)),
            ]
            mine, theirs = x.copy(), values.copy()
            assert ours.shuffle(mine, axis=axis) is plain.shuffle(theirs, axis=axis) is None
            for got, want in [*pairs, (mine, theirs)]:
                np.testing.assert_array_equal(mmad.concrete(got), want)
        return x.sum()

    mmad.grad(check)(x)
    mmad.jvp(check, (x,), (x,))


def test_vectorize_of_several_results_and_keywords():
    f = mnp.vectorize(lambda u, v=2.0: (u * v, u + v))
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(mmad.grad(lambda x: (f(x)[0] * f(x, v=x)[1]).sum())(x), 8 * x)
    matrix = mnp.vectorize(lambda a, b: a @ b, signature="(m,n),(n)->(m)")
    want = [[8.0, 12.0], [8.0, 12.0]]  # twice the sum of the rows
    np.testing.assert_allclose(mmad.grad(lambda x: matrix(x, x).sum())(x), want)


def test_nditer_writes_into_traced_arrays():
    def f(x):
        y = x * 1.0
        with mnp.nditer([x, y], op_flags=[["readonly"], ["readwrite"]]) as it:
            for u, v in it:
                v[...] = u * v * it.multi_index[0]
        return y.sum()

    np.testing.assert_allclose(mmad.grad(f)(np.array([1.0, 2.0, 3.0])), [0.0, 4.0, 12.0])
    with pytest.raises(TypeError, match="external_loop"):
        mmad.grad(lambda x: sum(mnp.nditer(x, flags=["external_loop"])))(np.ones(2))


def test_memory_is_that_of_the_plain_arrays():
    def f(x):
        assert np.shares_memory(x, x[1:])
        assert np.may_share_memory(x.T, x)
        assert not np.shares_memory(x[:1], x[1:])
        assert not np.shares_memory(x, x.copy())
        return x.sum()

    mmad.grad(f)(np.ones(3))
    mmad.jvp(f, (np.ones(3),), (np.ones(3),))
