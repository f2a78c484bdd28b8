"""Wrappers by level: batches, dual numbers and series found in values, taken apart and put together."""

import numpy as np

from mmad._core import Jet, Traced, Wrapper
from mmad.ops import arithmetic as a
from mmad.ops.movement import viewed
from mmad.python.kinds import isplain
from mmad.tape.constants import zeros
from mmad.tracing import tree
from mmad.wrappers._batch import Batch

__all__ = [
    "batch_of",
    "batches_in",
    "contains_level",
    "diagonal_batch",
    "in_lanes",
    "is_numeric",
    "jet_of",
    "of_level",
    "sum_of",
]

_float64 = np.dtype(np.float64)


def batches_in(args):
    """Return level and number of lanes of every batch in trees of arguments, the lowest level first."""
    found = {}
    for arg in args:
        for x in tree.flatten(arg)[0]:
            while isinstance(x, Wrapper):
                if isinstance(x, Batch):
                    found[x.level] = x.count
                x = x.parts[0] if isinstance(x, Jet) else x.lanes
    return sorted(found.items())


def in_lanes(x, level, count):
    """Return x as a batch of a level, the same in every lane, where it is not one: each lane has its own cotangent."""
    if contains_level(x, level):
        return x
    if isinstance(x, Jet) and x.level > level:
        return x.of([in_lanes(part, level, count) for part in x.parts])
    if isinstance(x, Batch) and x.level > level:
        return Batch(x.level, in_lanes(x.lanes, level, count))
    shape, dtype = (x.shape, x.dtype) if hasattr(x, "shape") else ((), _float64)
    return Batch(level, a.multiply(np.ones((count,) + (1,) * len(shape), dtype), x))


def sum_of(x, y):
    """Return x + y; None is zero."""
    return y if x is None else x if y is None else a.add(x, y)


def jet_of(jet, parts):
    """Return a dual number or series like `jet` of parts of one shape (None: zero), inside a batch if they are one."""
    like = next((p for p in parts if p is not None), None)
    if like is None:
        return None
    if isinstance(like, Batch) and like.level > jet.level:
        return Batch(like.level, jet_of(jet, [None if p is None else p.lanes for p in parts]))
    if isplain(like, np.ndarray):
        zero = np.zeros_like(like)
    else:
        zero = zeros(like.shape, like.dtype, like) if hasattr(like, "shape") else 0.0
    return jet.of([zero if p is None else p for p in parts])


def batch_of(level, lanes):
    """Return a batch of a level with these lanes (None: zero), inside a batch of directions if they are one."""
    if lanes is None:
        return None
    if isinstance(lanes, Batch) and lanes.level > level:
        return Batch(lanes.level, batch_of(level, viewed(lanes.lanes, lambda m: m.swapaxes(0, 1))))
    return Batch(level, np.ascontiguousarray(lanes) if isplain(lanes, np.ndarray) else lanes)


def diagonal_batch(level, g):
    """Return the batch of a level whose lane k is lane k of lane k of `g`."""
    if g.level != level:
        return (
            Batch(g.level, diagonal_batch(level, g.lanes))
            if isinstance(g, Batch)
            else g.of([diagonal_batch(level, p) for p in g.parts])
        )
    return Batch(level, a.positive(viewed(g.lanes, lambda m: np.einsum("kk...->k...", m))))


def contains_level(x, level):
    """Return whether a batch of this level is in x, inside other wrappers."""
    while isinstance(x, Wrapper):
        if x.level == level:
            return True
        x = x.parts[0] if isinstance(x, Jet) else x.lanes
    return False


def is_numeric(g):
    """Return whether the compiled sweep takes a cotangent or tangent: plain, or a batch of plain lanes."""
    return not isinstance(g, Traced) or (isinstance(g, Batch) and isplain(g.lanes, np.ndarray))


def of_level(x, level):
    """Return whether x is a wrapper of this level."""
    return isinstance(x, Wrapper) and x.level == level
