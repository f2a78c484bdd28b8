"""A function of SciPy for plain values, a formula for traced ones."""

import functools

from mmad._core import Traced
from mmad.tracing import tree

__all__ = ["either"]


def either(function):
    """Decorator: the formula of a function, which is SciPy's own where no value is traced."""

    def formula_of(formula):
        @functools.wraps(formula)
        def call(*args, **kwargs):
            traced = any(isinstance(v, Traced) for v in tree.flatten((args, kwargs))[0])
            return (formula if traced else function)(*args, **kwargs)

        return call

    return formula_of
