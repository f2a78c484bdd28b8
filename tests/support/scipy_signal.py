"""Calls of `scipy.signal` for the tables of :mod:`scipy_forms`: the name, the call, the points."""

import numpy as np
import scipy.signal

RNG = np.random.default_rng(7)
X, H = RNG.normal(size=(3, 8)), RNG.normal(size=(2, 3))
LINE, TAPS = RNG.normal(size=9), RNG.normal(size=4)
B, A = scipy.signal.butter(3, 0.3)
SOS = scipy.signal.butter(4, 0.3, output="sos")
LONG = RNG.normal(size=(2, 24))
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


CALLS = [
    *_convolutions(),
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
REMARKS = {"filtfilt": 'method="pad"'}


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
