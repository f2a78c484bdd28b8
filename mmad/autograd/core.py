"""Pullbacks and pushforwards with autograd's arguments and its convention for complex numbers, and declarations."""

import itertools
import warnings

import numpy as np

from mmad._core import Traced
from mmad.autograd.spaces import VSpace, conjugate, vspace
from mmad.autograd.tracer import primitive as declared
from mmad.autograd.tracer import primitive_jvps, primitive_vjps
from mmad.derivatives import first_order
from mmad.tracing import tree

__all__ = [
    "VSpace", "def_linear", "defjvp", "defjvp_argnum", "defjvp_argnums", "defvjp", "defvjp_argnum", "defvjp_argnums",
    "make_jvp", "make_vjp", "primitive", "primitive_jvps", "primitive_vjps", "vspace",
]  # fmt: skip


def make_vjp(fun, x):
    """Return the pullback of a function of one argument, and its value.

    For a complex function that is holomorphic the pullback multiplies by its derivative, as in autograd: the gradient
    of a real function of x + iy is df/dx - i df/dy.
    """
    y, pullback = first_order.vjp(fun, _differentiable(x))

    def vjp(g):
        return conjugate(pullback(_like(conjugate(g), y))[0])

    return vjp, y


def make_jvp(fun, x):
    """Return the function that computes value and tangent of a function of one argument."""
    return lambda g: first_order.jvp(fun, (_differentiable(x),), (_like(g, x),))


def _differentiable(x):
    if not tree.flatten(x)[0]:  # autograd differentiates by nothing, too
        return x
    for v in tree.flatten(x)[0]:
        if not isinstance(v, Traced) and np.asarray(v).dtype.kind not in "fc":
            raise TypeError(f"Can't differentiate w.r.t. type {type(v)}")
    return x


def _like(g, y):
    """Return a cotangent or tangent for a value: real where that is, broadcast from a number."""
    leaves, structure = tree.flatten(y)
    given = tree.flatten(g)[0]
    if len(given) != len(leaves):
        return g
    found = []
    for v, (shape, dtype) in zip(given, VSpace(y).kinds, strict=True):
        if dtype.kind != "c" and np.iscomplexobj(v):
            v = np.real(v)
        found.append(np.broadcast_to(v, shape) if np.shape(v) != shape and np.size(v) == 1 else v)
    return tree.unflatten(structure, found)


# ------------------------------------------------------------------------------------------------ declarations
def defvjp_argnums(fun, maker):
    """Declare ``maker(argnums, y, args, kwargs)`` -> ``cotangent -> cotangents of those arguments``."""
    primitive_vjps[fun] = maker


def defvjp_argnum(fun, maker):
    """Declare ``maker(argnum, y, args, kwargs)`` -> ``cotangent -> cotangent of that argument``."""

    def makers(argnums, *rest):
        pulls = [maker(k, *rest) for k in argnums]
        return lambda g: [pull(g) for pull in pulls]

    primitive_vjps[fun] = makers


def defvjp(fun, *makers, argnums=None):
    """Declare ``maker(y, *args, **kwargs)`` -> ``cotangent -> cotangent`` for each argument; None: zero."""
    by_argnum = dict(zip(itertools.count() if argnums is None else argnums, makers, strict=False))

    def maker(k, y, args, kwargs):
        if k not in by_argnum:
            raise NotImplementedError(f"VJP of {fun.__name__} wrt argnum {k} not defined")
        if by_argnum[k] is None:
            return lambda g: vspace(args[k]).zeros()
        return by_argnum[k](y, *args, **kwargs)

    defvjp_argnum(fun, maker)


def defjvp_argnums(fun, maker):
    """Declare ``maker(argnums, tangents, y, args, kwargs)`` -> tangent of y."""
    primitive_jvps[fun] = maker


def defjvp_argnum(fun, maker):
    """Declare ``maker(argnum, tangent, y, args, kwargs)`` -> its part of the tangent of y."""

    def makers(argnums, tangents, y, args, kwargs):
        total = None
        for k, g in zip(argnums, tangents, strict=True):
            part = maker(k, g, y, args, kwargs)
            total = part if total is None else vspace(y).add(total, part)
        return total

    primitive_jvps[fun] = makers


def defjvp(fun, *makers, argnums=None):
    """Declare ``maker(tangent, y, *args, **kwargs)`` for each argument; "same": the function is linear in it."""
    by_argnum = dict(zip(itertools.count() if argnums is None else argnums, makers, strict=False))

    def maker(k, g, y, args, kwargs):
        if k not in by_argnum:
            raise NotImplementedError(f"JVP of {fun.__name__} wrt argnum {k} not defined")
        rule = by_argnum[k]
        if rule is None:
            return vspace(y).zeros()
        if rule == "same":
            return fun(*args[:k], g, *args[k + 1 :], **kwargs)
        return rule(g, y, *args, **kwargs)

    defjvp_argnum(fun, maker)


def def_linear(fun):
    """Declare that a function is linear in each argument."""
    defjvp_argnum(fun, lambda k, g, y, args, kwargs: fun(*args[:k], g, *args[k + 1 :], **kwargs))


def primitive(f):
    """Return a function as an operation, with autograd's former methods for rules, which warn."""
    operation = declared(f)
    rules, zeros = {}, set()

    def declare():
        warnings.warn("declare rules with autograd.extend.defvjp", DeprecationWarning, stacklevel=3)
        makers = {**rules, **dict.fromkeys(zeros)}
        defvjp(operation, *makers.values(), argnums=list(makers))

    def defgrad(maker, argnum=0):
        rules[argnum] = maker
        declare()

    def old_defvjp(maker, argnum=0):
        def staged(y, *args, **kwargs):
            return lambda g: maker(g, y, vspace(args[argnum]), vspace(g), *args, **kwargs)

        rules[argnum] = staged
        declare()

    def defvjp_is_zero(argnums=(0,)):
        zeros.update(argnums)
        declare()

    operation.defgrad, operation.defvjp, operation.defvjp_is_zero = defgrad, old_defvjp, defvjp_is_zero
    return operation
