"""Sums and what is made of them."""

import numpy as np

from mmad._core import HOOKS
from mmad.numpy._dispatch import implements
from mmad.numpy.ufuncs import METHODS, write_out
from mmad.ops import arithmetic as a
from mmad.ops.declare import shape_of
from mmad.ops.reduction import normal_axes, sum_, unbroadcast
from mmad.ops.structure import broadcast_to


def finish(result, out):
    """A reduction's result, put into `out` if one is given."""
    return result if out is None else write_out(out, result, "reduction")


@implements(np.sum, method="sum")
def sum(x, axis=None, dtype=None, out=None, keepdims=False, initial=0, where=True):
    """`numpy.sum` of a traced array."""
    if where is not True:
        x = a.select(where, x, 0.0)
    if dtype is not None:
        x = a.astype(x, dtype=np.dtype(dtype))
    r = sum_(x, axis=normal_axes(axis, len(shape_of(x))), keepdims=bool(keepdims) and keepdims is not np._NoValue)
    if initial is not np._NoValue and not (isinstance(initial, int) and initial == 0):
        r = r + initial
    return finish(r, out)


METHODS[np.add, "reduce"] = lambda ufunc, x, axis=0, **kwargs: sum(x, axis=axis, **kwargs)
HOOKS["unbroadcast"] = unbroadcast
HOOKS["broadcast"] = broadcast_to
