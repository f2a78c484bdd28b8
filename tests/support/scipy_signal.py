"""Calls of `scipy.signal` for the tables of :mod:`scipy_forms`: the name, the call, the points."""

import numpy as np
import scipy.signal

RNG = np.random.default_rng(7)
X, H = RNG.normal(size=(3, 8)), RNG.normal(size=(2, 3))
LINE, TAPS = RNG.normal(size=9), RNG.normal(size=4)
B, A = scipy.signal.butter(3, 0.3)
SOS = scipy.signal.butter(4, 0.3, output="sos")
LONG = RNG.normal(size=(2, 24))
APART = 0.37 * RNG.permutation(48).reshape(2, 24) - 7.3  # far from each other and from zero
STATE = RNG.normal(size=(3, 3))


def sections(c):
    """Return second-order sections of the numbers that may be chosen."""
    return np.concatenate([c[:, :3], np.ones((2, 1)), c[:, 3:]], axis=1)


FREE = np.ascontiguousarray(SOS[:, [0, 1, 2, 4, 5]])
MODES = ("full", "same", "valid")
BOUNDARIES = ("fill", "wrap", "symm")


def _convolutions():
    for mode in MODES:
        for name in ("convolve", "correlate"):
            yield name, lambda sp, x, h, m=mode, n=name: getattr(sp, n)(x, h, m, "direct"), X, H
            yield name, lambda sp, x, h, m=mode, n=name: getattr(sp, n)(h, x, m), LINE, TAPS
        for name in ("fftconvolve", "oaconvolve"):
            yield name, lambda sp, x, h, m=mode, n=name: getattr(sp, n)(x, h, m), X, H
            yield name, lambda sp, x, h, m=mode, n=name: getattr(sp, n)(x, h, m, axes=1), X[:1], RNG.normal(size=(3, 2))
        for boundary in BOUNDARIES:
            for name in ("convolve2d", "correlate2d"):
                yield (
                    name,
                    lambda sp, x, h, c, m=mode, b=boundary, n=name: getattr(sp, n)(x, h, m, b, c),
                    X,
                    H,
                    0.7,
                )


SPECTRAL = {"fs": 2.0, "nperseg": 8}
COLUMNS = LONG.T.copy()
TIMES, HEIGHTS, FREQUENCIES = np.sort(RNG.uniform(0.0, 9.0, 12)), RNG.normal(size=12), RNG.uniform(0.5, 4.0, 4)
REAL, IMAG = RNG.normal(size=(2, 2, 5, 4))


