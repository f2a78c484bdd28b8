"""Colourings hold by their definitions, recover every pattern, and are no larger than the published ones."""

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import mmad
from mmad import Coloring, Pattern
from mmad.planner.coloring._conflicts import by_exchange
from mmad.planner.coloring.coloring import (
    bicoloring,
    bounds,
    column_coloring,
    row_coloring,
    star_coloring,
)

EVERY = {
    "column": column_coloring,
    "row": row_coloring,
    "bicoloring": bicoloring,
    "star": star_coloring,
}
ONE_SIDED = ("column", "row")
SYMMETRIC = ("star",)


# ------------------------------------------------------------------------------------------------ patterns
def tridiagonal(n):
    return band(n, 1)


def band(n, rho):
    i = np.arange(n)
    return np.abs(i[:, None] - i) <= rho


def periodic_band(rho, n):
    i = np.arange(n)
    d = np.abs(i[:, None] - i)
    return np.minimum(d, n - d) <= rho


def arrow(n):
    a = np.eye(n, dtype=bool)
    a[0] = a[:, 0] = True
    return a


def grid(n):
    """The five-point star on n x n points."""
    t = tridiagonal(n)
    return np.kron(np.eye(n), t) + np.kron(t, np.eye(n)) > 0


def periodic_grid(n):
    t = periodic_band(1, n)
    return np.kron(np.eye(n), t) + np.kron(t, np.eye(n)) > 0


def brusselator(n):
    """Two substances on a periodic grid: each a five-point star, and the other one at the same point."""
    g, e = periodic_grid(n), np.eye(n * n, dtype=bool)
    return np.block([[g, e], [e, g]])


