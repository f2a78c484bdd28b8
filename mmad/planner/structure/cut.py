"""Cut a recording at both ends: separate the instructions that compute from those that only move elements.

A program often takes elements out of its arguments (slices, gathers by an index array, stacks of them), computes with
those, and puts the results together (concatenations, sums of scattered parts).  So

    J = P C S

where S selects elements of the arguments, one in each row, C is the Jacobian of the computation between, and P
assembles the result, with entries 0, 1 and -1.  The indices in the recording alone determine S and P.  C is often much
simpler than J: where repeated blocks share arguments, the columns of J overlap and those of C do not.

1. Forward: for every instruction that only selects, find which element of the arguments each of its elements is.
2. Backward: for every instruction that only assembles, find the rows of the result to which each of its elements goes.
3. Step 2 ends at the *outlets*, which are computed.  *Inlets* are the selections that outlets are computed from.
"""

from dataclasses import dataclass

import numpy as np

from mmad.kernels._windows import overlaps
from mmad.ops.movement import size
from mmad.tape._activity import active_nodes

__all__ = ["Cut", "Outlet", "cut_of"]

LONGEST = 20_000  # instructions; longer recordings compute with numbers, and have no repeated blocks in arrays
PARTS = 4  # places in the result to which an element may go before the search stops at it


@dataclass(frozen=True)
class Outlet:
    """A computed value that goes into the result.

    Attributes
    ----------
    node : int
        Its instruction, counted from the beginning of the recording.
    shape : tuple of int
    parts : list of (ndarray of int64 of that shape, int)
        The row of the result to which each element goes, or -1; and the sign, 1 or -1.
    """

    node: int
    shape: tuple
    parts: list


@dataclass(frozen=True)
class Cut:
    """The inlets and outlets between which a recording computes.

    Attributes
    ----------
    inlets : dict of int to ndarray of int64
        For each node, counted from the beginning of the recording: the column of the Jacobian that belongs to each
        element, -1 for a constant.
    outlets : list of Outlet
    direct : list of (ndarray, ndarray, int)
        Rows and columns of elements of the arguments that go into the result unchanged, and their sign.
    """

    inlets: dict
    outlets: list
    direct: list


def cut_of(recorded):
    """Return the cut of a recording; None if the recording is too long to search.

    Parameters
    ----------
    recorded : mmad.derivatives.recorded.Recorded

    Returns
    -------
    Cut or None
    """
    trace, sides = recorded.trace, (recorded.columns, recorded.rows)
    if len(trace.tape) - trace.start > LONGEST:
        return None
    return _Search(trace, *sides).run()


