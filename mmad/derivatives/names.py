"""Arguments by name: `argnums` of a derivative operator may hold names of parameters."""

import functools
import inspect

from mmad.derivatives.arguments import derivative_function
from mmad.python.kinds import isplain
from mmad.tracing.leaves import describe

__all__ = ["by_name"]


class Named:
    """The arguments of a function that a derivative is with respect to, some by name.

    Parameters
    ----------
    f : callable
    names : tuple of int and str
        Positions and names of parameters.
    what : str
        The operator, for messages.
    """

    def __init__(self, f, names, what):
        self.f, self.names, self.what = f, names, what
        self.parameters = inspect.signature(f).parameters
        takes_any = any(p.kind is p.VAR_KEYWORD for p in self.parameters.values())
        order = [k for k, p in self.parameters.items() if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.place = {k: n for n, k in enumerate(order)}
        for k in names:
            if not isplain(k, int) and k not in self.parameters and not takes_any:
                raise TypeError(f"{describe(f, what)}: it has no parameter {k!r}")

    def take(self, args, kwargs):
        """Return the chosen values, and the other arguments: positional ones that were chosen are None."""
        args, kwargs, values, seen = list(args), dict(kwargs), [], set()
        for k in self.names:
            place = k if isplain(k, int) else self.place.get(k, len(args))
            chosen = place % len(args) if -len(args) <= place < len(args) else k
            if chosen in seen:
                raise ValueError(f"{describe(self.f, self.what)}: argnums={self.names} names an argument twice")
            seen.add(chosen)
            if k in kwargs:
                values.append(kwargs.pop(k))
            elif -len(args) <= place < len(args):
                values.append(args[place])
                args[place] = None
            elif k in self.parameters and self.parameters[k].default is not inspect.Parameter.empty:
                values.append(self.parameters[k].default)
            else:
                raise TypeError(f"{describe(self.f, self.what)}: argument {k!r} has not been given")
        return values, args, kwargs

    def put(self, values, args, kwargs):
        """Return all arguments of the function; what :meth:`take` gives."""
        args, kwargs = list(args), dict(kwargs)
        for k, v in zip(self.names, values, strict=True):
            place = k if isplain(k, int) else self.place.get(k, len(args))
            if -len(args) <= place < len(args):
                args[place] = v
            else:
                kwargs[k] = v
        return args, kwargs


def by_name(public=None, *, vector=False):
    """Let `argnums` of a public operator be, or hold, names of parameters.

    Parameters
    ----------
    public : callable
        ``public(f, argnums=0, ...)``, or ``public(f, ..., argnums=0)``.
    vector : bool
        The last positional argument of what it returns is a vector, not one of the function's.

    Examples
    --------
    >>> import mmad
    >>> mmad.grad(lambda x, *, rate=2.0: rate**2 * x, argnums="rate")(3.0)
    12.0
    >>> mmad.grad(lambda x, *, rate=2.0: rate**2 * x, argnums=("rate", 0))(3.0, rate=1.0)
    (6.0, 1.0)
    """
    if public is None:
        return functools.partial(by_name, vector=vector)
    signature = inspect.signature(public)
    position = list(signature.parameters).index("argnums")

    @functools.wraps(public)
    def operator_of(*given, **options):
        argnums = given[position] if len(given) > position else options.get("argnums", 0)
        names = argnums if isplain(argnums, tuple | list) else (argnums,)
        if not any(isplain(k, str) for k in names):
            return public(*given, **options)
        bound = signature.bind(*given, **options)
        f = bound.arguments["f"]
        named = Named(f, tuple(names), public.__name__)
        count = len(names)

        @functools.wraps(f, updated=())
        def reordered(*values, **kwargs):
            args, kwargs = named.put(values[:count], values[count:], kwargs)
            return f(*args, **kwargs)

        bound.arguments |= {"f": reordered, "argnums": 0 if isplain(argnums, str) else tuple(range(count))}
        derivative = public(*bound.args, **bound.kwargs)

        def arguments(args, kwargs):
            own, vectors = (args[:-1], args[-1:]) if vector else (args, ())
            values, args, kwargs = named.take(own, kwargs)
            return (*values, *args, *vectors), kwargs

        def calling(function):
            def call(*args, **kwargs):
                args, kwargs = arguments(args, kwargs)
                return function(*args, **kwargs)

            return call

        operator = calling(derivative)
        for name in ("plan", "compare"):
            if hasattr(derivative, name):
                setattr(operator, name, calling(getattr(derivative, name)))
        made = derivative_function(f, operator, public.__name__, (operator_of,))
        made.recipe = lambda: (operator_of, given, options)
        return made

    return operator_of
