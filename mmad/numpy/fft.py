"""`numpy.fft` on traced values: transforms of every kind along one axis or several, shifts.

Each is a transform along one axis after the other (:mod:`mmad.ops.fourier`), in the order in which NumPy does them;
lengths `n` and `s` cut or pad with zeros beforehand.
"""

import operator

import numpy as np

from mmad._core import dtype_of, shape_of
from mmad.numpy._implements import implements, taking_lists
from mmad.numpy.joining import as_operand, normal_axis
from mmad.numpy.ufuncs import result_or_out
from mmad.ops import arithmetic as a
from mmad.ops.fourier import OPPOSITE
from mmad.ops.fourier import fft as fft_op
from mmad.ops.fourier import irfft as irfft_op
from mmad.ops.fourier import rfft as rfft_op
from mmad.ops.movement import concatenate

__all__ = ["fftshift", "ifftshift", "resized", "sizes_and_axes", "transformed", "transformed_axes"]


def _direction(norm):
    norm = "backward" if norm is None else norm
    if norm not in OPPOSITE:
        raise ValueError(f'Invalid norm value {norm}; should be "backward", "ortho" or "forward".')
    return norm


def resized(x, n, axis):
    """Return x cut, or padded with zeros at its end, to n elements along an axis."""
    shape = shape_of(x)
    if n < 1:
        raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
    if n < shape[axis]:
        return x[(slice(None),) * axis + (slice(n),)]
    if n == shape[axis]:
        return x
    padding = np.zeros((*shape[:axis], n - shape[axis], *shape[axis + 1 :]), dtype_of(x))
    return concatenate(x, padding, axis=axis)


def _checked_real(x, name):
    if dtype_of(x).kind == "c":
        raise TypeError(f"ufunc '{name}' did not contain a loop for complex numbers: it transforms real ones")
    return x


def transformed(x, name, n=None, axis=-1, norm=None):
    """Return the transform of a name of NumPy, `fft`, `ifft`, `rfft`, `irfft`, `hfft` or `ihfft`, along one axis."""
    x, norm = as_operand(x), _direction(norm)
    ndim = len(shape_of(x))
    if n is None and not -ndim <= axis < ndim:
        raise IndexError("tuple index out of range")
    axis = normal_axis(operator.index(axis), ndim)
    back = axis - ndim
    if name in ("hfft", "ihfft"):
        norm = OPPOSITE[norm]
    if name == "hfft":
        x = a.conjugated(x)
    if name in ("irfft", "hfft"):
        n = 2 * (shape_of(x)[axis] - 1) if n is None else operator.index(n)
        if n < 1:
            raise ValueError(f"Invalid number of FFT data points ({n}) specified.")
        return irfft_op(resized(x, n // 2 + 1, axis), n=n, axis=back, norm=norm)
    x = resized(x, shape_of(x)[axis] if n is None else operator.index(n), axis)
    if name in ("fft", "ifft"):
        return fft_op(x, axis=back, norm=norm, inverse=name == "ifft")
    y = rfft_op(_checked_real(x, name), axis=back, norm=norm)
    return a.conjugate(y) if name == "ihfft" else y


def sizes_and_axes(x, s, axes, inverse_real=False):
    """Return the lengths and axes of a transform of several axes, as NumPy cooks them."""
    shape = shape_of(x)
    if s is None:
        s = list(shape) if axes is None else [shape[k] for k in np.atleast_1d(axes)]
        if inverse_real and s:
            s[-1] = 2 * (s[-1] - 1)
    elif axes is None:
        axes = range(-len(s), 0)
    s = [s] if np.ndim(s) == 0 else list(s)
    axes = range(-len(s), 0) if axes is None else [axes] if np.ndim(axes) == 0 else axes
    axes = list(axes)
    if len(s) != len(axes):
        raise ValueError("Shape and axes have different lengths.")
    full = [shape[k] for k in axes]
    return [f if n in (-1, None) else operator.index(n) for n, f in zip(s, full, strict=True)], axes


def transformed_axes(x, name, s=None, axes=None, norm=None):
    """Return `fftn`, `ifftn`, `rfftn` or `irfftn`, along some axes."""
    x = as_operand(x)
    s, axes = sizes_and_axes(x, s, axes, name == "irfftn")
    one = {"rfftn": "fft", "irfftn": "ifft"}.get(name, name[:-1])
    if name == "rfftn":
        x = transformed(x, "rfft", s[-1], axes[-1], norm)
        order = range(len(axes) - 2, -1, -1)
    elif name == "irfftn":
        order = range(len(axes) - 1)
    else:
        order = range(len(axes) - 1, -1, -1)
    for k in order:
        x = transformed(x, one, s[k], axes[k], norm)
    return transformed(x, "irfft", s[-1], axes[-1], norm) if name == "irfftn" else x


def _declare(name):
    if name.endswith("n"):

        def function(a, s=None, axes=None, norm=None, out=None):
            return result_or_out(transformed_axes(a, name, s, axes, norm), out, name)

    elif name.endswith("2"):

        def function(a, s=None, axes=(-2, -1), norm=None, out=None):
            return result_or_out(transformed_axes(a, name[:-1] + "n", s, axes, norm), out, name)

    else:

        def function(a, n=None, axis=-1, norm=None, out=None):
            return result_or_out(transformed(a, name, n, axis, norm), out, name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"`numpy.fft.{name}`."
    implements(getattr(np.fft, name))(function)


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fftn", "ifftn", "rfftn", "irfftn"):
    _declare(_name)
for _name in ("fft2", "ifft2", "rfft2", "irfft2"):
    _declare(_name)


def _shift(x, axes, amount):
    shape = shape_of(x)
    axes = range(len(shape)) if axes is None else (axes,) if np.ndim(axes) == 0 else tuple(axes)
    return np.roll(x, [amount(shape[k]) for k in axes], tuple(axes))


@implements(np.fft.fftshift)
def fftshift(x, axes=None):
    """`numpy.fft.fftshift`."""
    return _shift(as_operand(x), axes, lambda n: n // 2)


@implements(np.fft.ifftshift)
def ifftshift(x, axes=None):
    """`numpy.fft.ifftshift`."""
    return _shift(as_operand(x), axes, lambda n: -(n // 2))


def __getattr__(name):
    return taking_lists(getattr(np.fft, name))


def __dir__():
    return sorted(set(globals()) | set(dir(np.fft)))
