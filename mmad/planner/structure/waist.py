"""Low-rank factors of Jacobians: find a narrow waist, y = h(g(x)) where g has few results.

With w numbers between g and h, J = J_h J_g is the product of an m x w and a w x n matrix.  It takes w reverse sweeps
from the waist to the arguments and w forward sweeps from the waist to the results; the dense matrix takes min(m, n)
sweeps.  The two factors are also the better form to keep, with w (m + n) numbers instead of m n.

The narrowest waist is the minimum vertex cut: the smallest set of instructions, counted in elements, that every path
from arguments to results goes through.  Augmenting paths through the recording find it; the capacity of an instruction
is its number of elements.  The search ends as soon as the flow shows that no cut is narrow enough: after the first path
if all arrays along it are wide.

References
----------
Edmonds and Karp, "Theoretical improvements in algorithmic efficiency for network flow problems", J. ACM 19 (1972).
"""

import itertools
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from mmad.derivatives.recorded import LANES, Side, batched, stack_rows
from mmad.errors import StructureError
from mmad.ops.movement import size
from mmad.planner.sparsity._fingerprint import counted
from mmad.planner.sparsity._sets import UNLIMITED, Exhausted
from mmad.tape._activity import active_nodes

__all__ = ["Waist", "waist_of"]

LONGEST = 5000  # instructions; the search takes some microseconds for each
PLACE = 400  # steps that a visit to one place counts for: the search runs in Python
NARROW = 3  # a waist has fewer than min(m, n) / NARROW numbers


@dataclass(frozen=True)
class Waist:
    """The values that every path from arguments to results goes through.

    Attributes
    ----------
    width : int
        The number of values.
    shape : (int, int)
        The shape of the Jacobian.
    nodes : ndarray of int
        The instructions that compute the values, by their numbers in the structure of the recording.
    pattern : Pattern or None
        The pattern of the requested entries; None for a dense matrix.
    """

    width: int
    shape: tuple
    nodes: np.ndarray = field(repr=False)
    pattern: object = field(default=None, repr=False)

    share = 0.5  # part of the recording that a sweep covers: each sweep covers one side of the waist

    def __str__(self):
        return f"{self.width} numbers, from {len(self.nodes)} instructions"

    @property
    def sweeps(self):
        """The numbers of forward and reverse sweeps."""
        return self.width, self.width

    def sweep(self, r):
        """Return the factors.

        Returns
        -------
        left : ndarray, shape (m, width), or traced
        right : ndarray, shape (width, n), or traced
        """
        t = r.trace
        nodes = counted(t)[self.nodes].tolist()
        waist = Side([_Value(t.tape, k) for k in nodes], t.origin)
        inputs = [x.node for x in t.inputs if x is not None]
        outputs = [getattr(y, "node", None) for y in t.outputs]
        left, right = [], []
        for start, stop in waist.unit_blocks(LANES, apart=False):
            level, seeds = batched(waist.units(start, stop), stop - start)
            seeds = [(k, v) for k, v in zip(nodes, seeds, strict=True) if v is not None]
            rows = iter(t.push_between(seeds, [k for k in outputs if k is not None]))
            rows = [None if k is None else next(rows) for k in outputs]
            columns = iter(t.pull_between(seeds, inputs))
            columns = [None if x is None else next(columns) for x in t.inputs]
            left.append(r.rows.join_rows(rows, level, stop - start))
            right.append(r.columns.join_rows(columns, level, stop - start))
        return stack_rows(left, None).T, stack_rows(right, None)

    @staticmethod
    def matrix(factors):
        """Return the Jacobian, the product of its factors."""
        left, right = factors
        return left @ right

    def entries(self, factors):
        """Return the entries of the Jacobian in the pattern."""
        return self.matrix(factors)[self.pattern.rows, self.pattern.indices]

    terms = 0  # no entry is a sum of terms

    def flops(self):
        """Return the number of multiplications in the product of the factors."""
        m, n = self.shape
        return m * n * self.width


class _Value:
    """The shape and dtype of an instruction's result, as `Side` reads them."""

    __slots__ = ("dtype", "shape")

    def __init__(self, tape, k):
        rec = tape.record_of(k)
        self.shape, self.dtype = ((), np.dtype(float)) if rec is None else (rec.shape, rec.dtype)