def _spectra():
    """Spectra, and the way back."""
    for detrend in ("constant", "linear", False):
        yield "welch", lambda sp, x, d=detrend: sp.welch(x, **SPECTRAL, detrend=d)[1], LONG
        yield "periodogram", lambda sp, x, d=detrend: sp.periodogram(x, 2.0, "hann", 30, d, axis=1)[1], LONG
    yield "welch", lambda sp, x: sp.welch(x, **SPECTRAL, nfft=11, noverlap=3, axis=0, average="median")[1], COLUMNS
    yield "welch", lambda sp, x, w: sp.welch(x, window=w, scaling="spectrum")[1], LONG, np.abs(LINE)
    yield "welch", lambda sp, x: sp.welch(x + 1j * x[::-1], **SPECTRAL)[1], LONG
    yield "periodogram", lambda sp, x: sp.periodogram(x, nfft=20)[1], LONG
    yield "csd", lambda sp, x, y: abs(sp.csd(x, y, **SPECTRAL)[1]), LONG, LONG[::-1, :20] ** 2
    yield "coherence", lambda sp, x, y: sp.coherence(x, y, **SPECTRAL)[1], LONG, LONG[::-1] ** 2
    for mode in ("psd", "complex", "magnitude", "angle", "phase"):
        yield "spectrogram", lambda sp, x, m=mode: sp.spectrogram(x, **SPECTRAL, mode=m)[2][..., 1:3, :], LONG
    for boundary in ("zeros", "even", "odd", "constant", None):
        yield "stft", lambda sp, x, b=boundary: sp.stft(x, **SPECTRAL, boundary=b)[2] ** 2, LONG
    yield "stft", lambda sp, x: abs(sp.stft(x, **SPECTRAL, axis=0, scaling="psd", detrend="linear")[2]), COLUMNS
    for scaling in ("spectrum", "psd"):
        yield "istft", lambda sp, x, y, s=scaling: sp.istft(x + 1j * y, 2.0, scaling=s)[1] ** 2, REAL, IMAG
    yield (
        "istft",
        lambda sp, x, y: abs(sp.istft(x + 1j * y, noverlap=1, input_onesided=False, time_axis=0, freq_axis=1)[1]),
        REAL,
        IMAG,
    )
    for kind in (False, True, "amplitude"):
        yield (
            "lombscargle",
            lambda sp, x, y, f, w, k=kind: abs(sp.lombscargle(x, y, f, normalize=k, weights=w)),
            TIMES,
            HEIGHTS,
            FREQUENCIES,
            TIMES + 0.1,
        )
    yield "lombscargle", lambda sp, x, y: sp.lombscargle(x, y, FREQUENCIES, floating_mean=True), TIMES, HEIGHTS
    yield "czt", lambda sp, x: abs(sp.czt(x, 7, np.exp(-0.3j) * 1.01, 1.1, axis=0)), COLUMNS
    yield "czt", lambda sp, x: abs(sp.czt(x)), LONG
    yield "zoom_fft", lambda sp, x, f, fs: abs(sp.zoom_fft(x, f, 9, fs=fs)), LONG[:, :9], np.array([0.3, 0.8]), 3.0
    yield "zoom_fft", lambda sp, x, f: abs(sp.zoom_fft(x, f, 9)) ** 2, LONG[:, :9], 0.7
    yield "istft", lambda sp, x, y, fs: sp.istft(x + 1j * y, fs), REAL, IMAG, 2.0
    yield "zoom_fft", lambda sp, x: abs(sp.zoom_fft(x, [0.3, 0.8], 9, fs=3.0, endpoint=True)), LONG


def _resamplings():
    """Signals at other rates, smoothed, without trend."""
    yield "upfirdn", lambda sp, h, x: sp.upfirdn(h, x, 3, 2), TAPS, X
    yield "upfirdn", lambda sp, h, x: sp.upfirdn(h, x, 2, 5, axis=0), TAPS, COLUMNS
    for pad in ("constant", "mean", "median", "minimum", "maximum"):
        yield "resample_poly", lambda sp, x, p=pad: sp.resample_poly(x, 3, 2, axis=1, padtype=p) ** 2, APART
    yield "resample_poly", lambda sp, x, w: sp.resample_poly(x, 2, 6, window=w), COLUMNS, LINE
    for num in (7, 12, 24, 31, 40):
        yield "resample", lambda sp, x, n=num: sp.resample(x, n, axis=1, window="hamming") ** 2, LONG
        yield "resample", lambda sp, x, n=num: abs(sp.resample(x + 1j * x**2, n)), COLUMNS
    for zero_phase in (True, False):
        for kind in ("iir", "fir"):
            yield "decimate", lambda sp, x, z=zero_phase, k=kind: sp.decimate(x, 3, 2, k, zero_phase=z) ** 2, LONG
    for kind in ("linear", "constant"):
        yield "detrend", lambda sp, x, k=kind: sp.detrend(x, type=k, bp=[5, 1] if k == "linear" else 0) ** 2, LONG
    yield "hilbert", lambda sp, x: abs(sp.hilbert(x)), LONG
    yield "hilbert", lambda sp, x: abs(sp.hilbert(x, 9, axis=0)), COLUMNS[:7]
    yield "hilbert2", lambda sp, x: abs(sp.hilbert2(x)), X
    for mode in ("mirror", "constant", "nearest", "interp", "wrap"):
        yield "savgol_filter", lambda sp, x, m=mode: sp.savgol_filter(x, 7, 2, mode=m, cval=0.3) ** 2, LONG
    yield "savgol_filter", lambda sp, x: sp.savgol_filter(x, 6, 3, 1, 0.5, axis=0) ** 2, COLUMNS
    for mode in ("interp", "constant"):
        yield "savgol_filter", lambda sp, x, d, m=mode: sp.savgol_filter(x, 7, 3, 2, d, mode=m, cval=0.3), LONG, 0.8
    yield "wiener", lambda sp, x: sp.wiener(x, 3), X
    yield "medfilt", lambda sp, x: sp.medfilt(x, (1, 3)) ** 2, APART
    yield "medfilt2d", lambda sp, x: sp.medfilt2d(x) ** 2, APART
    yield "order_filter", lambda sp, x: sp.order_filter(x, np.array([[1, 0, 1]]), 1) ** 2, APART


