"""What autograd's users take from its rules: sums over what NumPy broadcast."""

import numpy as np

__all__ = ["unbroadcast", "unbroadcast_f"]


def unbroadcast(x, target_meta, broadcast_idx=0):
    """Return x summed to a shape that it was broadcast from, real if that was real.

    Parameters
    ----------
    x : ndarray or traced
    target_meta : tuple
        Shape, dimensions, dtype, and whether it is complex.
    broadcast_idx : int
        Where axes were added.
    """
    shape, ndim, _, is_complex = target_meta
    while np.ndim(x) > ndim:
        x = np.sum(x, axis=broadcast_idx)
    for axis, size in enumerate(shape):
        if size == 1 and np.shape(x)[axis] != 1:
            x = np.sum(x, axis=axis, keepdims=True)
    return np.real(x) if np.iscomplexobj(x) and not is_complex else x


def unbroadcast_f(target, f):
    """Return the pullback f, its results summed to the shape of an argument."""
    meta = np.shape(target), np.ndim(target), None, np.iscomplexobj(target)
    return lambda g: unbroadcast(f(g), meta)
