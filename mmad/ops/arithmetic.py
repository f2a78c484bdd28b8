"""Arithmetic, square roots, extrema, rounding, parts of complex numbers, comparisons."""

import numpy as np

from mmad.kernels._arrays import chain as chain_impl
from mmad.kernels._arrays import masked as masked_impl
from mmad.kernels._arrays import settled as settled_impl
from mmad.ops.declare import elementwise, zero_like
from mmad.python.kinds import isplain

PAIRS = ((1.3, 0.7), (-0.4, 2.1), (0.9, -1.6))
POINTS = ((1.3,), (-0.4,), (2.1,))
POSITIVE = ((1.3,), (0.4,), (2.1,))


def _select(cond, x, y):
    return np.where(cond, x, y)[()]


def _sign(x):
    if np.iscomplexobj(x):
        raise TypeError("sign is piecewise constant only on real numbers")  # numpy.sign composes z / |z|
    return np.sign(x)


def _reciprocal(x):
    # np.reciprocal of an integer is an integer division
    return np.reciprocal(x) if isplain(x, np.ndarray) and x.dtype.kind in "fc" else np.divide(1.0, x)


def _positive(x):
    return np.positive(x, order="C") if isplain(x, np.ndarray) else np.positive(x)


add = elementwise("add", np.add, lambda x, y, out: 1.0, lambda x, y, out: 1.0, probes=PAIRS)
subtract = elementwise("subtract", np.subtract, lambda x, y, out: 1.0, lambda x, y, out: -1.0, probes=PAIRS)
multiply = elementwise("multiply", np.multiply, lambda x, y, out: y, lambda x, y, out: x, probes=PAIRS)
divide = elementwise(
    "divide",
    np.divide,
    lambda x, y, out: reciprocal(y),
    lambda x, y, out: negative(divide(out, y)),
    probes=PAIRS,
    saturates={0: 1, 1: 1},
    infinite_at={1: (0.0,)},
)
negative = elementwise("negative", np.negative, lambda x, out: -1.0, probes=POINTS)
positive = elementwise("positive", _positive, lambda x, out: 1.0, probes=POINTS, also=(np.positive,))
square = elementwise("square", np.square, lambda x, out: add(x, x), probes=POINTS)
reciprocal = elementwise(
    "reciprocal",
    _reciprocal,
    lambda x, out: negative(square(out)),
    probes=POINTS,
    also=(np.reciprocal,),
    saturates={0: 0},
    infinite_at={0: (0.0,)},
)

# The product of the chain rule: bar * p, zero where bar is zero whatever p is.
# Its derivative with respect to p is zero where bar or the derivative of p is.
chain = elementwise("chain", chain_impl, lambda bar, p, out: p, lambda bar, p, out: bar, probes=PAIRS, masks=(1,))
# The same where p is a mask: zero where either is zero.
masked = elementwise("masked", masked_impl, lambda bar, p, out: p, lambda bar, p, out: bar, probes=PAIRS, masks=(0, 1))
# The same where p vanishes as the operand u goes to infinity: zero where bar is zero, or where p is and u is infinite.
settled = elementwise(
    "settled",
    settled_impl,
    lambda bar, p, u, out: p,
    lambda bar, p, u, out: bar,
    lambda bar, p, u, out: 0.0,
    probes=tuple((*pair, 0.3) for pair in PAIRS),
    masks=(1,),
    saturates={0: 2},
)


def _select_first(ct, cond, x, y):
    return select(cond, ct, zero_like(ct))


def _select_second(ct, cond, x, y):
    return select(cond, zero_like(ct), ct)


# No cotangent reaches the operand that was not chosen, not even inf * 0.
select = elementwise(
    "select",
    _select,
    transposes={1: _select_first, 2: _select_second},
    joint=True,
    nin=3,
    probes=((True, 1.3, 0.7), (False, -0.4, 2.1)),
)


sqrt = elementwise("sqrt", np.sqrt, lambda x, out: divide(0.5, out), probes=POSITIVE, infinite_at={0: (0.0,)})
sign = elementwise("sign", _sign, lambda x, out: 0.0, nin=1, probes=POINTS)
copysign = elementwise(
    "copysign",
    np.copysign,
    lambda x, y, out: multiply(copysign(1.0, x), copysign(1.0, y)),
    lambda x, y, out: 0.0,
    probes=PAIRS,
)
heaviside = elementwise(
    "heaviside",
    np.heaviside,
    lambda x, y, out: 0.0,
    lambda x, y, out: select(equal(x, 0.0), 1.0, 0.0),
    probes=PAIRS,
    masks=(1,),
)


def _first_wins(better):
    def partial(x, y, out):  # ties share
        return select(better(x, y), 1.0, select(equal(x, y), 0.5, 0.0))

    return partial


def _second_wins(better):
    def partial(x, y, out):
        return select(better(y, x), 1.0, select(equal(x, y), 0.5, 0.0))

    return partial


