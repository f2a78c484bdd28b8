"""What a traced value is and how it is shown: memory, layout, text."""

import numpy as np

from mmad._core import Traced, concrete, shape_of
from mmad.numpy._implements import implements, prop
from mmad.ops.movement import viewed


def memory_of(x):
    """Return the plain array in whose memory the elements of a traced array are; a plain value as it is."""
    if not isinstance(x, Traced):
        return x
    found = []
    viewed(x, lambda m: (found.append(m), m)[1])
    return found[0]


@implements(np.may_share_memory)
def may_share_memory(x, y, max_work=None):
    """`numpy.may_share_memory`: of traced arrays, where a write to one is seen in the other."""
    return np.may_share_memory(memory_of(x), memory_of(y))


@implements(np.shares_memory)
def shares_memory(x, y, max_work=-1):
    """`numpy.shares_memory`: of traced arrays, where a write to one is seen in the other."""
    return np.shares_memory(memory_of(x), memory_of(y))


@implements(np.min_scalar_type)
def min_scalar_type(x):
    """`numpy.min_scalar_type`: of an array its dtype, of a number the smallest dtype that holds it."""
    return x.dtype if shape_of(x) else np.min_scalar_type(concrete(x))


def _text(function):
    def show(x, *args, **kwargs):
        return function(concrete(x), *args, **kwargs)

    show.__doc__ = f"`numpy.{function.__name__}` of the plain values; a program is recorded again for other ones."
    implements(function)(show)


for _function in (np.array_repr, np.array_str, np.array2string):
    _text(_function)

prop("device")(lambda x: "cpu")


@implements(method="to_device")
def to_device(x, device, /, *, stream=None):
    """Return the array itself, as NumPy does."""
    if stream is not None:
        raise ValueError("The stream argument in to_device() is not supported")
    if device != "cpu":
        raise ValueError(f"Unsupported device: {device}.")
    return x


#: Attributes that a traced array does not have, and why or what to write.
WITHOUT = {
    "base": "compare arrays with np.shares_memory",
    "byteswap": "it has no bytes in memory",
    "ctypes": "it has no place in memory",
    "data": "it has no place in memory; use mmad.concrete(x) for the plain values",
    "dump": "it cannot be pickled; pickle mmad.concrete(x)",
    "dumps": "it cannot be pickled; pickle mmad.concrete(x)",
    "getfield": "it has no bytes in memory; write x.real or x.imag",
    "resize": "it keeps its size; write x = np.resize(x, shape)",
    "setfield": "it has no bytes in memory; write x[...] = value",
    "setflags": "it has no flags to set",
    "tobytes": "it has no bytes in memory; use mmad.concrete(x).tobytes()",
    "tofile": "it has no bytes in memory; use mmad.concrete(x).tofile(file)",
}


def _without(name, why):
    def refuse(x):
        raise AttributeError(f"a traced value has no attribute {name!r}: {why}")

    prop(name)(refuse)


for _name, _why in WITHOUT.items():
    _without(_name, _why)
