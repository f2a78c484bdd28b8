"""Products with Hessians: one tangent pushed through a recorded gradient."""

import functools

from mmad.derivatives import other_numbers
from mmad.derivatives.arguments import derivative_function, floating_vector, point_and_vector
from mmad.derivatives.first_order import Linearized, trace_gradient
from mmad.errors import OtherNumberError
from mmad.tracing import tree
from mmad.tracing.results import in_kind_of

__all__ = ["hvp", "value_grad_hvp"]


def hvp(f, argnums=0):
    """Return the function that computes a Hessian-vector product, forward over reverse; see `mmad.hvp`."""

    def operator(*args, **kwargs):
        return _hvp(f, argnums, args, kwargs, "hvp")[2]

    operator.floating = floating_vector
    return derivative_function(f, operator, "hvp", (hvp, argnums))


def value_grad_hvp(f, argnums=0):
    """Return the function that computes value, gradient and Hessian-vector product; see `mmad.value_grad_hvp`."""

    def operator(*args, **kwargs):
        return _hvp(f, argnums, args, kwargs, "value_grad_hvp")

    operator.floating = floating_vector
    return derivative_function(f, operator, "value_grad_hvp", (value_grad_hvp, argnums))


def _hvp(f, argnums, args, kwargs, what):
    try:
        return _product(f, argnums, args, kwargs, what)
    except OtherNumberError:
        if not other_numbers.among(args):
            raise
    return other_numbers.product_of(f, argnums, args, kwargs, what)


def _product(f, argnums, args, kwargs, what):
    args, v, nums = point_and_vector(f, argnums, args, what)
    many = isinstance(argnums, tuple | list)

    def value_and_gradient(*traced):
        full = list(args)
        for k, x in zip(nums, traced, strict=True):
            full[k] = x
        value, grads, _ = trace_gradient(f, nums, False, tuple(full), kwargs, what)
        return value, tuple(grads)

    functools.update_wrapper(value_and_gradient, f, updated=())
    lin = Linearized(value_and_gradient, tuple(args[k] for k in nums), what)
    value, grads = lin.value()
    _, hv = tree.unflatten(lin.trace.out_tree, lin.filled(lin.push(v)))
    grads, hv = (_as_leaves(g, lin.trace) for g in (grads, hv))
    return value, grads if many else grads[0], hv if many else hv[0]


def _as_leaves(gs, trace):
    """Return the gradients, a tree for each traced argument, in the kinds of the arguments' leaves."""
    leaves, structure = tree.flatten(gs)
    return tree.unflatten(
        structure, [g if leaf is None else in_kind_of(g, leaf) for g, leaf in zip(leaves, trace.leaves, strict=True)]
    )
