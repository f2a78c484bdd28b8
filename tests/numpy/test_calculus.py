"""Differences, quadrature, interpolation, convolution, special functions, parts of complex numbers."""

import mpmath
import numpy as np
import pytest
from derivatives import ASPECTS, Case, complex_, positive, spaced

import mmad

A, V, B = spaced(2, 3, 4), spaced(7), spaced(3, 4)
KNOTS = np.array([-2.2, -1.1, -0.2, 0.6, 1.9])
X = np.array([[-2.5, 0.2, 1.4], [-0.7, -1.6, 2.4]])  # away from the knots, some outside
NAN = np.array([0.0, np.nan, 0.0, np.inf, -np.inf, 0.0, 0.0])

CASES = [
    Case("diff", lambda x: np.diff(x) ** 2, V),
    Case("diff-n-axis", lambda x: np.diff(x, n=2, axis=1) ** 2, A),
    Case("diff-prepend-append", lambda x: np.diff(x, axis=-1, prepend=0.5, append=x[..., :1] ** 2) ** 2, A),
    Case("ediff1d", lambda x, y: np.ediff1d(x, to_end=y, to_begin=[0.5]) ** 2, B, spaced(2, seed=1)),
    Case("gradient", lambda x: np.gradient(x) ** 2, V),
    Case("gradient-all-axes", lambda x: np.gradient(x * x), B),
    Case("gradient-spacing", lambda x: np.gradient(x**2, 0.3, axis=-1, edge_order=2), B),
    Case("gradient-coordinates", lambda x: np.gradient(x**2, [0.0, 0.2, 0.7, 1.6], axis=1), spaced(2, 4, 3)),
    Case("gradient-coordinates-2", lambda x: np.gradient(x**2, [0.0, 0.2, 0.7, 1.6], axis=1, edge_order=2), B),
    Case("gradient-uniform", lambda x: np.gradient(x**2, [0.0, 0.5, 1.0], [0.0, 0.2, 0.7, 1.6]), B),
    Case("gradient-traced-coordinates", lambda f, t: np.gradient(f, np.cumsum(t)), V, positive(7)),
    Case("trapezoid", lambda y: np.trapezoid(y**2, dx=0.3, axis=0), A),
    Case("trapezoid-x", lambda y, x: np.trapezoid(y**2, x, axis=1), A, spaced(3, seed=2)),
    Case("trapezoid-x-2d", lambda y, x: np.trapezoid(y**2, x), B, spaced(3, 4, seed=2)),
    Case("interp", lambda x, f: np.interp(x, KNOTS, f) ** 2, X, spaced(5, seed=2), extended=False, float32=False),
    Case(
        "interp-outside",
        lambda x, f: np.interp(x, KNOTS, f, left=-9.0, right=7.0) ** 2,
        X,
        spaced(5, seed=2),
        extended=False,
        float32=False,
    ),
    Case(
        "interp-period",
        lambda x, f: np.interp(x, KNOTS, f, period=3.7) ** 2,
        X,
        spaced(5, seed=2),
        extended=False,
        float32=False,
        ulps=32,
    ),
    Case(
        "interp-knots",
        lambda x, t, f: np.interp(x, np.cumsum(t), f),
        np.array([-0.5, 5.5, 2.6, 11.4]),
        np.array([1.0, 3.0, 3.1, 2.9, 3.3]),
        spaced(5, seed=2),
        extended=False,
        float32=False,
    ),
    Case("interp-number", lambda x: np.interp(x, KNOTS, KNOTS**2) ** 2, 0.35, extended=False),
    Case("convolve", lambda x, v: np.convolve(x, v), V, spaced(3, seed=2)),
    Case("convolve-same", lambda x, v: np.convolve(x, v, mode="same"), V, spaced(4, seed=2)),
    Case("convolve-same-odd", lambda x, v: np.convolve(x, v, "same"), spaced(3, seed=2), V),
    Case("convolve-valid", lambda x, v: np.convolve(x, v, "valid"), spaced(4, seed=2), V),
    Case("convolve-complex", lambda x, v: np.convolve(x, v), complex_(4), complex_(2, seed=2)),
    Case("correlate", lambda x, v: np.correlate(x, v), V, spaced(3, seed=2)),
    Case("correlate-full", lambda x, v: np.correlate(x, v, "full"), spaced(3, seed=2), V),
    Case("correlate-same", lambda x, v: np.correlate(x, v, "same"), V, spaced(4, seed=2)),
    Case("correlate-same-longer", lambda x, v: np.correlate(x, v, "same"), spaced(4, seed=2), V),
    Case("correlate-complex", lambda x, v: np.correlate(x, v, "full"), complex_(4), complex_(2, seed=2)),
    Case("correlate-complex-longer", lambda x, v: np.correlate(x, v, "valid"), complex_(2), complex_(4, seed=2)),
    Case("sinc", lambda x: np.sinc(x), A * 2),
    Case("i0", lambda x: np.i0(x), A * 2),
    Case("round", lambda x: np.round(x, 1) * x, V),
    Case("round-methods", lambda x: x.round() * x + np.around(x), np.array([0.2, 1.3, -0.7, 5.1])),
    Case("nan_to_num", lambda x: np.nan_to_num(x * 1e-3 + NAN, nan=0.1, posinf=3.0, neginf=-2.0) ** 2, V),
    Case("real-imag", lambda z: z.real * z.imag + np.real(z) ** 2 * np.imag(z), complex_(2, 3)),
    Case("conj", lambda z: z.conj() ** 2 * np.conj(z) + z.conjugate(), complex_(2, 3)),
    Case("absolute-complex", lambda z: np.abs(z) ** 3, complex_(2, 3)),
    Case("angle", lambda z: np.angle(z) ** 2, complex_(2, 3)),
    Case("angle-degrees", lambda z: np.angle(z, deg=True), complex_(2, 3), ulps=16),
    Case("real-of-real", lambda x: np.real(x) * x.real + np.imag(x) + np.angle(x), V),
    Case("float_power", lambda x, y: np.float_power(x, y), positive(2, 3), spaced(3), extended=False),
    Case("ldexp", lambda x: np.ldexp(x, [1, -2, 3]) ** 2, spaced(2, 3)),
    Case("divmod", lambda x, y: np.divmod(x, y), spaced(2, 3), positive(3), float32=False),
]


