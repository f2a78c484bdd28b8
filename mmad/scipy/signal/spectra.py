"""Spectra of signals: by segments, of two signals, at any frequencies, along a spiral."""

import numpy as np
import scipy.signal as _scipy

from mmad._core import Traced, dtype_of, shape_of
from mmad.numpy.joining import as_operand, normal_axis
from mmad.ops import arithmetic as a
from mmad.ops.movement import concatenate, reshape, size, viewed
from mmad.ops.products import adjoint_of
from mmad.python.kinds import isplain
from mmad.scipy.signal._arguments import common, extended, function, last
from mmad.scipy.signal._operations import chirp_transform
from mmad.scipy.signal.resampling import without_trend

__all__ = []


# --- segments ---------------------------------------------------------------------------------------------
def _window(window, nperseg, length):
    """Return the window as an array, and its length."""
    if isplain(window, str | tuple):
        nperseg = 256 if nperseg is None else int(nperseg)
        if nperseg < 1:
            raise ValueError("nperseg must be a positive integer")
        nperseg = min(nperseg, length)
        return _scipy.get_window(window, nperseg), nperseg
    window = as_operand(window)
    if len(shape_of(window)) != 1:
        raise ValueError("window must be 1-D")
    if nperseg is not None and shape_of(window)[0] != int(nperseg):
        raise ValueError("value specified for nperseg is different from length of window")
    if shape_of(window)[0] > length:
        raise ValueError("window is longer than input signal")
    return window, shape_of(window)[0]


def _with_zeros(x, n):
    """Return a signal with n zeros after it."""
    return concatenate(x, np.zeros((*shape_of(x)[:-1], n), dtype_of(x)), axis=len(shape_of(x)) - 1) if n > 0 else x


class _Segments:
    """How signals are cut into segments, and these are transformed."""

    def __init__(self, length, fs, window, nperseg, noverlap, nfft, onesided, scaling, root):
        self.window, self.size = _window(window, nperseg, length)
        self.overlap = self.size // 2 if noverlap is None else int(noverlap)
        if self.overlap >= self.size:
            raise ValueError("noverlap must be less than nperseg.")
        self.nfft = self.size if nfft is None else int(nfft)
        if self.nfft < self.size:
            raise ValueError("nfft must be greater than or equal to nperseg.")
        self.step, self.onesided = self.size - self.overlap, onesided
        if scaling == "density":
            scale = 1.0 / (fs * (self.window * self.window).sum())
        elif scaling == "spectrum":
            scale = 1.0 / self.window.sum() ** 2
        else:
            raise ValueError(f"Unknown scaling: {scaling!r}")
        self.scale = np.sqrt(scale) if root else scale
        frequencies = np.fft.rfftfreq if onesided else np.fft.fftfreq
        self.frequencies = frequencies(self.nfft, 1 / fs)

    def transform(self, x, detrend):
        """Return the transforms of the segments: an axis of segments, then one of frequencies."""
        step, size = self.step, self.size
        pieces = viewed(x, lambda m: np.lib.stride_tricks.sliding_window_view(m, size, axis=-1)[..., ::step, :])
        if callable(detrend):
            pieces = detrend(pieces)
        elif detrend:
            pieces = without_trend(pieces, detrend)
        return (np.fft.rfft if self.onesided else np.fft.fft)(pieces * self.window, self.nfft)

    def doubled(self, power):
        """Return one side of a power spectrum with the power of the other side."""
        if not self.onesided:
            return power
        twice = np.full(shape_of(power)[-1], 2.0)
        twice[0] = 1.0
        if self.nfft % 2 == 0:
            twice[-1] = 1.0
        return power * twice


def _in_precision(y, like):
    """Return y in single precision where the signal has it, as SciPy gives it."""
    kind = np.result_type(like, np.complex64)
    kind = kind if dtype_of(y).kind == "c" else np.zeros(0, kind).real.dtype
    return y if dtype_of(y) == kind else a.astype(y, dtype=kind)


def _placed(y, axis, ndim):
    """Return spectra by segment and frequency with the axis of frequencies where the signal had its samples."""
    y = viewed(y, lambda m: np.swapaxes(m, -1, -2))
    axis = normal_axis(axis, ndim)
    return viewed(y, lambda m: np.moveaxis(m, -2, axis))


