"""A coloured pattern: the seeds of its sweeps, and how the entries are read off what these give.

An entry of a column's colour is read from the forward sweep of that colour, of a row's colour from a reverse sweep.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass, field

import numpy as np

from mmad.kernels import _pool
from mmad.planner.coloring import _coloring
from mmad.planner.sparsity.pattern import Pattern

__all__ = ["Coloring", "Seeds"]

FIELDS = ("kind", "order", "shape", "indptr", "indices", "column_colors", "row_colors")  # of a file
KINDS = ("column", "row", "star", "bicoloring")


@dataclass(frozen=True)
class Coloring:
    """A coloured pattern: what to sweep with, and where the entries come out.

    Attributes
    ----------
    kind : {"column", "row", "star", "bicoloring"}
    pattern : Pattern, shape (m, n)
    column_colors : ndarray of int32, shape (n,)
        Colours of columns, from 0; -1 for a column that no forward sweep needs.
    row_colors : ndarray of int32, shape (m,)
        The same of rows and reverse sweeps.
    order : str
        The vertex order that was best.
    """

    kind: str
    pattern: Pattern
    column_colors: np.ndarray = field(repr=False)
    row_colors: np.ndarray = field(repr=False)
    order: str

    @functools.cached_property
    def column_count(self) -> int:
        """Number of forward sweeps."""
        return int(self.column_colors.max(initial=-1)) + 1

    @functools.cached_property
    def row_count(self) -> int:
        """Number of reverse sweeps."""
        return int(self.row_colors.max(initial=-1)) + 1

    @property
    def count(self) -> int:
        """Number of sweeps in all."""
        return self.column_count + self.row_count

    def column_seeds(self) -> np.ndarray:
        """Return the directions of the forward sweeps: read-only, shape (column_count, n), of zeros and ones."""
        return self._seeds[0]

    def row_seeds(self) -> np.ndarray:
        """Return the same for the reverse sweeps: shape (row_count, m)."""
        return self._seeds[1]

    @functools.cached_property
    def _seeds(self):
        return Seeds(self.column_colors, self.column_count)[:], Seeds(self.row_colors, self.row_count)[:]

    @property
    def symmetric(self) -> bool:
        """Whether an entry may be read across the diagonal."""
        return self.kind == "star"

    @functools.cached_property
    def index(self):
        """Where each entry is in the compressed arrays end to end, int64; ValueError where one cannot be read."""
        p, m = self.pattern, self.pattern.shape[0]
        across = _coloring.alone(p.indptr, p.indices, self.column_colors).view(bool)
        index = self.column_colors[p.indices].astype(np.int64)
        index *= m
        index += p.rows
        if across.all():
            return index
        there, source = self._down
        index = np.where(across, index, there[source])
        lost = ~(across | self._readable_down[source])
        if lost.any():
            raise ValueError(
                f"the colouring does not determine {int(lost.sum())} of the {p.nnz} entries of its pattern"
            )
        return index

    @functools.cached_property
    def _places(self):
        """`index` as the number of the product (uint16) and the place in it (int32); None where there is none."""
        if self.count > np.iinfo(np.uint16).max:
            return None
        m, n = self.pattern.shape
        first = self.column_count * m
        down = self.index >= first
        line, at = np.divmod(self.index - np.where(down, first, 0), np.where(down, max(n, 1), max(m, 1)))
        return (line + np.where(down, self.column_count, 0)).astype(np.uint16), at.astype(np.int32)

    def _gathered(self, blocks):
        """Return the entries, in memory that is kept for such results (see `mmad/kernels/_pool.h`)."""
        m, n = self.pattern.shape
        pool = _pool.enter()
        try:
            data = np.empty(self.pattern.nnz, blocks[0].dtype)
        finally:
            _pool.leave(pool)
        _coloring.gather(blocks, self.column_count, m, self.count, n, *self._places, data)
        return data

    @functools.cached_property
    def _down(self):
        """Where each entry is in products with rows, by columns; and the place of each entry by columns."""
        p, (m, n) = self.pattern, self.pattern.shape
        t, source = p._transposed
        place = np.empty(p.nnz, np.int64)
        place[source] = np.arange(p.nnz)
        if self.symmetric:
            return self.column_colors[t.indices].astype(np.int64) * n + t.rows, place
        return self.column_count * m + self.row_colors[t.indices].astype(np.int64) * n + t.rows, place

    @functools.cached_property
    def _readable_down(self):
        t = self.pattern.T
        colors = self.column_colors if self.symmetric else self.row_colors
        return _coloring.alone(t.indptr, t.indices, colors).view(bool)

    def decompress(self, columns: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Return the entries, from what the sweeps gave.

        Parameters
        ----------
        columns : ndarray, shape (column_count, m), or list of such
            J s for each of `column_seeds`; a list has some of them in each array.
        rows : ndarray, shape (row_count, n), or list of such, optional
            s' J for each of `row_seeds`.

        Returns
        -------
        ndarray, shape (nnz,)
            In the order of the pattern's entries.
        """
        blocks = [
            x for given in (columns, rows) if given is not None for x in (given if type(given) is list else [given])
        ]
        plain = bool(blocks) and all(type(x) is np.ndarray for x in blocks) and blocks[0].dtype.char in "fd"
        if plain and self._places is not None:
            return self._gathered([np.ascontiguousarray(x, blocks[0].dtype) for x in blocks])
        parts = [np.reshape(x, (-1,)) for x in blocks if np.size(x)]
        flat = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.zeros(0)
        return flat[self.index]

    @functools.cached_property
    def _by_product(self):
        """Entries in the order of the products that give them, where those of each begin, and the places there."""
        m, n = self.pattern.shape
        first = self.column_count * m
        down = self.index >= first
        line, at = np.divmod(self.index - np.where(down, first, 0), np.where(down, max(n, 1), max(m, 1)))
        line += np.where(down, self.column_count, 0)
        order = np.argsort(line, kind="stable")
        return order, np.searchsorted(line[order], np.arange(self.count + 1)), line[order], at[order]

    def read(self, first, products):
        """Return the entries that some products give, in the order of :meth:`placed`.

        Parameters
        ----------
        first : int
            Number of the first of them, those with columns first.
        products : ndarray, shape (count, m) or (count, n)
        """
        _, starts, line, at = self._by_product
        mine = slice(starts[first], starts[first + len(products)])
        return products[line[mine] - first, at[mine]]

    def placed(self, entries_of_products):
        """Return the entries in the order of the pattern, from what :meth:`read` gave for all products, in order."""
        entries = np.concatenate([np.zeros(0), *entries_of_products])
        data = np.empty_like(entries)
        data[self._by_product[0]] = entries
        return data

    def __reduce__(self):
        return Coloring, (self.kind, self.pattern, self.column_colors, self.row_colors, self.order)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it to a file (`numpy.savez`), to be read by :meth:`load`."""
        p = self.pattern
        np.savez(
            path, kind=self.kind, order=self.order, shape=p.shape, indptr=p.indptr, indices=p.indices,
            column_colors=self.column_colors, row_colors=self.row_colors,
        )  # fmt: skip

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Coloring:
        """Read what :meth:`save` wrote; raise ValueError where it is something else or leaves entries undetermined."""
        try:  # np.load itself leaves the file open where the archive is damaged
            with open(path, "rb") as stream, np.load(stream, allow_pickle=False) as file:
                fields = {k: file[k] for k in FIELDS}
            kind, order = str(fields["kind"]), str(fields["order"])
            pattern = Pattern(fields["shape"], fields["indptr"], fields["indices"])
        except (FileNotFoundError, PermissionError, IsADirectoryError):
            raise
        except Exception as e:  # what a damaged archive raises is of many kinds
            raise ValueError(f"{path} holds no colouring: {e}") from None
        colors = []
        for name, size in (("column_colors", pattern.shape[1]), ("row_colors", pattern.shape[0])):
            c = fields[name]
            if (
                c.shape != (size,)
                or c.dtype != np.int32
                or (size and not -1 <= c.min() <= c.max() < max(pattern.shape))
            ):
                raise ValueError(f"{path} holds no colouring: its {name} are not {size} colours")
            colors.append(c)
        if kind not in KINDS or (kind == "star" and not pattern.is_symmetric):
            raise ValueError(f"{path} holds no colouring of a known kind")
        out = cls(kind, pattern, *colors, order)
        _ = out.index  # raises where an entry is not determined
        return out


class Seeds:
    """The seeds of a colouring: for each colour the sum of its unit vectors; made when they are asked for.

    Parameters
    ----------
    colors : ndarray of int32, shape (n,)
    count : int
        Colours.
    """

    def __init__(self, colors, count):
        self.colors, self.count = colors, count

    def __len__(self):
        return self.count

    @functools.cached_property
    def _members(self):
        """Columns (rows) by colour, and where each colour begins."""
        order = np.argsort(self.colors, kind="stable")
        return order, np.searchsorted(self.colors[order], np.arange(self.count + 1))

    def __getitem__(self, which):
        """Return those of a slice of the colours; ndarray, shape (stop - start, n), not to be written to."""
        first, last, _ = which.indices(self.count)
        order, starts = self._members
        used = order[starts[first] : starts[max(first, last)]]
        out = np.zeros((max(0, last - first), len(self.colors)))
        out[self.colors[used] - first, used] = 1
        out.flags.writeable = False
        return out
