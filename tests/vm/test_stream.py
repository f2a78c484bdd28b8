"""Groups of one block, which run as lists of kernel calls."""

import numpy as np
import pytest
from program_bytes import Parts

import mmad
from mmad.compiler.program import Program


def test_a_number_whose_register_is_written_over_stays():
    # No program of the compiler's does so, but a file may: the register must not be the number itself.
    f = mmad.compile(lambda x, c: (np.exp(x * c) + x, c + 1.0))
    x = np.linspace(0.0, 1.0, 40)
    f(x, 3.0)
    parts = Parts(f.programs()[0]._dumps())
    loads, ops = parts.records("accesses"), parts.records("ops")
    number = loads["reg"][loads["mode"] == 1][0]
    ops["r"][0] = number
    vector, scalar = Program._loads(parts.dumps())(x, 3.0)
    assert vector.shape == (40,)
    assert scalar == 4.0


def test_many_captured_arrays():
    rng = np.random.default_rng(3)
    rows = [rng.normal(size=5) for _ in range(600)]

    def f(x):
        total = 0.0
        for row in rows:
            total = total + np.sum(np.sin(x * row))
        return total

    g = mmad.compile(mmad.grad(f))
    x = rng.normal(size=5)
    table = np.array(rows)
    for _ in range(2):
        assert g(x) == pytest.approx(np.sum(np.cos(x * table) * table, axis=0), rel=1e-12)
    rows[7][:] = 0.25  # captured arrays are read at every call
    table = np.array(rows)
    assert g(x) == pytest.approx(np.sum(np.cos(x * table) * table, axis=0), rel=1e-12)


def test_what_an_accumulator_holds_first_is_a_positive_zero():
    g = mmad.compile(lambda x: np.stack([x, x]).sum(axis=0))
    assert not np.signbit(g(np.array([-0.0, -0.0, 1.0]))).any()


def test_guards_between_groups():
    def f(x):
        y = np.tanh(x)
        s = y.sum()
        return y * 2.0 if s > 0 else np.exp(y) - s

    g = mmad.compile(f)
    for x in (np.ones(7), -np.ones(7), np.arange(7.0), -np.arange(7.0)):
        assert g(x) == pytest.approx(f(x), rel=1e-14)
    assert g.stats()["records"] == 2


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 3, 14, 100])
def test_like_numpy(dtype, n):
    rng, eps = np.random.default_rng(n), np.finfo(dtype).eps
    x, y = rng.normal(size=(2, n)).astype(dtype)

    def f(x, y):
        z = x[::-1] * y + np.where(x > 0, x, y)
        w = np.concatenate((z, np.maximum(x, y) / dtype(3)))
        return w, w.sum(), w.max(), w.min(), np.outer(x, z[:2]), w.reshape(2, n).sum(axis=0)

    g = mmad.compile(f)
    for a, b in ((x, y), (y, x), (x, x)):
        for ours, right in zip(g(a, b), f(a, b), strict=True):
            assert np.asarray(ours).dtype == np.asarray(right).dtype
            # Terms of size one may cancel: the error is measured by them.
            np.testing.assert_allclose(ours, right, rtol=1e-6 if dtype is np.float32 else 1e-13, atol=8 * eps)
