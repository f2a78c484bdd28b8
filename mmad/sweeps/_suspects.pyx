"""Where a zero of a tangent or cotangent meets an infinite derivative.

The product of the chain rule lets a zero tangent or cotangent win, since most zeros say that a value does not count.  A
zero that arithmetic made says no such thing: ``sqrt(x) * sqrt(x)`` at 0 is x, whose derivative is 1.  Where a sweep meets
such a product, which is rare, a second sweep tells the two kinds of zero apart.  It starts from NaN where the seeds of the
first sweep are not zero.  NaN reaches every value that depends on them, unless a branch, an index or a mask lies between;
a zero that becomes NaN was made by arithmetic.

1. FIND: note the elements where the partial of an operation is infinite at finite operands, and the tangent or cotangent
   is zero.
2. ASK: sweep again from NaN, and keep of the noted elements those that become NaN.  In this sweep a partial that is zero
   at an infinite operand does not win, as it does in others: an operand that is infinite at a pole has not overflowed.
3. POISON: if any elements are kept, sweep once more, with NaN for them.

A tangent that leaves a pole is infinite, and a partial that is zero at infinity may win over it further on.  Therefore one
more sweep starts with NaN at the poles.  Results that become NaN there should be infinite; those that are finite are lost.
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


cdef object nan_seed(object g):
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
        return [(k, nan_seed(g)) for k, g in given]

    cdef bint confirmed(self) except -1:
        """Return whether any doubts are left after the second sweep."""
        self.stage, self.at = POISON, {}
        for (k, _), where in self.reached.items():
            self.at[k] = self.at[k] | where if k in self.at else where
        return bool(self.at)

    cdef list zeros(self, list given):
        """Return the seeds of a sweep that starts at poles."""
        self.stage, self.at, self.poles = POISON, self.poles, {}
        return [(k, zero_seed(g)) for k, g in given]

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


cdef object zero_seed(object g):
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