class _Search:
    def __init__(self, trace, columns, rows):
        self.tape, self.start, self.stop = trace.tape, trace.start, len(trace.tape)
        self.trace, self.columns, self.rows = trace, columns, rows
        self.selected, self.together, self.parts = {}, set(), {}

    def run(self):
        inputs = self._inputs()
        self.active = active_nodes(self.tape, self.start, self.stop, inputs) if inputs else bytes(self.stop)
        for k in range(self.start, self.stop):
            if self.active[k]:
                self._forward(k)
        for y, first, kind in zip(self.trace.outputs, self.rows.offsets, self.rows.kinds, strict=True):
            if kind is not None and hasattr(y, "node"):
                self._goes(y.node, np.arange(first, first + kind[0], dtype=np.int64).reshape(kind[1]), 1)
        outlets, direct = [], []
        for k in range(self.stop - 1, self.start - 1, -1):
            parts = self.parts.pop(k, None)
            if parts is None or not self.active[k]:
                continue
            if k in self.selected:
                direct += [(rows, self.selected[k], sign) for rows, sign in parts]
            elif len(parts) > PARTS or not self._backward(k, parts):
                outlets.append(Outlet(k - self.start, parts[0][0].shape, parts))
        outlets.reverse()
        return Cut({k - self.start: self.selected[k] for k in self._used(outlets)}, outlets, direct)

    def _inputs(self):
        nodes = []
        for x, first, kind in zip(self.trace.inputs, self.columns.offsets, self.columns.kinds, strict=True):
            if kind is not None:
                self.selected[x.node] = np.arange(first, first + kind[0], dtype=np.int64).reshape(kind[1])
                nodes.append(x.node)
        return nodes

    # ------------------------------------------------------------------------------------ forward
    def _forward(self, k):
        """Note whether instruction k selects elements of the arguments, or else whether it assembles."""
        if k in self.selected:
            return
        name, args, rec = self._instruction(k)
        rule = SELECT.get(name)
        if rule is not None:
            columns = [self._columns_of(j) for j in self.tape.operands_of(k)]
            selected = None if any(v is None for v in columns) else rule(columns, rec, args)
            if selected is not None:
                self.selected[k] = selected
                return
        operands = self.tape.operands_of(k)
        moved = any(j in self.together for j in operands)
        if (
            name in ("embed", "scatter_add")
            or (name == "sum" and 0 in rec.params["axis"])
            or (name in ("put", "put_index", "store") and not (args[0] >= 0 and self.active[args[0]]))
            or (name in ("add", "subtract") and any(j in self.selected for j in operands))
            or (moved and name in PASSED)
        ):
            self.together.add(k)

    def _instruction(self, k):
        """Return the name of instruction k, its operands (nodes, or -1 for constants) and its record."""
        name, args, _ = self.tape.node(k)
        rec = self.tape.record_of(k)
        if name in ("load", "store"):
            return name, args, rec
        return (name, args, None) if rec is None or rec.op is None else (rec.op.name, rec.args, rec)

    def _columns_of(self, j):
        """Return the columns of an operand; -1 if it does not depend on the arguments, None if it is computed."""
        if j < 0 or not self.active[j]:
            return -1
        return self.selected.get(j)

    # ------------------------------------------------------------------------------------ backward
    def _goes(self, k, rows, sign):
        """Note that the elements of k go to rows of the result; merge parts that do not overlap."""
        if k < self.start or not self.active[k]:
            return
        parts = self.parts.setdefault(k, [])
        for i, (old, s) in enumerate(parts):
            if s == sign and not ((old >= 0) & (rows >= 0)).any():
                parts[i] = np.where(old >= 0, old, rows), s
                return
        parts.append((rows, sign))

    def _backward(self, k, parts):
        """Pass the rows to which k goes on to its operands; return False if k is computed."""
        name, args, rec = self._instruction(k)
        rule = TOGETHER.get(name)
        if rule is None or (name in ("add", "subtract") and k not in self.together):
            return False
        shapes = [self._shape(j) for j in self.tape.operands_of(k)]
        steps_of_parts = [rule(rows, rec, args, shapes) for rows, _ in parts]
        if any(steps is None for steps in steps_of_parts):
            return False
        for (_, sign), steps in zip(parts, steps_of_parts, strict=True):
            for j, rows, factor in steps:
                if j >= 0:
                    self._goes(j, np.ascontiguousarray(rows), sign * factor)
        return True

    def _shape(self, j):
        rec = self.tape.record_of(j) if j >= 0 else None
        return () if rec is None else rec.shape

    def _used(self, outlets):
        """Return the selections that outlets are computed from."""
        needed = {o.node + self.start for o in outlets}
        used = []
        for k in range(self.stop - 1, self.start - 1, -1):
            if k not in needed:
                continue
            if k in self.selected:
                used.append(k)
                continue
            needed.update(j for j in self.tape.operands_of(k) if j >= 0 and self.active[j])
        return sorted(used)


# ------------------------------------------------------------------------------------------------ windows
def _view(a, offset, shape, strides, **_):
    """Return a window of an array of positions."""
    a = np.ascontiguousarray(a)
    if 0 in shape:
        return np.zeros(shape, a.dtype)
    flat, step = a.reshape(-1)[offset:], a.itemsize
    return np.lib.stride_tricks.as_strided(flat, shape, [s * step for s in strides], writeable=False)


def _placed(values, window, of):
    """Return an array of -1 with values in a window; None if the window repeats elements."""
    if overlaps(window["shape"], window["strides"]) or any(
        s == 0 and d > 1 for s, d in zip(window["strides"], window["shape"], strict=True)
    ):
        return None
    out = np.full(of, -1, np.int64)
    if values.size:
        w = window["offset"], window["shape"], window["strides"]
        flat = out.reshape(-1)[w[0] :]
        np.lib.stride_tricks.as_strided(flat, w[1], [s * out.itemsize for s in w[2]])[...] = values
    return out


def _flat(shape):
    return np.arange(size(shape), dtype=np.int64).reshape(shape)


# ------------------------------------------------------------------------------------------------ selecting
def _select_window(columns, rec, args):
    return _view(np.broadcast_to(columns[0], rec.params["of"]), **rec.params)


def _select_gather(columns, rec, args):
    return None if args[1] >= 0 else columns[0][rec.vals[1]]


def _select_embed(columns, rec, args):
    return _placed(np.broadcast_to(columns[0], rec.params["shape"]), rec.params, rec.params["of"])


def _select_concatenate(columns, rec, args):
    parts = [np.broadcast_to(v, np.shape(x)) if np.ndim(v) == 0 else v for v, x in zip(columns, rec.vals, strict=True)]
    return np.concatenate(parts, axis=rec.params["axis"]) if all(np.ndim(p) for p in parts) else None


