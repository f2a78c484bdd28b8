"""Calls of `scipy.fft` for the tables of :mod:`scipy_forms`."""

import numpy as np

X = np.random.default_rng(3).normal(size=(3, 4))
NAMES = [k + end for k in ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft") for end in ("", "2", "n")]
NAMES += ["dct", "idct", "dst", "idst", "dctn", "idctn", "dstn", "idstn"]


def transforms(form):
    """Yield all forms, made by the class `form`: squares of the results, whose second derivatives are not zero."""
    for name in NAMES:
        yield form(f"fft.{name}", lambda sp, x, k=name: getattr(sp.fft, k)(x) ** 2, (X,), way="plain")
    for name in ("fftshift", "ifftshift"):
        yield form(f"fft.{name}", lambda sp, x, k=name: getattr(sp.fft, k)(x) ** 2, (X,))
