"""Dense Jacobians by rows and by columns, of trees, dtypes and sizes of every kind, eager and compiled."""

import numpy as np
import pytest

import mmad
from mmad.derivatives import recorded

BOTH = pytest.mark.parametrize("make", [mmad.jacfwd, mmad.jacrev, mmad.jacobian])
RUNS = pytest.mark.parametrize("run", [lambda f: f, mmad.compile], ids=["eager", "compiled"])


def mixed(x, y):
    """Single and double precision, in and out."""
    return {"single": np.sin(x) * x[0], "double": y * y.sum() + np.cumsum(x.astype(float)), "number": y @ y}


@BOTH
@RUNS
def test_precisions_side_by_side(make, run):
    x, y = np.linspace(0.5, 1, 3, dtype=np.float32), np.linspace(1, 2, 3)
    J = run(make(mixed, (0, 1)))(x, y)
    for name, dtype in (("single", np.float32), ("double", np.float64), ("number", np.float64)):
        assert [b.dtype for b in J[name]] == [dtype, dtype]
    np.testing.assert_allclose(J["single"][0], np.diag(np.cos(x) * x[0]) + np.outer(np.sin(x), [1, 0, 0]), rtol=1e-6)
    np.testing.assert_array_equal(J["single"][1], np.zeros((3, 3)))
    np.testing.assert_array_equal(J["double"][0], np.tri(3))
    np.testing.assert_allclose(J["double"][1], y.sum() * np.eye(3) + np.outer(y, np.ones(3)), rtol=1e-14)
    np.testing.assert_allclose(J["number"][1], 2 * y, rtol=1e-14)


@BOTH
@RUNS
def test_complex_and_real_results_side_by_side(make, run):
    def f(x):
        return x * np.exp(1j * x), x * x, (x @ x) * 2j

    x = np.linspace(0.2, 0.9, 4)
    a, b, c = run(make(f))(x)
    assert [v.dtype.kind for v in (a, b, c)] == ["c", "f", "c"]
    np.testing.assert_allclose(a, np.diag(np.exp(1j * x) * (1 + 1j * x)), rtol=1e-14)
    np.testing.assert_allclose(b, np.diag(2 * x), rtol=1e-14)
    np.testing.assert_allclose(c, 4j * x, rtol=1e-14)


@BOTH
@RUNS
@pytest.mark.parametrize("n", [0, 1, 2, 63, 64, 65, 129])
def test_sizes_about_those_of_a_batch(make, run, n):
    A = np.random.default_rng(n).normal(size=(n + 1, n))
    x = np.linspace(0.1, 1, n)
    J = run(make(lambda x: np.tanh(A @ x)))(x)
    assert J.shape == (n + 1, n)
    np.testing.assert_allclose(J, A * (1 - np.tanh(A @ x) ** 2)[:, None], rtol=1e-12, atol=1e-15)


@BOTH
@RUNS
def test_many_numbers_in_and_out(make, run):
    """A leaf each."""

    def f(p):
        return [p[i] * p[i - 1] for i in range(len(p))], {"last": np.sin(p[-1]), "text": "as it is"}

    p = [0.1 * k + 1 for k in range(5)]
    table, rest = run(make(f))(p)
    want = np.diag(np.roll(p, 1))
    want[np.arange(5), np.arange(5) - 1] = p
    np.testing.assert_allclose(np.array(table), want, rtol=1e-14)
    np.testing.assert_allclose(rest["last"], [0, 0, 0, 0, np.cos(p[-1])], rtol=1e-14)
    assert rest["text"] == "as it is"


@BOTH
@RUNS
@pytest.mark.parametrize("x", [2.0, np.float64(2), np.float32(2), np.array(2.0), np.array(2.0, np.float32)], ids=repr)
def test_one_number(make, run, x):
    J = run(make(lambda x: x * x * x))(x)
    assert np.shape(J) == ()
    assert float(J) == 12.0


@pytest.mark.parametrize("by_rows", [False, True])
def test_long_vectors_go_together_in_smaller_numbers(by_rows, monkeypatch):
    """A batch of unit vectors takes no more memory than is said."""
    lanes, units = [], recorded.Side.units

    def counted(self, start, stop, *one):
        lanes.append(stop - start)
        return units(self, start, stop, *one)

    monkeypatch.setattr(recorded.Side, "units", counted)
    monkeypatch.setattr(recorded, "HELD", 350)
    x = np.linspace(0, 1, 100)
    J = (mmad.jacrev if by_rows else mmad.jacfwd)(lambda x: np.sin(x) * x)(x)
    np.testing.assert_allclose(J, np.diag(np.cos(x) * x + np.sin(x)), rtol=1e-14)
    assert set(lanes) == {3, 1}


@BOTH
def test_within_a_batch_and_within_another_derivative(make):
    x = np.linspace(0.1, 1, 6).reshape(2, 3)
    J = mmad.vmap(make(lambda v: np.sin(v) * v.sum()))(x)
    for row, got in zip(x, J, strict=True):
        want = np.diag(np.cos(row) * row.sum()) + np.sin(row)[:, None]
        np.testing.assert_allclose(got, want, rtol=1e-14)
    trace = mmad.grad(lambda v: np.trace(make(lambda u: u**3)(v)))
    np.testing.assert_allclose(trace(x[0]), 6 * x[0], rtol=1e-14)
    np.testing.assert_allclose(mmad.jvp(make(lambda u: u**3), (x[0],), (np.ones(3),))[1], np.diag(6 * x[0]), rtol=1e-14)
