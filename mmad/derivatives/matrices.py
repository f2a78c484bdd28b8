"""Dense Jacobians: many directions or cotangents at a time over one recording."""

import numpy as np

from mmad._core import Traced
from mmad.derivatives.arguments import derivative_function, positions
from mmad.derivatives.batching import vmap
from mmad.derivatives.first_order import Linearized, grad, jvp
from mmad.derivatives.recorded import LANES, inexact_leaf, lanes_of, real_leaf
from mmad.ops.declare import shape_of
from mmad.ops.structure import size
from mmad.python.kinds import isplain
from mmad.tracing import tree
from mmad.tracing.hidden import refuse_hidden
from mmad.tracing.trace import Trace, is_static, restore
from mmad.wrappers._batch import Batch
from mmad.wrappers._dual import new_level

__all__ = ["by_directions", "by_pairs", "columns_of", "from_matrix", "jacfwd", "jacrev", "rows_of"]


def _blocks(leaves):
    """The non-static leaves with their sizes."""
    return [(k, size(shape_of(x))) for k, x in enumerate(leaves) if not is_static(x)]


def _unit_lanes(level, total, start, stop, at, n, shape, dtype):
    """The part for one leaf (elements at..at+n of all) of unit directions start..stop, as a batch; None if all zero."""
    if stop <= at or start >= at + n:
        return None
    lanes = np.zeros((stop - start, n), dtype)
    rows = np.arange(max(start, at), min(stop, at + n))
    lanes[rows - start, rows - at] = 1
    return Batch(level, lanes.reshape((stop - start, *shape)))


def _stacked(parts, axis=0):
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=axis)


def _assemble(out_tree, outputs, structures, leaves, block, single):
    """Nested trees of Jacobian blocks: outputs outside, arguments inside."""
    result = []
    for i, y in enumerate(outputs):
        if is_static(y):
            result.append(y)
            continue
        at, trees = 0, []
        for structure, count in structures:
            trees.append(
                tree.unflatten(
                    structure, [leaves[k] if is_static(leaves[k]) else block(i, k) for k in range(at, at + count)]
                )
            )
            at += count
        result.append(trees[0] if single else tuple(trees))
    return tree.unflatten(out_tree, result)


def _dense(table, y, x, dtype):
    """One block in its final shape; a number where both sides are."""
    shape = shape_of(y) + shape_of(x)
    if isinstance(table, Traced):
        return table.reshape(shape) if shape else restore(table.reshape(())[()], x)
    table = np.asarray(table, dtype=dtype).reshape(shape)
    number = float if type(x) is float and table.dtype.kind == "f" else lambda v: v[()]
    return table if shape or isplain(x, np.ndarray) else number(table)


def jacfwd(f, argnums=0):
    """Jacobian by forward mode: one direction an input element, many at a time, over one recording.

    Parameters, returns and raises are those of :func:`jacobian`; better than :func:`jacrev` where there are fewer
    inputs than outputs.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.jacfwd(lambda x: np.array([x[0] * x[1], x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [0., 1.]])
    """

    def operator(*args, **kwargs):
        return _jacfwd(f, argnums, args, kwargs, "jacfwd")

    return derivative_function(f, operator, "jacfwd", (jacfwd, argnums))


def _jacfwd(f, argnums, args, kwargs, what):
    nums = positions(f, argnums, args, what)
    lin = Linearized(f, args, what, nums, kwargs)
    return columns_of(lin, not isinstance(argnums, tuple | list))


def columns_of(lin, single):
    """The Jacobian of a recorded function, from batches of unit tangents."""
    t = lin.trace
    for x in t.inputs:
        if not is_static(x):
            real_leaf(x, t.origin)
    sizes = _blocks(t.inputs)
    total = sum(n for _, n in sizes)
    level = new_level()
    parts = [[] for _ in t.outputs]
    for start in range(0, total, LANES):
        stop = min(start + LANES, total)
        lanes, at = [None] * len(t.inputs), 0
        for k, n in sizes:
            x = t.inputs[k]
            lanes[k] = _unit_lanes(level, total, start, stop, at, n, x.shape, x.dtype)
            at += n
        for i, d in enumerate(lin.push_lanes(lanes)):
            y = t.outputs[i]
            if not is_static(y):
                n = size(shape_of(y))
                rows = (
                    np.zeros((stop - start, n))
                    if d is None
                    else lanes_of(d, level, stop - start).reshape(stop - start, n)
                )
                parts[i].append(rows)
    tables = [
        None if is_static(y) else (_stacked(p).T if p else np.zeros((size(shape_of(y)), 0)))
        for y, p in zip(t.outputs, parts, strict=True)
    ]
    offsets, at = {}, 0
    for k, n in sizes:
        offsets[k] = slice(at, at + n)
        at += n

    def block(i, k):
        y = t.outputs[i]
        return _dense(tables[i][:, offsets[k]], y, t.leaves[k], inexact_leaf(y))

    return _assemble(t.out_tree, t.outputs, t.structures, t.leaves, block, single)


