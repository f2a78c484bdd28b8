"""The forward sweep on traced or batched values: many tangents at once, tangents inside another derivative."""

import numpy as np

from mmad._core import Traced, Wrapper
from mmad.ops import _rules
from mmad.ops import arithmetic as a
from mmad.ops._singularities import SINGULAR
from mmad.ops.structure import put, put_index, window
from mmad.sweeps._emit import push_number, uncut, unknown
from mmad.sweeps.reverse import Environment, traced_parts, windowed
from mmad.tape import _activity
from mmad.tape.constants import adopt, zeros

__all__ = ["forward"]


def forward(tape, start, stop, seeds, outputs, environment=None):
    """Propagate tangents from `seeds` forward to `outputs`.

    Parameters
    ----------
    tape : Tape
    start, stop : int
        The range of instructions to sweep.
    seeds : list of (int, value)
        Nodes and tangents, whatever the nodes depend on; plain, traced or batched, None for zero.
    outputs : list of int
    environment : Environment, optional
        Where operands' values come from; by default traced values of the same tape.

    Returns
    -------
    list
        A tangent for each output, None where it is zero.
    """
    env = environment or Environment(tape)
    given = {k for k, _ in seeds}
    seeds = [(k, g) for k, g in seeds if g is not None]
    kept = given.union(outputs)
    active = _activity.active_nodes(tape, start, stop, [k for k, _ in seeds])
    if not tape.exact:
        doubts = TracedDoubts(env)
        dots = _swept(tape, start, stop, seeds, given, kept, env, active, doubts)
        if not doubts.doubtful:
            return [dots.get(k) for k in outputs]
    marks = {}
    nans = [(k, unknown(g)) for k, g in seeds]
    _swept(tape, start, stop, nans, given, kept, env, active, TracedDoubts(env, marking=marks))
    poles = {}
    dots = _swept(tape, start, stop, seeds, given, kept, env, active, TracedDoubts(env, marks, poles=poles))
    with uncut():
        lost = _swept(tape, start, stop, [], given, kept, env, active, TracedDoubts(env, poles=poles))
    return [_forgotten(dots.get(k), lost.get(k)) for k in outputs]


def _forgotten(g, lost):
    """A tangent, NaN where a pole's infinity was to reach it, and did not."""
    if g is None or lost is None:
        return g
    return a.select(a.logical_and(a.isnan(lost), a.isfinite(g)), a.multiply(g, np.nan), g)


class TracedDoubts:
    """What is done at instructions with an infinite derivative; see `mmad.sweeps.reverse.Accumulators`."""

    def __init__(self, env, marks=None, marking=None, poles=None):
        self.env, self.doubtful, self.marks, self.marking, self.poles = env, False, marks, marking, poles

    @property
    def at_poles(self):
        """Whether this sweep starts at poles."""
        return self.poles is not None and self.marks is None

    def pole(self, k, g, dtype):
        """The tangent g, or None, of instruction k in a sweep that starts at poles, NaN where it is at one."""
        if k not in self.poles:
            return g
        start = a.chain(a.astype(self.poles[k], dtype=dtype), np.nan)
        return start if g is None else a.add(start, g)

    def note(self, k, op, ds):
        """Look at instruction k before it is swept, the tangents of its operands being `ds`."""
        if self.marking is not None:
            self.marking[k] = [None if d is None else a.positive(d) for d in ds]
        elif self.marks is None and not self.doubtful and not self.env.tape.live:
            self.doubtful = self.env.at_singularity(k, op)

    def poisoned(self, k, op, ds, vals, out, g):
        """The tangent g of instruction k, NaN where a zero that arithmetic made meets an infinite partial."""
        if self.marks is None or k not in self.marks or g is None:
            return g
        for i, (mark, d) in enumerate(zip(self.marks[k], ds, strict=True)):
            if mark is not None and d is not None:
                infinite, zero = a.isinf(op.partials[i](*vals, out)), a.equal(d, 0.0)
                through = a.logical_and(infinite, a.logical_not(zero))
                self.poles[k] = a.logical_or(self.poles[k], through) if k in self.poles else through
                lost = a.logical_and(a.isnan(mark), a.logical_and(zero, infinite))
                g = a.select(lost, a.multiply(g, np.nan), g)
        return g


