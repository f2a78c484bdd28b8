"""Frequency responses of filters, and the same filter in other terms: coefficients, sections, zeros and poles."""

import numpy as np
import scipy.signal as _scipy

from mmad._core import Traced, concrete, dtype_of, shape_of
from mmad.errors import UnsupportedError
from mmad.numpy.joining import as_operand
from mmad.ops import arithmetic as a_
from mmad.python.kinds import isplain
from mmad.scipy.signal._arguments import common, function
from mmad.scipy.signal.convolution import convolved

__all__ = []


def _vectors(name, *arrays):
    arrays = [x if shape_of(x) else x.reshape(1) for x in common(*arrays)]
    if any(len(shape_of(x)) != 1 for x in arrays):
        raise UnsupportedError(f"mmad.scipy.signal.{name} of traced values takes one filter: vectors of coefficients")
    return arrays


def _horner(coefficients, s):
    """Return the value of a polynomial, the highest power first."""
    y = 0.0 * s
    for k in range(shape_of(coefficients)[0]):
        y = y * s + coefficients[k]
    return y


def _complex(h, *arrays):
    kind = np.result_type(*[dtype_of(x) for x in arrays], np.complex64)
    return h if dtype_of(h) == kind else a_.astype(h, dtype=kind)


def _digital(worN, whole, fs, **more):
    """Return frequencies in units of fs, and the angles on the unit circle."""
    if isinstance(worN, Traced):
        w = worN if shape_of(worN) else worN.reshape(1)
        return w, 2 * np.pi * w / fs
    w = _scipy.freqz(np.ones(1), worN=worN, whole=whole, **more)[0]
    if worN is None or isplain(worN, int | np.integer):
        return w * (fs / (2 * np.pi)), w
    return np.atleast_1d(worN) * 1.0, 2 * np.pi * np.atleast_1d(worN) / fs


def _on_circle(coefficients, angle):
    """Return the value of a polynomial in 1/z at points of the unit circle."""
    powers = np.arange(float(shape_of(coefficients)[0]))
    return np.exp(-1j * (angle[:, None] * powers)) @ coefficients


@function
def freqz(b, a=1, worN=512, whole=False, fs=2 * np.pi, include_nyquist=False):
    """Return the frequency response of a digital filter."""
    b, a = _vectors("freqz", b, a)
    more = {"include_nyquist": True} if include_nyquist else {}
    w, angle = _digital(worN, whole, fs, **more)
    h = _on_circle(b, angle) / _on_circle(a, angle)
    return w, h if isinstance(worN, Traced) else _complex(h, b, a)


def _sections_response(sos, worN=512, whole=False, fs=2 * np.pi):
    """Return the frequency response of second-order sections."""
    (sos,) = common(sos)
    if len(shape_of(sos)) != 2 or shape_of(sos)[1] != 6:
        raise ValueError("sos array must be shape (n_sections, 6)")
    if not (sos[:, 3] == 1).all():
        raise ValueError("sos[:, 3] should be all ones")
    if not shape_of(sos)[0]:
        raise ValueError("Cannot compute frequencies with no sections")
    w, angle = _digital(worN, whole, fs)
    h = 1.0
    for k in range(shape_of(sos)[0]):
        h = h * (_on_circle(sos[k, :3], angle) / _on_circle(sos[k, 3:], angle))
    return w, h


@function
def freqz_sos(sos, worN=512, whole=False, fs=2 * np.pi):
    """Return the frequency response of second-order sections."""
    return _sections_response(sos, worN, whole, fs)


@function
def sosfreqz(sos, worN=512, whole=False, fs=2 * np.pi):
    """Return the frequency response of second-order sections, by the older name."""
    return _sections_response(sos, worN, whole, fs)


@function
def freqz_zpk(z, p, k, worN=512, whole=False, fs=2 * np.pi):
    """Return the frequency response of a digital filter of zeros and poles."""
    w, angle = _digital(worN, whole, fs)
    return w, _of_roots(z, p, k, np.exp(1j * angle))


@function
def freqs_zpk(z, p, k, worN=200):
    """Return the frequency response of an analog filter of zeros and poles."""
    worN = _analog(worN, lambda n: _scipy.freqs_zpk(*(np.asarray(concrete(v)) for v in (z, p, k)), worN=n)[0])
    return worN, _of_roots(z, p, k, 1j * worN)


