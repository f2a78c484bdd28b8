"""Least squares: `least_squares`, `leastsq`, `curve_fit`, `lsq_linear`, `nnls`, as minima of sums of squares."""

import inspect

import numpy as np
import scipy.optimize as _scipy

from mmad.derivatives.jacobians import jacfwd
from mmad.errors import UnsupportedError
from mmad.numpy import asarray
from mmad.scipy._drop_in import replaces
from mmad.scipy.optimize.minima import minimiser
from mmad.scipy.optimize.roots import as_tuple, replaced

__all__ = ["LOSSES"]

#: rho of z = (f / C)**2, as SciPy defines them.
LOSSES = {
    "linear": lambda z: z,
    "soft_l1": lambda z: 2.0 * (np.sqrt(1.0 + z) - 1.0),
    "huber": lambda z: np.where(z <= 1.0, z, 2.0 * np.sqrt(np.where(z <= 1.0, 1.0, z)) - 1.0),
    "cauchy": np.log1p,
    "arctan": np.arctan,
}


def _bounds(bounds, count):
    """Return the pair of bounds of `least_squares` as pairs, or None where there are none."""
    low, high = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    if all(np.ndim(b) == 0 and np.isinf(b) for b in (low, high)):
        return None
    return [(low if np.ndim(low) == 0 else low[k], high if np.ndim(high) == 0 else high[k]) for k in range(count)]


@replaces(_scipy.least_squares, closures=True)
def least_squares(
    fun, x0, jac="2-point", bounds=(-np.inf, np.inf), loss="linear", f_scale=1.0, args=(), kwargs=None, **options
):
    """Return the minimum of a sum of squares of a vector of residuals."""
    held, args, kwargs = [], as_tuple(args), kwargs or {}
    if not isinstance(loss, str):
        raise UnsupportedError("scipy.optimize.least_squares: a loss that is a function has no derivative here")

    def residuals(x, *args):
        return asarray(fun(x, *args, **kwargs)).reshape(-1)

    def objective(x, *args):
        scaled = residuals(x, *args) / f_scale
        return 0.5 * f_scale * f_scale * LOSSES[loss](scaled * scaled).sum()

    def solver(*args):
        slopes = jac if callable(jac) else lambda x, *args, **kwargs: jacfwd(residuals)(x, *args)
        result = _scipy.least_squares(
            fun, x0, jac=slopes, bounds=bounds, loss=loss, f_scale=f_scale, args=args, kwargs=kwargs, **options
        )
        held.append(result)
        return result.x

    limits = _bounds(bounds, np.size(x0))
    x = minimiser("scipy.optimize.least_squares", objective, solver, args, limits)
    return replaced(held[-1], x=x, cost=objective(x, *args), fun=residuals(x, *args))


@replaces(_scipy.leastsq, closures=True)
def leastsq(func, x0, args=(), full_output=False, **options):
    """Return the minimiser of a sum of squares of a vector of residuals."""
    held = []

    def solver(*args):
        out = _scipy.leastsq(func, x0, args=args, full_output=True, **options)
        held.append(out)
        return out[0]

    def objective(x, *args):
        return 0.5 * (asarray(func(x, *args)) ** 2).sum()

    x = minimiser("scipy.optimize.leastsq", objective, solver, as_tuple(args))
    return (x, *held[-1][1:]) if full_output else (x, held[-1][-1])


@replaces(_scipy.curve_fit, closures=True)
def curve_fit(
    f,
    xdata,
    ydata,
    p0=None,
    sigma=None,
    absolute_sigma=False,
    bounds=(-np.inf, np.inf),
    jac=None,
    full_output=False,
    **options,
):
    """Return the parameters of a curve through data, and their covariance."""
    if full_output:
        raise UnsupportedError("scipy.optimize.curve_fit of traced values: leave full_output out")
    count = np.size(p0) if p0 is not None else len(inspect.signature(f).parameters) - 1

    def residuals(p):
        r = asarray(f(xdata, *[p[k] for k in range(count)])) - asarray(ydata)
        if sigma is None:
            return r.reshape(-1)
        weights = asarray(sigma)
        return np.linalg.solve(np.linalg.cholesky(weights), r) if weights.ndim == 2 else (r / weights).reshape(-1)

    def objective(p):
        return 0.5 * (residuals(p) ** 2).sum()

    def solver():
        def slopes(x, *p):
            plain = jacfwd(lambda p: asarray(f(x, *[p[k] for k in range(count)])).reshape(-1))
            return plain(np.array(p, dtype=float))

        out = _scipy.curve_fit(
            f,
            xdata,
            ydata,
            p0=p0,
            sigma=sigma,
            absolute_sigma=absolute_sigma,
            bounds=bounds,
            jac=jac or slopes,
            **options,
        )
        return out[0]

    p = minimiser("scipy.optimize.curve_fit", objective, solver, (), _bounds(bounds, count))
    rows = jacfwd(residuals)(p)
    covariance = np.linalg.inv(rows.T @ rows)
    if not absolute_sigma:
        freedom = rows.shape[0] - count
        covariance = covariance * (2.0 * objective(p) / freedom) if freedom > 0 else np.full((count, count), np.inf)
    return p, covariance


@replaces(_scipy.lsq_linear)
def lsq_linear(A, b, bounds=(-np.inf, np.inf), **options):
    """Return the solution of a linear least-squares problem with bounds."""
    held, A, b = [], asarray(A), asarray(b)

    def objective(x):
        return 0.5 * ((A @ x - b) ** 2).sum()

    def solver():
        result = _scipy.lsq_linear(A, b, bounds=bounds, **options)
        held.append(result)
        return result.x

    x = minimiser("scipy.optimize.lsq_linear", objective, solver, (), _bounds(bounds, A.shape[1]))
    return replaced(held[-1], x=x, cost=objective(x), fun=A @ x - b)


@replaces(_scipy.nnls)
def nnls(A, b, **options):
    """Return the nonnegative solution of a linear least-squares problem, and the norm of its residual."""
    A, b = asarray(A), asarray(b)

    def objective(x):
        return 0.5 * ((A @ x - b) ** 2).sum()

    x = minimiser(
        "scipy.optimize.nnls", objective, lambda: _scipy.nnls(A, b, **options)[0], (), [(0.0, None)] * A.shape[1]
    )
    return x, np.linalg.norm(A @ x - b)
