"""The reverse sweep on values of any kind: many cotangents at once, or another trace's values.

The same rules as the compiled numeric sweep (`mmad.sweeps._sweep`), applied to values that are themselves traced: the
instructions of the derivative are recorded as ordinary instructions, and can be differentiated again.
"""

import numpy as np

from mmad._core import Jet, Traced, Var
from mmad.kernels import _arrays, _windows
from mmad.ops import _rules
from mmad.ops import arithmetic as a
from mmad.ops._singularities import SINGULAR, meets_infinity
from mmad.ops.reduction import unbroadcast
from mmad.ops.structure import embed, put, put_index, viewed, window
from mmad.python.kinds import isplain
from mmad.sweeps import _sweep
from mmad.sweeps._emit import poisoned, uncut, unknown
from mmad.tape import _activity
from mmad.tape._instructions import scalar_op, scalar_opcodes
from mmad.tape._tape import Tape
from mmad.tape.constants import adopt
from mmad.wrappers._batch import Batch

__all__ = ["reverse", "transpose_jvp", "windowed"]

_SCALAR = {name: scalar_op(code) for name, (code, _) in scalar_opcodes().items()}


class Environment:
    """The values of a tape's nodes as they were recorded, as traced values of the same tape."""

    def __init__(self, tape):
        self.tape = tape

    def operands(self, k):
        """Operation, operand nodes, operand values, result, parameters of instruction k."""
        tape = self.tape
        name, args, _ = tape.node(k)
        rec = tape.record_of(k)
        if rec is None:
            return _SCALAR[name], args, tuple(tape.var_at(j) for j in args), tape.var_at(k), None
        vals = tuple(v if j < 0 or v is None else tape.var_at(j, v) for j, v in zip(rec.args, rec.vals, strict=True))
        out = None if rec.out is None else tape.var_at(k, rec.out)
        return rec.op, rec.args, vals, out, rec.params

    def at_singularity(self, k, op):
        """Whether instruction k was recorded where it has an infinite derivative."""
        rec = self.tape.record_of(k)
        if rec is not None:
            return meets_infinity(op, rec.vals, rec.out)
        _, args, value = self.tape.node(k)
        return meets_infinity(op, tuple([self.tape.node(j)[2] for j in args]), value)

    def for_rules(self, op, args, vals, *seeds):
        """Operands for a rule that is given `seeds`."""
        return self.tape.for_rules(op, args, vals, not any(traced_parts(s) for s in seeds)) if self.tape.live else vals


class Frozen(Environment):
    """The same as plain values: for many cotangents of a finished trace.

    With `linear` what is recorded has to be linear in the cotangents: where a zero comes from is not looked at.
    """

    def __init__(self, tape, linear=False):
        super().__init__(tape)
        self.linear = linear
        tape.fill_all()

    def at_singularity(self, k, op):
        return not self.linear and super().at_singularity(k, op)

    def operands(self, k):
        tape = self.tape
        name, args, value = tape.node(k)
        rec = tape.record_of(k)
        if rec is None:
            return _SCALAR[name], args, tuple(tape.node(j)[2] for j in args), value, None
        return rec.op, rec.args, rec.vals, rec.out, rec.params


