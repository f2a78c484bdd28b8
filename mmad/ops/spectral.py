"""Eigenvalues and eigenvectors of Hermitian matrices in the last two axes.

References
----------
M. B. Giles, "Collected matrix derivative results for forward and reverse mode algorithmic differentiation", in
*Advances in Automatic Differentiation*, Springer, 2008: section 3.1.
"""

import numpy as np

from mmad._core import HOOKS
from mmad.errors import UnsupportedError
from mmad.ops import arithmetic as a
from mmad.ops.declare import nonlinear, shape_of
from mmad.ops.linalg import adjoint
from mmad.ops.reduction import matmul, sum_
from mmad.ops.structure import viewed

__all__ = ["eigenvalues", "eigenvectors"]

HERMITIAN = np.array([[2.0, 0.4, -0.3], [0.4, 1.1, 0.6], [-0.3, 0.6, -0.7]])
STACK = np.stack([HERMITIAN, HERMITIAN @ HERMITIAN + np.diag([0.0, 1.0, 3.0])])


def _hermitian(dm):
    """The Hermitian matrices whose lower triangle a tangent has: that triangle is what NumPy reads."""
    n = shape_of(dm)[-1]
    lower = a.multiply(dm, np.tri(n, k=-1))
    return a.add(a.add(lower, adjoint(lower)), a.multiply(a.real(dm), np.eye(n)))


def _eigenvalues_jvp(dots, out, m):
    """The diagonal of V^H dA V; the sum of a repeated eigenvalue's derivatives does not depend on the choice of V."""
    v = eigenvectors(m)
    dm = _hermitian(dots[0])
    return a.real(sum_(a.multiply(a.conjugate(v), matmul(dm, v)), axis=(len(shape_of(m)) - 2,), keepdims=False))


def _eigenvectors_jvp(dots, out, m):
    """V (F * V^H dA V), F_ij = 1 / (w_j - w_i) and 0 on the diagonal."""
    w = eigenvalues(m)
    gaps = a.subtract(viewed(w, lambda x: x[..., None, :]), viewed(w, lambda x: x[..., :, None]))
    n = shape_of(m)[-1]
    eye = np.eye(n)
    if np.any((HOOKS["concrete"](gaps) == 0) & (eye == 0)):
        raise UnsupportedError(
            "the eigenvectors of a matrix with a repeated eigenvalue have no derivative: any basis of its eigenspace "
            "would do; the sum of the eigenvalues over it has one"
        )
    v = eigenvectors(m)
    rotated = matmul(adjoint(v), matmul(_hermitian(dots[0]), v))
    factor = a.multiply(a.reciprocal(a.add(gaps, eye)), 1.0 - eye)
    return matmul(v, a.multiply(factor, rotated))


eigenvalues = nonlinear(
    "eigenvalues",
    lambda m: np.linalg.eigh(m)[0],
    _eigenvalues_jvp,
    batch=lambda vals, batched: eigenvalues(vals[0]),
    probes=((HERMITIAN,), (STACK,)),
)
eigenvectors = nonlinear(
    "eigenvectors",
    lambda m: np.linalg.eigh(m)[1],
    _eigenvectors_jvp,
    batch=lambda vals, batched: eigenvectors(vals[0]),
    probes=((HERMITIAN,), (STACK,)),
)
