"""Running a user's function on traced values, and sweeping what was recorded.

Everything recorded in one thread goes on one tape: a derivative taken inside another one continues the outer tape, and
its reverse sweep is recorded there as ordinary instructions.  Dual numbers and batches of any level wrap traced
values, so modes nest in any order.
"""

import numpy as np

from mmad._core import Jet, ScalarVar, Traced, Var, Wrapper
from mmad.errors import RepeatedEigenvalueError, TraceError, UnsupportedError
from mmad.ops import arithmetic as a
from mmad.ops.movement import viewed
from mmad.ops.spectral import Met, eigenvectors, undefined, undifferentiable
from mmad.python import refusals
from mmad.python.kinds import isplain
from mmad.sweeps import transpose  # noqa: F401  (says how pushforwards are transposed)
from mmad.sweeps._forward_numeric import forward_sweep
from mmad.sweeps._forward_recorded import record_forward
from mmad.sweeps._reverse_numeric import reverse_sweep
from mmad.sweeps._reverse_recorded import record_reverse
from mmad.tape import _activity
from mmad.tape._storage import ArrayVar
from mmad.tape._tape import Tape
from mmad.tape.constants import unboxed, zeros
from mmad.tape.contexts import STATE, Recording, open_tape, wrappers_open
from mmad.tracing import tree
from mmad.tracing.eigenspaces import (
    BASES,
    agreed_cotangent,
    agreed_tangent,
    in_basis,
    nearly_equal,
    pulled_by_directions,
)
from mmad.tracing.leaves import ArgumentPlace, describe, in_c_order, plain_leaf
from mmad.tracing.levels import (
    batch_of,
    batches_in,
    contains_level,
    diagonal_batch,
    in_lanes,
    is_numeric,
    jet_of,
    of_level,
    sum_of,
)
from mmad.tracing.lost_track import is_nan, refuse_left_behind
from mmad.tracing.nans import NANS
from mmad.tracing.results import finished, in_kind_of, is_static
from mmad.wrappers._batch import Batch

__all__ = ["Trace", "returned_by_program", "template"]

_float64 = np.dtype(np.float64)


def returned_by_program(tape):
    """Return whether `mmad.compile` records on a tape, outside of every other derivative."""
    return tape is not None and tape.live and STATE.tapes.count(tape) == 1


def template():
    """Return what an array made now has to accept: a traced value of every open derivative, or None outside of all."""
    tape = open_tape()
    like = None if tape is None else tape.add_constant(0.0)
    for w in sorted(getattr(STATE, "wrappers", ()), key=lambda w: w.level):
        base = 0.0 if like is None else like
        if isinstance(w, Jet):
            rest = [Batch(p.level, np.zeros((p.count,))) if isinstance(p, Batch) else base for p in w.parts[1:]]
            like = w.of([base, *rest])
        else:
            like = Batch(w.level, zeros((w.count,), np.float64, base))
    return like


