"""Ipopt's problems: an objective and its constraints as `cyipopt.Problem` asks for them."""

import numpy as np

from mmad.optimization.constraint import Constraint
from mmad.optimization.objective import Goal

__all__ = ["IpoptProblem", "ipopt_problem"]


class IpoptProblem:
    """The object whose methods `cyipopt.Problem` calls; see :func:`ipopt_problem`."""

    def __init__(self, f, x0, constraints=(), args=(), mode="compiled"):
        listed = list(constraints) if isinstance(constraints, list | tuple) else [constraints]
        self.goal = Goal(f, x0, args, mode)
        self.x0, self.tree = self.goal.x0, self.goal.tree
        self.rows = [
            c if c.parameters is not None else Constraint(c.f, c.lower, c.upper, x0, c.args, c.mode) for c in listed
        ]
        values = [c.fun(self.x0) for c in self.rows]
        self.sizes = [len(v) for v in values]
        self.n, self.m = len(self.x0), sum(self.sizes)
        self.cl, self.cu = (
            np.concatenate([np.zeros(0), *[np.broadcast_to(b, v.shape) for b, v in zip(side, values, strict=True)]])
            for side in ([c.lower for c in self.rows], [c.upper for c in self.rows])
        )
        self._jacobian = [self._entries(c.sparse_jac(self.x0)) for c in self.rows]
        at = np.cumsum([0, *self.sizes])
        self._jacobian_places = (
            np.concatenate([np.zeros(0, int), *[r + k for (r, _), k in zip(self._jacobian, at, strict=False)]]),
            np.concatenate([np.zeros(0, int), *[c for _, c in self._jacobian]]),
        )
        self._hessian_places = self._lower_triangle()

    @staticmethod
    def _entries(matrix):
        found = matrix.tocsr()
        rows = np.repeat(np.arange(found.shape[0]), np.diff(found.indptr))
        return rows, np.asarray(found.indices, int)

    def _hessians(self, x, lagrange, factor):
        """Return the Hessians of the Lagrangian's terms, sparse, with their factors."""
        at = np.cumsum([0, *self.sizes])
        found = [(factor, self.goal.sparse_hess(x))]
        for c, k, n in zip(self.rows, at, self.sizes, strict=False):
            found.append((1.0, c.sparse_hess(x, np.asarray(lagrange[k : k + n], float))))
        return found

    def _lower_triangle(self):
        """Return the places of the Lagrangian's Hessian on and below the diagonal."""
        places = set()
        for _, matrix in self._hessians(self.x0, np.ones(self.m), 1.0):
            rows, columns = self._entries(matrix)
            places.update((r, c) for r, c in zip(rows.tolist(), columns.tolist(), strict=True) if r >= c)
        ordered = np.array(sorted(places), int).reshape(-1, 2)
        return ordered[:, 0], ordered[:, 1]

    # ------------------------------------------------------------------------------------ what cyipopt calls
    def objective(self, x):
        """Return the objective's value."""
        return self.goal.fun(x)

    def gradient(self, x):
        """Return the objective's gradient."""
        return self.goal.jac(x)

    def constraints(self, x):
        """Return the constraints' values, all in one vector."""
        return np.concatenate([np.zeros(0), *[c.fun(x) for c in self.rows]])

    def jacobianstructure(self):
        """Return rows and columns of what may be nonzero in the constraints' Jacobian."""
        return self._jacobian_places

    def jacobian(self, x):
        """Return the entries of the constraints' Jacobian at those places."""
        found = [c.sparse_jac(x).tocsr().data for c in self.rows]
        return np.concatenate([np.zeros(0), *found])

    def hessianstructure(self):
        """Return rows and columns of what may be nonzero in the lower triangle of the Lagrangian's Hessian."""
        return self._hessian_places

    def hessian(self, x, lagrange, obj_factor):
        """Return the entries of the Lagrangian's Hessian at those places."""
        total = sum(k * matrix for k, matrix in self._hessians(x, lagrange, obj_factor)).tocsr()
        rows, columns = self._hessian_places
        return np.asarray(total[rows, columns], float).ravel()


def ipopt_problem(f, x0, constraints=(), *, args=(), mode="compiled"):
    """Return the object whose methods Ipopt calls: values, gradient, sparse Jacobian, Hessian of the Lagrangian.

    Parameters
    ----------
    f, x0, args, mode
        As of :func:`objective`; `x0` is needed.
    constraints : Constraint or list of Constraint

    Returns
    -------
    IpoptProblem
        For ``cyipopt.Problem(n=p.n, m=p.m, problem_obj=p, lb=..., ub=..., cl=p.cl, cu=p.cu)``, and then
        ``.solve(p.x0)``; ``p.tree(x)`` gives a vector the structure of `x0`.  Places that may be nonzero come from
        the sparsity patterns.

    See Also
    --------
    objective, constraint

    Examples
    --------
    >>> import numpy as np, mmad
    >>> p = mmad.ipopt_problem(lambda x: (x**4).sum(), np.ones(3), mmad.constraint(lambda x: x[1:] * x[:-1], 1.0))
    >>> p.n, p.m, [places.tolist() for places in p.jacobianstructure()]
    (3, 2, [[0, 0, 1, 1], [0, 1, 1, 2]])
    >>> p.hessian(np.ones(3), np.ones(2), 1.0)
    array([12.,  1., 12.,  1., 12.])
    """
    return IpoptProblem(f, x0, constraints, args, mode)