def _spectrogram(x, fs, window, nperseg, noverlap, nfft, detrend, onesided, scaling, axis, mode, boundary, padded):
    """Return frequencies, times and spectra by segments; mode "psd" for power, "stft" for the transform."""
    (x,) = common(x)
    kind, ndim = dtype_of(x), len(shape_of(x))
    x = last(x, axis)
    cut = _Segments(
        shape_of(x)[-1], fs, window, nperseg, noverlap, nfft, onesided and kind.kind != "c", scaling, mode == "stft"
    )
    if boundary not in ("even", "odd", "constant", "zeros", None):
        raise ValueError(f"Unknown boundary option '{boundary}'")
    x = extended(x, cut.size // 2, boundary)
    if padded:
        x = _with_zeros(x, -(shape_of(x)[-1] - cut.size) % cut.step % cut.size)
    times = np.arange(cut.size / 2, shape_of(x)[-1] - cut.size / 2 + 1, cut.step) / fs
    if boundary is not None:
        times = times - cut.size / 2 / fs
    y = cut.transform(x, detrend) * cut.scale ** (1 if mode == "stft" else 0.5)
    if mode == "psd":
        y = cut.doubled(_power(y))
    return cut.frequencies, times, _placed(_in_precision(y, kind), axis, ndim)


def _power(y):
    if dtype_of(y).kind != "c":
        return y * y
    real, imag = a.real(y), a.imag(y)
    return real * real + imag * imag


@function
def stft(
    x,
    fs=1.0,
    window="hann",
    nperseg=256,
    noverlap=None,
    nfft=None,
    detrend=False,
    return_onesided=True,
    boundary="zeros",
    padded=True,
    axis=-1,
    scaling="spectrum",
):
    """Return the Fourier transforms of the segments of a signal."""
    if scaling not in ("psd", "spectrum"):
        raise ValueError(f"Parameter scaling={scaling!r} not in ['spectrum', 'psd']!")
    scaling = "density" if scaling == "psd" else scaling
    if not isplain(window, str | tuple):
        nperseg = None if nperseg == 256 else nperseg
    return _spectrogram(
        x, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, "stft", boundary, padded
    )


@function
def spectrogram(
    x,
    fs=1.0,
    window=("tukey", 0.25),
    nperseg=None,
    noverlap=None,
    nfft=None,
    detrend="constant",
    return_onesided=True,
    scaling="density",
    axis=-1,
    mode="psd",
):
    """Return the spectra of the segments of a signal."""
    if mode not in ("psd", "complex", "magnitude", "angle", "phase"):
        raise ValueError(f"unknown value for mode {mode}")
    window, nperseg = _window(window, nperseg, shape_of(as_operand(x))[axis])
    noverlap = nperseg // 8 if noverlap is None else noverlap
    kind = "psd" if mode == "psd" else "stft"
    f, t, y = _spectrogram(
        x, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, kind, None, False
    )
    if mode == "magnitude":
        y = np.abs(y)
    elif mode in ("angle", "phase"):
        y = np.angle(y)
        if mode == "phase":
            y = np.unwrap(y, axis=axis - 1 if axis < 0 else axis)
    return f, t, y


def _median_bias(n):
    even = 2 * np.arange(1.0, (n - 1) // 2 + 1)
    return 1 + np.sum(1.0 / (even + 1) - 1.0 / even)


def _cross(x, y, fs, window, nperseg, noverlap, nfft, detrend, onesided, scaling, axis, average):
    """Return frequencies and the spectrum of two signals, or of one where y is None."""
    signals = common(x) if y is None else common(x, y)
    kind, ndim = dtype_of(signals[0]), len(shape_of(signals[0]))
    signals = [last(v, axis) for v in signals]
    length = max(shape_of(v)[-1] for v in signals)
    signals = [_with_zeros(v, length - shape_of(v)[-1]) for v in signals]
    cut = _Segments(length, fs, window, nperseg, noverlap, nfft, onesided and kind.kind != "c", scaling, False)
    spectra = [cut.transform(v, detrend) for v in signals]
    power = _power(spectra[0]) if y is None else adjoint_of(spectra[0]) * spectra[1]
    power = cut.doubled(power * cut.scale)
    if average not in ("mean", "median"):
        raise ValueError(f"average must be 'median' or 'mean', got {average}")
    count = shape_of(power)[-2]
    if average == "median" and count > 1:
        if dtype_of(power).kind == "c":
            power = np.median(a.real(power), axis=-2) + 1j * np.median(a.imag(power), axis=-2)
        else:
            power = np.median(power, axis=-2)
        power = power / _median_bias(count)
    else:
        power = power.mean(axis=-2)
    axis = normal_axis(axis, max(ndim, len(shape_of(power))))
    return cut.frequencies, viewed(_in_precision(power, kind), lambda m: np.moveaxis(m, -1, axis))


@function
def csd(
    x,
    y,
    fs=1.0,
    window="hann",
    nperseg=None,
    noverlap=None,
    nfft=None,
    detrend="constant",
    return_onesided=True,
    scaling="density",
    axis=-1,
    average="mean",
):
    """Return the cross spectrum of two signals, by Welch's method."""
    y = None if y is x else y
    f, power = _cross(x, y, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, average)
    return f, power


@function
def welch(
    x,
    fs=1.0,
    window="hann",
    nperseg=None,
    noverlap=None,
    nfft=None,
    detrend="constant",
    return_onesided=True,
    scaling="density",
    axis=-1,
    average="mean",
):
    """Return the power spectrum of a signal, by Welch's method."""
    return _cross(x, None, fs, window, nperseg, noverlap, nfft, detrend, return_onesided, scaling, axis, average)


@function
def periodogram(
    x, fs=1.0, window="boxcar", nfft=None, detrend="constant", return_onesided=True, scaling="density", axis=-1
):
    """Return the power spectrum of a signal, as one segment."""
    (x,) = common(x)
    n = shape_of(x)[axis]
    nperseg = n if nfft is None else min(n, int(nfft))
    if nfft is not None and nfft < n:
        k = normal_axis(axis, len(shape_of(x)))
        x, nfft = viewed(x, lambda m: m[(slice(None),) * k + (slice(0, nperseg),)]), None
    window = "boxcar" if window is None else window
    return _cross(x, None, fs, window, nperseg, 0, nfft, detrend, return_onesided, scaling, axis, "mean")


@function
def coherence(x, y, fs=1.0, window="hann", nperseg=None, noverlap=None, nfft=None, detrend="constant", axis=-1):
    """Return how coherent two signals are at each frequency."""
    rest = (fs, window, nperseg, noverlap, nfft, detrend, True, "density", axis, "mean")
    f, first = _cross(x, None, *rest)
    second, both = _cross(y, None, *rest)[1], _cross(x, y, *rest)[1]
    return f, _power(both) / first / second


# --- back from segments -----------------------------------------------------------------------------------
def _overlapped(pieces, step):
    """Return the sum of segments, along the last axis, each a step after the one before it in the last but one."""
    count, size = shape_of(pieces)[-2:]
    lead, ndim = shape_of(pieces)[:-2], len(shape_of(pieces))
    blocks = -(-size // step)
    pieces = _with_zeros(pieces, blocks * step - size).reshape((*lead, count, blocks, step))
    total = 0.0
    for k in range(blocks):
        width = [(0, 0)] * (ndim - 2) + [(k, blocks - 1 - k), (0, 0)]
        total = total + np.pad(pieces[..., k, :], width)
    return total.reshape((*lead, -1))[..., : size + (count - 1) * step]


@function
def istft(
    Zxx,
    fs=1.0,
    window="hann",
    nperseg=None,
    noverlap=None,
    nfft=None,
    input_onesided=True,
    boundary=True,
    time_axis=-1,
    freq_axis=-2,
    scaling="spectrum",
):
    """Return the signal whose segments have given Fourier transforms."""
    z = as_operand(Zxx) + 0j
    ndim = len(shape_of(z))
    if ndim < 2:
        raise ValueError("Input stft must be at least 2d!")
    freq_axis, time_axis = normal_axis(freq_axis, ndim), normal_axis(time_axis, ndim)
    if freq_axis == time_axis:
        raise ValueError("Must specify differing time and frequency axes!")
    z = np.moveaxis(z, (time_axis, freq_axis), (-2, -1))
    count, bins = shape_of(z)[-2:]
    natural = 2 * (bins - 1) if input_onesided else bins
    size = natural if nperseg is None else int(nperseg)
    if nfft is None:
        nfft = size if input_onesided and size == natural + 1 else natural
    elif nfft < size:
        raise ValueError("nfft must be greater than or equal to nperseg.")
    overlap = size // 2 if noverlap is None else int(noverlap)
    if overlap >= size:
        raise ValueError("noverlap must be less than nperseg.")
    window = _scipy.get_window(window, size) if isplain(window, str | tuple) else as_operand(window)
    if shape_of(window) != (size,):
        raise ValueError(f"window must have length of {size}")
    if scaling not in ("spectrum", "psd"):
        raise ValueError(f"Parameter scaling={scaling!r} not in ['spectrum', 'psd']!")
    pieces = (np.fft.irfft if input_onesided else np.fft.ifft)(z, int(nfft))[..., :size]
    pieces = pieces * (window.sum() if scaling == "spectrum" else np.sqrt(fs * (window * window).sum()))
    step, square = size - overlap, window * window
    x = _overlapped(pieces * window, step)
    norm = _overlapped(np.broadcast_to(square, (count, size)), step)
    if boundary:
        half = size // 2
        x, norm = x[..., half : shape_of(x)[-1] - half], norm[..., half : shape_of(norm)[-1] - half]
    x = x / np.where(norm > 1e-10, norm, 1.0)
    x = _in_precision(x, dtype_of(z))
    if len(shape_of(x)) > 1:
        x = np.moveaxis(x, -1, time_axis - (freq_axis < time_axis))
    return np.arange(shape_of(x)[0]) / fs, x


# --- at any frequencies -----------------------------------------------------------------------------------
@function
def lombscargle(x, y, freqs, normalize=False, *, weights=None, floating_mean=False):
    """Return the power at some angular frequencies of samples at any times."""
    x, y, w = common(np.float64(1.0) * as_operand(x), y, freqs)
    weights = np.ones(shape_of(y)) if weights is None else as_operand(weights)
    if not (len(shape_of(x)) == 1 and shape_of(x)[0] > 0 and shape_of(x) == shape_of(y) == shape_of(weights)):
        raise ValueError("Parameters x, y, weights must be 1-D arrays of equal non-zero length!")
    if len(shape_of(w)) != 1 or shape_of(w)[0] < 1:
        raise ValueError("Parameter freqs must be a 1-D array of non-zero length!")
    normalize = {True: "normalize", False: "power"}.get(normalize, normalize)
    if normalize not in ("power", "normalize", "amplitude"):
        raise ValueError("Normalize must be: False (or 'power'), True (or 'normalize'), or 'amplitude'.")
    weights = weights / weights.sum()
    phase, wy = x[:, None] * w, weights * y
    mean = weights @ y

    def moments(phase):
        c, s = np.cos(phase), np.sin(phase)
        cc, cs, mc, ms = weights @ (c * c), weights @ (c * s), weights @ c, weights @ s
        ss = 1.0 - cc
        if floating_mean:
            cc, ss, cs = cc - mc * mc, ss - ms * ms, cs - mc * ms
        yc, ys = wy @ c, wy @ s
        return cc, ss, cs, (yc - mean * mc, ys - mean * ms) if floating_mean else (yc, ys)

    cc, ss, cs, _ = moments(phase)
    tau = 0.5 * np.arctan2(2.0 * cs, cc - ss)
    cc, ss, _, (yc, ys) = moments(phase - tau)
    least = np.finfo(float).epsneg
    cosine, sine = yc / np.where(cc < least, least, cc), ys / np.where(ss < least, least, ss)
    power = 2.0 * (cosine * yc + sine * ys)
    if normalize == "power":
        return power * (shape_of(x)[0] / 4.0)
    if normalize == "amplitude":
        return (cosine + 1j * sine) * np.exp(1j * tau)
    return power * 0.5 / (wy @ y - (mean * mean if floating_mean else 0.0))


def _along_spiral(x, m, w, start, axis):
    """Return the transform of a signal at the points start * w**-k."""
    ndim = len(shape_of(x))
    return chirp_transform(x, m=int(m), w=complex(w), a=complex(start), axis=normal_axis(axis, ndim) - ndim)


@function
def czt(x, m=None, w=None, a=1 + 0j, *, axis=-1):
    """Return the chirp z-transform of a signal."""
    (x,) = common(x)
    n = shape_of(x)[axis]
    m = n if m is None else m
    w = np.exp(-2j * np.pi / m) if w is None else w
    if isinstance(w, Traced) or isinstance(a, Traced):
        points = a * w ** -np.arange(float(m))
        y = last(x, axis) @ (points[None] ** -np.arange(float(n))[:, None])
        y = _in_precision(y, np.result_type(dtype_of(x), *[dtype_of(v) for v in (w, a) if isinstance(v, Traced)]))
        return np.moveaxis(y, -1, normal_axis(axis, len(shape_of(x))))
    return _along_spiral(x, m, w, a, axis)


@function
def zoom_fft(x, fn, m=None, *, fs=2, endpoint=False, axis=-1):
    """Return the Fourier transform of a signal at frequencies of a band."""
    (x,) = common(x)
    fn = as_operand(fn) * 1.0
    if size(shape_of(fn)) not in (1, 2):
        raise ValueError("fn must be a scalar or 2-length sequence")
    fn = reshape(fn, (size(shape_of(fn)),))
    first, final = (0.0, fn[0]) if shape_of(fn) == (1,) else (fn[0], fn[1])
    m = shape_of(x)[axis] if m is None else m
    width = (final - first) / fs / (m - 1 if endpoint else m)
    return czt.implementation(x, m, np.exp(-2j * np.pi * width), np.exp(2j * np.pi * first / fs), axis=axis)
