"""Traced values as autograd's users meet them: `Box`, `isbox`, `getval`, and functions with rules: `primitive`."""

import functools

from mmad._core import Traced, concrete
from mmad.autograd.spaces import conjugate, vspace
from mmad.derivatives.custom import primitive as with_rules
from mmad.tracing import tree

__all__ = ["Box", "getval", "isbox", "notrace_primitive", "primitive", "primitive_jvps", "primitive_vjps"]

primitive_vjps = {}  # by function: ``rule(argnums, y, args, kwargs)`` -> ``cotangent of y -> cotangents``
primitive_jvps = {}  # by function: ``rule(argnums, tangents, y, args, kwargs)`` -> tangent of y


class _TracedType(type):
    def __instancecheck__(cls, x):
        return isbox(x)


class Box(metaclass=_TracedType):
    """The class of traced values, for `isinstance`."""

    @classmethod
    def register(cls, value_type):
        """Do nothing: values of which classes are traced is for `mmad.register` to say."""


def isbox(x):
    """Return whether a value is traced."""
    return isinstance(x, Traced)


def getval(x):
    """Return the plain value of a traced one."""
    return concrete(x) if isinstance(x, Traced) else x


def _plain(x):
    leaves, structure = tree.flatten(x)
    if not any(isinstance(v, Traced) for v in leaves):
        return x
    return tree.unflatten(structure, [getval(v) for v in leaves])


def notrace_primitive(f):
    """Return a function that gets plain values, and whose result is a constant."""

    @functools.wraps(f)
    def call(*args, **kwargs):
        return f(*map(_plain, args), **kwargs)

    return call


def _traced(x):
    return any(isinstance(v, Traced) for v in tree.flatten(x)[0])


def primitive(f):
    """Return a function of plain values as an operation, whose rules `defvjp` and `defjvp` declare."""

    @functools.wraps(f, updated=())
    def operation(*args, **kwargs):
        argnums = tuple(k for k, x in enumerate(args) if _traced(x))
        if not argnums:
            return f(*args, **kwargs)

        def body(*given):
            return f(*_among(args, argnums, given), **kwargs)

        def pull(ct, y, *given):
            rule = _rule_of(primitive_vjps, operation, "VJP", argnums)
            found = rule(argnums, y, _among(args, argnums, given), kwargs)(conjugate(ct))
            return tuple(_fitted(conjugate(g), x) for g, x in zip(found, given, strict=True))

        def push(tangents, y, *given):
            rule = _rule_of(primitive_jvps, operation, "JVP", argnums)
            return _fitted(rule(argnums, tangents, y, _among(args, argnums, given), kwargs), y)

        jvp = push if operation in primitive_jvps else None
        vjp = pull if operation in primitive_vjps or jvp is None else None
        name = getattr(f, "__name__", type(f).__name__)
        return with_rules(body, jvp=jvp, vjp=vjp, name=name)(*[args[k] for k in argnums])

    operation.fun = f
    operation._is_autograd_primitive = True
    return operation


def _among(args, argnums, given):
    """Return all arguments, those at some places replaced."""
    full = list(args)
    for k, x in zip(argnums, given, strict=True):
        full[k] = x
    return tuple(full)


def _rule_of(rules, operation, kind, argnums):
    if operation not in rules:
        raise NotImplementedError(f"{kind} of {operation.__name__} wrt argnums {argnums} not defined")
    return rules[operation]


def _fitted(g, x):
    """Return what a rule returned, in the shapes of what it belongs to: numbers may stand for arrays of one element."""
    leaves, structure = tree.flatten(x)
    found = tree.flatten(g)[0]
    if len(found) != len(leaves):
        return g
    space = vspace(x)
    fitted = []
    for v, (shape, dtype) in zip(found, space.kinds, strict=True):
        if dtype.kind != "c" and getattr(v, "dtype", None) is not None and v.dtype.kind == "c":
            v = v.real
        if not isinstance(v, Traced) and not hasattr(v, "shape"):
            v = space.zeros() + v if space.structure is None else v
        fitted.append(v.reshape(shape) if getattr(v, "shape", shape) != shape else v)
    return tree.unflatten(structure, fitted)
