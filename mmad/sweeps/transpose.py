"""The transpose of an operation that declares how it pushes tangents, and nothing else."""

import numpy as np

from mmad._core import Traced, Var
from mmad.ops import _rules
from mmad.sweeps._reverse_numeric import reverse_sweep
from mmad.sweeps._reverse_recorded import record_reverse
from mmad.tape._tape import Tape

__all__ = ["transpose_pushforward"]


def transpose_pushforward(op, ct, vals, out, params, active):
    """Return the cotangents of an operation with a pushforward only: record that on tangents, and transpose it."""
    tape = next((v.tape for v in (*vals, out) if isinstance(v, Var)), None)
    fresh = tape is None
    if fresh:
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
    seeds = [(result.node, ct)]
    if fresh and not isinstance(ct, Traced):
        gs = iter(reverse_sweep(tape, seeds, nodes))
    else:
        gs = iter(record_reverse(tape, start, len(tape), seeds, nodes, plain=fresh))
    return [next(gs) if on else None for on in active]


_rules.set_transpose_of(transpose_pushforward)
