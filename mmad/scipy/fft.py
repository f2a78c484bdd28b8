"""`scipy.fft` on traced values, by SciPy's own protocol: a plain ``scipy.fft.fft(x)`` works.

SciPy asks the backends that are registered before its own.  Ours answers where an argument is traced, and leaves plain
values to SciPy.  It is registered when a derivative begins and `scipy.fft` has been imported
(:data:`mmad.tape.contexts.PROTOCOLS`).

The matrices of the cosine and sine transforms of types I and IV are symmetric (but for the scale of columns of the
cosine transform I); those of II and III are transposes of each other, but for the scale of one column.

References
----------
S. A. Martucci, "Symmetric convolution and the discrete sine and cosine transforms", IEEE Transactions on Signal
Processing 42, 1994: the definitions.
"""

import operator

import numpy as np
import scipy.fft as _scipy

from mmad._core import dtype_of, shape_of
from mmad.numpy import fft as _numpy_fft
from mmad.numpy._implements import is_traced
from mmad.numpy.fft import resized, sizes_and_axes, transformed, transformed_axes
from mmad.numpy.joining import as_operand, normal_axis
from mmad.ops import arithmetic as a
from mmad.ops.declare import linear
from mmad.ops.fourier import OPPOSITE
from mmad.python.kinds import isplain
from mmad.scipy._drop_in import handed_through, replaces

REAL = np.array([[0.7, -1.2, 0.4, 2.1], [1.3, 0.2, -0.8, 0.5]])
FUNCTIONS = {}
SWAPPED = {1: 1, 2: 3, 3: 2, 4: 4}


# --- cosine and sine transforms without scale -------------------------------------------------------------
def _column_weights(name, kind, n, axis, dtype):
    """Return W such that the transpose is the transform of the opposite type, times W on one side or both; or None."""
    weights = np.ones(n, dtype)
    if name == "dct" and kind == 1:
        weights[1:-1] = 2.0
    elif kind in (2, 3):
        weights[0 if name == "dct" else -1] = 2.0
    else:
        return None
    return weights.reshape(-1, *(1,) * (-axis - 1))


def _transpose(ct, x, name, kind, axis):
    weights = _column_weights(name, kind, shape_of(x)[axis], axis, np.zeros((), dtype_of(ct)).real.dtype)
    if weights is not None and kind == 2:
        ct = a.multiply(ct, weights)
    elif weights is not None and kind == 1:
        ct = a.divide(ct, weights)
    y = trigonometric(ct, name=name, kind=SWAPPED[kind], axis=axis)
    if weights is not None and kind == 3:
        return a.divide(y, weights)
    return a.multiply(y, weights) if weights is not None and kind == 1 else y


trigonometric = linear(
    "scipy.fft.trigonometric",
    lambda x, name, kind, axis: getattr(_scipy, name)(x, kind, axis=axis),
    {0: _transpose},
    batch=lambda vals, batched, name, kind, axis: trigonometric(vals[0], name=name, kind=kind, axis=axis),
    probes=tuple((REAL, {"name": name, "kind": k, "axis": -1}) for name in ("dct", "dst") for k in (1, 2, 3, 4)),
)


def _ends(n, axis, first, last, dtype):
    """Return ones, but for the first and the last along an axis."""
    weights = np.ones(n, dtype)
    weights[0] *= first
    weights[-1] *= last
    return weights.reshape(-1, *(1,) * (-axis - 1))


