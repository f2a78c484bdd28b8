"""Entries read off compressed products: exact, in single precision too, compared with products by the matrix itself."""

import numpy as np
import pytest
from planner_problems import HESSIANS, JACOBIANS

import mmad
from mmad import Coloring, Pattern
from mmad.planner.coloring.coloring import bicoloring, column_coloring, row_coloring, star_coloring

COLORINGS = {"columns": column_coloring, "rows": row_coloring, "bicoloring": bicoloring}
SYMMETRIC = {"star": star_coloring}


@pytest.mark.parametrize("strategy", COLORINGS)
@pytest.mark.parametrize("name", JACOBIANS)
def test_products_of_jacobians(name, strategy):
    """Trap 59: the compressed Jacobian, times random vectors, is what forward and reverse mode give."""
    f, x, _ = JACOBIANS[name]
    J = mmad.jacobian(f, strategy=strategy, sparse=True)(x)
    rng = np.random.default_rng(0)
    value, pull = mmad.vjp(f, x)
    for _ in range(3):
        v, w = rng.normal(size=x.shape), rng.normal(size=np.shape(value))
        np.testing.assert_allclose(J @ v.ravel(), np.ravel(mmad.jvp(f, (x,), (v,))[1]), rtol=1e-11, atol=1e-11)
        want = pull(w if np.shape(value) else float(w))[0]
        np.testing.assert_allclose(J.T @ w.ravel(), np.ravel(want), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("strategy", SYMMETRIC)
@pytest.mark.parametrize("name", HESSIANS)
def test_products_of_hessians(name, strategy):
    f, x, _ = HESSIANS[name]
    H = mmad.hessian(f, strategy=strategy, sparse=True)(x)
    assert (H != H.T).nnz == 0
    rng = np.random.default_rng(0)
    for _ in range(3):
        v = rng.normal(size=x.shape)
        want = np.ravel(mmad.hvp(f)(x, v))
        np.testing.assert_allclose(H @ v.ravel(), want, rtol=1e-10, atol=1e-10 * np.abs(want).max(initial=1.0))


def entries(c, dtype=float, seed=0):
    """Random entries of a coloured pattern, and the two compressed products."""
    p = c.pattern
    data = np.random.default_rng(seed).uniform(1, 2, p.nnz)
    if c.symmetric:
        data += data[np.lexsort((p.rows, p.indices))]
    matrix = p.tocsr(data).toarray()
    return data, (c.column_seeds() @ matrix.T).astype(dtype), (c.row_seeds() @ matrix).astype(dtype)


SQUARE = np.random.default_rng(3).random((30, 30)) < 0.1
EVERY = [
    *[f(SQUARE) for f in COLORINGS.values()],
    *[f(SQUARE | SQUARE.T) for f in SYMMETRIC.values()],
    bicoloring(np.eye(9) + np.eye(9)[:1] + np.eye(9)[:, :1]),
]


@pytest.mark.parametrize("c", EVERY, ids=lambda c: c.kind)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_dtypes(c, dtype):
    data, columns, rows = entries(c, dtype)
    got = c.decompress(columns, rows)
    assert got.dtype == dtype
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(got, data, rtol=4 * eps * len(SQUARE))


@pytest.mark.parametrize("c", EVERY, ids=lambda c: c.kind)
def test_what_is_given_is_not_changed(c):
    _, columns, rows = entries(c)
    before = columns.copy(), rows.copy()
    first = c.decompress(columns, rows).copy()
    np.testing.assert_array_equal(c.decompress(columns, rows), first)
    np.testing.assert_array_equal(columns, before[0])
    np.testing.assert_array_equal(rows, before[1])


@pytest.mark.parametrize("c", EVERY, ids=lambda c: c.kind)
def test_products_in_any_layout(c):
    data, columns, rows = entries(c)
    got = c.decompress(np.asfortranarray(columns), np.repeat(rows, 2, axis=1)[:, ::2])
    np.testing.assert_allclose(got, data, rtol=1e-12)


def test_what_is_not_finite_stays_where_it_is():
    """Read directly, an entry that overflows spoils no other one."""
    c = column_coloring(np.eye(5) + np.eye(5, k=1))
    data, columns, _ = entries(c)
    columns[c.column_colors[2], 2] = np.inf  # of row 2, column 2
    got = c.decompress(columns)
    assert np.isinf(got).sum() == 1
    np.testing.assert_allclose(got[np.isfinite(got)], np.delete(data, 4))


def test_empty_patterns():
    for c in (column_coloring(np.zeros((3, 4))), bicoloring(np.zeros((3, 4))), star_coloring(np.zeros((3, 3)))):
        assert c.decompress(np.zeros((c.column_count, 3)), np.zeros((c.row_count, 4))).shape == (0,)


def test_a_colouring_that_leaves_entries_open():
    c = Coloring("column", Pattern.of(np.ones((2, 2))), np.zeros(2, np.int32), np.full(2, -1, np.int32), "")
    with pytest.raises(ValueError, match="does not determine 4 of the 4 entries"):
        c.decompress(np.ones((1, 2)))