def _ignoring_nan(better, first):
    def partial(x, y, out):
        x, y = (x, y) if first else (y, x)
        return select(isnan(x), 0.0, select(logical_or(better(x, y), isnan(y)), 1.0, select(equal(x, y), 0.5, 0.0)))

    return partial


maximum = elementwise(
    "maximum",
    np.maximum,
    _first_wins(lambda a, b: greater(a, b)),
    _second_wins(lambda a, b: greater(a, b)),
    probes=PAIRS,
    masks=(0, 1),
)
minimum = elementwise(
    "minimum",
    np.minimum,
    _first_wins(lambda a, b: less(a, b)),
    _second_wins(lambda a, b: less(a, b)),
    probes=PAIRS,
    masks=(0, 1),
)
fmax = elementwise(
    "fmax",
    np.fmax,
    _ignoring_nan(lambda a, b: greater(a, b), True),
    _ignoring_nan(lambda a, b: greater(a, b), False),
    probes=PAIRS,
    masks=(0, 1),
)
fmin = elementwise(
    "fmin",
    np.fmin,
    _ignoring_nan(lambda a, b: less(a, b), True),
    _ignoring_nan(lambda a, b: less(a, b), False),
    probes=PAIRS,
    masks=(0, 1),
)

# Rounding is piecewise constant.
floor = elementwise("floor", np.floor, lambda x, out: 0.0, probes=POINTS)
ceil = elementwise("ceil", np.ceil, lambda x, out: 0.0, probes=POINTS)
trunc = elementwise("trunc", np.trunc, lambda x, out: 0.0, probes=POINTS)
rint = elementwise("rint", np.rint, lambda x, out: 0.0, probes=POINTS)
floor_divide = elementwise("floor_divide", np.floor_divide, lambda x, y, out: 0.0, lambda x, y, out: 0.0, probes=PAIRS)
remainder = elementwise(
    "remainder",
    np.remainder,
    lambda x, y, out: 1.0,
    lambda x, y, out: negative(rint(divide(subtract(x, out), y))),
    probes=PAIRS,
)
fmod = elementwise(
    "fmod", np.fmod, lambda x, y, out: 1.0, lambda x, y, out: negative(rint(divide(subtract(x, out), y))), probes=PAIRS
)

# The value of the first operand, with the derivative of the second, which is the same number computed in another way.
tied = elementwise("tied", lambda x, y: _positive(x), lambda x, y, out: 0.0, lambda x, y, out: 1.0, nin=2)
stop_gradient = elementwise("stop_gradient", _positive, lambda x, out: 0.0, probes=())

# Real-linear operations on complex values.
conjugate = elementwise(
    "conjugate",
    np.conjugate,
    transposes={0: lambda ct, z: conjugate(ct)},
    nin=1,
    probes=((1.3 + 0.4j,),),
)


def conjugated(x):
    """Return the conjugate of a complex value, and a real one as it is."""
    return conjugate(x) if np.dtype(getattr(x, "dtype", float)).kind == "c" else x


real = elementwise(
    "real",
    lambda z: np.real(z).copy()[()] if isplain(z, np.ndarray) else np.real(z),
    transposes={0: lambda ct, z: ct},
    nin=1,
    probes=((1.3 + 0.4j,),),
)
imag = elementwise(
    "imag",
    lambda z: np.imag(z).copy()[()] if isplain(z, np.ndarray) else np.imag(z),
    transposes={0: lambda ct, z: multiply(ct, 1j)},
    nin=1,
    probes=((1.3 + 0.4j,),),
)


def _astype(x, dtype):
    return np.asarray(x).astype(dtype)[()]


astype = elementwise("astype", _astype, transposes={0: lambda ct, x, dtype: ct}, nin=1)

# Comparisons and logic: no derivative.
less = elementwise("less", np.less, boolean=True)
less_equal = elementwise("less_equal", np.less_equal, boolean=True)
greater = elementwise("greater", np.greater, boolean=True)
greater_equal = elementwise("greater_equal", np.greater_equal, boolean=True)
equal = elementwise("equal", np.equal, boolean=True)
not_equal = elementwise("not_equal", np.not_equal, boolean=True)
logical_and = elementwise("logical_and", np.logical_and, boolean=True)
logical_or = elementwise("logical_or", np.logical_or, boolean=True)
logical_xor = elementwise("logical_xor", np.logical_xor, boolean=True)
logical_not = elementwise("logical_not", np.logical_not, boolean=True)
isnan = elementwise("isnan", np.isnan, boolean=True)
isfinite = elementwise("isfinite", np.isfinite, boolean=True)
isinf = elementwise("isinf", np.isinf, boolean=True)
signbit = elementwise("signbit", np.signbit, boolean=True)
bitwise_and = elementwise("bitwise_and", np.bitwise_and, boolean=True)
bitwise_or = elementwise("bitwise_or", np.bitwise_or, boolean=True)
bitwise_xor = elementwise("bitwise_xor", np.bitwise_xor, boolean=True)
invert = elementwise("invert", np.invert, boolean=True)
