"""Trace functions with tools whose expressions are scalars, by NumPy object arrays of symbols."""

import operator

import numpy as np

from mmad.bench.trees import unflatten

__all__ = ["MOST_INPUTS", "MOST_OPERATIONS", "Symbol", "SymbolWords", "as_tree", "expressions", "refuse_size"]

MOST_INPUTS = 20_000  # symbols; each is a Python object
MOST_OPERATIONS = 300_000  # operations; the derivatives of so many take a minute to build


class Budget:
    """Count the operations of an expression, and stop one that would take minutes to build."""

    def __init__(self):
        self.left = MOST_OPERATIONS

    def spend(self):
        self.left -= 1
        if self.left < 0:
            raise NotImplementedError(f"more than {MOST_OPERATIONS} operations on numbers")


def _operator(function, is_reflected=False):
    """Return a method that applies an operator to two symbols, or to one and a number."""

    def method(self, other):
        if isinstance(other, Symbol):
            other = other.expression
        elif isinstance(other, (int, float)):
            other = float(other)
        else:
            return NotImplemented
        return self.made(function(other, self.expression) if is_reflected else function(self.expression, other))

    return method


class Symbol:
    """An expression of a tool, which NumPy treats as a plain object and so can store in an object array."""

    __slots__ = ("budget", "expression")

    def __init__(self, expression, budget):
        self.expression, self.budget = expression, budget

    def made(self, expression):
        self.budget.spend()
        return Symbol(expression, self.budget)

    def __neg__(self):
        return self.made(-self.expression)

    __add__, __radd__ = _operator(operator.add), _operator(operator.add, True)
    __sub__, __rsub__ = _operator(operator.sub), _operator(operator.sub, True)
    __mul__, __rmul__ = _operator(operator.mul), _operator(operator.mul, True)
    __truediv__, __rtruediv__ = _operator(operator.truediv), _operator(operator.truediv, True)
    __pow__, __rpow__ = _operator(operator.pow), _operator(operator.pow, True)


class SymbolWords:
    """A namespace whose elementwise functions are those of a tool; everything else is NumPy's, on arrays of objects."""

    def __init__(self, tool, names, maximum):
        self.functions = {name: np.frompyfunc(self.lifted(getattr(tool, name)), 1, 1) for name in names}
        self.maximum = np.frompyfunc(lambda x, y: x.made(maximum(x.expression, y.expression)), 2, 1)

    def amax(self, x, axis=None):
        return self.maximum.reduce(x.ravel()) if axis is None else self.maximum.reduce(x, axis=axis)

    def __getattr__(self, name):
        return self.functions.get(name) or getattr(np, name)

    @staticmethod
    def lifted(function):
        return lambda symbol: symbol.made(function(symbol.expression))


def as_tree(symbols, instance):
    """Return a tool's symbols in the structure of a point."""
    held, budget = np.empty(instance.inputs, dtype=object), Budget()
    for k, symbol in enumerate(symbols):
        held[k] = Symbol(symbol, budget)
    return unflatten(held, instance.point)


def expressions(result):
    """Return the tool's expressions in a result, in a list."""
    return [symbol.expression for symbol in np.ravel(result)]


def refuse_size(instance, most=MOST_INPUTS):
    """Raise NotImplementedError if there would be too many symbols."""
    if instance.inputs > most:
        raise NotImplementedError(f"{instance.inputs} symbols, more than {most}")