def scattered(m, n, each, seed=0):
    """Some entries in each row, of a large sparse pattern."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(np.arange(m), each)
    return Pattern.from_coordinates(rows, rng.integers(0, n, len(rows)), (m, n))


NAMED = {
    "tridiagonal": tridiagonal(20),
    "band": band(20, 3),
    "periodic band": periodic_band(4, 23),
    "arrow": arrow(15),
    "grid": grid(5),
    "periodic grid": periodic_grid(4),
    "brusselator": brusselator(4),
    "dense": np.ones((7, 7), bool),
    "diagonal": np.eye(6, dtype=bool),
    "empty": np.zeros((5, 5), bool),
    "one": np.ones((1, 1), bool),
    "nothing": np.zeros((0, 0), bool),
    "hollow": ~np.eye(5, dtype=bool),
    "blocks": np.kron(np.eye(4), np.ones((3, 3))) > 0,
}
OBLONG = {
    "tall": np.random.default_rng(1).random((12, 5)) < 0.3,
    "wide": np.random.default_rng(2).random((5, 12)) < 0.3,
    "a row": np.ones((1, 6), bool),
    "a column": np.ones((6, 1), bool),
    "no rows": np.zeros((0, 4), bool),
    "no columns": np.zeros((4, 0), bool),
    "arrow, wide": np.hstack([arrow(8), np.eye(8) > 0]),
    "full row and column in a band": tridiagonal(12) | (np.arange(12) == 3) | (np.arange(12) == 7)[:, None],
}


# ------------------------------------------------------------------------------------------------ definitions
def alone(pattern, colors):
    """Whether each entry is the only one in its row whose column has its colour, by looking."""
    out = np.zeros_like(pattern)
    for i, j in zip(*np.nonzero(pattern), strict=True):
        same = [k for k in np.flatnonzero(pattern[i]) if colors[k] == colors[j]]
        out[i, j] = colors[j] >= 0 and same == [j]
    return out


def paths_of_four(adjacent):
    """Vertices a - b - c - d, a path (a and d differ)."""
    n = len(adjacent)
    for b, c in itertools.permutations(range(n), 2):
        if adjacent[b, c]:
            for a in np.flatnonzero(adjacent[b]):
                for d in np.flatnonzero(adjacent[c]):
                    if len({a, b, c, d}) == 4:
                        yield a, b, c, d


def holds(c):
    """Whether a colouring is what its kind says, by the definition."""
    p = c.pattern.todense()
    columns, rows = c.column_colors, c.row_colors
    if c.kind == "column":
        return bool((columns >= 0).all() and (rows < 0).all() and alone(p, columns)[p].all())
    if c.kind == "row":
        return bool((rows >= 0).all() and (columns < 0).all() and alone(p.T, rows)[p.T].all())
    if c.kind == "bicoloring":
        return bool((alone(p, columns) | alone(p.T, rows).T)[p].all())
    adjacent = p & ~np.eye(len(p), dtype=bool)
    if (columns < 0).any() or any(columns[a] == columns[b] for a, b in zip(*np.nonzero(adjacent), strict=True)):
        return False
    return all(len({columns[v] for v in path}) > 2 for path in paths_of_four(adjacent))


def recovers(c, seed=0):
    """Whether random entries come back from the compressed products."""
    p = c.pattern
    rng = np.random.default_rng(seed)
    data = rng.uniform(1, 2, p.nnz)
    if c.symmetric:
        data += data[np.lexsort((p.rows, p.indices))]  # entries by columns: those of the transpose
    matrix = p.tocsr(data) if p.nnz > 100 else p.tocsr(data).toarray()
    columns = (matrix @ c.column_seeds().T).T if c.column_count else None
    rows = c.row_seeds() @ matrix if c.row_count else None
    got = c.decompress(columns, rows) if c.count else np.zeros(0)
    return got.shape == data.shape and np.allclose(got, data, rtol=1e-9, atol=0)


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("name", NAMED)
def test_square_patterns(name, kind):
    c = EVERY[kind](NAMED[name])
    assert c.kind == kind
    assert holds(c)
    assert recovers(c)


@pytest.mark.parametrize("kind", ["column", "row", "bicoloring"])
@pytest.mark.parametrize("name", OBLONG)
def test_oblong_patterns(name, kind):
    c = EVERY[kind](OBLONG[name])
    assert holds(c)
    assert recovers(c)


def test_the_checker_sees_what_is_wrong():
    """A test that cannot fail is none."""
    p, none = Pattern.of(tridiagonal(4)), np.full(4, -1, np.int32)
    bad = np.array([0, 1, 0, 1], np.int32)
    for kind in ("column", "star", "bicoloring"):
        c = Coloring(kind, p, bad, none, "")
        assert not holds(c)
    assert not holds(Coloring("row", p, none, bad, ""))
    with pytest.raises(ValueError, match="does not determine"):
        recovers(Coloring("column", p, np.zeros(4, np.int32), none, ""))


# ------------------------------------------------------------------------------------------------ known counts
@pytest.mark.parametrize("n", [3, 10, 1000])
def test_tridiagonal(n):
    t = tridiagonal(n)
    assert column_coloring(t).count == row_coloring(t).count == bicoloring(t).count == 3
    assert star_coloring(t).count == (3 if n > 3 else 2)


@pytest.mark.parametrize("n", [4, 50, 500])
def test_arrows(n):
    a = arrow(n)
    assert column_coloring(a).count == row_coloring(a).count == n
    assert star_coloring(a).count == 2
    c = bicoloring(a)
    assert c.count == 3
    assert {c.column_count, c.row_count} == {1, 2}


@pytest.mark.parametrize("rho", [1, 2, 3, 4, 5, 8])
def test_bands(rho):
    """Half-bandwidth rho: the published counts are optimal."""
    b = band(6 * rho + 5, rho)
    assert column_coloring(b).count == 2 * rho + 1
    assert star_coloring(b).count == 2 * rho + 1


@pytest.mark.parametrize(("n", "most"), [(4, 8), (6, 6), (12, 6), (16, 8), (20, 8), (32, 8)])
@pytest.mark.parametrize("coloring", [column_coloring, row_coloring])
def test_brusselators(coloring, n, most):
    """How close the bound, 6, can be come to depends on the period."""
    assert 6 <= coloring(sparse_brusselator(n)).count <= most


def sparse_brusselator(n):
    at = np.arange(n * n).reshape(n, n)
    near = [at, np.roll(at, 1, 0), np.roll(at, -1, 0), np.roll(at, 1, 1), np.roll(at, -1, 1)]
    rows = [np.tile(at.ravel(), 6) + k * n * n for k in range(2)]
    columns = [np.concatenate([*[v.ravel() + k * n * n for v in near], at.ravel() + (1 - k) * n * n]) for k in range(2)]
    return Pattern.from_coordinates(np.concatenate(rows), np.concatenate(columns), (2 * n * n,) * 2)


@pytest.mark.parametrize("seed", range(20))
def test_exchange_gives_one_colour_less_or_gives_up(seed):
    """What it gives is a colouring of the graph, whatever it began with."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 40))
    graph = np.tril(rng.random((n, n)) < rng.choice([0.05, 0.2, 0.7]), -1)
    p = Pattern.of(graph | graph.T | (np.eye(n) * rng.integers(2) > 0))
    before = np.arange(n, dtype=np.int32)
    while (found := by_exchange(p.indptr, p.indices, before, 100_000)) is not None:
        assert sorted(set(found)) == list(range(before.max()))[: len(set(found))]
        assert found.max() < before.max()
        assert (found[p.rows] != found[p.indices])[p.rows != p.indices].all()
        before = found
    assert before.max() + 1 <= max(p.row_counts, default=0) + 1  # no more than a greedy colouring has


