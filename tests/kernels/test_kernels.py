"""Kernels of the machine: every operand as one number, rows of any length, products of any shape, tanh."""

import mpmath
import numpy as np
import pytest

import mmad

# name: function of an array (rows, length), a row, a column, and three such arrays.  What is summed, compared or
# repeated along an axis meets every loop of `_rows.h`.
ROWS = {
    "row repeated": lambda x, row, column, z: x * row + np.exp(x),
    "number a row": lambda x, row, column, z: np.exp(x * column) + column,
    "planes": lambda x, row, column, z: z * x + row * column,
    "sum along rows": lambda x, row, column, z: (x * x).sum(1),
    "sum over rows": lambda x, row, column, z: (x * x).sum(0),
    "sum of planes": lambda x, row, column, z: (z * z).sum(1) + (z * z).sum((0, 1)),
    "sum but the middle": lambda x, row, column, z: (z * z).sum((0, 2)),
    "largest along rows": lambda x, row, column, z: (x * 2.0).max(1),
    "smallest over rows": lambda x, row, column, z: (x * 2.0).min(0),
    "largest of planes": lambda x, row, column, z: (z * z).max(1),
    "transposed": lambda x, row, column, z: (x * x).T * 1.0 + column[:, 0],
    "every other": lambda x, row, column, z: x[:, ::2] * row[::2] + z[0, :, ::2],
    "truth values": lambda x, row, column, z: (x > 0.5).sum(1) * 1.0 + (x < row).sum(),
}
SHAPES = [(1, 7), (3, 5), (1025, 2), (1000, 3), (200, 5), (333, 7), (500, 10), (77, 17), (30, 64), (3, 1500), (2, 4099)]


def exactly(f, *arrays):
    """The value in extended precision."""
    return f(*[a.astype(np.longdouble) for a in arrays])


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", ROWS)
def test_rows_of_any_length(name, shape, dtype):
    f, rng = ROWS[name], np.random.default_rng(shape)
    arrays = [rng.normal(size=s).astype(dtype) for s in (shape, shape[1:], (shape[0], 1), (3, *shape))]
    program = mmad.record(f, *arrays).compile()
    got, numpys, want = program(*arrays), f(*arrays), exactly(f, *arrays)
    assert got.dtype == numpys.dtype
    allowed = max(8 * np.finfo(dtype).eps * np.abs(want).max(), 3 * np.abs(numpys - want).max())
    np.testing.assert_allclose(got, want.astype(float), rtol=0, atol=allowed)
    for a in arrays[:1] + arrays[3:]:
        a.flat[min(4, a.size - 1)] = np.nan
    np.testing.assert_array_equal(np.isnan(program(*arrays)), np.isnan(f(*arrays)))


NUMBERS = {
    "select": lambda s, t, x, y: np.where(x > 0.0, s, y) + np.where(x > 0.0, y, s) * np.where(x > 0.0, s, t),
    "select by a number": lambda s, t, x, y: np.where(s > t, x, y) + np.where(s > t, x, t),
    "product and sum": lambda s, t, x, y: (s * x + y) * (x * s + t) * (s * t + x) - (x * y + s),
    "product and difference": lambda s, t, x, y: (s * x - y) * (x * y - t) + (s - x * y) * (y - x * t) * (t - x * s),
    "both sides": lambda s, t, x, y: (s - x) / (x - t) * np.maximum(s, x) * np.minimum(y, t) + s / y + y / s,
}


