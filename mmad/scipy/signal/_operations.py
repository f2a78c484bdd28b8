"""Operations of `scipy.signal`: convolution, recursive filters, changes of the rate, the chirp z-transform.

A recursive filter is A y = B x + z, where A and B are polynomials of the shift and z is the initial state.  So

    A y' = B' x + B x' + z' - A' y,

a sum of filters with the same A.  The adjoint runs the filter backwards: w = A^-H y_bar, from which x_bar = B^H w, and
the cotangents of the coefficients are correlations of w with x and with y.
"""

import numpy as np
import scipy.signal as _scipy

from mmad._core import dtype_of, shape_of
from mmad.ops import arithmetic as a_
from mmad.ops.declare import linear
from mmad.ops.movement import concatenate, gather, reshape, viewed
from mmad.ops.products import adjoint_of
from mmad.ops.reduction import matmul
from mmad.scipy._bilinear import bilinear
from mmad.tape._instructions import Op

__all__ = ["chirp_transform", "convolution", "filtering", "rate_changed"]

LINE, SHORT = np.array([0.8, -0.5, 1.2, 0.3, 0.9]), np.array([0.4, 1.1, -0.7])
IMAGE, BLOCK = np.outer(LINE, SHORT + 0.2), np.array([[0.6, -1.3], [0.2, 0.9]])


# --- convolution ------------------------------------------------------------------------------------------
# `axes` are negative; along others the arrays are broadcast.  The methods "fft" and "oa" are SciPy's functions that
# take axes; others are those of `scipy.signal.convolve`, along all axes.  In the mode "valid" the first array is at
# least as long as the second.
def _convolve(x, h, mode, axes, method):
    h = h.reshape((1,) * (x.ndim - h.ndim) + h.shape)
    if method == "fft":
        return _scipy.fftconvolve(x, h, mode, axes=axes)
    if method == "oa":
        return _scipy.oaconvolve(x, h, mode, axes=axes)
    return _scipy.convolve(x, h, mode, method)


def _transposed(ct, other, shape, mode, axes, method):
    other = np.flip(other, axes)
    y = _convolve(ct, other, "full" if mode == "valid" else "valid", axes, method)
    repeated = tuple(k for k, (n, m) in enumerate(zip(y.shape, shape, strict=True)) if m == 1 != n)
    return y.sum(axis=repeated, keepdims=True) if repeated else y


def _by_second(ct, x, shape, mode, axes, method):
    if mode == "full":
        return _transposed(ct, x, shape, mode, axes, method)
    return _transposed(np.flip(x, axes), np.flip(ct, axes), shape, "full", axes, method)


convolution = bilinear(
    "scipy.signal.convolution",
    _convolve,
    _transposed,
    _by_second,
    probes=tuple(
        (x, h, {"mode": mode, "axes": axes, "method": method})
        for mode in ("full", "valid")
        for x, h, axes, method in (
            (LINE, SHORT, (-1,), "direct"),
            (IMAGE, BLOCK, (-2, -1), "direct"),
            (IMAGE, BLOCK[:, :1], (-2,), "fft"),
        )
    ),
)


# --- recursive filters ------------------------------------------------------------------------------------
# Along the last axis, from the coefficients b and a, both of length M > 1, where a[0] is 1, the data, of length N, and
# M - 1 numbers of the initial state.  The result has N numbers and then M - 1 of the final state.
def _filter(b, a, x, zi):
    y, zf = _scipy.lfilter(b, a, x, zi=zi)
    return np.concatenate([y, zf], axis=-1)


def _at_rest(zi):
    return np.zeros(shape_of(zi), dtype_of(zi))


def _filter_jvp(dots, out, b, a, x, zi):
    db, da, dx, dzi = dots
    total = None
    if dx is not None or dzi is not None:
        dx = np.zeros(shape_of(x), dtype_of(x)) if dx is None else dx
        total = filtering(b, a, dx, _at_rest(zi) if dzi is None else dzi)
    if db is not None:
        term = filtering(db, a, x, _at_rest(zi))
        total = term if total is None else a_.add(total, term)
    if da is not None:
        y = viewed(out, lambda m: m[..., : shape_of(x)[-1]])
        term = filtering(a_.negative(da), a, y, _at_rest(zi))
        total = term if total is None else a_.add(total, term)
    return total


def _past(a):
    """Return the matrix that makes the state of a filter of the outputs before, the last one first."""
    m = shape_of(a)[0]
    place = np.arange(1, m)[:, None] + np.arange(m - 1)
    return gather(concatenate(a, np.zeros(m - 1, dtype_of(a)), axis=0), place)


def _row(h, ndim):
    return reshape(h, (1,) * (ndim - 1) + shape_of(h))


