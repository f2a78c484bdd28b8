"""The differentiable operations, each declared once."""

from mmad._core import OPERATIONS, UFUNCS, bind_operators
from mmad.ops import arithmetic, reduction, structure, transcendental
from mmad.ops.declare import finish

__all__ = ["OPERATIONS", "arithmetic", "reduction", "structure", "transcendental"]

import numpy as _np

UFUNCS[_np.matmul] = reduction.matmul
bind_operators()

from mmad import _dual, _sweep  # noqa: E402

_sweep.bind()
_dual.bind()
finish()
arithmetic.absolute.needs_out = True