def test_a_periodic_band():
    """The optimum is 50, the orders in use elsewhere give 77, the best of five random orders 56."""
    c = column_coloring(periodic_band(20, 200))
    assert 50 <= c.count <= 56
    assert recovers(c)


@pytest.mark.parametrize("n", [4, 10, 30])
def test_five_point_grids(n):
    assert 5 <= column_coloring(grid(n)).count <= 6
    assert star_coloring(grid(n)).count <= 6


# ------------------------------------------------------------------------------------------------ bounds
@pytest.mark.parametrize("name", NAMED | OBLONG)
def test_never_fewer_than_the_bounds_never_more_than_greedy(name):
    p = Pattern.of((NAMED | OBLONG)[name])
    b = bounds(p)
    c, r, both = column_coloring(p), row_coloring(p), bicoloring(p)
    if p.nnz:
        assert b.columns <= c.count <= greedy(p.todense())
        assert b.rows <= r.count <= greedy(p.todense().T)
    assert b.both <= both.count <= max(1, min(c.count, r.count))


def greedy(pattern):
    """Colours of the columns, taken in their order."""
    colors = []
    for j in range(pattern.shape[1]):
        near = {colors[k] for k in range(j) if (pattern[:, j] & pattern[:, k]).any()}
        colors.append(next(c for c in itertools.count() if c not in near))
    return max(colors, default=-1) + 1


def test_an_order_may_be_given():
    c = column_coloring(tridiagonal(5), order=[4, 3, 2, 1, 0])
    np.testing.assert_array_equal(c.column_colors, [1, 0, 2, 1, 0])
    assert c.order == "given"
    assert row_coloring(tridiagonal(5), order=np.arange(5)).row_count == 3


@pytest.mark.parametrize("order", [[0, 1], [0, 0, 1, 2, 3], [0, 1, 2, 3, 5], [-1, 0, 1, 2, 3], np.arange(5.0)])
def test_an_order_that_is_none(order):
    with pytest.raises(ValueError, match="order"):
        column_coloring(tridiagonal(5), order=order)
    with pytest.raises(ValueError, match="order"):
        row_coloring(tridiagonal(5), order=order)


@pytest.mark.parametrize("kind", SYMMETRIC)
def test_symmetric_colourings_need_symmetric_patterns(kind):
    with pytest.raises(ValueError, match="not symmetric"):
        EVERY[kind](np.eye(3, k=1))
    with pytest.raises(ValueError, match="not symmetric"):
        EVERY[kind](np.ones((2, 3)))


