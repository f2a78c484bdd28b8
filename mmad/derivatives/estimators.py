"""Derivatives that are replaced on purpose: `straight_through`, `clip_gradient`."""

import functools

import numpy as np

from mmad._core import Traced, dtype_of, shape_of
from mmad.derivatives.arguments import name_of
from mmad.derivatives.custom import passed_through, stop_gradient
from mmad.ops import arithmetic as a
from mmad.python.kinds import isplain
from mmad.tape.constants import unboxed
from mmad.tracing import tree
from mmad.tracing.pickling import MadeFunction

__all__ = ["clip_gradient", "straight_through"]


def straight_through(f, surrogate=None):
    """Return a function with the values of f and the derivatives of the identity, or of another function.

    It lets a gradient pass through a step that has none: rounding, quantization, a threshold, a sign.

    Parameters
    ----------
    f : callable
        NumPy code, of numbers and arrays.  Results that are integers or truth values become floats.
    surrogate : callable, optional
        The function whose derivatives are taken, of the same arguments, with results of the same shape.  By default
        the first argument itself.

    Returns
    -------
    callable

    Raises
    ------
    ValueError
        The results of `f` have another shape than those of `surrogate`.

    References
    ----------
    .. [1] Bengio, Leonard and Courville, "Estimating or Propagating Gradients Through Stochastic Neurons for
       Conditional Computation", arXiv:1308.3432.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.value_and_grad(lambda x: np.sum(mmad.straight_through(np.round)(x) ** 2))(np.array([0.4, 1.7]))
    (np.float64(4.0), array([0., 4.]))

    A sign whose gradient stops where the argument is large:

    >>> sign = mmad.straight_through(np.sign, lambda x: np.clip(x, -1.0, 1.0))
    >>> mmad.grad(lambda x: sign(x).sum())(np.array([0.4, 1.7]))
    array([1., 0.])
    """
    for g in (f, *(() if surrogate is None else (surrogate,))):
        if not callable(g):
            raise TypeError(f"mmad.straight_through takes functions, not {type(g).__name__}")

    @functools.wraps(f, updated=())
    def estimated(*args, **kwargs):
        if surrogate is None and not args:
            raise TypeError(f"straight_through {name_of(f)}: pass the differentiated argument by position")
        values = f(*stop_gradient(args), **stop_gradient(kwargs))
        slopes = args[0] if surrogate is None else surrogate(*args, **kwargs)
        (ys, structure), (zs, of_slopes) = tree.flatten(values), tree.flatten(slopes)
        if len(ys) != len(zs):
            raise ValueError(
                f"straight_through {name_of(f)}: the result has the structure {structure}, what its derivatives are "
                f"taken of {of_slopes}; give a surrogate that returns the same"
            )
        return tree.unflatten(structure, [_tied(unboxed(y), unboxed(z), f) for y, z in zip(ys, zs, strict=True)])

    return MadeFunction(estimated, lambda: (straight_through, (f, surrogate), {}))


def _tied(y, z, f):
    """Return the value of y with the derivatives of z."""
    if shape_of(y) != shape_of(z):
        raise ValueError(
            f"straight_through {name_of(f)}: the result has shape {shape_of(y)}, what its derivatives are taken of "
            f"{shape_of(z)}; give a surrogate that returns the same"
        )
    if dtype_of(y).kind in "biu" and dtype_of(z).kind in "fc":
        dtype = dtype_of(z)
        y = y.astype(dtype) if hasattr(y, "astype") else float(y)
    return a.tied(y, z) if isinstance(z, Traced) else y


def clip_gradient(x, low=None, high=None, *, norm=None):
    """Return the value x, whose cotangent is clipped on its way back.

    Parameters
    ----------
    x : number, array or tree
    low, high : float or ndarray, optional
        Each element of a cotangent is kept between them; real values only.
    norm : float, optional
        The cotangent of the whole tree is scaled down to this 2-norm if it is longer.

    Returns
    -------
    x

    Raises
    ------
    TypeError
        Neither bounds nor a norm, or both, are given; or bounds for a complex value.

    Notes
    -----
    It acts on cotangents only: in forward mode it is the identity, so that the modes differ on purpose.  Under a second
    derivative (`hvp`, `hessian`), clipping is differentiated as a function of the cotangent.  A cotangent that is NaN
    stays NaN.

    See Also
    --------
    hook : any other function of the cotangent.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> mmad.grad(lambda x: mmad.clip_gradient(x, -1.0, 1.0) ** 2)(3.0)
    1.0
    >>> mmad.grad(lambda x: (mmad.clip_gradient(x, norm=1.0) ** 2).sum())(np.array([3.0, 4.0]))
    array([0.6, 0.8])
    """
    by_value = low is not None or high is not None
    if by_value == (norm is not None):
        raise TypeError("mmad.clip_gradient takes either bounds (low, high) or norm=")
    if not by_value and not norm > 0:
        raise ValueError(f"mmad.clip_gradient: norm must be positive, it is {norm!r}")
    if low is not None and high is not None and np.any(np.greater(low, high)):
        raise ValueError(f"mmad.clip_gradient: low must not exceed high, they are {low!r} and {high!r}")
    leaves = [unboxed(v) for v in tree.flatten(x)[0]]
    if by_value and any(dtype_of(v).kind == "c" for v in leaves if isplain(v, Traced | complex | np.ndarray)):
        raise TypeError("mmad.clip_gradient: complex numbers have no order; clip by norm=, or their .real and .imag")
    if by_value:
        return passed_through(lambda bar: np.clip(bar, low, high), x, "clip_gradient")
    return passed_through(lambda bar: _shortened(bar, norm), x, "clip_gradient", whole=True)


def _shortened(bars, norm):
    """Return cotangents, a list, scaled down to a 2-norm; their squares do not overflow."""
    largest = norm
    for g in bars:
        largest = np.maximum(largest, np.max(np.abs(stop_gradient(g)), initial=0.0))
    total = sum(np.sum(np.abs(g / largest) ** 2) for g in bars)
    scale = (norm / largest) / np.maximum(np.sqrt(total), norm / largest)
    return [g * scale for g in bars]
