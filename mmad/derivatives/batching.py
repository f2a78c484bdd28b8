"""`vmap`: a function of one sample, applied to a batch of them at once.

The function runs once, on :class:`~mmad.wrappers._batch.Batch` values that look like one sample and hold all.  Where
the samples would take different branches it runs once a sample instead.
"""

import numpy as np
import optree

from mmad._core import Traced, shape_of
from mmad.derivatives.arguments import derivative_function
from mmad.numpy.joining import stack
from mmad.numpy.shaping import moveaxis
from mmad.ops.movement import broadcast_to
from mmad.python.kinds import isplain
from mmad.tape.constants import unboxed
from mmad.tape.contexts import Forwarding
from mmad.tracing import tree
from mmad.tracing.hidden import refuse_hidden
from mmad.tracing.leaves import describe
from mmad.tracing.lost_track import refuse_left_behind
from mmad.wrappers._batch import Batch, Parting
from mmad.wrappers._dual import new_level

__all__ = ["vmap"]


def vmap(f, in_axes=0, out_axes=0):
    """Return a function that applies f to every sample of a batch, all at once.

    Parameters
    ----------
    f : callable
        Of one sample.
    in_axes : int, None, or tuple with one entry an argument
        The axis of each argument that counts the samples; None for an argument that all samples share.  An entry may
        be a tree of axes for an argument that is a tree.  Keyword arguments are mapped along axis 0.
    out_axes : int, None, or tree of them
        Where the axis of the samples goes in the result; None for a result that is the same for all.

    Returns
    -------
    callable
        The mapped function.  It can be differentiated, and derivatives can be mapped.

    Raises
    ------
    ValueError
        The sizes of the mapped axes disagree; the message names the arguments.

    Notes
    -----
    A branch on a traced value that goes differently for different samples makes the function run once a sample, and so
    does an error in an operation, which may be that of one sample alone, or a function that collects NumPy's warnings.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.vmap(np.dot)(np.ones((3, 2)), np.arange(6.0).reshape(3, 2))
    array([1., 5., 9.])
    >>> mmad.vmap(mmad.grad(lambda w, x: np.tanh(w @ x)), in_axes=(None, 0))(np.zeros(2), np.eye(2))
    array([[1., 0.],
           [0., 1.]])
    """

    def operator(*args, **kwargs):
        mapped = _Mapped(f, in_axes, args, kwargs)
        with Parting(new_level()) as lanes:
            result = mapped.together(lanes.level, out_axes)
        return mapped.one_by_one(out_axes) if lanes.parted else result

    return derivative_function(f, operator, "vmap", (vmap, in_axes, out_axes))


def _prefix(axes, full, what):
    """Return one axis for each leaf of `full`, from a tree of axes that may end above the leaves."""
    leaves = tree.flatten(full)[0]
    if axes is None or isplain(axes, int | np.integer):
        return [axes] * len(leaves)
    try:
        found = optree.broadcast_prefix(axes, full, is_leaf=tree._is_leaf, none_is_leaf=True, namespace=tree.NAMESPACE)
    except ValueError as e:
        raise ValueError(f"{what}: the tree of axes {axes!r} does not fit: {e}") from None
    for k in found:
        if k is not None and (not isplain(k, int | np.integer) or isplain(k, bool)):
            raise TypeError(f"{what}: an axis must be an int or None, not {k!r}")
    return found


def _is_same_result(x, y):
    """Return whether the results of two samples are one and the same; of traced values their identity decides."""
    return x is y or (not (isinstance(x, Traced) or isinstance(y, Traced)) and np.array_equal(x, y))


