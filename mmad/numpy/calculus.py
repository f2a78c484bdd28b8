"""Differences, quadrature, interpolation, convolution, rounding, and parts of complex numbers."""

import functools

import numpy as np

from mmad import _core
from mmad._core import Jet, ScalarVar, Traced, shape_of
from mmad.numpy._implements import implements, prop, setter
from mmad.numpy.ordering import flat, values_for_shape
from mmad.numpy.reductions import given, lifted
from mmad.numpy.reductions import sum as sum_
from mmad.numpy.ufuncs import result_or_out
from mmad.ops import arithmetic as a
from mmad.ops import extremes
from mmad.ops.convolution import conj, slide_in, slide_out
from mmad.ops.movement import broadcast_to, concatenate, gather, reshape, viewed
from mmad.ops.powers import power
from mmad.ops.special import frexp_exponent, frexp_scale, i0_op, next_step, round_op, sinc_op, spacing_op
from mmad.python.kinds import isplain
from mmad.wrappers._batch import Batch


def cut(axis, *bounds):
    """Return the index that slices one axis."""
    return (slice(None),) * axis + (slice(*bounds),)


# -------------------------------------------------------------------------------------------- differences
def _edge(value, shape, axis):
    value = lifted(value)
    if shape_of(value) == ():
        value = broadcast_to(value, tuple(1 if k == axis else d for k, d in enumerate(shape)))
    return value


@implements(np.diff)
def diff(x, n=1, axis=-1, prepend=np._NoValue, append=np._NoValue):
    """`numpy.diff`."""
    x = lifted(x)
    if n == 0:
        return x
    if n < 0:
        raise ValueError(f"order must be non-negative but got {n}")
    shape = shape_of(x)
    if not shape:
        raise ValueError("diff requires input that is at least one dimensional")
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape))
    parts = [_edge(prepend, shape, axis)] if given(prepend) else []
    parts.append(x)
    if given(append):
        parts.append(_edge(append, shape, axis))
    x = concatenate(*parts, axis=axis) if len(parts) > 1 else x
    for _ in range(n):
        x = a.subtract(x[cut(axis, 1, None)], x[cut(axis, None, -1)])
    return x


@implements(np.ediff1d)
def ediff1d(x, to_end=None, to_begin=None):
    """`numpy.ediff1d`."""
    x = flat(lifted(x))
    parts = [a.subtract(x[1:], x[:-1])]
    for edge, at in ((to_begin, 0), (to_end, 2)):
        if edge is not None:
            edge = np.ravel(lifted(edge))
            if not np.can_cast(edge.dtype, x.dtype, "same_kind"):
                raise TypeError(
                    "dtype of `to_begin` and `to_end` must be compatible with input `ary` under the `same_kind` rule."
                )
            parts.insert(at, edge if edge.dtype == x.dtype else a.astype(edge, dtype=x.dtype))
    return concatenate(*parts, axis=0) if len(parts) > 1 else parts[0]


def _spacings(varargs, shape, axes):
    """Return for each axis a number, or the differences of its coordinates."""
    if not varargs:
        return [1.0] * len(axes)
    if len(varargs) == 1 and shape_of(lifted(varargs[0])) == ():
        return list(varargs) * len(axes)
    if len(varargs) != len(axes):
        raise TypeError("invalid number of arguments")
    out = []
    for axis, v in zip(axes, varargs, strict=True):
        v = lifted(v)
        if shape_of(v) == ():
            out.append(v)
            continue
        if len(shape_of(v)) != 1:
            raise ValueError("distances must be either scalars or 1d")
        if shape_of(v)[0] != shape[axis]:
            raise ValueError("when 1d, distances must match the length of the corresponding dimension")
        d = np.diff(v if isinstance(v, Traced) else np.asarray(v, dtype=np.result_type(np.float64, v)))
        if not isinstance(d, Traced) and (d == d[0]).all():
            d = d[0]
        out.append(d)
    return out


