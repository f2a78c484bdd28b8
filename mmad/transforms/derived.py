"""The transforms of tapes, each an evaluation on the right kind of value while a new tape records.

* pushforward: evaluate on dual numbers.
* pullback: evaluate, then sweep back what was recorded.
* batch: evaluate on batches.
* linearize: push recorded tangents through a tape whose primal values are fixed.
* transpose: sweep a linear tape back with a recorded cotangent.
"""

import contextlib

import numpy as np

from mmad._core import Traced, Var, shape_of
from mmad.ops.movement import broadcast_to
from mmad.python.kinds import isplain
from mmad.sweeps._forward_recorded import record_forward
from mmad.sweeps._reverse_recorded import record_reverse
from mmad.tape._storage import ArrayVar
from mmad.tape.contexts import Forwarding, Recording
from mmad.tracing import tree
from mmad.tracing.origins import Origins
from mmad.transforms.closing import close
from mmad.transforms.evaluate import evaluate, recorded_arguments
from mmad.wrappers._batch import Batch
from mmad.wrappers._dual import Dual, make_dual, new_level

__all__ = ["batch", "linearize", "pullback", "pushforward", "transpose"]


def _static(x):
    """Return whether a leaf has nothing to do with derivatives: None and text."""
    return x is None or isinstance(x, str | bytes)


class _TapeBuilder:
    """A new tape under construction, of the kind of the one that it is made of."""

    def __init__(self, of, origin):
        self.tape = type(of)(origin, True)
        self.tape.in_tree = []
        if of.origins is not None:  # a tape made of one that knows its lines knows them, too
            self.tape.origins = Origins(self.tape)

    @contextlib.contextmanager
    def recording(self):
        """Open a context in which the tape records."""
        with Recording(self.tape), self.tape.origins or contextlib.nullcontext():
            yield

    def add(self, in_tree, values):
        """Add new arguments with these leaves; None and text stay as they are.

        Returns
        -------
        list
            The leaves, traced.
        """
        self.tape.in_tree += in_tree
        leaves = []
        for v in values:
            static = _static(v)
            x = v if static else self._input(v)
            self.tape.inputs.append(-1 if static else x.node)
            self.tape.statics.append(v if static else None)
            leaves.append(x)
        return leaves

    def _input(self, v):
        if isplain(v, float):
            return self.tape.add_input(float(v), strong=type(v) is not float)
        return self.tape.add_input(np.array(v, order="C"), number=not isplain(v, np.ndarray))


def _tangents(values):
    """Return a tangent for each argument leaf to record with: of its shape and dtype; every element is one.

    The value does not matter, no rule looks at it.
    """
    return [v if _static(v) else type(v)(1.0) if isplain(v, float) else np.ones_like(v) for v in values]


def _cotangents(tape):
    """Return the same for each leaf of the result."""
    out = []
    for k, c, as_float in zip(tape.outputs, tape.constants, tape.floats, strict=True):
        if k < 0:
            numeric = isplain(c, float | complex | np.ndarray | np.inexact) and np.result_type(c).kind in "fc"
            out.append((1.0 if isplain(c, float) else np.ones_like(c)) if numeric else _undifferentiated(c))
            continue
        i = tape.instructions[k]
        if i.array:
            out.append(np.ones(i.shape, i.dtype if i.dtype.kind in "fc" else np.float64))
        else:
            out.append(1.0 if as_float or i.dtype.kind == "b" else np.float64(1.0))
    return out


def _undifferentiated(c):
    """Return a placeholder for the cotangent of an integer, a truth value or text."""
    if _static(c):
        return c
    return np.ones(np.shape(c)) if isplain(c, np.ndarray) else 1.0


def _zero(v):
    """Return a zero of the shape and dtype of v."""
    return np.zeros(shape_of(v), getattr(v, "dtype", np.float64))[()]


def _filled(g, like):
    """Return a tangent or cotangent; zeros of the kind of `like` where it is None."""
    if _static(like):
        return like
    return _zero(like) if g is None else g


def _differentiable(x):
    return isinstance(x, Traced) and x.dtype.kind in "fc"


