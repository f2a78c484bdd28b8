"""Solutions of equations, differentiated by the implicit function theorem, never through a solver's iterations.

A solver is any code: it is given plain values and returns a plain solution.  The derivative comes from the equation
that the solution x(p) solves.  For a root, F(x(p), p) = 0,

    x_dot = -(dF/dx)^-1 dF/dp p_dot,        p_bar = -(dF/dp)^T (dF/dx)^-T x_bar,

so each derivative is one linear system, with dF/dx as products only.  The rules are applications of `root` and
`linear_solve` again, so they have derivatives of every order.

References
----------
M. Blondel et al., "Efficient and modular implicit differentiation", NeurIPS 2022, section 2.
"""

import itertools

import numpy as np

from mmad.derivatives.closures import rule_of_values
from mmad.derivatives.first_order import grad, jvp, vjp
from mmad.derivatives.jacobians import jacfwd
from mmad.tracing import tree

__all__ = ["fixed_point", "linear_solve", "minimum", "root"]

DENSE = 300  # unknowns up to which the matrix of a linear system is formed, and factored by LAPACK
RTOL = 1e-13  # of Krylov methods, relative to the right side


# ------------------------------------------------------------------------------------------------ trees
def _map(f, *trees):
    leaves = [tree.flatten(t)[0] for t in trees]
    return tree.unflatten(tree.flatten(trees[0])[1], [f(*vs) for vs in zip(*leaves, strict=True)])


def _negative(x):
    return _map(lambda v: -v, x)


def _difference(x, y):
    return _map(lambda v, w: v - w, x, y)


def _ravel(x):
    """Return the leaves of a tree as one vector, and the function that makes a tree of a vector."""
    leaves, structure = tree.flatten(x)
    shapes = [np.shape(v) for v in leaves]
    ends = np.cumsum([0, *(int(np.prod(s)) for s in shapes)])

    def unravel(vector):
        parts = [vector[i:j] for i, j in itertools.pairwise(ends)]
        return tree.unflatten(structure, [p.reshape(s) if s else p[0] for p, s in zip(parts, shapes, strict=True)])

    return np.concatenate([np.ravel(v) for v in leaves]), unravel


# ------------------------------------------------------------------------------------------------ linear systems
def linear_solve(matvec, b, *, symmetric=False, solver=None):
    """Return the solution x of a linear system ``matvec(x) = b`` as a differentiable function of all that is in it.

    Parameters
    ----------
    matvec : callable
        ``matvec(x)``, linear in x.  It may hold traced values.
    b : number, array or tree
        The right side.
    symmetric : bool
        Whether the matrix is symmetric positive definite, or negative definite: larger systems are then solved by
        conjugate gradients.
    solver : callable, optional
        ``solver(matvec, b)`` -> x, on vectors and plain values.  Default: LAPACK for a system of up to 300 unknowns;
        beyond, GMRES or conjugate gradients, which need products with the matrix only.

    Returns
    -------
    x : like `b`

    Raises
    ------
    numpy.linalg.LinAlgError
        The matrix is singular, or the iteration does not converge.

    Examples
    --------
    >>> import numpy as np, mmad
    >>> f = lambda p: mmad.implicit.linear_solve(lambda x: p * x, np.ones(2)).sum()
    >>> f(4.0), mmad.grad(f)(4.0), mmad.grad(mmad.grad(f))(4.0)
    (np.float64(0.5), -0.125, 0.0625)
    """
    options = {"symmetric": symmetric, "solver": solver}

    def defect(filled, x):
        def of_values(values):
            product, b = filled(values)
            return _difference(b, product(x))

        return of_values

    def push(filled, values, tangents, x):
        rate = jvp(defect(filled, x), (values,), (tangents,))[1]
        return linear_solve(filled(values)[0], rate, **options)

    def pull(filled, values, ct, x):
        product = filled(values)[0]
        adjoint = linear_solve(product if symmetric else lambda w: vjp(product, x)[1](w)[0], ct, **options)
        return vjp(defect(filled, x), values)[1](adjoint)[0]

    return rule_of_values("linear_solve", (matvec, b), lambda whole: _solved(*whole, symmetric, solver), push, pull)


def _solved(matvec, b, symmetric, solver):
    """Return the solution of a linear system of plain values."""
    vector, unravel = _ravel(b)

    def product(v):
        return _ravel(matvec(unravel(v)))[0]

    if solver is not None:
        return unravel(solver(product, vector))
    dtype = np.result_type(vector.dtype, np.float32)
    if vector.size <= DENSE:
        matrix = jacfwd(product)(np.zeros(vector.size, dtype)) if dtype.kind == "f" else _columns(product, vector)
        return unravel(np.linalg.solve(matrix, vector))
    try:
        from scipy.sparse.linalg import LinearOperator, cg, gmres
    except ImportError as e:
        raise ImportError("linear systems of more than 300 unknowns need SciPy: pip install mmad[scipy]") from e
    operator = LinearOperator((vector.size, vector.size), product, dtype=dtype)
    if symmetric:
        found, _ = cg(operator, vector, rtol=RTOL, maxiter=10 * vector.size)
    else:
        found, _ = gmres(operator, vector, rtol=RTOL, restart=100, maxiter=100)
    missed = np.linalg.norm(product(found) - vector) > 1e-9 * np.linalg.norm(vector)
    if missed or not np.all(np.isfinite(found)):
        raise np.linalg.LinAlgError(
            f"{'conjugate gradients' if symmetric else 'GMRES'} did not solve a linear system of {vector.size} "
            "unknowns: give a solver of your own, solver=lambda matvec, b: ..."
        )
    return unravel(found)


