"""Autograd's operators."""

import functools
import inspect
import warnings
from collections import OrderedDict

import numpy as np

from mmad._core import Traced
from mmad.autograd import core
from mmad.autograd.spaces import vspace
from mmad.autograd.wrap_util import unary_to_nary
from mmad.derivatives import checkpointing
from mmad.derivatives.first_order import linearize
from mmad.derivatives.jacobians import jacrev
from mmad.python.kinds import isplain

__all__ = [
    "checkpoint", "deriv", "elementwise_grad", "grad", "grad_and_aux", "grad_named", "hessian",
    "hessian_tensor_product", "hessian_vector_product", "holomorphic_grad", "jacobian", "make_ggnvp", "make_hvp",
    "make_jvp", "make_jvp_reversemode", "make_vjp", "multigrad_dict", "tensor_jacobian_product", "value_and_grad",
    "vector_jacobian_product",
]  # fmt: skip

make_vjp, make_jvp = unary_to_nary(core.make_vjp), unary_to_nary(core.make_jvp)


def _value_and_grad(fun, x, name):
    vjp, y = core.make_vjp(fun, x)
    if vspace(y).size != 1:
        raise TypeError(
            f"{name} only applies to real scalar-output functions. Try jacobian, elementwise_grad or holomorphic_grad."
        )
    return y, vjp(vspace(y).ones())


def _grad(fun, x):
    return _value_and_grad(fun, x, "Grad")[1]


_grad.__name__ = "grad"
_grad.__doc__ = """
    Returns a function which computes the gradient of `fun`, a real function, with respect to the argument or arguments
    `argnum`. The gradient has the structure of the argument; of z = x + iy it is df/dx - i df/dy."""
grad = unary_to_nary(_grad)


@unary_to_nary
def value_and_grad(fun, x):
    """Return the function that computes value and gradient."""
    return _value_and_grad(fun, x, "value_and_grad")


@unary_to_nary
def elementwise_grad(fun, x):
    """Return the function that computes the sums of the Jacobian's columns: the derivative of elementwise functions."""
    vjp, y = core.make_vjp(fun, x)
    if vspace(y).iscomplex:
        raise TypeError("Elementwise_grad only applies to real-output functions.")
    return vjp(vspace(y).ones())


@unary_to_nary
def deriv(fun, x):
    """Return the function that computes the derivative in forward mode, in the direction of ones."""
    return core.make_jvp(fun, x)(vspace(x).ones())[1]


@unary_to_nary
def jacobian(fun, x):
    """Return the function that computes the Jacobian of an array by an array, shape ``y.shape + x.shape``."""
    if isplain(x, float | np.ndarray | np.generic | Traced) and not vspace(x).iscomplex:
        return jacrev(fun)(x)
    vjp, y = core.make_vjp(fun, x)
    space = vspace(y)
    return np.reshape(np.stack([vjp(unit) for unit in space.standard_basis()]), space.shape + vspace(x).shape)


@unary_to_nary
def hessian(fun, x):
    """Return the function that computes the Hessian."""
    return jacobian(jacobian(fun))(x)


@unary_to_nary
def holomorphic_grad(fun, x):
    """Return the function that computes the derivative of a holomorphic function."""
    if not vspace(x).iscomplex:
        warnings.warn("Input to holomorphic_grad is not complex", stacklevel=2)
    return grad(lambda x: np.real(fun(x)))(x)


def grad_named(fun, argname):
    """Return the gradient with respect to an argument by its name."""
    return grad(fun, list(inspect.signature(fun).parameters).index(argname))


@unary_to_nary
def make_hvp(fun, x):
    """Return the function that multiplies by the Hessian at a point, and the gradient there."""
    return core.make_vjp(grad(fun), x)


def hessian_tensor_product(fun, argnum=0):
    """Return the function of ``(*args, tensor)`` that multiplies the Hessian with a tensor."""
    gradient = grad(fun, argnum)

    def product(*args, **kwargs):
        *args, v = args
        return np.tensordot(gradient(*args, **kwargs), v, np.ndim(v))

    return grad(product, argnum)


hessian_vector_product = hessian_tensor_product


def tensor_jacobian_product(fun, argnum=0):
    """Return the function of ``(*args, tensor)`` that multiplies a tensor with the Jacobian."""

    def product(*args, **kwargs):
        *args, v = args
        return np.tensordot(v, fun(*args, **kwargs), axes=np.ndim(v))

    return jacobian(product, argnum)


vector_jacobian_product = tensor_jacobian_product


@unary_to_nary
def make_jvp_reversemode(fun, x):
    """Return the function that pushes tangents at a point; recorded once."""
    return linearize(fun, x)[1]


def _half_square(y):
    return 0.5 * np.sum(y**2, axis=-1)


def make_ggnvp(f, g=_half_square, f_argnum=0):
    """Return the function that makes products with generalised Gauss-Newton matrices at a point."""

    @unary_to_nary
    def products(f, x):
        vjp, y = core.make_vjp(f, x)
        g_hvp, _ = core.make_vjp(grad(g), y)
        jvp = linearize(f, x)[1]
        return lambda v: vjp(g_hvp(jvp(v)))

    return products(f, f_argnum)


@unary_to_nary
def grad_and_aux(fun, x):
    """Return the function that computes the gradient of the first of two results, and the second."""
    vjp, (y, aux) = core.make_vjp(lambda x: tuple(fun(x)), x)
    return vjp((vspace(y).ones(), vspace(aux).zeros())), aux


def multigrad_dict(fun):
    """Return the function that computes gradients with respect to all arguments, by name."""
    signature = inspect.signature(fun)

    def gradients(*args, **kwargs):
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        names = list(bound.arguments)

        def by_name(values):
            again = signature.bind(*args, **kwargs)
            again.apply_defaults()
            again.arguments.update(values)
            return fun(*again.args, **again.kwargs)

        found = grad(by_name)(dict(bound.arguments))
        return OrderedDict((name, found[name]) for name in names)

    return gradients


def checkpoint(fun):
    """Return a function that is not recorded inside, but run again in the reverse sweep."""
    return functools.wraps(fun)(checkpointing.checkpoint(fun))
