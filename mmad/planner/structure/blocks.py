"""Repeated blocks: Jacobians of what is computed alike, and apart, in every lane of some arrays.

Residuals of observations, elements of a mesh, terms of a sum: arrays are gathered from the arguments, lane i of what
follows depends on lane i of those alone, and many lanes share arguments.  Columns (rows) of the Jacobian then overlap
wherever lanes share one, but those of C, between the inlets and outlets of a cut
(:mod:`mmad.planner.structure.cut`), do not: all lanes go through one sweep, and the sweeps are as many as one lane's
block has outlets (or inlets).

1. Lanes are the elements of the leading axes of outlets.  Index sets of lane numbers, carried from inlets to outlets,
   show whether they stay apart; no value is looked at.  All axes are tried, then all but the last, and so on.
2. Slots are the elements of one lane of an inlet; equal inlets have the same.  Index sets of slot numbers give the
   pattern of a block.  An inlet without the lanes' axes is shared, and each of its elements takes a forward sweep.
3. The pattern of a block, of some tens of rows and columns, is coloured; all lanes have its colours.
4. An entry of the Jacobian is a sum of entries of C; where those come out is worked out once.

Both passes of index sets hold one number an element, whatever the number of lanes.
"""

import numpy as np

from mmad.compiler._lower import lower_between
from mmad.errors import StructureError
from mmad.ops.movement import size
from mmad.planner.coloring.coloring import column_coloring, row_coloring
from mmad.planner.sparsity._dependence import dependence
from mmad.planner.sparsity._fingerprint import counted
from mmad.planner.sparsity._sets import UNLIMITED, Exhausted
from mmad.planner.sparsity.pattern import Pattern
from mmad.planner.structure.block_sweeps import Blocks
from mmad.planner.structure.cut import cut_of
from mmad.tape._activity import active_nodes

__all__ = ["blocks_of"]

HELD = 1 << 25  # indices of lanes or slots that are held, 4 bytes each: beyond, blocks are not looked for
SHARED = 64  # elements of shared inlets: each takes a sweep
SLOTS = 4096  # slots of a lane, with which blocks are no longer small
SLICES = 512  # up to which entries are put into place slice by slice
FEW = 2, 1000  # slices that are quicker than looking terms up one by one; one more for so many entries
REVERSE = 1.2  # the cost of a cotangent in tangents, to choose the side of a block


def blocks_of(recorded, symmetric=False, most=UNLIMITED):
    """Return the repeated blocks of a recording.

    Parameters
    ----------
    recorded : mmad.derivatives.recorded.Recorded
    symmetric : bool
        Whether the pattern is to be made symmetric.
    most : int
        Steps that either pass of index sets may take, some nanoseconds each.

    Returns
    -------
    Blocks

    Raises
    ------
    StructureError
        With the reason.
    Exhausted
        There would be more steps.
    """
    cut = cut_of(recorded)
    if cut is None:
        raise StructureError("the recording is too long, or works on numbers rather than on arrays")
    return _BlockBuilder(recorded, cut, symmetric, most).run()


def _by_slot(starts, slots, goes):
    """Return, by slot, the elements, ascending, whose sets of slots it is in."""
    count = len(starts) - 1
    each = len(slots) // max(count, 1)
    if count and each * count == len(slots) and goes.all() and (np.diff(starts) == each).all():
        table = slots.reshape(count, each)
        if (table == table[0]).all():  # every element depends on the same
            everyone = np.arange(count, dtype=np.int64)
            return {int(k): everyone for k in table[0]}
    element = np.repeat(np.arange(count, dtype=np.int64), np.diff(starts))
    keep = goes[element]
    element, slots = element[keep], slots[keep]
    order = np.argsort(slots, kind="stable")
    element, slots = element[order], slots[order]
    ends = np.flatnonzero(np.diff(slots)) + 1
    return {int(slots[i]): part for i, part in zip([0, *ends], np.split(element, ends), strict=True) if len(part)}


