"""A function recorded at a point, multiplied by many vectors: the vectors are the leaves of a tree, end to end.

Every dense Jacobian and Hessian is made here, by :meth:`Recorded.unit_products`: its rows by reverse sweeps or its
columns by forward ones, so many at a time as go together in a batch, as numbers or recorded.
"""

import numpy as np

from mmad._core import Traced, shape_of
from mmad.derivatives.first_order import Linearized
from mmad.ops.movement import size
from mmad.tracing import tree
from mmad.tracing.results import is_static
from mmad.wrappers._batch import Batch
from mmad.wrappers._dual import new_level

__all__ = ["LANES", "Recorded", "Side", "batched", "blocks", "inexact_leaf", "real_leaf", "stack_rows"]

LANES = 64  # directions swept at once, so that a batch of tangents stays in cache
HELD = 2**24  # elements of a batch of vectors, at the most: fewer vectors go together if they are longer


def blocks(start, stop, width):
    """Return pairs of numbers that divide a range into blocks of at most `width`."""
    return [(k, min(k + width, stop)) for k in range(start, stop, width)]


def stack_rows(rows, empty):
    """Return blocks of rows as one matrix; what is empty, where there are none."""
    return empty if not rows else rows[0] if len(rows) == 1 else np.concatenate(rows)


def real_leaf(x, where):
    """Return the dtype in which a leaf of the arguments is differentiated; raise TypeError for a complex one."""
    dtype = inexact_leaf(x)
    if dtype.kind == "c":
        raise TypeError(
            f"{where}: Jacobians by complex arguments are not defined here; split real and imaginary part, or "
            "use mmad.jvp and mmad.vjp"
        )
    return dtype


def inexact_leaf(x):
    """Return the dtype of the derivative of a leaf of the result, complex where the leaf is."""
    dtype = x.dtype if hasattr(x, "dtype") else np.result_type(type(x))
    return dtype if dtype.kind in "fc" else np.dtype(float)


