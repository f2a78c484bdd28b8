"""Colouring: which columns and rows of a sparse matrix can share a sweep, and how the entries are read off.

A sweep gives a product J s or s' J.  Columns of one colour are added up in one forward sweep, rows of one colour in one
reverse sweep.  An entry is read directly where no other column of its colour has an entry in its row (or no other row
of its colour one in its column).

=================  ==============================================================================================
kind               condition
=================  ==============================================================================================
column, row        no two columns (rows) of a colour share a row (column): a distance-2 colouring
star               symmetric; neighbours differ, every path of four vertices has three colours; read directly
bicoloring         columns and rows together: a star colouring of the graph of rows and columns, of which the colours
                   that nothing is read from are taken away; or the densest rows (columns) by themselves
=================  ==============================================================================================

Acyclic colourings, whose entries are read by substitution, were tried and dropped: on none of the problems of
`asv_bench/experiments/regret.py` were they more than a twentieth faster than the best of star colours and blocks
(chains 2 colours instead of 3, minimal surfaces 4 instead of 9, where blocks take 3 sweeps), and errors of rounding
grow along chains of substitutions as long as the matrix.
"""

import functools
import itertools
from dataclasses import dataclass

import numpy as np

from mmad.planner.coloring import _coloring, _conflicts
from mmad.planner.coloring.colored import Coloring
from mmad.planner.sparsity.pattern import Pattern

__all__ = [
    "Bounds",
    "bicoloring",
    "bounds",
    "column_coloring",
    "row_coloring",
    "star_coloring",
]

EFFORT = 4_000_000  # steps that looking for fewer colours may take, some 10 ms
LONGEST = 2_000_000_000  # steps of one colouring, some seconds
TRIES = 40
EXCHANGE = 16  # greedy colourings that one search for a colouring with a colour less may take
ATTEMPT = 20_000  # steps that one attempt takes, however small the pattern


@dataclass(frozen=True)
class Bounds:
    """Fewest colours that any colouring of a pattern can have."""

    columns: int
    rows: int
    both: int


