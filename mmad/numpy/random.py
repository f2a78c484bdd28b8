"""`numpy.random`, whose generators also shuffle and choose among the elements of traced arrays.

NumPy's own generators have no hook: `permutation` and `choice` make an array of objects, and `shuffle` swaps elements
one by one with a warning.  Those of this module draw the same random numbers, and give traced arrays.
"""

import numpy as np

from mmad._core import Traced, shape_of
from mmad.numpy.indexing import take
from mmad.ops.extremes import take_along
from mmad.python.kinds import isplain
from mmad.tape.constants import has_traced, lift

__all__ = ["Generator", "default_rng"]


class Generator(np.random.Generator):
    """`numpy.random.Generator`, whose `permutation`, `permuted`, `shuffle` and `choice` take traced arrays."""

    def permutation(self, x, axis=0):
        """`numpy.random.Generator.permutation`."""
        if not has_traced(x):
            return super().permutation(x, axis)
        x = lift(x)
        axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(x)))
        return take(x, super().permutation(shape_of(x)[axis]), axis)

    def choice(self, a, size=None, replace=True, p=None, axis=0, shuffle=True):
        """`numpy.random.Generator.choice`."""
        if not has_traced(a):
            return super().choice(a, size, replace, p, axis, shuffle)
        a = lift(a)
        axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(a)))
        return take(a, super().choice(shape_of(a)[axis], size, replace, p, 0, shuffle), axis)

    def shuffle(self, x, axis=0):
        """`numpy.random.Generator.shuffle`."""
        if not isinstance(x, Traced):
            super().shuffle(x, axis)
            return
        axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(x)))
        order = np.arange(shape_of(x)[axis])
        super().shuffle(order)
        x[...] = take(x, order, axis)

    def permuted(self, x, *, axis=None, out=None):
        """`numpy.random.Generator.permuted`."""
        if not has_traced(x):
            return super().permuted(x, axis=axis, out=out)
        x = lift(x)
        shape = shape_of(x)
        if axis is None:
            r = take(x, super().permuted(np.arange(int(np.prod(shape))).reshape(shape)), None)
        else:
            axis = np.lib.array_utils.normalize_axis_index(axis, len(shape))
            places = np.arange(shape[axis]).reshape((-1,) + (1,) * (len(shape) - axis - 1))
            order = super().permuted(np.array(np.broadcast_to(places, shape)), axis=axis)
            r = take_along(x, order, axis=axis, unique=True)
        if out is None:
            return r
        out[...] = r
        return out


def default_rng(seed=None):
    """Return a new :class:`Generator`, as `numpy.random.default_rng` does."""
    if isplain(seed, Generator):
        return seed
    return Generator(np.random.default_rng(seed).bit_generator)


def __getattr__(name):
    return getattr(np.random, name)


def __dir__():
    return sorted(set(__all__) | set(dir(np.random)))
