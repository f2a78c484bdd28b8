"""How a module of `mmad.scipy` stands for SciPy's module of the same name.

:func:`handed_through` gives a module the names that it does not define; :func:`replaces` makes a function of traced
values into one of any values, with SciPy's signature.
"""

import functools
import inspect

import numpy as np

from mmad._core import Traced
from mmad.derivatives.closures import closed
from mmad.errors import UnsupportedError
from mmad.numpy import asarray
from mmad.python.kinds import isplain
from mmad.tracing import tree

__all__ = ["any_traced", "as_double", "handed_through", "offered", "public_name", "refused", "replaces"]


def handed_through(module, names):
    """Return `__getattr__` and `__dir__` of a module that offers everything of SciPy's module.

    Parameters
    ----------
    module : module
        SciPy's.
    names : list of str
        What our module defines itself, its `__all__`.
    """

    def __getattr__(name):  # noqa: N807
        return getattr(module, name)

    def __dir__():  # noqa: N807
        return sorted(set(names) | set(dir(module)))

    return __getattr__, __dir__


def any_traced(value):
    """Return whether a traced value is among the leaves of a tree."""
    return any(isinstance(v, Traced) for v in tree.flatten(value)[0])


def as_double(x):
    """Return numbers as an array in at least double precision, as SciPy's functions do that compute in it only.

    Examples
    --------
    >>> import numpy as np
    >>> from mmad.scipy._drop_in import as_double
    >>> as_double(np.float32([1, 2])).dtype, as_double(np.complex64([1j])).dtype, as_double([1, 2]).dtype
    (dtype('float64'), dtype('complex128'), dtype('float64'))
    """
    x = asarray(x)
    return x if x.dtype.itemsize >= 8 and x.dtype.kind == "f" else x.astype(np.result_type(x.dtype, np.float64))


def public_name(function):
    """Return the name under which SciPy documents a function."""
    module = ".".join(part for part in function.__module__.split(".") if not part.startswith("_"))
    return f"{module}.{function.__name__}"


def _equals_default(value, default):
    return value is default or (isplain(value, bool | int | float | str) and value == default)


def replaces(function, name=None, ignored=(), closures=False):
    """Decorate an implementation on traced values of a function of SciPy; plain values go to that function.

    Parameters
    ----------
    function : callable
        SciPy's.  Its signature resolves the arguments; the implementation takes those that it knows, by name.
    name : str, optional
        The name for messages, where the function does not have it.
    ignored : sequence of str
        Arguments that do not change the result: what may be overwritten, checks, a choice of LAPACK's routines.
    closures : bool
        Whether arguments are functions, which may hold traced values themselves.

    Raises
    ------
    UnsupportedError
        When called with traced values and an argument that the implementation does not know.

    Examples
    --------
    >>> import numpy as np, scipy.spatial.distance
    >>> from mmad.scipy._drop_in import replaces
    >>> @replaces(scipy.spatial.distance.sqeuclidean)
    ... def sqeuclidean(u, v):
    ...     return ((u - v) ** 2).sum()
    >>> float(sqeuclidean(np.array([1.0, 2.0]), [0.0, 0.0]))
    5.0
    """
    name = name or public_name(function)
    signature = inspect.signature(function)

    def register(implementation):
        known = inspect.signature(implementation).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())

        @functools.wraps(function)
        def call(*args, **kwargs):
            if not (closed((args, kwargs))[0] if closures else any_traced((args, kwargs))):
                return function(*args, **kwargs)
            given, more = {}, ()
            for key, value in signature.bind(*args, **kwargs).arguments.items():
                if signature.parameters[key].kind is inspect.Parameter.VAR_POSITIONAL:
                    more = value
                elif signature.parameters[key].kind is inspect.Parameter.VAR_KEYWORD:
                    given.update(value)
                elif key in known or takes_any:
                    given[key] = value
                elif key not in ignored and not _equals_default(value, signature.parameters[key].default):
                    raise UnsupportedError(
                        f"mmad.{name} of traced values does not know the argument {key}: leave it out, or give "
                        f"{name} a derivative with mmad.primitive"
                    )
            return implementation(*more, **given)

        call.implementation = implementation
        return call

    return register


def offered(module, functions, ignored=()):
    """Return a decorator for implementations of a module's functions, each under SciPy's name for it.

    Parameters
    ----------
    module : module
        SciPy's.  A function that an older SciPy lacks is left out.
    functions : dict
        Where the results are collected, by name.
    ignored : sequence of str
        As :func:`replaces` takes them.
    """

    def function(implementation):
        name = implementation.__name__
        if hasattr(module, name):
            full = f"{module.__name__}.{name}"
            functions[name] = replaces(getattr(module, name), full, ignored=ignored)(implementation)
        return functions.get(name, implementation)

    return function


def refused(module, functions, reasons):
    """Collect functions that hand plain values to SciPy, and raise for traced ones.

    Parameters
    ----------
    module : module
        SciPy's.
    functions : dict
        Where they are collected, by name.
    reasons : dict
        Name -> why there is no derivative, and what to write.
    """
    for name, reason in reasons.items():
        if hasattr(module, name):
            functions[name] = _refusal(getattr(module, name), f"{module.__name__}.{name}", reason)


def _refusal(function, name, reason):
    @functools.wraps(function)
    def call(*args, **kwargs):
        if closed((args, kwargs))[0]:
            raise UnsupportedError(f"mmad.{name} of traced values {reason}")
        return function(*args, **kwargs)

    return call
