"""Powers, cube roots and absolute values, whose derivatives need care where an operand is zero."""

import numpy as np

from mmad.ops import arithmetic as a
from mmad.ops import slopes
from mmad.ops._kernel_functions import KernelFunction
from mmad.ops.declare import elementwise
from mmad.ops.transcendental import log
from mmad.python.kinds import isplain

PAIRS = ((1.3, 0.7), (0.4, 2.1), (2.0, -1.6))

cbrt = elementwise("cbrt", np.cbrt, lambda x, out: slopes.cbrt_slope(x), probes=a.POINTS, infinite_at={0: (0.0,)})
hypot = elementwise(
    "hypot",
    np.hypot,
    lambda x, y, out: slopes.hypot_slope(x, y),
    lambda x, y, out: slopes.hypot_slope(y, x),
    probes=a.PAIRS,
)


def _absolute_partial(x, out):
    if getattr(x, "dtype", np.dtype(float)).kind == "c" or isplain(x, complex):
        return slopes.direction(a.conjugate(x), out)
    return slopes.absolute_slope(x)


# abs'(0) = 0; for complex z, conj(z)/|z|, whose conjugate is the gradient of |z|
absolute = elementwise("absolute", np.absolute, _absolute_partial, probes=a.POINTS, needs_out=True)
fabs = elementwise("fabs", np.fabs, lambda x, out: slopes.absolute_slope(x), probes=a.POINTS)


def _power_base(x, y, out):
    if isplain(y, (int, float)) and y - 1 + 1 == y:  # or x**(y - 1) would be off by what y - 1 loses, times log(x)
        return 0.0 if y == 0 else a.multiply(y, power(x, y - 1))
    return power_slope(x, y)


power = elementwise(
    "power",
    np.power,
    _power_base,
    lambda x, y, out: power_log(x, y),
    probes=PAIRS,
    also=(np.float_power,),
    saturates={0: 0},
    infinite_at={0: (0.0,)},
)


def _power_log(x, y):
    with np.errstate(all="ignore"):
        return np.where((x == 0) & (np.real(y) > 0), 0, np.power(x, y) * np.log(x))[()]


# y x**(y - 1) and x**y log(x), y (y - 1) x**(y - 2) and x**(y - 1) (1 + y log(x)): the derivatives of x**y
power_slope = elementwise(
    "power_slope",
    KernelFunction("power_slope", lambda x, y: np.where(y == 0, 0, y * np.power(x, y - 1))[()]),
    lambda x, y, out: power_curve(x, y),
    lambda x, y, out: power_cross(x, y),
    probes=PAIRS,
    saturates={0: 0},
    infinite_at={0: (0.0,)},
)
power_log = elementwise(
    "power_log",
    KernelFunction("power_log", _power_log),
    lambda x, y, out: power_cross(x, y),
    lambda x, y, out: a.select(a.equal(out, 0.0), 0.0, a.multiply(out, log(x))),
    probes=PAIRS,
    infinite_at={0: (0.0,)},
)
power_curve = elementwise(
    "power_curve",
    KernelFunction("power_curve", lambda x, y: np.where((y == 0) | (y == 1), 0, y * (y - 1) * np.power(x, y - 2))[()]),
    lambda x, y, out: _power_third_by_base(x, y),
    lambda x, y, out: _power_third(x, y),
    probes=PAIRS,
    saturates={0: 0},
    infinite_at={0: (0.0,)},
)
power_cross = elementwise(
    "power_cross",
    KernelFunction("power_cross", lambda x, y: np.power(x, y - 1) * (1 + y * np.log(x))),
    lambda x, y, out: _power_third(x, y),
    lambda x, y, out: a.multiply(power(x, a.subtract(y, 1.0)), a.multiply(log(x), a.add(2.0, a.multiply(y, log(x))))),
    probes=PAIRS,
    infinite_at={0: (0.0,)},
)


def _power_third_by_base(x, y):
    """Return the third derivative of x**y by x: zero where a falling power is, also at zero."""
    factor = a.multiply(a.multiply(y, a.subtract(y, 1.0)), a.subtract(y, 2.0))
    return a.select(a.equal(factor, 0.0), 0.0, a.multiply(factor, power(x, a.subtract(y, 3.0))))


def _power_third(x, y):
    """Return the derivative of x**y by x twice and y."""
    factor = a.multiply(a.multiply(y, a.subtract(y, 1.0)), log(x))
    return a.multiply(power(x, a.subtract(y, 2.0)), a.add(a.subtract(a.multiply(2.0, y), 1.0), factor))
