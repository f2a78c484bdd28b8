"""`mmad.lift`: copies of functions, classes and modules that know nothing of mmad."""

import functools
import types

from mmad._core import Traced
from mmad.lifting.copies import Lifter, Module
from mmad.lifting.refused import explain
from mmad.python import refusals
from mmad.tape.contexts import open_tape, wrappers_open
from mmad.tracing import tree

__all__ = ["lift"]

SHARED = Lifter()


def lift(target, *, leave=(), replace=None):
    """Return a copy of a function, class or module in which traced values pass where plain numbers do.

    In the copy `math`, `cmath`, `float`, `complex`, `np.float64`, tests of types and NumPy's creation functions take
    traced values, and so in everything in Python that it calls, in its own package and in others.  The original stays
    as it is; outside of a derivative it is what runs.

    Parameters
    ----------
    target : function, method, class or module
        Of a module, what is read from the result is lifted then.
    leave : iterable of str
        Names of packages or modules that are called as they are.  The standard library, NumPy and SciPy always are.
    replace : dict, optional
        Functions, and what to call instead of them in the copy: for compiled functions, and for searches.

    Returns
    -------
    function, class or module

    Raises
    ------
    TypeError
        From the copy, if a traced value reaches compiled code that it cannot follow, with the name of what was called.
    UnsupportedError
        From the copy, at a search by bisection, whose steps do not give the derivative of the root.

    See Also
    --------
    custom_jvp, primitive : derivatives for functions that cannot be followed

    Examples
    --------
    >>> import math
    >>> import mmad
    >>> def area(a, b, c):
    ...     s = float(a + b + c) / 2
    ...     return math.sqrt(s * (s - a) * (s - b) * (s - c))
    >>> mmad.grad(mmad.lift(area))(3.0, 4.0, 5.0)
    2.0
    """
    lifter = SHARED
    if leave or replace:
        names = frozenset((leave,) if isinstance(leave, str) else leave)
        lifter = Lifter(names, tuple(dict(replace or {}).items()))
    return _entry(lifter, target)


def _entry(lifter, target):
    """Return what the user gets for an object."""
    if isinstance(target, types.ModuleType):
        if not isinstance(lifter.of(target), Module):
            raise TypeError(f"mmad.lift: the module {target.__name__} is left as it is: {_why(target.__name__)}")
        return Module(target, functools.partial(_read, lifter))
    copy = lifter.of(target)
    if copy is target and not isinstance(target, types.FunctionType) and not callable(target):
        raise TypeError(f"mmad.lift takes a function, a class or a module, not {target!r}")
    if copy is target and not getattr(target, "__globals__", None):
        name = getattr(target, "__qualname__", repr(target))
        raise TypeError(
            f"mmad.lift cannot follow {name}: {_why(getattr(target, '__module__', None))}; give it a derivative with "
            "mmad.primitive or mmad.custom_jvp"
        )
    if isinstance(target, type):
        return copy
    return _function(lifter, target, copy)


def _why(module):
    root = (module or "").partition(".")[0]
    if root in ("math", "cmath", "numpy", "scipy", "mmad"):
        return f"lift the function that calls {root} instead"
    return "it is of the standard library, or has no code in Python"


def _read(lifter, value):
    """Return what is read from a lifted module."""
    if isinstance(value, types.FunctionType | types.MethodType | functools.partial) or hasattr(value, "__wrapped__"):
        copy = lifter.of(value)
        return value if copy is value else _function(lifter, value, copy)
    if isinstance(value, types.ModuleType):
        return value if lifter.of(value) is value else Module(value, functools.partial(_read, lifter))
    return lifter.of(value)


def _function(lifter, original, copy):
    """Return a function that runs the copy where a derivative is taken, and the original elsewhere."""

    def lifted(*args, **kwargs):
        if open_tape() is None and not wrappers_open():
            return original(*args, **kwargs)
        before = refusals.begin()
        try:
            out = copy(*map(lifter.of, args), **{name: lifter.of(v) for name, v in kwargs.items()})
        except Exception as error:
            explain(error)
            refusals.end(refusals.refused() or before)
            raise
        message = refusals.refused()
        refusals.end(message or before)
        if message is not None and _is_plain(out) and not _is_plain((args, kwargs)):
            raise TypeError(
                f"a conversion was refused, lifted code swallowed the exception, and the result is plain: {message}"
            )
        return out

    try:
        functools.update_wrapper(lifted, original)
    except AttributeError:
        lifted.__wrapped__ = original
    return lifted


def _is_plain(out):
    """Return whether no traced value is in a result; objects that are no containers count as traced."""
    if isinstance(out, Traced):
        return False
    try:
        leaves, _ = tree.flatten(out)
    except TypeError:
        return False
    return not any(isinstance(v, Traced) for v in leaves)
