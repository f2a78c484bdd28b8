"""The differentiable operations, each declared once."""

import numpy as np

from mmad._core import METHODS, UFUNCS, bind_operators
from mmad.ops import (
    _direct,
    arithmetic,
    convolution,
    cumulative,
    eigenbases,
    extremes,
    failure,
    fourier,
    general_eigen,
    least_squares,
    linalg,
    movement,
    powers,
    products,
    reduction,
    singular,
    special,
    spectral,
    transcendental,
)
from mmad.ops.declare import finish
from mmad.tape._instructions import OPERATIONS

__all__ = [
    "OPERATIONS",
    "arithmetic",
    "convolution",
    "cumulative",
    "eigenbases",
    "extremes",
    "failure",
    "fourier",
    "general_eigen",
    "least_squares",
    "linalg",
    "movement",
    "powers",
    "products",
    "reduction",
    "singular",
    "special",
    "spectral",
    "transcendental",
]

UFUNCS[np.matmul] = reduction.matmul

# What is below looks its operations up once all are declared.
bind_operators()
_direct.bind()
finish()


def _element_method(op):
    def method(*operands):
        return op(*operands)

    method.__name__ = op.name
    return method


# NumPy calls these on the elements of object arrays (np.sin of an array of traced numbers).
for _op in list(OPERATIONS.values()):
    if (
        _op.elementwise
        and _op.ufunc is not None
        and (_op.nin == 1 or _op.name in ("arctan2", "fmod", "hypot", "logical_xor"))
    ):
        METHODS.setdefault(_op.name, _element_method(_op))
