"""`scipy.signal.windows`: windows whose parameters may be traced."""

import numpy as np
import scipy.signal.windows as _scipy

from mmad.numpy.joining import as_operand
from mmad.scipy._drop_in import handed_through, offered

__all__ = ["exponential", "gaussian", "general_cosine", "general_gaussian", "general_hamming", "kaiser", "tukey"]

FUNCTIONS = {}
function = offered(_scipy, FUNCTIONS)


def _made(M, sym, samples):
    """Return the window that ``samples(n)`` gives; one that is periodic lacks the last sample of a longer one."""
    if int(M) != M or M < 0:
        raise ValueError("Window length M must be a non-negative integer")
    if M <= 1:
        return np.ones(int(M))
    return samples(int(M)) if sym else samples(int(M) + 1)[:-1]


def _centred(n):
    return np.arange(n) - (n - 1.0) / 2.0


@function
def gaussian(M, std, sym=True):
    """Return a Gaussian window."""
    return _made(M, sym, lambda n: np.exp(-(_centred(n) ** 2) / (2 * std * std)))


@function
def general_gaussian(M, p, sig, sym=True):
    """Return a window exp(-|n / sig|^(2 p) / 2)."""
    return _made(M, sym, lambda n: np.exp(-0.5 * np.abs(_centred(n) / sig) ** (2 * p)))


@function
def kaiser(M, beta, sym=True):
    """Return a Kaiser window."""

    def samples(n):
        half = (n - 1) / 2.0
        return np.i0(beta * np.sqrt(1 - (_centred(n) / half) ** 2.0)) / np.i0(beta)

    return _made(M, sym, samples)


@function
def exponential(M, center=None, tau=1.0, sym=True):
    """Return an exponential window."""
    if sym and center is not None:
        raise ValueError("If sym==True, center must be None.")
    return _made(M, sym, lambda n: np.exp(-np.abs(np.arange(n) - ((n - 1) / 2 if center is None else center)) / tau))


@function
def general_cosine(M, a, sym=True):
    """Return a sum of cosines."""
    a = as_operand(a)

    def samples(n):
        angles = np.linspace(-np.pi, np.pi, n)
        return np.cos(angles[:, None] * np.arange(a.shape[0])) @ a

    return _made(M, sym, samples)


@function
def general_hamming(M, alpha, sym=True):
    """Return a generalised Hamming window."""
    return _made(M, sym, lambda n: alpha - (1.0 - alpha) * np.cos(2 * np.pi * np.arange(n) / (n - 1)))


@function
def tukey(M, alpha=0.5, sym=True):
    """Return a window that is flat between two halves of a cosine."""

    def samples(n):
        if alpha <= 0:
            return np.ones(n) + 0.0 * alpha
        if alpha >= 1:
            return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(n) / (n - 1)) + 0.0 * alpha
        k, width = np.arange(n), int(alpha * (n - 1) / 2.0)
        first = 0.5 * (1 + np.cos(np.pi * (-1 + 2.0 * k[: width + 1] / alpha / (n - 1))))
        final = 0.5 * (1 + np.cos(np.pi * (-2.0 / alpha + 1 + 2.0 * k[n - width - 1 :] / alpha / (n - 1))))
        return np.concatenate([first, np.ones(n - 2 * width - 2), final])

    return _made(M, sym, samples)


__getattr__, __dir__ = handed_through(_scipy, __all__)
