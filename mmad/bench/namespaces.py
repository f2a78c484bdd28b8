"""What namespaces of arrays do not agree on."""

import numpy as np

import mmad

__all__ = ["constant", "error_function", "gradient_operator", "is_functional", "last_state"]


def _name(xp):
    return getattr(xp, "__name__", "")


def is_functional(xp):
    """Return whether the arrays of a namespace cannot be written into."""
    return _name(xp) in ("jax.numpy", "autograd.numpy")


def constant(xp, *arrays):
    """Return NumPy arrays as arrays of a namespace: a tuple, or the one array."""
    if hasattr(xp, "from_numpy"):
        arrays = tuple(xp.from_numpy(np.ascontiguousarray(array)) for array in arrays)
    return arrays if len(arrays) != 1 else arrays[0]


def last_state(xp, step, state, *inputs):
    """Return the last of the states ``state = step(state, *elements)``, for the elements of `inputs` in turn.

    A plain loop; for JAX, whose compiler would take it apart step by step, `jax.lax.scan`.
    """
    if _name(xp) == "jax.numpy":
        import jax

        def scanned(state, elements):
            return step(state, *elements), None

        start = jax.tree.map(lambda leaf: xp.asarray(leaf, dtype=float), state)
        return jax.lax.scan(scanned, start, tuple(map(np.asarray, inputs)))[0]
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
    """Return what turns a function into its gradient, inside a function of a namespace.

    Raises
    ------
    NotImplementedError
        Where the namespace has none.
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
