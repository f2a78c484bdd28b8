"""numpy.fft: values, dtypes and errors of NumPy, derivatives by linearity and the adjoint, every mode."""

import numpy as np
import pytest

import mmad

RNG = np.random.default_rng(0)
REAL = RNG.normal(size=(3, 4))
COMPLEX = REAL + 1j * RNG.normal(size=(3, 4))
NAMES = ("fft", "ifft", "rfft", "irfft", "hfft", "ihfft", "fft2", "ifft2", "rfft2", "irfft2")
NAMES += ("fftn", "ifftn", "rfftn", "irfftn")
OF_REAL = ("rfft", "ihfft", "rfft2", "rfftn")
LENGTHS = ({}, {"n": 6}, {"n": 3, "axis": 0}, {"n": 5, "axis": 0, "norm": "forward"}, {"norm": "ortho"})
SHAPES = ({}, {"s": (5, 3), "axes": (1, 0)}, {"s": (2, 6), "axes": (-2, -1), "norm": "forward"}, {"norm": "ortho"})
SHAPES += ({"axes": (0,)},)


def like(x):
    v = RNG.normal(size=x.shape)
    return v + 1j * RNG.normal(size=x.shape) if x.dtype.kind == "c" else v


def cases():
    for name in NAMES:
        for x in (REAL, COMPLEX):
            if x is REAL or name not in OF_REAL:
                for keywords in SHAPES if name[-1] in "2n" else LENGTHS:
                    yield name, x, keywords


@pytest.mark.parametrize("dtype", ["double", "single"])
@pytest.mark.parametrize("name", NAMES)
def test_value_and_derivatives(name, dtype):
    for case, x, keywords in cases():
        if case != name:
            continue
        if dtype == "single":
            x = x.astype(np.complex64 if x.dtype.kind == "c" else np.float32)

        def f(a):
            return getattr(np.fft, name)(a, **keywords)  # noqa: B023

        want, v = f(x), like(x).astype(x.dtype)
        y, pullback = mmad.vjp(f, x)
        assert y.dtype == want.dtype
        np.testing.assert_array_equal(y, want)
        tangent = mmad.jvp(f, (x,), (v,))[1]
        tol = 1e-12 if dtype == "double" else 1e-5
        np.testing.assert_allclose(tangent, f(v), rtol=tol, atol=tol)
        w = like(y).astype(y.dtype)
        (g,) = pullback(w)
        assert g.dtype == x.dtype
        got, want = np.sum(np.conj(g) * v).real, np.sum(np.conj(w) * tangent).real
        np.testing.assert_allclose(got, want, rtol=tol, atol=10 * tol)


@pytest.mark.parametrize("name", NAMES)
def test_power_spectrum(name):
    """Second derivatives, eager and compiled: the Hessian of a sum of squares of linear functions is constant."""

    def f(a):
        return (np.abs(getattr(np.fft, name)(a)) ** 2).sum()

    v = like(REAL)
    h = mmad.hvp(f)(REAL, v)
    np.testing.assert_allclose(h, mmad.grad(f)(v), rtol=1e-11)
    np.testing.assert_allclose(np.vdot(h, v), 2.0 * f(v), rtol=1e-11)
    replay = mmad.compile(mmad.grad(f))
    for x in (REAL, v):
        np.testing.assert_allclose(replay(x), mmad.grad(f)(x), rtol=1e-12)
    lanes = mmad.vmap(lambda a: getattr(np.fft, name)(np.stack([a, 2 * a])))(REAL)
    np.testing.assert_allclose(lanes, [getattr(np.fft, name)(np.stack([a, 2 * a])) for a in REAL], rtol=1e-12)


@pytest.mark.parametrize("axes", [None, 1, (0,), (1, 0)])
def test_shifts(axes):
    weights = like(REAL)
    for shift, back in ((np.fft.fftshift, np.fft.ifftshift), (np.fft.ifftshift, np.fft.fftshift)):
        y = mmad.value_and_grad(lambda a: (shift(a, axes) * weights).sum())(REAL)  # noqa: B023
        np.testing.assert_allclose(y[0], (shift(REAL, axes) * weights).sum())
        np.testing.assert_array_equal(y[1], back(weights, axes))


def test_out():
    def f(a):
        out = np.zeros(5, complex, like=a)
        assert np.fft.fft(a, 5, out=out) is out
        return (out.real * np.arange(5.0)).sum()

    want = mmad.grad(lambda a: (np.fft.fft(a, 5).real * np.arange(5.0)).sum())(REAL[0])
    np.testing.assert_array_equal(mmad.grad(f)(REAL[0]), want)


@pytest.mark.parametrize(
    "call",
    [
        lambda a: np.fft.fft(a, 0),
        lambda a: np.fft.fft(a, axis=5),
        lambda a: np.fft.fft(a, norm="other"),
        lambda a: np.fft.irfft(a[:, :1]),
        lambda a: np.fft.fftn(a, s=(2,), axes=(0, 1)),
        lambda a: np.fft.rfft(a * 1j),
    ],
)
def test_errors_are_those_of_numpy(call):
    with pytest.raises((ValueError, TypeError, IndexError)) as plain:
        call(REAL)
    with pytest.raises(plain.type):
        mmad.grad(lambda a: np.abs(call(a)).sum())(REAL)