# ------------------------------------------------------------------------------------------------ every pattern
def four_by_four(numbers):
    for k in numbers:
        yield (k >> np.arange(16) & 1).astype(bool).reshape(4, 4)


def up_to_order():
    """Of all patterns of 4x4 that differ only in the order of their rows and columns, four: 317 kinds of patterns."""
    every = np.arange(1 << 16)
    least = every.copy()
    for columns in itertools.permutations(range(4)):
        moved = sum((np.arange(16) >> j & 1) << c for j, c in enumerate(columns))
        for rows in itertools.permutations(range(4)):
            least = np.minimum(least, sum(moved[every >> 4 * i & 15] << 4 * r for i, r in enumerate(rows)))
    kinds = np.unique(least)
    assert len(kinds) == 317
    rng = np.random.default_rng(0)
    for kind in kinds:
        yield from rng.choice(np.flatnonzero(least == kind), 4)


@pytest.mark.parametrize("kind", ["column", "row", "bicoloring"])
def test_patterns_of_four_by_four(kind):
    """Trap 60."""
    for dense in four_by_four(up_to_order()):
        assert structurally(EVERY[kind](dense), dense), dense


def test_rows_are_colored_as_columns_of_the_transpose():
    """So all patterns of 4x4 need be tried for columns only."""
    for dense in four_by_four(up_to_order()):
        by_row, by_column = row_coloring(dense), column_coloring(dense.T)
        np.testing.assert_array_equal(by_row.row_seeds(), by_column.column_seeds())


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.parametrize("quarter", range(4))
@pytest.mark.parametrize("kind", ["column", "bicoloring"])
def test_all_patterns_of_four_by_four(kind, quarter):
    """Trap 60, all 65 536 of them."""
    for dense in four_by_four(range(quarter << 14, quarter + 1 << 14)):
        assert structurally(EVERY[kind](dense), dense), dense


@pytest.mark.parametrize("kind", SYMMETRIC)
def test_all_symmetric_patterns_of_four_by_four(kind):
    """All 1024."""
    symmetric = [dense for dense in four_by_four(range(1 << 16)) if (dense == dense.T).all()]
    assert len(symmetric) == 1024
    for dense in symmetric:
        assert recovers(EVERY[kind](dense)), dense


def structurally(c, dense):
    """Whether every entry can be read directly, all at once: counts of a colour in each row and in each column."""
    a, b = c.column_seeds() > 0, c.row_seeds() > 0
    across = ((dense.astype(int) @ a.T) == 1) @ a & dense
    down = (b.T @ ((b @ dense.astype(int)) == 1)).astype(bool) & dense
    return ((across | down) == dense).all() and (c.column_count + c.row_count <= 8)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.floats(0, 1), st.integers(0, 2**32 - 1))
def test_random_patterns(m, n, density, seed):
    dense = np.random.default_rng(seed).random((m, n)) < density
    for kind in ("column", "row", "bicoloring"):
        c = EVERY[kind](dense)
        assert holds(c)
        assert recovers(c)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9).flatmap(lambda n: arrays(bool, (n, n))))
def test_random_symmetric_patterns(dense):
    for kind in SYMMETRIC:
        c = EVERY[kind](dense | dense.T)
        assert holds(c)
        assert recovers(c)


@pytest.mark.parametrize("kind", ["column", "row", "bicoloring"])
@pytest.mark.parametrize(("m", "n", "each"), [(100_000, 100_000, 2), (300, 20_000, 100), (20_000, 300, 2)])
def test_large_random_patterns(kind, m, n, each):
    assert recovers(EVERY[kind](scattered(m, n, each), effort=1_000_000))


@pytest.mark.parametrize("kind", SYMMETRIC)
def test_large_random_symmetric_patterns(kind):
    p = scattered(100_000, 100_000, 1)
    assert recovers(EVERY[kind](p | p.T, effort=1_000_000))


