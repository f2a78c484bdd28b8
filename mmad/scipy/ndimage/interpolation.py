"""Images sampled between their points: in the image, and in the coordinates, the matrix, the shift or the angle."""

import numpy as np
import scipy.special

from mmad._core import Traced, concrete, dtype_of, shape_of
from mmad.numpy import asarray
from mmad.numpy.joining import as_operand, normal_axis
from mmad.ops import arithmetic as a
from mmad.scipy.ndimage._arguments import as_kind, function, image, one_each
from mmad.scipy.ndimage._sampling import coefficients, sampled

__all__ = []

#: How far SciPy pads an image, before the recursive filter of its coefficients, in modes that it knows no start for.
PADDING = {"nearest": ("edge", 12), "grid-constant": ("constant", 12)}


def _splines(x, order, mode, dtype=float):
    """Return the coefficients of an image along all axes."""
    x = as_kind(x, np.result_type(dtype_of(x), dtype) if dtype_of(x).kind == "c" else dtype)
    for axis in range(-len(shape_of(x)), 0):
        x = coefficients(x, order=order, axis=axis, mode=mode)
    return x


def _checked(order):
    if not 0 <= order <= 5:
        raise RuntimeError("spline order not supported")
    return int(order)


def resampled(x, points, order, mode, cval, prefilter):
    """Return an image at points, whose coordinates are along the first axis."""
    points, before = as_kind(points, float), 0
    if prefilter and order > 1:
        if mode in PADDING:
            kind, before = PADDING[mode]
            x = np.pad(x, before, kind, **({"constant_values": cval} if kind == "constant" else {}))
        x = _splines(x, order, mode)
    points = points + before if before else points
    how = {"order": order, "mode": mode, "nu": (0,) * len(shape_of(x))}
    if not isinstance(cval, Traced):
        return sampled(x, points, cval=complex(cval) if np.iscomplexobj(cval) else float(cval), **how)
    nothing = np.zeros(shape_of(x), dtype_of(x))
    return sampled(x, points, cval=0.0, **how) + cval * sampled(nothing, points, cval=1.0, **how)


@function
def map_coordinates(input, coordinates, output=None, order=3, mode="constant", cval=0.0, prefilter=True):
    """Return an image at coordinates."""
    order, points = _checked(order), as_operand(coordinates)
    x, dtype = image(input, output, name="map_coordinates")
    if dtype_of(points).kind == "c":
        raise TypeError("Complex type not supported")
    if not shape_of(x) or len(shape_of(points)) < 2:
        raise RuntimeError("input and output rank must be > 0")
    if shape_of(points)[0] != len(shape_of(x)):
        raise RuntimeError("invalid shape for coordinate array")
    return as_kind(resampled(x, points, order, mode, cval, prefilter), dtype)


def _grid(axes):
    """Return coordinates that are those of the axes, each of a vector."""
    ndim, shape = len(axes), tuple(shape_of(x)[0] for x in axes)
    parts = [np.broadcast_to(x.reshape((1,) * k + (-1,) + (1,) * (ndim - k - 1)), shape) for k, x in enumerate(axes)]
    return np.stack(parts)


@function
def affine_transform(
    input, matrix, offset=0.0, output_shape=None, output=None, order=3, mode="constant", cval=0.0, prefilter=True
):
    """Return an image at the points of a grid, after an affine map."""
    order = _checked(order)
    x, dtype = image(input, output, name="affine_transform")
    ndim, matrix = len(shape_of(x)), asarray(matrix) * 1.0
    shape = shape_of(x) if output_shape is None else tuple(output_shape)
    if not ndim or not shape:
        raise RuntimeError("input and output rank must be > 0")
    if len(shape_of(matrix)) not in (1, 2) or shape_of(matrix)[0] < 1:
        raise RuntimeError("no proper affine matrix provided")
    if len(shape_of(matrix)) == 2 and shape_of(matrix)[1] == ndim + 1 and shape_of(matrix)[0] in (ndim, ndim + 1):
        if shape_of(matrix)[0] == ndim + 1 and list(concrete(matrix)[ndim]) != [0.0] * ndim + [1.0]:
            raise ValueError(
                f"Expected homogeneous transformation matrix with shape {shape_of(matrix)} for image shape "
                f"{shape_of(x)}, but bottom row was not equal to {[0] * ndim + [1]}"
            )
        offset, matrix = matrix[:ndim, ndim], matrix[:ndim, :ndim]
    if shape_of(matrix)[0] != ndim:
        raise RuntimeError("affine matrix has wrong number of rows")
    offsets = one_each(offset, ndim)
    index = [np.arange(n, dtype=float) for n in shape]
    if len(shape_of(matrix)) == 1:
        if len(shape) != ndim:
            raise RuntimeError("affine matrix has wrong number of columns")
        points = _grid([(k + offsets[d] / matrix[d]) * matrix[d] for d, k in enumerate(index)])
    else:
        if shape_of(matrix)[1] != len(shape):
            raise RuntimeError("affine matrix has wrong number of columns")
        points = _mapped(matrix, offsets, index)
    return as_kind(resampled(x, points, order, mode, cval, prefilter), dtype)


