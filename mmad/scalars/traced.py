"""Traced numbers of any type: dual numbers for forward mode, nodes that know their operands for reverse mode.

Each derivative has a level, and the highest level acts first, so derivatives nest.  What is inside of a dual number or
a node is a number of the user's type, or of a lower level.
"""

import itertools
from typing import Any

import numpy as np

from mmad.errors import UnsupportedError
from mmad.python.kinds import isplain
from mmad.scalars.functions import FUNCTIONS, METHODS, OPERATORS, Operation
from mmad.scalars.kinds import concrete_of, is_complex

__all__ = ["OtherDual", "OtherNode", "OtherNumber", "apply", "new_other_level", "sweep"]

LEVELS = itertools.count(1)
ORDER = itertools.count()


def new_other_level():
    """Return a level above all that were made before."""
    return next(LEVELS)


def conjugated(x):
    """Return the conjugate of a complex number; a real one as it is."""
    return x.conjugate() if is_complex(concrete_of(x)) else x


def apply(op, *operands):
    """Return the result of an operation on plain and traced numbers."""
    level = max(x.level if isplain(x, OtherNumber) else 0 for x in operands)
    if level == 0:
        return op.value(*operands)
    inner = [x.inner if isplain(x, OtherNumber) and x.level == level else x for x in operands]
    out = apply(op, *inner)
    moving = [k for k, x in enumerate(operands) if isplain(x, OtherNumber) and x.level == level]
    if any(isplain(operands[k], OtherDual) for k in moving):
        tangent = None
        for k in moving:
            part = op.parts[k](operands[k].tangent, *inner, out)
            tangent = part if tangent is None else tangent + part
        return OtherDual(level, out, tangent)
    return OtherNode(level, out, [(operands[k], op, k, inner) for k in moving])


