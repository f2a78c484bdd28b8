"""Shapes and axes: views where NumPy gives views, copies where it copies."""

import numpy as np

from mmad._core import Jet, Traced, Wrapper, shape_of
from mmad.numpy._implements import implements, prop
from mmad.numpy.ufuncs import result_or_out
from mmad.ops import arithmetic as a
from mmad.ops.movement import embed, size, viewed
from mmad.ops.powers import power
from mmad.ops.reduction import sum_
from mmad.python.kinds import isplain
from mmad.tape._storage import ArrayVar
from mmad.wrappers._batch import Batch


def _fortran(order, x):
    """Return whether elements are read in Fortran order."""
    if order not in ("C", "F") and len(shape_of(x)) > 1:
        raise TypeError(
            f"order={order!r} depends on the layout in memory, which a traced array does not share with "
            "the plain one; use 'C' or 'F'"
        )
    return order == "F"


@implements(np.reshape)
def reshape(x, shape, order="C", copy=None):
    """`numpy.reshape`: a view where NumPy gives one."""
    if copy:
        x = a.positive(x)
    if _fortran(order, x):
        shape = np.zeros(shape_of(x)).reshape(shape).shape
        return transpose(reshape(transpose(x), shape[::-1]))
    return viewed(x, lambda m: m.reshape(shape))


@implements(method="reshape")
def _reshape_method(x, *shape, order="C", copy=None):
    return reshape(x, shape[0] if len(shape) == 1 else shape, order, copy)


@implements(np.ravel, method="ravel")
def ravel(x, order="C"):
    """`numpy.ravel`."""
    if _fortran(order, x):
        x = transpose(x)
    return viewed(x, np.ravel)  # a strided vector is copied


@implements(method="flatten")
def _flatten(x, order="C"):
    return a.positive(ravel(x, order))


@implements(np.copy)
def copy(x, order="K", subok=False):
    """`numpy.copy`."""
    return a.positive(x)


@implements(method="copy")
def _copy_method(x, order="C"):
    return a.positive(x)


# --- axes -------------------------------------------------------------------------------------------------
@implements(np.transpose, np.permute_dims)
def transpose(x, axes=None):
    """`numpy.transpose`."""
    return viewed(x, lambda m: m.transpose(axes))


@implements(method="transpose")
def _transpose_method(x, *axes):
    return transpose(x, axes[0] if len(axes) == 1 else axes or None)


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x):
    """`numpy.matrix_transpose`."""
    if len(shape_of(x)) < 2:
        raise ValueError(f"Input array must be at least 2-dimensional, but it is {len(shape_of(x))}")
    return viewed(x, lambda m: m.swapaxes(-1, -2))


@implements(np.swapaxes, method="swapaxes")
def swapaxes(x, axis1, axis2):
    """`numpy.swapaxes`."""
    return viewed(x, lambda m: m.swapaxes(axis1, axis2))


@implements(np.moveaxis)
def moveaxis(x, source, destination):
    """`numpy.moveaxis`."""
    return viewed(x, lambda m: np.moveaxis(m, source, destination))


@implements(np.rollaxis)
def rollaxis(x, axis, start=0):
    """`numpy.rollaxis`."""
    return viewed(x, lambda m: np.rollaxis(m, axis, start))


@implements(np.expand_dims)
def expand_dims(x, axis):
    """`numpy.expand_dims`."""
    return viewed(x, lambda m: np.expand_dims(m, axis))


@implements(np.squeeze, method="squeeze")
def squeeze(x, axis=None):
    """`numpy.squeeze`."""
    return viewed(x, lambda m: m.squeeze(axis))


@implements(np.broadcast_to)
def broadcast_to(x, shape, subok=False):
    """`numpy.broadcast_to`."""
    return viewed(x, lambda m: np.broadcast_to(m, shape))


@implements(np.broadcast_arrays)
def broadcast_arrays(*arrays, subok=False):
    """`numpy.broadcast_arrays`."""
    shape = np.broadcast_shapes(*[shape_of(v) for v in arrays])
    return tuple(broadcast_to(v, shape) for v in arrays)