def _select_put(columns, rec, args):
    out = np.array(np.broadcast_to(columns[0], rec.shape))
    w = rec.params
    positions = _view(_flat(rec.shape), w["offset"], w["shape"], w["strides"])
    out.reshape(-1)[positions] = columns[1]
    return out


def _select_put_index(columns, rec, args):
    if args[2] >= 0:
        return None
    out = np.array(np.broadcast_to(columns[0], rec.shape))
    out[rec.vals[2]] = columns[1]
    return out


def _select_load(columns, rec, args):
    return np.reshape(np.asarray(columns[0]).reshape(-1)[args[1]], ())


def _select_store(columns, rec, args):
    out = np.array(np.broadcast_to(columns[0], rec.shape))
    out.reshape(-1)[args[2]] = columns[1]
    return out


SELECT = {
    "window": _select_window,
    "gather": _select_gather,
    "embed": _select_embed,
    "concatenate": _select_concatenate,
    "put": _select_put,
    "put_index": _select_put_index,
    "load": _select_load,
    "store": _select_store,
    "positive": lambda columns, rec, args: columns[0],
}


# ------------------------------------------------------------------------------------------------ assembling
def _together_window(rows, rec, args, shapes):
    placed = _placed(rows, rec.params, rec.params["of"])
    return None if placed is None or not shapes[0] else [(args[0], placed, 1)]


def _together_gather(rows, rec, args, shapes):
    if args[1] >= 0 or not shapes[0]:
        return None
    taken = _flat(shapes[0])[rec.vals[1]].reshape(-1)
    if len(np.unique(taken)) < len(taken):
        return None
    out = np.full(shapes[0], -1, np.int64)
    out.reshape(-1)[taken] = rows.reshape(-1)
    return [(args[0], out, 1)]


def _together_embed(rows, rec, args, shapes):
    return [(args[0], _view(rows, **rec.params), 1)] if shapes[0] == rec.params["shape"] else None


def _together_scatter(rows, rec, args, shapes):
    read = rows[rec.vals[1]] if args[1] < 0 else None
    return None if read is None or np.shape(read) != shapes[0] else [(args[0], read, 1)]


def _together_concatenate(rows, rec, args, shapes):
    axis = rec.params["axis"]
    ends = np.cumsum([np.shape(v)[axis] if j < 0 else s[axis] for j, s, v in zip(args, shapes, rec.vals, strict=True)])
    return [(j, part, 1) for j, part in zip(args, np.split(rows, ends[:-1], axis=axis), strict=True)]


def _together_sum(rows, rec, args, shapes):
    axis = rec.params["axis"]
    if 0 not in axis or not shapes[0]:
        return None
    kept = tuple(1 if i in axis else d for i, d in enumerate(shapes[0]))
    return [(args[0], np.broadcast_to(rows.reshape(kept), shapes[0]), 1)]


def _together_same(factors):
    def rule(rows, rec, args, shapes):
        if any(j >= 0 and s != rows.shape for j, s in zip(args, shapes, strict=True)):
            return None  # an operand is broadcast
        return [(j, rows, f) for j, f in zip(args, factors, strict=False)]

    return rule


def _together_put(rows, rec, args, shapes):
    w = rec.params
    if args[1] >= 0 and shapes[1] != w["shape"]:
        return None
    base = np.array(rows)
    base.reshape(-1)[_view(_flat(rows.shape), w["offset"], w["shape"], w["strides"])] = -1
    return [(args[0], base, 1), (args[1], _view(rows, **w), 1)]


def _together_put_index(rows, rec, args, shapes):
    if args[2] >= 0:
        return None
    taken = _flat(rows.shape)[rec.vals[2]]
    if (args[1] >= 0 and shapes[1] != taken.shape) or len(np.unique(taken)) < taken.size:
        return None
    base = np.array(rows)
    base[rec.vals[2]] = -1
    return [(args[0], base, 1), (args[1], rows[rec.vals[2]], 1)]


def _together_store(rows, rec, args, shapes):
    base = np.array(rows)
    base.reshape(-1)[args[2]] = -1
    return [(args[0], base, 1), (args[1], rows.reshape(-1)[args[2]].reshape(()), 1)]


TOGETHER = {
    "store": _together_store,
    "window": _together_window,
    "gather": _together_gather,
    "embed": _together_embed,
    "scatter_add": _together_scatter,
    "concatenate": _together_concatenate,
    "sum": _together_sum,
    "put": _together_put,
    "put_index": _together_put_index,
    "positive": _together_same((1,)),
    "negative": _together_same((-1,)),
    "add": _together_same((1, 1)),
    "subtract": _together_same((1, -1)),
}
PASSED = ("put", "put_index", "store", "window", "gather", "concatenate", "positive", "negative", "add", "subtract")
