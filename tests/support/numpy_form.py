"""A call form of a function of NumPy: what the lists of forms are made of."""

import dataclasses
from collections.abc import Callable


@dataclasses.dataclass(frozen=True)
class Form:
    """A call of a public function, and the arguments to differentiate it with respect to."""

    name: str  # without the leading "numpy."
    call: Callable
    points: tuple
    as_complex: bool = True  # whether it is tried with complex arguments, if NumPy takes them
    as_float32: bool = True


def form(name, call, *points, as_complex=True, as_float32=True):
    """Return a :class:`Form`; its arguments are read-only."""
    return Form(name, call, points, as_complex, as_float32)
