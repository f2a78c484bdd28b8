"""The interpreter of tapes, by which every transform is made.

A tape is evaluated on any kind of value: plain numbers and arrays run it, traced values of another tape record it
again, dual numbers push tangents through it, batches run many lanes.  A transform is an evaluation on the right values
while a new tape records (as in JAX's autodidax), so what it gives is again ordinary instructions.

Written storages are written in place where the tape says that nothing else reads the version written over; else the
write copies.
"""

import contextlib

import numpy as np

from mmad._core import Jet, Traced, Var, Wrapper
from mmad.errors import GuardError
from mmad.kernels import _arrays
from mmad.ops import arithmetic as a
from mmad.ops.movement import put, put_index, viewed, window
from mmad.python.kinds import isplain
from mmad.tape.constants import adopt
from mmad.tape.contexts import open_tape
from mmad.wrappers._batch import Batch

__all__ = ["evaluate", "recorded_arguments"]


def evaluate(tape, values, watch=None):
    """Run a tape's instructions on values of any kind.

    Parameters
    ----------
    tape : mmad.Tape
    values : list
        One value an input of the tape, of its shape and dtype: plain, traced, dual or batched.
    watch : callable, optional
        ``watch(instruction, value)`` is called with what every instruction gives.

    Returns
    -------
    list
        The outputs' values.

    Raises
    ------
    GuardError
        A guard of the tape does not hold.
    """
    tape.check_watched()
    env = dict(zip(tape.inputs, values, strict=True))
    env.pop(-1, None)
    dead = tape.dead_after
    into = None if tape.origins is None else getattr(open_tape(), "origins", None)
    with np.errstate(all="ignore"), into.taking() if into is not None else contextlib.nullcontext():
        for i in tape.instructions:
            if into is not None:
                into.take(tape.origins.of(i.id))
            if i.name == "guard":
                _guard(tape, i, env[i.operands[0]])
            elif i.name != "input":
                env[i.id] = _kind(i, _step(i, env))
            if watch is not None and i.name != "guard":
                watch(i, env[i.id])
            for k in dead.get(i.id, ()):
                env.pop(k, None)
    return [c if k < 0 else env[k] for k, c in zip(tape.outputs, tape.constants, strict=True)]


def _step(i, env):
    """Return the value of one instruction."""
    if i.name == "const":
        return i.params["value"]
    vals = [c if k < 0 else env[k] for k, c in zip(i.operands, i.constants, strict=True)]
    if i.name == "load":
        return vals[0][i.params["index"]]
    if i.name == "store":
        return _store(i, *vals)
    if i.op is window:
        return _window(vals[0], i)
    if i.op is put:
        base = _writable(i, *vals)
        if base is None:
            return put(*vals, **i.params)
        view = _view(base, i.params)
        view[...] = vals[1]
        return base
    if i.op is put_index:
        base = _writable(i, *vals[:2])
        if base is None:
            return put_index(*vals)
        base[vals[2]] = vals[1]
        return base
    return i.op(*vals, **i.params)


def _kind(i, v):
    """Return a plain result as the kind of value it was recorded as: float, NumPy scalar, truth value, array."""
    if isinstance(v, Traced):
        return v
    if i.array:
        return v if isplain(v, np.ndarray) else np.asarray(v)
    if i.dtype.kind == "b":
        return bool(v)
    return float(v) if i.weak else np.float64(v)


def _store(i, base, value):
    index, into = i.params["index"], _writable(i, base, value)
    if into is None:
        flat = int(np.ravel_multi_index(index, i.shape)) if index else 0
        return put(base, value, offset=flat, shape=(), strides=(), of=i.shape)
    into[index] = value if isinstance(value, Traced) else float(value)
    return into


def _level(x):
    """Return the order of the kinds of values: a value can be written into arrays of its own level and those above."""
    return x.level if isinstance(x, Wrapper) else 0 if isinstance(x, Var) else -1


def _writable(i, base, value):
    """Return the array to write into: the base itself or a copy; None where it cannot hold the value."""
    if _level(base) >= _level(value):
        return base if i.in_place else _copied(base)
    if isplain(base, np.ndarray) and base.dtype.kind in "fc":
        return adopt(base.copy(order="C"), value)
    return None


def _copied(x):
    """Return a new storage with the elements of x; a traced one copies when it is first written to."""
    if isinstance(x, Jet):
        return x.of([_copied(part) for part in x.parts])
    if isinstance(x, Batch):
        return Batch(x.level, _copied(x.lanes))
    if isinstance(x, Var):
        x.refresh()
        return x.tape.var_at(x.node, x.tape.value_of(x))
    return np.array(x, order="C")


def _view(base, params):
    if isinstance(base, Traced) and hasattr(base, "laid_out"):
        base = base.laid_out()
    return viewed(base, lambda m: _arrays.window(m, **params))


def _window(base, i):
    w = _view(base, i.params) if isinstance(base, Traced) else window(base, **i.params)
    return a.positive(w) if i.snapshot else w


# ------------------------------------------------------------------------------------------------ guards
def _guard(tape, i, v):
    """Check a guard, and leave it again where the value is traced on a guarded tape."""
    seen = i.params["value"]
    while isinstance(v, Wrapper):
        v = v.parts[0] if isinstance(v, Jet) else v.lanes if isinstance(v, Batch) else v.value
    now = np.asarray(_value_without_guard(v))
    if isplain(seen, bool):
        holds = bool((now != 0).all() if seen else (now == 0).all())
        now = bool(now) if now.size == 1 else now != 0
    else:
        holds = np.array_equal(now, np.broadcast_to(seen, now.shape), equal_nan=now.dtype.kind in "fc")
    if not holds:
        raise GuardError(
            f"{tape.origin}: the recorded run assumed that {_described(tape, i.operands[0])} is {_shown(seen)}, "
            f"with these arguments it is {_shown(now)}; record the function again at them"
        )
    if isinstance(v, Var) and v.tape.guarded:
        v.tape.add_guard(v)


def _value_without_guard(v):
    """Return the concrete value, without leaving a guard for the look."""
    return v if not isinstance(v, Var) else v.tape.value_of(v)


def _described(tape, k):
    """Return a value by the instruction that defines it, its operands by theirs, one level deep."""
    i = tape.instructions[k]
    names = [_shown(c) if j < 0 else _operand(tape, j) for j, c in zip(i.operands, i.constants, strict=True)]
    return f"%{k} = {i.name}({', '.join(names)})" if names else f"%{k}"


def _operand(tape, k):
    i = tape.instructions[k]
    if i.name == "const" and not i.array:
        return str(i.params["value"])
    return f"input {tape.inputs.index(k)}" if i.name == "input" else f"%{k}"


def _shown(v):
    if isplain(v, np.ndarray) and v.ndim:
        return np.array2string(v, threshold=8, edgeitems=3).replace("\n", "")
    return str(v)


def recorded_arguments(tape):
    """Return the arguments a tape was recorded with, by leaf; those that are not traced as they are."""
    out = []
    for k, static in zip(tape.inputs, tape.statics, strict=True):
        if k < 0:
            out.append(static)
        elif tape.is_array(k):
            out.append(tape.record_of(k).out)
        else:
            value = tape.node(k)[2]
            out.append(value if tape.instructions[k].weak else np.float64(value))
    return out