class _Mapped:
    """Arguments of a mapped function: their leaves, the axis of each, the number of samples."""

    def __init__(self, f, in_axes, args, kwargs):
        self.f, self.what = f, describe(f, "vmap")
        if isinstance(in_axes, list):
            in_axes = tuple(in_axes)
        if isinstance(in_axes, tuple) and len(in_axes) != len(args):
            raise ValueError(
                f"{self.what}: in_axes has {len(in_axes)} entries, but there are {len(args)} positional arguments"
            )
        self.names = []
        leaves, axes = [], []
        per_argument = in_axes if isinstance(in_axes, tuple) else (in_axes,) * len(args)
        for name, arg, axis in [
            *((f"argument {k}", x, i) for k, (x, i) in enumerate(zip(args, per_argument, strict=True))),
            *((f"argument {k!r}", x, 0) for k, x in kwargs.items()),
        ]:
            places = tree.paths(arg)
            leaves += tree.flatten(arg)[0]
            axes += _prefix(axis, arg, f"{self.what}: in_axes of {name}")
            self.names += [f"{name}{p}" for p in places]
        self.structure = tree.flatten((args, kwargs))[1]
        self.leaves = [unboxed(x) for x in leaves]
        self.axes = [self._axis(x, k, n) for x, k, n in zip(self.leaves, axes, self.names, strict=True)]
        self.count = self._samples()

    def _axis(self, x, axis, name):
        """Return the axis of a leaf as a non-negative number; None if it is shared."""
        if axis is None or x is None or isinstance(x, str | bytes):
            return None
        shape = shape_of(x)
        if not shape:
            raise ValueError(
                f"{self.what}: {name} is a single number, which has no axis {axis} to map over; give it the axis "
                "None in in_axes"
            )
        if not -len(shape) <= axis < len(shape):
            raise ValueError(f"{self.what}: {name} has shape {shape}, which has no axis {axis}")
        return int(axis) % len(shape)

    def _samples(self):
        sizes = {n: shape_of(x)[k] for x, k, n in zip(self.leaves, self.axes, self.names, strict=True) if k is not None}
        if not sizes:
            raise ValueError(f"{self.what}: nothing to map over: every entry of in_axes is None")
        if len(set(sizes.values())) > 1:
            raise ValueError(
                f"{self.what}: the mapped axes have different sizes: "
                f"{', '.join(f'{size} in {name}' for name, size in sizes.items())}"
            )
        return next(iter(sizes.values()))

    def _call(self, leaves):
        args, kwargs = tree.unflatten(self.structure, leaves)
        outputs, structure = tree.flatten(self.f(*args, **kwargs))
        refuse_hidden(outputs, self.what)
        return [unboxed(y) for y in outputs], structure

    def together(self, level, out_axes):
        """Return the result of all samples at once, as batches of a level."""
        wrapper, leaves = None, []
        for x, k in zip(self.leaves, self.axes, strict=True):
            if k is not None:
                lanes = moveaxis(x, k, 0) if isinstance(x, Traced) else np.moveaxis(np.asarray(x), k, 0)
                x = wrapper = Batch(level, +lanes if isinstance(lanes, Traced) else np.array(lanes, order="C"))
            leaves.append(x)
        with Forwarding(wrapper):
            outputs, structure = self._call(leaves)
            refuse_left_behind(outputs)
        axes = self._out_axes(out_axes, outputs, structure)
        return tree.unflatten(structure, [self._gathered(y, k, level) for y, k in zip(outputs, axes, strict=True)])

    def _out_axes(self, out_axes, outputs, structure):
        return _prefix(out_axes, tree.unflatten(structure, outputs), f"{self.what}: out_axes")

    def _gathered(self, y, axis, level):
        """Return a result with the axis of the samples where it was asked for."""
        if y is None or isinstance(y, str | bytes):
            return y
        batched = isinstance(y, Batch) and y.level == level
        if axis is None:
            if batched:
                raise self._differs()
            return y
        if batched:
            y = y.lanes
        elif isinstance(y, Traced):
            y = +broadcast_to(y, (self.count, *shape_of(y)))
        else:
            y = np.broadcast_to(y, (self.count, *np.shape(y))).copy()
        return self._placed(y, axis)

    def _differs(self):
        return ValueError(f"{self.what}: out_axes is None for a result that is different for each sample")

    def _placed(self, y, axis):
        rank = len(shape_of(y))
        if not -rank <= axis < rank:
            raise ValueError(f"{self.what}: out_axes is {axis}, but the result has {rank} axes")
        return y if axis in (0, -rank) else moveaxis(y, 0, axis) if isinstance(y, Traced) else np.moveaxis(y, 0, axis)

    def one_by_one(self, out_axes):
        """Evaluate the samples one after the other."""
        rows, structure = [], None
        for i in range(self.count):
            leaves = [x if k is None else self._sample(x, k, i) for x, k in zip(self.leaves, self.axes, strict=True)]
            outputs, structure_i = self._call(leaves)
            if structure is not None and structure != structure_i:
                raise ValueError(f"{self.what}: the results of sample 0 and sample {i} have different structures")
            structure = structure_i
            rows.append(outputs)
        axes = self._out_axes(out_axes, rows[0], structure)
        results = []
        for j, axis in enumerate(axes):
            column = [r[j] for r in rows]
            if axis is None or column[0] is None or isinstance(column[0], str | bytes):
                if axis is None and not all(_is_same_result(y, column[0]) for y in column):
                    raise self._differs()
                results.append(column[0])
                continue
            shapes = {shape_of(y) for y in column}
            if len(shapes) > 1:
                raise ValueError(f"{self.what}: the samples' results have different shapes: {sorted(shapes)}")
            traced = any(isinstance(y, Traced) for y in column)
            results.append(self._placed(stack(column) if traced else np.stack(column), axis))
        return tree.unflatten(structure, results)

    def _sample(self, x, axis, i):
        y = x[(slice(None),) * axis + (i,)]
        return +y if isinstance(y, Traced) else y.copy() if isplain(y, np.ndarray) else y
