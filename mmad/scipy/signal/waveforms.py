"""Waveforms of times, and of their parameters."""

import numpy as np

from mmad._core import concrete
from mmad.numpy.joining import as_operand
from mmad.scipy.signal._arguments import function

__all__ = []


def _chirp_phase(t, f0, t1, f1, method, vertex_zero):
    turn = 2 * np.pi
    if method in ("linear", "lin", "li"):
        return turn * (f0 * t + 0.5 * ((f1 - f0) / t1) * t * t)
    if method in ("quadratic", "quad", "q"):
        beta = (f1 - f0) / t1**2
        if vertex_zero:
            return turn * (f0 * t + beta * t**3 / 3)
        return turn * (f1 * t + beta * ((t1 - t) ** 3 - t1**3) / 3)
    same = f0 == f1
    if method in ("logarithmic", "log", "lo"):
        if f0 * f1 <= 0.0:
            raise ValueError("For a logarithmic chirp, f0 and f1 must be nonzero and have the same sign.")
        if same:
            return turn * f0 * t
        beta = t1 / np.log(f1 / f0)
        return turn * beta * f0 * ((f1 / f0) ** (t / t1) - 1.0)
    if method in ("hyperbolic", "hyp"):
        if f0 == 0 or f1 == 0:
            raise ValueError("For a hyperbolic chirp, f0 and f1 must be nonzero.")
        if same:
            return turn * f0 * t
        pole = -f1 * t1 / (f0 - f1)
        return turn * (-pole * f0) * np.log(np.abs(1 - t / pole))
    raise ValueError(
        f"method must be 'linear', 'quadratic', 'logarithmic', or 'hyperbolic', but a value of {method!r} was given."
    )


@function
def chirp(t, f0, t1, f1, method="linear", phi=0, vertex_zero=True, *, complex=False):
    """Return a cosine whose frequency changes."""
    phase = _chirp_phase(as_operand(t), f0, t1, f1, method, vertex_zero) + np.deg2rad(phi)
    return np.exp(1j * phase) if complex else np.cos(phase)


@function
def gausspulse(t, fc=1000, bw=0.5, bwr=-6, tpr=-60, retquad=False, retenv=False):
    """Return a sinusoid in a Gaussian envelope, or how long it is above a level."""
    if fc < 0:
        raise ValueError(f"Center frequency (fc={concrete(fc):.2f}) must be >=0.")
    if bw <= 0:
        raise ValueError(f"Fractional bandwidth (bw={concrete(bw):.2f}) must be > 0.")
    if bwr >= 0:
        raise ValueError(f"Reference level for bandwidth (bwr={concrete(bwr):.2f}) must be < 0 dB")
    level = np.log(10.0) / 20.0
    rate = -((np.pi * fc * bw) ** 2) / (4.0 * (level * bwr))
    if isinstance(t, str):
        if t != "cutoff":
            raise ValueError("If `t` is a string, it must be 'cutoff'")
        if tpr >= 0:
            raise ValueError("Reference level for time cutoff must be < 0 dB")
        return np.sqrt(-(level * tpr) / rate)
    t = as_operand(t)
    envelope, phase = np.exp(-rate * t * t), 2 * np.pi * fc * t
    parts = [envelope * np.cos(phase)]
    if retquad:
        parts.append(envelope * np.sin(phase))
    if retenv:
        parts.append(envelope)
    return parts[0] if len(parts) == 1 else tuple(parts)


def _period(t, width):
    """Return times in one period, the width as an array of the same shape, and where it is no width."""
    t, w = np.broadcast_arrays(as_operand(t) * 1.0, as_operand(width) * 1.0)
    return t % (2 * np.pi), w, (w > 1) | (w < 0)


@function
def sawtooth(t, width=1):
    """Return a sawtooth or a triangle of period 2 pi."""
    t, w, wrong = _period(t, width)
    rising = t < w * 2 * np.pi
    up, down = np.where(rising, w, 1.0), np.where(rising, 0.0, w)
    y = np.where(rising, t / (np.pi * up) - 1, (np.pi * (down + 1) - t) / (np.pi * (1 - down)))
    return np.where(wrong, np.nan, y)


@function
def square(t, duty=0.5):
    """Return a square wave of period 2 pi: constant but for its jumps."""
    t, w, wrong = _period(t, duty)
    high = t < w * 2 * np.pi
    return np.where(wrong, np.nan, np.where(high, 1.0, -1.0)) + 0.0 * (t + w)
