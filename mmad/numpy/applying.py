"""Functions that call a function for each line or element, and iterators over elements."""

import numpy as np

from mmad._core import Traced, Wrapper, shape_of
from mmad.numpy._implements import implements
from mmad.numpy.joining import as_operand, stack
from mmad.numpy.shaping import broadcast_to, expand_dims, moveaxis
from mmad.ops.movement import reshape
from mmad.python.kinds import isplain
from mmad.tape.constants import has_traced, lift

__all__ = ["broadcast", "ndenumerate", "nditer", "vectorize"]


@implements(np.apply_along_axis)
def apply_along_axis(func1d, axis, arr, *args, **kwargs):
    """`numpy.apply_along_axis`."""
    arr = as_operand(arr)
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(arr)))
    lines = moveaxis(arr, axis, -1)
    rest = shape_of(lines)[:-1]
    results = [as_operand(func1d(lines[k] if k else lines, *args, **kwargs)) for k in np.ndindex(*rest)]
    if not results:
        raise ValueError("Cannot apply_along_axis when any iteration dimensions are 0")
    inner = shape_of(results[0])
    r = reshape(stack([broadcast_to(v, inner) for v in results]), (*rest, *inner))
    order = (*range(axis), *range(len(rest), len(rest) + len(inner)), *range(axis, len(rest)))
    return np.transpose(r, order) if order != tuple(range(len(order))) else r


@implements(np.apply_over_axes)
def apply_over_axes(func, x, axes):
    """`numpy.apply_over_axes`."""
    value = as_operand(x)
    rank = len(shape_of(value))
    for axis in (axes,) if np.ndim(axes) == 0 else axes:
        axis = axis + rank if axis < 0 else axis
        r = func(value, axis)
        if len(shape_of(r)) != rank:
            r = expand_dims(r, axis)
            if len(shape_of(r)) != rank:
                raise ValueError("function is not returning an array of the correct shape")
        value = r
    return value


class vectorize(np.vectorize):  # noqa: N801 (NumPy's name)
    """`numpy.vectorize`, whose results are arrays of numbers where arguments or results are traced."""

    def __call__(self, *args, **kwargs):
        """Return the results for each element, or each part that the signature names."""
        if self.pyfunc is np._NoValue or not (has_traced(args) or has_traced(list(kwargs.values()))):
            r = super().__call__(*args, **kwargs)
            parts = r if isinstance(r, tuple) else (r,)
            if not any(isplain(v, np.ndarray) and v.dtype.hasobject for v in parts):
                return r
            lifted = tuple(lift(v) for v in parts)
            return lifted if isinstance(r, tuple) else lifted[0]
        places = [k for k in range(len(args)) if k not in self.excluded]
        names = [name for name in kwargs if name not in self.excluded]

        def function(*values):
            filled, named = list(args), dict(kwargs)
            for k, v in zip(places, values, strict=False):
                filled[k] = v
            named.update(zip(names, values[len(places) :], strict=True))
            return self.pyfunc(*filled, **named)

        values = [as_operand(v) for v in (*(args[k] for k in places), *(kwargs[name] for name in names))]
        core = self._cores(len(values))
        frames = [shape_of(v)[: len(shape_of(v)) - n] for v, n in zip(values, core, strict=True)]
        frame = np.broadcast_shapes(*frames)
        values = [broadcast_to(v, frame + shape_of(v)[len(f) :]) for v, f in zip(values, frames, strict=True)]
        rows = [function(*[v[k] if k else v for v in values]) for k in np.ndindex(*frame)]
        if not rows:
            raise ValueError("cannot call `vectorize` on size 0 inputs unless `otypes` is set")
        if not isinstance(rows[0], tuple):
            return self._framed(rows, frame)
        return tuple(self._framed(column, frame) for column in zip(*rows, strict=True))

    def _cores(self, n):
        """Return how many axes of each argument one call takes."""
        if self.signature is None:
            return [0] * n
        inputs = self.signature.replace(" ", "").partition("->")[0].strip("()").split("),(")
        return [len([name for name in dims.split(",") if name]) for dims in inputs]

    @staticmethod
    def _framed(rows, frame):
        r = lift(list(rows)) if has_traced(list(rows)) else np.asarray(rows)
        return reshape(r, (*frame, *shape_of(r)[1:])) if frame else r[0]


