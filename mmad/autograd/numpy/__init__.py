"""NumPy's namespace as autograd has it: functions take traced values, and lists of them."""

import builtins as _builtins

import numpy as _np

from mmad import numpy as _mmad_numpy
from mmad._core import Traced as _Traced
from mmad.autograd.numpy import fft, linalg, numpy_boxes, numpy_vjps, numpy_vspaces, numpy_wrapper, random  # noqa: F401
from mmad.python.kinds import isplain as _isplain
from mmad.tracing.tree import flatten as _flatten

_SUBMODULES = ["fft", "linalg", "random", "numpy_boxes", "numpy_vjps", "numpy_vspaces", "numpy_wrapper"]
__all__ = list(_SUBMODULES)
__all__ += [name for name in dir(_np) if not name.startswith("_") and name not in _SUBMODULES]
globals().update({name: getattr(_mmad_numpy, name) for name in __all__ if name not in _SUBMODULES})
__all__ += ["make_diagonal"]
__version__ = _np.__version__


def where(condition, *args, **kwargs):
    """Return `numpy.where`; of Python's own numbers and lists a result of Python's own."""
    result = _np.where(condition, *args, **kwargs) if not kwargs else _np.where(condition, *_by_position(args, kwargs))
    given = (condition, *args, *kwargs.values())
    if len(given) < 3 or isinstance(result, _Traced):
        return result
    is_python = not _builtins.any(_isplain(v, _np.ndarray | _np.generic) for v in _flatten(given)[0])
    return result.tolist() if is_python else result


def make_diagonal(D, offset=0, axis1=-1, axis2=-2):
    """Return arrays whose diagonals, along the last two axes, are the rows of an array."""
    if (offset, axis1, axis2) != (0, -1, -2):
        raise NotImplementedError("Currently make_diagonal only supports offset=0, axis1=-1, axis2=-2")
    return D[..., None] * _np.eye(_np.shape(D)[-1])


def _by_position(args, kwargs):
    return (*args, *[kwargs[name] for name in ("x", "y") if name in kwargs])
