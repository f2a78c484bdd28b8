"""The functions that NumPy has besides its ufuncs: sinc, the Bessel function I0, rounding to decimals."""

import math

import numpy as np

from mmad.ops import arithmetic as a
from mmad.ops.convolution import conj
from mmad.ops.declare import nonlinear
from mmad.tape._instructions import Op


def _sinc(x, order):
    """Return the derivative of order `order` of sin(pi x)/(pi x)."""
    if order == 0:
        return np.sinc(x)
    x = np.asarray(x)
    y = np.pi * x.astype(np.result_type(x, np.float64))
    near = np.abs(y) < max(2.0, order)
    f = np.empty_like(y)
    f[near], f[~near] = _sinc_near(y[near], order), _sinc_far(y[~near], order)
    return (f * np.pi**order).astype(x.dtype)[()]


def _sinc_near(y, order):
    """Return the derivative of sin(y)/y by the alternating series."""
    square, series = y * y, np.zeros_like(y)
    last = 15 if order <= 2 else order // 2 + 22 + 2 * order
    for k in range(last, (order + 1) // 2 - 1, -1):
        series = series * square + (-1) ** k / ((2 * k + 1) * math.factorial(2 * k - order))
    return series * y + 0.0 if order % 2 else series


def _sinc_far(y, order):
    """Return the derivative of sin(y)/y by y f_n + n f_(n-1) = sin^(n)(y), which cancels for y below about n."""
    sine, cosine = np.sin(y), np.cos(y)
    f = sine / y
    for n in range(1, order + 1):
        f = ((sine, cosine, -sine, -cosine)[n % 4] - n * f) / y
    return f


def _batch_of_sinc(vals, batched, **params):
    return sinc_op(vals[0], **params)


def _sinc_jvp(dots, out, x, order):
    return a.chain(dots[0], sinc_op(x, order=order + 1))


sinc_op = nonlinear(
    "sinc",
    _sinc,
    _sinc_jvp,
    batch=_batch_of_sinc,
    transposes={0: lambda ct, x, order: a.chain(ct, conj(sinc_op(x, order=order + 1)))},
)


def _i0(x, order):
    """Return I_order(x) / x**order for the modified Bessel function I_order: even, positive, smooth at zero."""
    if order == 0:
        return np.i0(x)[()]
    x = np.asarray(x)
    if x.dtype.kind == "c":
        raise TypeError("i0 not supported for complex values")
    r = np.abs(x.astype(np.result_type(x, np.float64)))
    with np.errstate(invalid="ignore", over="ignore"):
        far = r > max(30.0, order**2)
        y = _i0_series(np.where(far, 0.0, r), order)
        if far.any():
            y = np.where(far, _i0_asymptotic(np.where(far, r, 1.0), order), y)
        return y.astype(x.dtype)[()]


def _i0_series(r, order):
    """Return the power series; all terms are positive, so none cancel."""
    term = np.full(r.shape, 1.0 / (2.0**order * math.factorial(order)), r.dtype)
    total, k, square = term, 0, np.square(r / 2)
    while np.any(term > np.finfo(r.dtype).eps / 8 * total):
        k += 1
        term = term * square / (k * (k + order))
        total = total + term
    return np.where(np.isnan(r), r, total)


def _i0_asymptotic(r, order):
    """Return Hankel's expansion for large r, whose terms are below rounding long before they grow."""
    term = total = np.ones_like(r)
    for k in range(1, 40):
        term = term * ((2 * k - 1) ** 2 - 4 * order**2) / (8 * k * r)
        total = total + term
    return np.exp(r) / np.sqrt(2 * np.pi * r) * total / r**order


# With g_n(x) = I_n(x) / x**n the derivatives need neither a division by x, which fails at zero, nor a difference:
# g_n' = x g_(n+1).
i0_op = nonlinear(
    "i0",
    _i0,
    lambda dots, out, x, order: a.chain(dots[0], a.multiply(x, i0_op(x, order=order + 1))),
    batch=lambda vals, batched, order: i0_op(vals[0], order=order),
    transposes={0: lambda ct, x, order: a.chain(ct, a.multiply(x, i0_op(x, order=order + 1)))},
    probes=(
        (np.array([[0.0, -1.2, 0.8], [1.7, 9.0, -31.0]]), {"order": 0}),
        (np.array([0.0, -0.6, 2.5]), {"order": 1}),
        (1.3, {"order": 3}),
    ),
)


round_op = nonlinear(
    "round",
    lambda x, decimals: np.round(x, decimals),
    lambda dots, out, x, decimals: None,
    batch=lambda vals, batched, decimals: round_op(vals[0], decimals=decimals),
)


# ---------------------------------------------------------------------- numbers as a mantissa and a power of two
def _frexp_scale(x, part):
    """Return one of two factors that make x its mantissa; together they may be beyond the largest number."""
    exponent = np.frexp(x)[1]
    half = exponent // 2
    return np.ldexp(np.ones((), np.asarray(x).dtype)[()], -half if part == 0 else half - exponent)


frexp_scale = nonlinear(
    "frexp_scale",
    _frexp_scale,
    lambda dots, out, x, part: None,
    batch=lambda vals, batched, part: frexp_scale(vals[0], part=part),
)
frexp_exponent = Op(
    "frexp_exponent",
    lambda x: np.frexp(x)[1],
    nin=1,
    kind="structural",
    boolean=True,
    batch=lambda vals, batched: frexp_exponent(vals[0]),
)
spacing_op = nonlinear(
    "spacing", np.spacing, lambda dots, out, x: None, batch=lambda vals, batched: spacing_op(vals[0])
)
next_step = nonlinear(
    "next_step",
    lambda x, y: np.nextafter(x, y) - x,
    lambda dots, out, x, y: None,
    nin=2,
    batch=lambda vals, batched: next_step(*vals) if all(batched) else None,
)
