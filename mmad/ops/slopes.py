"""Derivatives that NumPy has no name for, as operations of their own; erf's is beside erf.

A partial written with the result, or with sums and differences, loses its digits where they cancel and all of its value
where a square overflows: 1 - tanh(x)**2 is 0 at 20, x / (x*x + y*y) is at 1e-170.  What is declared here is right to a
few units in the last place at every point, and so are the derivatives of it, which are products of such operations.
"""

import math

import numpy as np

from mmad.ops import arithmetic as a
from mmad.ops._kernel_functions import KernelFunction
from mmad.ops.declare import elementwise

POINTS = ((0.7,), (-0.4,), (1.2,))
LN2 = 0.693147180559945309417232


def _sech2(x):
    if np.iscomplexobj(x):
        x = np.where(np.real(x) < 0, np.negative(x), x)
        e = np.exp(-2 * x)
        with np.errstate(all="ignore"):
            return np.where(np.real(x) < 1, 1 / np.square(np.cosh(x)), 4 * e / np.square(1 + e))[()]
    e = np.exp(-2 * np.abs(x))
    return 4 * e / np.square(1 + e)


def _cbrt_slope(x):
    x = np.asarray(x)
    with np.errstate(all="ignore"):
        return np.where(x == 0, np.inf, np.cbrt(x) / x / 3)[()]


def _logistic(x, y, exp):
    e = exp(-np.abs(x - y))
    return np.where(x < y, e, 1) / (1 + e)


def _polar(x, y, value, origin=0):
    """A function of x, y and their radius; `origin` at the origin."""
    r = np.hypot(x, y)
    return np.where(r == 0, origin, value(x, y, np.where(r == 0, 1, r))).astype(r.dtype)[()]


def _one_minus_square(x):
    """Return 1 - x**2; its imaginary part has the sign that tells the sides of a branch cut, also where it is zero."""
    if not np.iscomplexobj(x):
        return (1 - x) * (1 + x)
    r = np.empty(np.shape(x), np.asarray(x).dtype)
    r.real = (1 - x.real) * (1 + x.real) + x.imag * x.imag
    r.imag = -2 * x.real * x.imag
    return r[()]


def _one_plus_square(x):
    """Return 1 + x**2, likewise."""
    if not np.iscomplexobj(x):
        return 1 + np.square(x)
    r = np.empty(np.shape(x), np.asarray(x).dtype)
    r.real = (1 - x.imag) * (1 + x.imag) + x.real * x.real
    r.imag = 2 * x.real * x.imag
    return r[()]


# (1 - x) (1 + x), 1 / cosh(x)**2, 1 / (1 + x**2), 1 / sqrt(1 + x**2), |x|**(-2/3) / 3
one_minus_square = elementwise(
    "one_minus_square",
    KernelFunction("one_minus_square", lambda x: _one_minus_square(x)),
    lambda x, out: a.multiply(-2.0, x),
    probes=POINTS,
)
tanh_slope = elementwise(  # of x and tanh(x), which is at hand, and saves its own derivative another evaluation
    "tanh_slope",
    KernelFunction("tanh_slope", lambda x, y: _sech2(x)),
    lambda x, y, out: a.multiply(-2.0, a.multiply(y, out)),
    lambda x, y, out: 0.0,
    probes=tuple((x, math.tanh(x)) for (x,) in POINTS),
    saturates={0: 0},
)
arctan_slope = elementwise(
    "arctan_slope",
    KernelFunction("arctan_slope", lambda x: 1 / (1 + np.square(x))),
    lambda x, out: a.multiply(-2.0, a.chain(out, a.multiply(x, out))),  # zero, not inf * 0, at infinity
    probes=POINTS,
    saturates={0: 0},
)
arcsinh_slope = elementwise(
    "arcsinh_slope",
    KernelFunction("arcsinh_slope", lambda x: 1 / np.sqrt(_one_plus_square(x))),
    lambda x, out: a.negative(a.multiply(a.chain(out, a.multiply(x, out)), out)),
    probes=POINTS,
    saturates={0: 0},
)
cbrt_slope = elementwise(
    "cbrt_slope",
    KernelFunction("cbrt_slope", _cbrt_slope),
    lambda x, out: a.divide(a.multiply(-2.0 / 3.0, out), x),
    probes=POINTS,
    infinite_at={0: (0.0,)},
)

# 1 / (1 + exp(y - x)) and 1 / (1 + 2**(y - x))
logaddexp_slope = elementwise(
    "logaddexp_slope",
    KernelFunction("logaddexp_slope", lambda x, y: _logistic(x, y, np.exp)),
    lambda x, y, out: a.multiply(out, logaddexp_slope(y, x)),
    lambda x, y, out: a.negative(a.multiply(out, logaddexp_slope(y, x))),
    probes=a.PAIRS,
)
logaddexp2_slope = elementwise(
    "logaddexp2_slope",
    KernelFunction("logaddexp2_slope", lambda x, y: _logistic(x, y, np.exp2)),
    lambda x, y, out: a.multiply(LN2, a.multiply(out, logaddexp2_slope(y, x))),
    lambda x, y, out: a.multiply(-LN2, a.multiply(out, logaddexp2_slope(y, x))),
    probes=a.PAIRS,
)

