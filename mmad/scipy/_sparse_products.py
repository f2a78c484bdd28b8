"""Let SciPy's sparse matrices ask for a product with a traced array here; plain products are as before.

The matrices ask `_matmul_dispatch` for every product, in every order of the operands: ``A @ x``, ``x @ A``,
``A.dot(x)``, and ``A * x`` of a matrix.  It takes a traced array for one of NumPy's, whose numbers its compiled code
would read.  This module is imported when a derivative begins in a process that has imported `scipy.sparse`
(:data:`mmad.tape.contexts.PROTOCOLS`), so it imports little; the rules come with the first product of a traced array.
"""

import functools
import importlib

import scipy.sparse

from mmad._core import Traced
from mmad.ops.declare import PROVIDERS

__all__ = ["TracedElements"]


class TracedElements:
    """Base class of sparse matrices whose stored elements are traced."""

    __slots__ = ()


def _rules():
    return importlib.import_module(PROVIDERS["scipy.sparse"])


def _answered(name, plain):
    """Return the method `plain` of sparse matrices, with that of our rules for traced operands."""

    @functools.wraps(plain)
    def method(self, other):
        if isinstance(other, Traced | TracedElements):
            return getattr(_rules(), name)(self, other)
        return plain(self, other)

    return method


def _with_subclasses(kind):
    """Return a class and all that derive from it, each once."""
    return {kind}.union(*map(_with_subclasses, kind.__subclasses__()))


def _answer_products():
    """Wrap the methods of SciPy's matrices; a SciPy without them refuses traced arrays."""
    base = getattr(scipy.sparse._base, "_spbase", None)
    if not hasattr(base, "_matmul_dispatch"):
        return
    base._matmul_dispatch = _answered("matrix_product", base._matmul_dispatch)
    for matrices in _with_subclasses(base):
        if "multiply" in vars(matrices):
            matrices.multiply = _answered("elementwise_product", matrices.multiply)


_answer_products()
