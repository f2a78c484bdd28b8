"""Minima: SciPy finds them, and the conditions of Karush, Kuhn and Tucker, which they solve, differentiate them.

A minimiser x of f, where c(x) = 0 and g(x) >= 0, comes with multipliers:

    grad f(x) - mu grad c(x) - lam grad g(x) = 0,    c(x) = 0,    g_j(x) = 0 or lam_j = 0.

Without constraints this is grad f(x) = 0.  A bound is a constraint g.  Where a constraint holds with equality and a
multiplier of zero, the derivative is that of the side on which it does not act.
"""

import numpy as np
import scipy.optimize as _scipy

from mmad._core import concrete
from mmad.derivatives import implicit
from mmad.derivatives.first_order import grad, vjp
from mmad.derivatives.jacobians import jacrev
from mmad.errors import UnsupportedError
from mmad.numpy import asarray
from mmad.scipy._drop_in import replaces
from mmad.scipy.optimize.roots import as_tuple, replaced

__all__ = ["bounds_as_constraint", "minimiser"]

ACTIVE = 1e-5  # distance, relative to 1 and to x, at which a constraint counts as met with equality
REFINEMENTS = 4  # Newton's steps after the solver; each doubles the digits
STATIONARY = 1e-3  # slope, relative to the largest multiple of it that matters, at which a solver has failed
#: The solvers that take a gradient: SciPy would take differences, mmad's own is exact.
WITH_GRADIENT = {
    "cg",
    "bfgs",
    "newton-cg",
    "l-bfgs-b",
    "tnc",
    "slsqp",
    "dogleg",
    "trust-ncg",
    "trust-exact",
    "trust-krylov",
    "trust-constr",
}


# ------------------------------------------------------------------------------------------------ constraints
def _mask(truth):
    """Return truth values as a plain array; a program looks at them alone."""
    return np.asarray(concrete(truth))


def bounds_as_constraint(bounds):
    """Return the function of x that bounds keep from being negative."""
    if hasattr(bounds, "lb"):
        low, high = bounds.lb, bounds.ub
    else:
        pairs = list(bounds)
        low = [-np.inf if p[0] is None else p[0] for p in pairs]
        high = [np.inf if p[1] is None else p[1] for p in pairs]

    def distance(x):
        low_, high_ = (np.broadcast_to(asarray(b), x.shape) for b in (low, high))
        used = [_mask(np.isfinite(b)) for b in (low_, high_)]
        return np.concatenate([x[used[0]] - low_[used[0]], high_[used[1]] - x[used[1]]])

    return distance


def _vector(value):
    value = asarray(value)
    return value.reshape(-1)


def _constraint(c):
    """Return (equalities or None, inequalities or None) of one constraint, as functions of x."""
    if isinstance(c, dict):
        f, rest = c["fun"], as_tuple(c.get("args", ()))

        def values(x):
            return _vector(f(x, *rest))

        return (values, None) if c["type"] == "eq" else (None, values)
    if hasattr(c, "A"):
        matrix, low, high = c.A, c.lb, c.ub

        def product(x):
            return asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix) @ x
    else:
        low, high, product = c.lb, c.ub, c.fun
    return _two_sided(product, low, high)


def _two_sided(f, low, high):
    """Return the equalities and the inequalities of ``low <= f(x) <= high``."""

    def parts(x):
        y = _vector(f(x))
        low_, high_ = (np.broadcast_to(asarray(b), y.shape) for b in (low, high))
        return y, low_, high_, _mask(low_ == high_)

    def equal(x):
        y, low_, _, same = parts(x)
        return y[same] - low_[same]

    def unequal(x):
        y, low_, high_, same = parts(x)
        used = [~same & _mask(np.isfinite(b)) for b in (low_, high_)]
        return np.concatenate([y[used[0]] - low_[used[0]], high_[used[1]] - y[used[1]]])

    return equal, unequal


# ------------------------------------------------------------------------------------------------ the minimiser
def minimiser(name, objective, solver, args=(), bounds=None, constraints=()):
    """Return the minimiser that a solver finds, differentiated by its first-order conditions.

    Parameters
    ----------
    name : str
        SciPy's function, for messages.
    objective : callable
        ``objective(x, *args)`` -> number.
    solver : callable
        ``solver(*args)`` -> x, on plain values.
    bounds : Bounds or sequence of pairs, optional
    constraints : constraint or sequence of them
    """
    constraints = [constraints] if isinstance(constraints, dict) or hasattr(constraints, "lb") else list(constraints)
    pairs = [_constraint(c) for c in constraints]
    equal = [f for f, _ in pairs if f is not None]
    unequal = [g for _, g in pairs if g is not None] + ([] if bounds is None else [bounds_as_constraint(bounds)])
    slope = grad(objective)
    if not (equal or unequal):

        def stationary(*args):
            x = solver(*args)
            _require_small(name, slope(x, *args), objective(x, *args))
            return _refined(lambda x: slope(x, *args), x)

        return implicit.root(slope, stationary, *args, symmetric=True)

    def joined(fs, x):
        return np.concatenate([f(x) for f in fs]) if fs else np.zeros(0)

    def all_of(x):
        return np.concatenate([joined(equal, x), joined(unequal, x)])

    def residual(z, *args):
        x, multipliers = z
        value, back = vjp(all_of, x)
        count = joined(equal, x).shape[0]
        slack, lam = value[count:], multipliers[count:]
        return (
            slope(x, *args) - back(multipliers)[0],
            np.concatenate([value[:count], np.where(lam > slack, slack, lam)]),
        )

    def solved(*args):
        x = solver(*args)
        value, rows, g = all_of(x), jacrev(all_of)(x), slope(x, *args)
        count = joined(equal, x).shape[0]
        active = np.concatenate([rows[:count].any(axis=1), value[count:] <= ACTIVE * (1.0 + np.abs(x).max())])
        multipliers = np.zeros(value.shape)
        multipliers[active] = np.linalg.lstsq(rows[active].T, g, rcond=None)[0]
        multipliers[count:] = np.maximum(multipliers[count:], 0.0)
        _require_small(name, g - rows.T @ multipliers, objective(x, *args), np.abs(g).max(initial=0.0))
        # where the solver stopped inside of a bound, the constraint still acts
        multipliers[count:] = np.where(
            active[count:] & (multipliers[count:] > 1e-6 * np.abs(g).max(initial=1.0)),
            np.maximum(multipliers[count:], 2.0 * np.abs(value[count:])),
            0.0,
        )
        count = x.size
        z = _refined(
            lambda z: np.concatenate(residual((z[:count], z[count:]), *args)), np.concatenate([x, multipliers])
        )
        return z[:count], z[count:]

    return implicit.root(residual, solved, *args)[0]


