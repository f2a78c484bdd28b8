"""The vector space of a value, as autograd's rules and checks use it: zeros, basis, sums, inner products of trees."""

import numpy as np

from mmad._core import Traced, concrete, dtype_of, shape_of
from mmad.python.kinds import isplain
from mmad.tape.constants import unboxed
from mmad.tracing import tree

__all__ = ["VSpace", "conjugate", "vspace"]


class VSpace:
    """The vectors that are like a value: arrays of its shape and dtype, or containers of them.

    Parameters
    ----------
    value : number, array or tree
        Plain or traced.
    """

    mappings = {}  # noqa: RUF012  (autograd's users add to it)

    def __init__(self, value):
        leaves, structure = tree.flatten(value)
        self.kinds = [(shape_of(unboxed(x)), dtype_of(unboxed(x))) for x in leaves]
        self.structure = None if len(leaves) == 1 and tree.flatten(leaves[0])[1] == structure else structure

    @classmethod
    def register(cls, value_type, maker=None):
        """Let values of a class have vector spaces of a kind of their own."""
        VSpace.mappings[value_type] = maker or cls

    # ------------------------------------------------------------------------------------ one array
    @property
    def shape(self):
        """The shape of an array; a list of shapes for a container."""
        return self.kinds[0][0] if self.structure is None else [shape for shape, _ in self.kinds]

    @property
    def dtype(self):
        """The dtype of an array; of the leaves together for a container."""
        return np.result_type(*[dtype for _, dtype in self.kinds])

    @property
    def ndim(self):
        return len(self.kinds[0][0])

    @property
    def iscomplex(self):
        """Whether an array is complex."""
        return self.structure is None and self.kinds[0][1].kind == "c"

    @property
    def size(self):
        """The dimension over the reals."""
        return sum(int(np.prod(shape, dtype=int)) * (2 if dtype.kind == "c" else 1) for shape, dtype in self.kinds)

    # ------------------------------------------------------------------------------------ vectors
    def _tree(self, leaves):
        leaves = [x[()] if isplain(x, np.ndarray) and not x.shape and x.dtype.kind in "fc" else x for x in leaves]
        return leaves[0] if self.structure is None else tree.unflatten(self.structure, leaves)

    def _filled(self, make):
        return self._tree([make(shape).astype(dtype) for shape, dtype in self.kinds])

    def zeros(self):
        """Return the zero vector."""
        return self._filled(np.zeros)

    def ones(self):
        """Return the sum of the basis: complex elements are 1 + 1j."""
        return self._tree([np.ones(s, t) + (1j * np.ones(s, t) if t.kind == "c" else 0) for s, t in self.kinds])

    def randn(self):
        """Return a vector of normal random numbers."""

        def draw(shape):
            return np.asarray(np.random.randn(*shape))  # noqa: NPY002  (autograd's users seed the global generator)

        return self._tree([draw(s).astype(t) + (1j * draw(s) if t.kind == "c" else 0) for s, t in self.kinds])

    def standard_basis(self):
        """Yield the unit vectors; of complex elements also 1j times them."""
        for k, (shape, dtype) in enumerate(self.kinds):
            for place in np.ndindex(*shape):
                for unit in (1.0, 1.0j) if dtype.kind == "c" else (1.0,):
                    leaves = [np.zeros(s, t) for s, t in self.kinds]
                    leaves[k][place] = unit
                    yield self._tree(leaves)

    # ------------------------------------------------------------------------------------ operations
    def _map(self, f, *vectors):
        found = [tree.flatten(v)[0] for v in vectors]
        return self._tree([f(*row) for row in zip(*found, strict=True)])

    def add(self, x, y):
        """Return the sum of two vectors."""
        return self._map(lambda v, w: v + w, x, y)

    def mut_add(self, x, y):
        """Return the sum of two vectors; the first may be None for zero."""
        return self.add(self.zeros() if x is None else x, y)

    def scalar_mul(self, x, a):
        """Return a multiple of a vector, in its dtype."""
        return self._map(lambda v: v * a, x)

    def inner_prod(self, x, y):
        """Return the inner product over the reals."""
        total = 0.0
        for v, w in zip(tree.flatten(x)[0], tree.flatten(y)[0], strict=True):
            total = total + np.real(np.sum(np.conj(v) * w))
        return total

    def covector(self, x):
        """Return the vector as gradients are written: conjugate."""
        return self._map(_conjugate_leaf, x)

    def __eq__(self, other):
        return type(self) is type(other) and (self.structure, self.kinds) == (other.structure, other.kinds)

    __hash__ = None

    def __repr__(self):
        return f"VSpace({', '.join(f'{dtype}{list(shape)}' for shape, dtype in self.kinds)})"


def vspace(value):
    """Return the vector space of a value, plain or traced."""
    maker = VSpace.mappings.get(type(value))
    if maker is None and isinstance(value, Traced):
        maker = VSpace.mappings.get(type(concrete(value)))
    space = (maker or VSpace)(value)
    if maker is None and any(dtype.kind not in "fc" for _, dtype in space.kinds):
        raise TypeError(f"Can't find vector space for value {value!r} of type {type(value)}")
    return space


def _conjugate_leaf(x):
    if isinstance(x, Traced):
        return np.conj(x) if x.dtype.kind == "c" else x
    return np.conj(x) if np.iscomplexobj(x) else x


def conjugate(value):
    """Return a tree with complex leaves conjugate: autograd's gradients in mmad's convention, and back."""
    leaves, structure = tree.flatten(value)
    return tree.unflatten(structure, [_conjugate_leaf(x) for x in leaves])
