"""Results in the kind that the caller knows: Python floats, NumPy scalars, and arrays of the caller's dtype and shape.

A derivative belongs to a leaf of the arguments or of the result: it is a Python float where that is one, a NumPy scalar
where that is one, an array of its dtype where that is an array.  Inside an outer derivative values stay traced.
"""

import numpy as np

from mmad._core import Jet, ScalarVar, Traced, dtype_of, shape_of, weakened
from mmad.ops import arithmetic as a
from mmad.python.kinds import isplain
from mmad.tape._storage import ArrayVar
from mmad.tape.contexts import open_tape
from mmad.wrappers._batch import Batch
from mmad.wrappers._dual import Dual

__all__ = ["as_given", "as_recorded", "finished", "in_dtype", "in_kind_of", "is_static", "value_and_tangent", "zero_of"]

_float64 = np.dtype(np.float64)


def is_static(x):
    """Return whether a leaf of an argument is configuration that no derivative is taken of."""
    return x is None or isinstance(x, str | bytes)


def in_kind_of(g, leaf):
    """Return a cotangent or tangent in the kind of the leaf it belongs to (float, NumPy scalar, array).

    The leaf may be traced; its value is not looked at, which would leave a guard.
    """
    if isinstance(g, Traced):
        weak = type(leaf) is float or (type(leaf) is ScalarVar and not leaf.strong)
        return weakened(g) if weak and type(g) is ScalarVar else g
    if isinstance(leaf, Traced):
        return _like_traced(g, leaf)
    if type(leaf) is float:
        return float(g)
    if isplain(leaf, np.ndarray):
        return np.asarray(g, dtype=leaf.dtype.newbyteorder("=") if leaf.dtype.kind in "fc" else None)
    if isplain(leaf, np.generic):
        return leaf.dtype.type(g)
    if isplain(leaf, complex):
        return complex(g)
    return g


def _like_traced(g, leaf):
    """Return a plain cotangent or tangent in the kind that `finished` gives a traced leaf."""
    if type(leaf) is ScalarVar:
        return np.float64(g) if leaf.strong else float(g)
    if isinstance(leaf, ArrayVar):
        g = np.asarray(g, leaf.dtype if leaf.dtype.kind in "fc" else None)
        return g if g.shape or leaf.base is not None or g.dtype == _float64 else g[()]
    if isinstance(leaf, Jet):
        return in_kind_of(g, leaf.parts[0])
    return g[()] if isplain(g, np.ndarray) and not g.shape else g


def finished(x):
    """Return a plain value as users expect it: numbers and arrays of their own, inside any outer wrapper."""
    if isinstance(x, ScalarVar):
        return np.float64(x.value) if x.strong else x.value
    if isinstance(x, ArrayVar):
        return x.value[()] if x.number else x.value
    if isinstance(x, Jet):
        return x.of([finished(part) for part in x.parts])
    if isinstance(x, Batch):
        return Batch(x.level, finished(x.lanes))
    return x


def as_recorded(x, d):
    """Return a tangent of x, as a constant of the program if x is recorded for one."""
    tape = open_tape()
    if tape is None or not tape.live or not isinstance(x, Traced) or isinstance(d, Traced):
        return d
    if isplain(d, float):
        return tape.add_constant(float(d))
    return tape.captured(d)


def value_and_tangent(out, level):
    """Return value and tangent of a result, of the given level; a constant has a zero tangent."""
    if isinstance(out, Dual) and out.level == level:
        y, d = out.primal, out.tangent
        return y, np.float64(d) if type(y) is np.float64 and type(d) is float else d
    if is_static(out):
        return out, out
    dtype = dtype_of(out)
    zero = np.zeros(shape_of(out), dtype if dtype.kind in "fc" else float)
    if zero.ndim or isplain(out, np.ndarray):
        return out, zero
    return out, zero[()] if hasattr(out, "dtype") else 0.0


def as_given(x):
    """Return a value as a function's body and rules get it: 0-d arrays are NumPy scalars."""
    return x[()] if isplain(x, np.ndarray) and x.ndim == 0 else x


def zero_of(x):
    """Return a plain zero of the shape of x, of its dtype or float64."""
    dtype = dtype_of(x)
    if shape_of(x) == () and dtype.kind != "c" and dtype.itemsize >= 8:
        return 0.0
    return np.zeros(shape_of(x), dtype if dtype.kind in "fc" else np.float64)


def in_dtype(x, dtype):
    """Return x in another dtype; the real part where that is real."""
    if dtype_of(x) == dtype:
        return x
    if dtype_of(x).kind == "c" and dtype.kind != "c":
        x = a.real(x)
    return x if dtype_of(x) == dtype else a.astype(x, dtype=dtype)
