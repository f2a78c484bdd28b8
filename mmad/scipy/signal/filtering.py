"""Recursive filters and their states, in the coefficients, the data and the initial state."""

import numpy as np

from mmad._core import dtype_of, shape_of
from mmad.errors import UnsupportedError
from mmad.numpy.joining import as_operand, normal_axis
from mmad.ops.movement import concatenate, viewed
from mmad.scipy.signal._arguments import back, common, extended, function, last, part
from mmad.scipy.signal._operations import convolution, filtering

__all__ = []


def _coefficients(name, h):
    h = h if shape_of(h) else h.reshape(1)
    if len(shape_of(h)) != 1 or shape_of(h)[0] < 1:
        raise ValueError(f"Parameter {name} is not a non-empty 1d array, since {name}.shape={shape_of(h)}!")
    return h


def _padded(h, n):
    """Return coefficients with zeros after them."""
    size = shape_of(h)[0]
    return h if size == n else concatenate(h, np.zeros(n - size, dtype_of(h)), axis=0)


def normalised(b, a):
    """Return coefficients of one length whose a[0] is 1."""
    if a[0] == 0:
        raise ValueError("a[0] must not be zero: it divides all coefficients")
    n = max(shape_of(b)[0], shape_of(a)[0])
    return _padded(b / a[0], n), _padded(a / a[0], n)


def run(b, a, x, zi):
    """Return the filtered signal, along the last axis, and the final state; a state of None is one at rest."""
    n, m = shape_of(x)[-1], max(shape_of(b)[0], shape_of(a)[0])
    lead = shape_of(x)[:-1]
    if zi is None:
        zi = np.zeros((*lead, m - 1), dtype_of(x))
    if m == 1:
        return x * (b / a[0]), zi
    if shape_of(a)[0] == 1:
        ndim = len(lead) + 1
        taps = (b / a[0]).reshape((1,) * (ndim - 1) + (m,))
        y = convolution(x, taps, mode="full", axes=tuple(range(-ndim, 0)), method="direct")
        head = part(y, 0, m - 1) + zi
        y = concatenate(head, part(y, m - 1, n + m - 1), axis=ndim - 1)
    else:
        y = filtering(*normalised(b, a), x, zi)
    return part(y, 0, n), part(y, n, n + m - 1)


@function
def lfilter(b, a, x, axis=-1, zi=None):
    """Return a signal filtered along an axis, and with `zi` the final state, too."""
    given = [as_operand(v) for v in (b, a, x)]
    b, a, x, *state = common(*given, *(() if zi is None else (zi,)))
    b, a = _coefficients("b", b), _coefficients("a", a)
    if not shape_of(x):
        raise ValueError("x must be at least 1-D")
    m = max(shape_of(b)[0], shape_of(a)[0])
    x = last(x, axis)
    if zi is None:
        return back(run(b, a, x, None)[0], axis)
    (zi,) = state
    if len(shape_of(zi)) != len(shape_of(x)):
        raise ValueError(
            f"Dimensions of parameters x and zi must match, but x.ndim={len(shape_of(x))}, zi.ndim={len(shape_of(zi))}!"
        )
    zi, shape = last(zi, axis), (*shape_of(x)[:-1], m - 1)
    if any(k not in (1, n) for k, n in zip(shape_of(zi)[:-1], shape, strict=False)) or shape_of(zi)[-1] != m - 1:
        raise ValueError(f"Unexpected shape for parameter zi: expected {shape}, found {shape_of(zi)}.")
    zi = viewed(zi, lambda v: np.broadcast_to(v, shape))
    return tuple(back(v, axis) for v in run(b, a, x, zi))


@function
def lfiltic(b, a, y, x=None):
    """Return the state of a filter that has given the outputs y for the inputs x, the last ones first."""
    b, a, y, *more = common(b, a, y, *(() if x is None else (x,)))
    b, a = _coefficients("b", b), _coefficients("a", a)
    if a[0] == 0:
        raise ValueError("First `a` filter coefficient must be non-zero.")
    m = max(shape_of(b)[0], shape_of(a)[0]) - 1
    state = np.zeros(m, dtype_of(y))
    for h, signal, sign in ((b, more[0] if more else None, 1.0), (a, y, -1.0)):
        n = shape_of(h)[0] - 1
        if signal is not None and n:
            before = _padded(part(signal, 0, min(n, shape_of(signal)[0])), n)
            rows = np.arange(1, n + 1)[:, None] + np.arange(n)
            state = state + sign * _padded(_padded(h, 2 * n + 1)[rows] @ before, m)
    return state / a[0]


@function
def lfilter_zi(b, a):
    """Return the state in which a filter answers a step with a constant."""
    b, a = common(b, a)
    b, a = _coefficients("b", b), _coefficients("a", a)
    while shape_of(a)[0] > 1 and a[0] == 0:
        a = a[1:]
    b, a = normalised(b, a)
    n = shape_of(a)[0] - 1
    shift = np.eye(n, k=1, dtype=dtype_of(a))
    first = np.eye(n, 1, dtype=dtype_of(a))
    return np.linalg.solve(np.eye(n) - shift + a[1:, None] * first.T, b[1:] - a[1:] * b[0])