def _gradient_along(f, axis, h, edge_order):
    def at(*bounds):
        return f[cut(axis, *bounds)]

    rank = len(shape_of(f))
    uniform = shape_of(h) == ()
    if uniform:
        inner = a.divide(a.subtract(at(2, None), at(None, -2)), 2.0 * h)
    else:
        d = viewed(h, lambda m: m.reshape((-1,) + (1,) * (rank - axis - 1)))
        left, right = d[:-1], d[1:]
        weights = (-right / (left * (left + right)), (right - left) / (left * right), left / (right * (left + right)))
        inner = weights[0] * at(None, -2) + weights[1] * at(1, -1) + weights[2] * at(2, None)
    if edge_order == 1:
        first = a.divide(a.subtract(at(1, 2), at(0, 1)), h if uniform else h[0])
        last = a.divide(a.subtract(at(-1, None), at(-2, -1)), h if uniform else h[-1])
    else:
        if uniform:
            head, tail = (-1.5 / h, 2.0 / h, -0.5 / h), (0.5 / h, -2.0 / h, 1.5 / h)
        else:
            p, q = h[0], h[1]
            head = (-(2.0 * p + q) / (p * (p + q)), (p + q) / (p * q), -p / (q * (p + q)))
            p, q = h[-2], h[-1]
            tail = (q / (p * (p + q)), -(q + p) / (p * q), (2.0 * q + p) / (q * (p + q)))
        first = head[0] * at(0, 1) + head[1] * at(1, 2) + head[2] * at(2, 3)
        last = tail[0] * at(-3, -2) + tail[1] * at(-2, -1) + tail[2] * at(-1, None)
    r = concatenate(first, inner, last, axis=axis)
    return r if r.dtype == f.dtype else a.astype(r, dtype=f.dtype)


@implements(np.gradient)
def gradient(f, *varargs, axis=None, edge_order=1):
    """`numpy.gradient`."""
    f = lifted(f)
    shape = shape_of(f)
    axes = tuple(range(len(shape))) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, len(shape))
    steps = _spacings(varargs, shape, axes)
    if edge_order > 2:
        raise ValueError("'edge_order' greater than 2 not supported")
    out = []
    for k, h in zip(axes, steps, strict=True):
        if shape[k] < edge_order + 1:
            raise ValueError(
                "Shape of array too small to calculate a numerical gradient, at least (edge_order + 1) "
                "elements are required."
            )
        out.append(_gradient_along(f, k, h, edge_order))
    return out[0] if len(out) == 1 else tuple(out)


@implements(np.trapezoid)
def trapezoid(y, x=None, dx=1.0, axis=-1):
    """`numpy.trapezoid`, differentiable in the abscissae too."""
    y = lifted(y)
    rank = len(shape_of(y))
    axis = np.lib.array_utils.normalize_axis_index(axis, rank)
    d = dx
    if x is not None:
        x = lifted(x)
        if len(shape_of(x)) == 1:
            d = viewed(diff(x), lambda m: m.reshape((-1,) + (1,) * (rank - axis - 1)))
        else:
            d = diff(x, axis=len(shape_of(x)) - rank + axis)
    ends = a.add(y[cut(axis, 1, None)], y[cut(axis, None, -1)])
    return sum_(a.divide(a.multiply(d, ends), 2.0), axis=axis)


# ------------------------------------------------------------------------------------------- interpolation
@implements(np.interp)
def interp(x, xp, fp, left=None, right=None, period=None):
    """`numpy.interp`, differentiable in all three; at a knot, the derivative is that of the interval to its right."""
    x, xp, fp = lifted(x), lifted(xp), lifted(fp)
    xp = xp if isinstance(xp, Traced) else np.asarray(xp, np.float64)
    fp = fp if isinstance(fp, Traced) else np.asarray(fp)
    if shape_of(xp) != shape_of(fp) or len(shape_of(xp)) != 1:
        raise ValueError("fp and xp are not of the same length.")
    if shape_of(xp)[0] == 0:
        raise ValueError("array of sample points is empty")
    if period is not None:
        if period == 0:
            raise ValueError("period must be a non-zero value")
        left = right = None
        period = abs(period)
        x, xp = a.remainder(x, period), a.remainder(xp, period)
        order = np.argsort(values_for_shape(xp))
        order = np.concatenate((order[-1:], order, order[:1]))
        turns = np.zeros(len(order))
        turns[0], turns[-1] = -period, period
        xp, fp = a.add(gather(xp, order), turns), gather(fp, order)
    n = shape_of(xp)[0]
    if n == 1:
        r = a.add(gather(fp, np.zeros(shape_of(x), np.intp)), a.multiply(0.0, x))
    else:
        k = extremes.interval(xp, x)
        x0, y0 = _pick(xp, k), _pick(fp, k)
        slope = a.divide(a.subtract(_pick(fp, k + 1), y0), a.subtract(_pick(xp, k + 1), x0))
        r = a.add(a.multiply(slope, a.subtract(x, x0)), y0)
        r = a.select(np.equal(x, xp[-1]), a.add(fp[-1], a.multiply(slope, a.subtract(x, xp[-1]))), r)
    r = a.select(np.less(x, xp[0]), fp[0] if left is None else left, r)
    return a.select(np.greater(x, xp[-1]), fp[-1] if right is None else right, r)


def _pick(table, k):
    """Return the entries of a table at integer positions, plain or one set a lane."""
    if np.ndim(k) == 0 and not isinstance(k, Traced):
        return table[int(k)]
    return gather(table, k)


