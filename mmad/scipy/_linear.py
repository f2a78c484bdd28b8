"""Linear functions of data that SciPy computes: one rule for filters, interpolation, sums of samples.

What SciPy computes is the value, and the tangent too.  The transpose is the matrix of the function along its axis,
which SciPy's function gives of the columns of the identity.
"""

import functools

import numpy as np

from mmad.derivatives.custom import primitive
from mmad.python.kinds import isplain

__all__ = ["along_axis", "matrix_of"]

BLOCK = 256  # columns of the identity at a time: 2 MB of a signal of 1000 samples


def matrix_of(f, count):
    """Return the matrix of a linear function of a vector; `f` works along axis 0 of a matrix.

    Its shape is that of the result of one column, then `count`.
    """
    parts = []
    for start in range(0, count, BLOCK):
        columns = np.eye(count, min(BLOCK, count - start), -start)
        parts.append(np.asarray(f(columns)))
    rows = np.concatenate(parts, axis=-1) if parts[0].ndim > 1 else np.concatenate(parts)
    return rows if rows.ndim > 1 else rows[None]


def along_axis(f, x, axis, /, **options):
    """Return ``f(x, axis=axis, **options)`` of an array x, where f is linear along this axis.

    Parameters
    ----------
    f : callable
        SciPy's.  It keeps the axis, with any length, or removes it.
    x : array
        May be traced.
    axis : int
    **options
        Plain values.
    """
    axis = axis % x.ndim

    def value(x):
        return f(x, axis=axis, **options)

    return linear_map(value, functools.partial(f, axis=0, **options), axis, f.__name__)(x)


def linear_map(value, along_first, axis, name):
    """Return a function linear along an axis as a differentiable one.

    Parameters
    ----------
    value : callable
        ``value(x)`` of a plain array.
    along_first : callable
        The same along axis 0 of a matrix.
    axis : int
        Not negative.
    name : str
    """
    matrices = {}

    def matrix(count):
        if count not in matrices:
            matrices[count] = matrix_of(along_first, count)
        return matrices[count]

    def transposed(y_bar, shape):
        count = shape[axis]
        rows = matrix(count)
        kept = np.ndim(y_bar) == len(shape)
        ct = np.moveaxis(y_bar, axis, -1) if kept else y_bar[..., None]
        return np.moveaxis(ct @ np.conj(rows), -1, axis)

    def vjp(y_bar, y, x):
        g = transposed(y_bar, np.shape(x))
        return (g if np.iscomplexobj(x) or not np.iscomplexobj(g) else g.real,)

    @functools.wraps(value)
    def safely(x):
        return _plain_result(value(x))

    apply = primitive(safely, jvp=lambda tangents, y, x: apply(tangents[0]), vjp=vjp, name=name)
    return apply


def _plain_result(y):
    return float(y) if isplain(y, np.float64) or (isplain(y, np.ndarray) and y.shape == () and y.dtype == float) else y