def _one_axis(x, name, kind, n, axis, norm, orthogonalize):
    """Return the transform `dct`, `idct`, `dst` or `idst` along one axis, scaled as SciPy scales it."""
    x = as_operand(x)
    ndim = len(shape_of(x))
    axis = normal_axis(operator.index(axis), ndim)
    norm = "backward" if norm is None else norm
    if norm not in OPPOSITE:
        raise ValueError(f'Invalid norm value {norm!r}, should be "backward", "ortho" or "forward"')
    if kind not in SWAPPED:
        raise ValueError(f"invalid transform type {kind}")
    if orthogonalize is None or dtype_of(x).kind == "c":  # of complex numbers SciPy does not heed it
        orthogonalize = norm == "ortho"
    if name.startswith("i"):
        name, kind, norm = name[1:], SWAPPED[kind], OPPOSITE[norm]
    x = resized(x, shape_of(x)[axis] if n is None else operator.index(n), axis)
    length, back, dtype = shape_of(x)[axis], axis - ndim, np.zeros((), dtype_of(x)).real.dtype
    period = 2 * (length + (0 if kind != 1 else -1 if name == "dct" else 1))
    root = 2.0**0.5
    if orthogonalize and (kind == 3 or (kind, name) == (1, "dct")):
        first, last = (1.0, root) if name == "dst" else (root, root if kind == 1 else 1.0)
        x = a.multiply(x, _ends(length, back, first, last, dtype))
    y = trigonometric(x, name=name, kind=kind, axis=back)
    if orthogonalize and (kind == 2 or (kind, name) == (1, "dct")):
        first, last = (1.0, 1 / root) if name == "dst" else (1 / root, 1 / root if kind == 1 else 1.0)
        y = a.multiply(y, _ends(length, back, first, last, dtype))
    scale = {"backward": 1.0, "forward": 1.0 / period, "ortho": period**-0.5}[norm]
    return y if scale == 1.0 else a.multiply(y, scale)


def _sequence(s):
    """Return the lengths of a transform of several axes; of one axis, SciPy takes a number."""
    return [s] if np.ndim(s) == 0 and s is not None else s


# --- the functions ----------------------------------------------------------------------------------------
def _function(name, implementation):
    implementation.__name__ = implementation.__qualname__ = name
    implementation.__doc__ = f"`scipy.fft.{name}`."
    FUNCTIONS[name] = implementation


def _fourier(name):
    """Declare the transforms of a name along one axis, two and several."""

    def one(x, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, *, plan=None):
        return transformed(x, name, n, axis, norm)

    def several(x, s=None, axes=None, norm=None, overwrite_x=False, workers=None, *, plan=None):
        s = _sequence(s)
        if name == "hfft":
            return transformed_axes(a.conjugated(as_operand(x)), "irfftn", s, axes, OPPOSITE[norm or "backward"])
        if name == "ihfft":
            return a.conjugate(transformed_axes(x, "rfftn", s, axes, OPPOSITE[norm or "backward"]))
        return transformed_axes(x, name + "n", s, axes, norm)

    def two(x, s=None, axes=(-2, -1), norm=None, overwrite_x=False, workers=None, *, plan=None):
        return several(x, s, axes, norm)

    _function(name, one)
    _function(name + "2", two)
    _function(name + "n", several)


def _cosine(name):
    def one(x, type=2, n=None, axis=-1, norm=None, overwrite_x=False, workers=None, orthogonalize=None):
        return _one_axis(x, name, type, n, axis, norm, orthogonalize)

    def several(x, type=2, s=None, axes=None, norm=None, overwrite_x=False, workers=None, *, orthogonalize=None):
        x = as_operand(x)
        lengths, axes = sizes_and_axes(x, _sequence(s), axes)
        for n, axis in zip(lengths, axes, strict=True):
            x = _one_axis(x, name, type, n, axis, norm, orthogonalize)
        return x

    _function(name, one)
    _function(name + "n", several)


for _name in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft"):
    _fourier(_name)
for _name in ("dct", "idct", "dst", "idst"):
    _cosine(_name)


class Backend:
    """SciPy's backend for traced values."""

    __ua_domain__ = "numpy.scipy.fft"

    @staticmethod
    def __ua_function__(method, args, kwargs):
        """Return the transform of traced values; NotImplemented, so that SciPy goes on, for plain ones."""
        x = args[0] if args else kwargs.get("x")
        if isplain(x, np.ndarray) or not is_traced(x) or method.__name__ not in FUNCTIONS:
            return NotImplemented
        return FUNCTIONS[method.__name__](*args, **kwargs)


_scipy.register_backend(Backend)

# The shifts have no backend.
fftshift = replaces(_scipy.fftshift, "scipy.fft.fftshift")(lambda x, axes=None: _numpy_fft.fftshift(x, axes))
ifftshift = replaces(_scipy.ifftshift, "scipy.fft.ifftshift")(lambda x, axes=None: _numpy_fft.ifftshift(x, axes))

__all__ = ["fftshift", "ifftshift"]
__getattr__, __dir__ = handed_through(_scipy, __all__)