# --------------------------------------------------------------------------------------------- convolution
def _line(x, name):
    x = lifted(x)
    if len(shape_of(x)) == 0:
        x = reshape(x, (1,)) if isinstance(x, Traced) else np.reshape(x, (1,))
    x = x if isinstance(x, Traced) else np.asarray(x)
    if len(shape_of(x)) != 1:
        raise ValueError("object too deep for desired array")
    if shape_of(x)[0] == 0:
        raise ValueError(f"{name} cannot be empty")
    return x


@implements(np.convolve)
def convolve(x, v, mode="full"):
    """`numpy.convolve`."""
    x, v = _line(x, "a"), _line(v, "v")
    if shape_of(v)[0] > shape_of(x)[0]:
        x, v = v, x
    n, m = shape_of(x)[0], shape_of(v)[0]
    if mode == "valid":
        return slide_in(x, v[::-1])
    full = slide_out(x, v)
    if mode == "full":
        return full
    if mode != "same":
        raise ValueError(f"mode must be one of 'valid', 'same', or 'full' (got {mode!r})")
    start = m - 1 - m // 2
    return full[start : start + n]


@implements(np.correlate)
def correlate(x, v, mode="valid"):
    """`numpy.correlate`."""
    x, v = _line(x, "a"), _line(v, "v")
    if shape_of(v)[0] > shape_of(x)[0]:
        return conj(correlate(v, x, mode))[::-1]
    return convolve(x, conj(v)[::-1], mode)


# -------------------------------------------------------------------------------------- special elementwise
@implements(np.sinc)
def sinc(x):
    """`numpy.sinc`, with derivatives that are accurate near zero too."""
    return sinc_op(x, order=0)


@implements(np.i0)
def i0(x):
    """`numpy.i0`, of real numbers, with derivatives that are accurate near zero too."""
    return i0_op(x, order=0)


@implements(np.round, np.around, method="round")
def round(x, decimals=0, out=None):
    """`numpy.round`: piecewise constant."""
    return result_or_out(round_op(x, decimals=int(decimals)), out)


@implements(np.fix)
def fix(x, out=None):
    """`numpy.fix`: piecewise constant."""
    return result_or_out(a.trunc(x), out)


@implements(np.nan_to_num)
def nan_to_num(x, copy=True, nan=0.0, posinf=None, neginf=None):
    """`numpy.nan_to_num`: what is replaced has derivative zero."""
    y = lifted(x)
    if y.dtype.kind == "c":
        y = a.add(
            nan_to_num(a.real(y), True, nan, posinf, neginf),
            a.multiply(1j, nan_to_num(a.imag(y), True, nan, posinf, neginf)),
        )
    else:
        top = np.finfo(y.dtype)
        y = a.select(a.isnan(y), nan, y)
        y = a.select(np.equal(y, np.inf), float(top.max) if posinf is None else posinf, y)
        y = a.select(np.equal(y, -np.inf), float(top.min) if neginf is None else neginf, y)
    if not copy:
        x.assign(y, "nan_to_num")
        return x
    return y


# ----------------------------------------------------------------------------------------- complex parts
def _complex(x):
    return x.dtype.kind == "c"


@implements(np.real)
def real(x):
    """`numpy.real`: a view of an array."""
    x = lifted(x)
    return x if not _complex(x) else viewed(x, np.real) if x.shape else a.real(x)


@implements(np.imag)
def imag(x):
    """`numpy.imag`: a view of a complex array."""
    x = lifted(x)
    if not _complex(x):
        return np.zeros(x.shape, x.dtype)[()]
    return viewed(x, np.imag) if x.shape else a.imag(x)


def _set_part(x, value, name):
    """Set the real or the imaginary part, as ``x.real = value`` and ``x.imag = value`` do."""
    if (isinstance(x, Jet | Batch) and not x.shape) or isinstance(x, ScalarVar):
        raise AttributeError(f"the {name} part of a number cannot be set; make another number")
    if name == "imag" and not _complex(x):
        raise TypeError("array does not have imaginary part to set")
    if x.shape or not _complex(x):
        (real if name == "real" else imag)(x)[...] = value
    else:
        x[...] = value + 1j * a.imag(x) if name == "real" else a.real(x) + 1j * value


prop("real")(real)
prop("imag")(imag)
setter("real")(functools.partial(_set_part, name="real"))
setter("imag")(functools.partial(_set_part, name="imag"))


implements(method="conj")(a.conjugated)  # NumPy gives a real array itself
implements(method="conjugate")(a.conjugated)


@implements(np.angle)
def angle(z, deg=False):
    """`numpy.angle`."""
    z = lifted(z)
    r = np.arctan2(imag(z), real(z))
    return np.rad2deg(r) if deg else r


