"""Dense Jacobians by either mode, and dense Hessians by directional derivatives."""

import numpy as np

from mmad._core import Traced, shape_of
from mmad.derivatives.arguments import derivative_function, positions
from mmad.derivatives.batching import vmap
from mmad.derivatives.first_order import grad, jvp
from mmad.derivatives.names import by_name
from mmad.derivatives.recorded import LANES, Recorded, blocks, stack_rows
from mmad.python.kinds import isplain
from mmad.tracing import tree
from mmad.tracing.results import in_kind_of, is_static

__all__ = ["by_directions", "by_pairs", "in_blocks", "jacfwd", "jacrev"]


def _assemble(out_tree, outputs, structures, leaves, block, single):
    """Return nested trees of Jacobian blocks: outputs outside, arguments inside."""
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
    """Return one block in its final shape and dtype; a number where both sides are."""
    shape = shape_of(y) + shape_of(x)
    table = table.real if table.dtype.kind == "c" != dtype.kind else table  # a complex result may share the table
    if isinstance(table, Traced):
        table = table if table.dtype == dtype else table.astype(dtype)
        return table.reshape(shape) if shape else in_kind_of(table.reshape(())[()], x)
    table = np.asarray(table, dtype=dtype).reshape(shape)
    number = float if type(x) is float and table.dtype.kind == "f" else lambda v: v[()]
    return table if shape or isplain(x, np.ndarray) else number(table)


@by_name
def jacfwd(f, argnums=0):
    """Return the function that computes the Jacobian in forward mode, many directions at a time, over one recording.

    Parameters, returns and raises are those of :func:`jacobian`; better than :func:`jacrev` where there are fewer
    inputs than outputs.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.jacfwd(lambda x: np.array([x[0] * x[1], x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [0., 1.]])
    """

    return _dense_jacobian(f, argnums, False, "jacfwd", jacfwd)


def _dense_jacobian(f, argnums, by_rows, name, public):
    """Return the function that records f and computes its Jacobian from one side."""
    single = not isinstance(argnums, tuple | list)

    def operator(*args, **kwargs):
        r = Recorded(f, args, name, positions(f, argnums, args, name), kwargs)
        return in_blocks(r, r.jacobian(by_rows), single)

    return derivative_function(f, operator, name, (public, argnums))


def by_pairs(f, x):
    """Return the Hessian of a function of one vector by forward over forward mode: pairs of directions, no tape.

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
    found = [second(unit[i[a:b]], unit[j[a:b]]) for a, b in blocks(0, len(i), LANES)]
    return stack_rows(found, np.zeros(0, x.dtype))[place]


def by_directions(f, x):
    """Return the same as :func:`by_pairs` by reverse over forward mode: gradients of n directional derivatives."""
    (n,) = x.shape
    unit = np.eye(n, dtype=x.dtype)
    second = vmap(lambda u: grad(lambda y: jvp(f, (y,), (u,))[1])(x))
    return stack_rows([second(unit[a:b]) for a, b in blocks(0, n, LANES)], np.zeros((0, n), x.dtype))


@by_name
def jacrev(f, argnums=0):
    """Return the function that computes the Jacobian in reverse mode, many cotangents at a time, over one recording.

    Parameters, returns and raises are those of :func:`jacobian`; better than :func:`jacfwd` where there are fewer
    outputs than inputs.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.jacrev(lambda x: np.array([x[0] * x[1], x[1]]))(np.array([2.0, 3.0]))
    array([[3., 2.],
           [0., 1.]])
    """

    return _dense_jacobian(f, argnums, True, "jacrev", jacrev)


def in_blocks(recorded, matrix, single):
    """Return a Jacobian, rows and columns in the order of the leaves, as a tree of blocks.

    Parameters
    ----------
    recorded : mmad.derivatives.recorded.Recorded
    matrix : ndarray, shape (m, n), or traced
    single : bool
        The blocks of the only argument, not a tuple of them.
    """
    t, rows, columns = recorded.trace, recorded.rows, recorded.columns

    def block(i, k):
        (m, _, dtype), (n, *_), part = rows.kinds[i], columns.kinds[k], matrix
        if m != rows.size:
            part = part[rows.offsets[i] : rows.offsets[i] + m]
        if n != columns.size:
            part = part[:, columns.offsets[k] : columns.offsets[k] + n]
        return _dense(part, t.outputs[i], t.leaves[k], dtype)

    return _assemble(t.out_tree, t.outputs, t.structures, t.leaves, block, single)