def _mapped(matrix, offsets, index):
    """Return the image of a grid, added up in SciPy's order: at the border a last digit decides."""
    ndim, rows = len(index), []
    for d, offset in enumerate(offsets):
        total = 0.0
        for k, x in enumerate(index):
            total = total + x.reshape((-1,) + (1,) * (ndim - k - 1)) * matrix[d, k]
        rows.append(np.broadcast_to(total + offset, tuple(map(len, index))))
    return np.stack(rows)


@function
def shift(input, shift, output=None, order=3, mode="constant", cval=0.0, prefilter=True):
    """Return an image that is shifted."""
    order = _checked(order)
    x, dtype = image(input, output, name="shift")
    if not shape_of(x):
        raise RuntimeError("input and output rank must be > 0")
    shifts = one_each(shift, len(shape_of(x)))
    points = _grid([np.arange(n, dtype=float) - s for n, s in zip(shape_of(x), shifts, strict=True)])
    return as_kind(resampled(x, points, order, mode, cval, prefilter), dtype)


@function
def zoom(input, zoom, output=None, order=3, mode="constant", cval=0.0, prefilter=True, *, grid_mode=False):
    """Return an image of another size; in the factors, which only give the size, it is constant."""
    order = _checked(order)
    x, dtype = image(input, output, name="zoom")
    factors = [z if isinstance(z, Traced) else float(z) for z in one_each(zoom, len(shape_of(x)))]
    if not factors:
        raise RuntimeError("input and output rank must be > 0")
    if all(z == 1 for z in factors) and prefilter:
        return as_kind(a.positive(x), dtype)
    axes = []
    for n, z in zip(shape_of(x), factors, strict=True):
        count = round(n * z)
        less = 0 if grid_mode else 1
        step = (n - less) / (count - less) if count != less else 1.0
        k = np.arange(count, dtype=float)
        axes.append((k + 0.5) * step - 0.5 if grid_mode else k * step)
    return as_kind(resampled(x, _grid(axes), order, mode, cval, prefilter), dtype)


@function
def rotate(input, angle, axes=(1, 0), reshape=True, output=None, order=3, mode="constant", cval=0.0, prefilter=True):
    """Return an image rotated in the plane of two axes, by an angle in degrees."""
    order = _checked(order)
    x, dtype = image(input, output, name="rotate")
    ndim = len(shape_of(x))
    if ndim < 2:
        raise ValueError("input array should be at least 2D")
    if len(axes) != 2:
        raise ValueError("axes should contain exactly two values")
    axes = sorted(normal_axis(int(k), ndim) for k in axes)
    c, s = scipy.special.cosdg(angle), scipy.special.sindg(angle)
    inside = np.array([shape_of(x)[k] for k in axes])
    matrix, shape = np.stack([np.stack([c, s]), np.stack([-s, c])]), inside
    if reshape:
        rows, columns = inside
        corners = matrix @ np.array([[0, 0, rows, rows], [0, columns, 0, columns]])
        shape = np.asarray(concrete((np.ptp(corners, axis=1) + 0.5).astype(int)))
    offset = (inside - 1) / 2 - matrix @ ((shape - 1) / 2)
    moved = np.moveaxis(x, axes, (0, 1))
    points = _mapped(matrix, [offset[0], offset[1]], [np.arange(n, dtype=float) for n in shape])
    if ndim == 2:
        y = resampled(moved, points, order, mode, cval, prefilter)
    else:
        lead = moved.reshape((*moved.shape[:2], -1))
        planes = [resampled(lead[..., k], points, order, mode, cval, prefilter) for k in range(lead.shape[2])]
        y = np.stack(planes, axis=-1).reshape((*map(int, shape), *moved.shape[2:]))
    return as_kind(np.moveaxis(y, (0, 1), axes), dtype)


@function
def spline_filter1d(input, order=3, axis=-1, output=np.float64, mode="mirror"):
    """Return the coefficients of a spline through the values along an axis."""
    order = _checked(order)
    x, dtype = image(input, output, name="spline_filter1d")
    if order < 2:
        return as_kind(a.positive(x), dtype)
    ndim = len(shape_of(x))
    return as_kind(coefficients(x, order=order, axis=normal_axis(axis, ndim) - ndim, mode=mode), dtype)


@function
def spline_filter(input, order=3, output=np.float64, mode="mirror"):
    """Return the coefficients of a spline through an image."""
    if not 2 <= order <= 5:
        raise RuntimeError("spline order not supported")
    x, dtype = image(input, output, name="spline_filter")
    return as_kind(_splines(x, int(order), mode), dtype)
