"""Zeros of constant arrays that a pattern counts on: noted, looked at again, guarded.

A term with a factor that is zero does not count in a pattern: a diagonal matrix, a mask.  The contents of arrays that a
function captures may change from call to call, while the recordings are of one structure.  So a pattern goes with the
zeros that it counts on, named by the order in which the recording meets its constant arrays.  Every eager call looks at
them; a program has a guard.  Where a zero is gone, the pattern is found again without looking at constants.
"""

from dataclasses import dataclass, field

import numpy as np

from mmad.planner.sparsity._fingerprint import constants_of
from mmad.python.kinds import isplain

__all__ = ["Zeros", "zeros_of"]


@dataclass(frozen=True)
class Zeros:
    """Which elements of some constant arrays of a recording are zero.

    Attributes
    ----------
    places : list of (int, ndarray of bool, bool)
        The number of the array among the constant ones, where it is zero, and whether it may be zero nowhere else: a
        mask of truth values.
    """

    places: list = field(repr=False)

    def hold(self, trace):
        """Return whether the arrays of another recording of the same structure are zero there."""
        arrays = constants_of(trace) if self.places else ()
        return all(_holds(arrays[k], zero, mask) for k, zero, mask in self.places)

    def guard(self, trace, tape):
        """Have the program that is recorded check them, too."""
        arrays = constants_of(trace) if self.places else ()
        for k, zero, _ in self.places:
            x = arrays[k]
            if x.dtype.kind not in "fc":
                tape.depend(x)
            elif x.flags.writeable or x.base is not None:
                bool(np.max(np.abs(np.where(zero, tape.captured(x), 0.0))) <= 0)  # in the machine; false of NaN


def _holds(x, zero, mask):
    return np.array_equal(x == 0, zero) if mask else not x[zero].any()


def zeros_of(trace, arrays):
    """Return the zeros of some constant arrays of a recording; None where one of them is not met again by its order."""
    wanted = {id(x): x for x in arrays}
    places, seen = [], set()
    for k, x in enumerate(constants_of(trace) if wanted else ()):
        base = x
        while isplain(base, np.ndarray):
            if id(base) in wanted:
                seen.add(id(base))
                places.append((k, x == 0, x.dtype.kind == "b"))
                break
            base = base.base
    return Zeros(places) if len(seen) == len(wanted) else None
