"""SciPy's `odeint`, differentiated by the adjoint equation."""

import numpy as np
import scipy.integrate as _integrate
from scipy.integrate import *  # noqa: F403

from mmad._core import Traced
from mmad.autograd.core import make_vjp
from mmad.derivatives.custom import primitive as _primitive
from mmad.tracing.ravel import ravel_pytree
from mmad.tracing.tree import flatten as _flatten

__all__ = list(_integrate.__all__)


def odeint(func, y0, t, args=(), **kwargs):
    """Return `scipy.integrate.odeint`, with derivatives with respect to y0, t and args.

    References
    ----------
    .. [1] Pontryagin et al., "The Mathematical Theory of Optimal Processes", 1962: the adjoint equation, which is
       integrated backwards from one measured time to the one before.
    """
    args = tuple(args)
    if not any(isinstance(v, Traced) for v in _flatten((y0, t, args))[0]):
        return _integrate.odeint(func, y0, t, args, **kwargs)
    flat, unravel = ravel_pytree(args)

    def solve(y0, t, flat):
        return _integrate.odeint(lambda y, s: func(y, s, *unravel(flat)), y0, t, **kwargs)

    def pull(g, ys, y0, t, flat):
        n = ys.shape[1]

        def right_side(y, s, flat):
            return func(y, s, *unravel(flat))

        def backwards(state, s, flat):
            vjp, rate = make_vjp(lambda given: right_side(*given), (state[:n], s, flat))
            y_bar, s_bar, flat_bar = vjp(-state[n : 2 * n])
            return np.concatenate([rate, y_bar, np.reshape(s_bar, (1,)), flat_bar])

        y_bar, flat_bar, start, times = g[-1], np.zeros(flat.shape), 0.0, []
        for i in range(len(t) - 1, 0, -1):
            moved = np.dot(right_side(ys[i], t[i], flat), g[i])
            times.append(moved)
            state = np.concatenate([ys[i], y_bar, np.reshape(start - moved, (1,)), flat_bar])
            state = odeint(backwards, state, np.stack([t[i], t[i - 1]]), (flat,), **kwargs)[1]
            y_bar, start, flat_bar = state[n : 2 * n] + g[i - 1], state[2 * n], state[2 * n + 1 :]
        return y_bar, np.stack([start, *times[::-1]]), flat_bar

    return _primitive(solve, vjp=pull, name="odeint")(y0, t, flat)
