"""Define the contestants of a comparison: strategies of mmad and other tools, with one interface."""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Contestant", "Runner"]


def as_given(value):
    """Return the value."""
    return value


@dataclass(frozen=True)
class Runner:
    """One derivative of one function, ready to be called.

    Attributes
    ----------
    run : callable
        ``run(x)``, or ``run(x, v)`` for a Hessian-vector product, with arguments of the contestant's own kind.  It
        returns when the result has been computed.
    arguments : callable
        Converts a point, or a direction, to the contestant's own kind.  The conversion is not timed.
    to_numpy : callable
        Converts a result to NumPy arrays in the structure of the point, or to a dense or SciPy matrix.  The conversion
        is not timed.
    """

    run: Callable
    arguments: Callable = as_given
    to_numpy: Callable = as_given


@dataclass(frozen=True)
class Contestant:
    """A way to compute derivatives.

    Attributes
    ----------
    name : str
    title : str
        A description in a few words.
    prepare : callable
        ``prepare(instance, product)`` returns a `Runner`.  The time of this call and of the first run is the time of
        preparation.  If the contestant cannot do the problem, the call raises `NotImplementedError` and says why.
    rtol : float
        The error that is allowed, relative to the largest element of the right answer; larger for methods that are not
        exact.
    """

    name: str
    title: str
    prepare: Callable
    rtol: float = 1e-9