ANGLES, ZEROS, POLES = np.array([0.3, 1.1, 2.6]), RNG.normal(size=2), np.array([0.4, -0.7, 0.2])


def _responses():
    """Frequency responses, and filters in other terms."""
    yield "freqz", lambda sp, b, a: sp.freqz(b, a, 5)[1] ** 2, B, A
    yield "freqz", lambda sp, b: sp.freqz(b, worN=4, whole=True)[1] ** 2, TAPS
    yield "freqz", lambda sp, b, a, w: sp.freqz(b, a, w, fs=3.0)[1] ** 2, B, A, ANGLES
    for name in ("freqz_sos", "sosfreqz"):
        yield name, lambda sp, c, n=name: getattr(sp, n)(sections(c), 5, fs=2.0)[1] ** 2, FREE
    yield "freqz_zpk", lambda sp, z, p, k: sp.freqz_zpk(z, p, k, 5)[1] ** 2, ZEROS, POLES, 0.7
    yield "freqs_zpk", lambda sp, z, p, k, w: sp.freqs_zpk(z, p, k, w)[1] ** 2, ZEROS, POLES, 0.7, ANGLES
    yield "freqs", lambda sp, b, a: sp.freqs(b, a, [0.4, 1.3])[1] ** 2, TAPS, A
    yield "freqs", lambda sp, b, a, w: sp.freqs(b, a, w)[1] ** 2, TAPS, A, ANGLES
    yield "sos2tf", lambda sp, c: sp.sos2tf(sections(c)), FREE
    yield "zpk2tf", lambda sp, z, p, k: sp.zpk2tf(z, p, k), ZEROS, POLES, 0.7
    yield "tf2zpk", lambda sp, b, a: sp.tf2zpk(b, a), B[:3] + np.array([0.0, 0.1, 0.3]), A
    yield "tf2ss", lambda sp, b, a: sp.tf2ss(b, a), TAPS[:3], A * 2
    yield "ss2tf", lambda sp, a, b, c, d: sp.ss2tf(a, b, c, d, 1), X[:, :3], X[:, 3:5], H, X[:2, 5:7]
    yield "bilinear", lambda sp, b, a: sp.bilinear(b, a, 2.0), TAPS[:2], A
    yield "bilinear", lambda sp, b, fs: sp.bilinear(b, A, fs), TAPS[:2], 1.7


def _waveforms():
    """Waveforms."""
    for method in ("linear", "quadratic", "logarithmic", "hyperbolic"):
        yield (
            "chirp",
            lambda sp, t, f, t1, g, p, m=method: sp.chirp(t, f, t1, g, m, p, vertex_zero=False),
            ANGLES,
            1.3,
            2.9,
            0.6,
            20.0,
        )
    yield "gausspulse", lambda sp, t, f, b: sp.gausspulse(t, f, b, retquad=True, retenv=True), ANGLES / 3, 1.3, 0.4
    yield "gausspulse", lambda sp, f, b: sp.gausspulse("cutoff", f, b), 1.3, 0.4
    yield "sawtooth", lambda sp, t, w: sp.sawtooth(t, w) ** 2, 3 * ANGLES, 0.4
    yield "square", lambda sp, t: sp.square(t), 3 * ANGLES