def _at_least(function, rank):
    def at_least(*arrays):
        r = tuple(v if isinstance(v, Traced) and len(shape_of(v)) >= rank else viewed(v, function) for v in arrays)
        return r[0] if len(r) == 1 else r

    at_least.__name__ = at_least.__qualname__ = function.__name__
    at_least.__doc__ = f"`numpy.{function.__name__}`."
    return implements(function)(at_least)


atleast_1d = _at_least(np.atleast_1d, 1)
atleast_2d = _at_least(np.atleast_2d, 2)
atleast_3d = _at_least(np.atleast_3d, 3)


# --- order of elements ------------------------------------------------------------------------------------
@implements(np.flip)
def flip(m, axis=None):
    """`numpy.flip`."""
    return viewed(m, lambda v: np.flip(v, axis))


@implements(np.fliplr)
def fliplr(m):
    """`numpy.fliplr`."""
    return viewed(m, np.fliplr)


@implements(np.flipud)
def flipud(m):
    """`numpy.flipud`."""
    return viewed(m, np.flipud)


@implements(np.rot90)
def rot90(m, k=1, axes=(0, 1)):
    """`numpy.rot90`."""
    return viewed(m, lambda v: np.rot90(v, k, axes))


@implements(np.lib.stride_tricks.sliding_window_view)
def sliding_window_view(x, window_shape, axis=None, *, subok=False, writeable=False):
    """`numpy.lib.stride_tricks.sliding_window_view`."""
    return viewed(x, lambda m: np.lib.stride_tricks.sliding_window_view(m, window_shape, axis))


def as_strided(x, shape=None, strides=None, subok=False, writeable=True):
    """Return a view with a given shape and strides, as `numpy.lib.stride_tricks.as_strided` does.

    NumPy's own function takes no traced arrays: it has no hook for them.

    Parameters
    ----------
    x : array, plain or traced
    shape : tuple of int, optional
    strides : tuple of int, optional
        In bytes, as in `x.strides`.

    Raises
    ------
    ValueError
        If the view reaches beyond the memory of the array that `x` is a view of.
    """
    x = x if isinstance(x, Traced) else np.asanyarray(x)
    lanes, inner = 1, x
    while isinstance(inner, Wrapper):
        lanes *= inner.count if isinstance(inner, Batch) else 1
        inner = inner.lanes if isinstance(inner, Batch) else inner.parts[0]

    def strided(m):
        r = np.lib.stride_tricks.as_strided(m, shape, strides)
        whole = m
        while isplain(whole.base, np.ndarray):
            whole = whole.base
        first, last = np.lib.array_utils.byte_bounds(whole)
        if whole.shape[:1] == (lanes,) and whole.flags.c_contiguous:
            last = first + (last - first) // lanes  # of the first lane, which m is a view of
        low, high = np.lib.array_utils.byte_bounds(r)
        if r.size and (low < first or high > last):
            raise ValueError("as_strided reaches beyond the memory of the array: check shape and strides")
        return r

    return viewed(x, strided) if isinstance(x, Traced) else strided(x)


# --- diagonals and triangles ------------------------------------------------------------------------------
@implements(np.diagonal, method="diagonal")
def diagonal(x, offset=0, axis1=0, axis2=1):
    """`numpy.diagonal`: a view."""
    return viewed(x, lambda m: m.diagonal(offset, axis1, axis2))


@implements(np.linalg.diagonal)
def _linalg_diagonal(x, /, *, offset=0):
    return diagonal(x, offset, -2, -1)


@implements(np.diag)
def diag(v, k=0):
    """`numpy.diag`: the diagonal of a matrix, a view, or a matrix with a given diagonal."""
    if len(shape_of(v)) == 2:
        return diagonal(v, k)
    if len(shape_of(v)) != 1:
        raise ValueError("Input must be 1- or 2-d.")
    n = shape_of(v)[0] + abs(k)
    return embed(v, offset=k if k >= 0 else -k * n, shape=shape_of(v), strides=(n + 1,), of=(n, n))


