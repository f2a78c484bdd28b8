"""`minimize`: SciPy's optimisers with derivatives by mmad, for unknowns in any tree."""

import functools
import inspect

import numpy as np

from mmad.derivatives.recorded import LANES
from mmad.optimization.constraint import Constraint
from mmad.optimization.objective import Goal

__all__ = ["minimize"]

WITHOUT_DERIVATIVES = "nelder-mead", "powell", "cobyla", "cobyqa"
BY_PRODUCTS = "newton-cg", "trust-ncg", "trust-krylov"
BY_MATRICES = "dogleg", "trust-exact"
EITHER = ("trust-constr",)


def minimize(f, x0, args=(), method=None, *, bounds=None, constraints=(), tol=None, callback=None, options=None,
             mode="compiled"):  # fmt: skip
    """Minimise a real function of a tree by an optimiser of SciPy, with the derivatives that the method uses.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` -> one real number; x has the structure of `x0`.
    x0 : number, array or tree
        The starting point.  The optimiser sees one vector of float64; a list of numbers is an array.
    args : tuple
        Further arguments, constant.
    method : str, optional
        As of `scipy.optimize.minimize`.  Gradients come with the values, in one sweep; "Newton-CG", "trust-ncg" and
        "trust-krylov" get products with the Hessian, "dogleg" and "trust-exact" the matrix, "trust-constr" the matrix
        up to 64 unknowns, then products.
    bounds : optional
        As SciPy takes them; for a tree also ``(lower, upper)``, each a number or a tree like `x0`.
    constraints : Constraint, SciPy's constraints, or a list of them
        A `scipy.optimize.NonlinearConstraint` and a dict get their Jacobians, and Hessians, unless they have them;
        their functions get x in the structure of `x0`.
    tol, callback, options
        As of `scipy.optimize.minimize`; `callback` gets x in the structure of `x0`.
    mode : {"compiled", "eager"}
        As of :func:`objective`.

    Returns
    -------
    scipy.optimize.OptimizeResult
        With ``x`` in the structure of `x0`; what else belongs to it (``jac``, ``hess_inv``, ...) is of vectors.

    Raises
    ------
    ImportError
        SciPy is not installed.

    See Also
    --------
    objective : for other optimisers.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> def loss(p):
    ...     return ((p["w"] - 2.0) ** 2).sum() + (p["b"] + 1.0) ** 2
    >>> res = mmad.minimize(loss, {"w": np.zeros(2), "b": 0.0}, method="BFGS")
    >>> bool(res.success), np.round(res.x["w"], 6), round(res.x["b"], 6)
    (True, array([2., 2.]), -1.0)
    """
    try:
        from scipy import optimize
    except ImportError as e:
        raise ImportError("mmad.minimize calls SciPy's optimisers: pip install mmad[scipy]") from e
    goal = Goal(f, x0, args, mode)
    parameters = goal.parameters
    given = {"args": goal.args, "method": method, "tol": tol, "options": options}
    given["bounds"] = _bounds(bounds, parameters, optimize)
    name = method.lower() if isinstance(method, str) else ""
    listed = list(constraints) if isinstance(constraints, list | tuple) else [constraints]
    given["constraints"] = [_constrained(c, x0, mode, name, optimize) for c in listed]
    if callback is not None:
        given["callback"] = _callback(callback, parameters)
    if name in WITHOUT_DERIVATIVES:
        fun = goal.value
    else:
        fun, given["jac"] = goal.fun, goal.jac
    if name in BY_PRODUCTS or (name in EITHER and parameters.vector.size > LANES) or callable(method):
        given["hessp"] = goal.hessp
    elif name in BY_MATRICES + EITHER:
        given["hess"] = goal.hess
    result = optimize.minimize(fun, parameters.vector.copy(), **given)
    result.x = goal.tree(result.x)
    return result


def _constrained(c, x0, mode, method, optimize):
    """Return a constraint as SciPy takes it, with the derivatives that the method uses."""
    keep, jac, hess = False, None, None
    if isinstance(c, Constraint):
        made = c if c.parameters is not None else Constraint(c.f, c.lower, c.upper, x0, c.args, c.mode)
    elif isinstance(c, optimize.NonlinearConstraint):
        made, keep, jac, hess = Constraint(c.fun, c.lb, c.ub, x0, mode=mode), c.keep_feasible, c.jac, c.hess
    elif isinstance(c, dict) and "fun" in c and "jac" not in c:
        made = Constraint(c["fun"], x0=x0, args=c.get("args", ()), mode=mode)
        return {**c, "fun": made.fun, "jac": made.jac, "args": made.args}
    else:
        return c
    given = {"keep_feasible": keep}
    if method not in WITHOUT_DERIVATIVES:
        given["jac"] = _on_trees(jac, made) if callable(jac) else made.jac
    if method in EITHER:  # SciPy warns of what a method does not use
        given["hess"] = _on_trees(hess, made) if callable(hess) else made.hess
    return optimize.NonlinearConstraint(made.fun, made.lower, made.upper, **given)


def _on_trees(function, made):
    """Return the caller's own function of a tree as one of vectors."""
    return lambda x, *rest: function(made.tree(x), *rest)


def _bounds(bounds, parameters, optimize):
    """Return bounds as SciPy takes them."""
    if bounds is None or parameters.is_vector:
        return bounds
    if isinstance(bounds, optimize.Bounds):
        shape = parameters.vector.shape
        sides = bounds.lb, bounds.ub, bounds.keep_feasible
        return optimize.Bounds(*[np.ravel(b)[0] if np.size(b) == 1 else np.reshape(b, shape) for b in sides])
    if isinstance(bounds, tuple) and len(bounds) == 2:
        return optimize.Bounds(*[parameters.vector_of(b, "bounds of mmad.minimize") for b in bounds])
    return bounds


def _callback(callback, parameters):
    """Return a callback that gets the unknowns in their structure, called as SciPy calls the caller's."""
    if parameters.is_vector:
        return callback

    @functools.wraps(callback)
    def called(x=None, *rest, intermediate_result=None):
        if intermediate_result is None:
            return callback(parameters.tree_of(np.array(x)), *rest)
        found = type(intermediate_result)(intermediate_result)
        found.x = parameters.tree_of(np.array(found.x))
        return callback(intermediate_result=found)

    called.__signature__ = inspect.signature(callback)
    return called