class Trace:
    """One run of a function, recorded.

    Parameters
    ----------
    f : callable
    args : tuple
    kwargs : dict
    argnums : tuple of int
        Positions of the arguments that are traced.
    what : str
        The derivative asked for, for messages.
    tape : Tape, optional
        A fresh tape to record on; by default the open one, or a new one.

    Attributes
    ----------
    outputs, out_tree : list, object
        Leaves and structure of what the function returned, traced.
    nested : bool
        Whether the tape belongs to an outer derivative.
    """

    def __init__(self, f, args, kwargs, argnums, what, tape=None):
        self.call, repeated = (f, args, kwargs, argnums, what), Met.repeated
        outer = open_tape() if tape is None else None
        self.nested = outer is not None
        self.origin = describe(f, what)
        # not by truth: a tape without instructions is false
        self.tape = next((t for t in (tape, outer) if t is not None), None)
        if self.tape is None:
            self.tape = Tape(self.origin)
        self.private = tape is None or not tape.live  # a program reads its arguments again: no copies for it
        self.start = len(self.tape)
        self.leaves, self.inputs, self.structures, self.nodes = [], [], [], []
        self.plain = True
        args = list(args)
        self.lanes = batches_in([args[k] for k in argnums]) if wrappers_open() else ()
        with Recording(self.tape):
            for k in argnums:
                args[k] = self._traced(args[k], k, what)
            out = f(*args, **kwargs)
            if self.nested and self.plain and _activity.independent(self.tape, self.start):
                self.nested = False  # nothing of the outer derivative is in it: its results are plain
            if type(out) is ScalarVar and refusals.refused() is None:
                self.outputs, self.out_tree = [out], tree.LEAF
                self.returned, self.repeated = self.outputs, Met.repeated != repeated
                return
            self.outputs, self.out_tree = tree.flatten(out)
            self.returned, self.repeated = self.outputs, Met.repeated != repeated
            refuse_left_behind(self.outputs)
            for i, out in enumerate(self.outputs):
                self.outputs[i] = unboxed(out)
                if isinstance(self.outputs[i], ArrayVar):
                    self.outputs[i].refresh()

    def _traced(self, arg, position, what):
        if not self.lanes and (type(arg) is float or (type(arg) is np.ndarray and arg.dtype is _float64)):
            x = self.tape.add_input(arg if type(arg) is float or (not self.private and in_c_order(arg)) else arg.copy())
            self.leaves.append(arg)
            self.nodes.append(x.node)
            self.inputs.append(x if type(x) is ScalarVar else _Handle(x))
            self.structures.append((tree.LEAF, 1))
            return x
        leaves, structure = tree.flatten(arg)
        traced = []
        for i, leaf in enumerate(leaves):
            if is_static(leaf):
                traced.append(leaf)
                self.leaves.append(leaf)
                self.inputs.append(None)
                continue
            x = leaf
            if type(leaf) is not float and not isinstance(leaf, Traced):
                x = plain_leaf(leaf, ArgumentPlace(what, position, arg, i))
            for level, count in self.lanes:
                x = in_lanes(x, level, count)
            x = self._input(x, leaf)
            traced.append(x)
            self.leaves.append(leaf)
            self.inputs.append(x if not isinstance(x, ArrayVar) else _Handle(x))
        self.structures.append((structure, len(leaves)))
        return tree.unflatten(structure, traced)

    def _input(self, x, leaf):
        """Return a new traced input: on the tape, inside any dual number or batch of an outer derivative."""
        if isinstance(x, Jet):
            first, *rest = x.parts
            return x.of([self._input(first, leaf), *[+p if isinstance(p, Traced) else p for p in rest]])
        if isinstance(x, Batch):
            return Batch(x.level, self._input(x.lanes, leaf))
        if isinstance(x, Var):
            if x.tape is not self.tape:
                if not x.tape.open:
                    a.positive(x)  # raises, naming the trace it leaked from
                raise TraceError(f"{self.origin}: an argument belongs to another trace, {x.tape.origin}")
            if type(x) is ArrayVar and not x.shape and not x.number:  # whose copy by itself is a number
                v = viewed(a.positive(viewed(x, lambda m: m.reshape(1))), lambda m: m.reshape(()))
            else:
                v = a.positive(x)
            if type(v) is ArrayVar and v.base is not None:  # what is read later has to come from this node
                v = v.tape.var_at(v.node, v.tape.value_of(v))
            self.plain = False
        else:
            if not isplain(x, float | np.ndarray):
                x = np.asarray(x)
            v = self.tape.add_input(
                x, strong=isplain(leaf, np.floating), number=not np.ndim(x) and not isplain(leaf, np.ndarray)
            )
        self.nodes.append(v.node)
        return v

    # ------------------------------------------------------------------------------------ reverse
    def pull(self, outputs, cts):
        """Return the cotangents of the inputs from those of `outputs` (leaves of what the function returned).

        Returns
        -------
        list
            One value an input leaf; None where it is zero.
        """
        if tree.QUANTITIES:
            self._refuse_units()
        try:
            if len(outputs) == 1:
                total = self._pull(outputs[0], cts[0])
            else:
                total = [None] * len(self.inputs)
                for out, ct in zip(outputs, cts, strict=True):
                    total = [sum_of(t, g) for t, g in zip(total, self._pull(out, ct), strict=True)]
        except RepeatedEigenvalueError:
            return self._pull_in_bases(outputs, cts)
        if NANS.on:
            NANS.examine(self, "pull", outputs, cts, total)
        return self._pull_in_bases(outputs, cts) if self.repeated and self._undefined(outputs) else total

    def _refuse_units(self):
        """Raise TypeError for quantities: a cotangent has other units than the argument whose structure it has."""
        for structure in (self.out_tree, *(s for s, _ in self.structures)):
            cls = tree.quantity_in(structure)
            if cls is not None:
                raise TypeError(
                    f"{self.origin}: a gradient has other units than its argument, and a {cls.__name__} is among the "
                    "arguments or results; pass and return the numbers (x.magnitude), or use mmad.jvp, whose tangents "
                    "have units"
                )

    def _pull(self, out, ct):
        if type(out) is ScalarVar and type(ct) is float and not self.nested and out.tape is self.tape:
            gs = reverse_sweep(self.tape, [(out.node, ct)], self.nodes)
            return gs if len(gs) == len(self.inputs) else self._spread(iter(gs))
        # the highest level first: it stays outside
        if isinstance(ct, Jet) and not (isinstance(out, Jet) and out.level > ct.level):
            return self._join(ct, self._convolved(self._pull, out, ct))
        if isinstance(out, Jet):
            # the coefficient of t^k of a gradient is the gradient of that of the function by the zeroth of x
            return self._join(out, [self._pull(part, ct) for part in out.parts])
        if isinstance(out, Batch):
            return self._pull_batch(out, ct)
        if not isinstance(out, Traced):
            return [None] * len(self.inputs)
        if out.tape is not self.tape:
            raise TraceError(f"{self.origin} returned a value of another trace, {out.tape.origin}")
        return self._spread(iter(self._sweep([(out.node, ct)])))

    def _spread(self, gs):
        """Return the cotangents by node as cotangents by input leaf."""
        return [None if x is None else self._collect(x, gs) for x in self.inputs]

    def _collect(self, x, gs):
        """Return the cotangent of one input leaf, put together from those of its nodes."""
        if isinstance(x, Jet):
            return self._collect(x.parts[0], gs)
        if isinstance(x, Batch):
            g = self._collect(x.lanes, gs)
            return batch_of(x.level, g)
        return next(gs)

    def _convolved(self, sweep, out, ct):
        """Sweep back a seed that is a dual number or series: coefficients of `out` with those of the seed."""
        same = of_level(out, ct.level)
        found = []
        for k in range(len(ct.parts)):
            pairs = zip(out.parts[: k + 1], ct.parts[k::-1], strict=False) if same else [(out, ct.parts[k])]
            total = [None] * len(self.inputs)
            for y, c in pairs:
                total = [sum_of(t, g) for t, g in zip(total, sweep(y, c), strict=True)]
            found.append(total)
        return found

    def _join(self, like, columns):
        return [
            None if x is None else jet_of(like, list(parts)) for x, *parts in zip(self.inputs, *columns, strict=True)
        ]

    def _pull_batch(self, out, ct):
        if any(contains_level(x, out.level) for x in self.inputs):
            # the lanes of a vmap are independent: sweep them together
            if isinstance(ct, Batch) and ct.level == out.level:
                lanes = ct.lanes
            else:
                lanes = np.ones((out.count,) + (1,) * len(np.shape(ct))) * ct
            return self._pull(out.lanes, lanes)
        # The inputs are the same in all lanes, as in many tangents of an outer forward derivative: one sweep with a
        # batch of cotangents, that of lane k for lane k of the output alone.
        n = out.count
        eye = np.eye(n).reshape((n, n) + (1,) * len(out.shape))
        lanes = eye * (viewed(ct.lanes, lambda m: m[:, None]) if of_level(ct, out.level) else ct)
        return self._pull(out.lanes, batch_of(out.level, lanes))

    def _sweep(self, seeds):
        return self.pull_between(seeds, self.nodes)

    def pull_between(self, seeds, wanted):
        """Return the cotangents of nodes from those of others.

        Parameters
        ----------
        seeds : list of (int, value)
            Any nodes of this recording, and their cotangents.
        wanted : list of int
            Any nodes of it; a sweep ends there.

        Returns
        -------
        list
            One value a node, None where it is zero.
        """
        stop = max([k + 1 for k, _ in seeds] + [k + 1 for k in wanted])
        if self.nested and self.tape.open:
            # Under `compile` itself, outside of every other derivative, nothing will sweep what is recorded here.
            forget = returned_by_program(self.tape) and not any(isinstance(ct, Wrapper) for _, ct in seeds)
            return record_reverse(self.tape, self.start, stop, seeds, wanted, forget)
        if not all(is_numeric(ct) for _, ct in seeds):
            return record_reverse(self.tape, self.start, stop, seeds, wanted, plain=True)
        return reverse_sweep(self.tape, seeds, wanted)

    # ------------------------------------------------------------------------------------ forward
    def push(self, dots, outputs, cache=None):
        """Return the tangents of `outputs` from those of the inputs (None: zero); None where zero."""
        missing = Met.missing
        if any(isinstance(x, Wrapper) for x in (*self.inputs, *outputs)) or any(isinstance(d, Jet) for d in dots):
            found = [self._push(out, dots) for out in outputs]
        else:
            found = self._push_plain(dots, outputs, cache)
        if Met.missing != missing and any(is_nan(d) for d in found):
            return self._push_in_bases(dots, outputs, found)
        if NANS.on:
            NANS.examine(self, "push", outputs, dots, found)
        return found

    def _push_plain(self, dots, outputs, cache=None):
        """Do the same where no outer derivative's wrapper is about."""
        seeds = [(x.node, d) for x, d in zip(self.inputs, dots, strict=True) if d is not None and x is not None]
        nodes = [out.node if isinstance(out, Traced) else None for out in outputs]
        wanted = [k for k in nodes if k is not None]
        if not seeds or not wanted:
            return [None] * len(outputs)
        found = iter(self.push_between(seeds, wanted, cache))
        return [None if k is None else next(found) for k in nodes]

    def push_between(self, seeds, wanted, cache=None):
        """Return the tangents of nodes from those of others.

        Parameters
        ----------
        seeds : list of (int, value)
            Any nodes of this recording, and their tangents, None for zero, whatever the nodes depend on.
        wanted : list of int
            Any nodes of it.

        Returns
        -------
        list
            One value a node, None where it is zero.
        """
        stop = max(wanted) + 1
        if self.nested and self.tape.open:
            return record_forward(self.tape, self.start, stop, seeds, wanted)
        if not all(is_numeric(d) for _, d in seeds):
            return record_forward(self.tape, self.start, stop, seeds, wanted, plain=True)
        return forward_sweep(self.tape, seeds, wanted, cache)

    def _push(self, out, dots):
        """Return the tangent of one output inside outer derivatives' wrappers: level by level, the highest first."""
        wrappers = [w for w in (*self.inputs, out) if isinstance(w, Wrapper)]
        wrappers += [w for w in dots if isinstance(w, Jet)]
        if not wrappers:
            return self._push_plain(dots, [out])[0]
        top = max(wrappers, key=lambda w: w.level)
        level, inner = top.level, self._without(top.level)
        if isinstance(top, Batch) and not any(of_level(x, level) for x in self.inputs):
            # The inputs are the same in all lanes: lane k of the output takes its tangent from lane k of the seeds.
            g = inner._push(out.lanes, dots)
            if g is not None and any(contains_level(d, level) for d in dots):
                return diagonal_batch(level, g)
            return batch_of(level, g)
        if isinstance(top, Batch):
            count = top.count
            lanes = [
                d.lanes
                if of_level(d, level)
                else None
                if d is None
                else np.ones((count,) + (1,) * len(np.shape(d))) * d
                for d in dots
            ]
            g = inner._push(out.lanes if of_level(out, level) else out, lanes)
            return batch_of(level, g)
        found = []
        for k in range(len(top.parts)):
            total = None
            for j, y in enumerate(out.parts[: k + 1]) if of_level(out, level) else [(0, out)]:
                part = [d.parts[k - j] if of_level(d, level) else d if k == j else None for d in dots]
                if any(d is not None for d in part):
                    total = sum_of(total, inner._push(y, part))
            found.append(total)
        return jet_of(top, found)

    def _without(self, level):
        """Return this trace as seen below the wrappers of a level."""
        view = object.__new__(Trace)
        view.__dict__.update(self.__dict__)
        view.inputs = [
            (x.parts[0] if isinstance(x, Jet) else x.lanes) if of_level(x, level) else x for x in self.inputs
        ]
        return view

    # ------------------------------------------------------------------------------------ repeated eigenvalues
    def _undefined(self, outputs):
        """Return whether outputs depend on eigenvectors of a repeated eigenvalue where a cotangent of zero was lost."""
        if self.nested:  # where zeros are recorded
            return False
        recs = [(k, self.tape.record_of(k)) for k in range(self.start, len(self.tape))]
        seeds = [(k, undefined(*r.vals, **r.params)) for k, r in recs if r is not None and r.op is eigenvectors]
        wanted = [y.node for y in outputs if isinstance(y, Var)]
        return bool(seeds and wanted) and any(is_nan(d) for d in self.push_between(seeds, wanted))

    def _in_bases(self, outputs):
        """Return this trace in each of the bases, with what `outputs` are there, and their values."""
        f, args, kwargs, argnums, what = self.call
        if f is None:
            raise undifferentiable(f"what {self.origin} computes of eigenvectors")
        places = [next((k for k, y in enumerate(self.returned) if y is out), None) for out in outputs]
        args, found = list(args), []
        for k, x in zip(argnums, self._arguments(), strict=True):
            args[k] = x
        for turn in BASES:
            try:
                t = Trace(in_basis(f, turn), args, kwargs, argnums, what)
            except Exception as error:
                raise undifferentiable(f"what {self.origin} computes of eigenvectors") from error
            if None in places or len(t.returned) != len(self.returned):
                raise undifferentiable(f"what {self.origin} computes of eigenvectors")
            outs = [t.returned[k] for k in places]
            found.append((t, outs, outs if t.nested else [finished(y) for y in outs]))
        if not self.nested and not all(map(nearly_equal, found[0][2], map(finished, outputs))):
            raise TraceError(f"{self.origin}: run again at a repeated eigenvalue, the function gave another result")
        return found

    def _arguments(self):
        """Return the traced arguments, to run the function again."""
        if not self.nested and not any(isinstance(x, Traced) for x in self.leaves):
            return self.point()
        out, at = [], 0
        for structure, count in self.structures:
            out.append(tree.unflatten(structure, self.leaves[at : at + count]))
            at += count
        return tuple(out)

    def _pull_in_bases(self, outputs, cts):
        """Return the cotangents of what does not depend on the basis of a repeated eigenvalue's eigenspace."""
        try:
            found = self._in_bases(outputs)
            gs = [t.pull(outs, cts) for t, outs, _ in found]
        except UnsupportedError:
            gs = None if self.nested else pulled_by_directions(self, outputs, cts)
            if gs is None:
                raise
            return gs
        terms = [[a.multiply(y, ct) for y, ct in zip(ys, cts, strict=True)] for _, _, ys in found]
        return [
            None if x is None else agreed_cotangent(columns, terms, x.shape, x.dtype)
            for x, *columns in zip(self.inputs, *gs, strict=True)
        ]

    def _push_in_bases(self, dots, outputs, rest):
        """Return the tangents of what does not depend on the basis of a repeated eigenvalue's eigenspace."""
        found = self._in_bases(outputs)
        tangents = [t.push(dots, outs) for t, outs, _ in found]
        return [
            None if is_static(y) else agreed_tangent(columns, [ys[k] for _, _, ys in found], rest[k])
            for k, (y, *columns) in enumerate(zip(outputs, *tangents, strict=True))
        ]

    # ------------------------------------------------------------------------------------ trees
    def point(self):
        """Return the traced arguments as they were when the function was recorded, a tuple of trees of plain values."""
        if self.nested or any(isinstance(x, Traced) for x in self.leaves):
            raise TypeError(
                f"{self.origin}: what belongs to a point of an outer derivative cannot be pickled or copied"
            )
        leaves = [
            leaf
            if x is None
            else in_kind_of(self.tape.record_of(x.node).out if x.shape else self.tape.node(x.node)[2], leaf)
            for x, leaf in zip(self.inputs, self.leaves, strict=True)
        ]
        out, at = [], 0
        for structure, count in self.structures:
            out.append(tree.unflatten(structure, leaves[at : at + count]))
            at += count
        return tuple(out)

    def trees(self, gs):
        """Return the cotangents by input leaf as a tree for each traced argument; zeros where None."""
        out, at = [], 0
        for structure, count in self.structures:
            leaves = [self._filled(k, gs[k]) for k in range(at, at + count)]
            out.append(tree.unflatten(structure, leaves))
            at += count
        return tuple(out)

    def _filled(self, k, g):
        leaf = self.leaves[k]
        if type(g) is np.ndarray and type(leaf) is np.ndarray and g.dtype is leaf.dtype:
            return g
        x = self.inputs[k]
        if x is None:
            return leaf
        return in_kind_of(np.zeros(x.shape, x.dtype) if g is None else g, leaf)


class _Handle:
    """An input array as it was: node, shape and dtype, without keeping what the function wrote into it."""

    __slots__ = ("dtype", "node", "shape")

    def __init__(self, x):
        self.node, self.shape, self.dtype = x.node, x.shape, x.dtype
