"""Signals at another rate, without their trend, as analytic signals, and smoothed."""

import itertools
import math
import operator

import numpy as np
import scipy.signal as _scipy

from mmad._core import Traced, concrete, dtype_of, shape_of
from mmad.errors import UnsupportedError
from mmad.numpy.joining import normal_axis
from mmad.ops import arithmetic as a
from mmad.ops.movement import concatenate, viewed
from mmad.python.kinds import isplain
from mmad.scipy.ndimage.filters import slide
from mmad.scipy.ndimage.selection import selected
from mmad.scipy.signal._arguments import back, common, function, last, part
from mmad.scipy.signal._operations import rate_changed
from mmad.scipy.signal.convolution import convolved, refuse_modes
from mmad.scipy.signal.filtering import filtfilt, lfilter, sosfilt, sosfiltfilt

__all__ = []


# --- the rate ---------------------------------------------------------------------------------------------
def _changed(h, x, up, down, axis):
    up, down = int(up), int(down)
    if up < 1 or down < 1:
        raise ValueError("Both up and down must be >= 1")
    if len(shape_of(h)) != 1 or shape_of(h)[0] == 0:
        raise ValueError("h must be 1-D with non-zero length")
    ndim = len(shape_of(x))
    return rate_changed(x, h, up=up, down=down, axis=normal_axis(axis, ndim) - ndim)


@function
def upfirdn(h, x, up=1, down=1, axis=-1, mode="constant", cval=0):
    """Return a signal with zeros between its samples, filtered, and thinned out."""
    refuse_modes("upfirdn", mode, cval)
    h, x = common(h, x)
    return _changed(h, x, up, down, axis)


BACKGROUNDS = {"mean": np.mean, "median": np.median, "minimum": np.min, "maximum": np.max}


