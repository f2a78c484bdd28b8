"""Functions of two arrays that are linear in each, as filters are in the data and in the weights.

Such a function is y_n = sum T_nik x_i w_k.  With one number for each n, i, k there are three of its kind: the function
itself, and its transposes by x and by w.  Each is linear in two arrays, and the transposes of each are the other two,
so that three declarations give both modes and all orders.
"""

from mmad._core import shape_of
from mmad.ops.declare import linear
from mmad.ops.products import adjoint_of

__all__ = ["bilinear"]


def bilinear(name, value, by_first, by_second, *, probes, stacks=True):
    """Declare a function linear in each of two arrays, and return it.

    Parameters
    ----------
    name : str
        SciPy's module and a name; those of the transposes end in ``_by_first`` and ``_by_second``.
    value : callable
        ``value(x, w, **params)`` of plain arrays.
    by_first : callable
        ``by_first(ct, w, shape, **params)``: what ``sum(ct * value(x, w))`` has for a derivative by x, an array of this
        shape.  Nothing is conjugated.
    by_second : callable
        ``by_second(ct, x, shape, **params)``: its derivative by w.
    probes : sequence of tuples
        Points where tests differentiate.
    stacks : bool
        The first arrays of `value` and `by_first` may have one more axis before the others.

    Returns
    -------
    Op
    """

    def lanes(vals, batched, **params):
        if not stacks or batched != [True, False]:
            return None
        return forward(*vals, **params)

    def lanes_by_first(vals, batched, shape, **params):
        if not stacks or batched != [True, False]:
            return None
        return first(*vals, shape=(shape_of(vals[0])[0], *shape), **params)

    forward = linear(
        name,
        value,
        {
            0: lambda ct, x, w, **params: first(ct, adjoint_of(w), shape=shape_of(x), **params),
            1: lambda ct, x, w, **params: second(ct, adjoint_of(x), shape=shape_of(w), **params),
        },
        nin=2,
        batch=lanes,
        probes=probes,
    )
    first = linear(
        name + "_by_first",
        by_first,
        {
            0: lambda ct, y, w, shape, **params: forward(ct, adjoint_of(w), **params),
            1: lambda ct, y, w, shape, **params: second(adjoint_of(y), ct, shape=shape_of(w), **params),
        },
        nin=2,
        batch=lanes_by_first,
    )
    second = linear(
        name + "_by_second",
        by_second,
        {
            0: lambda ct, y, x, shape, **params: forward(adjoint_of(x), ct, **params),
            1: lambda ct, y, x, shape, **params: first(adjoint_of(y), ct, shape=shape_of(x), **params),
        },
        nin=2,
    )
    return forward