@pytest.mark.parametrize("n", [3, 100, 5000])
@pytest.mark.parametrize("name", NUMBERS)
def test_any_operand_may_be_one_number(name, n):
    """Value and derivatives, whose fused products of the chain rule take numbers too."""
    f = NUMBERS[name]
    rng = np.random.default_rng(n)
    point = 0.7, 0.3, rng.normal(size=n), rng.normal(size=n)
    np.testing.assert_allclose(mmad.record(f, *point).compile()(*point), f(*point), rtol=1e-13, atol=1e-13)
    gradient = mmad.grad(lambda *p: np.sin(f(*p)).sum(), argnums=(0, 1, 2, 3))
    want = gradient(*point)
    for got, exact in zip(mmad.record(gradient, *point).compile()(*point), want, strict=True):
        np.testing.assert_allclose(got, exact, rtol=1e-12, atol=1e-12 * np.abs(exact).max())


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("n", [2, 65, 1500, 300_001])
def test_overlapping_windows_are_added_up(n, threads):
    """Each store of a window's cotangent that is ahead of the others sets what these add to."""

    def f(x):
        return (x[1:] * x[:-1]).sum() + (x[n // 2 :] ** 2).sum() + (x[: n - n // 2] * x[n // 2 :]).sum()

    def by_hand(x):
        g = np.zeros(n)
        g[1:] += x[:-1]
        g[:-1] += x[1:]
        g[n // 2 :] += 2.0 * x[n // 2 :] + x[: n - n // 2]
        g[: n - n // 2] += x[n // 2 :]
        return g

    x = np.random.default_rng(n).normal(size=n)
    mmad.set_num_threads(threads)
    try:
        gradient = mmad.compile(mmad.grad(f))
        for point in (x, 2.0 * x, x + 1.0):
            np.testing.assert_allclose(gradient(point), by_hand(point), rtol=1e-13, atol=1e-13)
    finally:
        mmad.set_num_threads(1)


@pytest.mark.parametrize("n", [3, 4, 5, 10, 13, 24, 25, 31])
@pytest.mark.parametrize("m", [1, 3, 4, 7, 50])
def test_products_with_a_short_side(m, n):
    """Plain and transposed operands, a common axis shorter and longer than what is gone along at once."""
    rng = np.random.default_rng([m, n])
    for k in (1, 10, 30, 300):
        a, b = rng.normal(size=(m, k)), rng.normal(size=(k, n))
        for f, p, q in (
            (lambda a, b: a @ b, a, b),
            (lambda a, b: a.T @ b, a.T.copy(), b),
            (lambda a, b: a @ b.T, a, b.T.copy()),
            (lambda a, b: a.T @ b.T, a.T.copy(), b.T.copy()),
        ):
            got = mmad.record(f, p, q).compile()(p, q)
            want = exactly(f, p, q).astype(float)
            np.testing.assert_allclose(got, want, rtol=0, atol=1e-15 * (8 + k) * np.abs(want).max())


@pytest.mark.parametrize(
    "f",
    [
        lambda a, b: a[:, :, [3, 2, 5, 1, 0, 0, 4, 6]] @ b,
        lambda a, b: a[:, :, ::-1] @ b,
        lambda a, b: a[:, ::3, ::2] @ b[:, ::2],
        lambda a, b: a @ b[0, :, ::-1],
        lambda a, b: a @ b[0, ::-1, 0],
        lambda a, b: a[0, 0, ::-1] @ b[0],
    ],
)
def test_operands_that_no_blas_reads_are_copied(f):
    rng = np.random.default_rng(7)
    a, b = rng.normal(size=(5, 30, 8)), rng.normal(size=(5, 8, 9))
    program = mmad.record(f, a, b).compile()
    np.testing.assert_allclose(program(a, b), exactly(f, a, b).astype(float), rtol=1e-13, atol=1e-13)
    assert "call" not in str(program)


def test_tanh_is_right_to_two_units():
    rng = np.random.default_rng(8)
    x = np.concatenate([rng.uniform(-3.0, 3.0, 2000), rng.uniform(0.79, 0.81, 500), 10.0 ** rng.uniform(-300, 3, 500)])
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1e308, -1e308])
    program = mmad.record(lambda x: np.tanh(x), x).compile()
    got = program(x)
    exact = np.array([float(mpmath.tanh(mpmath.mpf(float(v)))) for v in x])
    assert np.abs((got - exact) / np.spacing(np.abs(exact))).max() <= 2.0
    got = mmad.record(lambda x: np.tanh(x), special).compile()(special)
    np.testing.assert_array_equal(got, np.tanh(special))
    np.testing.assert_array_equal(np.signbit(got[:2]), [False, True])
