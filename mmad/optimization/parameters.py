"""The unknowns of an optimisation: the caller's tree or array, and the vector of float64 that optimisers know."""

import numpy as np

from mmad._core import Traced
from mmad.ops import arithmetic as a
from mmad.python.kinds import isplain
from mmad.tracing import tree
from mmad.tracing.ravel import ravel_pytree
from mmad.tracing.results import is_static

__all__ = ["Parameters"]


class Parameters:
    """What stands for the unknowns: `vector`, float64, and the tree of a vector.

    A leaf that is complex is two arrays of reals in the vector, first the real parts; integers and float32 are float64.

    Parameters
    ----------
    x0 : number, array or tree
        Lists and tuples of numbers alone are an array, as SciPy takes them.
    """

    def __init__(self, x0):
        if isinstance(x0, list | tuple) and _is_table(x0):
            x0 = np.array(x0, float)
        leaves, self.structure = tree.flatten(x0)
        if any(isinstance(x, Traced) for x in leaves):
            raise TypeError(
                "the starting point of an optimisation is traced: a derivative of iterations is none of the minimiser; "
                "differentiate the minimiser implicitly"
            )
        self.pairs = [_is_complex(x) for x in leaves]
        self.is_vector = isplain(x0, np.ndarray) and x0.ndim == 1 and not self.pairs[0]
        self.vector, self.unravel = ravel_pytree([_real(x, pair) for x, pair in zip(leaves, self.pairs, strict=True)])
        if self.vector.dtype != np.float64:  # there are none
            self.vector = self.vector.astype(float)

    def tree_of(self, vector):
        """Return the tree of a vector, which may be traced."""
        if self.is_vector:
            return vector
        leaves = [
            a.add(a.multiply(x[1], 1j), x[0]) if pair else x
            for x, pair in zip(self.unravel(vector), self.pairs, strict=True)
        ]
        return tree.unflatten(self.structure, leaves)

    def vector_of(self, tree_, what):
        """Return the vector of a tree with the structure of the unknowns, or of one number for all of them."""
        if isplain(tree_, int | float | np.number):
            return np.full(self.vector.shape, float(tree_))
        leaves, structure = tree.flatten(tree_)
        if structure != self.structure:
            raise ValueError(f"{what}: the structure must be that of the starting point, or one number")
        found = ravel_pytree([_real(x, pair) for x, pair in zip(leaves, self.pairs, strict=True)])[0]
        if found.shape != self.vector.shape:
            raise ValueError(f"{what}: there are {found.size} numbers for {self.vector.size} unknowns")
        return found.astype(float)


def _is_table(x):
    """Return whether lists in lists hold numbers alone."""
    return all(
        _is_table(v) if isinstance(v, list | tuple) else isplain(v, bool | int | float | np.number | np.bool_)
        for v in x
    ) and bool(x)


def _is_complex(x):
    return isplain(x, complex | np.complexfloating) or (isplain(x, np.ndarray) and x.dtype.kind == "c")


def _real(x, pair):
    """Return a leaf as float64, a complex one as two arrays."""
    if is_static(x):
        return x
    if pair:
        return np.array([np.real(x), np.imag(x)], float)
    if isplain(x, bool | int | float | np.number | np.bool_):
        return float(x)
    return np.array(x, float)