@implements(np.sign)
def sign(x):
    """`numpy.sign`; of a complex number z / |z|, and 0 at 0."""
    x = lifted(x)
    if np.dtype(x.dtype).kind != "c":
        return a.sign(x)
    radius = np.absolute(x)
    return np.where(radius == 0, 0.0, x / np.where(radius == 0, 1.0, radius))


@implements(np.iscomplexobj)
def iscomplexobj(x):
    """`numpy.iscomplexobj`."""
    return _complex(lifted(x))


@implements(np.isrealobj)
def isrealobj(x):
    """`numpy.isrealobj`."""
    return not _complex(lifted(x))


@implements(np.real_if_close)
def real_if_close(x, tol=100):
    """`numpy.real_if_close`: whether the result is real is a choice by value."""
    x = lifted(x)
    if not _complex(x):
        return x
    if tol > 1:
        tol = np.finfo(x.dtype).eps * tol
    return real(x) if np.all(np.less(np.absolute(imag(x)), tol)) else x


@implements(np.isreal)
def isreal(x):
    """`numpy.isreal`."""
    return np.equal(imag(lifted(x)), 0.0)


@implements(np.iscomplex)
def iscomplex(x):
    """`numpy.iscomplex`."""
    return np.not_equal(imag(lifted(x)), 0.0)


@implements(np.isposinf)
def isposinf(x, out=None):
    """`numpy.isposinf`: plain truth values."""
    return result_or_out(np.equal(_ordered(x), np.inf), out)


@implements(np.isneginf)
def isneginf(x, out=None):
    """`numpy.isneginf`: plain truth values."""
    return result_or_out(np.equal(_ordered(x), -np.inf), out)


def _ordered(x):
    x = lifted(x)
    if _complex(x):
        raise TypeError(f"This operation is not supported for {x.dtype} values because it would be ambiguous.")
    return x


@implements(np.unwrap)
def unwrap(p, discont=None, axis=-1, *, period=2 * np.pi):
    """`numpy.unwrap`: the jumps that are taken out are constants, or multiples of a traced period."""
    p = lifted(p)
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(p)))
    d = diff(p, axis=axis)
    half = period / 2
    turned = a.subtract(np.mod(a.add(d, half), period), half)
    turned = a.select(np.logical_and(np.equal(turned, -half), np.greater(d, 0)), half, turned)
    limit = half if discont is None else discont
    jumps = a.select(np.less(np.absolute(d), limit), 0.0, a.subtract(turned, d))
    moved = a.add(p[cut(axis, 1, None)], np.cumsum(jumps, axis=axis))
    first = p[cut(axis, None, 1)]
    first = first if first.dtype == moved.dtype else a.astype(first, dtype=moved.dtype)
    return concatenate(first, moved, axis=axis)


# ------------------------------------------------------------------------------------- ufuncs made of others
@implements(np.modf)
def modf(x):
    """`numpy.modf`: the derivative goes to the fraction."""
    whole = a.trunc(x)
    part = a.select(np.isinf(x), 0.0, a.subtract(x, a.select(np.isinf(x), 0.0, whole)))
    return np.copysign(part, x), whole


@implements(np.frexp)
def frexp(x):
    """`numpy.frexp`: the exponent is plain, the mantissa has the derivative of a multiple of x."""
    return a.multiply(a.multiply(x, frexp_scale(x, part=0)), frexp_scale(x, part=1)), frexp_exponent(x)


@implements(np.nextafter)
def nextafter(x, y):
    """`numpy.nextafter`: x and a step that is constant."""
    return a.add(x, next_step(x, y))


@implements(np.spacing)
def spacing(x):
    """`numpy.spacing`: piecewise constant."""
    return spacing_op(x)


@implements(np.divmod)
def divmod(x, y):
    """`numpy.divmod`."""
    return a.floor_divide(x, y), a.remainder(x, y)


@implements(np.ldexp)
def ldexp(x, n):
    """`numpy.ldexp`; the exponent is a plain integer."""
    if isinstance(n, Traced):
        raise TypeError("numpy.ldexp: the exponent must be a plain integer")
    half = np.asarray(n) // 2  # in two steps, because 2**n may overflow where the result does not
    one = np.ones((), getattr(x, "dtype", np.float64))[()]
    return a.multiply(a.multiply(x, np.ldexp(one, half)), np.ldexp(one, np.asarray(n) - half))


def _float_power(x, y):
    def wide(v):
        if isplain(v, int | float | complex):
            return v
        dtype = np.result_type(v.dtype, np.float64)
        return v if v.dtype == dtype else a.astype(v, dtype=dtype)

    return power(wide(lifted(x)), wide(lifted(y)))


_core.UFUNCS.pop(np.float_power, None)  # unlike power, at least in double precision
implements(np.float_power)(_float_power)
