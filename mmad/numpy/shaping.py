"""Shapes and axes: views where NumPy gives views, copies where it copies."""

import numpy as np

from mmad._core import HOOKS
from mmad.numpy._dispatch import implements, prop
from mmad.ops.declare import shape_of
from mmad.ops.structure import concatenate as concatenate_op
from mmad.ops.structure import size, viewed


@implements(np.reshape)
def reshape(x, shape, order="C", copy=None):
    """`numpy.reshape`."""
    if order == "F":
        shape = (shape,) if np.ndim(shape) == 0 else tuple(shape)
        return transpose(reshape(transpose(x), shape[::-1]))
    return viewed(x, lambda m: m.reshape(shape))


def _reshape_method(x, *shape, order="C", copy=None):
    return reshape(x, shape[0] if len(shape) == 1 else shape, order)


implements(method="reshape")(_reshape_method)


@implements(np.transpose)
def transpose(x, axes=None):
    """`numpy.transpose`."""
    return viewed(x, lambda m: m.transpose(axes))


@implements(method="transpose")
def _transpose_method(x, *axes):
    return transpose(x, axes[0] if len(axes) == 1 else axes or None)


prop("T")(transpose)
prop("ndim")(lambda x: len(x.shape))
prop("size")(lambda x: size(x.shape))


@implements(np.concatenate)
def concatenate(arrays, axis=0, out=None, dtype=None, casting="same_kind"):
    """`numpy.concatenate`."""
    arrays = [HOOKS["lift"](v) if isinstance(v, list | tuple) else v for v in arrays]
    if axis is None:
        arrays, axis = [reshape(v, -1) for v in arrays], 0
    ndim = len(shape_of(arrays[0]))
    if ndim == 0:
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    r = concatenate_op(*arrays, axis=axis % ndim)
    if dtype is not None:
        r = r.astype(dtype)
    return r


@implements(np.stack)
def stack(arrays, axis=0, out=None, dtype=None, casting="same_kind"):
    """`numpy.stack`."""
    arrays = list(arrays)
    ndim = len(shape_of(arrays[0])) + 1
    axis = axis % ndim
    at = (slice(None),) * axis + (None,)
    return concatenate([viewed(v, lambda m: m[at]) for v in arrays], axis=axis)


HOOKS["stack"] = stack
