"""Keywords, lists and dtypes of NumPy's functions: results of the plain call, and derivatives by differences."""

import copy
import pickle

import numpy as np
import pytest

import mmad
import mmad.numpy as mnp

V, W = np.array([0.3, -1.2, 0.7, 1.9]), np.array([0.5, 0.8, -0.4, 1.1])
A = np.array([[0.3, -1.2, 0.7, 1.9], [0.5, 0.8, -0.4, 1.1], [-0.6, 0.2, 1.4, -0.9]])
MASK = np.arange(12).reshape(3, 4) % 3 != 0


def leaves(result):
    return [part for r in result for part in leaves(r)] if isinstance(result, tuple | list) else [result]


def weighted(result):
    parts = [r for r in leaves(result) if r.dtype.kind == "f"]
    return sum((np.cos(np.arange(r.size)).reshape(r.shape) * r).sum() for r in parts)


CALLS = {
    "clip where": (lambda x: np.clip(x, 0, 1, where=MASK, out=mnp.ones((3, 4))), A),
    "clip method where": (lambda x: x.clip(0, 1, where=MASK, out=mnp.ones((3, 4))), A),
    "clip bounds": (lambda x: np.clip(x, A[0] - 0.3, 2 * x[:, :1], dtype=np.float64), A),
    "clip of a number": (lambda x: np.clip(0.6, x, 2 * x), np.abs(V)),
    "divmod out": (lambda x: np.divmod(x, 0.33, out=(None, mnp.zeros(4))), V),
    "modf out": (lambda x: np.modf(x, out=(mnp.zeros(4), mnp.zeros(4))), V),
    "modf where": (lambda x: np.modf(x, where=MASK, out=(mnp.ones((3, 4)), mnp.ones((3, 4)))), A),
    "matmul axes": (lambda x: np.matmul(x, A, axes=[(1, 0), (0, 1), (1, 0)]), A),
    "matmul axes of a vector": (lambda x: np.matmul(x, A, axes=[(0,), (1, 0), (0,)]), V),
    "vecdot axis": (lambda x: np.vecdot(x, A * x, axis=0), A),
    "vecdot keepdims": (lambda x: np.vecdot(x, A * x, axis=-2, keepdims=True), A),
    "hypot where": (lambda x: np.hypot.reduce(x, axis=0, initial=2.0, where=MASK), A),
    "logaddexp where": (lambda x: np.logaddexp.reduce(x, axis=(0, 1), keepdims=True, where=MASK), A),
    "fmin where": (lambda x: np.fmin.reduce(x, axis=1, initial=0.4, where=MASK), A),
    "lists": (lambda x: [mnp.tan([x[0], 2 * x[1]]), mnp.degrees([x[0], 1.0]), mnp.hypot([x[0], x[1]], 2.0)], V),
    "methods of lists": (lambda x: [mnp.add.reduce([x[0], x[1]]), mnp.multiply.outer([x[0], 2.0], x)], V),
    "full_like": (lambda x: [mnp.full_like(A, x), mnp.full_like([1.0, 2.0], x), mnp.full_like(A, [x, 1, 2, x])], 0.7),
    "full_like dtype": (lambda x: np.full_like(x * A, x, np.float64), 0.7),
    "mixed lists": (lambda x: mnp.array([x, [1.0, 2.0, x[0], 3.0], W]), V),
    "deep lists": (lambda x: mnp.array([[x[:2], [1, 2]], [[x[0], 5.0], W[2:]]]), V),
    "poly1d": (lambda x: mnp.polyder(np.poly1d(x)).coeffs, V),
}


@pytest.mark.parametrize("name", CALLS)
def test_call(name):
    call, x = CALLS[name]
    want = call(x)
    seen = []

    def f(y):
        seen.append(call(y))
        return weighted(seen[-1])

    slope = mmad.jvp(f, (x,), (np.cos(x),))[1]
    gradient = mmad.grad(f)(x)
    for result in seen:
        for got, expected in zip(leaves(result), leaves(want), strict=True):
            assert got.shape == expected.shape
            assert got.dtype == expected.dtype
            np.testing.assert_allclose(mmad.concrete(got), expected, rtol=1e-14)
    difference = (weighted(call(x + 1e-6 * np.cos(x))) - weighted(call(x - 1e-6 * np.cos(x)))) / 2e-6
    np.testing.assert_allclose([slope, (gradient * np.cos(x)).sum()], difference, rtol=1e-7)
    compiled, other = mmad.compile(mmad.grad(f)), x * 0.9
    compiled(x)
    np.testing.assert_allclose(compiled(other), mmad.grad(f)(other), rtol=1e-13)