# --- second-order sections --------------------------------------------------------------------------------
def _sections(sos):
    sos = as_operand(sos)
    sos = sos if len(shape_of(sos)) == 2 else sos.reshape(1, -1)
    if shape_of(sos)[1] != 6:
        raise ValueError("sos array must be shape (n_sections, 6)")
    if not (sos[:, 3] == 1).all():
        raise ValueError("sos[:, 3] should be all ones")
    return sos


def _run_sections(sos, x, zi):
    """Return the signal, along the last axis, after all sections, and their final states."""
    states = []
    for k in range(shape_of(sos)[0]):
        x, zf = run(sos[k, :3], sos[k, 3:], x, None if zi is None else zi[k])
        states.append(zf)
    return x, states


@function
def sosfilt(sos, x, axis=-1, zi=None):
    """Return a signal filtered by second-order sections, and with `zi` the final states, too."""
    sos, x, *state = common(_sections(sos), x, *(() if zi is None else (zi,)))
    if not shape_of(x):
        raise ValueError("x must be at least 1-D")
    axis = normal_axis(axis, len(shape_of(x)))
    if zi is None:
        return back(_run_sections(sos, last(x, axis), None)[0], axis)
    shape = [shape_of(sos)[0], *shape_of(x)]
    shape[axis + 1] = 2
    if shape_of(state[0]) != tuple(shape):
        raise ValueError(
            f"Invalid zi shape. With axis={axis}, an input with shape {shape_of(x)}, and an sos array with {shape[0]} "
            f"sections, zi must have shape {tuple(shape)}, got {shape_of(state[0])}."
        )
    y, states = _run_sections(sos, last(x, axis), last(state[0], axis + 1))
    return back(y, axis), back(np.stack(states), axis + 1)


@function
def sosfilt_zi(sos):
    """Return the states in which second-order sections answer a step with a constant."""
    (sos,) = common(sos)
    if len(shape_of(sos)) != 2 or shape_of(sos)[1] != 6:
        raise ValueError("sos must be shape (n_sections, 6)")
    states, gain = [], 1.0
    for k in range(shape_of(sos)[0]):
        b, a = sos[k, :3], sos[k, 3:]
        states.append(gain * lfilter_zi.implementation(b, a))
        gain = gain * (b.sum() / a.sum())
    return np.stack(states)


# --- forward and backward ---------------------------------------------------------------------------------
def _edges(x, padtype, padlen, taps):
    """Return how many samples to put before a signal, and the signal with them."""
    if padtype not in ("even", "odd", "constant", None):
        raise ValueError(
            f"Unknown value '{padtype}' given to padtype. padtype must be 'even', 'odd', 'constant', or None."
        )
    edge = 0 if padtype is None else taps * 3 if padlen is None else padlen
    if shape_of(x)[-1] <= edge:
        raise ValueError(f"The length of the input vector x must be greater than padlen, which is {edge}.")
    return edge, extended(x, edge, padtype)


def _both_ways(once, x, edge):
    y = once(x)
    y = once(part(y, None, None, -1))
    n = shape_of(y)[-1]
    return part(part(y, None, None, -1), edge, n - edge)


@function
def filtfilt(b, a, x, axis=-1, padtype="odd", padlen=None, method="pad"):
    """Return a signal filtered forward and backward."""
    if method == "gust":
        raise UnsupportedError("mmad.scipy.signal.filtfilt of traced values knows method='pad' only")
    if method != "pad":
        raise ValueError("method must be 'pad' or 'gust'.")
    b, a, x = common(b, a, x)
    b, a, x = _coefficients("b", b), _coefficients("a", a), last(x, axis)
    edge, longer = _edges(x, padtype, padlen, max(shape_of(a)[0], shape_of(b)[0]))
    zi = lfilter_zi.implementation(b, a)
    return back(_both_ways(lambda v: run(b, a, v, zi * part(v, 0, 1))[0], longer, edge), axis)


@function
def sosfiltfilt(sos, x, axis=-1, padtype="odd", padlen=None):
    """Return a signal filtered by second-order sections forward and backward."""
    sos, x = common(_sections(sos), x)
    count, x = shape_of(sos)[0], last(x, axis)
    taps = 2 * count + 1 - min(int((sos[:, 2] == 0).sum()), int((sos[:, 5] == 0).sum()))
    edge, longer = _edges(x, padtype, padlen, taps)
    zi = sosfilt_zi.implementation(sos)

    def once(v):
        return _run_sections(sos, v, [zi[k] * part(v, 0, 1) for k in range(count)])[0]

    return back(_both_ways(once, longer, edge), axis)
