"""Constraints, and residuals: a vector of functions with the derivatives that optimisers ask for."""

import functools

import numpy as np

from mmad.api import hessian, hvp, jacobian
from mmad.optimization.objective import Differentiated, as_vector, matrix, planning
from mmad.tracing.ravel import ravel_pytree

__all__ = ["Constraint", "constraint"]


class Constraint(Differentiated):
    """A function whose results are numbers to be bounded; see :func:`constraint`."""

    what = "constraint"

    def __init__(self, f, lower=-np.inf, upper=np.inf, x0=None, args=(), mode="compiled"):
        super().__init__(f, x0, args, mode)
        self.lower, self.upper = lower, upper

        def numbers(x, *args):
            return ravel_pytree(self.of_tree(x, args))[0]

        def weighted(x, v, *args):
            return numbers(x, *args) @ v

        self.numbers, self.weighted = self.named(numbers), self.named(weighted)
        self._values = self.compiled(self.numbers)

    def fun(self, x, *args):
        """Return the values, a vector."""
        self.evaluations += 1
        return np.require(self._values(as_vector(x), *(args or self.args)), float, "CW")

    def jac(self, x, *args):
        """Return the Jacobian, dense."""
        return self._jacobian(as_vector(x), *(args or self.args))

    def sparse_jac(self, x, *args):
        """Return the Jacobian as a `scipy.sparse` array."""
        return self._sparse_jacobian(as_vector(x), *(args or self.args))

    def hess(self, x, v, *args):
        """Return the Hessian of ``v @ fun(x)``, as `scipy.optimize.NonlinearConstraint` expects."""
        return self._hessian(as_vector(x), as_vector(v), *(args or self.args))

    def sparse_hess(self, x, v, *args):
        """Return the same as a `scipy.sparse` array."""
        return self._sparse_hessian(as_vector(x), as_vector(v), *(args or self.args))

    def hessp(self, x, v, p, *args):
        """Return the product of the Hessian of ``v @ fun(x)`` with a vector."""
        return self._product(as_vector(x), as_vector(v), *(args or self.args), as_vector(p))

    @functools.cached_property
    def _jacobian(self):
        return matrix(self, jacobian, self.numbers)

    @functools.cached_property
    def _sparse_jacobian(self):
        return jacobian(self.numbers, sparse=True, **planning(self))

    @functools.cached_property
    def _hessian(self):
        return matrix(self, hessian, self.weighted)

    @functools.cached_property
    def _sparse_hessian(self):
        return hessian(self.weighted, sparse=True, **planning(self))

    @functools.cached_property
    def _product(self):
        return self.compiled(hvp(self.weighted))

    def scipy(self):
        """Return the constraint as a `scipy.optimize.NonlinearConstraint`."""
        from scipy.optimize import NonlinearConstraint

        return NonlinearConstraint(self.fun, self.lower, self.upper, jac=self.jac, hess=self.hess)

    def nlopt(self, result, x, grad):
        """Write values into `result`, and the Jacobian into `grad` if it has elements, as NLopt calls constraints."""
        if grad.size:
            grad[:] = self.jac(x)
        result[:] = self.fun(x)


def constraint(f, lower=-np.inf, upper=np.inf, *, x0=None, args=(), mode="compiled"):
    """Return a vector of functions as optimisers want it: values, Jacobian, and Hessians of weighted sums.

    Parameters
    ----------
    f : callable
        ``f(x, *args)`` -> number, array or tree of them: the elements are the constraints.
    lower, upper : float or ndarray
        Their bounds; equal ones for an equation.
    x0, args, mode
        As of :func:`objective`.

    Returns
    -------
    Constraint
        With ``fun(x)``, ``jac(x)``, ``sparse_jac(x)``, ``hess(x, v)``, ``sparse_hess(x, v)``, ``hessp(x, v, p)``; with
        ``nlopt(result, x, grad)`` for NLopt's ``add_equality_mconstraint`` and kin (which want ``f(x) <= 0``), and
        ``scipy()`` -> `scipy.optimize.NonlinearConstraint`.  :func:`minimize` takes it as it is; ``fun`` and ``jac``
        serve `scipy.optimize.least_squares` and `scipy.optimize.root`, too.

    See Also
    --------
    objective, minimize, ipopt_problem

    Examples
    --------
    >>> import numpy as np, mmad
    >>> circle = mmad.constraint(lambda x: x @ x, 1.0, 1.0)
    >>> circle.jac(np.array([1.0, 2.0]))
    array([[2., 4.]])
    >>> res = mmad.minimize(lambda x: x[0] + x[1], np.array([1.0, 0.5]), method="SLSQP", constraints=circle)
    >>> np.round(res.x, 6)
    array([-0.707107, -0.707107])
    """
    return Constraint(f, lower, upper, x0, args, mode)
