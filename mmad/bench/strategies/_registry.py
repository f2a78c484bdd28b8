"""Register strategies by name; a decorator adds a strategy of the user's own."""

from mmad.bench.contestant import Contestant, Runner

__all__ = ["STRATEGIES", "strategy"]

STRATEGIES = {}


def strategy(name, *, rtol=1e-9):
    """Return a decorator that declares a function as a strategy.

    Parameters
    ----------
    name : str
    rtol : float
        The error that is allowed, relative to the largest element of the right answer.

    Returns
    -------
    callable
        A decorator for ``function(instance, product)``, which returns the derivative as a function of x, or of x and v
        for a Hessian-vector product.  If it cannot do so, it raises `NotImplementedError` and says why.  The first line
        of its docstring is the title.

    Examples
    --------
    >>> import numpy as np
    >>> import mmad
    >>> from mmad.bench import find_problem, strategy
    >>> from mmad.bench.strategies._registry import STRATEGIES
    >>> @strategy("gradient-of-jvp")
    ... def gradient_of_jvp(instance, product):
    ...     "Gradient of a directional derivative."
    ...     if product != "hvp":
    ...         raise NotImplementedError(f"no {product}: a product with the Hessian only")
    ...     f = instance.make(np)
    ...     return lambda x, v: mmad.grad(lambda y: mmad.jvp(f, (y,), (v,))[1])(x)
    >>> instance = find_problem("rosenbrock").at(10)
    >>> x, v = instance.point, instance.direction
    >>> runner = STRATEGIES.pop("gradient-of-jvp").prepare(instance, "hvp")
    >>> np.allclose(runner.run(x, v), instance.hvp(x, v))
    True
    """

    def declare(function):
        title = (function.__doc__ or name).strip().splitlines()[0].rstrip(".")
        STRATEGIES[name] = Contestant(name, title, lambda instance, product: Runner(function(instance, product)), rtol)
        return function

    return declare
