"""Elliptic integrals and Jacobi's elliptic functions, the arithmetic-geometric mean."""

import math

from mmad.ops import arithmetic as a
from mmad.ops.transcendental import cos, sin
from mmad.scipy.special._carlson import carlson
from mmad.scipy.special._declare import parts, select, ufunc

H, T = 0.5, 1.5  # the exponents
M = ((-3.0,), (0.0,), (1e-9,), (0.5,), (0.97,))


def _k_by_m(m):
    return 0.25 * carlson(0, H, T, H, 0, 0.0, a.subtract(1.0, m), 1.0, 1.0)


def _e_by_m(m):
    return -0.25 * carlson(0, H, H, T, 0, 0.0, a.subtract(1.0, m), 1.0, 1.0)


ellipk = ufunc("ellipk", lambda m, out: _k_by_m(m), points=M)
ellipe = ufunc("ellipe", lambda m, out: _e_by_m(m), points=M)
ellipkm1 = ufunc(
    "ellipkm1",
    lambda p, out: -0.25 * carlson(0, H, T, H, 0, 0.0, p, 1.0, 1.0),
    points=((1e-12,), (0.3,), (1.0,), (2.0,)),
)


def _reduced(phi):
    """Return sin and cos**2 of phi, and the number of half turns before it."""
    turns = a.rint(a.multiply(1.0 / math.pi, a.stop_gradient(phi)))
    rest = phi - math.pi * turns
    return sin(rest), a.square(cos(rest)), turns


def _incomplete(phi, m, b, complete, front):
    s, c2, turns = _reduced(phi)
    delta = 1.0 - m * a.square(s)
    return (front * s * a.square(s)) * carlson(0, *b, 0, c2, delta, 1.0, 1.0) + (2.0 * turns) * complete(m)


def _f_by_m(phi, m):
    return _incomplete(phi, m, (H, T, H), _k_by_m, 0.25)


def _delta(phi, m):
    return a.sqrt(1.0 - m * a.square(sin(phi)))


ANGLES = ((0.4, 0.3), (1.2, 0.95), (-0.7, -2.0), (5.0, 0.6), (0.9, 0.0))
ellipkinc = ufunc(
    "ellipkinc",
    lambda phi, m, out: a.reciprocal(_delta(phi, m)),
    lambda phi, m, out: _f_by_m(phi, m),
    points=ANGLES,
    bound=1e-11,
)
ellipeinc = ufunc(
    "ellipeinc",
    lambda phi, m, out: _delta(phi, m),
    lambda phi, m, out: _incomplete(phi, m, (H, H, T), _e_by_m, -0.25),
    points=ANGLES,
    bound=1e-11,
)


def _amplitude_by_m(u, m):
    return a.negative(ellipj[2](u, m) * _f_by_m(ellipj[3](u, m), m))


ellipj = parts(
    "ellipj",
    (lambda u, m, out: ellipj[1](u, m) * ellipj[2](u, m), lambda u, m, out: ellipj[1](u, m) * _amplitude_by_m(u, m)),
    (
        lambda u, m, out: a.negative(ellipj[0](u, m) * ellipj[2](u, m)),
        lambda u, m, out: a.negative(ellipj[0](u, m) * _amplitude_by_m(u, m)),
    ),
    (
        lambda u, m, out: a.negative(m * ellipj[0](u, m) * ellipj[1](u, m)),
        lambda u, m, out: _dn_by_m(u, m),
    ),
    (lambda u, m, out: ellipj[2](u, m), lambda u, m, out: _amplitude_by_m(u, m)),
    points=((1.2, 0.95), (3.0, 0.6)),
    names=("u", "m"),
    bound=1e-9,
)


def _dn_by_m(u, m):
    sn, cn, dn = (op(u, m) for op in ellipj[:3])
    return a.divide(-0.5 * a.square(sn) - m * sn * cn * _amplitude_by_m(u, m), dn)