class Accumulators:
    """Cotangents by node.  Writes into arrays go in place into buffers made here.

    Attributes
    ----------
    doubtful : bool
        An instruction had an infinite derivative.
    marks, marking : dict or None
        What a sweep from NaN had for cotangents of such instructions; where this sweep, from NaN, puts them.
    """

    def __init__(self, tape, start, stop, seeds, marks=None, marking=None):
        self.tape, self.bars, self.owned = tape, {}, set()
        self.start, self.stop, self.seeds, self.direct = start, stop, [k for k, _ in seeds], None
        self.doubtful, self.marks, self.marking = False, marks, marking

    def through(self, k):
        """Whether a zero cotangent of norm k is not structural: it does not win where the norm has no slope."""
        if self.direct is None:
            self.direct = _activity.direct_nodes(self.tape, self.start, self.stop, self.seeds)
        return self.direct[k]

    def doubted(self, env, k, op, g, vals, out, active):
        """The cotangent g of instruction k, whose operation has singular points, to go on with."""
        if self.marking is not None:
            self.marking[k] = a.positive(g)
        elif self.marks is not None:
            return poisoned(op, self.marks[k], g, vals, out, active) if k in self.marks else g
        elif not self.doubtful and not self.tape.live:
            self.doubtful = env.at_singularity(k, op)
        return g

    def add(self, k, g):
        """bars[k] += g."""
        if g is None:
            return
        old = self.bars.get(k)
        self.bars[k] = g if old is None else a.add(old, g)
        self.owned.discard(k)

    def buffer(self, k, like):
        """bars[k] as an array that may be written to."""
        if k not in self.owned:
            rec = self.tape.record_of(k)
            old = self.bars.get(k)
            fresh = adopt(np.zeros(rec.shape, rec.dtype), like if old is None else old)
            if old is not None:
                fresh[...] = old
            self.bars[k] = fresh
            self.owned.add(k)
        elif isinstance(like, Traced) and not isinstance(self.bars[k], Traced):
            fresh = adopt(np.zeros(self.bars[k].shape, self.bars[k].dtype), like)
            fresh[...] = self.bars[k]
            self.bars[k] = fresh
        return self.bars[k]

    def takes(self, k, g):
        """Whether a view of bars[k] can be written g: it has to be traced wherever g is."""
        old = self.bars.get(k)
        return old is None or traced_parts(g) <= traced_parts(old)

    def move(self, k, j):
        """Hand the buffer of version k to the version j before it."""
        g = self.bars.pop(k)
        if j in self.bars:
            self.add(j, g)
        else:
            self.bars[j] = g
            if k in self.owned:
                self.owned.add(j)
        self.owned.discard(k)


def traced_parts(x):
    """Where traced values are in a value: as it is, in the lanes, in the parts of a dual number or series."""
    if isinstance(x, Batch):
        return {("lanes", *path) for path in traced_parts(x.lanes)}
    if isinstance(x, Jet):
        return {(k, *path) for k, part in enumerate(x.parts) for path in traced_parts(part)}
    return {()} if isinstance(x, Traced) else set()


def reverse(tape, start, stop, seeds, inputs, environment=None):
    """Propagate cotangents from `seeds` back to `inputs`.

    Parameters
    ----------
    tape : Tape
    start, stop : int
        The range of instructions between the inputs and the seeds.
    seeds : list of (int, value)
        Nodes and cotangents; plain, traced or batched.
    inputs : list of int
    environment : Environment, optional
        Where operands' values come from; by default traced values of the same tape.

    Returns
    -------
    list
        A cotangent for each input, None where nothing depends on it.
    """
    env = environment or Environment(tape)
    active = _activity.active_nodes(tape, start, stop, inputs)
    if not tape.exact:
        bars = _swept(tape, start, stop, seeds, inputs, env, active)
        if not bars.doubtful:
            return [bars.bars.get(k) for k in inputs]
    marks = {}
    nans = [(k, unknown(g)) for k, g in seeds]
    with uncut():
        _swept(tape, start, stop, nans, inputs, env, active, marking=marks)
    bars = _swept(tape, start, stop, seeds, inputs, env, active, marks)
    return [bars.bars.get(k) for k in inputs]


def _swept(tape, start, stop, seeds, inputs, env, active, marks=None, marking=None):
    """The cotangents of one sweep."""
    bars = Accumulators(tape, start, stop, seeds, marks, marking)
    for k, g in seeds:
        if k < stop and active[k]:
            bars.add(k, g)
    wanted = set(inputs)
    with np.errstate(all="ignore"):
        for k in range(stop - 1, start - 1, -1):
            if not active[k] or k in wanted or k not in bars.bars:
                continue
            name, args, _ = tape.node(k)
            _step(tape, k, name, args, bars, active, env)
    return bars


