"""The differentiable operations, each declared once."""

import numpy as np

from mmad import _direct, _dual, _emit, _lazy, _rules, _series, _squares, _suspects, _sweep, _windows
from mmad._core import METHODS, UFUNCS, bind_operators
from mmad._instructions import OPERATIONS
from mmad.ops import (
    arithmetic,
    bases,
    calculus,
    cumulative,
    extremes,
    failure,
    linalg,
    products,
    reduction,
    spectral,
    structure,
    transcendental,
)
from mmad.ops.declare import finish

__all__ = [
    "OPERATIONS",
    "arithmetic",
    "bases",
    "calculus",
    "cumulative",
    "extremes",
    "failure",
    "linalg",
    "products",
    "reduction",
    "spectral",
    "structure",
    "transcendental",
]

UFUNCS[np.matmul] = reduction.matmul

# The compiled modules look their operations up once all are declared.
bind_operators()
_direct.bind()
_rules.bind()
_dual.bind()
_lazy.bind()
_series.bind()
_emit.bind()
_sweep.bind()
_suspects.bind()
_squares.bind()
_windows.bind()
finish()
arithmetic.absolute.needs_out = True  # its partial at complex points uses the result


def _element_method(op):
    def method(x):
        return op(x)

    method.__name__ = op.name
    return method


# NumPy calls these on the elements of object arrays (np.sin of an array of traced numbers).
for _op in list(OPERATIONS.values()):
    if _op.elementwise and _op.nin == 1 and _op.ufunc is not None:
        METHODS.setdefault(_op.name, _element_method(_op))
