"""The functions of `scipy.special` that are no ufuncs: sums of exponentials, factorials, Dirichlet's kernel."""

import math

import numpy as np
import scipy.special as sc

from mmad._core import Traced
from mmad.errors import UnsupportedError
from mmad.ops import arithmetic as a
from mmad.ops.transcendental import exp, log, log1p
from mmad.scipy._drop_in import replaces
from mmad.scipy.special._declare import composed, constant, family, function, numeric, select
from mmad.scipy.special._gamma import binom, gamma, gammaln, poch
from mmad.scipy.special._polygamma import polygamma_of_scipy


def _real(name, x):
    x = x if isinstance(x, Traced) else np.asarray(x)
    if x.dtype.kind == "c":
        raise UnsupportedError(f"scipy.special.{name} has a derivative by real arguments only; write it with np.exp")
    return x


def _double(x):
    """Return x in double precision, in which SciPy gives the results of some functions."""
    dtype = getattr(x, "dtype", np.dtype(np.float64))
    return x if dtype == np.result_type(dtype, np.float64) else a.multiply(x, np.float64(1.0))


def _largest(x, axis, keepdims=True):
    """Return the largest elements as constants, zeros where they are not finite."""
    top = a.stop_gradient(np.max(x, axis=axis, keepdims=keepdims))
    return a.select(a.isfinite(top), top, 0.0)


@replaces(sc.logsumexp)
def logsumexp(a, axis=None, b=None, keepdims=False, return_sign=False):
    return _logsumexp(_real("logsumexp", a), axis, b, keepdims, return_sign)


def _logsumexp(x, axis, b, keepdims, return_sign):
    axis = tuple(range(np.ndim(x))) if axis is None else axis
    if b is not None:
        x, b = x + 0.0 * np.zeros(np.shape(b)), _real("logsumexp", b) + np.zeros(np.shape(x))
    top = _largest(x if b is None else np.where(b != 0, x, -np.inf), axis)
    terms = exp(a.subtract(x, top))
    terms = terms if b is None else a.multiply(b, terms)
    with np.errstate(divide="ignore"):
        if b is None:  # the largest apart, so that what is small beside them is not lost
            largest = a.equal(x, top)
            rest = np.sum(np.where(largest, 0.0, terms), axis=axis, keepdims=True)
            count = np.sum(np.where(largest, terms, 0.0), axis=axis, keepdims=True)
            safe = ((1.0, 1.0), (1.0, 1.0))
            none = a.equal(count, 0.0)
            result = select(none, lambda r, _: log(r), lambda r, c: log1p(r / c) + log(c), rest, count, safe=safe)
            sign = np.ones(np.shape(result))
        else:
            total = np.sum(terms, axis=axis, keepdims=True)
            sign = np.sign(total)
            result = log(np.abs(total)) if return_sign else log(total)
    result = result + top
    if not keepdims:
        result, sign = np.squeeze(result, axis=axis), np.squeeze(sign, axis=axis)
    return (result, sign) if return_sign else result


@replaces(sc.softmax)
def softmax(x, axis=None):
    x = _real("softmax", x)
    terms = exp(a.subtract(x, _largest(x, axis)))
    return terms / np.sum(terms, axis=axis, keepdims=True)


@replaces(sc.log_softmax)
def log_softmax(x, axis=None):
    x = _real("log_softmax", x)
    below = a.subtract(x, _largest(x, axis))
    with np.errstate(divide="ignore"):
        return below - log(np.sum(exp(below), axis=axis, keepdims=True))


@replaces(sc.multigammaln)
def multigammaln(a, d):
    x, total = _double(a), d * (d - 1) * 0.25 * math.log(math.pi)
    for j in range(1, int(d) + 1):
        total = total + gammaln(x - (j - 1.0) / 2)
    return total


@replaces(sc.factorial)
def factorial(n):
    n = _double(n)
    return select(a.less(n, 0.0), lambda n: 0.0 * n, lambda n: gamma(n + 1.0), n, safe=((-1.0,), (1.0,)))


def _chosen(n, k, value):
    """Return the value for 0 <= k <= n, and zero elsewhere, as SciPy does."""
    outside = a.logical_or(a.less(n, k), a.logical_or(a.less(n, 0.0), a.less(k, 0.0)))
    return select(outside, lambda n, k: 0.0 * (n + k), value, n, k, safe=((1.0, 0.0), (1.0, 0.0)))


@replaces(sc.comb)
def comb(N, k, repetition=False):
    return _chosen(N + k - 1.0 if repetition else N, k, binom)


@replaces(sc.perm)
def perm(N, k):
    return _chosen(N, k, lambda n, k: poch(n - k + 1.0, k))


@replaces(sc.polygamma)
def polygamma(n, x):
    if isinstance(n, Traced):
        raise UnsupportedError("scipy.special.polygamma has no derivative with respect to its argument 'n'")
    orders = np.unique(np.asarray(n)).tolist()
    if not all(k >= 0 and k == int(k) for k in orders):
        raise ValueError("scipy.special.polygamma: the order n should be a non-negative integer")
    x = _double(x)
    result = polygamma_of_scipy(int(orders[0]), x)
    for k in orders[1:]:
        result = a.select(np.asarray(n) == k, polygamma_of_scipy(int(k), x), result)
    return result + np.zeros(np.shape(n)) if np.ndim(n) else result


@numeric
def _diric(m, x, n):
    """Return the derivative of order m by x of sin(n x / 2) / (n sin(x / 2)), the mean of n terms cos(j x)."""
    m, n = int(m), int(n)
    if m == 0:
        return sc.diric(x, n)
    j = np.arange(n) - (n - 1) / 2  # halves where n is even
    angle = j * np.asarray(x)[..., None] + m * math.pi / 2
    return np.mean(j**m * np.cos(angle), axis=-1)


diric_n = family("_diric_n", _diric, constant, lambda m, x, n, out: diric_n(m + 1, x, n), constant)


@replaces(sc.diric)
def diric(x, n):
    if isinstance(n, Traced):
        raise UnsupportedError("scipy.special.diric has no derivative with respect to its argument 'n'")
    return diric_n(0, _double(x), int(n))


function("logsumexp", logsumexp, (0,), kernel=True)
function("softmax", softmax, (0,), kernel=True)
function("log_softmax", log_softmax, (0,), kernel=True)
function("multigammaln", multigammaln, (0,), ((3.3, 2), (7.0, 2)), kernel=True)
function("factorial", factorial, (0,), ((3.3,), (0.4,)))
function("comb", comb, (0, 1), ((5.3, 2.2), (9.0, 4.0)))
function("perm", perm, (0, 1), ((5.3, 2.2), (9.0, 4.0)), kernel=True)
function("polygamma", polygamma, (1,), ((1, 0.7), (1, 3.0)))
function("diric", diric, (0,), ((0.7, 4), (0.0, 4), (-2.0, 4)))
for _name in ("jvp", "yvp", "ivp", "kvp"):
    composed(_name, (1,), ((1.0, 0.7), (0.5, 2.0)))
composed("sinc", (0,), ((0.7,), (0.0,)))
composed("softplus", (0,), ((0.7,), (-40.0,)))
