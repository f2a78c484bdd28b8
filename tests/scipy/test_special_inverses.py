"""Inverse functions of scipy.special: with the function they invert, which mpmath checks, they are the identity."""

import itertools

import numpy as np
import pytest

special = pytest.importorskip("scipy.special")

import mmad  # noqa: E402
from mmad.scipy.special import RULES  # noqa: E402

s = special
#: name -> (what equals one argument of the inverse, the position of that argument)
IDENTITIES = {
    "bdtri": (lambda k, n, y: s.bdtr(k, n, s.bdtri(k, n, y)), 2),
    "bdtrik": (lambda y, n, p: (lambda k: s.betaincc(k + 1.0, n - k, p))(s.bdtrik(y, n, p)), 0),
    "bdtrin": (lambda k, y, p: (lambda n: s.betaincc(k + 1.0, n - k, p))(s.bdtrin(k, y, p)), 1),
    "nbdtri": (lambda k, n, y: s.nbdtr(k, n, s.nbdtri(k, n, y)), 2),
    "nbdtrik": (lambda y, n, p: s.betainc(n, s.nbdtrik(y, n, p) + 1.0, p), 0),
    "nbdtrin": (lambda k, y, p: s.betainc(s.nbdtrin(k, y, p), k + 1.0, p), 1),
    "pdtri": (lambda k, y: s.pdtr(k, s.pdtri(k, y)), 1),
    "pdtrik": (lambda p, m: s.gammaincc(s.pdtrik(p, m) + 1.0, m), 0),
    "chdtri": (lambda v, p: s.chdtrc(v, s.chdtri(v, p)), 1),
    "chdtriv": (lambda p, x: s.chdtr(s.chdtriv(p, x), x), 0),
    "gdtria": (lambda p, b, x: s.gdtr(s.gdtria(p, b, x), b, x), 0),
    "gdtrib": (lambda a, p, x: s.gdtr(a, s.gdtrib(a, p, x), x), 1),
    "gdtrix": (lambda a, b, p: s.gdtr(a, b, s.gdtrix(a, b, p)), 2),
    "btdtria": (lambda p, b, x: s.betainc(s.btdtria(p, b, x), b, x), 0),
    "btdtrib": (lambda a, p, x: s.betainc(a, s.btdtrib(a, p, x), x), 1),
    "fdtri": (lambda m, n, p: s.fdtr(m, n, s.fdtri(m, n, p)), 2),
    "fdtridfd": (lambda m, p, x: s.fdtr(m, s.fdtridfd(m, p, x), x), 1),
    "stdtrit": (lambda v, p: s.stdtr(v, s.stdtrit(v, p)), 1),
    "stdtridf": (lambda p, t: s.stdtr(s.stdtridf(p, t), t), 0),
    "chndtrix": (lambda p, k, c: s.chndtr(s.chndtrix(p, k, c), k, c), 0),
    "chndtrinc": (lambda x, k, p: s.chndtr(x, k, s.chndtrinc(x, k, p)), 2),
    "kolmogi": (lambda p: s.kolmogorov(s.kolmogi(p)), 0),
    "tklmbda": (lambda x, k: s.boxcox(s.tklmbda(x, k), k) - s.boxcox(1.0 - s.tklmbda(x, k), k), 0),
    "smirnovi": (lambda n, p: s.smirnov(n, s.smirnovi(n, p)), 1),
}


@pytest.mark.parametrize("name", IDENTITIES)
def test_the_identity(name):
    f, k = IDENTITIES[name]
    rule = RULES[name]
    for point in rule.points:
        np.testing.assert_allclose(f(*point), point[k], rtol=1e-6)
        gradient = mmad.grad(f, argnums=rule.differentiable)(*point)
        np.testing.assert_allclose(gradient, [float(i == k) for i in rule.differentiable], atol=1e-9)


@pytest.mark.parametrize("name", IDENTITIES)
def test_the_second_derivatives_vanish(name):
    f, _ = IDENTITIES[name]
    rule = RULES[name]
    for point in rule.points:
        for i, j in itertools.combinations_with_replacement(rule.differentiable, 2):
            size = 1.0 + abs(mmad.grad(rule.function, argnums=i)(*point)) ** 2
            np.testing.assert_allclose(second(f, i, j, point), 0.0, atol=1e-8 * size)


def second(f, i, j, point):
    """The second derivative by arguments i and j."""

    def slope(y):
        at = list(point)
        at[j] = y
        return mmad.grad(f, argnums=i)(*at)

    return mmad.jvp(slope, (point[j],), (1.0,))[1]