def _step(tape, k, name, args, bars, active, env):
    """One instruction backward."""
    if name == "load":
        base, flat = args
        g = bars.bars.pop(k)
        at = tuple(int(i) for i in np.unravel_index(flat, tape.record_of(base).shape))
        acc = bars.buffer(base, g)
        acc[at] = acc[at] + g
        return
    if name == "store":
        base, source, flat = args
        acc = bars.buffer(k, bars.bars[k])
        at = tuple(int(i) for i in np.unravel_index(flat, tape.record_of(k).shape))
        if active[source]:
            bars.add(source, acc[at])
        acc[at] = 0.0
        _pass_on(bars, active, k, base)
        return
    op, args, vals, out, params = env.operands(k)
    if op in (put, put_index, window) and isplain(bars.bars[k], float):
        bars.bars[k] = np.full(tape.record_of(k).shape, bars.bars[k], tape.record_of(k).dtype)
    if op is put:
        acc = bars.buffer(k, bars.bars[k])  # in place, so that a loop takes what it writes
        part = windowed(acc, params)
        if active[args[1]] and args[1] >= 0:
            bars.add(
                args[1],
                unbroadcast(
                    a.positive(part),
                    np.shape(vals[1]) if not hasattr(vals[1], "shape") else vals[1].shape,
                    getattr(vals[1], "dtype", None),
                ),
            )
        part[...] = 0.0
        _pass_on(bars, active, k, args[0])
        return
    if op is put_index:
        g = bars.bars[k]
        if args[1] >= 0 and active[args[1]]:
            bars.add(args[1], _rules.pull(op, g, vals, None, None, tape.record_of(k).shape, [False, True, False])[1])
        bars.bars[k] = put_index(g, 0.0, vals[2])
        bars.owned.discard(k)
        _pass_on(bars, active, k, args[0])
        return
    g = bars.bars.pop(k)
    if op is window:
        _window(tape, args[0], params, g, bars)
        return
    shape = () if tape.record_of(k) is None else tape.record_of(k).shape
    vals = env.for_rules(op, args, vals, g)
    on = [j >= 0 and bool(active[j]) for j in args]
    if op.norm and bars.through(k):
        gs = _rules.pull_through(op, g, vals, out, shape, on)
    else:
        if op.name in SINGULAR:
            g = bars.doubted(env, k, op, g, vals, out, on)
        gs = _rules.pull(op, g, vals, out, params, shape, on)
    for j, gj in zip(args, gs, strict=True):
        if gj is not None:
            bars.add(j, gj)


def windowed(x, params):
    """The view of an array that the parameters of `window` name."""
    return viewed(x.laid_out() if hasattr(x, "laid_out") else x, lambda m: _arrays.window(m, **params))


def _pass_on(bars, active, k, base):
    if base >= 0 and active[base]:
        bars.move(k, base)
    else:
        bars.bars.pop(k, None)


def _window(tape, base, params, g, bars):
    """The cotangent of a view goes into the buffer of its base."""
    if not tape.is_array(base):
        bars.add(base, unbroadcast(g, ()))
        return
    shape, strides = params["shape"], params["strides"]
    simple = all(s != 0 or d <= 1 for d, s in zip(shape, strides, strict=True)) and not _windows.overlaps(
        shape, strides
    )
    if simple and 0 not in shape and bars.takes(base, g):
        acc = bars.buffer(base, g)
        part = windowed(acc, params)
        part[...] = part + g
    else:
        bars.add(base, embed(g, **params))


def transpose_jvp(op, ct, vals, out, params, active):
    """Cotangents of an operation that declares a pushforward only: record it on tangents, and transpose that."""
    tape = next((v.tape for v in (*vals, out) if isinstance(v, Var)), None)
    env = None if tape is not None else Frozen
    if tape is None:
        tape = Tape(f"the pushforward of {op.name}")
    start = len(tape)
    dots, nodes = [], []
    for v, on in zip(vals, active, strict=True):
        if not on:
            dots.append(None)
            continue
        shape = np.shape(v) if not hasattr(v, "shape") else v.shape
        dtype = getattr(v, "dtype", np.dtype(float))
        dot = tape.add_input(0.0 if shape == () and dtype == np.float64 else np.zeros(shape, dtype))
        dots.append(dot)
        nodes.append(dot.node)
    result = op.jvp(dots, out, *vals, **(params or {}))
    if not isinstance(result, Var):
        return [None] * len(vals)
    if env is not None and not isinstance(ct, Traced):
        gs = _sweep.reverse_sweep(tape, [(result.node, ct)], nodes)
    else:
        gs = reverse(tape, start, len(tape), [(result.node, ct)], nodes, env(tape) if env else None)
    gs = iter(gs)
    return [next(gs) if on else None for on in active]


_rules.set_transpose_of(transpose_jvp)
