"""Linear programs: at a vertex, the solution of the constraints that hold there with equality."""

import numpy as np
import scipy.optimize as _scipy

from mmad.derivatives import implicit
from mmad.errors import UnsupportedError
from mmad.numpy import asarray
from mmad.scipy._drop_in import replaces
from mmad.scipy.optimize.minima import bounds_as_constraint
from mmad.scipy.optimize.roots import replaced, require_success

__all__ = []

MET = 1e-8  # slack, relative to the largest value, of a constraint that holds with equality


@replaces(_scipy.linprog)
def linprog(c, A_ub=None, b_ub=None, A_eq=None, b_eq=None, bounds=(0, None), integrality=None, **options):
    """Return the minimum of a linear function under linear constraints, where it is smooth: at one vertex."""
    if integrality is not None and np.any(integrality):
        raise UnsupportedError("scipy.optimize.linprog: an integer solution has no derivative")
    held, c = [], asarray(c)
    count = c.shape[0]
    bounds = list(bounds)
    pairs = [tuple(bounds)] * count if len(bounds) == 2 and np.ndim(bounds[0] or 0) == 0 else bounds
    inside = bounds_as_constraint(pairs)

    def slack(x):
        parts = [inside(x)]
        if A_ub is not None:
            parts.insert(0, asarray(b_ub) - asarray(A_ub) @ x)
        return np.concatenate(parts)

    def residual(x):
        left = slack(x)
        fixed = 0 if A_eq is None else np.shape(b_eq)[0]
        rows = left[np.argsort(left, kind="stable")[: count - fixed]]
        return rows if A_eq is None else np.concatenate([rows, asarray(A_eq) @ x - asarray(b_eq)])

    def solver():
        result = _scipy.linprog(c, A_ub, b_ub, A_eq, b_eq, pairs, **options)
        require_success("scipy.optimize.linprog", result)
        left = np.sort(slack(result.x))
        fixed = 0 if A_eq is None else np.shape(b_eq)[0]
        near = np.count_nonzero(left < MET * (1.0 + np.abs(result.x).max()))
        if near != count - fixed:
            raise UnsupportedError(
                f"scipy.optimize.linprog: {near + fixed} constraints of {count} unknowns hold with equality, so the "
                "solution is not one vertex, and has no derivative"
            )
        held.append(result)
        return result.x

    x = implicit.root(residual, solver)
    return replaced(held[-1], x=x, fun=c @ x)