@implements(np.diagflat)
def diagflat(v, k=0):
    """`numpy.diagflat`."""
    return diag(ravel(v), k)


def _trace(x, offset, axis1, axis2, dtype, out):
    x = diagonal(x, offset, axis1, axis2)
    if dtype is not None:
        x = a.astype(x, dtype=np.dtype(dtype))
    r = sum_(x, axis=(len(shape_of(x)) - 1,), keepdims=False)
    return result_or_out(r, out, "trace")


@implements(np.trace, method="trace")
def trace(x, offset=0, axis1=0, axis2=1, dtype=None, out=None):
    """`numpy.trace`."""
    return _trace(x, offset, axis1, axis2, dtype, out)


@implements(np.linalg.trace)
def _linalg_trace(x, /, *, offset=0, dtype=None):
    return _trace(x, offset, -2, -1, dtype, None)


@implements(np.tril)
def tril(m, k=0):
    """`numpy.tril`."""
    return a.select(_triangle(m, k), m, 0.0)


@implements(np.triu)
def triu(m, k=0):
    """`numpy.triu`."""
    return a.select(_triangle(m, k - 1), 0.0, m)


def _triangle(m, k):
    shape = shape_of(m)
    if not shape:
        raise ValueError("tril and triu need an array of at least one dimension")
    return np.tri(*(shape * 2)[-2:], k=k, dtype=bool)


@implements(np.vander)
def vander(x, N=None, increasing=False):
    """`numpy.vander`."""
    if len(shape_of(x)) != 1:
        raise ValueError("x must be a one-dimensional array or sequence.")
    dtype = np.promote_types(x.dtype, int)
    x = x if x.dtype == dtype else a.astype(x, dtype=dtype)
    exponents = np.arange(shape_of(x)[0] if N is None else N, dtype=dtype)
    return power(viewed(x, lambda m: m[:, None]), exponents if increasing else exponents[::-1])


# --- what a value is --------------------------------------------------------------------------------------
@implements(np.shape)
def shape(x):
    """`numpy.shape`."""
    return shape_of(x)


@implements(np.ndim)
def ndim(x):
    """`numpy.ndim`."""
    return len(shape_of(x))


@implements(np.size)
def _size(x, axis=None):
    if axis is None:
        return size(shape_of(x))
    axes = np.lib.array_utils.normalize_axis_tuple(axis, len(shape_of(x)))
    return size([shape_of(x)[k] for k in axes])


def plain_like(x):
    """Return a plain value with the type of x: of its dtype, or a Python number, which does not promote."""
    if not isinstance(x, Traced):
        return x
    inner = x
    while isinstance(inner, Jet):
        inner = inner.parts[0]
    weak = x.shape == () and not isplain(inner, (np.ndarray, np.generic)) and not isinstance(inner, ArrayVar | Batch)
    if weak and not (isinstance(inner, Traced) and inner.strong):
        return 0.0 if x.dtype.kind == "f" else np.zeros((), x.dtype).item()
    return np.zeros((0,) * bool(x.shape), x.dtype)


@implements(np.result_type)
def result_type(*arrays_and_dtypes):
    """`numpy.result_type`."""
    return np.result_type(*map(plain_like, arrays_and_dtypes))


@implements(np.common_type)
def common_type(*arrays):
    """`numpy.common_type`."""
    return np.common_type(*[np.empty(0, x.dtype) for x in arrays])


@implements(np.can_cast)
def can_cast(from_, to, casting="safe"):
    """`numpy.can_cast`."""
    return np.can_cast(from_.dtype if isinstance(from_, Traced) else from_, to, casting)


prop("T")(transpose)
prop("mT")(matrix_transpose)
prop("ndim")(lambda x: len(x.shape))
prop("size")(lambda x: size(x.shape))
prop("itemsize")(lambda x: x.dtype.itemsize)
prop("nbytes")(lambda x: x.dtype.itemsize * size(x.shape))