def _analog(worN, chosen):
    """Return the frequencies that are given; for their number what SciPy chooses, powers of ten and so constant."""
    if worN is None or isplain(worN, int | np.integer):
        return chosen(200 if worN is None else worN)
    return worN if isinstance(worN, Traced) else np.atleast_1d(worN)


def _of_roots(z, p, k, s):
    z, p = (as_operand(v) if shape_of(as_operand(v)) else as_operand(v).reshape(1) for v in (z, p))
    return k * np.prod(s[:, None] - z, axis=1) / np.prod(s[:, None] - p, axis=1)


@function
def freqs(b, a, worN=200):
    """Return the frequency response of an analog filter."""
    b, a = _vectors("freqs", b, a)
    worN = _analog(worN, lambda n: _scipy.freqs(concrete(b), concrete(a), worN=n)[0])
    return worN, _horner(b, 1j * worN) / _horner(a, 1j * worN)


# --- the same filter in other terms -----------------------------------------------------------------------
@function
def sos2tf(sos):
    """Return the coefficients of second-order sections."""
    (sos,) = common(sos)
    b = a = np.ones(1, dtype_of(sos))
    for k in range(shape_of(sos)[0]):
        b = convolved(b, sos[k, :3], "full", (0,), "direct")
        a = convolved(a, sos[k, 3:], "full", (0,), "direct")
    return b, a


@function
def zpk2tf(z, p, k):
    """Return the coefficients of a filter of zeros and poles."""
    z, p = (np.atleast_1d(as_operand(v)) for v in (z, p))
    if len(shape_of(z)) != 1 or len(shape_of(p)) != 1:
        raise UnsupportedError("mmad.scipy.signal.zpk2tf of traced values takes one filter: vectors of zeros and poles")
    return k * np.poly(z), np.poly(p)


def _cut(x, least=0.0):
    """Return coefficients without the leading ones that are zero."""
    used = np.flatnonzero(np.asarray(concrete(np.abs(x) > least)))
    return x[int(used[0]) :] if len(used) else x[-1:]


@function
def bilinear(b, a, fs=1.0):
    """Return the coefficients of a digital filter made of an analog one."""
    b, a = (_cut(v) for v in _vectors("bilinear", b, a))
    n = max(shape_of(b)[0], shape_of(a)[0]) - 1
    plus, minus = np.polynomial.Polynomial([1.0, 1.0]), np.polynomial.Polynomial([-1.0, 1.0])
    rows = np.stack([(plus ** (n - q) * minus**q).coef for q in range(n + 1)])[:, ::-1]
    rows = rows * ((2.0 * fs) ** (np.arange(n + 1.0) - 0.5 * n))[:, None]
    num, den = (v[::-1] @ rows[: shape_of(v)[0]] for v in (b, a))
    return _normalised(num, den)


# --- states -----------------------------------------------------------------------------------------------
def _normalised(num, den):
    """Return coefficients without leading zeros, divided by the first one of the denominator."""
    den = _cut(den)
    return _cut(num / den[0], 1e-14), den / den[0]


@function
def tf2zpk(b, a):
    """Return the zeros, the poles and the gain of a filter."""
    b, a = _normalised(*_vectors("tf2zpk", b, a))
    return np.roots(b), np.roots(a), b[0]


@function
def tf2ss(num, den):
    """Return the matrices of a filter's controller form."""
    num, den = _normalised(*_vectors("tf2ss", num, den))
    m, k = shape_of(num)[0], shape_of(den)[0]
    if m > k:
        raise ValueError("Improper transfer function. `num` is longer than `den`.")
    num = np.concatenate([np.zeros(k - m), num])
    direct = num[:1].reshape(1, 1)
    if k == 1:
        return np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1)), direct
    system = np.concatenate([-den[None, 1:], np.eye(k - 2, k - 1)])
    return system, np.eye(k - 1, 1), (num[1:] - num[0] * den[1:])[None], direct


@function
def ss2tf(A, B, C, D, input=0):
    """Return the coefficients of a system of states."""
    A, B, C, D = (np.atleast_2d(v) for v in common(A, B, C, D))
    if input >= shape_of(D)[1]:
        raise ValueError("System does not have the input specified.")
    b, d, den = B[:, input : input + 1], D[:, input], np.poly(A)
    rows = [np.poly(A - b * C[k]) + (d[k] - 1) * den for k in range(shape_of(D)[0])]
    return np.stack(rows), den