TRIPLES = ((0.4, 1.3, 2.2), (1.0, 1.0, 1.0), (1e-3, 5.0, 0.7))
elliprf = ufunc(
    "elliprf",
    lambda x, y, z, out: -0.25 * carlson(0, T, H, H, 0, x, y, z, 1.0),
    lambda x, y, z, out: -0.25 * carlson(0, H, T, H, 0, x, y, z, 1.0),
    lambda x, y, z, out: -0.25 * carlson(0, H, H, T, 0, x, y, z, 1.0),
    points=(*TRIPLES, (0.4 + 1j, 1.0 + 0j, 2.0 - 0.5j)),
)
elliprd = ufunc(
    "elliprd",
    lambda x, y, z, out: -0.75 * carlson(0, T, H, T, 0, x, y, z, 1.0),
    lambda x, y, z, out: -0.75 * carlson(0, H, T, T, 0, x, y, z, 1.0),
    lambda x, y, z, out: -2.25 * carlson(0, H, H, 2.5, 0, x, y, z, 1.0),
    points=TRIPLES,
)
elliprg = ufunc(
    "elliprg",
    lambda x, y, z, out: 0.125 * carlson(1, T, H, H, 0, x, y, z, 1.0),
    lambda x, y, z, out: 0.125 * carlson(1, H, T, H, 0, x, y, z, 1.0),
    lambda x, y, z, out: 0.125 * carlson(1, H, H, T, 0, x, y, z, 1.0),
    points=TRIPLES,
)
elliprj = ufunc(
    "elliprj",
    lambda x, y, z, p, out: -0.75 * carlson(0, T, H, H, 1, x, y, z, p),
    lambda x, y, z, p, out: -0.75 * carlson(0, H, T, H, 1, x, y, z, p),
    lambda x, y, z, p, out: -0.75 * carlson(0, H, H, T, 1, x, y, z, p),
    lambda x, y, z, p, out: -1.5 * carlson(0, H, H, H, 2, x, y, z, p),
    points=((0.4, 1.3, 2.2, 0.7),),
)


def _rc_at_negative(x, y, i):
    """Return a partial of RC(x, y) for y < 0: Cauchy's principal value, sqrt(x / (x - y)) RC(x - y, -y)."""
    s, w = a.subtract(x, y), a.negative(y)
    root = a.sqrt(a.divide(x, s))
    rc = elliprc(s, w)
    by_s, by_w = -0.25 * carlson(0, T, 1, 0, 0, s, w, 1.0, 1.0), -0.5 * carlson(0, H, 2, 0, 0, s, w, 1.0, 1.0)
    if i == 0:  # d root / dx = -y / (2 root s**2)
        return a.divide(w * rc, 2.0 * root * a.square(s)) + root * by_s
    return a.divide(x * rc, 2.0 * root * a.square(s)) - root * (by_s + by_w)


def _rc(x, y, i):
    plain = ((T, 1), (H, 2))[i]
    front = (-0.25, -0.5)[i]
    return select(
        a.less(a.real(y), 0.0),
        lambda x, y: _rc_at_negative(x, y, i),
        lambda x, y: front * carlson(0, *plain, 0, 0, x, y, 1.0, 1.0),
        x,
        y,
        safe=((1.0, -1.0), (1.0, 1.0)),
    )


elliprc = ufunc(
    "elliprc",
    lambda x, y, out: _rc(x, y, 0),
    lambda x, y, out: _rc(x, y, 1),
    points=((0.4, 1.3), (1.0, 1.0), (2.0, 0.1), (0.4, -1.3)),
    bound=1e-11,
)
# agm(x, y) = pi / (2 RF(0, x**2, y**2))
agm = ufunc(
    "agm",
    lambda x, y, out: (
        (1.0 / math.pi) * a.square(out) * a.sign(x) * x * carlson(0, H, T, H, 0, 0.0, a.square(x), a.square(y), 1.0)
    ),
    lambda x, y, out: (
        (1.0 / math.pi) * a.square(out) * a.sign(y) * y * carlson(0, H, H, T, 0, 0.0, a.square(x), a.square(y), 1.0)
    ),
    points=((1.3, 0.4), (1.0, 1.0), (1e-3, 5.0), (-1.3, -0.4)),
)
