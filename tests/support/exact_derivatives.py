"""First and second derivatives of every elementwise operation in 60 digits, and points at which to ask for them.

The formulas stand on mpmath's numbers, whose exponents have no end, and are written without cancellation; they share no
code with mmad.  :func:`ulps` measures in units in the last place of the exact answer.
"""

import mpmath
import numpy as np

ONE, TWO = mpmath.mpf(1), mpmath.mpf(2)


def _sech2(x):
    return 1 / mpmath.cosh(x) ** 2


def _logistic(d):
    return 1 / (1 + mpmath.exp(d))


def _gauss(x):
    return 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x)


def _zero(*_):
    return mpmath.mpf(0)


def _kink(x):
    return mpmath.nan if x == 0 else mpmath.mpf(0)


def _one(*_):
    return ONE


def _ln2():
    return mpmath.log(2)


def _root(x):
    return mpmath.sign(x) * mpmath.cbrt(abs(x))


def _floor_quotient(x, y):
    return mpmath.floor(x / y)


def _truncated_quotient(x, y):
    q = x / y
    return mpmath.floor(q) if q >= 0 else mpmath.ceil(q)


def _power_mixed(x, y):
    factor = 1 + y * mpmath.log(x)  # where it cancels, its error is that of the logarithm
    return x ** (y - 1) * factor if abs(factor) > 0.125 else mpmath.nan


def _larger(x, y):
    return mpmath.nan if x == y else mpmath.mpf(x > y)


def _smaller(x, y):
    return mpmath.nan if x == y else mpmath.mpf(x < y)


def _constant(c):
    return [lambda x: c(), _zero]


#: Of one operand: the first and the second derivative.
UNARY = {
    "absolute": [mpmath.sign, _kink],
    "arccos": [lambda x: -1 / mpmath.sqrt((1 - x) * (1 + x)), lambda x: -x / mpmath.sqrt((1 - x) * (1 + x)) ** 3],
    "arccosh": [lambda x: 1 / mpmath.sqrt((x - 1) * (x + 1)), lambda x: -x / mpmath.sqrt((x - 1) * (x + 1)) ** 3],
    "arcsin": [lambda x: 1 / mpmath.sqrt((1 - x) * (1 + x)), lambda x: x / mpmath.sqrt((1 - x) * (1 + x)) ** 3],
    "arcsinh": [lambda x: 1 / mpmath.sqrt(1 + x * x), lambda x: -x / mpmath.sqrt(1 + x * x) ** 3],
    "arctan": [lambda x: 1 / (1 + x * x), lambda x: -2 * x / (1 + x * x) ** 2],
    "arctanh": [lambda x: 1 / ((1 - x) * (1 + x)), lambda x: 2 * x / ((1 - x) * (1 + x)) ** 2],
    "cbrt": [lambda x: 1 / (3 * _root(x) ** 2), lambda x: -2 / (9 * _root(x) ** 5)],
    "ceil": [_zero, _zero],
    "cos": [lambda x: -mpmath.sin(x), lambda x: -mpmath.cos(x)],
    "cosh": [mpmath.sinh, mpmath.cosh],
    "deg2rad": _constant(lambda: mpmath.pi / 180),
    "erf": [_gauss, lambda x: -2 * x * _gauss(x)],
    "erfc": [lambda x: -_gauss(x), lambda x: 2 * x * _gauss(x)],
    "exp": [mpmath.exp, mpmath.exp],
    "exp2": [lambda x: _ln2() * TWO**x, lambda x: _ln2() ** 2 * TWO**x],
    "expm1": [mpmath.exp, mpmath.exp],
    "fabs": [mpmath.sign, _kink],
    "floor": [_zero, _zero],
    "log": [lambda x: 1 / x, lambda x: -1 / x**2],
    "log10": [lambda x: 1 / (x * mpmath.log(10)), lambda x: -1 / (x**2 * mpmath.log(10))],
    "log1p": [lambda x: 1 / (1 + x), lambda x: -1 / (1 + x) ** 2],
    "log2": [lambda x: 1 / (x * _ln2()), lambda x: -1 / (x**2 * _ln2())],
    "negative": _constant(lambda: -ONE),
    "positive": _constant(lambda: ONE),
    "rad2deg": _constant(lambda: 180 / mpmath.pi),
    "reciprocal": [lambda x: -1 / x**2, lambda x: 2 / x**3],
    "rint": [_zero, _zero],
    "sign": [_zero, _zero],
    "sin": [mpmath.cos, lambda x: -mpmath.sin(x)],
    "sinh": [mpmath.cosh, mpmath.sinh],
    "sqrt": [lambda x: 1 / (2 * mpmath.sqrt(x)), lambda x: -1 / (4 * mpmath.sqrt(x) ** 3)],
    "square": [lambda x: 2 * x, lambda x: TWO],
    "tan": [lambda x: 1 / mpmath.cos(x) ** 2, lambda x: 2 * mpmath.tan(x) / mpmath.cos(x) ** 2],
    "tanh": [_sech2, lambda x: -2 * mpmath.tanh(x) * _sech2(x)],
    "trunc": [_zero, _zero],
}