def _swept(tape, start, stop, seeds, given, kept, env, active, doubts):
    """The tangents of one sweep, by node."""
    dots = dict(seeds)
    here = type(env) is Environment
    with np.errstate(all="ignore"):
        for k in range(start, stop):
            if active[k] and k not in given:
                g = push_number(tape, k, dots) if here else NotImplemented
                if g is NotImplemented:
                    g = _step(tape, k, dots, env, kept, doubts)
                # A constant seed that is zero in the part that is used here: nothing more comes of it.
                if g is not None and (type(g) is not np.ndarray or g.any()):
                    dots[k] = g
    return dots


def _step(tape, k, dots, env, kept, doubts):
    name, args, _ = tape.node(k)
    if name == "load":
        base, flat = args
        if base not in dots:
            return None
        g = dots[base]
        if type(g) is np.ndarray:
            g = g.flat[flat]
            return g if g != 0 else None
        return g[_index(flat, tape.record_of(base).shape)]
    if name == "store":
        base, source, flat = args
        g = _version(tape, dots, base, k, dots.get(source), kept)
        if g is not None:
            g[_index(flat, g.shape)] = dots.get(source, 0.0)
        return g
    op, args, vals, out, params = env.operands(k)
    ds = [dots.get(j) if j >= 0 else None for j in args]
    if all(d is None for d in ds):
        return doubts.pole(k, None, _dtype_of(tape, k)) if doubts.at_poles and op.name in SINGULAR else None
    if op is window:
        g = windowed(ds[0], params)
        return a.positive(g) if tape.is_version(args[0]) else g
    rec = tape.record_of(k)
    shape, dtype = ((), np.dtype(float)) if rec is None else (rec.shape, rec.dtype)
    if op is put or op is put_index:
        base, value = ds[0], 0.0 if ds[1] is None else ds[1]
        if base is None:
            base = zeros(shape, dtype, value)
        elif args[0] not in kept and tape.is_version(args[0]) and _takes(base, value):
            del dots[args[0]]  # nothing else reads it: written in place, so that a loop takes what it writes
            if op is put:
                windowed(base, params)[...] = value
            else:
                base[vals[2]] = value
            return base
        return put(base, value, **params) if op is put else put_index(base, value, vals[2])
    vals = env.for_rules(op, args, vals, *ds)
    if op.name not in SINGULAR:
        return _rules.push(op, ds, vals, out, params, shape, dtype)
    if doubts.at_poles:
        return doubts.pole(k, _rules.push(op, ds, vals, out, params, shape, dtype), dtype)
    doubts.note(k, op, ds)
    return doubts.poisoned(k, op, ds, vals, out, _rules.push(op, ds, vals, out, params, shape, dtype))


def _index(flat, shape):
    """The index of an element from its number in C order."""
    return flat if len(shape) == 1 else tuple(int(i) for i in np.unravel_index(flat, shape))


def _takes(base, value):
    """Whether a traced tangent can be written a value in place: it has to be traced wherever the value is."""
    if not isinstance(base, Traced) or (isinstance(value, Wrapper) and getattr(base, "level", -1) != value.level):
        return False
    return traced_parts(value) <= traced_parts(base)


def _dtype_of(tape, k):
    rec = tape.record_of(k)
    return np.dtype(float) if rec is None else rec.dtype


def _version(tape, dots, base, k, value, kept):
    """The tangent of a storage, ready to be written to as its next version."""
    old = dots.get(base)
    if old is None and value is None:
        return None
    own = base not in kept and tape.is_version(base)
    if old is not None and own and (isinstance(old, Traced) or not isinstance(value, Traced)):
        del dots[base]
        return old
    rec = tape.record_of(k)
    like = old if old is not None and isinstance(old, Traced) else value
    fresh = adopt(np.zeros(rec.shape, rec.dtype), like)
    if old is not None:
        fresh[...] = old
    return fresh