def waist_of(recorded, most=UNLIMITED):
    """Return the narrowest waist of a recording.

    Parameters
    ----------
    recorded : mmad.derivatives.recorded.Recorded
    most : int
        Number of steps that the search may take, some nanoseconds each.

    Returns
    -------
    Waist

    Raises
    ------
    StructureError
        If there is no narrow waist; the message says why.
    Exhausted
        If the search would take more steps.
    """
    t, (m, n) = recorded.trace, recorded.shape
    limit = min(m, n) / NARROW
    if len(t.tape) - t.start > LONGEST:
        raise StructureError(f"the recording is longer than {LONGEST} instructions")
    if limit <= 1:
        raise StructureError("there are too few rows or columns for a waist")
    flow = _Flow(t, most // PLACE)
    width = flow.maximum(limit)
    if width is None:
        raise StructureError(f"no waist is narrower than a third of min(m, n) = {min(m, n)}")
    if width == 0:
        raise StructureError("the result does not depend on the arguments")
    nodes = flow.cut()
    return Waist(width, (m, n), np.searchsorted(counted(t), nodes))


class _Flow:
    """The maximum flow from arguments to results, with a capacity for each instruction.

    Instruction k is an edge from place 2 k to place 2 k + 1.  An edge of unbounded capacity leads from the second place
    of an operand to the first place of each instruction that uses it.
    """

    def __init__(self, trace, most):
        self.most = most  # places that may be visited
        tape, self.start, stop = trace.tape, trace.start, len(trace.tape)
        self.sources = [x.node for x in trace.inputs if x is not None]
        self.sinks = {2 * y.node + 1 for y in trace.outputs if hasattr(y, "node") and y.node >= self.start}
        active = active_nodes(tape, self.start, stop, self.sources) if self.sources else b""
        self.room, self.users, self.operands, self.back = {}, {}, {}, {}
        for k in range(self.start, stop):
            if not active or not active[k]:
                continue
            rec = tape.record_of(k)
            self.room[k] = 1 if rec is None else size(rec.shape)
            for j in set(tape.operands_of(k)):
                if j in self.room and k not in self.sources:
                    self.users.setdefault(j, []).append(k)
                    self.operands.setdefault(k, []).append(j)
        self.left = dict(self.room)

    def maximum(self, limit):
        """Return the maximum flow; None if it is not below the limit."""
        total = 0
        while True:
            path = self._path()
            if path is None:
                return total
            total += self._push(path)
            if total >= limit:
                return None

    def _steps(self, place):
        """Yield the places to which a place can still send flow."""
        k, after = place >> 1, place & 1
        if after:
            yield from (2 * u for u in self.users.get(k, ()))
            if self.left[k] < self.room[k]:
                yield 2 * k
        else:
            if self.left[k]:
                yield 2 * k + 1
            yield from (2 * j + 1 for j in self.operands.get(k, ()) if self.back.get((j, k)))

    def _search(self):
        """Return the places that flow can still reach, each with its predecessor; and the first result among them."""
        before = {2 * k: None for k in self.sources if k in self.room}
        waiting = deque(before)
        while waiting:
            place = waiting.popleft()
            self.most -= 1
            if self.most < 0:
                raise Exhausted
            if place in self.sinks:
                return before, place
            for p in self._steps(place):
                if p not in before:
                    before[p] = place
                    waiting.append(p)
        return before, None

    def _path(self):
        before, end = self._search()
        if end is None:
            return None
        path = [end]
        while before[path[-1]] is not None:
            path.append(before[path[-1]])
        return path[::-1]

    def _push(self, path):
        """Push as much flow along a path as its capacity allows; return that amount."""
        steps = list(itertools.pairwise(path))
        most = min(self._rest(p, q) for p, q in steps)
        for p, q in steps:
            j, k = p >> 1, q >> 1
            if j == k:
                self.left[k] += most if p & 1 else -most
            elif p & 1:
                self.back[j, k] = self.back.get((j, k), 0) + most
            else:
                self.back[k, j] -= most
        return most

    def _rest(self, p, q):
        j, k = p >> 1, q >> 1
        if j == k:
            return self.room[k] - self.left[k] if p & 1 else self.left[k]
        return float("inf") if p & 1 else self.back[k, j]

    def cut(self):
        """Return the instructions of the minimum cut, in ascending order."""
        reached, _ = self._search()
        return sorted({p >> 1 for p in reached if not p & 1 and p + 1 not in reached})