#: Of two operands: the derivatives by x, y, xx, xy and yy.
BINARY = {
    "add": [_one, _one, _zero, _zero, _zero],
    "subtract": [_one, lambda x, y: -ONE, _zero, _zero, _zero],
    "multiply": [lambda x, y: y, lambda x, y: x, _zero, _one, _zero],
    "divide": [
        lambda x, y: 1 / y,
        lambda x, y: -x / y**2,
        _zero,
        lambda x, y: -1 / y**2,
        lambda x, y: 2 * x / y**3,
    ],
    "power": [
        lambda x, y: y * x ** (y - 1),
        lambda x, y: x**y * mpmath.log(x),
        lambda x, y: y * (y - 1) * x ** (y - 2),
        _power_mixed,
        lambda x, y: x**y * mpmath.log(x) ** 2,
    ],
    "hypot": [
        lambda x, y: x / mpmath.hypot(x, y),
        lambda x, y: y / mpmath.hypot(x, y),
        lambda x, y: y**2 / mpmath.hypot(x, y) ** 3,
        lambda x, y: -x * y / mpmath.hypot(x, y) ** 3,
        lambda x, y: x**2 / mpmath.hypot(x, y) ** 3,
    ],
    "arctan2": [  # of (y, x)
        lambda y, x: x / (x * x + y * y),
        lambda y, x: -y / (x * x + y * y),
        lambda y, x: -2 * x * y / (x * x + y * y) ** 2,
        lambda y, x: (y - x) * (y + x) / (x * x + y * y) ** 2,
        lambda y, x: 2 * x * y / (x * x + y * y) ** 2,
    ],
    "logaddexp": [
        lambda x, y: _logistic(y - x),
        lambda x, y: _logistic(x - y),
        lambda x, y: _logistic(x - y) * _logistic(y - x),
        lambda x, y: -_logistic(x - y) * _logistic(y - x),
        lambda x, y: _logistic(x - y) * _logistic(y - x),
    ],
    "logaddexp2": [
        lambda x, y: _logistic(_ln2() * (y - x)),
        lambda x, y: _logistic(_ln2() * (x - y)),
        lambda x, y: _ln2() * _logistic(_ln2() * (x - y)) * _logistic(_ln2() * (y - x)),
        lambda x, y: -_ln2() * _logistic(_ln2() * (x - y)) * _logistic(_ln2() * (y - x)),
        lambda x, y: _ln2() * _logistic(_ln2() * (x - y)) * _logistic(_ln2() * (y - x)),
    ],
    "copysign": [lambda x, y: mpmath.sign(x) * mpmath.sign(y), _zero, _zero, _zero, _zero],
    "heaviside": [_zero] * 5,
    "maximum": [_larger, _smaller, _zero, _zero, _zero],
    "minimum": [_smaller, _larger, _zero, _zero, _zero],
    "fmax": [_larger, _smaller, _zero, _zero, _zero],
    "fmin": [_smaller, _larger, _zero, _zero, _zero],
    "floor_divide": [_zero] * 5,
    "remainder": [_one, lambda x, y: -_floor_quotient(x, y), _zero, _zero, _zero],
    "fmod": [_one, lambda x, y: -_truncated_quotient(x, y), _zero, _zero, _zero],
}

# --------------------------------------------------------------------------------------------------- points
#: (lowest, highest) of the operand, where an operation is not defined everywhere.
DOMAIN = {
    "arccos": (-1, 1),
    "arcsin": (-1, 1),
    "arctanh": (-1, 1),
    "arccosh": (1, np.inf),
    "log": (0, np.inf),
    "log2": (0, np.inf),
    "log10": (0, np.inf),
    "sqrt": (0, np.inf),
    "log1p": (-1, np.inf),
}


