"""Autograd's convolution, with axes to sum over and axes to keep."""

import numpy as np
import scipy.signal as _signal
from scipy.signal import *  # noqa: F403

__all__ = list(_signal.__all__)


def convolve(A, B, axes=None, dot_axes=((), ()), mode="full"):
    """Return the convolution of two arrays along some axes, summed over others.

    Parameters
    ----------
    A, B : ndarray or traced
    axes : pair of lists of int, optional
        Axes of A and of B to convolve; by default all.
    dot_axes : pair of lists of int
        Axes of A and of B to sum over, as of `numpy.tensordot`.
    mode : {"full", "valid", "same"}

    Returns
    -------
    ndarray or traced
        Axes of A alone, of B alone, and the convolved ones.
    """
    if mode not in ("valid", "full", "same"):
        raise AssertionError(f"Mode {mode} undefined, it can be one of 'valid', 'full', and 'same'")
    axes = [list(range(np.ndim(A))), list(range(np.ndim(B)))] if axes is None else axes
    a, kept_a = _arranged(A, dot_axes[0], axes[0])
    b, kept_b = _arranged(B, dot_axes[1], axes[1])
    count = len(axes[0])
    sizes_a, sizes_b = a.shape[a.ndim - count :], b.shape[b.ndim - count :]
    if mode == "valid" and any(m < n for m, n in zip(sizes_a, sizes_b, strict=True)):
        if any(m > n for m, n in zip(sizes_a, sizes_b, strict=True)):
            raise ValueError("One array must be larger than the other along all convolved dimensions")
        wide, narrow, swapped = b, a, True
    else:
        wide, narrow, swapped = a, b, False
    full = _full(wide, narrow, count)
    result = np.moveaxis(full, 1, 0) if swapped else full
    places = [slice(None), slice(None)]
    for m, n in zip(sizes_a, sizes_b, strict=True):
        if mode == "valid":
            places.append(slice(min(m, n) - 1, max(m, n)))
        elif mode == "same":
            places.append(slice((n - 1) // 2, (n - 1) // 2 + m))
        else:
            places.append(slice(None))
    result = result[tuple(places)]
    return np.reshape(result, (*kept_a, *kept_b, *result.shape[2:]))


def _arranged(x, summed, convolved):
    """Return an array with axes: kept, summed over, convolved; the first two as one axis each."""
    x = np.asarray(x) if not hasattr(x, "ndim") else x
    summed, convolved = [k % x.ndim for k in summed], [k % x.ndim for k in convolved]
    kept = [k for k in range(x.ndim) if k not in summed and k not in convolved]
    moved = np.transpose(x, kept + summed + convolved)
    shape = [x.shape[k] for k in kept]
    last = [x.shape[k] for k in convolved]
    width = int(np.prod([x.shape[k] for k in summed], dtype=int))
    return np.reshape(moved, (int(np.prod(shape, dtype=int)), width, *last)), shape


def _full(a, b, count):
    """Return the full convolution, axes: kept of a, kept of b, convolved; a sum over the elements of b."""
    sizes_b = b.shape[2:]
    total = 0.0
    for place in np.ndindex(*sizes_b):
        pad = [(p, n - 1 - p) for p, n in zip(place, sizes_b, strict=True)]
        part = np.tensordot(a, b[(slice(None), slice(None), *place)], axes=([1], [1]))
        total = total + np.pad(np.moveaxis(part, -1, 1), [(0, 0), (0, 0), *pad])
    return total
