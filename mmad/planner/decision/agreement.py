"""Whether strategies give the same derivative, and the points near one at which they are timed.

In none of 54 races and 354 plans did results differ: what is left out is left out for safety, and a comparison takes
some microseconds a race.
"""

import numpy as np

from mmad.python.kinds import isplain
from mmad.tracing import tree

__all__ = ["differing", "errors", "nearby", "tolerance", "vectors"]

AGREE = {4: 1e-2, 8: 1e-5}  # by bytes of an element: relative error of an entry that rounding may explain
STEP = 2.0**-22  # relative distance of the first point: far beyond rounding, and seldom across a branch


def nearby(args, nums, k):
    """Return the arguments with those at positions `nums` a little closer to zero, other ones for each k.

    A program that guards a value runs at one point only; measured at several, it is as slow as it is.  Towards zero,
    numbers stay in the domains of roots, logarithms and arcs.
    """
    out = list(args)
    for i in nums:
        leaves, structure = tree.flatten(args[i])
        out[i] = tree.unflatten(structure, [_moved(x, 1.0 - STEP * (k + 1)) for x in leaves])
    return tuple(out)


def _moved(x, factor):
    if isplain(x, np.ndarray):
        return (x * factor).astype(x.dtype) if x.dtype.kind in "fc" else x
    return type(x)(x * factor) if isplain(x, float | np.inexact | complex) else x


def differing(results, itemsize):
    """Return which of some results, by key, differ from most others; none if that cannot be told.

    Parameters
    ----------
    results : dict
    itemsize : int
        Bytes of a number, which say how much rounding may explain.

    Returns
    -------
    set
    """
    if len(results) < 3:
        return set()
    wrong = errors(vectors(list(results.values()))) > tolerance(itemsize)
    return {key for key, w in zip(results, wrong, strict=True) if w} if 2 * wrong.sum() < len(wrong) else set()


def tolerance(itemsize):
    """Return the relative difference of entries that rounding may explain."""
    return AGREE[4 if itemsize < 8 else 8]


def vectors(results):
    """Return the numbers of some results, trees or sparse matrices, as rows of one matrix, one column a place."""
    if not any(hasattr(r, "tocoo") for r in results):
        return np.stack([_flat(r) for r in results])
    parts = [r.tocoo() for r in results]
    keys = [p.row.astype(np.int64) * p.shape[1] + p.col for p in parts]
    union = np.unique(np.concatenate(keys))
    out = np.zeros((len(parts), len(union)))
    for row, p, key in zip(out, parts, keys, strict=True):
        np.add.at(row, np.searchsorted(union, key), p.data)
    return out


def _flat(result):
    leaves = [x for x in tree.flatten(result)[0] if isplain(x, float | complex | np.ndarray | np.inexact)]
    return np.concatenate([np.zeros(0), *[np.ravel(x) for x in leaves]])


def errors(rows):
    """Return for each row its largest difference from the median, over the largest entry; infinite for its own NaN.

    Parameters
    ----------
    rows : ndarray, shape (k, n)

    Returns
    -------
    ndarray, shape (k,)
    """
    lost = ~np.isfinite(rows)
    most = 2 * lost.sum(0) > len(rows)  # entries that are not finite by most of the rows
    finite = np.where(most, 0.0, np.where(lost, np.nan, rows))
    middle = np.nanmedian(finite, axis=0) if rows.size else finite[:1].ravel()
    scale = np.abs(middle).max(initial=0.0) or 1.0
    gap = np.where(lost, np.where(most, 0.0, np.inf), np.where(most, np.inf, np.abs(finite - middle) / scale))
    return gap.max(axis=1, initial=0.0)
