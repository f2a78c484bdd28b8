"""Where a cotangent of zero meets an infinite derivative.

The product of the chain rule lets a zero cotangent win, since most zeros say that a value was not used.  A zero that came
of arithmetic says no such thing: ``sqrt(x) * sqrt(x)`` at 0 is x, whose derivative is 1.  Here the places are found
where the two have to be told apart, elements at which the partial of an operation is infinite although its operands are
finite; the sweeps then ask by a tangent from there, which does not vanish where arithmetic made the zero.
"""
import numpy as np

from mmad._instructions cimport Op
from mmad._instructions import OPERATIONS

cdef bint[128] SINGULAR

#: operation -> the operand that matters and the values of it at which a partial is infinite
_POINTS = {
    **{name: (0, (0.0,)) for name in ("sqrt", "cbrt", "log", "log2", "log10", "reciprocal", "power")},
    **{name: (0, (1.0, -1.0)) for name in ("arcsin", "arccos", "arccosh", "arctanh")},
    "log1p": (0, (-1.0,)),
    "divide": (1, (0.0,)),
}


def bind():
    """Look up the operations with singular points, once all are declared."""
    for name in _POINTS:
        SINGULAR[(<Op> OPERATIONS[name]).opcode] = True


cdef bint singular(int opcode) noexcept nogil:
    """Whether a scalar operation has an infinite derivative somewhere."""
    return opcode >= 0 and SINGULAR[opcode]


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
    at = value == points[0]
    for point in points[1:]:
        at |= value == point
    if not at.any():
        return None
    infinite = False
    with np.errstate(all="ignore"):
        for partial, on in zip(op.partials, active):
            if on:
                infinite = infinite | np.isinf(partial(*vals, out))
    found = infinite & np.equal(ct, 0.0)
    return found if found.any() else None