class _BlockBuilder:
    def __init__(self, recorded, cut, symmetric, most):
        self.r, self.cut, self.symmetric, self.most = recorded, cut, symmetric, most
        tape, at = recorded.trace.tape, recorded.trace.start
        self.graph = lower_between(tape, [at + k for k in cut.inlets], [at + o.node for o in cut.outlets])
        self.goes = [np.any([rows >= 0 for rows, _ in o.parts], axis=0).reshape(-1) for o in cut.outlets]

    def run(self):
        cut = self.cut
        if any(not o.shape for o in cut.outlets):
            raise StructureError("a result is computed as a number, not as an element of an array")
        ranks = [len(o.shape) for o in cut.outlets]
        for less in range(max(ranks, default=1)):
            self.lead = [max(1, rank - less) for rank in ranks]
            if self._lanes():
                break
        else:
            raise StructureError("lanes of arrays depend on each other")
        self._slots()
        self._sweeps()
        return self._terms()

    # ------------------------------------------------------------------------------------ lanes
    def _lanes(self):
        """Number the lanes, and see whether they stay apart."""
        self.families, n = {}, 0
        for o, rank in zip(self.cut.outlets, self.lead, strict=True):
            if o.shape[:rank] not in self.families:
                self.families[o.shape[:rank]] = n
                n += size(o.shape[:rank])
        self.lanes = n
        by_length = sorted(self.families, key=len, reverse=True)
        self.home = {
            k: next((f for f in by_length if of.shape[: len(f)] == f and f), None) for k, of in self.cut.inlets.items()
        }
        labels = [None if f is None else self._labels(f, self.cut.inlets[k]) for k, f in self.home.items()]
        # Where lanes stay apart each element of an outlet is in one; what is not looked at may be in more.
        each = sum(2 * size(o.shape) for o in self.cut.outlets)
        try:
            rows, exact = dependence(self.graph, labels, n, HELD, self.most, each)
        except Exhausted:
            return False
        for o, rank, (starts, found), goes in zip(self.cut.outlets, self.lead, rows, self.goes, strict=True):
            counts = np.diff(starts)
            if not exact or (counts[goes] > 1).any():
                return False
            at, trailing = self.families[o.shape[:rank]], size(o.shape[rank:])
            one = goes & (counts == 1)
            if (found[starts[:-1][one]] != at + np.flatnonzero(one) // trailing).any():
                return False
        return True

    def _labels(self, family, columns):
        """Return the lane of each element of an inlet; -1 for constants."""
        numbers = self.families[family] + np.arange(size(family), dtype=np.int32)
        numbers = np.repeat(numbers, size(columns.shape[len(family) :]))
        return np.where(columns.reshape(-1) >= 0, numbers, np.int32(-1)).astype(np.int32)

    # ------------------------------------------------------------------------------------ slots
    def _slots(self):
        """Number the slots of inlets and outlets, and find the pattern of a block."""
        same, labels, n = {}, [], 0
        self.first, self.members, self.owner = {}, {}, []  # by inlet, by inlet, by slot
        for k, columns in self.cut.inlets.items():
            f = self.home[k]
            width = size(columns.shape) if f is None else size(columns.shape[len(f) :])
            equal = next((j for j in same.get(columns.shape, ()) if np.array_equal(self.cut.inlets[j], columns)), None)
            if equal is None:
                same.setdefault(columns.shape, []).append(k)
                self.first[k], self.members[k] = n, [k]
                self.owner += [k] * width
                n += width
            else:
                self.first[k] = self.first[equal]
                self.members[equal].append(k)
            own = self.first[k] + np.arange(width, dtype=np.int32)
            numbers = own if f is None else np.tile(own, size(f))
            labels.append(np.where(columns.reshape(-1) >= 0, numbers, np.int32(-1)).astype(np.int32))
            if n > SLOTS:
                raise StructureError(f"a block has more than {SLOTS} inputs")
        self.shared = np.array([self.home[k] is None for k in self.owner], bool)
        if self.shared.sum() > SHARED:
            raise StructureError(f"lanes share {self.shared.sum()} inputs")
        self.slots = n
        rows, exact = dependence(self.graph, labels, n, HELD, self.most, min(self.most, HELD))
        if not exact:
            raise StructureError("blocks are too many to be looked at")
        self.found, at = [], 0  # by outlet: its first slot, and by slot of inlets the elements that depend on it
        pairs = [np.zeros((2, 0), np.int64)]
        for o, rank, (starts, slots), goes in zip(self.cut.outlets, self.lead, rows, self.goes, strict=True):
            trailing = size(o.shape[rank:])
            elements = _by_slot(starts, slots, goes)
            self.found.append((at, elements))
            for k, found in elements.items():
                own = [at] if trailing == 1 else at + np.unique(found % trailing)
                pairs.append(np.stack([own, np.full(len(own), k)]))
            at += trailing
        self.gives = at
        self.rows_of_block, self.columns_of_block = np.concatenate(pairs, axis=1)

    # ------------------------------------------------------------------------------------ sweeps
    def _sweeps(self):
        """Colour the pattern of a block, from the side that takes fewer sweeps."""
        shape, i, j = (self.gives, self.slots), self.rows_of_block, self.columns_of_block
        columns = column_coloring(Pattern.from_coordinates(i, j, shape))
        laned = ~self.shared[j]
        rows = row_coloring(Pattern.from_coordinates(i[laned], j[laned], shape))
        apart = column_coloring(Pattern.from_coordinates(i[~laned], j[~laned], shape))
        if columns.column_count <= apart.column_count + REVERSE * rows.row_count:
            self.column_colors, self.row_colors = columns.column_colors, np.full(self.gives, -1, np.int32)
        else:
            some = np.bincount(i[laned], minlength=self.gives) > 0
            self.column_colors, self.row_colors = apart.column_colors, np.where(some, rows.row_colors, -1)
        used = np.bincount(j, minlength=self.slots) > 0
        self.column_colors = np.where(used & (self.shared | (self.row_colors < 0).all()), self.column_colors, -1)
        self.forward = [self._tangents(c) for c in range(self.column_colors.max(initial=-1) + 1)]
        self.reverse = [self._cotangents(c) for c in range(self.row_colors.max(initial=-1) + 1)]

    def _dtype(self, node):
        rec = self.r.trace.tape.record_of(self.r.trace.start + node)
        return np.dtype(float) if rec is None else rec.dtype

    def _tangents(self, color):
        """Return the seeds of a forward sweep: ones in the slots of a colour."""
        seeds = []
        for k, columns in self.cut.inlets.items():
            f = self.home[k]
            width = size(columns.shape) if f is None else size(columns.shape[len(f) :])
            hit = (self.column_colors[self.first[k] : self.first[k] + width] == color).astype(self._dtype(k))
            if not hit.any():
                seeds.append((k, None))
            elif columns.shape:
                hit = hit.reshape(columns.shape) if f is None else hit.reshape(columns.shape[len(f) :])
                seeds.append((k, np.array(np.broadcast_to(hit, columns.shape), order="C")))
            else:
                seeds.append((k, 1.0))
        return seeds

    def _cotangents(self, color):
        """Return the seeds of a reverse sweep: a number where all of an outlet are one."""
        seeds = []
        for o, rank, (at, _), goes in zip(self.cut.outlets, self.lead, self.found, self.goes, strict=True):
            trailing = o.shape[rank:]
            hit = self.row_colors[at : at + size(trailing)] == color
            if not hit.any():
                continue
            dtype = self._dtype(o.node)
            seed = np.broadcast_to(hit.reshape(trailing), o.shape) & goes.reshape(o.shape)
            seeds.append((o.node, 1.0 if seed.all() and dtype == np.float64 else seed.astype(dtype)))
        return seeds

    # ------------------------------------------------------------------------------------ terms
    def _terms(self):
        """Find where every term of every entry comes out, and where it goes."""
        self.results = [{} for _ in (*self.forward, *self.reverse)]
        terms = []
        for o, rank, (at, elements) in zip(self.cut.outlets, self.lead, self.found, strict=True):
            for k, element in elements.items():
                terms += self._of_slot(o, k, element, size(o.shape[rank:]), at)
        direct = [self._drop_missing_entries(*d) for d in self.cut.direct]
        n = self.r.shape[1]
        keys = [t[0] * n + t[1] for t in (*terms, *direct)]
        key = np.concatenate([np.zeros(0, np.int64), *keys])
        columns = np.concatenate([np.zeros(0, np.int64), *(t[1] for t in (*terms, *direct))])
        if len(key) and not (key[1:] > key[:-1]).all():
            order = np.argsort(key, kind="stable")
            key, columns = key[order], columns[order]
            new = np.ones(len(key), bool)
            new[1:] = key[1:] != key[:-1]
            key, columns = key[new], columns[new]
        starts = np.searchsorted(key, np.arange(self.r.shape[0] + 1, dtype=np.int64) * n)
        pattern = Pattern(self.r.shape, starts, columns.astype(np.int32))
        if self.symmetric and not pattern.is_symmetric:
            pattern = pattern.symmetrized()
            key = pattern.rows.astype(np.int64) * n + pattern.indices
        entries = [np.searchsorted(key, k) for k in keys]
        initial = np.zeros(pattern.nnz, self.r.rows.dtype)
        for (*_, sign), entry in zip(direct, entries[len(terms) :], strict=True):
            np.add.at(initial, entry, sign)
        numbers = {at: i for i, at in enumerate((s, node) for s, found in enumerate(self.results) for node in found)}
        places = [(entry, numbers[t[3], t[4]], t[2]) for entry, t in zip(entries, terms, strict=False)]
        slices = _as_slices(places, initial)
        index, more = (None, None) if slices is not None else self._indexed(places, pattern.nnz)
        t = self.r.trace
        numbers = {k - t.start: i for i, k in enumerate(counted(t).tolist())}  # other recordings may have more guards
        forward, reverse = (
            [[(numbers[k], d) for k, d in s] for s in sweeps] for sweeps in (self.forward, self.reverse)
        )
        return Blocks(
            lanes=self.lanes, inputs=self.slots, outputs=self.gives, pattern=pattern, forward=forward, reverse=reverse,
            inlets=[numbers[k] for k in self.cut.inlets], initial=initial, slices=slices or [], index=index,
            more=more, sums=self._sums(places, slices, pattern.nnz), share=self._share(),
            results=[[(numbers[k], *self._kind(k), sign) for k, sign in found] for found in self.results],
        )  # fmt: skip

    def _share(self):
        """Return the part of the recording's instructions that a sweep goes over."""
        t = self.r.trace
        start, stop = t.start, len(t.tape)
        after = active_nodes(t.tape, start, stop, [start + k for k in self.cut.inlets]) if self.cut.inlets else b""
        touched = 0
        for seeds in self.forward:
            seeded = [start + k for k, d in seeds if d is not None]
            touched += sum(active_nodes(t.tape, start, stop, seeded)[start:])
        for seeds in self.reverse:
            needed = {start + k for k, _ in seeds}
            for k in range(max(needed), start - 1, -1):
                if k in needed and k - start not in self.cut.inlets:
                    needed.update(j for j in t.tape.operands_of(k) if j >= start and after[j])
            touched += len(needed)
        return touched / max(1, (stop - start) * (len(self.forward) + len(self.reverse)))

    def _drop_missing_entries(self, rows, columns, sign):
        rows, columns = np.broadcast_arrays(rows, columns)
        real = (rows >= 0) & (columns >= 0)
        return rows[real], columns[real], sign

    def _sizes(self):
        """Return the elements of each result."""
        return np.array([size(self._kind(node)[0]) for found in self.results for node, _ in found], np.int64)

    def _sums(self, places, slices, nnz):
        """Return, by entry, the results that its terms are in and where they are there."""
        if slices is not None and len(slices) <= FEW[0] + nnz // FEW[1]:
            return None
        entry = np.concatenate([np.zeros(0, np.int64), *(entry for entry, *_ in places)])
        number = np.repeat(np.array([k for _, k, _ in places], np.int32), [len(where) for *_, where in places])
        place = np.concatenate([np.zeros(0, np.int64), *(where for *_, where in places)]).astype(np.int32)
        order = np.argsort(entry, kind="stable")
        starts = np.searchsorted(entry[order], np.arange(nnz + 1))
        return self._sizes(), starts.astype(np.int64), number[order], place[order]

    def _indexed(self, places, nnz):
        """Return the positions among all results end to end, by entry; and those of further terms."""
        sizes = self._sizes()
        at = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        index, further = np.full(nnz, at[-1]), []
        for entry, number, where in places:
            free = index[entry] == at[-1]
            index[entry[free]] = at[number] + where[free]
            rest = index[entry] != at[number] + where  # also of several terms here that belong to one entry
            if rest.any():
                further.append((entry[rest], at[number] + where[rest]))
        return index, tuple(map(np.concatenate, zip(*further, strict=True))) if further else None

    def _kind(self, k):
        of = self.cut.inlets.get(k)
        shape = next(o.shape for o in self.cut.outlets if o.node == k) if of is None else of.shape
        return shape, self._dtype(k)

    def _of_slot(self, o, k, element, trailing, at):
        """Return the terms (rows, columns, positions, sweep, result) of an outlet's elements that depend on a slot."""
        inlet = self.owner[k]
        columns, f, t = self.cut.inlets[inlet], self.home[inlet], k - self.first[inlet]
        if f is None:
            source = np.full(len(element), t)
        else:
            source = element if trailing == 1 else element // trailing
            width = size(columns.shape[len(f) :])
            source = source if width == 1 else source * width + t
        column = columns.reshape(-1)[source]
        takes = []
        if self.column_colors[k] >= 0:
            takes.append((None, element, int(self.column_colors[k]), o.node))
        else:
            colors = self.row_colors[at : at + 1] if trailing == 1 else self.row_colors[at + element % trailing]
            for c in np.unique(colors):
                mine = None if trailing == 1 else colors == c
                for member in self.members[inlet]:
                    takes.append((mine, source, len(self.forward) + int(c), member))
        terms = []
        for rows, sign in o.parts:
            row = rows.reshape(-1)[element]
            real = (row >= 0) & (column >= 0)
            for mine, where, sweep, node in takes:
                keep = real if mine is None else mine & real
                if keep.any():
                    self.results[sweep][node, sign] = 0
                    found = (row, column, where) if keep.all() else (row[keep], column[keep], where[keep])
                    terms.append((*found, sweep, (node, sign)))
        return terms


def _as_slices(places, initial):
    """Return the same as slices of entries and of results; None where they are none, or too many."""
    found, touched = [], initial != 0
    for entry, number, where in places:
        pair = _as_slice(entry), _as_slice(where)
        if None in pair or len(found) == SLICES:
            return None
        add = bool(touched[pair[0]].any())
        touched[pair[0]] = True
        found.append((pair[0], number, pair[1], add))
    return found


def _as_slice(x):
    """Return numbers in steps of one size as a slice, None if they are not."""
    step = int(x[1] - x[0]) if len(x) > 1 else 1
    if step <= 0 or (len(x) > 2 and (np.diff(x) != step).any()):
        return None
    return slice(int(x[0]), int(x[-1]) + 1, step)