def by_pairs(f, x):
    """The Hessian of a function of one vector by forward over forward mode: pairs of directions, no tape.

    Parameters
    ----------
    f : callable
    x : ndarray or traced array, shape (n,)

    Returns
    -------
    ndarray or traced array, shape (n, n)
    """
    (n,) = x.shape
    unit, (i, j), place = np.eye(n, dtype=x.dtype), np.triu_indices(n), np.empty((n, n), np.intp)
    place[i, j] = place[j, i] = np.arange(len(i))
    second = vmap(lambda u, v: jvp(lambda y: jvp(f, (y,), (u,))[1], (x,), (v,))[1])
    return _blocked(lambda k: second(unit[i[k]], unit[j[k]]), len(i), np.zeros(0, x.dtype))[place]


def by_directions(f, x):
    """The same as :func:`by_pairs` by reverse over forward mode: gradients of n directional derivatives."""
    (n,) = x.shape
    unit = np.eye(n, dtype=x.dtype)
    second = vmap(lambda u: grad(lambda y: jvp(f, (y,), (u,))[1])(x))
    return _blocked(lambda k: second(unit[k]), n, np.zeros((0, n), x.dtype))


def _blocked(rows, count, empty):
    """All rows of a result, so many at a time as go together in a batch."""
    found = [rows(slice(k, k + LANES)) for k in range(0, count, LANES)]
    return empty if not found else found[0] if len(found) == 1 else np.concatenate(found)


def jacrev(f, argnums=0):
    """Jacobian by reverse mode: one cotangent an output element, many at a time, over one recording.

    Parameters, returns and raises are those of :func:`jacobian`; better than :func:`jacfwd` where there are fewer
    outputs than inputs.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.jacrev(lambda x: np.array([x[0] * x[1], x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [0., 1.]])
    """

    def operator(*args, **kwargs):
        nums = positions(f, argnums, args, "jacrev")
        return rows_of(Trace(f, args, kwargs, nums, "jacrev"), not isinstance(argnums, tuple | list))

    return derivative_function(f, operator, "jacrev", (jacrev, argnums))


def rows_of(t, single):
    """The Jacobian of a trace, from batches of unit cotangents."""
    refuse_hidden(t.outputs, t.origin)
    for x in t.inputs:
        if not is_static(x):
            real_leaf(x, t.origin)
    level = new_level()
    tables = {}
    for i, y in enumerate(t.outputs):
        if is_static(y):
            continue
        n = size(shape_of(y))
        parts = {k: [] for k, _ in _blocks(t.inputs)}
        for start in range(0, n, LANES):
            stop = min(start + LANES, n)
            ct = _unit_lanes(level, n, start, stop, 0, n, shape_of(y), inexact_leaf(y))
            gs = t.pull([y], [ct])
            # The pullback is of the real inner product: of 1 the derivative of the real part, of 1j of the other one.
            hs = t.pull([y], [1j * ct]) if inexact_leaf(y).kind == "c" else [None] * len(gs)
            for k, (g, h) in enumerate(zip(gs, hs, strict=True)):
                if t.inputs[k] is not None:
                    m = size(t.inputs[k].shape)
                    rows = (
                        np.zeros((stop - start, m))
                        if g is None
                        else lanes_of(g, level, stop - start).reshape(stop - start, m)
                    )
                    if h is not None:
                        rows = rows + 1j * lanes_of(h, level, stop - start).reshape(stop - start, m)
                    parts[k].append(rows)
        for k, p in parts.items():
            tables[i, k] = _stacked(p) if p else np.zeros((0, size(t.inputs[k].shape)))

    def block(i, k):
        y = t.outputs[i]
        return _dense(tables[i, k], y, t.leaves[k], inexact_leaf(y))

    return _assemble(t.out_tree, t.outputs, t.structures, t.leaves, block, single)


def from_matrix(recorded, matrix, single):
    """A Jacobian, rows and columns in the order of the leaves, as a tree of blocks.

    Parameters
    ----------
    recorded : mmad.derivatives.recorded.Recorded
    matrix : ndarray, shape (m, n), or traced
    single : bool
        The blocks of the only argument, not a tuple of them.
    """
    t, rows, columns = recorded.trace, recorded.rows, recorded.columns

    def block(i, k):
        part = matrix[rows.offsets[i] : rows.offsets[i] + rows.kinds[i][0]]
        part = part[:, columns.offsets[k] : columns.offsets[k] + columns.kinds[k][0]]
        return _dense(part, t.outputs[i], t.leaves[k], rows.kinds[i][2])

    return _assemble(t.out_tree, t.outputs, t.structures, t.leaves, block, single)
