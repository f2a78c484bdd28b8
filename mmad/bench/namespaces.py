"""Hide the differences between array namespaces from the problems."""

import numpy as np

import mmad

__all__ = ["constant", "error_function", "gradient_operator", "is_functional", "last_state"]


def _name(xp):
    return getattr(xp, "__name__", "")


def is_functional(xp):
    """Return whether the arrays of a namespace are immutable."""
    return _name(xp) in ("jax.numpy", "autograd.numpy")


def constant(xp, *arrays):
    """Return NumPy arrays as arrays of a namespace: a tuple, or the array if there is only one."""
    if hasattr(xp, "from_numpy"):
        arrays = tuple(xp.from_numpy(np.ascontiguousarray(array)) for array in arrays)
    return arrays if len(arrays) != 1 else arrays[0]


def last_state(xp, step, state, *inputs):
    """Return the last of the states ``state = step(state, *elements)``, for the elements of `inputs` in turn.

    The loop is a Python loop.  For JAX, whose compiler would unroll that, it is `jax.lax.scan`.
    """
    if _name(xp) == "jax.numpy":
        import jax

        def scanned(state, elements):
            return step(state, *elements), None

        start = jax.tree.map(lambda leaf: xp.asarray(leaf, dtype=float), state)
        return jax.lax.scan(scanned, start, tuple(map(xp.asarray, inputs)))[0]
    for elements in zip(*inputs, strict=True):
        state = step(state, *elements)
    return state


def error_function(xp):
    """Return erf for the arrays of a namespace."""
    if _name(xp) == "jax.numpy":
        from jax.scipy.special import erf
    elif _name(xp) == "autograd.numpy":
        from autograd.scipy.special import erf
    elif hasattr(xp, "erf"):
        erf = xp.erf
    else:
        from scipy.special import erf
    return erf


def gradient_operator(xp):
    """Return the operator that turns a function into its gradient, for use inside a function of a namespace.

    Raises
    ------
    NotImplementedError
        If the namespace has no such operator.
    """
    if _name(xp) == "jax.numpy":
        from jax import grad
    elif _name(xp) == "autograd.numpy":
        from autograd import grad
    elif _name(xp) == "torch":
        from torch.func import grad
    elif xp is np:
        grad = mmad.grad
    else:
        raise NotImplementedError(f"no gradients inside functions of {_name(xp)}")
    return grad
