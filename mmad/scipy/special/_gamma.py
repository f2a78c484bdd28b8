"""The gamma and beta functions and their incomplete ones, binomial coefficients, the zeta function."""

import math

from mmad.ops import arithmetic as a
from mmad.ops.transcendental import cos, sin
from mmad.scipy.special._declare import alias, constant, select, ufunc
from mmad.scipy.special._incomplete import beta_density, betainc_by, gamma_density, gammainc_by_a
from mmad.scipy.special._polygamma import polygamma_n, psi_difference

REAL = ((0.3,), (1.7,), (4.0,), (25.5,), (-1.3,), (-4.6,))
COMPLEX = ((0.4 + 1.3j,), (-2.3 - 0.7j,), (30.0 + 5j,))

gammaln = ufunc("gammaln", lambda x, out: psi(x), points=REAL)
loggamma = ufunc("loggamma", lambda z, out: psi(z), points=((0.3,), (1.7,), (25.5,), *COMPLEX), names=("z",))
psi = ufunc("psi", lambda z, out: polygamma_n(1, z), points=(*REAL, *COMPLEX), names=("z",))
alias("digamma", "psi")
gamma = ufunc("gamma", lambda z, out: a.multiply(out, psi(z)), points=(*REAL, *COMPLEX), names=("z",))
gammasgn = ufunc("gammasgn", constant, points=REAL)


def _reflected(z):
    """Return the derivative of rgamma(z) = gamma(1 - z) sin(pi z) / pi, for Re z < 1/2: poles are no points of it."""
    other = gamma(1.0 - z)
    turn = math.pi * z
    return other * (cos(turn) - (1.0 / math.pi) * psi(1.0 - z) * sin(turn))


rgamma = ufunc(
    "rgamma",
    lambda z, out: select(
        a.less(a.real(z), 0.5), _reflected, lambda z: a.negative(rgamma(z) * psi(z)), z, safe=((0.0,), (1.0,))
    ),
    points=(*REAL, (0.0,), (-3.0,), *COMPLEX),
    names=("z",),
)
poch = ufunc(
    "poch",
    lambda z, m, out: a.multiply(out, psi_difference(0, z, m)),
    lambda z, m, out: a.multiply(out, psi(a.add(z, m))),
    points=((1.3, 2.2), (50.0, 0.3), (0.4, 7.0)),
)
beta = ufunc(
    "beta",
    lambda x, y, out: a.negative(out * psi_difference(0, x, y)),
    lambda x, y, out: a.negative(out * psi_difference(0, y, x)),
    points=((0.4, 2.3), (3.0, 5.5), (40.0, 0.01)),
)
betaln = ufunc(
    "betaln",
    lambda x, y, out: a.negative(psi_difference(0, x, y)),
    lambda x, y, out: a.negative(psi_difference(0, y, x)),
    points=((0.4, 2.3), (300.0, 5.5), (1e4, 2e3)),
)
binom = ufunc(
    "binom",
    lambda n, k, out: a.multiply(out, psi_difference(0, n - k + 1.0, k)),
    lambda n, k, out: a.multiply(out, psi_difference(0, k + 1.0, n - 2.0 * k)),
    points=((5.3, 2.2), (40.0, 3.7), (10.0, 5.0), (31.6, 30.6)),
)

gammainc = ufunc(
    "gammainc",
    lambda p, x, out: gammainc_by_a(1, p, x),
    lambda p, x, out: gamma_density(p, x),
    points=((0.4, 0.1), (2.3, 4.0), (30.0, 25.0), (7.0, 1.0), (100.0, 120.0)),
)
gammaincc = ufunc(
    "gammaincc",
    lambda p, x, out: a.negative(gammainc_by_a(1, p, x)),
    lambda p, x, out: a.negative(gamma_density(p, x)),
    points=((0.4, 0.1), (2.3, 4.0), (30.0, 45.0), (3.0, 12.0)),
)
gammaincinv = ufunc(
    "gammaincinv",
    lambda p, y, out: a.negative(a.divide(gammainc_by_a(1, p, out), gamma_density(p, out))),
    lambda p, y, out: a.reciprocal(gamma_density(p, out)),
    points=((0.6, 0.3), (2.3, 0.8), (30.0, 0.4)),
    bound=1e-11,
)
gammainccinv = ufunc(
    "gammainccinv",
    lambda p, y, out: a.negative(a.divide(gammainc_by_a(1, p, out), gamma_density(p, out))),
    lambda p, y, out: a.negative(a.reciprocal(gamma_density(p, out))),
    points=((0.6, 0.3), (2.3, 0.8), (30.0, 0.01)),
    bound=1e-11,
)


def density(p, q, x):
    """Return the density of the beta distribution."""
    return beta_density(p, q, x, 1.0 - x)


BETA_POINTS = ((0.5, 2.3, 0.2), (3.0, 1.5, 0.7), (30.0, 40.0, 0.35))
betainc = ufunc(
    "betainc",
    lambda p, q, x, out: betainc_by(1, 0, p, q, x),
    lambda p, q, x, out: betainc_by(0, 1, p, q, x),
    lambda p, q, x, out: density(p, q, x),
    points=BETA_POINTS,
    bound=1e-11,
)
betaincc = ufunc(
    "betaincc",
    lambda p, q, x, out: a.negative(betainc_by(1, 0, p, q, x)),
    lambda p, q, x, out: a.negative(betainc_by(0, 1, p, q, x)),
    lambda p, q, x, out: a.negative(density(p, q, x)),
    points=BETA_POINTS,
    bound=1e-11,
)
betaincinv = ufunc(
    "betaincinv",
    lambda p, q, y, out: a.negative(a.divide(betainc_by(1, 0, p, q, out), density(p, q, out))),
    lambda p, q, y, out: a.negative(a.divide(betainc_by(0, 1, p, q, out), density(p, q, out))),
    lambda p, q, y, out: a.reciprocal(density(p, q, out)),
    points=((0.7, 2.3, 0.2), (3.0, 1.5, 0.7)),
    bound=1e-10,
)
betainccinv = ufunc(
    "betainccinv",
    lambda p, q, y, out: a.negative(a.divide(betainc_by(1, 0, p, q, out), density(p, q, out))),
    lambda p, q, y, out: a.negative(a.divide(betainc_by(0, 1, p, q, out), density(p, q, out))),
    lambda p, q, y, out: a.negative(a.reciprocal(density(p, q, out))),
    points=((0.7, 2.3, 0.2), (3.0, 1.5, 0.7)),
    bound=1e-10,
)
