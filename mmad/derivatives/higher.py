"""Taylor coefficients and derivatives of any order along one direction."""

import functools
import math
import operator

import numpy as np

from mmad._core import Traced, shape_of
from mmad.derivatives import other_numbers
from mmad.derivatives.arguments import derivative_function, tangent_like
from mmad.derivatives.batching import vmap
from mmad.derivatives.first_order import jvp
from mmad.numpy.joining import stack
from mmad.ops.spectral import Met, undifferentiable
from mmad.python.kinds import isplain
from mmad.scalars.kinds import is_other_number
from mmad.tape.constants import unboxed
from mmad.tape.contexts import Forwarding
from mmad.tracing import tree
from mmad.tracing.hidden import refuse_hidden
from mmad.tracing.leaves import ArgumentPlace, describe, plain_leaf
from mmad.tracing.lost_track import is_nan, refuse_left_behind
from mmad.tracing.results import as_recorded, is_static
from mmad.wrappers._dual import new_level
from mmad.wrappers._series import Series, make_series

__all__ = ["derivative", "taylor"]


def checked_order(order, what):
    """Return an order of derivative as a non-negative int."""
    if isplain(order, bool) or not hasattr(order, "__index__"):
        raise TypeError(f"{what}: order must be an int, not {order!r}")
    order = operator.index(order)
    if order < 0:
        raise ValueError(f"{what}: order must not be negative, it is {order}")
    return order


def taylor(f, x, v, order, *, higher=()):
    """Return the Taylor coefficients of t -> f(x + v t) at t = 0, by one pass of arithmetic on power series.

    Parameters
    ----------
    f : callable
        Of a number, an array or a tree; returns the like.
    x : float, ndarray or tree
        Where the path starts.
    v : of the structure and shapes of `x`
        Its direction.
    order : int
        The highest power of t, d.
    higher : sequence, optional
        Coefficients of t^2, t^3, ... of a curved path x + v t + higher[0] t^2 + ..., each like `v`.

    Returns
    -------
    tree
        Of the structure of f(x), each leaf with a leading axis of length d + 1: entry k is the coefficient c_k of t^k,
        so the k-th derivative along the path is k! c_k.

    Raises
    ------
    TypeError, ValueError
        An integer `x`; `v` of another structure or shape; a negative order.
    UnsupportedError
        An operation without a derivative rule.

    Notes
    -----
    The cost grows with d^2, that of nested forward mode exponentially.  JAX's `jet` takes and gives
    derivatives, k! c_k, instead of coefficients.

    See Also
    --------
    derivative, derivative_tensor, jvp

    References
    ----------
    .. [1] Griewank and Walther, "Evaluating Derivatives", 2nd ed., SIAM 2008, chapter 13.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.taylor(np.exp, 0.0, 1.0, 4)
    array([1.        , 1.        , 0.5       , 0.16666667, 0.04166667])
    >>> mmad.taylor(lambda x: 1 / (1 - x), np.zeros(2), np.array([1.0, 2.0]), 3)
    array([[1., 1.],
           [1., 2.],
           [1., 4.],
           [1., 8.]])
    """
    what = describe(f, "taylor")
    order = checked_order(order, what)
    leaves, structure = expand(f, x, [v, *higher], order, what)
    return tree.unflatten(structure, [c if is_static(c) else _stacked(c) for c in leaves])


