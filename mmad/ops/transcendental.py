"""Exponentials, logarithms, trigonometric and hyperbolic functions."""

import math

import numpy as np

from mmad.ops import arithmetic as a
from mmad.ops import slopes
from mmad.ops._kernel_functions import KernelFunction
from mmad.ops.declare import OptionalUfunc, elementwise

LN2, LN10 = 0.693147180559945309417232, 2.302585092994045684017991
DEGREE = 0.017453292519943295769237

POINTS = ((0.7,), (-0.4,), (1.2,))
POSITIVE = ((1.3,), (0.4,), (2.1,))
SCIPY_ERF, SCIPY_ERFC, SCIPY_EXPIT = (OptionalUfunc("scipy.special", name) for name in ("erf", "erfc", "expit"))
AT_ZERO, AT_ONES = {0: (0.0,)}, {0: (1.0, -1.0)}
UNIT = ((0.3,), (-0.6,), (0.8,))

exp = elementwise("exp", np.exp, lambda x, out: out, probes=POINTS)
exp2 = elementwise("exp2", np.exp2, lambda x, out: a.multiply(LN2, out), probes=POINTS)
expm1 = elementwise("expm1", np.expm1, lambda x, out: exp(x), probes=POINTS)
log = elementwise("log", np.log, lambda x, out: a.reciprocal(x), probes=POSITIVE, infinite_at=AT_ZERO)
log2 = elementwise("log2", np.log2, lambda x, out: a.divide(1.0 / LN2, x), probes=POSITIVE, infinite_at=AT_ZERO)
log10 = elementwise("log10", np.log10, lambda x, out: a.divide(1.0 / LN10, x), probes=POSITIVE, infinite_at=AT_ZERO)
# nan at inf, so that softplus written as log1p(exp(x)) does not lose its derivative unnoticed when exp overflows
log1p = elementwise(
    "log1p",
    np.log1p,
    lambda x, out: a.reciprocal(a.add(1.0, a.select(a.isinf(x), np.nan, x))),
    probes=POSITIVE,
    infinite_at={0: (-1.0,)},
)
logaddexp = elementwise(
    "logaddexp",
    np.logaddexp,
    lambda x, y, out: slopes.logaddexp_slope(x, y),
    lambda x, y, out: slopes.logaddexp_slope(y, x),
    probes=a.PAIRS,
)
logaddexp2 = elementwise(
    "logaddexp2",
    np.logaddexp2,
    lambda x, y, out: slopes.logaddexp2_slope(x, y),
    lambda x, y, out: slopes.logaddexp2_slope(y, x),
    probes=a.PAIRS,
)

sin = elementwise("sin", np.sin, lambda x, out: cos(x), probes=POINTS)
cos = elementwise("cos", np.cos, lambda x, out: a.negative(sin(x)), probes=POINTS)
tan = elementwise("tan", np.tan, lambda x, out: a.add(1.0, a.square(out)), probes=POINTS)
arcsin = elementwise(
    "arcsin",
    np.arcsin,
    lambda x, out: a.reciprocal(a.sqrt(slopes.one_minus_square(x))),
    probes=UNIT,
    infinite_at=AT_ONES,
)
arccos = elementwise(
    "arccos",
    np.arccos,
    lambda x, out: a.negative(a.reciprocal(a.sqrt(slopes.one_minus_square(x)))),
    probes=UNIT,
    infinite_at=AT_ONES,
)
arctan = elementwise("arctan", np.arctan, lambda x, out: slopes.arctan_slope(x), probes=POINTS, saturates={0: 0})
arctan2 = elementwise(  # which has no derivative at the origin: zero by convention
    "arctan2",
    np.arctan2,
    lambda y, x, out: slopes.arctan2_slope(x, y),
    lambda y, x, out: a.negative(slopes.arctan2_slope(y, x)),
    probes=a.PAIRS,
)
sinh = elementwise("sinh", np.sinh, lambda x, out: cosh(x), probes=POINTS)
cosh = elementwise("cosh", np.cosh, lambda x, out: sinh(x), probes=POINTS)
tanh = elementwise("tanh", np.tanh, lambda x, out: slopes.tanh_slope(x, out), probes=POINTS, saturates={0: 0})
arcsinh = elementwise("arcsinh", np.arcsinh, lambda x, out: slopes.arcsinh_slope(x), probes=POINTS)
arccosh = elementwise(  # x - -1, not x + 1, which would lose the sign of an imaginary part of zero
    "arccosh",
    np.arccosh,
    lambda x, out: a.reciprocal(a.multiply(a.sqrt(a.subtract(x, 1.0)), a.sqrt(a.subtract(x, -1.0)))),
    probes=((1.3,), (2.4,), (5.1,)),
    infinite_at={0: (1.0,)},
)
arctanh = elementwise(
    "arctanh", np.arctanh, lambda x, out: a.reciprocal(slopes.one_minus_square(x)), probes=UNIT, infinite_at=AT_ONES
)
erf_slope = elementwise(
    "erf_slope",
    KernelFunction("erf_slope", lambda x: 2.0 / math.sqrt(math.pi) * np.exp(-np.square(x))),
    lambda x, out: a.multiply(-2.0, a.multiply(x, out)),
    probes=POINTS,
    saturates={0: 0},
)
# By the C library, which is closer than SciPy is; complex numbers, and float16, which gives float64, by SciPy
erf = elementwise(
    "erf",
    KernelFunction("erf", SCIPY_ERF, half=False),
    lambda x, out: erf_slope(x),
    probes=POINTS,
    also=(SCIPY_ERF,),
    saturates={0: 0},
)
erfc = elementwise(
    "erfc",
    KernelFunction("erfc", SCIPY_ERFC, half=False),
    lambda x, out: a.negative(erf_slope(x)),
    probes=POINTS,
    also=(SCIPY_ERFC,),
    saturates={0: 0},
)
expit_slope = elementwise(
    "expit_slope",
    KernelFunction("expit_slope", lambda x: np.square(0.5 / np.cosh(x / 2))),
    lambda x, out: a.negative(a.multiply(out, tanh(a.multiply(0.5, x)))),
    probes=POINTS,
    saturates={0: 0},
)
expit = elementwise(
    "expit",
    KernelFunction("expit", SCIPY_EXPIT, half=False),
    lambda x, out: expit_slope(x),
    probes=POINTS,
    also=(SCIPY_EXPIT,),
    saturates={0: 0},
)
deg2rad = elementwise("deg2rad", np.deg2rad, lambda x, out: DEGREE, probes=POINTS, also=(np.radians,))
rad2deg = elementwise("rad2deg", np.rad2deg, lambda x, out: 1.0 / DEGREE, probes=POINTS, also=(np.degrees,))