def test_axes_that_do_not_fit_are_an_error():
    with pytest.raises(ValueError, match="axes must name"):
        mmad.grad(lambda x: np.matmul(x, x, axes=[(0, 1)]).sum())(np.eye(3))


@pytest.mark.parametrize("ufunc", [np.tan, np.tanh, np.exp])
def test_a_dtype_is_that_of_the_computation(ufunc):
    seen = []
    mmad.grad(lambda x: (seen.append(ufunc(x, dtype=np.float32)), x.sum())[1])(V)
    assert seen[0].dtype == np.float32
    np.testing.assert_array_equal(mmad.concrete(seen[0]), ufunc(V, dtype=np.float32))
    with pytest.raises(TypeError):
        ufunc(1j * V, dtype=np.float64)
    with pytest.raises(TypeError):
        mmad.jvp(lambda x: ufunc(1j * x, dtype=np.float64), (V,), (V,))


METHODS = ("inverted_cdf", "averaged_inverted_cdf", "hazen", "linear", "lower", "midpoint", "nearest")


@pytest.mark.parametrize("q", [0.3, 1, [0.3, 0.5], [], [0, 1], np.float32(0.3), np.float64(0.3), np.array([0.3], "f4")])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", METHODS)
def test_a_quantile_has_the_dtype_and_the_precision_of_numpys(q, dtype, method):
    x, seen = V.astype(dtype), []
    want = np.quantile(x, q, method=method)
    mmad.grad(lambda x: (seen.append(np.quantile(x, q, method=method)), x.sum())[1])(x)
    assert seen[0].dtype == want.dtype
    np.testing.assert_allclose(mmad.concrete(seen[0]), want, rtol=1e-15 if dtype == np.float64 else 1e-6)


SINGLE = np.array([0.1, 0.7], np.float32)


@pytest.mark.parametrize(
    ("f", "gradient"),
    [
        (lambda x: SINGLE[0] * x[0] * x[1], lambda x, s: [s[0] * x[1], s[0] * x[0]]),
        (lambda x: 0.3 * (x[0] / SINGLE[1] + SINGLE[0] * x[1]), lambda x, s: [0.3 / s[1], 0.3 * s[0]]),
        (lambda x: 0.7 * np.sum(0.3 * (SINGLE * x)), lambda x, s: 0.7 * 0.3 * s),
        (lambda x: np.sum(x / SINGLE) * x[0], lambda x, s: [(x / s).sum() + x[0] / s[0], x[0] / s[1]]),
        (lambda x: np.hypot(x[0], SINGLE[0]) + x[1], lambda x, s: [x[0] / np.hypot(x[0], s[0]), 1.0]),
    ],
)
def test_a_constant_in_single_precision_does_not_round_derivatives(f, gradient):
    x = np.array([0.37, -1.13])
    want = gradient(x, SINGLE.astype(float))
    np.testing.assert_allclose(mmad.grad(f)(x), want, rtol=4e-16)
    np.testing.assert_allclose(mmad.jacfwd(f)(x), want, rtol=4e-16)
    np.testing.assert_allclose(mmad.record(mmad.grad(f), x)(x), want, rtol=4e-16)
    np.testing.assert_allclose(mmad.compile(mmad.grad(f))(x), want, rtol=4e-16)
    single = mmad.grad(lambda y: (y * SINGLE).sum() * 0.3)(x.astype(np.float32))
    assert single.dtype == np.float32


def test_arrays_without_elements_can_be_written_to():
    def f(x):
        y = mnp.zeros((2, *x.shape))
        y[0] = x * 0 + 1
        y[1] = y[0] * x
        return y.sum()

    x = np.zeros((0, 3))
    assert mmad.grad(f)(x).shape == mmad.hvp(f)(x, x).shape == mmad.compile(mmad.grad(f))(x).shape == (0, 3)


def test_a_ragged_list_is_an_error():
    for items in (lambda x: [x, [1.0, 2.0]], lambda x: [x, 2.0], lambda x: [[x[0]], x[0]]):
        with pytest.raises(ValueError, match="ragged"):
            mmad.grad(lambda x, items=items: mnp.array(items(x)).sum())(V)


def test_a_ufunc_of_the_drop_in_stands_for_numpys():
    assert isinstance(mnp.add, np.ufunc)
    assert mnp.add == np.add
    assert {np.add: 1}[mnp.add] == 1
    assert (mnp.add.nin, mnp.add.identity, mnp.add.reduce([1, 2])) == (2, 0, 3)
    assert pickle.loads(pickle.dumps(mnp.add)) == copy.deepcopy(mnp.add) == np.add
