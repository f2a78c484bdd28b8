"""Where a cotangent of zero meets a derivative that is infinite, or does not exist.

The product of the chain rule lets a zero cotangent win, since most zeros say that a value was not used.  A zero that came
of arithmetic says no such thing: ``sqrt(x) * sqrt(x)`` at 0 is x, whose derivative is 1.  Here the places are found
where the two have to be told apart, elements at which the partial of an operation is infinite although its operands are
finite; the sweeps then ask by a tangent from there, which does not vanish where arithmetic made the zero.
"""
import numpy as np

from mmad._instructions cimport SC_chain, Op
from mmad._instructions import OPERATIONS

cdef extern from "_node.h" nogil:
    enum:
        SC_absolute_slope, SC_hypot_slope

cdef bint[128] SINGULAR

#: operation -> the operand that matters and the values of it at which a partial is infinite
_POINTS = {
    **{name: (0, (0.0,)) for name in ("sqrt", "cbrt", "log", "log2", "log10", "reciprocal", "power")},
    **{name: (0, (1.0, -1.0)) for name in ("arcsin", "arccos", "arccosh", "arctanh")},
    "log1p": (0, (-1.0,)),
    "divide": (1, (0.0,)),
    # the slopes of norms, which do not exist at zero, and products with one
    **{name: (0, (0.0,)) for name in ("absolute_slope", "hypot_slope")},
    "chain": (1, (np.nan,)),
}


def bind():
    """Look up the operations with singular points, once all are declared."""
    for name in _POINTS:
        SINGULAR[(<Op> OPERATIONS[name]).opcode] = True


cdef bint singular(int opcode, bint rooted) noexcept nogil:
    """Whether a scalar operation has an infinite derivative somewhere; a product has one only where there are norms."""
    return opcode >= 0 and SINGULAR[opcode] and (rooted or opcode != SC_chain)


cdef bint kinked(int opcode) noexcept nogil:
    """Whether the partial of a scalar operation is NaN where the slope of a norm does not exist."""
    return opcode == SC_chain or opcode == SC_absolute_slope or opcode == SC_hypot_slope


def vanished(Op op, object ct, tuple vals, object out, list active):
    """Return where a zero of a cotangent meets a norm that is zero, which has no slope; None: nowhere."""
    found = np.equal(op.impl(*vals), 0.0) & np.equal(ct, 0.0)
    return found if found.any() else None


def suspected(Op op, object ct, tuple vals, object out, list active):
    """Return where a zero of a cotangent meets an infinite partial of one of the active operands.

    Parameters
    ----------
    op : Op
        One with singular points.
    ct : float or ndarray
        The cotangent of its result; lanes, if there are any, are the leading axis.
    vals : tuple
        Operands, plain.
    out : ndarray or float
        The result, None where no partial needs it.
    active : list of bool

    Returns
    -------
    ndarray of bool or None
    """
    place, points = _POINTS[op.name]
    value = np.asarray(vals[place])
    at = np.isnan(value) if np.isnan(points[0]) else value == points[0]
    for point in points[1:]:
        at |= value == point
    if not at.any():
        return None
    infinite = False
    with np.errstate(all="ignore"):
        for partial, on in zip(op.partials, active):
            if on:
                infinite = infinite | ~np.isfinite(partial(*vals, out))
    found = infinite & np.equal(ct, 0.0)
    return found if found.any() else None