def expand(f, x, directions, order, what):
    """Return the coefficients of f along x + directions[0] t + directions[1] t^2 + ...

    Returns
    -------
    leaves : list
        For each leaf of the result its coefficients, a list of order + 1; a leaf without derivative as it is.
    structure : object
        The structure of the result.
    """
    points, inner = tree.flatten(x)
    columns = []
    for k, v in enumerate(directions):
        leaves, _ = tree.flatten(v)
        if len(leaves) != len(points):
            raise ValueError(
                f"{what}: the coefficient of t^{k + 1} must have the structure of the argument ({len(points)} leaves), "
                f"it has {len(leaves)} leaves"
            )
        columns.append(leaves)
    level, wrapper, series = new_level(), None, []
    for i, point in enumerate(points):
        if is_static(point):
            series.append(point)
            continue
        place = ArgumentPlace(what, 0, x, i)
        point = +point if isinstance(point, Traced) else plain_leaf(point, place)
        terms = [point] + [tangent_like(c[i], point, place) for c in columns]
        terms = [point, *[as_recorded(point, d) for d in terms[1:]]]
        terms = (terms + [None] * (order + 1 - len(terms)))[: order + 1]
        wrapper = make_series(level, terms)
        series.append(wrapper)
    if wrapper is None:
        raise TypeError(f"{what}: the argument has no derivative")
    missing = Met.missing
    with Forwarding(wrapper):
        outputs, structure = tree.flatten(f(tree.unflatten(inner, series)))
        refuse_left_behind(outputs)
        refuse_hidden(outputs, what)
        outputs = [unboxed(y) for y in outputs]
    expanded = [y if is_static(y) else coefficients(y, level, order) for y in outputs]
    if Met.missing != missing and any(is_nan(c) for y in expanded if not is_static(y) for c in y):
        if order > 1:
            raise undifferentiable(f"{what}: a Taylor coefficient of order 2")
        value, slope = jvp(f, (x,), (directions[0],))
        pairs = zip(expanded, tree.flatten(value)[0], tree.flatten(slope)[0], strict=True)
        expanded = [y if is_static(y) else [c, d] for y, c, d in pairs]
    return expanded, structure


def coefficients(y, level, order):
    """Return the coefficients of a result, of the given level; a constant has zeros after the first."""
    if isinstance(y, Series) and y.level == level:
        terms = list(y.parts)
    else:
        terms = [y if isinstance(y, Traced) else y.copy() if isplain(y, np.ndarray) else y]
    dtype = terms[0].dtype if hasattr(terms[0], "dtype") else np.result_type(type(terms[0]))
    while len(terms) <= order:
        zero = np.zeros(shape_of(terms[0]), dtype if dtype.kind in "fc" else float)
        terms.append(zero if zero.ndim else zero[()])
    return terms


def _stacked(terms):
    """Return the coefficients as one array with a leading axis."""
    return stack(terms) if any(isinstance(c, Traced) for c in terms) else np.stack(terms)


def derivative(f, order=1):
    """Return the function that computes a repeated derivative of a function of one number.

    Parameters
    ----------
    f : callable
        Of a number; returns a number, an array or a tree.
    order : int
        How often to differentiate; 0 is the function itself.

    Returns
    -------
    callable
        ``d(x, *args, **kwargs)`` -> the derivative with respect to `x`, of the structure of the result.  Of an array
        `x`, the derivative at each element: `f` is called with numbers, a batch of them at a time, and the axes of `x`
        come first in the result.

    Notes
    -----
    The first derivative is taken in forward mode, higher ones from Taylor coefficients, at a cost that grows with the
    square of the order.

    See Also
    --------
    taylor : all orders at once, along a direction.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.derivative(lambda x: x**4, 3)(2.0)
    48.0
    >>> mmad.derivative(lambda t: np.array([1.0, 3.0]) * t**2)(1.0)
    array([2., 6.])
    >>> mmad.derivative(np.square)(np.array([1.0, 2.0]))
    array([2., 4.])
    """
    order = checked_order(order, describe(f, "derivative"))

    def operator(x, *args, **kwargs):
        def g(t):
            return f(t, *args, **kwargs)

        functools.update_wrapper(g, f, updated=())
        if (isplain(x, np.ndarray) or isinstance(x, Traced)) and x.shape:
            leaves, structure = tree.flatten(vmap(lambda t: operator(t, *args, **kwargs))(np.reshape(x, (-1,))))
            rows = [d if is_static(d) else np.reshape(d, x.shape + d.shape[1:]) for d in leaves]
            return tree.unflatten(structure, rows)
        if order == 0:
            return g(x)
        if is_other_number(x):
            return other_numbers.derivative_of(g, x, order)
        if order == 1:
            return jvp(g, (x,), (1.0,))[1]
        leaves, structure = expand(g, x, [1.0], order, describe(f, "derivative"))
        scale = float(math.factorial(order))
        return tree.unflatten(structure, [c if is_static(c) else c[order] * scale for c in leaves])

    return derivative_function(f, operator, "derivative", (derivative, order))
