"""What takes part in a comparison: a strategy of mmad, or another tool, behind the same call."""

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
        ``run(x)``, or ``run(x, v)`` for a Hessian-vector product, of arguments of the contestant's own kind; it returns
        when the result is there.
    arguments : callable
        Turns a point, or a direction, into the contestant's kind.  What that takes is not timed.
    to_numpy : callable
        Turns a result into NumPy arrays of the structure of the point, or a matrix, dense or of SciPy.  Not timed.
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
        What it is, in a few words.
    prepare : callable
        ``prepare(instance, product)`` gives a `Runner`.  What is done there, and in the first run, counts as
        preparation.  It raises `NotImplementedError` and says why where the contestant cannot do the problem.
    rtol : float
        The error that is allowed, relative to the largest element of the right answer: more for what is not exact.
    """

    name: str
    title: str
    prepare: Callable
    rtol: float = 1e-9
