"""Every elementwise operation on mpmath's numbers: the one place that says what its values are.

From this table come the exact derivatives (`exact_derivatives.py`), Taylor coefficients
(`wrappers/test_taylor.py`) and what the interpreter of tapes knows of operations without a name in NumPy
(`reference.py`).  A function that mpmath has under the operation's name needs no line.  It shares no code with mmad;
mpmath's exponents have no end, and its working precision is the caller's.
"""

import mpmath
import numpy as np

TWO = mpmath.mpf(2)


def _log2(x):
    return mpmath.log(x) / mpmath.log(2)


def _gauss(x):
    return 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x)


def _truncated(q):
    return mpmath.floor(q) if q >= 0 else mpmath.ceil(q)


def _of_radius(value, at_origin=0):
    """A function of x, y and their distance from the origin."""
    return lambda x, y: mpmath.mpf(at_origin) if x == 0 and y == 0 else value(x, y, mpmath.hypot(x, y))


def _unless(condition, instead, value):
    """A function that is another one, or a number, where a condition on its arguments holds."""
    other = instead if callable(instead) else lambda *xs: mpmath.mpf(instead)
    return lambda *xs: (other if condition(*xs) else value)(*xs)


def _zero(*xs):
    return xs[-1] == 0


def _far(x, y):
    """Whether exp(-abs(x - y)) is zero in every precision that is asked for."""
    return abs(x - y) > 1e5


def _power(x, y):
    """x**y; of large integers y by logarithms, because mpmath squares x once for each binary digit of y."""
    if x == 0 or abs(y) <= 64 or not mpmath.isint(y):
        return x**y
    sign = -1 if x < 0 and int(y) % 2 else 1
    exponent = abs(y * mpmath.log(abs(x)))
    with mpmath.extradps(int(mpmath.log10(exponent + 1)) + 10):  # the digits of the exponent before its point are lost
        power = sign * mpmath.exp(y * mpmath.log(abs(x)))
    return +power


#: Name -> function, where that is not the function of this name in mpmath.
EXACT = {
    "absolute": abs,
    "absolute_slope": mpmath.sign,
    "add": lambda x, y: x + y,
    "arccos": mpmath.acos,
    "arccosh": mpmath.acosh,
    "arcsin": mpmath.asin,
    "arcsinh": mpmath.asinh,
    "arcsinh_slope": lambda x: 1 / mpmath.sqrt(1 + x * x),
    "arctan": mpmath.atan,
    "arctan2": mpmath.atan2,
    "arctan2_cross": _of_radius(lambda x, y, r: 2 * x * y / r**4),
    "arctan2_curve": _of_radius(lambda x, y, r: (y - x) * (y + x) / r**4),
    "arctan2_slope": _of_radius(lambda x, y, r: x / r**2),
    "arctan_slope": lambda x: 1 / (1 + x * x),
    "arctanh": mpmath.atanh,
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "cbrt_slope": _unless(_zero, mpmath.inf, lambda x: 1 / (3 * mpmath.cbrt(abs(x)) ** 2)),
    "chain": lambda x, y: x * y,
    "copysign": lambda x, y: abs(x) * mpmath.sign(y),
    "deg2rad": mpmath.radians,
    "direction": _unless(_zero, 0, lambda z, n: z / n),
    "divide": lambda x, y: x / y,
    "erf_slope": _gauss,
    "erfc": _unless(lambda x: x > 1e4, 0, mpmath.erfc),  # there mpmath overflows
    "exp2": lambda x: TWO**x,
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "expit_slope": lambda x: 1 / (2 * mpmath.cosh(x / 2)) ** 2,
    "fabs": abs,
    "floor_divide": lambda x, y: mpmath.floor(x / y),
    "fmax": max,
    "fmin": min,
    "fmod": lambda x, y: x - y * _truncated(x / y),
    "heaviside": lambda x, y: y if x == 0 else mpmath.mpf(x > 0),
    "hypot_cross": _of_radius(lambda x, y, r: -x * y / r**3),
    "hypot_curve": _of_radius(lambda x, y, r: y * y / r**3, mpmath.nan),
    "hypot_slope": _of_radius(lambda x, y, r: x / r),
    "kink": _unless(_zero, mpmath.nan, lambda x: 0 * x),
    "log2": _log2,
    "logaddexp": _unless(_far, max, lambda x, y: max(x, y) + mpmath.log1p(mpmath.exp(-abs(x - y)))),
    "logaddexp2": _unless(_far, max, lambda x, y: max(x, y) + mpmath.log1p(TWO ** -abs(x - y)) / mpmath.log(2)),
    "logaddexp2_slope": lambda x, y: 1 / (1 + TWO ** (y - x)),
    "logaddexp_slope": lambda x, y: 1 / (1 + mpmath.exp(y - x)),
    "masked": lambda x, y: x * y,
    "maximum": max,
    "minimum": min,
    "multiply": lambda x, y: x * y,
    "negative": lambda x: -x,
    "one_minus_square": lambda x: (1 - x) * (1 + x),
    "own_square": lambda x: x * x,
    "positive": lambda x: x,
    "power": _power,
    "power_cross": lambda x, y: x ** (y - 1) * (1 + y * mpmath.log(x)),
    "power_curve": _unless(lambda x, y: y in (0, 1), 0, lambda x, y: y * (y - 1) * x ** (y - 2)),
    "power_log": _unless(lambda x, y: x == 0 and y > 0, 0, lambda x, y: x**y * mpmath.log(x)),
    "power_slope": _unless(_zero, 0, lambda x, y: y * x ** (y - 1)),
    "rad2deg": mpmath.degrees,
    "reciprocal": lambda x: 1 / x,
    "reciprocal_of_norm": _unless(_zero, mpmath.nan, lambda x: 1 / x),
    "remainder": lambda x, y: x - y * mpmath.floor(x / y),
    "rint": mpmath.nint,
    "root": mpmath.sqrt,
    "root_slope": _unless(_zero, mpmath.nan, lambda x: 1 / (2 * x)),
    "settled": lambda x, y, u: x * y,
    "square": lambda x: x * x,
    "subtract": lambda x, y: x - y,
    "tanh_slope": lambda x, y: 1 / mpmath.cosh(x) ** 2,
    "trunc": _truncated,
}


def exact_function(name):
    """Return an operation as a function of mpmath's numbers.

    Raises
    ------
    LookupError
        Neither mpmath nor the table has it.
    """
    function = EXACT.get(name) or getattr(mpmath, name, None)
    if function is None:
        raise LookupError(f"{name} is no function of mpmath: add a line to EXACT of tests/support/exact_functions.py")
    return function


def evaluate(name, *arrays):
    """Return an operation's values at real arrays, which are broadcast; NaN where it has none."""
    function = exact_function(name)

    def at(*point):
        try:
            value = function(*[mpmath.mpf(float(x)) for x in point])
            return np.nan if isinstance(value, mpmath.mpc) else float(value)
        except (ZeroDivisionError, ValueError):
            return np.nan

    with mpmath.workdps(30):
        points = np.broadcast(*arrays)
        return np.array([at(*point) for point in points]).reshape(points.shape)[()]