@function
def resample_poly(x, up, down, axis=0, window=("kaiser", 5.0), padtype="constant", cval=None):
    """Return a signal at a rational multiple of its rate."""
    if up != int(up) or down != int(down):
        raise ValueError("up and down must be integers")
    if up < 1 or down < 1:
        raise ValueError("up and down must be >= 1")
    if cval is not None and padtype != "constant":
        raise ValueError("cval has no effect when padtype is ", padtype)
    divisor = math.gcd(int(up), int(down))
    up, down = int(up) // divisor, int(down) // divisor
    (x,) = common(x)
    if up == down == 1:
        return a.positive(x)
    background = None
    if padtype in BACKGROUNDS:
        background = BACKGROUNDS[padtype](x, axis=axis, keepdims=True)
    else:
        refuse_modes("resample_poly", padtype, 0 if cval is None else cval)
    if isplain(window, list | np.ndarray) or isinstance(window, Traced):
        h, x = common(window, x)
        half = (shape_of(h)[0] - 1) // 2
        h = h * up
    else:
        rate = max(up, down)
        half = 10 * rate
        h = (_scipy.firwin(2 * half + 1, 1.0 / rate, window=window) * up).astype(np.zeros(0, dtype_of(x)).real.dtype)
    n, before = shape_of(x)[axis], down - half % down
    wanted, skipped = -(-n * up // down), (half + before) // down
    after = 0
    while ((n - 1) * up + shape_of(h)[0] + before + after - 1) // down + 1 < wanted + skipped:
        after += 1
    h = concatenate(np.zeros(before, dtype_of(h)), h, np.zeros(after, dtype_of(h)), axis=0)
    y = _changed(h, x if background is None else x - background, up, down, axis)
    y = back(part(last(y, axis), skipped, skipped + wanted), axis)
    return y if background is None else y + background


def _spectral_window(window, n, real):
    """Return the factors of a spectrum that SciPy makes of a window: those of the transform of an impulse."""
    impulse = np.zeros(n, float if real else complex)
    impulse[0] = 1.0
    weights = np.fft.fft(_scipy.resample(impulse, n, window=window))
    return weights.real if not np.iscomplexobj(window) else weights


@function
def resample(x, num, t=None, axis=0, window=None, domain="time"):
    """Return a signal of another number of samples, by its Fourier transform."""
    if domain not in ("time", "freq"):
        raise ValueError(f"Parameter domain={domain!r} not in ('time', 'freq')!")
    (x,) = common(x)
    real = domain == "time" and dtype_of(x).kind == "f"
    x = last(x, axis)
    n = shape_of(x)[-1]
    m = min(num, n)
    spectrum = np.fft.fft(x) if domain == "time" else x
    if isinstance(window, Traced):
        raise UnsupportedError("mmad.scipy.signal.resample has no derivative by the window")
    if window is not None:
        spectrum = spectrum * _spectral_window(window, n, real).astype(np.zeros(0, dtype_of(x)).real.dtype)
    low, high = part(spectrum, 0, m // 2 + 1), part(spectrum, n - (m - m // 2 - 1), n)
    if m % 2 == 0 and num != n:
        low, edge = part(low, 0, m // 2), part(spectrum, m // 2, m // 2 + 1)
        if num < n:
            edge = edge + part(spectrum, n - m // 2, n - m // 2 + 1)
            pieces = [low, edge, high]
        else:
            fill = np.zeros((*shape_of(x)[:-1], num - m - 1), dtype_of(spectrum))
            pieces = [low, edge / 2, fill, edge / 2, high]
    else:
        pieces = [low, np.zeros((*shape_of(x)[:-1], num - m), dtype_of(spectrum)), high]
    y = np.fft.ifft(concatenate(*pieces, axis=len(shape_of(x)) - 1)) * (num / n)
    y = back(a.real(y) if real else y, axis)
    return y if t is None else (y, t[0] + (t[1] - t[0]) * (n / num) * np.arange(num))


@function
def decimate(x, q, n=None, ftype="iir", axis=-1, zero_phase=True):
    """Return every q-th sample of a signal, after a low-pass filter."""
    (x,) = common(x)
    q, dtype = operator.index(q), np.zeros(0, dtype_of(x)).real.dtype
    axis = normal_axis(axis, len(shape_of(x)))
    if ftype == "fir":
        taps = _scipy.firwin((20 * q if n is None else operator.index(n)) + 1, 1.0 / q, window="hamming").astype(dtype)
        if zero_phase:
            return resample_poly.implementation(x, 1, q, axis=axis, window=taps)
        y = _changed(taps, x, 1, q, axis)
        return back(part(last(y, axis), 0, -(-shape_of(x)[axis] // q)), axis)
    if ftype == "iir":
        sos = _scipy.cheby1(8 if n is None else operator.index(n), 0.05, 0.8 / q, output="sos").astype(dtype)
        y = (sosfiltfilt if zero_phase else sosfilt).implementation(sos, x, axis=axis)
    elif hasattr(ftype, "to_tf"):
        system = ftype.to_tf()
        if not (np.atleast_1d(system.den)[1:] != 0).any():
            raise UnsupportedError("mmad.scipy.signal.decimate of traced values by an FIR system: write upfirdn")
        y = (filtfilt if zero_phase else lfilter).implementation(system.num, system.den, x, axis=axis)
    else:
        raise ValueError("invalid ftype")
    return back(viewed(last(y, axis), lambda m: m[..., ::q]), axis)


# --- trend, analytic signal -------------------------------------------------------------------------------
def without_trend(x, type, bp=0):
    """Return a signal without its mean or the straight lines between breakpoints, along the last axis."""
    if type in ("constant", "c"):
        return x - x.mean(axis=-1, keepdims=True)
    if type not in ("linear", "l"):
        raise ValueError("Trend type must be 'linear' or 'constant'.")
    n, ndim = shape_of(x)[-1], len(shape_of(x))
    ends = np.unique(np.concatenate([[0], np.atleast_1d(bp), [n]]).astype(int))
    if (ends > n).any():
        raise ValueError("Breakpoints must be less than length of data along given axis.")
    pieces = []
    for start, stop in itertools.pairwise(ends):
        line = np.stack([np.arange(1, stop - start + 1) / (stop - start), np.ones(stop - start)], axis=1)
        values, directions = np.linalg.svd(line, full_matrices=False)[1::-1]
        basis = directions[:, values > 1e-12 * values[0]].astype(np.zeros(0, dtype_of(x)).real.dtype)
        piece = part(x, int(start), int(stop))
        pieces.append(piece - (piece @ basis) @ basis.T)
    return concatenate(*pieces, axis=ndim - 1) if len(pieces) > 1 else pieces[0]


@function
def detrend(data, axis=-1, type="linear", bp=0, overwrite_data=False):
    """Return a signal without its trend."""
    (x,) = common(data)
    return back(without_trend(last(x, axis), type, bp), axis)


def _one_sided(n):
    """Return the factors of a spectrum that leave out negative frequencies and double positive ones."""
    weights = np.zeros(n)
    weights[: (n + 1) // 2] = 2.0
    weights[0] = 1.0
    if n % 2 == 0:
        weights[n // 2] = 1.0
    return weights


def _real(x):
    (x,) = common(x)
    if dtype_of(x).kind == "c":
        raise ValueError("x must be real.")
    return x


@function
def hilbert(x, N=None, axis=-1):
    """Return the analytic signal."""
    x = last(_real(x), axis)
    n = shape_of(x)[-1] if N is None else N
    if n <= 0:
        raise ValueError("N must be positive.")
    spectrum = np.fft.fft(x, n)
    return back(np.fft.ifft(spectrum * _one_sided(n).astype(dtype_of(x))), axis)


@function
def hilbert2(x, N=None, axes=(-2, -1)):
    """Return the analytic signal of an image."""
    x = _real(x)
    if len(axes) != 2:
        raise ValueError("axes must be a tuple of length 2")
    if axes[0] == axes[1]:
        raise ValueError("axes must contain 2 distinct axes")
    sizes = tuple(shape_of(x)[k] for k in axes) if N is None else (N, N) if isplain(N, int) else tuple(N)
    if len(sizes) != 2 or min(sizes) <= 0:
        raise ValueError("When given as a tuple, N must hold exactly two positive integers")
    y = np.fft.fft2(x, sizes, axes=axes)
    for k, n in zip(axes, sizes, strict=True):
        half = np.zeros(n, np.zeros(0, dtype_of(x)).dtype)
        half[: (n + 1) // 2], half[0] = 2.0, 1.0
        k = normal_axis(k, len(shape_of(x)))
        y = y * half.reshape((-1,) + (1,) * (len(shape_of(x)) - k - 1))
    return np.fft.ifft2(y, axes=axes)


# --- smoothing --------------------------------------------------------------------------------------------
@function
def savgol_filter(x, window_length, polyorder, deriv=0, delta=1.0, axis=-1, mode="interp", cval=0.0):
    """Return a signal smoothed by polynomials fitted to a window."""
    if mode not in ("mirror", "constant", "nearest", "interp", "wrap"):
        raise ValueError("mode must be 'mirror', 'constant', 'nearest' 'wrap' or 'interp'.")
    (x,) = common(x)
    axis = normal_axis(axis, len(shape_of(x)))
    if isinstance(delta, Traced):  # the coefficients are those of a step of 1, divided by its power
        return savgol_filter.implementation(x, window_length, polyorder, deriv, 1.0, axis, mode, cval) / delta**deriv
    if dtype_of(x).kind == "c":
        raise TypeError("Cannot cast a complex signal to real: filter its parts")
    settings = (window_length, polyorder, deriv, delta)
    weights = _scipy.savgol_coeffs(window_length, polyorder, deriv=deriv, delta=delta)[::-1]
    origin = window_length % 2 - 1
    if mode != "interp":
        return slide(x, weights, (axis,), mode, cval, (origin,))
    n, half = shape_of(x)[axis], window_length // 2
    if window_length > n:
        raise ValueError("If mode is 'interp', window_length must be less than or equal to the size of x.")
    y = last(slide(x, weights, (axis,), "constant", 0.0, (origin,)), axis)
    fitted = _scipy.savgol_filter(np.eye(window_length), *settings, axis=0).astype(dtype_of(x))
    x = last(x, axis)
    pieces = [
        part(x, 0, window_length) @ fitted[:half].T,
        part(y, half, n - half),
        part(x, n - window_length, n) @ fitted[window_length - half :].T,
    ]
    return back(concatenate(*pieces, axis=len(shape_of(x)) - 1), axis)


@function
def wiener(im, mysize=None, noise=None):
    """Return an image smoothed where its variance is that of noise."""
    (x,) = common(im)
    ndim = len(shape_of(x))
    sizes = [3] * ndim if mysize is None else [mysize] * ndim if np.ndim(mysize) == 0 else list(mysize)
    count, ones = float(math.prod(sizes)), np.ones(sizes, dtype_of(x))

    def mean(v):
        return convolved(v, ones, "same", range(ndim), "auto") / count

    local = mean(x)
    variance = mean(x**2) - local**2
    noise = variance.mean() if noise is None else noise
    return np.where(variance < noise, local, local + (x - local) * (1 - noise / variance))


def _odd_sizes(kernel_size, ndim):
    sizes = [3] * ndim if kernel_size is None else np.broadcast_to(kernel_size, (ndim,)).tolist()
    if any(n % 2 != 1 for n in sizes):
        raise ValueError("Each element of kernel_size should be odd.")
    return [int(n) for n in sizes]


def _median(name, x, kernel_size):
    (x,) = common(x)
    return selected(x, name, 0.0, _odd_sizes(kernel_size, len(shape_of(x))))


@function
def medfilt(volume, kernel_size=None):
    """Return the medians of a window."""
    return _median("medfilt", volume, kernel_size)


@function
def medfilt2d(input, kernel_size=3):
    """Return the medians of a window of an image."""
    return _median("medfilt2d", input, kernel_size)


@function
def order_filter(a, domain, rank):
    """Return the element of a window that has a rank."""
    (x,) = common(a)
    domain = np.asarray(concrete(domain))
    return selected(x, "order_filter", 0.0, domain, rank)
