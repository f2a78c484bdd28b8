"""Sparsity patterns of Jacobians and Hessians, found from a recording."""

import contextlib

import numpy as np

from mmad.compiler._lower import lower_between
from mmad.derivatives.arguments import positions
from mmad.derivatives.first_order import grad
from mmad.derivatives.recorded import Recorded
from mmad.errors import TraceError
from mmad.planner.sparsity._dependence import dependence
from mmad.planner.sparsity._sets import UNLIMITED
from mmad.planner.sparsity.pattern import Pattern
from mmad.planner.sparsity.zeros import Zeros, zeros_of
from mmad.python.kinds import isplain
from mmad.tape.contexts import open_tape, wrappers_open
from mmad.tracing import tree
from mmad.transforms.tape import record

__all__ = ["detect", "graph_of", "sparsity"]

MOST_INDICES = 1 << 27  # of sets that are held, 4 bytes each; where there would be more, larger sets take their place
FEW_INDICES = 1 << 20  # that may be held for any matrix; otherwise four times as many as a full pattern has


def graph_of(recorded):
    """Return what leads from the arguments of a recording to its results, as a graph of the compiler."""
    trace = recorded.trace
    inputs = [-1 if x is None or not hasattr(x, "node") else x.node for x in trace.inputs]
    if any(x is not None and not hasattr(x, "node") for x in trace.inputs):
        raise TraceError(f"{trace.origin}: a sparsity pattern cannot be found inside of a forward derivative")
    return lower_between(trace.tape, inputs, [getattr(y, "node", -1) for y in trace.outputs], True)


def detect(recorded, graph=None, most=UNLIMITED, constants=True):
    """Return the pattern of a recorded function's Jacobian.

    Parameters
    ----------
    recorded : Recorded
    graph : Graph, optional
        Of :func:`graph_of`.
    most : int
        Steps that the search may take, some nanoseconds each.
    constants : bool
        Whether to look where constant arrays are zero.

    Returns
    -------
    Pattern, shape (m, n)
        Holds wherever the function takes the same branches; entries that may be nonzero.
    Zeros
        Of constant arrays, that it counts on.

    Raises
    ------
    Exhausted
        The search would take more steps.
    """
    graph = graph_of(recorded) if graph is None else graph
    m, n = recorded.shape
    seen, limit = [] if constants else None, min(MOST_INDICES, max(FEW_INDICES, 4 * m * n))
    rows, _ = dependence(graph, recorded.columns.offsets, recorded.columns.size, limit, most, zeros=seen)
    zeros = zeros_of(recorded.trace, seen) if seen else Zeros([])
    if zeros is None:
        return detect(recorded, graph, most, False)
    parts = []
    for node, found, kind in zip(graph.outputs, rows, recorded.rows.kinds, strict=True):
        if kind is not None:
            parts.append(found if node >= 0 else (np.zeros(kind[0] + 1, np.int64), np.zeros(0, np.int32)))
    return Pattern.stacked(parts, recorded.shape), zeros


def sparsity(f, *args, argnums=0, order=1, **kwargs):
    """Return where the Jacobian or the Hessian of a function may be nonzero.

    The function is recorded once, and sets of inputs are carried through the recording: no derivative is computed, and
    of values only where constant arrays are zero.  The pattern is right wherever the function takes the same branches
    as at `args`, and those arrays (matrices, masks) are zero in the same places.

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
    differentiated = f if order == 1 else grad(f, nums)
    if open_tape() is None and not wrappers_open():
        with contextlib.suppress(Exception):  # what cannot be recorded for a program is recorded once more, below
            return _guarded(lambda a, k: detect(Recorded(differentiated, a, "sparsity", nums, k))[0], args, kwargs)
    return detect(Recorded(differentiated, args, "sparsity", nums, kwargs), constants=False)[0]


def _guarded(find, args, kwargs):
    """Return what is found in a recording for a program, where masks that come from the arguments are no constants."""
    leaves, form = tree.flatten((args, kwargs))
    moving = [k for k, x in enumerate(leaves) if isplain(x, float | np.ndarray) and np.result_type(x).kind in "fc"]
    found = None

    def run(*traced):
        nonlocal found
        full = list(leaves)
        for k, x in zip(moving, traced, strict=True):
            full[k] = x
        found = find(*tree.unflatten(form, full))

    record(run, *[leaves[k] for k in moving], live=True)
    return found
