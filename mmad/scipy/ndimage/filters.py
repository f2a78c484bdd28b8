"""Linear filters: correlation, means, Gaussians and their derivatives, in the image and in the weights."""

import numpy as np

from mmad._core import Traced, shape_of
from mmad.numpy.joining import as_operand, normal_axis
from mmad.ops import arithmetic as a
from mmad.ops.products import adjoint_of
from mmad.python.kinds import isplain
from mmad.scipy.ndimage._arguments import as_kind, axes_of, bordered, cut, function, image, one_each
from mmad.scipy.ndimage._sliding import correlation, moving_mean, reach

__all__ = []

MODES = ("reflect", "constant", "nearest", "mirror", "wrap", "grid-mirror", "grid-constant", "grid-wrap")


def _checked(mode):
    if mode not in MODES:
        raise RuntimeError("boundary mode not supported")
    return mode


def slide(x, w, axes, mode, cval, origins):
    """Return the correlation of an array with weights that have an axis for each of some axes of it."""
    _checked(mode)
    widths = {k: reach(m, at) for k, m, at in zip(axes, shape_of(w), origins, strict=True)}
    ndim = len(shape_of(x))
    x, put = bordered(x, cval, dict.fromkeys(axes, mode), widths)
    y = correlation(x, w, axes=tuple(k - ndim for k in axes), mode=mode, origin=tuple(origins))
    return cut(y, put)