def _refined(residual, x):
    """Return a root after Newton's steps from a point near it: solvers stop where the objective no longer changes.

    That is at half of the digits of x, which is too few for derivatives.
    """
    size = np.abs(residual(x)).max(initial=0.0)
    for _ in range(REFINEMENTS if x.size <= implicit.DENSE else 0):
        try:
            better = x - np.linalg.solve(jacrev(residual)(x), residual(x))
        except np.linalg.LinAlgError:
            return x
        new = np.abs(residual(better)).max(initial=0.0)
        if not new < 0.5 * size:
            return x
        x, size = better, new
    return x


def _require_small(name, slope, value, scale=0.0):
    size = np.abs(slope).max(initial=0.0)
    if not size <= STATIONARY * max(1.0, abs(value), scale):
        raise UnsupportedError(
            f"{name} did not converge: the gradient is {size:.1e} at its result, which has no derivative; give it a "
            "smaller tolerance, another method, or another starting point"
        )


@replaces(_scipy.minimize, closures=True)
def minimize(fun, x0, args=(), method=None, jac=None, bounds=None, constraints=(), **options):
    """Return the minimum of a function of a vector."""
    held, args = [], as_tuple(args)

    def objective(x, *args):
        y = fun(x, *args)
        y = y[0] if jac is True else y  # the function and its gradient
        return y if np.ndim(y) == 0 else asarray(y).reshape(-1)[0]

    takes_gradient = method is None or (isinstance(method, str) and method.lower() in WITH_GRADIENT)

    def solver(*args):
        gradient = grad(objective) if jac is None and takes_gradient else jac
        result = _scipy.minimize(
            fun, x0, args, method=method, jac=gradient, bounds=bounds, constraints=constraints, **options
        )
        held.append(result)
        return np.array(result.x, dtype=float)

    x = minimiser("scipy.optimize.minimize", objective, solver, args, bounds, constraints)
    return replaced(held[-1], x=x, fun=objective(x, *args))


# ------------------------------------------------------------------------------------------------ one number
def _scalar_minimiser(name, f, solver, args, bounds=None):
    """Return the minimiser of a function of one number, which may be an end of an interval."""
    slope = grad(f)

    def residual(x, *args):
        g = slope(x, *args)
        if bounds is None:
            return g
        near = 1e-4 * (1.0 + abs(x))
        if g > 1e-3 and x - bounds[0] < near:
            return x - bounds[0]
        if g < -1e-3 and bounds[1] - x < near:
            return x - bounds[1]
        return g

    def solved(*args):
        x = solver(*args)
        if bounds is None:
            _require_small(name, np.array(slope(x, *args)), f(x, *args))
        return float(_refined(lambda x: np.reshape(residual(x[0], *args), (1,)), np.array([x]))[0])

    return implicit.root(residual, solved, *args)


@replaces(_scipy.minimize_scalar, closures=True)
def minimize_scalar(fun, bracket=None, bounds=None, args=(), **options):
    """Return the minimum of a function of one number."""
    held, args = [], as_tuple(args)

    def solver(*args):
        result = _scipy.minimize_scalar(fun, bracket=bracket, bounds=bounds, args=args, **options)
        held.append(result)
        return float(result.x)

    x = _scalar_minimiser("scipy.optimize.minimize_scalar", fun, solver, args, bounds)
    return replaced(held[-1], x=x, fun=fun(x, *args))


@replaces(_scipy.fminbound, closures=True)
def fminbound(func, x1, x2, args=(), **options):
    """Return the minimiser of a function of one number in an interval."""
    args = as_tuple(args)
    return _scalar_minimiser(
        "scipy.optimize.fminbound",
        func,
        lambda *args: float(_scipy.fminbound(func, x1, x2, args=args, **options)),
        args,
        (x1, x2),
    )


def _by_bracket(name):
    function = getattr(_scipy, name)

    @replaces(function, closures=True)
    def minimise(func, args=(), **options):
        args = as_tuple(args)
        return _scalar_minimiser(
            f"scipy.optimize.{name}", func, lambda *args: float(function(func, args=args, **options)), args
        )

    return minimise


brent = _by_bracket("brent")
golden = _by_bracket("golden")
