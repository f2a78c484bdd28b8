"""Operations on numbers of any type: their values, by the functions of the type, and their derivatives.

A derivative is written as a linear map of a tangent, ``t / (2 * out)`` instead of ``t * (1 / (2 * out))``: with exact
numbers that loses nothing, and an integer that stands between them does not become a float.  Reverse mode applies the
same map to the cotangent, with conjugated operands.
"""

import importlib
import operator

import numpy as np

from mmad.errors import UnsupportedError
from mmad.python.kinds import isplain
from mmad.scalars.kinds import concrete_of, one_like

__all__ = ["FUNCTIONS", "METHODS", "OPERATORS", "Operation"]


class Operation:
    """An operation on numbers.

    Parameters
    ----------
    name : str
    value : callable
        ``value(*operands)``, of plain numbers.
    *parts : callable
        For each operand ``part(t, *operands, out)``, linear in t.
    """

    def __init__(self, name, value, *parts):
        self.name, self.value, self.parts = name, value, parts


def _power_by_base(t, x, n, out):
    if isplain(n, int):
        if n == 0:
            return t * 0
        return t if n == 1 else t * n * x ** (n - 1)
    return t * n * x ** (n - 1)


def _power_by_exponent(t, x, n, out):
    if isplain(x, int):  # whose logarithm has to have the digits of the result
        x = x * one_like(concrete_of(out))
    return t * out * of("log", x)


def of(name, x):
    """Return a function of a number, plain or traced."""
    return getattr(np, name)(x) if getattr(type(x), "is_traced_other_number", False) else FUNCTIONS[name].value(x)


OPERATORS = {
    "add": Operation("add", operator.add, lambda t, x, y, out: t, lambda t, x, y, out: t),
    "subtract": Operation("subtract", operator.sub, lambda t, x, y, out: t, lambda t, x, y, out: -t),
    "multiply": Operation("multiply", operator.mul, lambda t, x, y, out: t * y, lambda t, x, y, out: x * t),
    "divide": Operation("divide", operator.truediv, lambda t, x, y, out: t / y, lambda t, x, y, out: -out * t / y),
    "power": Operation("power", operator.pow, _power_by_base, _power_by_exponent),
    "remainder": Operation("remainder", operator.mod, lambda t, x, y, out: t, lambda t, x, y, out: -t * (x // y)),
    "negative": Operation("negative", operator.neg, lambda t, x, out: -t),
    "positive": Operation("positive", operator.pos, lambda t, x, out: t),
    "square": Operation("square", lambda x: x * x, lambda t, x, out: 2 * x * t),
    "reciprocal": Operation("reciprocal", lambda x: one_like(x) / x, lambda t, x, out: -t * out * out),
}

SHORT = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "arcsinh": "asinh", "arccosh": "acosh",
         "arctanh": "atanh", "arctan2": "atan2"}  # fmt: skip
DECIMAL = {"exp": "exp", "log": "ln", "log10": "log10", "sqrt": "sqrt"}  # NumPy's names and the methods of a decimal


def _valued(name):
    """Return the function that computes a value in its own type."""

    def value(*operands):
        types = {type(x).__module__.partition(".")[0]: x for x in operands}
        for module in ("mpmath", "uncertainties"):
            if module in types:
                package = importlib.import_module("mpmath" if module == "mpmath" else "uncertainties.umath")
                function = getattr(package, SHORT.get(name, name), None)
                if function is not None:
                    return function(*operands)
        x = operands[0]
        if len(operands) == 1 and hasattr(x, DECIMAL.get(name, "")):
            return getattr(x, DECIMAL[name])()
        if all(isplain(x, int | float | complex | np.generic) for x in operands):
            return getattr(np, name)(*operands)[()]
        raise UnsupportedError(
            f"np.{name} has no value in the numbers of type {type(x).__name__}: convert them, as in float(x), before "
            "the derivative is taken, or give the function a rule with mmad.primitive(f, jvp=rule)"
        )

    return value


def _function(name, *parts):
    return Operation(name, _valued(name), *parts)


FUNCTIONS = {
    op.name: op
    for op in (
        _function("sqrt", lambda t, x, out: t / (2 * out)),
        _function("cbrt", lambda t, x, out: t / (3 * out * out)),
        _function("exp", lambda t, x, out: t * out),
        _function("expm1", lambda t, x, out: t * of("exp", x)),
        _function("log", lambda t, x, out: t / x),
        _function("log1p", lambda t, x, out: t / (1 + x)),
        _function("log10", lambda t, x, out: t / (x * of("log", x * 0 + 10))),
        _function("sin", lambda t, x, out: t * of("cos", x)),
        _function("cos", lambda t, x, out: -t * of("sin", x)),
        _function("tan", lambda t, x, out: t * (1 + out * out)),
        _function("arcsin", lambda t, x, out: t / of("sqrt", 1 - x * x)),
        _function("arccos", lambda t, x, out: -t / of("sqrt", 1 - x * x)),
        _function("arctan", lambda t, x, out: t / (1 + x * x)),
        _function("sinh", lambda t, x, out: t * of("cosh", x)),
        _function("cosh", lambda t, x, out: t * of("sinh", x)),
        _function("tanh", lambda t, x, out: t * (1 - out * out)),
        _function("arcsinh", lambda t, x, out: t / of("sqrt", x * x + 1)),
        _function("arccosh", lambda t, x, out: t / of("sqrt", x * x - 1)),
        _function("arctanh", lambda t, x, out: t / (1 - x * x)),
        _function(
            "arctan2",
            lambda t, y, x, out: t * x / (x * x + y * y),
            lambda t, y, x, out: -t * y / (x * x + y * y),
        ),
        _function("hypot", lambda t, x, y, out: t * x / out, lambda t, x, y, out: t * y / out),
    )
}

METHODS = {method: FUNCTIONS[name] for name, method in DECIMAL.items()}  # x.ln() of a decimal
