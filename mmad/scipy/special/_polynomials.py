"""Orthogonal polynomials, by x.  The derivative of one is another of degree n - 1."""

import numpy as np

from mmad._core import Traced
from mmad.ops import arithmetic as a
from mmad.scipy.special._declare import ufunc, unknown

X = (-0.8, 0.05, 0.3, 1.0)


def _lower(n):
    """Return n - 1, but 0 for n = 0, where the derivative is zero."""
    if isinstance(n, Traced):
        return a.select(a.equal(n, 0), 0, a.subtract(n, 1))
    return np.where(np.asarray(n) == 0, 0, np.asarray(n) - 1)[()]


def _of(n, factor, value):
    """Return factor * value, and zero for degree zero."""
    return a.select(a.equal(n, 0), 0.0, a.multiply(factor, value))


def _points(*parameters, x=X, degrees=(0, 1, 2, 7), real=True):
    found = [(n, *parameters, v) for n in degrees for v in x[: 2 if n < 2 else None]]
    return (*found, *([(2.6, *parameters, 0.3), (3, *parameters, 0.4 + 0.7j)] if real else []))


def _plain(name, lower, factor, **options):
    """Declare a polynomial of n and x with p_n' = factor(n) q_(n-1)."""
    return ufunc(
        name,
        unknown,
        lambda n, x, out: _of(n, factor(n), lower(_lower(n), x)),
        points=_points(**options),
        bound=1e-11,
        names=("n", "x"),
    )


eval_jacobi = ufunc(
    "eval_jacobi",
    unknown,
    unknown,
    unknown,
    lambda n, p, q, x, out: _of(n, 0.5 * (n + p + q + 1.0), eval_jacobi(_lower(n), p + 1.0, q + 1.0, x)),
    points=_points(0.5, 1.3),
    bound=1e-11,
)
eval_sh_jacobi = ufunc(
    "eval_sh_jacobi",
    unknown,
    unknown,
    unknown,
    lambda n, p, q, x, out: _of(n, n, eval_sh_jacobi(_lower(n), p + 2.0, q + 1.0, x)),
    points=_points(2.5, 1.3),
    bound=1e-11,
)
eval_gegenbauer = ufunc(
    "eval_gegenbauer",
    unknown,
    unknown,
    lambda n, k, x, out: _of(n, 2.0 * k, eval_gegenbauer(_lower(n), k + 1.0, x)),
    points=_points(0.7),
    bound=1e-11,
)
eval_genlaguerre = ufunc(
    "eval_genlaguerre",
    unknown,
    unknown,
    lambda n, k, x, out: _of(n, -1.0, eval_genlaguerre(_lower(n), k + 1.0, x)),
    points=_points(0.7),
    bound=1e-11,
)
eval_laguerre = _plain("eval_laguerre", lambda n, x: eval_genlaguerre(n, 1.0, x), lambda n: -1.0)
eval_legendre = _plain("eval_legendre", lambda n, x: eval_jacobi(n, 1.0, 1.0, x), lambda n: 0.5 * (n + 1.0))
eval_sh_legendre = _plain("eval_sh_legendre", lambda n, x: eval_jacobi(n, 1.0, 1.0, 2.0 * x - 1.0), lambda n: n + 1.0)
eval_chebyu = _plain("eval_chebyu", lambda n, x: eval_gegenbauer(n, 2.0, x), lambda n: 2.0)
eval_chebyt = _plain("eval_chebyt", lambda n, x: eval_chebyu(n, x), lambda n: n)
eval_chebys = _plain("eval_chebys", lambda n, x: eval_gegenbauer(n, 2.0, 0.5 * x), lambda n: 1.0)
eval_chebyc = _plain("eval_chebyc", lambda n, x: eval_chebys(n, x), lambda n: n)
eval_sh_chebyu = _plain("eval_sh_chebyu", lambda n, x: eval_gegenbauer(n, 2.0, 2.0 * x - 1.0), lambda n: 4.0)
eval_sh_chebyt = _plain("eval_sh_chebyt", lambda n, x: eval_sh_chebyu(n, x), lambda n: 2.0 * n)
eval_hermite = _plain("eval_hermite", lambda n, x: eval_hermite(n, x), lambda n: 2.0 * n, real=False)
eval_hermitenorm = _plain("eval_hermitenorm", lambda n, x: eval_hermitenorm(n, x), lambda n: n, real=False)
