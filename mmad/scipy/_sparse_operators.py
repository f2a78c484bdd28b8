"""Let SciPy's linear operators be multiplied with traced arrays; plain products are as before.

This module is imported when a derivative begins in a process that has imported `scipy.sparse.linalg`
(:data:`mmad.tape.contexts.PROTOCOLS`); the rules come with the first product of a traced array.
"""

import functools
import importlib

import numpy as np
from scipy.sparse.linalg import LinearOperator

from mmad._core import Traced
from mmad.ops.declare import PROVIDERS

__all__ = []


def _answered(plain):
    @functools.wraps(plain)
    def dot(self, x):
        if isinstance(x, Traced) and np.ndim(x):
            return importlib.import_module(PROVIDERS["scipy.sparse"]).operator_product(x, operator=self)
        return plain(self, x)

    return dot


LinearOperator.dot = _answered(LinearOperator.dot)
