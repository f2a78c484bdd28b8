"""Sparse and factored results while a program is recorded: a program computes numbers, a matrix is made of them later.

The recorded function returns an `Unassembled`, a tree whose leaves are what the program computes.  Where the program's
results are put into that tree, they are plain arrays, and the tree becomes the matrix.
"""

import numpy as np

from mmad.python.kinds import isplain
from mmad.tracing import tree

__all__ = ["Assembly", "Unassembled"]


class Assembly:
    """How a matrix is made; equal to itself alone, as structures of trees are compared.

    Parameters
    ----------
    make : callable
        ``make(*parts)`` -> the matrix.
    what : str
        The derivative, for messages.
    """

    def __init__(self, make, what):
        self.make, self.what = make, what


class Unassembled:
    """A matrix that a program computes the parts of.

    Parameters
    ----------
    parts : tuple
        A tree of traced values.
    assembly : Assembly
    """

    def __init__(self, parts, assembly):
        self.parts, self.assembly = parts, assembly

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        raise self._refused()

    def __matmul__(self, other):
        raise self._refused()

    __array_ufunc__ = None  # NumPy's arrays leave operators to those below
    __rmatmul__ = __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __matmul__
    __neg__ = __getitem__ = __len__ = __iter__ = lambda self, *_: self.__matmul__(None)

    def _refused(self):
        return TypeError(
            f"{self.assembly.what}: a compiled function can return a sparse or factored matrix, but not compute with "
            "it; leave sparse=True and factored=True out, or multiply by mmad.hvp, mmad.jvp or mmad.vjp"
        )


def _split(x):
    return (x.parts,), x.assembly


def _joined(assembly, children):
    (parts,) = children
    leaves, _ = tree.flatten(parts)
    if all(isplain(v, np.ndarray) for v in leaves):
        return assembly.make(*parts)
    return Unassembled(parts, assembly)


tree.register(Unassembled, _split, _joined)
