"""Derivatives that were lost: plain arrays that took traced values, and refused conversions that were swallowed."""

import numpy as np

from mmad._core import Jet, Var, Wrapper
from mmad.python import refusals
from mmad.python.kinds import isplain
from mmad.tape.contexts import STATE

__all__ = ["is_nan", "left_behind", "refuse_left_behind"]


def left_behind(shape):
    """Note that a plain array took a traced value by augmented assignment, so its other names are invalid."""
    STATE.left = shape


def refuse_left_behind(outputs):
    """Raise if a result is a NaN that stands for what traced values were to be: in a plain array that could not follow,
    or from code that swallowed the refusal of a conversion and went on."""
    message = refusals.refused()
    if message is not None and any(is_nan(y) for y in outputs):
        raise TypeError(f"a conversion was refused, the exception swallowed, and the result is NaN: {message}")
    if getattr(STATE, "left", None) is None:
        return
    for y in outputs:
        if isplain(y, float | np.ndarray) and np.result_type(y).kind in "fc" and np.isnan(y).any():
            raise TypeError(
                f"a plain array of shape {STATE.left} took traced values by augmented assignment (as in buffer += x) "
                "under one name and was read under another, so the derivative is lost; make the array with "
                "np.zeros(n, like=x) or mmad.numpy.zeros(n)"
            )


def is_nan(y):
    """Return whether NaN is in a result, plain or traced."""
    while isinstance(y, Wrapper):
        y = y.parts[0] if isinstance(y, Jet) else y.lanes
    if isinstance(y, Var):
        y = y.tape.value_of(y)
    try:
        return bool(np.isnan(y).any()) if isplain(y, float | complex | np.generic | np.ndarray) else y != y
    except TypeError:  # not a number
        return False
