"""SciPy's linear algebra as autograd has it."""

import numpy as np
import scipy.linalg as _linalg
from scipy.linalg import *  # noqa: F403

from mmad._core import Traced
from mmad.derivatives.custom import primitive as _primitive

__all__ = list(_linalg.__all__)


def _transposed(a, trans):
    return a.T if trans in ("T", 1) else np.conj(a).T if trans in ("C", 2) else a


def solve_triangular(a, b, trans=0, lower=False, unit_diagonal=False, **kwargs):
    """Return `scipy.linalg.solve_triangular`."""
    if not isinstance(a, Traced) and not isinstance(b, Traced):
        return _linalg.solve_triangular(a, b, trans, lower, unit_diagonal, **kwargs)
    held = (np.tril if lower else np.triu)(a, (-1 if lower else 1) if unit_diagonal else 0)
    return np.linalg.solve(_transposed(held + np.eye(len(a)) if unit_diagonal else held, trans), b)


def _adjoint(x):
    return np.conj(x.T)


def _sylvester_tangent(tangents, x, a, b, q):
    da, db, dq = tangents
    return solve_sylvester(a, b, dq - da @ x - x @ db)


def _sylvester_pull(x_bar, x, a, b, q):
    q_bar = solve_sylvester(_adjoint(a), _adjoint(b), x_bar)
    return -q_bar @ _adjoint(x), -_adjoint(x) @ q_bar, q_bar


def _root_pull(root_bar, root, a):
    return (solve_sylvester(_adjoint(root), _adjoint(root), root_bar),)


solve_sylvester = _primitive(_linalg.solve_sylvester, jvp=_sylvester_tangent, vjp=_sylvester_pull)
sqrtm = _primitive(
    _linalg.sqrtm, jvp=lambda tangents, root, a: solve_sylvester(root, root, tangents[0]), vjp=_root_pull
)


def _diagonals(l_and_u, n):
    """Yield the rows of a banded matrix: its row in the table, and the rows and columns of its entries."""
    lower, upper = l_and_u
    for row in range(lower + upper + 1):
        k = upper - row  # the number of the diagonal
        yield row, slice(max(-k, 0), n - max(k, 0)), slice(max(k, 0), n - max(-k, 0))


def _banded_product(l_and_u, ab, x):
    """Return the product of a matrix of diagonals with x."""
    n, total = x.shape[0], 0.0
    for row, rows, columns in _diagonals(l_and_u, n):
        part = (ab[row, columns] if x.ndim == 1 else ab[row, columns][:, None]) * x[columns]
        total = total + np.pad(part, [(rows.start, n - rows.stop)] + [(0, 0)] * (x.ndim - 1))
    return total


def _banded_transpose(l_and_u, ab):
    """Return the table of diagonals of the transposed matrix."""
    n, found = ab.shape[1], []
    for row, rows, columns in _diagonals(l_and_u, n):
        found.append(np.pad(ab[row, columns], (rows.start, n - rows.stop)))
    return np.stack(found[::-1])


def solve_banded(l_and_u, ab, b, **kwargs):
    """Return `scipy.linalg.solve_banded`."""
    if not isinstance(ab, Traced) and not isinstance(b, Traced):
        return _linalg.solve_banded(l_and_u, ab, b, **kwargs)
    lower, upper = l_and_u

    def tangent(tangents, x, ab, b):
        return solve_banded(l_and_u, ab, tangents[1] - _banded_product(l_and_u, tangents[0], x))

    def pull(x_bar, x, ab, b):
        b_bar = solve_banded((upper, lower), np.conj(_banded_transpose(l_and_u, ab)), x_bar)
        n, held = x.shape[0], []
        for _, rows, columns in _diagonals(l_and_u, n):
            part = -b_bar[rows] * np.conj(x[columns])
            part = part if x.ndim == 1 else np.sum(part, axis=1)
            held.append(np.pad(part, (columns.start, n - columns.stop)))
        return np.stack(held), b_bar

    def solve(ab, b):
        return _linalg.solve_banded(l_and_u, ab, b, **kwargs)

    return _primitive(solve, jvp=tangent, vjp=pull, name="solve_banded")(ab, b)
