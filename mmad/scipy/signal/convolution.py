"""Convolution, correlation, deconvolution, and filters that are convolutions."""

import numpy as np

from mmad._core import dtype_of, shape_of
from mmad.errors import UnsupportedError
from mmad.numpy.joining import as_operand, normal_axis
from mmad.ops import arithmetic as a
from mmad.ops.movement import gather, viewed
from mmad.ops.products import adjoint_of
from mmad.scipy.ndimage._borders import sources
from mmad.scipy.signal._arguments import common, function, part
from mmad.scipy.signal._operations import convolution, filtering

__all__ = []


def _flipped(x):
    every = (slice(None, None, -1),) * len(shape_of(x))
    return viewed(x, lambda m: m[every])


def _to_swap(mode, first, second, axes):
    """Return whether SciPy exchanges the arrays: in the mode "valid", if the first is the smaller one."""
    if mode != "valid":
        return False
    larger = all(first[k] >= second[k] for k in axes)
    if not larger and not all(second[k] >= first[k] for k in axes):
        raise ValueError("For 'valid' mode, one must be at least as large as the other in every dimension")
    return not larger


def _centred(y, shape):
    """Return the middle of a full convolution, of a shape; as SciPy, along axes that were broadcast, too."""
    starts = [(n - m) // 2 for n, m in zip(shape_of(y), shape, strict=True)]
    return viewed(y, lambda v: v[tuple(slice(k, k + m) for k, m in zip(starts, shape, strict=True))])


def convolved(x, h, mode, axes, method):
    """Return the convolution of two arrays in one of SciPy's modes."""
    if mode not in ("full", "same", "valid"):
        raise ValueError("acceptable mode flags are 'valid', 'same', or 'full'")
    ndim = len(shape_of(x))
    if _to_swap(mode, shape_of(x), shape_of(h), axes):
        x, h = h, x
    kind = "full" if mode == "same" else mode
    y = convolution(x, h, mode=kind, axes=tuple(k - ndim for k in axes), method=method)
    return _centred(y, shape_of(x)) if mode == "same" else y


def _of_all(function, x, h, mode, method):
    x, h = common(x, h)
    if len(shape_of(x)) != len(shape_of(h)):
        raise ValueError(f"{function} of arrays: both should have the same dimensionality")
    if not shape_of(x):
        return a.multiply(x, h)
    if method not in ("auto", "direct", "fft"):
        raise ValueError("Acceptable method flags are 'auto', 'direct', or 'fft'.")
    return convolved(x, h, mode, range(len(shape_of(x))), method)


@function
def convolve(in1, in2, mode="full", method="auto"):
    """Return the convolution of two arrays."""
    return _of_all("convolve", in1, in2, mode, method)


@function
def correlate(in1, in2, mode="full", method="auto"):
    """Return the correlation of two arrays."""
    return _of_all("correlate", in1, adjoint_of(_flipped(as_operand(in2))), mode, method)


def _along(in1, in2, mode, axes, method):
    x, h = common(in1, in2)
    ndim = len(shape_of(x))
    if ndim != len(shape_of(h)):
        raise ValueError("in1 and in2 should have the same dimensionality")
    if ndim == 0:
        return a.multiply(x, h)
    axes = range(ndim) if axes is None else sorted(normal_axis(k, ndim) for k in np.atleast_1d(axes).tolist())
    if not len(axes) or len(set(axes)) != len(axes):
        raise ValueError("when provided, axes cannot be empty, and must be unique")
    if any(
        n != m and 1 not in (n, m)
        for k, (n, m) in enumerate(zip(shape_of(x), shape_of(h), strict=True))
        if k not in axes
    ):
        raise ValueError(f"incompatible shapes for in1 and in2: {shape_of(x)} and {shape_of(h)}")
    if 0 in shape_of(x) + shape_of(h):
        return np.array([])
    return convolved(x, h, mode, axes, method)


@function
def fftconvolve(in1, in2, mode="full", axes=None):
    """Return the convolution along axes, by Fourier transforms."""
    return _along(in1, in2, mode, axes, "fft")


@function
def oaconvolve(in1, in2, mode="full", axes=None):
    """Return the convolution along axes, by Fourier transforms of blocks that overlap."""
    return _along(in1, in2, mode, axes, "oa")


# --- in two dimensions, with a boundary -------------------------------------------------------------------
def _framed(x, widths, boundary, fillvalue):
    """Return an image with the boundary around it that SciPy puts there."""
    if boundary == "fill":
        return np.pad(x, [(w, w) for w in widths], constant_values=fillvalue)
    if boundary not in ("wrap", "circular", "symm", "symmetric"):
        raise ValueError("Acceptable boundary flags are 'fill', 'circular' (or 'wrap'), and 'symmetric' (or 'symm').")
    mode = "wrap" if boundary in ("wrap", "circular") else "reflect"
    rows, columns = (sources(n, w, w, mode) for n, w in zip(shape_of(x), widths, strict=True))
    return gather(x, (rows[:, None], columns))


def _image_convolved(x, h, mode, boundary, fillvalue, later=False):
    """Return the convolution of two images; the middle of one of even length is the later place where `later`."""
    if mode not in ("full", "same", "valid"):
        raise ValueError("Acceptable mode flags are 'valid', 'same', or 'full'.")
    if mode == "valid":
        return convolution(x, h, mode="valid", axes=(-2, -1), method="direct")
    y = _framed(x, [n - 1 for n in shape_of(h)], boundary, fillvalue)
    y = convolution(y, h, mode="valid", axes=(-2, -1), method="direct")
    if mode == "full":
        return y
    starts = [n // 2 if later else (n - 1) // 2 for n in shape_of(h)]
    return viewed(y, lambda v: v[tuple(slice(k, k + n) for k, n in zip(starts, shape_of(x), strict=True))])


def _two_images(name, in1, in2, mode):
    x, h = common(in1, in2)
    if len(shape_of(x)) != 2 or len(shape_of(h)) != 2:
        raise ValueError(f"{name} inputs must both be 2-D arrays")
    return x, h, _to_swap(mode, shape_of(x), shape_of(h), (0, 1))


@function
def convolve2d(in1, in2, mode="full", boundary="fill", fillvalue=0):
    """Return the convolution of two images."""
    x, h, swapped = _two_images("convolve2d", in1, in2, mode)
    return _image_convolved(*((h, x) if swapped else (x, h)), mode, boundary, fillvalue)


@function
def correlate2d(in1, in2, mode="full", boundary="fill", fillvalue=0):
    """Return the correlation of two images."""
    x, h, swapped = _two_images("correlate2d", in1, in2, mode)
    x, h = (h, x) if swapped else (x, h)
    y = _image_convolved(x, adjoint_of(_flipped(h)), mode, boundary, fillvalue, later=True)
    return _flipped(y) if swapped else y


# --- the inverse ------------------------------------------------------------------------------------------
@function
def deconvolve(signal, divisor):
    """Return the quotient and the remainder of two polynomials."""
    num, den = common(signal, divisor)
    num, den = (v if shape_of(v) else v.reshape(1) for v in (num, den))
    if any(len(shape_of(v)) != 1 or shape_of(v)[0] < 1 for v in (num, den)):
        raise ValueError("Parameters signal and divisor must be non-empty 1d arrays")
    n, d = shape_of(num)[0], shape_of(den)[0]
    if d > n:
        return [], num
    top = part(num, 0, n - d + 1)
    quotient = all_pole(den, top)
    return quotient, num - convolved(den, quotient, "full", (0,), "auto")


def all_pole(den, x):
    """Return the signal y with den * y = x, at rest before."""
    lead = den[0]
    if lead == 0:
        raise ValueError("First denominator coefficient must be non-zero.")
    if shape_of(den)[0] == 1:
        return x / lead
    m = shape_of(den)[0]
    one = np.zeros(m, dtype_of(x))
    one[0] = 1.0
    y = filtering(one, den / lead, x / lead, np.zeros(m - 1, dtype_of(x)))
    return part(y, 0, shape_of(x)[0])


def refuse_modes(name, mode, cval):
    """Raise where a function would put something else than zeros beyond the ends of a signal."""
    if mode != "constant" or cval != 0:
        raise UnsupportedError(
            f"mmad.scipy.signal.{name} of traced values puts zeros beyond the ends of a signal; for mode={mode!r} "
            "extend it with np.pad first"
        )