def bounds(pattern):
    """Return lower bounds on numbers of colours, from the fullest rows and columns.

    Parameters
    ----------
    pattern : Pattern

    Returns
    -------
    Bounds
        `columns`: the fullest row; `rows`: the fullest column; `both`: for columns and rows together, as a forward
        sweep reads at most one entry of each row, a reverse sweep one of each column.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> arrow = np.eye(5) + np.eye(5)[:, :1] + np.eye(5)[:1]
    >>> from mmad.planner.coloring.coloring import bounds
    >>> bounds(mmad.Pattern.of(arrow)).columns
    5
    """
    if not pattern.nnz:
        return Bounds(0, 0, 0)
    row, column = int(pattern.row_counts.max()), int(pattern.column_counts.max())
    return Bounds(row, column, min(row, column, max(2, -(-pattern.nnz // max(pattern.shape)))))


# ------------------------------------------------------------------------------------------------ orders
def _tries(color, degree, work, graph, smallest_last):
    """Return colourings to race, as triples (name, function of the best so far, steps), the cheapest first.

    To colour the classes of a colouring again, the last class first or the largest, never takes more colours in a
    distance-2 colouring (Culberson, "Iterated greedy graph coloring and the difficulty landscape", 1992).
    """
    n = len(degree)
    rng = np.random.default_rng(0)
    yield "natural", lambda _: color(np.arange(n, dtype=np.int32)), work
    if graph is not None:
        yield "saturation", lambda _: _conflicts.by_saturation(*graph()), work
        yield "classes", lambda _: _conflicts.by_classes(*graph()), work
    yield "largest first", lambda _: color(np.argsort(-degree, kind="stable").astype(np.int32)), work
    if smallest_last is not None:
        yield "smallest last", lambda _: color(smallest_last()), work
    while True:
        yield "classes reversed", lambda best: color(np.argsort(-best, kind="stable").astype(np.int32)), work
        yield "largest classes", lambda best: color(_largest_classes(best)), work
        if graph is not None:
            limit = EXCHANGE * work
            yield "exchange", lambda best, limit=limit: _conflicts.by_exchange(*graph(), best, limit), limit
        yield "random", lambda _: color(rng.permutation(n).astype(np.int32)), work


def _largest_classes(colors):
    sizes = np.bincount(colors)
    return np.lexsort((colors, -sizes[colors])).astype(np.int32)


def _race(color, degree, lowest, work, effort, graph=None, smallest_last=None):
    """Return the best of several colourings, and its name; stop when `lowest` colours or the effort are reached."""
    best, name, spent, most = None, "natural", 0, min(TRIES, 2 * len(degree))
    for tried, (order, attempt, steps) in enumerate(_tries(color, degree, work, graph, smallest_last)):
        if tried and (tried > most or spent + work > effort):
            break
        if tried and spent + steps > effort:
            continue
        colors = attempt(best)
        spent += steps + ATTEMPT
        if colors is None:  # it would take too long
            if best is None:
                best = np.arange(len(degree), dtype=np.int32)
            continue
        if best is None or colors.max(initial=-1) < best.max(initial=-1):
            best, name = colors, order
        if best.max(initial=-1) + 1 <= lowest:
            break
    return best, name


NONE = np.zeros(0, np.int32)


def _distance_2(p, t, effort, counts=None, order=None):
    """Return colours of the columns of p (t is its transpose), minding only the rows that count; the order's name."""
    n = p.shape[1]
    sizes = p.row_counts
    counted = np.ones(p.shape[0], np.uint8) if counts is None else counts
    lowest = int(sizes[counted.astype(bool)].max(initial=min(n, 1)))
    work = int((sizes[counted.astype(bool)].astype(float) ** 2).sum()) + n

    def color(order):
        return _coloring.distance_2(p.indptr, p.indices, t.indptr, t.indices, order, counted)

    if order is not None:
        order = np.asarray(order)
        if order.dtype.kind not in "iu" or not np.array_equal(np.sort(order, axis=None), np.arange(n)):
            raise ValueError(f"the order must name each of the {n} columns (rows) of the pattern once")
        return color(order.astype(np.int32)), "given"
    if lowest >= n or work > LONGEST:  # dense: there is nothing to share, or looking for it takes too long
        return np.arange(n, dtype=np.int32), "natural"
    graph = functools.cache(lambda: _conflicts.conflicts(p.indptr, p.indices, t.indptr, t.indices, counted))
    return _race(color, t.row_counts, lowest, work, effort, graph)


def column_coloring(pattern, order=None, effort=EFFORT):
    """Return colours of columns that can share a forward sweep.

    Parameters
    ----------
    pattern : Pattern, or what :meth:`Pattern.of` takes
    order : array_like of int, shape (n,), optional
        Columns in the order in which they are coloured; by default several orders are tried.
    effort : int
        Steps that looking for fewer colours may take, beyond a first colouring.

    Returns
    -------
    Coloring

    Raises
    ------
    ValueError
        `order` is no order of the columns.

    References
    ----------
    .. [1] Gebremedhin, Manne, Pothen, "What color is your Jacobian? Graph coloring for computing derivatives", SIAM
       Review 47 (2005), 629-705, section 3.4.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> from mmad.planner.coloring.coloring import column_coloring
    >>> c = column_coloring(np.eye(5) + np.eye(5, k=1) + np.eye(5, k=-1))
    >>> c.column_count, c.column_colors
    (3, array([0, 1, 2, 0, 1], dtype=int32))
    """
    p = Pattern.of(pattern)
    colors, name = _distance_2(p, p.T, effort, order=order)
    return Coloring("column", p, colors, np.full(p.shape[0], -1, np.int32), name)


def row_coloring(pattern, order=None, effort=EFFORT):
    """Return colours of rows that can share a reverse sweep; see :func:`column_coloring`."""
    p = Pattern.of(pattern)
    colors, name = _distance_2(p.T, p, effort, order=order)
    return Coloring("row", p, np.full(p.shape[1], -1, np.int32), colors, name)


# ------------------------------------------------------------------------------------------------ symmetric
def _symmetric(pattern, what):
    p = Pattern.of(pattern)
    if not p.is_symmetric:
        raise ValueError(f"{what}: the pattern is not symmetric; use `symmetrized()`, or a column colouring")
    return p


def _graph_coloring(kernel, starts, neighbors, edge, lowest, effort):
    degree = np.diff(starts)
    work = 2 * int((degree.astype(float) ** 2).sum()) + len(degree)  # at most; mostly far less where a few are full
    limit = LONGEST

    def color(order):
        nonlocal limit
        steps, limit = limit, effort
        return kernel(starts, neighbors, edge, order, steps)

    def smallest_last():
        return _coloring.smallest_last(starts, neighbors)

    return _race(color, degree, lowest, work, effort, smallest_last=smallest_last)


def star_coloring(pattern, effort=EFFORT):
    """Return colours of the columns of a symmetric matrix, every entry read directly, on one side of the diagonal.

    Parameters
    ----------
    pattern : Pattern, or what :meth:`Pattern.of` takes, symmetric

    Returns
    -------
    Coloring

    Raises
    ------
    ValueError
        The pattern is not symmetric.

    References
    ----------
    .. [1] Gebremedhin, Tarafdar, Manne, Pothen, "New acyclic and star coloring algorithms with application to computing
       Hessians", SIAM J. Sci. Comput. 29 (2007), 1042-1072, algorithm 4.1.

    Examples
    --------
    An arrow needs two colours; as columns of a matrix that is not symmetric it would need five.

    >>> import numpy as np, mmad
    >>> from mmad.planner.coloring.coloring import star_coloring
    >>> arrow = np.eye(5) + np.eye(5)[:, :1] + np.eye(5)[:1]
    >>> star_coloring(arrow).column_count
    2
    """
    p = _symmetric(pattern, "star_coloring")
    edge = np.minimum(np.arange(p.nnz), p._transposed[1])
    colors, name = _graph_coloring(_coloring.star, p.indptr, p.indices, edge, _fewest(p), effort)
    return Coloring("star", p, colors, np.full(p.shape[0], -1, np.int32), name)


def _fewest(p):
    """Return a lower bound for star colourings.

    Two classes of n_i and n_j vertices have fewer edges between them than vertices, so k colours of n vertices make
    for at most (k - 1) n - k (k - 1) / 2 edges.
    """
    n = p.shape[0]
    across = p.rows != p.indices
    edges = int(across.sum()) // 2
    if not edges:
        return min(p.nnz, 1)
    degree = np.bincount(p.rows[across], minlength=n)
    inner = across & (degree[p.rows] > 1) & (degree[p.indices] > 1)  # of a path of four, or of a triangle
    k = 3 if inner.any() else 2
    while (k - 1) * n - k * (k - 1) // 2 < edges:
        k += 1
    return k


# ------------------------------------------------------------------------------------------------ both sides
def bicoloring(pattern, effort=EFFORT):
    """Return colours of columns and of rows, for forward and reverse sweeps over one recording.

    The densest rows, in reverse sweeps, take the conflicts away that would keep columns apart, and the other way round.
    Tried are: without the d densest rows, without the d densest columns, and a star colouring of the graph of rows and
    columns, whose colours that are not needed are taken away.  The fewest colours win.

    Parameters
    ----------
    pattern : Pattern, or what :meth:`Pattern.of` takes

    Returns
    -------
    Coloring

    References
    ----------
    .. [1] Coleman and Verma, "The efficient computation of sparse Jacobian matrices using automatic differentiation",
       SIAM J. Sci. Comput. 19 (1998), 1210-1233.
    .. [2] Montoison, Dalle, Gebremedhin, "Revisiting sparse matrix coloring and bicoloring", arXiv:2505.07308 (2025).

    Examples
    --------
    >>> import numpy as np, mmad
    >>> from mmad.planner.coloring.coloring import bicoloring
    >>> arrow = np.eye(50) + np.eye(50)[:, :1] + np.eye(50)[:1]
    >>> c = bicoloring(arrow)
    >>> c.column_count, c.row_count
    (2, 1)
    """
    p = Pattern.of(pattern)
    best, lowest = None, bounds(p).both
    tries = (_dense_apart(p, False, effort), _dense_apart(p.T, True, effort), _augmented(p, effort))
    for c in itertools.chain.from_iterable(tries):
        if best is None or c.count < best.count:
            best = c
        if best.count <= lowest:
            break
    return best


def _dense_apart(p, flipped, effort):
    """Colour without the d densest rows of p, which are coloured by themselves; for the few d that promise most."""
    counts = p.row_counts
    order = np.argsort(-counts, kind="stable")
    ranked = counts[order]
    tries = [d for d in (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32) if d < len(ranked)]
    # What is left has at least as many colours as its fullest row; the rows taken out, one at the least.
    promise = sorted((int(ranked[d]) + (d > 0), d) for d in tries)
    for _, d in promise[:3]:
        counted = np.ones(p.shape[0], np.uint8)
        counted[order[:d]] = 0
        columns, name = _distance_2(p, p.T, effort, counted)
        rows = np.full(p.shape[0], -1, np.int32)
        if d:
            sub, rest = _selected(p, order[:d]), _selected(p, order[d:])
            rows[order[:d]] = _distance_2(sub.T, sub, effort)[0]
            columns = _renumbered(np.where(rest.column_counts > 0, columns, -1))
        label = f"{d} dense {'columns' if flipped else 'rows'} apart, {name}"
        if flipped:
            yield Coloring("bicoloring", p.T, rows, columns, label)
        else:
            yield Coloring("bicoloring", p, columns, rows, label)


def _selected(p, rows):
    """Return some rows of a pattern, as one of their own."""
    counts = p.row_counts[rows]
    indptr = np.concatenate([[0], np.cumsum(counts)])
    members = np.repeat(p.indptr[rows] - indptr[:-1], counts) + np.arange(indptr[-1])
    return Pattern.stacked([(indptr, p.indices[members])], (len(rows), p.shape[1]))


def _renumbered(colors):
    """Return the same colours without gaps."""
    used = np.unique(colors[colors >= 0])
    to = np.full(colors.max(initial=-1) + 2, -1, np.int32)
    to[used] = np.arange(len(used))
    return to[colors]


def _augmented(p, effort):
    """Return a star colouring of the graph of rows and columns, without colours not needed, if it is little work."""
    n, t = p.shape[1], p.T
    source = p._transposed[1]
    starts = np.concatenate([t.indptr, t.indptr[-1] + p.indptr[1:]])
    neighbors = np.concatenate([t.indices + np.int32(n), p.indices])
    edge = np.concatenate([source, np.arange(p.nnz)])
    degree = np.diff(starts)
    if float((degree.astype(float) ** 2).sum()) > effort:
        return
    colors, name = _graph_coloring(_coloring.star, starts, neighbors, edge, 2, effort)
    columns, rows = _needed(p, colors[:n], colors[n:])
    yield Coloring("bicoloring", p, columns, rows, f"rows and columns, {name}")


def _needed(p, columns, rows):
    """Return the colours from which something has to be read; the others become -1."""
    across = _coloring.alone(p.indptr, p.indices, columns).view(bool)
    t, source = p._transposed
    down = np.empty(p.nnz, bool)
    down[source] = _coloring.alone(t.indptr, t.indices, rows).view(bool)
    a, b = columns[p.indices], rows[p.rows]
    keep_a, keep_b = np.ones(columns.max(initial=-1) + 2, bool), np.ones(rows.max(initial=-1) + 2, bool)
    keep_a[-1] = keep_b[-1] = False
    weights = []
    for side, colors, other in ((0, a, down), (1, b, across)):
        size = np.bincount(colors, minlength=1)
        spare = np.bincount(colors, weights=~other, minlength=1) == 0  # all its entries can be read on the other side
        weights += [(int(size[k]), side, int(k)) for k in np.flatnonzero(spare)]
    for _, side, k in sorted(weights)[:256]:
        mine = (b if side else a) == k
        other = (across & keep_a[a]) if side else (down & keep_b[b])
        if other[mine].all():
            (keep_b if side else keep_a)[k] = False
    return _renumbered(np.where(keep_a[columns], columns, -1)), _renumbered(np.where(keep_b[rows], rows, -1))