# ------------------------------------------------------------------------------------------------ evaluations
def pushforward(tape):
    """See :meth:`mmad.Tape.pushforward`."""
    new, level = _TapeBuilder(tape, f"pushforward of {tape.origin}"), new_level()
    point = recorded_arguments(tape)
    with new.recording():
        xs = new.add(tape.in_tree, point)
        dots = new.add(tape.in_tree, _tangents(point))
        duals = [make_dual(level, x, d) if isinstance(x, Traced) else x for x, d in zip(xs, dots, strict=True)]
        wrapper = next((d for d in duals if isinstance(d, Dual)), None)
        if wrapper is None:
            raise TypeError(f"{tape.origin}: no argument has a derivative")
        with Forwarding(wrapper):
            results = evaluate(tape, duals)
        ys, y_dots = [], []
        likes = _cotangents(tape)
        for y, like in zip(results, likes, strict=True):
            dual = isinstance(y, Dual) and y.level == level
            ys.append(_refreshed(y.primal if dual else y))
            y_dots.append(_refreshed(y.tangent) if dual else _filled(None, like))
    return close(new.tape, [*ys, *y_dots], _tuple([(tape.out_tree, len(ys))] * 2), likes * 2)


def pullback(tape):
    """See :meth:`mmad.Tape.pullback`."""
    new, point = _TapeBuilder(tape, f"pullback of {tape.origin}"), recorded_arguments(tape)
    with new.recording():
        xs = new.add(tape.in_tree, point)
        nodes = [x.node for x in xs if isinstance(x, Var)]
        start = min(nodes, default=0)
        ys = [_refreshed(y) for y in evaluate(tape, xs)]
        stop = len(new.tape)
        bars = new.add([(tape.out_tree, len(ys))], _cotangents(tape))
        seeds = [(y.node, b) for y, b in zip(ys, bars, strict=True) if isinstance(y, Var) and _differentiable(y)]
        gs = iter(record_reverse(new.tape, start, stop, seeds, nodes) if seeds else [None] * len(nodes))
        gs = [_filled(next(gs) if isinstance(x, Var) else None, v) for x, v in zip(xs, point, strict=True)]
        gs = [_refreshed(g) for g in gs]
    return close(new.tape, gs, _tuple(tape.in_tree), point)


def batch(tape, k):
    """See :meth:`mmad.Tape.batch`."""
    if not isplain(k, int | np.integer) or k < 1:
        raise ValueError(f"{tape.origin}: the number of lanes must be a positive integer, not {k!r}")
    new, level = _TapeBuilder(tape, f"batch of {tape.origin}"), new_level()
    point = recorded_arguments(tape)
    lanes = [v if _static(v) else np.stack([np.asarray(v)] * k) for v in point]
    with new.recording():
        xs = [Batch(level, x) if isinstance(x, Traced) else x for x in new.add(tape.in_tree, lanes)]
        wrapper = next((x for x in xs if isinstance(x, Batch)), None)
        if wrapper is None:
            raise TypeError(f"{tape.origin}: no argument can be batched")
        with Forwarding(wrapper):
            results = evaluate(tape, xs)
        results = [_refreshed(_lanes(y, level, k)) for y in results]
    return close(new.tape, results, tape.out_tree)


def _lanes(y, level, k):
    if isinstance(y, Batch) and y.level == level:
        return y.lanes
    if _static(y):
        return y
    if isinstance(y, Traced):
        return broadcast_to(y, (k, *y.shape)) + 0.0
    return np.stack([np.asarray(y)] * k)


# ------------------------------------------------------------------------------------------------ linear maps
def at_point(tape, point):
    """Return the tape itself, recorded at other arguments."""
    new = _TapeBuilder(tape, tape.origin)
    with new.recording():
        xs = new.add(tape.in_tree, tape.arguments(point))
        ys = [_refreshed(y) for y in evaluate(tape, xs)]
    return close(new.tape, ys, tape.out_tree)