# With r = hypot(x, y): x / r**2, (y**2 - x**2) / r**4 and 2 x y / r**4, derivatives of the angle; zero at the origin
arctan2_slope = elementwise(
    "arctan2_slope",
    KernelFunction("arctan2_slope", lambda x, y: _polar(x, y, lambda x, y, r: x / r / r)),
    lambda x, y, out: arctan2_curve(x, y),
    lambda x, y, out: a.negative(arctan2_cross(x, y)),
    probes=a.PAIRS,
)
arctan2_curve = elementwise(
    "arctan2_curve",
    KernelFunction("arctan2_curve", lambda x, y: _polar(x, y, lambda x, y, r: (y - x) / r * ((y + x) / r) / r / r)),
    lambda x, y, out: _third(x, y, True),
    lambda x, y, out: a.negative(_third(x, y, False)),
    probes=a.PAIRS,
)
arctan2_cross = elementwise(
    "arctan2_cross",
    KernelFunction("arctan2_cross", lambda x, y: _polar(x, y, lambda x, y, r: 2 * (x / r) * (y / r) / r / r)),
    lambda x, y, out: _third(x, y, False),
    lambda x, y, out: _third(y, x, False),
    probes=a.PAIRS,
)


def _third(x, y, twice):
    """A third derivative of the angle: of x / r**2 by x twice, or of it by x and y with the sign turned."""
    first, second = arctan2_slope(x, y), arctan2_slope(y, x)
    curve, cross = arctan2_curve(x, y), arctan2_cross(x, y)
    if twice:
        return a.multiply(-2.0, a.add(a.multiply(second, cross), a.multiply(first, curve)))
    return a.multiply(2.0, a.subtract(a.multiply(second, curve), a.multiply(first, cross)))


def _kink(x):
    return np.where(np.equal(x, 0), np.nan, 0.0).astype(np.result_type(x))[()]


def _root_slope(n):
    with np.errstate(all="ignore"):
        return np.where(np.equal(n, 0), np.nan, np.divide(0.5, n)).astype(np.result_type(n))[()]


def _direction(z, n):
    with np.errstate(all="ignore"):
        return np.where(np.equal(n, 0), 0, np.divide(z, n)).astype(np.result_type(z, n))[()]


def _reciprocal(n):
    with np.errstate(all="ignore"):
        return np.where(np.equal(n, 0), np.nan, np.divide(1, n)).astype(np.result_type(n))[()]


# A norm is the root of a sum of own squares.  Where it is zero its slope does not exist, and is NaN; that of the
# square, which is zero there, masks it, so that the first derivative is zero and the second NaN.
root = elementwise("root", lambda s: np.sqrt(s), lambda s, out: root_slope(out), probes=a.POSITIVE)
root_slope = elementwise(
    "root_slope",
    KernelFunction("root_slope", _root_slope),
    lambda n, out: a.negative(a.divide(out, n)),
    probes=POINTS,
)
own_square = elementwise("own_square", lambda x: np.square(x), lambda x, out: a.add(x, x), probes=POINTS, masks=(0,))

# The sign as the slope of the absolute value, which has no second derivative at zero; the same for complex numbers.
absolute_slope = elementwise("absolute_slope", lambda x: a._sign(x), lambda x, out: kink(x), probes=POINTS)
kink = elementwise("kink", KernelFunction("kink", _kink), lambda x, out: 0.0, probes=POINTS)
direction = elementwise(
    "direction",
    _direction,
    lambda z, n, out: reciprocal_of_norm(n),
    lambda z, n, out: a.negative(a.multiply(out, reciprocal_of_norm(n))),
    probes=a.PAIRS[:1],
)
reciprocal_of_norm = elementwise(
    "reciprocal_of_norm", _reciprocal, lambda n, out: a.negative(a.multiply(out, out)), probes=a.POSITIVE
)

# x / r, y**2 / r**3 and -x y / r**3, the derivatives of the radius.  At the origin the first is zero; the second, which
# does not exist, is NaN.
hypot_slope = elementwise(
    "hypot_slope",
    KernelFunction("hypot_slope", lambda x, y: _polar(x, y, lambda x, y, r: x / r)),
    lambda x, y, out: hypot_curve(x, y),
    lambda x, y, out: hypot_cross(x, y),
    probes=a.PAIRS,
)
hypot_curve = elementwise(
    "hypot_curve",
    KernelFunction("hypot_curve", lambda x, y: _polar(x, y, lambda x, y, r: np.square(y / r) / r, np.nan)),
    lambda x, y, out: a.multiply(3.0, a.multiply(hypot_cross(x, y), arctan2_slope(y, x))),
    lambda x, y, out: a.multiply(arctan2_slope(y, x), a.subtract(a.multiply(2.0, hypot_curve(y, x)), out)),
    probes=a.PAIRS,
)
hypot_cross = elementwise(
    "hypot_cross",
    KernelFunction("hypot_cross", lambda x, y: _polar(x, y, lambda x, y, r: -(x / r) * (y / r) / r)),
    lambda x, y, out: a.multiply(
        arctan2_slope(y, x), a.subtract(a.multiply(2.0, hypot_curve(y, x)), hypot_curve(x, y))
    ),
    lambda x, y, out: a.multiply(
        arctan2_slope(x, y), a.subtract(a.multiply(2.0, hypot_curve(x, y)), hypot_curve(y, x))
    ),
    probes=a.PAIRS,
)
