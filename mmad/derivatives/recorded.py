"""A function recorded at a point, multiplied by many vectors: the vectors are the leaves of a tree, end to end."""

import numpy as np

from mmad._core import Traced
from mmad.derivatives.first_order import Linearized
from mmad.ops.declare import shape_of
from mmad.ops.structure import size
from mmad.tracing import tree
from mmad.tracing.trace import is_static
from mmad.wrappers._batch import Batch
from mmad.wrappers._dual import new_level

__all__ = ["LANES", "Recorded", "Side", "inexact_leaf", "lanes_of", "real_leaf"]

LANES = 64  # directions swept at once, so that a batch of tangents stays in cache


def real_leaf(x, where):
    """The dtype in which a leaf of the arguments is differentiated; TypeError for a complex one."""
    dtype = inexact_leaf(x)
    if dtype.kind == "c":
        raise TypeError(
            f"{where}: Jacobians by complex arguments are not defined here; split real and imaginary part, or "
            "use mmad.jvp and mmad.vjp"
        )
    return dtype


def inexact_leaf(x):
    """The dtype of the derivative of a leaf of the result, complex where the leaf is."""
    dtype = x.dtype if hasattr(x, "dtype") else np.result_type(type(x))
    return dtype if dtype.kind in "fc" else np.dtype(float)


def lanes_of(d, level, count):
    """The lanes of a batched value, or of one that is the same in all."""
    if isinstance(d, Batch) and d.level == level:
        return d.lanes
    return (
        np.broadcast_to(d, (count, *shape_of(d)))
        if not isinstance(d, Traced)
        else d[None] * np.ones((count,) + (1,) * len(d.shape))
    )


class Side:
    """The vector space of a tree: its differentiable leaves, raveled in C order, one after the other."""

    def __init__(self, leaves, where, of_result=False):
        self.leaves = leaves
        self.kinds = [
            None
            if is_static(x)
            else (size(shape_of(x)), shape_of(x), inexact_leaf(x) if of_result else real_leaf(x, where))
            for x in leaves
        ]
        self.dtype = np.result_type(*[k[2] for k in self.kinds if k is not None] or [float])
        self.offsets, at = [], 0
        for k in self.kinds:
            self.offsets.append(None if k is None else at)
            at += 0 if k is None else k[0]
        self.size = at

    def split(self, v, lead=()):
        """A vector (or rows of them, `lead` being their number) as one value a leaf, None for a static leaf."""
        parts = []
        for at, kind in zip(self.offsets, self.kinds, strict=True):
            if kind is None:
                parts.append(None)
                continue
            n, shape, dtype = kind
            part = v[..., at : at + n].reshape((*lead, *shape))
            if isinstance(v, Traced):
                part = part if lead or shape else v[at]
                parts.append(part if part.dtype == dtype else part.astype(dtype))
            elif not lead and not shape and dtype == np.float64:
                parts.append(float(part))
            elif v.flags.writeable or not part.flags.c_contiguous or part.dtype != dtype:
                parts.append(np.array(part, dtype, order="C"))
            else:
                parts.append(part)  # nobody writes into it
        return parts

    def join(self, parts):
        """One value a leaf (None: zero) as a vector, traced if they are."""
        flat = [
            np.zeros(kind[0], self.dtype) if g is None else np.reshape(g, (kind[0],))
            for kind, g in zip(self.kinds, parts, strict=True)
            if kind is not None
        ]
        return self._one(flat, 0, (0,))

    def join_lanes(self, parts, level, count):
        """The same for batches: shape (count, size)."""
        flat = [
            np.zeros((count, kind[0]), self.dtype) if g is None else lanes_of(g, level, count).reshape(count, kind[0])
            for kind, g in zip(self.kinds, parts, strict=True)
            if kind is not None
        ]
        return self._one(flat, 1, (count, 0))

    def stacked(self, blocks):
        """Blocks of vectors of this space as one."""
        return self._one(blocks, 0, (0, self.size))

    def _one(self, flat, axis, empty):
        out = np.zeros(empty, self.dtype) if not flat else flat[0] if len(flat) == 1 else np.concatenate(flat, axis)
        return out if isinstance(out, Traced) else np.asarray(out, self.dtype)


class Recorded:
    """A function recorded at a point, as a map between plain vectors.

    Parameters
    ----------
    f : callable
    args, kwargs : tuple, dict
    argnums : tuple of int
    what : str
        The derivative asked for, for messages.
    select : callable, optional
        ``select(trace)`` leaves in the trace the outputs that are differentiated, and returns the rest.

    Attributes
    ----------
    rows, columns : Side
        Where its values and its arguments live.
    rest : object
        What `select` returned.
    """

    def __init__(self, f, args, what, argnums=None, kwargs=None, select=None):
        self.lin = Linearized(f, args, what, argnums, kwargs)
        self.trace = trace = self.lin.trace
        self.rest = None if select is None else select(trace)
        self.rows, self.columns = Side(trace.outputs, trace.origin, True), Side(trace.inputs, trace.origin)

    @property
    def shape(self):
        """Shape (m, n) of the Jacobian."""
        return self.rows.size, self.columns.size

    def push(self, v):
        """J v."""
        return self.rows.join(self.trace.push(self.columns.split(v), self.trace.outputs, self.lin.cache))

    def pull(self, v):
        """J.T v."""
        return self.columns.join(self._pull(self.rows.split(v)))

    def push_many(self, vectors, width=LANES):
        """J v for each row of `vectors`, `width` of them at a time; shape (count, m)."""
        return self.rows.stacked(self.push_blocks(vectors, width))

    def pull_many(self, vectors, width=LANES):
        """J.T v for each row of `vectors`; shape (count, n)."""
        return self.columns.stacked(self.pull_blocks(vectors, width))

    def push_blocks(self, vectors, width=LANES, read=None):
        """The same as :meth:`push_many`, a list of what was done at a time, or of what ``read(start, block)`` gives."""
        return self._many(vectors, width, self.columns, self.rows, self.lin.push_lanes, self.push, read)

    def pull_blocks(self, vectors, width=LANES, read=None):
        """The same as :meth:`pull_many`, a list of what was done at a time, or of what ``read(start, block)`` gives."""
        return self._many(vectors, width, self.rows, self.columns, self._pull, self.pull, read)

    def _pull(self, cts):
        pairs = [(y, ct) for y, ct in zip(self.trace.outputs, cts, strict=True) if isinstance(y, Traced)]
        if not pairs:
            return [None] * len(self.columns.leaves)
        return self.trace.pull(*map(list, zip(*pairs, strict=True)))

    def _many(self, vectors, width, source, target, product, single, read):
        parts = []
        for start in range(0, len(vectors), width):
            rows = vectors[start : start + width]
            if len(rows) == 1:
                part = single(rows[0]).reshape(1, target.size)
            else:
                level, count = new_level(), len(rows)
                lanes = [None if v is None else Batch(level, v) for v in source.split(rows, (count,))]
                part = target.join_lanes(product(lanes), level, count)
            parts.append(part if read is None else read(start, part))
        return parts


def plain_leaves(x, what):
    """Leaves of x; TypeError where one is traced."""
    leaves, _ = tree.flatten(x)
    if any(isinstance(v, Traced) for v in leaves):
        raise TypeError(
            f"{what}: an operator multiplies plain vectors, so it cannot be made at a traced point; inside a "
            "function being differentiated use mmad.hvp, mmad.jvp or mmad.vjp"
        )
    return leaves