@pytest.mark.parametrize("aspect", ASPECTS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_derivatives(case, aspect):
    case.check(aspect)


@pytest.mark.parametrize("x", [0.0, 1e-9, 1e-4, 0.01, 0.3, 0.6366, 0.6367, 1.0, 1.4, 7.3, -2.5])
def test_sinc_to_fourth_order(x):
    f = np.sinc
    for order in range(5):
        with mpmath.workdps(60):
            t = mpmath.mpf(x) * mpmath.pi
            # the derivative is the integral over [0, 1] of (pi s)^n cos(pi s x + n pi / 2)
            half = order * mpmath.pi / 2
            want = float(
                mpmath.quad(
                    lambda s, n=order, t=t, q=half: (mpmath.pi * s) ** n * mpmath.cos(t * s + q),
                    mpmath.linspace(0, 1, 9),
                )
            )
        np.testing.assert_allclose(f(x), want, rtol=2e-14, atol=5e-15 * np.pi**order)
        f = mmad.grad(f) if order % 2 else (lambda y, f=f: mmad.jvp(f, (y,), (1.0,))[1])


@pytest.mark.parametrize("x", [0.0, -0.0, 1e-9, -0.01, 0.3, -2.5, 7.999, 8.001, -29.9, 30.1, 63.0, 400.0])
def test_i0_to_fifth_order(x):
    """At zero, at negative x, and on both sides of the places where the formula changes."""
    f = np.i0
    for order in range(6):
        with mpmath.workdps(60):
            # I_n' = (I_(n-1) + I_(n+1)) / 2, applied as often as wanted
            terms = [mpmath.binomial(order, k) * mpmath.besseli(order - 2 * k, x) for k in range(order + 1)]
            want = sum(terms) / 2**order
        np.testing.assert_allclose(f(x), float(want), rtol=2e-14, atol=1e-300)
        f = mmad.grad(f) if order % 2 else (lambda y, f=f: mmad.jvp(f, (y,), (1.0,))[1])


def test_i0_in_loops_and_other_transforms():
    x = np.array([0.0, -1.3, 2.7])
    want = np.array([float(mpmath.besseli(1, t)) for t in x])
    curvature = np.array([float(mpmath.besseli(0, t) + mpmath.besseli(2, t)) / 2 for t in x])
    grad = mmad.grad(lambda x: np.i0(x).sum())

    def loop(x):
        y = np.zeros_like(x)
        for i in range(len(x)):
            y[i] = np.i0(x[i])
        return y.sum()

    compiled = mmad.compile(grad)
    for g in (grad, mmad.grad(loop), mmad.vmap(mmad.grad(np.i0)), compiled, compiled):
        np.testing.assert_allclose(g(x), want, rtol=1e-14)
    assert compiled.stats()["replays"] == 1
    product = mmad.hvp(lambda x: np.i0(x).sum())
    for h in (product, mmad.compile(product), mmad.hvp(loop)):
        np.testing.assert_allclose(h(x, np.ones(3)), curvature, rtol=1e-14)
    with pytest.raises(TypeError, match="complex"):
        mmad.grad(lambda z: np.abs(np.i0(z)))(1j)


def test_interp_at_and_beyond_knots():
    xp, fp = np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 3.0])
    g = mmad.grad(lambda x: np.interp(x, xp, fp).sum())
    np.testing.assert_array_equal(g(np.array([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0])), [0, 2, 2, 0.5, 0.5, 0.5, 0])
    x = np.array([0.1, 0.7, 2.9, 3.0])
    xp, fp = np.array([0.1, 0.7, 2.9, 3.0]), np.array([0.3, 1.7, -2.9, 0.1])
    np.testing.assert_array_equal(mmad.jvp(lambda x: np.interp(x, xp, fp), (x,), (x,))[0], fp)
    assert mmad.grad(lambda x: np.interp(x, [1.0], [2.0]))(1.5) == 0.0