def _lanes_of(d, level, count):
    """Return the lanes of a batched value, or of one that is the same in all."""
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
        self.offsets, offset = [], 0
        for k in self.kinds:
            self.offsets.append(None if k is None else offset)
            offset += 0 if k is None else k[0]
        self.size = offset

    def split(self, v, lead=()):
        """Return a vector (or rows of them, `lead` being their number) as one value a leaf, None for a static leaf.

        Of complex numbers real leaves have the real part.
        """
        values, is_complex = [], v.dtype.kind == "c"
        for offset, kind in zip(self.offsets, self.kinds, strict=True):
            if kind is None:
                values.append(None)
                continue
            n, shape, dtype = kind
            part = v[..., offset : offset + n].reshape((*lead, *shape))
            part = part.real if is_complex and dtype.kind != "c" else part
            if isinstance(v, Traced):
                part = part if lead or shape else part[()]
                values.append(part if part.dtype == dtype else part.astype(dtype))
            elif not lead and not shape and dtype == np.float64:
                values.append(float(part))
            elif v.flags.writeable or not part.flags.c_contiguous or part.dtype != dtype:
                values.append(np.array(part, dtype, order="C"))
            else:
                values.append(part)  # nobody writes into it
        return values

    def units(self, start, stop, one=1.0):
        """Return unit vectors as rows of values a leaf; None where all are zero.  `one` is 1 or 1j."""
        values, count = [], stop - start
        for offset, kind in zip(self.offsets, self.kinds, strict=True):
            if kind is None or stop <= offset or start >= offset + kind[0] or (one != 1.0 and kind[2].kind != "c"):
                values.append(None)
                continue
            n, shape, dtype = kind
            lanes = np.zeros((count, n), dtype)
            first, last = max(start, offset), min(stop, offset + n)
            lanes.reshape(-1)[(first - start) * n + first - offset :: n + 1][: last - first] = one
            values.append(lanes.reshape((count, *shape)))
        return values

    def unit_blocks(self, width, apart):
        """Return the ranges of unit vectors that go together; `apart`: none has those of two leaves."""
        if not apart:
            return blocks(0, self.size, width)
        leaves = [(offset, offset + k[0]) for offset, k in zip(self.offsets, self.kinds, strict=True) if k is not None]
        return [block for start, stop in leaves for block in blocks(start, stop, width)]

    def join(self, values):
        """Return one value a leaf (None: zero) as a vector, traced if they are."""
        flat = [
            np.zeros(kind[0], self.dtype) if g is None else np.reshape(g, (kind[0],))
            for kind, g in zip(self.kinds, values, strict=True)
            if kind is not None
        ]
        return self._one(flat, 0, (0,))

    def join_rows(self, values, level, count):
        """Return the same for batches, shape (count, size); `level` is None where there is but one vector."""
        if level is None:
            return self.join(values).reshape(1, self.size)
        flat = [
            np.zeros((count, kind[0]), self.dtype) if g is None else _lanes_of(g, level, count).reshape(count, kind[0])
            for kind, g in zip(self.kinds, values, strict=True)
            if kind is not None
        ]
        return self._one(flat, 1, (count, 0))

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
        """Return J v."""
        return self.rows.join(self.trace.push(self.columns.split(v), self.trace.outputs, self.lin.cache))

    def pull(self, v):
        """Return J.T v; of complex results or vectors the real part of the conjugate transpose times v."""
        return self.columns.join(self._pull(self.rows.split(v)))

    def push_many(self, vectors, width=LANES):
        """Return J v for each row of `vectors`, `width` of them at a time; shape (count, m)."""
        return stack_rows(self.push_blocks(vectors, width), np.zeros((0, self.rows.size), self.rows.dtype))

    def pull_many(self, vectors, width=LANES):
        """Return J.T v for each row of `vectors`; shape (count, n)."""
        return stack_rows(self.pull_blocks(vectors, width), np.zeros((0, self.columns.size), self.columns.dtype))

    def push_blocks(self, vectors, width=LANES, read=None):
        """Return the same as :meth:`push_many`, as a list of blocks, or of what ``read(start, block)`` gives."""
        return self._products(vectors, width, False, read)

    def pull_blocks(self, vectors, width=LANES, read=None):
        """Return the same as :meth:`pull_many`, as a list of blocks, or of what ``read(start, block)`` gives."""
        return self._products(vectors, width, True, read)

    def jacobian(self, by_rows, width=LANES):
        """Return the dense Jacobian, shape (m, n), by reverse sweeps a row or by forward ones a column."""
        return self.unit_products(True, width) if by_rows else self.unit_products(False, width).T

    def unit_products(self, by_rows, width=LANES):
        """Return products with all unit vectors: the Jacobian, or, by columns, its transpose.

        Parameters
        ----------
        by_rows : bool
            Reverse sweeps, of unit cotangents.
        width : int
            Sweeps that go together at the most; fewer do where the vectors are long.

        Returns
        -------
        ndarray, shape (m, n) or (n, m), or traced
        """
        source, target = (self.rows, self.columns) if by_rows else (self.columns, self.rows)
        width = max(1, min(width, HELD // max(*self.shape, 1)))
        products = []
        for start, stop in source.unit_blocks(width, apart=by_rows):  # the results are swept one by one anyway
            product = self._product(source.units(start, stop), stop - start, by_rows)
            if by_rows and source.dtype.kind == "c":
                # The pullback is of the real inner product: of 1 the derivative of the real part, of 1j of the other.
                product = product + 1j * self._product(source.units(start, stop, 1j), stop - start, True)
            products.append(product)
        return stack_rows(products, np.zeros((0, target.size), target.dtype))

    def _pull(self, cts):
        pairs = zip(self.trace.outputs, cts, strict=True)
        pairs = [(y, ct) for y, ct in pairs if ct is not None and isinstance(y, Traced)]
        if not pairs:
            return [None] * len(self.columns.leaves)
        return self.trace.pull(*map(list, zip(*pairs, strict=True)))

    def _products(self, vectors, width, by_rows, read):
        source, found = self.rows if by_rows else self.columns, []
        for start, stop in blocks(0, len(vectors), width):
            rows = vectors[start:stop]
            part = self._product(source.split(rows, (stop - start,)), stop - start, by_rows)
            found.append(part if read is None else read(start, part))
        return found

    def _product(self, parts, count, by_rows):
        """Return the products with `count` vectors that go together, given as rows of values a leaf (None: zero)."""
        level, seeds = batched(parts, count)
        found = self._pull(seeds) if by_rows else self.trace.push(seeds, self.trace.outputs, self.lin.cache)
        return (self.columns if by_rows else self.rows).join_rows(found, level, count)


def batched(parts, count):
    """Return rows of values a leaf as a batch of a new level; of one row, its values and None for the level."""
    if count > 1:
        level = new_level()
        return level, [None if v is None else Batch(level, v) for v in parts]
    return None, [None if v is None else _only_row(v) for v in parts]


def _only_row(v):
    row = v[0]
    return float(row) if type(row) is np.float64 else row


def plain_leaves(x, what):
    """Return the leaves of x; raise TypeError where one is traced."""
    leaves, _ = tree.flatten(x)
    if any(isinstance(v, Traced) for v in leaves):
        raise TypeError(
            f"{what}: an operator multiplies plain vectors, so it cannot be made at a traced point; inside a "
            "function being differentiated use mmad.hvp, mmad.jvp or mmad.vjp"
        )
    return leaves
