"""Calls of the tables in single precision: dtypes, shapes and values are SciPy's, derivatives those in double."""

import math
import warnings

import numpy as np
import pytest
import scipy
from scipy_forms import FORMS, REFUSED, inner

import mmad
import mmad.scipy
from mmad.derivatives.references import mixed_difference

#: Searches that go on for seconds where single precision stands for the double precision that they ask for.
SLOW = ("integrate.quad", "integrate.quad_vec", "integrate.dblquad")
#: Functions whose results have another precision than SciPy's.
OTHER = {
    "signal.chirp", "signal.decimate", "signal.deconvolve", "signal.filtfilt", "signal.freqs_zpk", "signal.freqz",
    "signal.freqz_zpk", "signal.lfilter_zi", "signal.sawtooth", "signal.tf2ss", "signal.wiener", "signal.zoom_fft",
}  # fmt: skip


#: Functions that have taken single precision since SciPy 1.18, or no longer do: ours are as they were before.
CHANGED = {
    "spatial.distance.euclidean", "spatial.distance.minkowski", "integrate.simpson", "integrate.fixed_quad",
    "stats.moment", "stats.linregress", "stats.spearmanr", "signal.square",
}  # fmt: skip
if tuple(map(int, scipy.__version__.split(".")[:2])) >= (1, 18):
    OTHER |= CHANGED


def is_tried(form):
    return form.way != REFUSED and not form.slow and form.name not in {*SLOW, *OTHER}


TAKEN = list(filter(is_tried, FORMS))


def single(point):
    return np.asarray(point, np.float32) if np.ndim(point) else np.float32(point)


def leaves(result):
    return list(result) if isinstance(result, tuple | list) else [result]


@pytest.mark.parametrize("form", TAKEN, ids=[f"{k}-{f.name}" for k, f in enumerate(TAKEN)])
def test_single_precision(form):
    points = tuple(map(single, form.points))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            plain = leaves(form.call(scipy, *points))
        except Exception as error:
            pytest.skip(f"SciPy takes no single precision here: {error}")
        traced = leaves(mmad.vjp(lambda *p: form.call(form.space, *p), *points)[0])
        gradient = mmad.grad(form.loss(lambda *p: form.call(form.space, *p)), tuple(range(len(points))))(*points)
    assert [(np.asarray(y).dtype, np.shape(y)) for y in traced] == [(np.asarray(y).dtype, np.shape(y)) for y in plain]
    for got, want in zip(traced, plain, strict=True):
        np.testing.assert_allclose(got, want, rtol=2e-4, atol=2e-4 * np.max(np.abs(want), initial=1.0))
    assert [np.asarray(g).dtype for g in gradient] == [p.dtype for p in points]
    v = form.direction(1)
    size = math.sqrt(inner(gradient, gradient) * inner(v, v))
    assert abs(inner(gradient, v) - form.slope(v)) <= 1e-2 * max(size, 1e-3)


KNOTS, VALUES = np.arange(5.0), np.array([0.3, 1.2, 0.9, -0.4, -1.6]) * (1 + 0.5j)
POINTS = np.array([0.3, 1.7, 3.2])
START = np.array([1.0 + 0.5j, 0.2 - 0.3j])

#: Functions linear in complex values; the last two in the initial value.
COMPLEX = {
    **{
        name: (lambda sp, z, name=name: getattr(sp.interpolate, name)(KNOTS, z)(POINTS), VALUES)
        for name in ("CubicSpline", "interp1d", "make_interp_spline")
    },
    "CubicHermiteSpline": (lambda sp, z: sp.interpolate.CubicHermiteSpline(KNOTS, z, 2 * z)(POINTS), VALUES),
    "RegularGridInterpolator": (lambda sp, z: sp.interpolate.RegularGridInterpolator((KNOTS,), z)(POINTS), VALUES),
    "BSpline": (lambda sp, z: sp.interpolate.BSpline(np.arange(9.0) - 2.5, z, 3)(POINTS), VALUES),
    "trapezoid": (lambda sp, z: sp.integrate.trapezoid(z, KNOTS), VALUES),
    "cumulative_trapezoid": (lambda sp, z: sp.integrate.cumulative_trapezoid(z, KNOTS, initial=0), VALUES),
    "simpson": (lambda sp, z: sp.integrate.simpson(z, x=KNOTS), VALUES),
    "romb": (lambda sp, z: sp.integrate.romb(z, 0.3), VALUES),
    "csr_array": (lambda sp, z: sp.sparse.csr_array(np.diag([1.0, 2.0, 3j, 1.0, 1.0])) @ z, VALUES),
    "spsolve": (lambda sp, z: sp.sparse.linalg.spsolve(scipy.sparse.csc_array(np.diag([1, 2, 3j, 1, 1])), z), VALUES),
    "solve_ivp": (
        lambda sp, z: sp.integrate.solve_ivp(lambda t, y: 1j * y, (0.0, 1.0), z, rtol=1e-9, atol=1e-9).y[:, -1],
        START,
    ),
}


@pytest.mark.parametrize("name", COMPLEX)
def test_complex_values(name):
    call, z = COMPLEX[name]
    dots = (z * (0.3 - 1j), np.conj(z), z * z)
    y, pullback = mmad.vjp(lambda z: call(mmad.scipy, z), z)
    plain = call(scipy, z)
    assert np.asarray(y).dtype == np.asarray(plain).dtype
    np.testing.assert_allclose(y, plain, rtol=1e-11)
    weights = np.exp(1j * np.arange(np.size(y))).reshape(np.shape(y))
    for dot in dots:
        want = call(scipy, z + dot) - plain  # of a function that is linear
        np.testing.assert_allclose(mmad.jvp(lambda z: call(mmad.scipy, z), (z,), (dot,))[1], want, rtol=1e-6, atol=1e-7)
        got = np.vdot(pullback(weights)[0], dot).real
        np.testing.assert_allclose(got, np.vdot(weights, want).real, rtol=1e-6, atol=1e-7)


def rotated(sp, z):
    """A solution that depends on the conjugate of the initial value, and on a complex parameter."""
    f = sp.integrate.solve_ivp
    return f(lambda t, y: 1j * np.conj(y) * z[1], (0.0, 1.0), z, rtol=1e-10, atol=1e-10).y[:, -1]


def turned(sp, p):
    return sp.integrate.solve_ivp(lambda t, y: 1j * p * y, (0.0, 1.0), START, rtol=1e-10, atol=1e-10).y[:, -1]


def transform(sp, p):
    """An integral of a complex function, whose upper limit depends on p."""
    return sp.integrate.quad_vec(lambda t: np.exp(1j * p * t) * START, 0.0, p)[0]


@pytest.mark.parametrize(("f", "x", "dot"), [(rotated, START, START**2), (turned, 1.3, 1.0), (transform, 1.3, 1.0)])
def test_complex_results_that_are_not_linear(f, x, dot):
    def plain(h):
        return f(scipy, x + h * dot)

    want = mixed_difference(plain, (0.0,), [(1.0,)], 1e-3)
    y, pullback = mmad.vjp(lambda x: f(mmad.scipy, x), x)
    np.testing.assert_allclose(y, plain(0.0), rtol=1e-9)
    np.testing.assert_allclose(mmad.jvp(lambda x: f(mmad.scipy, x), (x,), (dot,))[1], want, rtol=1e-7)
    weights = np.array([1.0, 1j])
    np.testing.assert_allclose(np.vdot(pullback(weights)[0], dot).real, np.vdot(weights, want).real, rtol=1e-7)
