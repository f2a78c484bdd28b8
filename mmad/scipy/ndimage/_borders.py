"""What `scipy.ndimage` puts beyond the borders of an array, and the transpose of putting it there."""

import numpy as np

__all__ = ["SAME_AS", "extended", "fold", "folded", "sources"]

#: Names of modes that mean the same for filters.
SAME_AS = {"grid-mirror": "reflect", "grid-wrap": "wrap", "grid-constant": "constant"}


def folded(place, n, mode):
    """Return which of n elements stands at each of some places, integers; -1 where it is the constant."""
    mode = SAME_AS.get(mode, mode)
    if mode == "constant":
        return np.where((place >= 0) & (place < n), place, -1)
    if mode == "nearest":
        return np.clip(place, 0, n - 1)
    if mode == "wrap":
        return place % n
    if mode == "reflect":
        place = place % (2 * n)
        return np.minimum(place, 2 * n - 1 - place)
    if mode == "mirror":
        period = max(2 * n - 2, 1)
        place = place % period
        return np.minimum(place, period - place) if n > 1 else np.zeros_like(place)
    raise RuntimeError("boundary mode not supported")


def sources(n, before, after, mode):
    """Return which element of n stands at each place of the line with some more before and after it."""
    return folded(np.arange(-before, n + after), n, mode)


def extended(x, axis, before, after, mode):
    """Return x with elements before and after it along an axis."""
    source = sources(x.shape[axis], before, after, mode)
    y = np.take(x, source, axis)
    if SAME_AS.get(mode, mode) == "constant":
        lines = np.moveaxis(y, axis, 0)
        lines[source < 0] = 0
    return y


def fold(y, axis, n, before, mode):
    """Return the transpose of `extended`: what stands beyond the borders is added to the elements it comes from."""
    lines = np.moveaxis(y, axis, 0)
    after = lines.shape[0] - n - before
    core = lines[before : before + n].copy()
    source = sources(n, before, after, mode)
    for place in (*range(before), *range(before + n, before + n + after)):
        if source[place] >= 0:
            core[source[place]] += lines[place]
    return np.moveaxis(core, 0, axis)
