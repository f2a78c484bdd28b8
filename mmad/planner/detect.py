"""Sparsity patterns of Jacobians and Hessians, found from a recording."""

import numpy as np

from mmad.api import grad, positions
from mmad.compiler._lower import lower_between
from mmad.errors import TraceError
from mmad.planner._dependence import dependence
from mmad.planner.pattern import Pattern
from mmad.recorded import Recorded

__all__ = ["detect", "graph_of", "sparsity"]


def graph_of(recorded):
    """What leads from the arguments of a recording to its results, as a graph of the compiler."""
    trace = recorded.trace
    inputs = [-1 if x is None or not hasattr(x, "node") else x.node for x in trace.inputs]
    if any(x is not None and not hasattr(x, "node") for x in trace.inputs):
        raise TraceError(f"{trace.origin}: a sparsity pattern cannot be found inside of a forward derivative")
    return lower_between(trace.tape, inputs, [getattr(y, "node", -1) for y in trace.outputs])


def detect(recorded, graph=None):
    """The pattern of a recorded function's Jacobian.

    Parameters
    ----------
    recorded : Recorded
    graph : Graph, optional
        Of :func:`graph_of`.

    Returns
    -------
    Pattern, shape (m, n)
        Holds wherever the function takes the same branches; entries that may be nonzero.
    """
    graph = graph_of(recorded) if graph is None else graph
    rows, _ = dependence(graph, recorded.columns.offsets, recorded.columns.size)
    parts = []
    for node, found, kind in zip(graph.outputs, rows, recorded.rows.kinds, strict=True):
        if kind is not None:
            parts.append(found if node >= 0 else (np.zeros(kind[0] + 1, np.int64), np.zeros(0, np.int32)))
    return Pattern.stacked(parts, recorded.shape)


def sparsity(f, *args, argnums=0, order=1, **kwargs):
    """Where the Jacobian or the Hessian of a function may be nonzero.

    The function is recorded once, and sets of inputs are carried through the recording: no derivative is computed, and
    no value is looked at.  The pattern is right wherever the function takes the same branches as at `args`.

    Parameters
    ----------
    f : callable
    *args : float, ndarray or tree
    argnums : int or tuple of int
    order : {1, 2}
        1 for the Jacobian, 2 for the Hessian of a function with one real result.
    **kwargs
        Handed on to `f`.

    Returns
    -------
    mmad.Pattern, shape (m, n)
        Of all elements of the result, and of the arguments that `argnums` names, in C order end to end.

    Raises
    ------
    ValueError
        `order` is neither 1 nor 2.

    References
    ----------
    .. [1] Griewank and Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, section 7.1.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.sparsity(lambda x: x[1:] * x[:-1], np.ones(4)).todense().astype(int)
    array([[1, 1, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 1, 1]])
    >>> mmad.sparsity(lambda x: (x[1:] * x[:-1]).sum(), np.ones(4), order=2).nnz
    6
    """
    if order not in (1, 2):
        raise ValueError(f"sparsity: order is 1 (Jacobian) or 2 (Hessian), not {order!r}")
    nums = positions(f, argnums, args, "sparsity")
    return detect(Recorded(f if order == 1 else grad(f, nums), args, "sparsity", nums, kwargs))