# ------------------------------------------------------------------------------------------------- iterators
class ndenumerate:  # noqa: N801 (NumPy's name)
    """`numpy.ndenumerate`, also of traced arrays."""

    def __init__(self, arr):
        self.array = as_operand(arr)
        self.indices = np.ndindex(*shape_of(self.array))

    def __iter__(self):
        return self

    def __next__(self):
        k = next(self.indices)
        return k, self.array[k] if k or not isinstance(self.array, Wrapper) else self.array


class broadcast:  # noqa: N801 (NumPy's name)
    """`numpy.broadcast`, also of traced arrays: an iterator over the tuples of elements that stand together."""

    def __init__(self, *arrays):
        arrays = [as_operand(v) for v in arrays]
        self.shape = np.broadcast_shapes(*map(shape_of, arrays))
        self.nd = self.ndim = len(self.shape)
        self.size, self.numiter = int(np.prod(self.shape)), len(arrays)
        self.arrays = [broadcast_to(v, self.shape) for v in arrays]
        self.reset()

    def reset(self):
        """Begin again."""
        self.indices, self.index = np.ndindex(*self.shape), 0

    def __iter__(self):
        return self

    def __next__(self):
        k = next(self.indices)
        self.index += 1
        return tuple(v[k] if k else v for v in self.arrays)


class nditer:  # noqa: N801 (NumPy's name)
    """`numpy.nditer`, also over traced arrays, in C order; a writable operand gives views without dimensions.

    Plain operands go to NumPy's own iterator.  Of its options, `multi_index`, `c_index`, `readonly`, `readwrite` and
    `writeonly` are taken; buffers and other orders need memory that a traced array does not have.
    """

    def __new__(cls, op, flags=(), op_flags=None, order="K", **kwargs):
        """Return NumPy's iterator if no operand is traced."""
        operands = list(op) if isplain(op, list | tuple) else [op]
        if not any(isinstance(v, Traced) for v in operands):
            return np.nditer(op, flags, op_flags, order=order, **kwargs) if op_flags else np.nditer(op, flags, **kwargs)
        return super().__new__(cls)

    def __init__(self, op, flags=(), op_flags=None, order="K", **kwargs):
        wrong = [f for f in flags if f not in ("multi_index", "c_index", "refs_ok", "zerosize_ok")]
        if wrong or kwargs or order not in ("C", "K", "A"):
            raise TypeError(
                f"nditer of traced arrays does not take {', '.join([*wrong, *kwargs] or ['order=' + repr(order)])}; "
                "it goes over the elements in C order, with the flags multi_index and c_index"
            )
        operands = [as_operand(v) for v in (op if isplain(op, list | tuple) else [op])]
        modes = [op_flags] * len(operands) if not op_flags or isplain(op_flags[0], str) else op_flags
        self.shape = np.broadcast_shapes(*map(shape_of, operands))
        self.operands = tuple(operands)
        self.itviews = [broadcast_to(v, self.shape) if shape_of(v) != self.shape else v for v in operands]
        self.written = [bool(m) and ("readwrite" in m or "writeonly" in m) for m in modes]
        self.ndim, self.itersize = len(self.shape), int(np.prod(self.shape))
        self.indices, self.index = np.ndindex(*self.shape), -1

    def __iter__(self):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None

    def __next__(self):
        self.multi_index = next(self.indices)
        self.index += 1
        found = tuple(
            v[(*self.multi_index, ...)] if write else v[self.multi_index] if self.multi_index else v
            for v, write in zip(self.itviews, self.written, strict=True)
        )
        return found[0] if len(found) == 1 else found