def _filter_transpose(ct, operands, out, params, active):
    b, a, x, zi = operands
    n, ndim, a = shape_of(x)[-1], len(shape_of(x)), adjoint_of(a)
    rest = viewed(ct, lambda m: m[..., n:])
    backward = viewed(ct, lambda m: m[..., :n][..., ::-1])
    one = np.zeros(shape_of(a)[0], dtype_of(a))
    one[0] = 1.0
    w = filtering(one, a, backward, a_.negative(matmul(rest, _past(a))))
    w = concatenate(viewed(w, lambda m: m[..., :n][..., ::-1]), rest, axis=ndim - 1)
    along = {"mode": "valid", "axes": tuple(range(-ndim, 0)), "method": "direct"}
    flipped = (slice(None, None, -1),) * ndim

    def products(y):
        g = convolution(w, viewed(adjoint_of(y), lambda m: m[flipped]), **along)
        return reshape(g, shape_of(b))

    return [
        products(x) if active[0] else None,
        a_.negative(products(viewed(out, lambda m: m[..., :n]))) if active[1] else None,
        convolution(w, _row(viewed(adjoint_of(b), lambda m: m[::-1]), ndim), **along) if active[2] else None,
        viewed(w, lambda m: m[..., : shape_of(zi)[-1]]) if active[3] else None,
    ]


def _filter_batch(vals, batched):
    """Filter the lanes of data and states together, if the coefficients are the same for all."""
    if batched[0] or batched[1]:
        return None
    count = next(shape_of(v)[0] for v, on in zip(vals, batched, strict=True) if on)
    x, zi = (
        v if on else viewed(v, lambda m: np.broadcast_to(m, (count, *m.shape)))
        for v, on in zip(vals[2:], batched[2:], strict=True)
    )
    return filtering(vals[0], vals[1], x, zi)


filtering = Op(
    "scipy.signal.filtering",
    _filter,
    nin=4,
    kind="structural",
    jvp=_filter_jvp,
    transpose=_filter_transpose,
    batch=_filter_batch,
    probes=((SHORT, np.array([1.0, -0.3, 0.2]), LINE, np.array([0.2, -0.6])),),
)


# --- changes of the rate ----------------------------------------------------------------------------------
# y_n = sum_k h[n down - k up] x_k along an axis, which is negative.
def _change(x, h, up, down, axis):
    return _scipy.upfirdn(h, x, up, down, axis=axis)


def _change_by_data(ct, h, shape, up, down, axis):
    n, size = shape[axis], h.shape[0]
    before = -(size - 1) % up
    h = np.concatenate([np.zeros(before, h.dtype), h[::-1]])
    y = np.moveaxis(_scipy.upfirdn(h, ct, down, up, axis=axis), axis, -1)
    y = y[..., (size - 1 + before) // up :][..., :n]
    y = np.pad(y, [(0, 0)] * (y.ndim - 1) + [(0, n - y.shape[-1])])
    return np.moveaxis(y, -1, axis)


def _change_by_taps(ct, x, shape, up, down, axis):
    ct, x = np.moveaxis(ct, axis, -1), np.moveaxis(x, axis, -1)
    out = np.zeros(shape, np.result_type(ct, x))
    for j in range(shape[0]):
        k = np.arange(x.shape[-1])
        place = j + k * up
        k = k[(place % down == 0) & (place // down < ct.shape[-1])]
        out[j] = (ct[..., (j + k * up) // down] * x[..., k]).sum()
    return out


rate_changed = bilinear(
    "scipy.signal.rate_changed",
    _change,
    _change_by_data,
    _change_by_taps,
    probes=(
        (LINE, SHORT, {"up": 3, "down": 2, "axis": -1}),
        (IMAGE, SHORT, {"up": 2, "down": 1, "axis": -2}),
        (IMAGE, SHORT[:2], {"up": 1, "down": 3, "axis": -1}),
    ),
)


# --- chirp z-transform ------------------------------------------------------------------------------------
def _chirp_adjoint(ct, x, m, w, a, axis):
    n = shape_of(x)[axis]
    y = chirp_transform(ct, m=n, w=np.conj(w), a=1.0, axis=axis)
    return a_.multiply(y, (np.conj(a) ** -np.arange(float(n))).reshape((-1,) + (1,) * (-axis - 1)))


chirp_transform = linear(
    "scipy.signal.chirp_transform",
    lambda x, m, w, a, axis: _scipy.czt(x, m, w, a, axis=axis),
    {0: _chirp_adjoint},
    batch=lambda vals, batched, **params: chirp_transform(vals[0], **params),
    probes=((IMAGE + 0.5j * IMAGE[::-1], {"m": 4, "w": np.exp(-0.7j), "a": 1.1 + 0.2j, "axis": -2}),),
)