WINDOWS = (
    ("gaussian", 1.7),
    ("general_gaussian", 1.2, 2.3),
    ("kaiser", 3.1),
    ("exponential", 1.4),
    ("general_cosine", np.array([0.4, 0.5, 0.2])),
    ("general_hamming", 0.6),
    ("tukey", 0.6),
)
REFUSALS = [
    ("residue", lambda sp, b, a: sp.residue(b, a), B, A),
    ("residuez", lambda sp, b, a: sp.residuez(b, a), B, A),
    ("unique_roots", lambda sp, a: sp.unique_roots(a), A),
]
CALLS = [
    *_convolutions(),
    *_spectra(),
    *_resamplings(),
    *_responses(),
    *_waveforms(),
    ("convolve", lambda sp, x, h: abs(sp.convolve(x + 1j * x**2, h - 0.5j, "same")), LINE, TAPS),
    ("correlate", lambda sp, x, h: abs(sp.correlate(x - 1j * x**2, h + 1j * h**2)), LINE, TAPS),
    ("deconvolve", lambda sp, x, d: sp.deconvolve(x, d), LINE, np.array([1.3, 0.2, -0.4])),
    ("lfilter", lambda sp, b, a, x: sp.lfilter(b, 2 * a, x, axis=0), B, A, X),
    ("lfilter", lambda sp, b, a, x, z: sp.lfilter(b, a, x, zi=z), B, A[:2], X, STATE),
    ("lfilter", lambda sp, b, a, x, z: sp.lfilter(b, a, x, zi=z), TAPS, A[:1], X[:, :2], STATE),
    ("lfilter", lambda sp, b, a, x: abs(sp.lfilter(b + 0.1j, a - 0.2j * a**2, x * (1 + 1j))), B, A, LINE),
    ("lfilter_zi", lambda sp, b, a: sp.lfilter_zi(b, a), B, A),
    ("lfiltic", lambda sp, b, a, y, x: sp.lfiltic(b, a, y, x), B, A, LINE, TAPS[:2]),
    ("filtfilt", lambda sp, b, a, x: sp.filtfilt(b, a, x, padlen=7), B, A, X),
    ("filtfilt", lambda sp, b, a, x: sp.filtfilt(b, a, x, 1, "even", 5), B[:2], A, X),
    ("filtfilt", lambda sp, b, a, x: sp.filtfilt(b, a, x, 0, padtype=None), B, A, X),
    ("sosfilt", lambda sp, c, x: sp.sosfilt(sections(c), x, 0), FREE, X),
    ("sosfilt", lambda sp, c, x, z: sp.sosfilt(sections(c), x, zi=z), FREE, X, RNG.normal(size=(2, 3, 2))),
    ("sosfilt_zi", lambda sp, c: sp.sosfilt_zi(sections(c)), FREE),
    ("sosfiltfilt", lambda sp, c, x: sp.sosfiltfilt(sections(c), x), FREE, LONG),
]
REMARKS = {
    "tf2ss": "one filter",
    "upfirdn": "zeros beyond the ends",
    "resample_poly": "zeros or a background beyond the ends",
    "filtfilt": 'method="pad"',
}


def signals(form):
    """Yield all forms, made by the class `form`."""
    for name, call, *points in CALLS:
        yield form(
            f"signal.{name}",
            lambda sp, *x, call=call: call(sp.signal, *x),
            tuple(points),
            reason=REMARKS.get(name, ""),
            tolerances=(1e-11, 1e-7, 1e-5),
        )
    for name, *points in WINDOWS:
        for sym in (True, False):

            def call(sp, *x, name=name, sym=sym):
                x = (None, *x) if name == "exponential" else x
                return getattr(sp.signal.windows, name)(9, *x, sym)

            yield form(f"signal.windows.{name}", call, tuple(points))
    for name, call, *points in REFUSALS:
        yield form(
            f"signal.{name}",
            lambda sp, *x, call=call: call(sp.signal, *x),
            tuple(points),
            way="refused",
            reason="which roots are one is a decision",
        )
