"""Legendre functions and spherical harmonics of one degree and order, with SciPy's own first two derivatives.

A third derivative is that of the differential equation which the function solves.
"""

import numpy as np
import scipy.special as sc

from mmad._core import Traced
from mmad.errors import UnsupportedError
from mmad.ops import arithmetic as a
from mmad.ops.movement import stacked
from mmad.ops.transcendental import cos, sin
from mmad.scipy.special._declare import constant, family, function

#: Whether SciPy gives polynomials a leading axis of one element.
LEADING = hasattr(sc, "legendre_p") and np.ndim(sc.legendre_p(0, 0.5)) == 1


def _like_scipy(y):
    return stacked([y], 0) if LEADING else y


def _derivative(name, order):
    """Return the derivative of SciPy's function by its last argument, or by the angle theta of a spherical harmonic."""
    f = getattr(sc, name, None)  # from SciPy 1.15 on

    def value(*args):
        if order == 0:
            y = f(*args)
            return y[0] if LEADING and name != "sph_harm_y" else y
        y = f(*args, diff_n=order)[order]
        if name == "sph_harm_y":  # the gradient and the matrix of second derivatives are in the last axes
            return y[(..., *(0,) * order)]
        return y

    return value


def _on_interval(n, m, z, y):
    """Return y''' where (1 - z**2) y'' = 2 z y' - (n (n + 1) - m**2 / (1 - z**2)) y."""
    rest = 1.0 - a.square(z)
    order = a.divide(m * m, rest)
    slope = 4.0 * z * y[2] - (n * (n + 1.0) - 2.0 - order) * y[1]
    return a.divide(slope + a.divide(2.0 * order * z, rest) * y[0], rest)


def _on_sphere(n, m, theta, y):
    """Return y''' where y'' = -cot(theta) y' + (m**2 / sin(theta)**2 - n (n + 1)) y."""
    s, c = sin(theta), cos(theta)
    square = a.square(s)
    order = a.divide(m * m, square)
    slope = a.divide(1.0, square) * y[1] - a.divide(c, s) * y[2] + (order - n * (n + 1.0)) * y[1]
    return slope - a.divide(2.0 * order * c, s) * y[0]


def _refuse(name, n, m, options):
    if isinstance(n, Traced) or isinstance(m, Traced):
        raise UnsupportedError(f"scipy.special.{name} has no derivative by its integers 'n' and 'm'")
    given = [key for key, value in options.items() if value]
    if given:
        raise UnsupportedError(
            f"mmad.scipy.special.{name} of traced values does not know the argument {given[0]}: leave it out"
        )


def _family(name, third, has_order=True, has_phi=False):
    """Return the operations for the function and its first two derivatives by the argument after its integers."""
    before = 2 if has_order else 1

    def next_of(k, args):
        if k < 2:
            return ops[k + 1](*args)
        n, m = args[0], args[1] if has_order else 0
        return third(n, m, args[before], [op(*args) for op in ops])

    def declare(k):
        def slope(*args):
            return next_of(k, args[:-1])

        by_phi = (lambda n, m, theta, phi, out: 1j * m * out,) if has_phi else ()
        nin = before + 1 + has_phi
        return family(f"_{name}_{k}", _derivative(name, k), *[constant] * before, slope, *by_phi, nin=nin)

    ops = [declare(k) for k in range(3)]
    return ops


LEGENDRE = _family("legendre_p", _on_interval, has_order=False)
ASSOCIATED = _family("assoc_legendre_p", _on_interval)
SPHERICAL = _family("sph_legendre_p", _on_sphere)
HARMONICS = _family("sph_harm_y", _on_sphere, has_phi=True)


def legendre_p(n, z, **options):
    """Return the Legendre polynomial of degree n, as `scipy.special.legendre_p`."""
    if not isinstance(z, Traced):
        return sc.legendre_p(n, z, **options)
    _refuse("legendre_p", n, 0, options)
    return _like_scipy(LEGENDRE[0](n, z))


def assoc_legendre_p(n, m, z, **options):
    """Return the associated Legendre polynomial of degree n and order m, as `scipy.special.assoc_legendre_p`."""
    if not isinstance(z, Traced):
        return sc.assoc_legendre_p(n, m, z, **options)
    _refuse("assoc_legendre_p", n, m, options)
    return _like_scipy(ASSOCIATED[0](n, m, z))


def sph_legendre_p(n, m, theta, **options):
    """Return the spherical Legendre polynomial of degree n and order m, as `scipy.special.sph_legendre_p`."""
    if not isinstance(theta, Traced):
        return sc.sph_legendre_p(n, m, theta, **options)
    _refuse("sph_legendre_p", n, m, options)
    return _like_scipy(SPHERICAL[0](n, m, theta))


def sph_harm_y(n, m, theta, phi, **options):
    """Return the spherical harmonic of degree n and order m, as `scipy.special.sph_harm_y`."""
    if not isinstance(theta, Traced) and not isinstance(phi, Traced):
        return sc.sph_harm_y(n, m, theta, phi, **options)
    _refuse("sph_harm_y", n, m, options)
    return HARMONICS[0](n, m, theta, phi)


function("legendre_p", legendre_p, (1,))
function("assoc_legendre_p", assoc_legendre_p, (2,))
function("sph_legendre_p", sph_legendre_p, (2,))
function("sph_harm_y", sph_harm_y, (2, 3), ((3, 1, 0.3, 0.7),), bound=1e-11)
