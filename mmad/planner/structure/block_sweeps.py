"""Evaluate repeated blocks: sweep over all lanes at once, and sum the terms of each entry (see `blocks.py`)."""

from dataclasses import dataclass, field

import numpy as np

from mmad._core import Traced
from mmad.ops.movement import size
from mmad.planner.sparsity._fingerprint import counted
from mmad.planner.sparsity._pattern import sums
from mmad.planner.sparsity.pattern import Pattern
from mmad.tape.constants import adopt

__all__ = ["Blocks"]


@dataclass(frozen=True)
class Blocks:
    """How to compute a Jacobian block by block.

    Attributes
    ----------
    lanes : int
        The number of blocks.
    inputs, outputs : int
        The number of slots that a block depends on, shared slots included, and the number of slots that it computes.
    pattern : Pattern
        The pattern of the whole Jacobian.
    forward : list of list of (int, ndarray or None)
        For each forward sweep, the seeds of all inlets, by their numbers in the structure of the recording.
    reverse : list of list of (int, ndarray or float)
        For each reverse sweep, the seeds of outlets.
    """

    lanes: int
    inputs: int
    outputs: int
    pattern: Pattern = field(repr=False)
    forward: list = field(repr=False)
    reverse: list = field(repr=False)
    inlets: list = field(repr=False)
    results: list = field(repr=False)  # for each sweep, forward sweeps first: (node, shape, dtype, sign) of its results
    initial: np.ndarray = field(repr=False)  # the part of each entry that does not come from the sweeps
    slices: list = field(repr=False)  # (entries, number of the result, elements of the result, whether to add)
    # Without slices, for each entry: the position of its first term in all results, joined, with a 0 at the end.
    index: np.ndarray = field(repr=False)
    more: tuple = field(repr=False)  # further terms: the entries that they belong to, and their positions
    sums: tuple | None = field(repr=False)  # the terms of each entry, see `_pattern.sums`; None if slices are few
    share: float = field(repr=False)  # part of the recording that a sweep covers, on average

    def __str__(self):
        return f"{self.lanes} lanes, {self.inputs} inputs and {self.outputs} outputs in each"

    @property
    def sweeps(self):
        """The numbers of forward and reverse sweeps."""
        return len(self.forward), len(self.reverse)

    @staticmethod
    def flops():
        return 0

    @property
    def terms(self):
        """The number of terms that are looked up one by one."""
        return 0 if self.sums is None else len(self.sums[-1])

    def sweep(self, r):
        """Return the results of all sweeps, from which the entries are read.

        Parameters
        ----------
        r : mmad.derivatives.recorded.Recorded
            A recording with the structure in which the blocks were found.

        Returns
        -------
        list of ndarray, or traced
            Tangents of outlets and cotangents of inlets, each as a vector.
        """
        t, results, nodes = r.trace, [], counted(r.trace).tolist()
        for seeds, wanted in zip(self.forward, self.results, strict=False):
            tangents = t.push_between([(nodes[k], d) for k, d in seeds], [nodes[k] for k, *_ in wanted])
            results += [_flat(g, *w[1:]) for g, w in zip(tangents, wanted, strict=True)]
        inlets = [nodes[k] for k in self.inlets]
        for seeds, wanted in zip(self.reverse, self.results[len(self.forward) :], strict=True):
            cotangents = t.pull_between([(nodes[k], d) for k, d in seeds], inlets)
            by_inlet = dict(zip(self.inlets, cotangents, strict=True))
            results += [_flat(by_inlet[k], *w) for k, *w in wanted]
        return results

    def entries(self, parts):
        """Return the entries of the pattern, from the results of the sweeps.

        Returns
        -------
        ndarray, shape (nnz,), or traced
        """
        if self.sums is not None and all(type(p) is np.ndarray and p.dtype == self.initial.dtype for p in parts):
            data = self.initial.copy()
            sums(parts, *self.sums, data)
            return data
        if self.index is None:
            traced = next((p for p in parts if isinstance(p, Traced)), None)
            data = self.initial.copy() if traced is None else adopt(self.initial.copy(), traced)
            for entries, number, elements, add in self.slices:
                if add:
                    data[entries] += parts[number][elements]
                else:
                    data[entries] = parts[number][elements]
            return data
        terms = np.concatenate([*parts, np.zeros(1, self.initial.dtype)])
        data = terms[self.index]
        if self.more is not None:
            entry, index = self.more
            np.add.at(data, entry, terms[index])
        return data + self.initial if self.initial.any() else data


def _flat(g, shape, dtype, sign):
    """Return the result of a sweep at a node as a vector."""
    if g is None:
        return np.zeros(size(shape), dtype)
    g = g if sign == 1 else -g
    if isinstance(g, Traced):
        return g.reshape(-1) if g.shape == shape else np.reshape(np.broadcast_to(g, shape), (-1,))
    return np.ascontiguousarray(np.broadcast_to(g, shape), dtype).reshape(-1)