def linearize(tape, point):
    """See :meth:`mmad.Tape.linearize`."""
    if point:
        tape = at_point(tape, point)
    new = _TapeBuilder(tape, f"linearization of {tape.origin}")
    with new.recording():
        dots = new.add(tape.in_tree, _tangents(recorded_arguments(tape)))
        seeds = [(k, d) for k, d in zip(tape.inputs, dots, strict=True) if k >= 0]
        wanted = [k for k in tape.outputs if k >= 0 and _carries(tape, k)]
        tangents = {}
        if seeds and wanted:
            start, stop = min(k for k, _ in seeds), max(wanted) + 1
            results = record_forward(tape, start, stop, seeds, wanted, plain=True, linear=True)
            tangents = dict(zip(wanted, results, strict=True))
        likes = _cotangents(tape)
        y_dots = [_refreshed(_filled(tangents.get(k), like)) for k, like in zip(tape.outputs, likes, strict=True)]
    return close(new.tape, y_dots, tape.out_tree, likes)


def transpose(tape):
    """See :meth:`mmad.Tape.transpose`."""
    check_linear(tape)
    new = _TapeBuilder(tape, f"transpose of {tape.origin}")
    with new.recording():
        bars = new.add([(tape.out_tree, len(tape.outputs))], _cotangents(tape))
        nodes = [k for k in tape.inputs if k >= 0]
        seeds = [(k, b) for k, b in zip(tape.outputs, bars, strict=True) if k >= 0 and _carries(tape, k)]
        gs = [None] * len(nodes)
        if seeds and nodes:
            stop = max(max(k for k, _ in seeds), *nodes) + 1
            gs = record_reverse(tape, min(nodes), stop, seeds, nodes, plain=True, linear=True)
        gs = iter(gs)
        gs = [
            _refreshed(_filled(next(gs) if k >= 0 else None, v))
            for k, v in zip(tape.inputs, recorded_arguments(tape), strict=True)
        ]
    return close(new.tape, gs, _tuple(tape.in_tree), recorded_arguments(tape))


_BOTH = {"add", "subtract", "negative", "positive", "conjugate", "real", "imag", "astype", "stop_gradient"}
_ONE = {"multiply", "chain", "masked"}  # linear in each of two operands
_ALSO = {"recurrence": (1,)}  # operations with a pushforward of their own that are linear in these operands


def check_linear(tape):
    """Raise ValueError unless the results are linear in the arguments."""
    nodes = [k for k in tape.inputs if k >= 0]
    active = set(nodes)
    for i in tape.instructions:
        on = [p for p, j in enumerate(i.operands) if j in active]
        if not on:
            continue
        if i.name == "guard":
            raise ValueError(f"{tape.origin} is not linear: {str(i).strip()} looks at what depends on an argument")
        active.add(i.id)
        if not _is_linear(i, on) and i.dtype.kind in "fc":
            raise ValueError(f"{tape.origin} is not linear: {str(i).strip()}")
    at_zero = evaluate(
        tape, [v if k < 0 else _zero(v) for k, v in zip(tape.inputs, recorded_arguments(tape), strict=True)]
    )
    if any(not _static(y) and np.nan_to_num(y).any() for y in at_zero):
        raise ValueError(f"{tape.origin} is not linear: it is not zero where its arguments are")


def _is_linear(i, on):
    if i.name in ("load", "store") or i.name in _BOTH:
        return True
    if i.name in _ONE:
        return len(on) == 1
    if i.name in ("divide", "settled"):
        return on == [0]
    op = i.op
    if op.joint:
        return all(p in op.transposes for p in on)
    if i.name in _ALSO:
        return on == list(_ALSO[i.name])
    if op.transposes is None or (op.jvp is not None and i.name != "concatenate"):
        return False
    return i.name == "concatenate" or (len(on) == 1 and on[0] in op.transposes)


# ------------------------------------------------------------------------------------------------ helpers
def _carries(tape, k):
    """Return whether a value has a derivative."""
    return tape.instructions[k].dtype.kind in "fc"


def _refreshed(y):
    """Return a traced result as of now: a view of a storage that was written to since is brought up to date."""
    if isinstance(y, ArrayVar):
        y.refresh()
    return y


def _tuple(in_tree):
    """Return the structure of a tuple of one tree an argument."""
    return tree.flatten(tuple(tree.unflatten(s, [0.0] * count) for s, count in in_tree))[1]