def test_large_bands():
    i = np.arange(100_000)
    p = Pattern.from_coordinates(
        np.concatenate([i, i[1:], i[:-1]]), np.concatenate([i, i[1:] - 1, i[:-1] + 1]), (len(i), len(i))
    )
    assert column_coloring(p).count == star_coloring(p).count == 3


# ------------------------------------------------------------------------------------------------ kept in files
@pytest.mark.parametrize("kind", EVERY)
def test_saved_and_pickled(kind, tmp_path):
    c = EVERY[kind](tridiagonal(9))
    c.save(tmp_path / "coloring.npz")
    for again in (Coloring.load(tmp_path / "coloring.npz"), pickle.loads(pickle.dumps(c))):
        assert again.kind == c.kind
        assert again.order == c.order
        assert again.pattern == c.pattern
        np.testing.assert_array_equal(again.column_colors, c.column_colors)
        np.testing.assert_array_equal(again.row_colors, c.row_colors)
        assert recovers(again)


def test_files_that_are_damaged(tmp_path):
    path = tmp_path / "coloring.npz"
    star_coloring(arrow(6)).save(path)
    whole = path.read_bytes()
    for cut in (0, 1, 30, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match="no colouring"):
            Coloring.load(path)
    rng = np.random.default_rng(0)
    for _ in range(200):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), rng.integers(1, 4)):
            data[at] ^= int(rng.integers(1, 256))
        path.write_bytes(bytes(data))
        try:
            c = Coloring.load(path)
        except ValueError:
            continue
        assert recovers(c)  # a byte that does not matter


def changed(path, **fields):
    star_coloring(arrow(6)).save(path)
    with np.load(path) as file:
        content = dict(file)
    np.savez(path, **{k: v for k, v in (content | fields).items() if v is not None})


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "triangular"},
        {"kind": None},
        {"shape": [6, 7]},
        {"shape": [6]},
        {"indices": np.array([9] * 16)},
        {"indptr": np.array([0, 20])},
        {"column_colors": np.zeros(6, np.int32)},
        {"column_colors": np.arange(5, dtype=np.int32)},
        {"column_colors": np.arange(6)},
        {"column_colors": np.full(6, 2**30, np.int32)},
        {"column_colors": np.full(6, -7, np.int32)},
        {"column_colors": np.array([{}] * 6, object)},
        {"row_colors": None},
    ],
)
def test_files_that_hold_something_else(fields, tmp_path):
    path = tmp_path / "coloring.npz"
    changed(path, **fields)
    with pytest.raises(ValueError, match=r"no colouring|does not determine"):
        Coloring.load(path)


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        Coloring.load(tmp_path / "coloring.npz")


# ------------------------------------------------------------------------------------------------ put to use
@pytest.mark.parametrize("kind", ["column", "row", "bicoloring"])
def test_a_colouring_saves_colouring_again(kind, tmp_path):
    def f(x):
        return x[1:] * x[:-1]

    x = np.arange(1.0, 9.0)
    c = EVERY[kind](mmad.sparsity(f, x))
    c.save(tmp_path / "c.npz")
    J = mmad.jacobian(f, pattern=Coloring.load(tmp_path / "c.npz"), sparse=True)
    want = np.zeros((7, 8))
    want[np.arange(7), np.arange(7)], want[np.arange(7), np.arange(1, 8)] = x[1:], x[:-1]
    np.testing.assert_allclose(J(x).toarray(), want)
    assert J.plan(x).coloring.count == c.count


def test_by_themselves():
    """Detection, colouring and decompression without `mmad.jacobian`."""

    def f(x):
        return np.array([x[0] * x[1], x[1] * x[2], x[2] ** 2])

    x = np.array([1.0, 2.0, 3.0])
    c = column_coloring(mmad.sparsity(f, x))
    products = [mmad.jvp(f, (x,), (s,))[1] for s in c.column_seeds()]
    np.testing.assert_allclose(
        c.pattern.tocsr(c.decompress(np.array(products))).toarray(), [[2, 1, 0], [0, 3, 2], [0, 0, 6]]
    )
