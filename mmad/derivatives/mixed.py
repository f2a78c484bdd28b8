"""`forward`: a part of a function whose derivative is taken in forward mode, also inside a reverse sweep."""

import functools

import numpy as np

from mmad._core import Traced, dtype_of, shape_of
from mmad.derivatives.arguments import name_of
from mmad.derivatives.batching import vmap
from mmad.derivatives.calls import Rules
from mmad.derivatives.first_order import jvp
from mmad.derivatives.parts import PartOfFunction, among, moving_of, pushed
from mmad.derivatives.recorded import LANES, blocks
from mmad.ops import arithmetic as a
from mmad.ops.movement import size
from mmad.python.kinds import isplain
from mmad.tape.contexts import open_tape
from mmad.tracing import tree
from mmad.tracing.pickling import MadeFunction

__all__ = ["forward"]


def forward(f):
    """Return a function that is differentiated in forward mode where a reverse sweep meets it.

    Its Jacobian is computed along with its value, by dual numbers, and the sweep multiplies the cotangent by it.  The
    tape has one instruction for it, however long it runs: what to write around a long loop over few numbers, say a
    solver of an equation in one unknown.

    Parameters
    ----------
    f : callable
        Of numbers, arrays and trees.  It must not write into its arguments.

    Returns
    -------
    callable
        The same function.  Where nothing is recorded, as in forward mode, it is `f` itself.

    Notes
    -----
    One run of `f` carries up to 64 directions; there is one direction for each number among the arguments, two for a
    complex one.  Values of an outer derivative that `f` closes over count as arguments.  A derivative of the derivative
    records the forward derivative, and differentiates that.  A compiled program computes the value and the Jacobian by
    its own instructions.

    See Also
    --------
    checkpoint : reverse mode, without its memory.
    custom_jvp : a rule in forward mode, written by hand.

    References
    ----------
    .. [1] Innes et al., "A Differentiable Programming System to Bridge Machine Learning and Scientific Computing",
       arXiv:1907.07587, section 4.2 (mixed mode).

    Examples
    --------
    >>> import numpy as np, mmad
    >>> def root(x):                              # Newton's method: many steps, one number
    ...     y = x
    ...     while abs(y * y - x) > 1e-14 * x:
    ...         y = (y + x / y) / 2
    ...     return y
    >>> loss = lambda x: np.sum(x**2) * mmad.forward(root)(x[0])
    >>> mmad.grad(loss)(np.array([4.0, 1.0]))
    array([20.25,  4.  ])
    """
    if not callable(f):
        raise TypeError(f"mmad.forward takes a function, not {type(f).__name__}")

    @functools.wraps(f, updated=())
    def by_forward_mode(*args, **kwargs):
        part = PartOfFunction(f, args, kwargs)
        if not part.recorded:
            return f(*args, **kwargs)

        def with_jacobian(*values):
            return _value_and_columns(part.body, values)

        def pull(call, columns, ct, primals, y):
            return _pulled_by_columns(columns, ct, primals)

        def push(call, primals, tangents, y):
            return pushed(part.body, primals, tangents)

        rules = Rules(f"forward {name_of(f)}", part.body, push, pull, with_jacobian)
        y, tape = rules.apply(part.operands), open_tape()
        if tape is None or not tape.guarded:
            return y
        # A program keeps the instructions of the value, with the branches that Python took, and the rule's derivative.
        return tree.map(_value_of_first, f(*args, **kwargs), y)

    return MadeFunction(by_forward_mode, lambda: (forward, (f,), {}))


def _value_of_first(value, differentiable):
    return a.tied(value, differentiable) if isinstance(differentiable, Traced) else value


def _value_and_columns(function, values):
    """Return what a function gives, and its tangents in all unit directions.

    Parameters
    ----------
    function : callable
    values : sequence of number or array
        Plain or traced.

    Returns
    -------
    y : tree
    columns : list
        For each leaf of y an array, shape (n, *shape of the leaf), with n directions: those of the first value that
        derivatives flow through in C order, of a complex one all real directions, then all imaginary ones, and so on.
    """
    moving = moving_of(values)
    g, primals = among(function, values, moving), tuple(values[k] for k in moving)
    n = sum(map(_directions, primals))
    if n == 0:
        y = function(*values)
        return y, [np.zeros((0, *shape_of(v))) for v in tree.flatten(y)[0]]
    found = []
    for start, stop in blocks(0, n, LANES):
        units = tuple(_units(primals, start, stop))
        if stop - start == 1:
            y, dots = jvp(g, primals, tuple(u[0] for u in units))
            dots = [None if d is None else _row(d) for d in tree.flatten(dots)[0]]
        else:
            y, dots = vmap(lambda *dots: jvp(g, primals, dots), out_axes=(None, 0))(*units)
            dots = tree.flatten(dots)[0]
        found.append(dots)
    return y, [None if parts[0] is None else _joined(parts) for parts in zip(*found, strict=True)]


def _row(d):
    return d[None] if shape_of(d) else np.reshape(d, (1,))


def _joined(parts):
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _directions(x):
    return size(shape_of(x)) * (2 if dtype_of(x).kind == "c" else 1)


def _units(primals, start, stop):
    """Yield the parts of some unit directions for each value, shape (stop - start, *shape of the value)."""
    offset = 0
    for x in primals:
        n, dtype = size(shape_of(x)), dtype_of(x)
        unit = np.zeros((stop - start, n), dtype)
        for one in (1.0, 1j) if dtype.kind == "c" else (1.0,):
            for k in range(max(start, offset), min(stop, offset + n)):
                unit[k - start, k - offset] = one
            offset += n
        yield unit.reshape((stop - start, *shape_of(x)))


def _pulled_by_columns(columns, ct, primals):
    """Return the cotangents of all values; None for those that have none."""
    total = None
    for dots, bar in zip(columns, tree.flatten(ct)[0], strict=True):
        if dots is not None and dtype_of(dots).kind in "fc":
            part = _products(dots, bar)
            total = part if total is None else total + part
    cotangents, offset = [None] * len(primals), 0
    if total is None:
        return cotangents
    for k in moving_of(primals):
        shape, n, is_complex = shape_of(primals[k]), size(shape_of(primals[k])), dtype_of(primals[k]).kind == "c"
        g = total[offset : offset + n]
        if is_complex:
            g = g + 1j * total[offset + n : offset + 2 * n]
        cotangents[k] = g.reshape(shape) if shape else g[0]
        offset += 2 * n if is_complex else n
    return cotangents


def _products(dots, bar):
    """Return the real inner products of a cotangent with tangents in many directions.

    The cotangent of an element that is not used is zero, and then wins over an infinite tangent.
    """
    bar, flat = a.conjugated(bar), (dots.shape[0], size(dots.shape[1:]))
    if isplain(dots, np.ndarray) and isplain(bar, np.ndarray | float | np.inexact) and np.isfinite(dots).all():
        total = dots.reshape(flat) @ np.ravel(bar)
    else:
        total = a.chain(bar, dots).reshape(flat).sum(axis=1)
    return total.real