def test_nan_to_num_defaults_and_in_place():
    x = np.array([np.nan, np.inf, -np.inf, 1.5])
    y, dot = mmad.jvp(np.nan_to_num, (x,), (np.ones(4),))
    np.testing.assert_array_equal(y, np.nan_to_num(x))
    np.testing.assert_array_equal(dot, [0, 0, 0, 1])
    np.testing.assert_array_equal(
        mmad.jvp(np.nan_to_num, (x.astype(np.float32),), (np.ones(4, np.float32),))[0],
        np.nan_to_num(x.astype(np.float32)),
    )

    def f(x):
        y = x * 1.0
        assert np.nan_to_num(y, copy=False) is y
        return (y * [1.0, 0.0, 0.0, 2.0]).sum()

    np.testing.assert_array_equal(mmad.grad(f)(x), [0, 0, 0, 2])


def test_errors_are_those_of_numpy():
    for f, error, text in (
        (lambda x: np.convolve(x, []), ValueError, "empty"),
        (lambda x: np.diff(x, n=-1), ValueError, "non-negative"),
        (lambda x: np.gradient(x[:1]), ValueError, "too small"),
        (lambda x: np.interp(x, [0.0, 1.0], [1.0]), ValueError, "same length"),
        (lambda x: np.convolve(x, x, "wide"), ValueError, "mode"),
    ):
        with pytest.raises(error, match=text):
            mmad.grad(lambda x, f=f: f(x).sum())(np.array([1.0, 2.0]))


def test_empty():
    x = np.zeros((0, 3))
    for f in (
        lambda x: np.diff(x, axis=1),
        lambda x: np.diff(x, axis=0),
        np.sinc,
        np.i0,
        lambda x: np.round(x, 1),
        lambda x: np.trapezoid(x),
        lambda x: np.interp(x, [0.0, 1.0], [1.0, 2.0]),
    ):
        assert mmad.grad(lambda x, f=f: f(x).sum())(x).shape == (0, 3)
        y, dot = mmad.jvp(f, (x,), (x,))
        assert np.shape(y) == np.shape(dot) == f(x).shape
