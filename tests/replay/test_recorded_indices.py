"""Arrays indexed by positions that a program computes: selected anew at each run, with one recording."""

import numpy as np
import pytest

import mmad

W = np.arange(8.0) + 1.0
FUNCTIONS = {
    "a sorted array": lambda x: (x[np.argsort(x)] * W) @ W,
    "the smallest": lambda x: (np.exp(x[np.argsort(x)[:4]]) * W[:4]).sum(),
    "rows": lambda x: (x.reshape(4, 2)[np.argsort(x[:4])] ** 2 * W.reshape(4, 2)).sum(),
    "a matrix of positions": lambda x: (np.sin(x)[np.argsort(x).reshape(2, 4)] ** 2 * W.reshape(2, 4)).sum(),
    "a partition": lambda x: (x[np.argpartition(x, 3)[:3]] ** 2).sum(),
    "twice": lambda x: (x[np.argsort(x)][np.argsort(-x)] ** 3 * W).sum(),
    "take": lambda x: (np.take(x, np.argsort(x)) ** 2 * W).sum(),
    "take rows": lambda x: (np.take(x.reshape(4, 2), np.argsort(x[:4]), axis=0) ** 2 * W.reshape(4, 2)).sum(),
    "take_along_axis": lambda x: (
        np.take_along_axis(x.reshape(2, 4), np.argsort(x.reshape(2, 4), axis=1), 1) ** 2 * W.reshape(2, 4)
    ).sum(),
}


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_one_recording(f):
    rng = np.random.default_rng(3)
    gradient, product = mmad.compile(mmad.grad(f)), mmad.compile(mmad.hvp(f))
    for _ in range(5):
        x, v = rng.uniform(0.0, 1.0, 8), rng.normal(size=8)
        slope = (f(x + 1e-6 * v) - f(x - 1e-6 * v)) / 2e-6
        np.testing.assert_allclose(gradient(x) @ v, slope, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(mmad.jvp(f, (x,), (v,))[1], slope, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(gradient(x), mmad.grad(f)(x), rtol=1e-14)  # kernels, and NumPy's loops
        np.testing.assert_allclose(product(x, v), mmad.hvp(f)(x, v), rtol=1e-12, atol=1e-12)
        change = (mmad.grad(f)(x + 1e-6 * v) - mmad.grad(f)(x - 1e-6 * v)) / 2e-6
        np.testing.assert_allclose(product(x, v), change, rtol=1e-6, atol=1e-7)
    assert gradient.counts["records"] == 1
    assert product.counts["records"] == 1


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=list(FUNCTIONS))
def test_other_ways(f):
    x = np.random.default_rng(4).uniform(0.0, 1.0, (3, 8))
    want = [mmad.grad(f)(row) for row in x]
    np.testing.assert_allclose(mmad.vmap(mmad.grad(f))(x), want, rtol=1e-12)
    np.testing.assert_allclose(mmad.compile(mmad.vmap(mmad.grad(f)))(x), want, rtol=1e-12)
    np.testing.assert_allclose(mmad.hessian(f)(x[0]), mmad.jacfwd(mmad.grad(f))(x[0]), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mmad.taylor(f, x[0], W, 2)[1], want[0] @ W, rtol=1e-12)


def test_positions_out_of_bounds_raise():
    def f(x):
        return (x[np.argsort(x) + 1]).sum()

    with pytest.raises(IndexError):
        mmad.grad(f)(W)
    with pytest.raises(IndexError):
        mmad.compile(mmad.grad(f))(W)
