"""Repeated blocks: find Jacobians of partially separable functions, whose element functions are lanes of arrays.

Residuals of observations, elements of a mesh and terms of a sum are such element functions.  The program gathers arrays
from the arguments; lane i of everything after depends on lane i of these arrays alone; and many lanes share arguments.
Columns (rows) of the Jacobian then overlap wherever lanes share an argument, but the columns (rows) of C, between the
inlets and outlets of a cut (:mod:`mmad.planner.structure.cut`), do not.  So one sweep serves all lanes, and there are
as many sweeps as the block of one lane has outlets (or inlets).

1. Lanes are the elements of the leading axes of outlets.  Index sets of lane numbers, carried from inlets to outlets,
   show whether lanes stay independent; no value is looked at.  All axes are tried, then all but the last, and so on.
2. Slots are the elements of one lane of an inlet (the element variables); equal inlets share their slots.  Index sets
   of slot numbers give the pattern of a block.  An inlet without the axes of the lanes is shared by all lanes, and each
   of its elements takes a forward sweep.
3. The pattern of a block, which has some tens of rows and columns, is coloured; the colours are the same in all lanes.
4. An entry of the Jacobian is a sum of entries of C; their positions in the results of the sweeps are computed once.

Both passes of index sets hold one number for each element, whatever the number of lanes.
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

HELD = 1 << 25  # indices of lanes or slots in memory, 4 bytes each; the search for blocks stops beyond this number
SHARED = 64  # elements of shared inlets: each takes a sweep
SLOTS = 4096  # slots of a lane; blocks with more are not small
SLICES = 512  # slices; with more, the terms of entries are looked up one by one
FEW = 2, 1000  # FEW[0] + nnz // FEW[1] slices are faster than looking terms up one by one
REVERSE = 1.2  # the cost of a cotangent in tangents, to choose the side of a block


def blocks_of(recorded, symmetric=False, most=UNLIMITED):
    """Return the repeated blocks of a recording.

    Parameters
    ----------
    recorded : mmad.derivatives.recorded.Recorded
    symmetric : bool
        Whether to make the pattern symmetric.
    most : int
        Number of steps that each pass of index sets may take, some nanoseconds each.

    Returns
    -------
    Blocks

    Raises
    ------
    StructureError
        If there are no repeated blocks; the message says why.
    Exhausted
        If a pass would take more steps.
    """
    cut = cut_of(recorded)
    if cut is None:
        raise StructureError("the recording is too long, or works on numbers rather than on arrays")
    return _BlockBuilder(recorded, cut, symmetric, most).run()


def _by_slot(starts, slots, goes):
    """Return, for each slot, the elements whose sets of slots contain it, in ascending order."""
    count = len(starts) - 1
    each = len(slots) // max(count, 1)
    if count and each * count == len(slots) and goes.all() and (np.diff(starts) == each).all():
        table = slots.reshape(count, each)
        if (table == table[0]).all():  # every element depends on the same slots
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
        tape, start = recorded.trace.tape, recorded.trace.start
        self.graph = lower_between(tape, [start + k for k in cut.inlets], [start + o.node for o in cut.outlets])
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
        """Number the lanes, and return whether they are independent of each other."""
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
        # If lanes are independent, each element of an outlet is in one lane; the factor 2 leaves room for the elements
        # that do not go into the result, which may be in more.
        each = sum(2 * size(o.shape) for o in self.cut.outlets)
        try:
            rows, exact = dependence(self.graph, labels, n, HELD, self.most, each)
        except Exhausted:
            return False
        for o, rank, (starts, lanes), goes in zip(self.cut.outlets, self.lead, rows, self.goes, strict=True):
            counts = np.diff(starts)
            if not exact or (counts[goes] > 1).any():
                return False
            first, trailing = self.families[o.shape[:rank]], size(o.shape[rank:])
            one = goes & (counts == 1)
            if (lanes[starts[:-1][one]] != first + np.flatnonzero(one) // trailing).any():
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
            raise StructureError("there are too many blocks to search")
        # For each outlet: its first slot, and for each slot of inlets the elements that depend on it.
        self.found, first = [], 0
        pairs = [np.zeros((2, 0), np.int64)]
        for o, rank, (starts, slots), goes in zip(self.cut.outlets, self.lead, rows, self.goes, strict=True):
            trailing = size(o.shape[rank:])
            elements = _by_slot(starts, slots, goes)
            self.found.append((first, elements))
            for k, dependent in elements.items():
                own = [first] if trailing == 1 else first + np.unique(dependent % trailing)
                pairs.append(np.stack([own, np.full(len(own), k)]))
            first += trailing
        self.gives = first
        self.rows_of_block, self.columns_of_block = np.concatenate(pairs, axis=1)

    # ------------------------------------------------------------------------------------ sweeps
    def _sweeps(self):
        """Colour the pattern of a block by columns or rows, whichever takes fewer sweeps."""
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
        """Return the seeds of a forward sweep: ones in the slots of one colour."""
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
        """Return the seeds of a reverse sweep: an array of zeros and ones, or 1.0 if all its elements are one."""
        seeds = []
        for o, rank, (first, _), goes in zip(self.cut.outlets, self.lead, self.found, self.goes, strict=True):
            trailing = o.shape[rank:]
            hit = self.row_colors[first : first + size(trailing)] == color
            if not hit.any():
                continue
            dtype = self._dtype(o.node)
            seed = np.broadcast_to(hit.reshape(trailing), o.shape) & goes.reshape(o.shape)
            seeds.append((o.node, 1.0 if seed.all() and dtype == np.float64 else seed.astype(dtype)))
        return seeds

    # ------------------------------------------------------------------------------------ terms
    def _terms(self):
        """Find for every term which sweep computes it, at which position, and to which entry it belongs."""
        self.results = [{} for _ in (*self.forward, *self.reverse)]
        terms = []
        for o, rank, (first, elements) in zip(self.cut.outlets, self.lead, self.found, strict=True):
            for k, element in elements.items():
                terms += self._of_slot(o, k, element, size(o.shape[rank:]), first)
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
        pairs = ((sweep, node) for sweep, nodes in enumerate(self.results) for node in nodes)
        numbers = {pair: i for i, pair in enumerate(pairs)}
        places = [(entry, numbers[t[3], t[4]], t[2]) for entry, t in zip(entries, terms, strict=False)]
        slices = _as_slices(places, initial)
        index, more = (None, None) if slices is not None else self._indexed(places, pattern.nnz)
        t = self.r.trace
        # Other recordings of the structure may have more guards: nodes are named by their numbers without guards.
        numbers = {k - t.start: i for i, k in enumerate(counted(t).tolist())}
        forward, reverse = (
            [[(numbers[k], d) for k, d in s] for s in sweeps] for sweeps in (self.forward, self.reverse)
        )
        return Blocks(
            lanes=self.lanes, inputs=self.slots, outputs=self.gives, pattern=pattern, forward=forward, reverse=reverse,
            inlets=[numbers[k] for k in self.cut.inlets], initial=initial, slices=slices or [], index=index,
            more=more, sums=self._sums(places, slices, pattern.nnz), share=self._share(),
            results=[[(numbers[k], *self._kind(k), sign) for k, sign in nodes] for nodes in self.results],
        )  # fmt: skip

    def _share(self):
        """Return the part of the recording's instructions that a sweep covers, on average."""
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
        """Return the number of elements of each result."""
        return np.array([size(self._kind(node)[0]) for nodes in self.results for node, _ in nodes], np.int64)

    def _sums(self, places, slices, nnz):
        """Return, for each entry, the results that hold its terms and the positions of the terms in them."""
        if slices is not None and len(slices) <= FEW[0] + nnz // FEW[1]:
            return None
        entry = np.concatenate([np.zeros(0, np.int64), *(entry for entry, *_ in places)])
        number = np.repeat(np.array([k for _, k, _ in places], np.int32), [len(position) for *_, position in places])
        position = np.concatenate([np.zeros(0, np.int64), *(position for *_, position in places)]).astype(np.int32)
        order = np.argsort(entry, kind="stable")
        starts = np.searchsorted(entry[order], np.arange(nnz + 1))
        return self._sizes(), starts.astype(np.int64), number[order], position[order]

    def _indexed(self, places, nnz):
        """Return the position of each entry's first term in all results joined to one vector; and the further terms."""
        sizes = self._sizes()
        starts = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        index, further = np.full(nnz, starts[-1]), []
        for entry, number, position in places:
            free = index[entry] == starts[-1]
            index[entry[free]] = starts[number] + position[free]
            rest = index[entry] != starts[number] + position  # includes further terms in this result of the same entry
            if rest.any():
                further.append((entry[rest], starts[number] + position[rest]))
        return index, tuple(map(np.concatenate, zip(*further, strict=True))) if further else None

    def _kind(self, k):
        of = self.cut.inlets.get(k)
        shape = next(o.shape for o in self.cut.outlets if o.node == k) if of is None else of.shape
        return shape, self._dtype(k)

    def _of_slot(self, o, k, element, trailing, first):
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
            slots = slice(first, first + 1) if trailing == 1 else first + element % trailing
            colors = self.row_colors[slots]
            for c in np.unique(colors):
                mine = None if trailing == 1 else colors == c
                for member in self.members[inlet]:
                    takes.append((mine, source, len(self.forward) + int(c), member))
        terms = []
        for rows, sign in o.parts:
            row = rows.reshape(-1)[element]
            real = (row >= 0) & (column >= 0)
            for mine, position, sweep, node in takes:
                keep = real if mine is None else mine & real
                if keep.any():
                    self.results[sweep][node, sign] = 0
                    term = (row, column, position) if keep.all() else (row[keep], column[keep], position[keep])
                    terms.append((*term, sweep, (node, sign)))
        return terms


def _as_slices(places, initial):
    """Return the terms as slices of entries and of results; None if some are not slices, or if there are too many."""
    slices, touched = [], initial != 0
    for entry, number, position in places:
        pair = _as_slice(entry), _as_slice(position)
        if None in pair or len(slices) == SLICES:
            return None
        add = bool(touched[pair[0]].any())
        touched[pair[0]] = True
        slices.append((pair[0], number, pair[1], add))
    return slices


def _as_slice(x):
    """Return ascending, equally spaced numbers as a slice; None for other numbers."""
    step = int(x[1] - x[0]) if len(x) > 1 else 1
    if step <= 0 or (len(x) > 2 and (np.diff(x) != step).any()):
        return None
    return slice(int(x[0]), int(x[-1]) + 1, step)
