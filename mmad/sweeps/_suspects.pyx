"""Where a zero of a tangent or cotangent meets an infinite derivative.

The product of the chain rule lets a zero tangent or cotangent win, since most zeros say that a value does not count.  A
zero that came of arithmetic says no such thing: ``sqrt(x) * sqrt(x)`` at 0 is x, whose derivative is 1.  Where such a
product is met, which is rare, a second sweep tells the two apart.  It starts from NaN where the first one started from
anything but zero: NaN reaches whatever depends on that, but for what a branch, an index or a mask cuts off.

1. FIND: note the elements at which the partial of an operation is infinite, its operands finite, and the zero in place.
2. ASK: sweep once more from NaN, and keep of these elements those that NaN has reached.  A partial that is zero at
   infinity, which wins elsewhere, does not here: what is infinite at a pole has not overflowed.
3. POISON: if there are any, sweep again, and let them be NaN.

A tangent that leaves a pole is infinite, and may then meet such a partial.  A further sweep starts with NaN at the poles;
results that it reaches are lost where they are finite.
"""
cimport cython

cimport numpy as cnp

import numpy as np

from mmad._core cimport Traced, apply2
from mmad.kernels._arrays cimport chain_value
from mmad.ops import OPERATIONS
from mmad.ops._singularities cimport infinite_partials
from mmad.tape._instructions cimport Op
from mmad.wrappers._batch cimport Batch

cnp.import_array()

cdef Op o_chain


o_chain = OPERATIONS["chain"]


cdef object unknown(object g):
    """Return NaN where a seed, of any kind, is not zero, and zero elsewhere."""
    if g is None:
        return None
    return apply2(o_chain, g, np.nan) if isinstance(g, Traced) else chain_value(g, np.nan)


@cython.final
cdef class Doubts:
    """The elements in doubt, by node: what one sweep finds, another asks about, and a third makes NaN."""

    def __init__(self):
        self.stage, self.at, self.reached, self.poles = FIND, {}, None, {}

    cdef list seeds(self, list given):
        """Return the seeds of the second sweep."""
        self.stage, self.reached = ASK, {}
        return [(k, unknown(g)) for k, g in given]

    cdef bint confirmed(self) except -1:
        """Return whether any doubts are left after the second sweep."""
        self.stage, self.at = POISON, {}
        for (k, _), where in self.reached.items():
            self.at[k] = self.at[k] | where if k in self.at else where
        return bool(self.at)

    cdef list zeros(self, list given):
        """Return the seeds of a sweep that starts at poles."""
        self.stage, self.at, self.poles = POISON, self.poles, {}
        return [(k, nothing(g)) for k, g in given]

    cdef int meet(self, int32_t k, int i, object infinite, object g) except -1:
        """Note, or ask about, elements of instruction k where partial i is infinite; g, numbers, is what it meets."""
        cdef tuple key = (k, i)
        if self.stage == FIND:
            found = infinite & np.equal(g, 0.0)
            known = self.at
            through = infinite & np.not_equal(g, 0.0)
            if through.any():
                self.poles[k] = self.poles[k] | through if k in self.poles else through
        elif self.stage == ASK and key in self.at:
            found = infinite & np.isnan(g) & self.at[key]
            known = self.reached
        else:
            return 0
        if found.any():
            known[key] = known[key] | found if key in known else found
        return 0

    cdef object poisoned(self, int32_t k, object g):
        """Return g with NaN for the elements of instruction k that are lost."""
        where = self.at.get(k) if self.stage == POISON else None
        if where is None:
            return g
        if isinstance(g, Batch):
            return Batch((<Batch> g).level, poison(where, (<Batch> g).lanes))
        return poison(where, g)

    cdef object backward(self, int32_t k, Op op, object ct, tuple vals, object out, list active):
        """Return the cotangent to go on with, of an array instruction at a singular point."""
        if self.stage != POISON:
            g = (<Batch> ct).lanes if isinstance(ct, Batch) else ct
            for i, infinite in enumerate(infinite_partials(op, vals, out, active)):
                if infinite is not None:
                    self.meet(k, i, infinite, g)
        return self.poisoned(k, ct)

    cdef int forward(self, int32_t k, Op op, list dots, tuple vals, object out, int rank) except -1:
        """Do the same for the tangents of the operands, None where they are zero; the result's is `poisoned` later."""
        if self.stage == POISON:
            return 0
        for i, infinite in enumerate(infinite_partials(op, vals, out, [d is not None for d in dots])):
            if infinite is None:
                continue
            g = dots[i]
            if isinstance(g, Batch):
                g = (<Batch> g).lanes
                g = g.reshape(g.shape[:1] + (1,) * (rank + 1 - g.ndim) + g.shape[1:])
            self.meet(k, i, infinite, g)
        return 0


cdef object nothing(object g):
    """Return a seed of zero like another one."""
    if g is None:
        return None
    if isinstance(g, Batch):
        return Batch((<Batch> g).level, np.zeros_like((<Batch> g).lanes))
    return np.zeros_like(g) if isinstance(g, cnp.ndarray) else 0.0


cdef object forgotten(object g, object reached):
    """Return a tangent, NaN where a pole's infinity was to reach it, and did not."""
    if reached is None:
        return g
    if isinstance(reached, Batch):
        lost = np.isnan((<Batch> reached).lanes)
        g = (<Batch> reached).level, (np.zeros_like((<Batch> reached).lanes) if g is None else (<Batch> g).lanes)
        return Batch(g[0], np.where(lost & np.isfinite(g[1]), g[1].dtype.type(np.nan), g[1]))
    lost = np.isnan(reached)
    if not np.any(lost):
        return g
    return poison(lost & (True if g is None else np.isfinite(g)), np.zeros_like(reached) if g is None else g)


cdef object poison(object where, object g):
    g = np.asarray(g)
    r = np.where(where, g.dtype.type(np.nan), g)
    return r if r.ndim else float(r)
