"""Exact derivatives of elementwise operations, and points at which to ask for them.

They are differences of the functions of `exact_functions.py`, with steps so short, and in a precision so high, that 25
digits are right; they share no code with mmad.  :func:`ulps` measures in units in the last place of the exact answer.
"""

import functools
import itertools
import math

import mpmath
import numpy as np
from exact_functions import exact_function

STEPS = (35, 100, 400, 1200)  # digits by which a step is shorter than its operand
AGREED = mpmath.mpf("1e-25")  # of the differences with two steps
LEAST = mpmath.mpf("1e-345")  # what is smaller is zero in every dtype
#: Where an intermediate result cancels, which then has all of the error: what is 1 there is left out below 1/8.
CANCELS = {("power", (0, 1)): lambda x, y: 1 + y * mpmath.log(x)}
#: What jumps where a quotient is an integer: a step must be shorter than 1 of it.
STEPPED = {"floor_divide", "remainder", "fmod"}


def _quotient(name, x, y):
    """Return the integer part of a quotient, as `remainder` and `fmod` take it."""
    return mpmath.floor(x / y) if name == "remainder" or x / y >= 0 else mpmath.ceil(x / y)


def convention(name, by, *point):
    """Return what mmad gives as a derivative where there is none (docs/conventions.md), None if nothing is said.

    Piecewise constant functions have the derivative 0 at their jumps, too, `absolute` has 0 at 0, and `remainder` and
    `fmod` have the derivatives of the piece that their value belongs to.
    """
    if name in ("ceil", "floor", "floor_divide", "heaviside", "rint", "sign", "trunc"):
        return mpmath.mpf(0)
    if name in ("absolute", "fabs") and len(by) == 1 and point[0] == 0:
        return mpmath.mpf(0)
    if name in ("remainder", "fmod") and point[1]:
        if len(by) == 2:
            return mpmath.mpf(0)
        with mpmath.workdps(700):
            return mpmath.mpf(1) if by == (0,) else -_quotient(name, *map(mpmath.mpf, point))
    return None


@functools.cache
def derivative(name, by, *point):
    """Return a partial derivative of an operation to 25 digits at least, None where it does not exist.

    Parameters
    ----------
    name : str
    by : tuple of int
        The operands, one for each order: (0,), (1,), (0, 1), ...
    *point : float
        The operands.
    """
    with mpmath.workdps(60):
        point = [mpmath.mpf(float(x)) for x in point]
        try:
            if (name, by) in CANCELS and abs(CANCELS[name, by](*point)) < 0.125:
                return None
            return _settled_difference(name, by, point)
        except (ArithmeticError, ValueError, TypeError):  # TypeError: complex numbers have no order
            return None


def _settled_difference(name, by, point):
    """Return the difference that does not change with shorter steps, None where all of them change it."""
    function = exact_function(name)
    lengths = [min(abs(x), mpmath.mpf(1)) if x else mpmath.mpf(1) for x in point]
    exponents = [int(mpmath.log10(abs(x))) for x in point if x]
    for digits in STEPS:
        digits += sum(map(abs, exponents)) if name in STEPPED else 0
        precision = (len(by) + 1) * digits + max(0, 0, *exponents)
        bits = int(3.33 * digits)
        for _ in range(8):  # as many digits as the function turns out to lose, at most twice as many as before
            with mpmath.workdps(precision):
                value, size = _difference(function, by, point, [mpmath.ldexp(x, -bits - 12) for x in lengths])
                if not mpmath.isfinite(value) or not mpmath.isfinite(size):
                    return None
                wanted = max(abs(value) * AGREED, LEAST)
                lost = size * mpmath.mpf(10) ** (3 - precision) / wanted
                if lost <= 1:
                    break
                precision += min(int(mpmath.log10(lost)) + 5, precision)
        with mpmath.workdps(precision):
            longer, _ = _difference(function, by, point, [mpmath.ldexp(x, -bits) for x in lengths])
        if lost <= 1 and abs(longer - value) <= wanted:
            if len(by) == 2:  # of odd functions without a slope, such as the cube root at 0, the difference is 0
                exists = value != 0 or _settled_difference(name, by[:1], point) is not None
            else:
                exists = not _has_kink(function, by[0], point, lengths, bits, precision)
            if exists:
                return value
    return None


def _difference(function, by, point, steps):
    """Return a central difference, and the size of the terms that it is made of."""
    if len(by) == 2 and by[0] == by[1]:
        terms = [(c, {by[0]: k}) for c, k in ((1, 1), (-2, 0), (1, -1))]
        divisor = steps[by[0]] ** 2
    else:
        signs = itertools.product((1, -1), repeat=len(by))
        terms = [(math.prod(s), dict(zip(by, s, strict=True))) for s in signs]
        divisor = mpmath.fprod(2 * steps[i] for i in by)
    total = size = mpmath.mpf(0)
    for c, shift in terms:
        value = function(*[x + shift.get(i, 0) * steps[i] for i, x in enumerate(point)])
        total += c * value
        size = max(size, abs(value))
    return total / divisor, size / divisor


def _has_kink(function, i, point, lengths, bits, precision):
    """Return whether slopes from the left and from the right differ: a shorter step does not bring them together."""
    with mpmath.workdps(precision + bits // 3):
        bends = []
        for d in (bits, bits + 12):
            if len(bends) == 1 and bends[0][0] < bends[0][2] * AGREED:
                return False  # the slopes agree already
            step = mpmath.ldexp(lengths[i], -d)
            left, middle, right = (
                function(*[x + k * step if j == i else x for j, x in enumerate(point)]) for k in (-1, 0, 1)
            )
            bend, slope = abs(right - 2 * middle + left) / step, abs(right - left) / step
            bends.append((bend, (abs(right) + abs(left)) / step, slope))
        (longer, _, _), (shorter, size, _) = bends
        return shorter > longer / 32 and shorter > max(LEAST, size * mpmath.mpf(10) ** (5 - precision))


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
