"""A tree of numbers and arrays as one vector, and the vector as a tree again."""

import numpy as np

from mmad._core import Traced, dtype_of, shape_of
from mmad.ops.movement import concatenate, reshape, size
from mmad.python.kinds import isplain
from mmad.tape.constants import unboxed
from mmad.tracing import tree
from mmad.tracing.results import in_dtype, is_static
from mmad.tracing.tree import flatten, unflatten

__all__ = ["ravel_pytree"]


class Unravel:
    """The function that makes a tree of a vector; leaves have the shapes and dtypes of those that were ravelled."""

    def __init__(self, leaves, structure):
        self.structure = structure
        self.slots, self.statics, self.size = [], [], 0
        for x in leaves:
            if is_static(x):
                self.slots.append(None)
                self.statics.append(x)
                continue
            count = size(shape_of(x))
            kind = type(x) if isplain(x, bool | int | float | complex) else None
            self.slots.append((self.size, count, shape_of(x), dtype_of(x), kind))
            self.statics.append(None)
            self.size += count

    def __call__(self, vector):
        """Return the tree whose leaves, one after the other, are the elements of a vector."""
        vector = unboxed(vector)
        if not isinstance(vector, Traced):
            vector = np.asarray(vector)
        if shape_of(vector) != (self.size,):
            raise ValueError(f"unravel: the vector must have shape ({self.size},), it has {shape_of(vector)}")
        leaves = [x if s is None else _taken(vector, *s) for x, s in zip(self.statics, self.slots, strict=True)]
        return unflatten(self.structure, leaves)


def _taken(vector, start, count, shape, dtype, kind):
    """Return one leaf of a vector, in its shape and dtype."""
    part = reshape(vector[start : start + count], shape) if shape else vector[start]
    if isinstance(part, Traced):
        return in_dtype(part, dtype) if dtype.kind in "fc" else part
    part = part.real if dtype.kind != "c" and part.dtype.kind == "c" else part
    part = part.astype(dtype)
    return part if kind is None else kind(part)


def ravel_pytree(tree_):
    """Return the leaves of a tree as one vector, and the function that makes the tree of a vector.

    Parameters
    ----------
    tree_ : number, array or tree
        None and text are kept in the structure.

    Returns
    -------
    vector : ndarray, shape (n,)
        Of the dtype that NumPy gives the leaves together.
    unravel : callable
        ``unravel(vector)`` -> tree with leaves of the shapes and dtypes of those of `tree_`.  It may be called inside
        functions that are differentiated.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> vector, unravel = mmad.ravel_pytree({"w": np.eye(2), "b": 3.0})
    >>> vector
    array([3., 1., 0., 0., 1.])
    >>> mmad.grad(lambda v: (unravel(v)["w"] ** 2).sum() * unravel(v)["b"])(vector)
    array([2., 6., 0., 0., 6.])
    """
    leaves, structure = flatten(tree_)
    leaves = [unboxed(x) for x in leaves]
    unravel = Unravel(leaves, structure)
    held = []
    for k, x in enumerate(leaves):
        if is_static(x):
            continue
        if dtype_of(x).kind not in "biufc":
            raise TypeError(f"ravel_pytree: the leaf {tree.paths(tree_)[k]} has dtype {dtype_of(x)}, not of numbers")
        held.append(x)
    if not held:
        return np.zeros(0), unravel
    dtype = np.result_type(*[dtype_of(x) for x in held])
    if any(isinstance(x, Traced) for x in held):
        parts = [in_dtype(x, dtype) if isinstance(x, Traced) else np.asarray(x, dtype) for x in held]
        return concatenate(*[reshape(x, (size(shape_of(x)),)) for x in parts], axis=0), unravel
    return np.concatenate([np.asarray(x, dtype).ravel() for x in held]), unravel