class OtherNumber:
    """A traced number: `inner` is its value, of the type of the user's numbers or of a lower level."""

    __slots__ = ("inner", "level")
    inner: Any
    level: int
    is_traced_other_number = True

    @property
    def value(self):
        """The number without this level's derivative."""
        return self.inner

    # --- operators ------------------------------------------------------------------------------
    def __add__(self, other):
        return _binary("add", self, other)

    def __radd__(self, other):
        return _binary("add", other, self)

    def __sub__(self, other):
        return _binary("subtract", self, other)

    def __rsub__(self, other):
        return _binary("subtract", other, self)

    def __mul__(self, other):
        return _binary("multiply", self, other)

    def __rmul__(self, other):
        return _binary("multiply", other, self)

    def __truediv__(self, other):
        return _binary("divide", self, other)

    def __rtruediv__(self, other):
        return _binary("divide", other, self)

    def __pow__(self, other):
        return _binary("power", self, other)

    def __rpow__(self, other):
        return _binary("power", other, self)

    def __mod__(self, other):
        return _binary("remainder", self, other)

    def __rmod__(self, other):
        return _binary("remainder", other, self)

    def __floordiv__(self, other):
        return concrete_of(self) // concrete_of(other)

    def __rfloordiv__(self, other):
        return other // concrete_of(self)

    def __neg__(self):
        return apply(OPERATORS["negative"], self)

    def __pos__(self):
        return apply(OPERATORS["positive"], self)

    def __abs__(self):
        value = concrete_of(self)
        if is_complex(value):
            return np.sqrt(self.real * self.real + self.imag * self.imag)
        return self if value > 0 else -self if value < 0 else self * 0

    # --- comparisons, conversions ---------------------------------------------------------------
    def __bool__(self):
        return bool(concrete_of(self))

    def __eq__(self, other):
        return concrete_of(self) == concrete_of(other)

    def __ne__(self, other):
        return concrete_of(self) != concrete_of(other)

    def __lt__(self, other):
        return concrete_of(self) < concrete_of(other)

    def __le__(self, other):
        return concrete_of(self) <= concrete_of(other)

    def __gt__(self, other):
        return concrete_of(self) > concrete_of(other)

    def __ge__(self, other):
        return concrete_of(self) >= concrete_of(other)

    def __hash__(self):
        return hash(concrete_of(self))

    def __int__(self):
        return int(concrete_of(self))

    def __round__(self, *digits):
        return round(concrete_of(self), *digits)

    def __floor__(self):
        return int(concrete_of(self) // 1)

    def __float__(self):
        raise self._lost("float()")

    def __complex__(self):
        raise self._lost("complex()")

    @property
    def _mpmath_(self):
        raise self._lost("a function of mpmath")

    def _lost(self, what):
        kind = type(concrete_of(self)).__name__
        return TypeError(
            f"{what} of a traced {kind} would lose its derivative: write NumPy's functions (np.sin(x)), or give the "
            "function a rule with mmad.primitive(f, jvp=rule)"
        )

    def __repr__(self):
        return f"{type(self).__name__}({concrete_of(self)!r})"

    def __format__(self, spec):
        return format(concrete_of(self), spec)

    # --- functions ------------------------------------------------------------------------------
    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        name = ufunc.__name__
        if name == "absolute" and method == "__call__" and not kwargs:
            return abs(self)
        op = FUNCTIONS.get(name) or OPERATORS.get(name)
        if method != "__call__" or kwargs or op is None or any(isplain(x, np.ndarray) and x.shape for x in inputs):
            kind = type(concrete_of(self)).__name__
            raise UnsupportedError(
                f"np.{name} of traced numbers of type {kind} has no derivative here; arithmetic and "
                f"{', '.join(sorted(FUNCTIONS))} have one: mmad.primitive(f, jvp=rule) declares another"
            )
        return apply(op, *[x[()] if isplain(x, np.ndarray) else x for x in inputs])

    def __getattr__(self, name):
        value = concrete_of(self)
        if name.startswith("_") or not hasattr(value, name):
            raise AttributeError(f"{type(value).__name__!r} object has no attribute {name!r}")
        if name in METHODS:
            return lambda: apply(METHODS[name], self)
        raise TypeError(
            f".{name} of a traced {type(value).__name__} would lose its derivative; mmad.concrete(x) is "
            "the number alone"
        )

    def conjugate(self):
        return _real_linear(self, lambda v: v.conjugate(), conjugated)

    @property
    def real(self):
        return _real_linear(self, lambda v: v.real, lambda ct: ct)

    @property
    def imag(self):
        return _real_linear(self, lambda v: v.imag, lambda ct: ct * 1j if is_complex(concrete_of(self)) else ct * 0)


class OtherDual(OtherNumber):
    """A value and its tangent."""

    __slots__ = ("tangent",)
    tangent: Any

    def __init__(self, level, inner, tangent):
        self.level, self.inner, self.tangent = level, inner, tangent


class OtherNode(OtherNumber):
    """A value, and the operands that it was computed from: (operand, operation, its position, all operands)."""

    __slots__ = ("links", "order")
    links: Any
    order: int

    def __init__(self, level, inner, links=()):
        self.level, self.inner, self.links, self.order = level, inner, links, next(ORDER)

    def pulled(self, link, ct):
        """Return the cotangent of an operand."""
        operand, op, k, inner = link
        if isplain(op, Operation):
            known = [*map(conjugated, inner), conjugated(self.inner)]
            ct = op.parts[k](ct, *known)
        else:  # a conjugate, real or imaginary part
            ct = op(ct)
        return ct if is_complex(concrete_of(operand)) or not is_complex(concrete_of(ct)) else ct.real


def _binary(name, x, y):
    """Return the result of an operator; NotImplemented where the other operand is no number."""
    for v in (x, y):
        if isplain(v, np.ndarray | list | tuple | str | dict) or v is None:
            return NotImplemented
    return apply(OPERATORS[name], x, y)


def _real_linear(x, function, pull):
    """Return a conjugate, real or imaginary part."""
    if isplain(x, OtherDual):
        return OtherDual(x.level, function(x.inner), function(x.tangent))
    return OtherNode(x.level, function(x.inner), [(x, pull, 0, ())])


def sweep(seeds):
    """Return the cotangents of all nodes that results depend on, by node.

    Parameters
    ----------
    seeds : list of (OtherNode, number)
    """
    cotangents, nodes, waiting = {}, {}, [y for y, _ in seeds]
    while waiting:
        node = waiting.pop()
        if node.order not in nodes:
            nodes[node.order] = node
            waiting += [link[0] for link in node.links]
    for node, ct in seeds:
        cotangents[node.order] = cotangents[node.order] + ct if node.order in cotangents else ct
    for order in sorted(nodes, reverse=True):
        ct = cotangents.get(order)
        if ct is None:
            continue
        for link in nodes[order].links:
            part, at = nodes[order].pulled(link, ct), link[0].order
            cotangents[at] = cotangents[at] + part if at in cotangents else part
    return cotangents
