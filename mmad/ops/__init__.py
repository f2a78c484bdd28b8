"""The differentiable operations, each declared once."""

from mmad._core import METHODS, OPERATIONS, UFUNCS, bind_operators
from mmad.ops import arithmetic, reduction, structure, transcendental
from mmad.ops import linalg, products  # isort: skip
from mmad.ops import calculus, cumulative, extremes  # isort: skip
from mmad.ops.declare import finish

__all__ = ["OPERATIONS", "arithmetic", "reduction", "structure", "transcendental"]

import numpy as _np

UFUNCS[_np.matmul] = reduction.matmul
bind_operators()

from mmad import _dual, _emit, _rules  # noqa: E402

_rules.bind()
_dual.bind()
_emit.bind()
finish()
arithmetic.absolute.needs_out = True


def _element_method(op):
    def method(x):
        return op(x)
    method.__name__ = op.name
    return method


# NumPy calls these on the elements of object arrays (np.sin of an array of traced numbers).
for _op in list(OPERATIONS.values()):
    if _op.elementwise and _op.nin == 1 and _op.ufunc is not None:
        METHODS.setdefault(_op.name, _element_method(_op))
