"""The forward sweep on traced or batched values: many tangents at once, tangents inside another derivative."""

import numpy as np

from mmad import _activity, _rules
from mmad._core import HOOKS, Traced, Wrapper
from mmad.ops import arithmetic as a
from mmad.ops.structure import put, put_index, window
from mmad.transforms.reverse import Environment, traced_parts, windowed

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
    dots = {k: g for k, g in seeds if g is not None}
    given = {k for k, _ in seeds}
    inputs, kept = list(dots), given.union(outputs)
    active = _activity.active_nodes(tape, start, stop, inputs)
    with np.errstate(all="ignore"):
        for k in range(start, stop):
            if active[k] and k not in given:
                g = _step(tape, k, dots, env, kept)
                # A constant seed that is zero in the part that is used here: nothing more comes of it.
                if g is not None and (type(g) is not np.ndarray or g.any()):
                    dots[k] = g
    return [dots.get(k) for k in outputs]


def _step(tape, k, dots, env, kept):
    name, args, _ = tape.node(k)
    if name == "load":
        base, flat = args
        if base not in dots:
            return None
        return dots[base][tuple(int(i) for i in np.unravel_index(flat, tape.record_of(base).shape))]
    if name == "store":
        base, source, flat = args
        g = _version(tape, dots, base, k, dots.get(source), kept)
        if g is not None:
            at = tuple(int(i) for i in np.unravel_index(flat, g.shape))
            g[at] = dots.get(source, 0.0)
        return g
    op, args, vals, out, params = env.operands(k)
    ds = [dots.get(j) if j >= 0 else None for j in args]
    if all(d is None for d in ds):
        return None
    if op is window:
        g = windowed(ds[0], params)
        return a.positive(g) if tape.is_version(args[0]) else g
    rec = tape.record_of(k)
    shape, dtype = ((), np.dtype(float)) if rec is None else (rec.shape, rec.dtype)
    if op is put or op is put_index:
        base, value = ds[0], 0.0 if ds[1] is None else ds[1]
        if base is None:
            base = HOOKS["zeros"](shape, dtype, value)
        elif args[0] not in kept and tape.is_version(args[0]) and _takes(base, value):
            del dots[args[0]]  # nothing else reads it: written in place, so that a loop takes what it writes
            if op is put:
                windowed(base, params)[...] = value
            else:
                base[vals[2]] = value
            return base
        return put(base, value, **params) if op is put else put_index(base, value, vals[2])
    vals = env.for_rules(op, args, vals, *ds)
    return _rules.push(op, ds, vals, out, params, shape, dtype)


def _takes(base, value):
    """Whether a traced tangent can be written a value in place: it has to be traced wherever the value is."""
    if not isinstance(base, Traced) or (isinstance(value, Wrapper) and getattr(base, "level", -1) != value.level):
        return False
    return traced_parts(value) <= traced_parts(base)


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
    fresh = HOOKS["adopt"](np.zeros(rec.shape, rec.dtype), like)
    if old is not None:
        fresh[...] = old
    return fresh