def magnitudes(rng, dtype, n):
    """Numbers of both signs whose exponents are spread over the whole range, subnormal ones included."""
    info = np.finfo(dtype)
    lowest, highest = np.log2(float(info.smallest_subnormal)), float(info.maxexp)
    r = rng.choice([-1.0, 1.0], n) * np.exp2(rng.uniform(lowest, highest, n))
    return r.astype(dtype)


def ends(dtype):
    """The ends of the exponent range, and zero."""
    info = np.finfo(dtype)
    x = [info.smallest_subnormal, info.smallest_normal / 2, info.smallest_normal, info.eps, info.max / 2, info.max]
    return np.array([*x, *[-v for v in x], 0.0], dtype)


def unary_points(name, dtype, n):
    """About n points of the domain: its ends, zeros and poles, every exponent, and numbers of ordinary size."""
    rng = np.random.default_rng([2, *name.encode()])
    low, high = DOMAIN.get(name, (-np.inf, np.inf))
    info = np.finfo(dtype)
    far = -np.log(float(info.smallest_subnormal))  # where exponentials under- and overflow
    x = [ends(dtype), magnitudes(rng, dtype, n // 2), rng.uniform(-far, far, n // 4), rng.uniform(-5, 5, n // 4)]
    for pole in (-1.0, 0.0, 1.0):
        x += [pole + rng.choice([-1.0, 1.0], n // 8) * 2.0 ** rng.uniform(-info.nmant, 0, n // 8), [pole]]
    x += [np.arange(1, 20) * np.pi / 4, np.arange(-3, 4) * np.log(2)]
    x = np.concatenate([np.asarray(v, dtype) for v in x])
    x = x[(x >= low) & (x <= high)]
    return rng.permutation(x)[: n - 16] if len(x) > n else x


def binary_points(name, dtype, n):
    """About n pairs: of numbers of every size, of ordinary size, and close to each other."""
    rng = np.random.default_rng([3, *name.encode()])
    far = -np.log(float(np.finfo(dtype).smallest_subnormal))
    wide = [magnitudes(rng, dtype, n // 4) for _ in range(2)]
    near = [rng.uniform(-5, 5, n // 4).astype(dtype) for _ in range(2)]
    far = [rng.uniform(-far, far, n // 4).astype(dtype) for _ in range(2)]
    one = magnitudes(rng, dtype, n // 4)
    with np.errstate(over="ignore"):
        close = [one, (one * (1 + 2.0 ** rng.uniform(-20, 1, n // 4))).astype(dtype)]
    x, y = (np.concatenate([wide[k], near[k], far[k], close[k]]) for k in range(2))
    if name == "power":
        x = abs(x)
    keep = np.isfinite(x) & np.isfinite(y)
    if name == "divide":  # the derivatives have the error of the quotient, whose digits are few where it is subnormal
        with np.errstate(all="ignore"):
            keep &= abs(x / y) >= np.finfo(dtype).smallest_normal
    return x[keep], y[keep]


# ---------------------------------------------------------------------------------------------------- error
def exact(f, *xs):
    """A derivative at each point, in 60 digits; None where it does not exist."""
    r = []
    with mpmath.workdps(60):
        for point in zip(*xs, strict=True):
            try:
                v = f(*[mpmath.mpf(float(p)) for p in point])
                r.append(None if mpmath.isnan(v) or isinstance(v, mpmath.mpc) else v)
            except (ZeroDivisionError, ValueError):
                r.append(None)
    return r


def ulps(got, want, dtype):
    """Distances in units in the last place of the exact answer, rightly over- and underflown; 0 where there is none."""
    info = np.finfo(dtype)
    errors = np.zeros(len(want))
    top = mpmath.mpf(float(info.max)) + mpmath.ldexp(1, info.maxexp - info.nmant - 2)
    with mpmath.workdps(60):
        for k, (g, w) in enumerate(zip(np.asarray(got, float), want, strict=True)):
            if w is None:
                continue
            if abs(w) >= top:
                ok = (np.isinf(g) and (g > 0) == (w > 0)) or abs(g) > float(info.max) * (1 - 16 * float(info.eps))
                errors[k] = 0.0 if ok else np.inf
                continue
            if not np.isfinite(g):
                near = abs(w) > mpmath.mpf(float(info.max)) * (1 - 16 * mpmath.mpf(float(info.eps)))
                errors[k] = 0.0 if np.isinf(g) and near else np.inf
                continue
            exponent = int(mpmath.frexp(w)[1]) if w != 0 else info.minexp
            unit = mpmath.ldexp(1, max(exponent - 1, info.minexp) - info.nmant)
            errors[k] = float(abs(mpmath.mpf(float(g)) - w) / unit)
    return errors