# --- correlation and convolution --------------------------------------------------------------------------
def _one_axis(name, input, weights, axis, output, mode, cval, origin):
    weights = as_operand(weights)
    if len(shape_of(weights)) != 1 or shape_of(weights)[0] < 1:
        raise RuntimeError("no filter weights given")
    x, dtype = image(input, output, name=name, others=(weights,))
    axis, m = normal_axis(axis, len(shape_of(x))), shape_of(weights)[0]
    if name == "convolve1d":
        weights, origin = weights[::-1], -origin - (m + 1) % 2
    else:
        weights = adjoint_of(weights)
    if not -(m // 2) <= origin <= (m - 1) // 2:
        raise ValueError("Invalid origin; origin must satisfy -(len(weights) // 2) <= origin <= (len(weights)-1) // 2")
    return as_kind(slide(x, weights * 1.0, (axis,), mode, cval, (origin,)), dtype)


@function
def correlate1d(input, weights, axis=-1, output=None, mode="reflect", cval=0.0, origin=0):
    """Return the correlation with weights along an axis."""
    return _one_axis("correlate1d", input, weights, axis, output, mode, cval, origin)


@function
def convolve1d(input, weights, axis=-1, output=None, mode="reflect", cval=0.0, origin=0):
    """Return the convolution with weights along an axis."""
    return _one_axis("convolve1d", input, weights, axis, output, mode, cval, origin)


def _all_axes(name, input, weights, output, mode, cval, origin, axes):
    weights = as_operand(weights)
    x, dtype = image(input, output, name=name, others=(weights,))
    axes = axes_of(axes, len(shape_of(x)))
    if len(shape_of(weights)) != len(axes):
        raise RuntimeError(f"weights.ndim ({len(shape_of(weights))}) must match len(axes) ({len(axes)})")
    origins, sizes = one_each(origin, len(axes)), shape_of(weights)
    if not isplain(mode, str):
        raise RuntimeError("A sequence of modes is not supported")
    if name == "convolve":
        weights = weights[(slice(None, None, -1),) * len(axes)]
        origins = [-at - (m + 1) % 2 for at, m in zip(origins, sizes, strict=True)]
    else:
        weights = adjoint_of(weights)
    if any(not -(m // 2) <= at <= (m - 1) // 2 for at, m in zip(origins, sizes, strict=True)):
        raise ValueError(
            "Invalid origin; origin must satisfy -(weights.shape[k] // 2) <= origin[k] <= (weights.shape[k]-1) // 2"
        )
    return as_kind(slide(x, weights * 1.0, axes, mode, cval, origins), dtype)


@function
def correlate(input, weights, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None):
    """Return the correlation with weights along several axes."""
    return _all_axes("correlate", input, weights, output, mode, cval, origin, axes)


@function
def convolve(input, weights, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None):
    """Return the convolution with weights along several axes."""
    return _all_axes("convolve", input, weights, output, mode, cval, origin, axes)


# --- means ------------------------------------------------------------------------------------------------
def _mean(x, size, axis, mode, cval, origin):
    if size < 1:
        raise RuntimeError("incorrect filter size")
    if not 0 <= size // 2 + origin < size:
        raise ValueError("invalid origin")
    ndim = len(shape_of(x))
    x, put = bordered(x, cval, {axis: _checked(mode)}, {axis: reach(size, origin)})
    return cut(moving_mean(x, size=int(size), axis=axis - ndim, mode=mode, origin=int(origin)), put)


@function
def uniform_filter1d(input, size, axis=-1, output=None, mode="reflect", cval=0.0, origin=0):
    """Return the means of a window along an axis."""
    x, dtype = image(input, output, name="uniform_filter1d")
    return as_kind(_mean(x, size, normal_axis(axis, len(shape_of(x))), mode, cval, origin), dtype)


@function
def uniform_filter(input, size=3, output=None, mode="reflect", cval=0.0, origin=0, *, axes=None):
    """Return the means of a window."""
    x, dtype = image(input, output, name="uniform_filter")
    axes = axes_of(axes, len(shape_of(x)))
    for axis, n, at, kind in zip(axes, *(one_each(v, len(axes)) for v in (size, origin, mode)), strict=True):
        if n > 1:
            x = _mean(x, int(n), axis, kind, cval, at)
    return as_kind(a.positive(x), dtype)


# --- Gaussians --------------------------------------------------------------------------------------------
def gaussian_weights(sigma, order, radius):
    """Return the samples of a Gaussian of sum 1, or of a derivative of it: differentiable in sigma."""
    if order < 0:
        raise ValueError("order must be non-negative")
    variance = sigma * sigma
    x = np.arange(-radius, radius + 1)
    weights = np.exp(-0.5 / variance * x**2)
    weights = weights / weights.sum()
    # The derivative of q exp(-x^2 / 2 v) is (q' - q x / v) exp(-x^2 / 2 v): q by its coefficients.
    q = [1.0]
    for _ in range(order):
        slope = [k * c for k, c in enumerate(q)][1:] + [0.0, 0.0]
        q = [s + lower / -variance for s, lower in zip(slope, [0.0, *q], strict=True)]
    if order == 0:
        return weights
    polynomial = 0.0
    for k, c in enumerate(q):
        polynomial = polynomial + c * x.astype(float) ** k
    return polynomial * weights


def gaussian(x, sigma, axis, order, mode, cval, truncate, radius):
    """Return an array filtered by a Gaussian along an axis."""
    if radius is None:
        radius = int(truncate * sigma + 0.5)
    if not isplain(radius, int | np.integer) or radius < 0:
        raise ValueError("Radius must be a nonnegative integer.")
    return slide(x, gaussian_weights(sigma, order, radius)[::-1], (axis,), mode, cval, (0,))


@function
def gaussian_filter1d(
    input, sigma, axis=-1, order=0, output=None, mode="reflect", cval=0.0, truncate=4.0, *, radius=None
):
    """Return the array filtered by a Gaussian along an axis."""
    x, dtype = image(input, output, name="gaussian_filter1d")
    axis = normal_axis(axis, len(shape_of(x)))
    return as_kind(gaussian(x, _number(sigma), axis, order, mode, cval, truncate, radius), dtype)


def _number(sigma):
    return sigma if isinstance(sigma, Traced) else float(sigma)


def _gaussians(x, sigma, order, mode, cval, truncate, radius, axes):
    settings = (one_each(v, len(axes)) for v in (sigma, order, mode, radius))
    done = x
    for axis, s, n, kind, r in zip(axes, *settings, strict=True):
        if s > 1e-15:
            done = gaussian(done, _number(s), axis, n, kind, cval, truncate, r)
    return a.positive(done) if done is x else done


@function
def gaussian_filter(
    input, sigma, order=0, output=None, mode="reflect", cval=0.0, truncate=4.0, *, radius=None, axes=None
):
    """Return the image filtered by a Gaussian."""
    x, dtype = image(input, output, name="gaussian_filter")
    axes = axes_of(axes, len(shape_of(x)))
    return as_kind(_gaussians(x, sigma, order, mode, cval, truncate, radius, axes), dtype)


def _sum_along(x, axes, mode, along, squares):
    """Return the sum over axes of a filter along one of them, or the root of the sum of its squares."""
    if not axes:
        return a.positive(x)
    parts = [along(k, axis, kind) for k, (axis, kind) in enumerate(zip(axes, one_each(mode, len(axes)), strict=True))]
    return np.linalg.norm(np.stack(parts), axis=0) if squares else sum(parts[1:], parts[0])


def _gaussian_derivatives(name, input, output, axes, sigma, mode, *settings):
    x, dtype = image(input, output, name=name)
    axes = axes_of(axes, len(shape_of(x)))
    order, squares = (2, False) if name == "gaussian_laplace" else (1, True)

    def along(k, axis, kind):
        orders = [order if other == k else 0 for other in range(len(axes))]
        return _gaussians(x, sigma, orders, kind, *settings, axes)

    return as_kind(_sum_along(x, axes, mode, along, squares), dtype)


@function
def gaussian_laplace(input, sigma, output=None, mode="reflect", cval=0.0, *, axes=None, truncate=4.0, radius=None):
    """Return the Laplacian of the image filtered by a Gaussian."""
    return _gaussian_derivatives("gaussian_laplace", input, output, axes, sigma, mode, cval, truncate, radius)


@function
def gaussian_gradient_magnitude(
    input, sigma, output=None, mode="reflect", cval=0.0, *, axes=None, truncate=4.0, radius=None
):
    """Return the length of the gradient of the image filtered by a Gaussian."""
    return _gaussian_derivatives(
        "gaussian_gradient_magnitude", input, output, axes, sigma, mode, cval, truncate, radius
    )


# --- differences ------------------------------------------------------------------------------------------
@function
def laplace(input, output=None, mode="reflect", cval=0.0, *, axes=None):
    """Return the sum of second differences."""
    x, dtype = image(input, output, name="laplace")
    axes, weights = axes_of(axes, len(shape_of(x))), np.array([1.0, -2.0, 1.0])
    along = [slide(x, weights, (k,), kind, cval, (0,)) for k, kind in zip(axes, one_each(mode, len(axes)), strict=True)]
    return as_kind(sum(along[1:], along[0]) if along else a.positive(x), dtype)


def _edges(name, weights):
    def implementation(input, axis=-1, output=None, mode="reflect", cval=0.0):
        x, dtype = image(input, output, name=name)
        ndim = len(shape_of(x))
        axis, modes = normal_axis(axis, ndim), one_each(mode, ndim)
        x = slide(x, np.array([-1.0, 0.0, 1.0]), (axis,), modes[axis], cval, (0,))
        for other in range(ndim):
            if other != axis:
                x = slide(x, np.array(weights), (other,), modes[other], cval, (0,))
        return as_kind(x, dtype)

    implementation.__name__ = implementation.__qualname__ = name
    implementation.__doc__ = f"Return `scipy.ndimage.{name}`: differences along an axis, weighted means along others."
    return function(implementation)


prewitt = _edges("prewitt", (1.0, 1.0, 1.0))
sobel = _edges("sobel", (1.0, 2.0, 1.0))