def _columns(product, vector):
    """Return the matrix of a linear function, a product a column."""
    return np.stack([product(e) for e in np.eye(vector.size, dtype=vector.dtype)], axis=1)


# ------------------------------------------------------------------------------------------------ nonlinear equations
def root(residual, solver, *args, symmetric=False, linear_solver=None):
    """Return the root that a solver finds, differentiated as the solution of ``residual(x, *args) = 0``.

    Parameters
    ----------
    residual : callable
        ``residual(x, *args)`` -> a tree like x.
    solver : callable
        ``solver(*args)`` -> x, on plain values: any code.
    *args
        Parameters, trees of them, and anything else.  Traced values that `residual` and `solver` hold (closures,
        defaults, attributes) count as parameters, too.
    symmetric : bool
        Whether the derivative of the residual by x is symmetric and definite.
    linear_solver : callable, optional
        ``linear_solver(matvec, b)``, for the linear systems of the derivatives; see `linear_solve`.

    Returns
    -------
    x

    Notes
    -----
    A derivative is as exact as the root.  Where the derivative of the residual by x is singular, as at a double root,
    there is none: numpy.linalg.LinAlgError.

    See Also
    --------
    fixed_point, minimum, linear_solve

    Examples
    --------
    >>> import math, mmad
    >>> f = lambda p: mmad.implicit.root(lambda x, p: x * x - p, math.sqrt, p)
    >>> f(4.0), mmad.grad(f)(4.0), mmad.grad(mmad.grad(f))(4.0)
    (2.0, 0.25, -0.03125)
    """
    options = {"symmetric": symmetric, "solver": linear_solver}

    def at(filled, x, values):
        residual, _, args = filled(values)
        return residual(x, *args)

    def push(filled, values, tangents, x):
        rate = jvp(lambda values: at(filled, x, values), (values,), (tangents,))[1]
        return linear_solve(lambda v: jvp(lambda x: at(filled, x, values), (x,), (v,))[1], _negative(rate), **options)

    def pull(filled, values, ct, x):
        adjoint = linear_solve(lambda w: vjp(lambda x: at(filled, x, values), x)[1](w)[0], ct, **options)
        return vjp(lambda values: at(filled, x, values), values)[1](_negative(adjoint))[0]

    return rule_of_values("root", (residual, solver, args), lambda whole: whole[1](*whole[2]), push, pull)


def fixed_point(step, solver, *args, linear_solver=None):
    """Return the fixed point that a solver finds, differentiated as the solution of ``step(x, *args) = x``.

    Parameters
    ----------
    step : callable
        ``step(x, *args)`` -> a tree like x.
    solver, *args, linear_solver
        As `root` takes them.

    Returns
    -------
    x

    Examples
    --------
    >>> import numpy as np, mmad
    >>> def iterate(a):
    ...     x = 1.0
    ...     for _ in range(100):
    ...         x = np.cos(a * x)
    ...     return float(x)
    >>> f = lambda a: mmad.implicit.fixed_point(lambda x, a: np.cos(a * x), iterate, a)
    >>> print(f"{f(1.0):.6f} {mmad.grad(f)(1.0):.6f}")
    0.739085 -0.297474
    """

    def residual(x, *args):
        return _difference(step(x, *args), x)

    return root(residual, solver, *args, linear_solver=linear_solver)


def minimum(objective, solver, *args, linear_solver=None):
    """Return the minimiser that a solver finds, differentiated as the root of the gradient of ``objective(x, *args)``.

    Parameters
    ----------
    objective : callable
        ``objective(x, *args)`` -> real number, twice differentiable by mmad; the second derivative by x is definite.
    solver, *args, linear_solver
        As `root` takes them.

    Returns
    -------
    x

    Examples
    --------
    >>> import numpy as np, mmad
    >>> def ridge(x, t):
    ...     return ((x - np.array([1.0, 2.0])) ** 2).sum() + t * (x**2).sum()
    >>> f = lambda t: mmad.implicit.minimum(ridge, lambda t: np.array([1.0, 2.0]) / (1.0 + t), t)
    >>> mmad.jvp(f, (1.0,), (1.0,))
    (array([0.5, 1. ]), array([-0.25, -0.5 ]))
    """

    def slope(x, *args):
        return grad(objective)(x, *args)

    return root(slope, solver, *args, symmetric=True, linear_solver=linear_solver)
